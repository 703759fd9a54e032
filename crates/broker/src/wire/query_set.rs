//! Query sets: every member, deep, in the order of the structure (NSP2-CALL-10, PACK-7). Version 2 sets have no class.

use windlass_abi::{AFPROTOCOLS, WSAVERSION};
use windlass_spi::address::Address;
use windlass_spi::namespace::{QuerySet, ServiceAddress};

use super::bytes::{Malformed, Reader, Writer};

/// Writes one down, without its class.
pub fn write(set: &QuerySet, to: &mut Writer) {
    text(to, &set.name);
    to.option(set.version, |to, version| {
        to.u32(version.dwVersion).i32(version.ecHow);
    });
    text(to, &set.comment);
    to.u32(set.name_space);
    to.option(set.provider, |to, id| {
        to.guid(id);
    });
    text(to, &set.context);
    to.count(set.protocols.len());
    for protocol in &set.protocols {
        to.i32(protocol.iAddressFamily).i32(protocol.iProtocol);
    }
    text(to, &set.query_string);
    to.count(set.addresses.len());
    for ServiceAddress { local, remote, socket_type, protocol } in &set.addresses {
        for address in [local, remote] {
            to.option(address.as_ref(), |to, address| {
                to.bytes(address.as_bytes());
            });
        }
        to.i32(*socket_type).i32(*protocol);
    }
    to.u32(set.output_flags);
    to.option(set.blob.as_deref(), |to, blob| {
        to.bytes(blob);
    });
}

/// Reads one back.
pub fn read(from: &mut Reader<'_>) -> Result<QuerySet, Malformed> {
    Ok(QuerySet {
        name: from.option(string)?,
        class: None,
        version: from.option(|from| Ok(WSAVERSION { dwVersion: from.u32()?, ecHow: from.i32()? }))?,
        comment: from.option(string)?,
        name_space: from.u32()?,
        provider: from.option(Reader::guid)?,
        context: from.option(string)?,
        protocols: from.list(|from| Ok(AFPROTOCOLS { iAddressFamily: from.i32()?, iProtocol: from.i32()? }))?,
        query_string: from.option(string)?,
        addresses: from.list(|from| {
            Ok(ServiceAddress {
                local: from.option(address)?,
                remote: from.option(address)?,
                socket_type: from.i32()?,
                protocol: from.i32()?,
            })
        })?,
        output_flags: from.u32()?,
        blob: from.option(|from| Ok(from.bytes()?.to_vec()))?,
    })
}

fn text(to: &mut Writer, text: &Option<String>) {
    to.option(text.as_deref(), |to, text| {
        to.bytes(text.as_bytes());
    });
}

/// UTF-8 without NUL, which would end it early in a client.
fn string(from: &mut Reader<'_>) -> Result<String, Malformed> {
    let text = std::str::from_utf8(from.bytes()?).map_err(|_| Malformed)?;
    if text.contains('\0') { Err(Malformed) } else { Ok(text.to_owned()) }
}

fn address(from: &mut Reader<'_>) -> Result<Address, Malformed> {
    Address::from_bytes(from.bytes()?).map_err(|_| Malformed)
}
