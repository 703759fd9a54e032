//! A query, a registration or a result: `WSAQUERYSET` and `WSAQUERYSET2`.

use windlass_abi::{AFPROTOCOLS, BLOB, GUID, WSAVERSION};

use super::form::Form;
use super::image::{ALIGNMENT, Image};
use super::service_address::ServiceAddress;
use crate::Result;

/// A query set, owned. What is absent is null for C (PACK-3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QuerySet {
    /// `lpszServiceInstanceName`.
    pub name: Option<String>,
    /// `lpServiceClassId`; version 2 sets have none (QS2-1).
    pub class: Option<GUID>,
    /// `lpVersion`.
    pub version: Option<WSAVERSION>,
    /// `lpszComment`.
    pub comment: Option<String>,
    /// `dwNameSpace`: one of the `NS_` numbers.
    pub name_space: u32,
    /// `lpNSProviderId`: the provider that is asked, or that answered.
    pub provider: Option<GUID>,
    /// `lpszContext`: where in the name space to start (QS-4).
    pub context: Option<String>,
    /// `lpafpProtocols`: the families and protocols that a query is limited to; empty is all.
    pub protocols: Vec<AFPROTOCOLS>,
    /// `lpszQueryString`.
    pub query_string: Option<String>,
    /// `lpcsaBuffer`.
    pub addresses: Vec<ServiceAddress>,
    /// `dwOutputFlags`: `RESULT_IS_*`.
    pub output_flags: u32,
    /// `lpBlob`: the provider's own data.
    pub blob: Option<Vec<u8>>,
}

impl QuerySet {
    /// A query for a service of a class.
    pub fn query(name: Option<&str>, class: GUID) -> Self {
        Self { name: name.map(Into::into), class: Some(class), ..Self::default() }
    }

    /// The set as it is laid out for C, its `dwSize` that of the structure (NEXT-10). `WSA_NOT_ENOUGH_MEMORY` if it is
    /// too large for lengths of 32 bits (PACK-8).
    pub fn image(&self, form: Form) -> Result<Image> {
        let mut image = Image::of(form.size());
        let text = |image: &mut Image, text: &Option<String>| text.as_deref().map(|text| image.text(text, form.text));
        let guid = |image: &mut Image, guid: Option<GUID>| {
            guid.map(|guid| image.append(&guid_bytes(guid), align_of::<GUID>()))
        };
        let name = text(&mut image, &self.name);
        let class = guid(&mut image, self.class.filter(|_| form.has_class));
        let version = self.version.map(|version| {
            let at = image.allocate(size_of::<WSAVERSION>(), align_of::<WSAVERSION>());
            image.members(at).u32(version.dwVersion).i32(version.ecHow);
            at
        });
        let comment = text(&mut image, &self.comment);
        let provider = guid(&mut image, self.provider);
        let context = text(&mut image, &self.context);
        let protocols = match self.protocols.len() {
            0 => None,
            count => Some(image.allocate(count * size_of::<AFPROTOCOLS>(), align_of::<AFPROTOCOLS>())),
        };
        for (at, protocol) in self.protocols.iter().enumerate() {
            let at = protocols.unwrap_or(0) + at * size_of::<AFPROTOCOLS>();
            image.members(at).i32(protocol.iAddressFamily).i32(protocol.iProtocol);
        }
        let query_string = text(&mut image, &self.query_string);
        let addresses = ServiceAddress::write_all(&self.addresses, &mut image)?;
        let blob = match &self.blob {
            Some(data) => {
                let at = image.allocate(size_of::<BLOB>(), ALIGNMENT);
                let bytes = (!data.is_empty()).then(|| image.append(data, ALIGNMENT));
                image.members(at).count(data.len())?.pointer(bytes);
                Some(at)
            }
            None => None,
        };

        let mut members = image.members(0);
        members.count(form.size())?.pointer(name);
        if form.has_class {
            members.pointer(class);
        }
        members.pointer(version).pointer(comment).u32(self.name_space).pointer(provider).pointer(context);
        members.count(self.protocols.len())?.pointer(protocols).pointer(query_string);
        members.count(self.addresses.len())?.pointer(addresses).u32(self.output_flags).pointer(blob);
        image.len()?;
        Ok(image)
    }
}

/// The bytes of a GUID as C has them.
pub(crate) fn guid_bytes(guid: GUID) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&guid.data1.to_ne_bytes());
    bytes[4..6].copy_from_slice(&guid.data2.to_ne_bytes());
    bytes[6..8].copy_from_slice(&guid.data3.to_ne_bytes());
    bytes[8..].copy_from_slice(&guid.data4);
    bytes
}
