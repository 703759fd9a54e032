//! Query sets, read.

use windlass_abi::{BLOB, CSADDR_INFO, SOCKET_ADDRESS, WSAQUERYSET2W, WSAQUERYSETW, WsaError};

use super::memory::Memory;
use crate::address::Address;
use crate::namespace::{Form, QuerySet, ServiceAddress};
use crate::transport::Result;

/// What a query set is for, which decides the members that mean nothing and are not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Comment, addresses and output flags are ignored (section 1.1 of the contract).
    Query,
    /// Output flags, protocols and query string are ignored (SET-7).
    Registration,
    /// Protocols are undefined.
    Result,
}

/// The most elements that an array is believed to have.
const MOST: usize = 1 << 16;

impl QuerySet {
    /// A deep copy of a version 1 set.
    ///
    /// `WSAEFAULT`: a pointer that must not be is null, or one is not aligned. `WSAEINVAL`: `dwSize` is below that of the
    /// structure (FAN-11), or a text is malformed.
    ///
    /// # Safety
    /// If they are not null, the set and everything that it points to can be read.
    pub unsafe fn from_raw(set: *const WSAQUERYSETW, purpose: Purpose) -> Result<Self> {
        // SAFETY: as the caller vouches.
        unsafe { Self::from_form(set.cast(), Form::QUERY_SET_W, purpose) }
    }

    /// A deep copy of a version 2 set; it has no class. Errors as [`from_raw`](Self::from_raw).
    ///
    /// # Safety
    /// As [`from_raw`](Self::from_raw).
    pub unsafe fn from_raw_2(set: *const WSAQUERYSET2W, purpose: Purpose) -> Result<Self> {
        // SAFETY: as the caller vouches.
        unsafe { Self::from_form(set.cast(), Form::QUERY_SET_2W, purpose) }
    }

    /// A deep copy of a set of any form. Errors as [`from_raw`](Self::from_raw).
    ///
    /// # Safety
    /// As [`from_raw`](Self::from_raw).
    pub unsafe fn from_form(set: *const u8, form: Form, purpose: Purpose) -> Result<Self> {
        // SAFETY: as the caller vouches.
        read(&unsafe { Memory::anywhere() }, set, form, purpose)
    }

    /// A deep copy of a result that somebody packed into one buffer, none of whose pointers is believed: one that leaves
    /// the buffer is `WSAEFAULT` (PACK-1). Other errors as [`from_raw`](Self::from_raw).
    ///
    /// # Safety
    /// The buffer can be read for that many bytes, and nobody writes it meanwhile.
    pub unsafe fn from_buffer(buffer: *const u8, length: usize, form: Form) -> Result<Self> {
        // SAFETY: as the caller vouches.
        read(&unsafe { Memory::within(buffer, length) }, buffer, form, Purpose::Result)
    }
}

fn read(memory: &Memory<'_>, set: *const u8, form: Form, purpose: Purpose) -> Result<QuerySet> {
    if set.is_null() {
        return Err(WsaError::WSAEFAULT);
    }
    if set.cast::<usize>().is_aligned() && (memory.read::<u32>(set)? as usize) < form.size() {
        return Err(WsaError::WSAEINVAL);
    }
    let mut members = memory.members(set, form.size())?;
    members.count()?;
    let mut read = QuerySet { name: memory.text(members.pointer()?, form.text)?, ..QuerySet::default() };
    if form.has_class {
        read.class = memory.read_if(members.pointer()?)?;
    }
    read.version = memory.read_if(members.pointer()?)?;
    let comment = members.pointer()?;
    if purpose != Purpose::Query {
        read.comment = memory.text(comment, form.text)?;
    }
    read.name_space = members.next()?;
    read.provider = memory.read_if(members.pointer()?)?;
    read.context = memory.text(members.pointer()?, form.text)?;
    let (count, protocols) = (members.count()?, members.pointer()?);
    let query_string = members.pointer()?;
    if purpose == Purpose::Query {
        read.protocols = memory.array(protocols, believable(count)?)?;
    }
    if purpose != Purpose::Registration {
        read.query_string = memory.text(query_string, form.text)?;
    }
    let (count, addresses) = (members.count()?, members.pointer()?);
    if purpose != Purpose::Query {
        let at = |index: usize| addresses.wrapping_add(index * size_of::<CSADDR_INFO>());
        read.addresses = (0..believable(count)?).map(|index| address(memory, at(index))).collect::<Result<_>>()?;
    }
    let output_flags = members.next()?;
    if purpose == Purpose::Result {
        read.output_flags = output_flags;
    }
    let blob = members.pointer()?;
    if !blob.is_null() {
        let mut members = memory.members(blob, size_of::<BLOB>())?;
        let (length, data) = (members.count()?, members.pointer()?);
        read.blob = Some(memory.array(data, length)?);
    }
    Ok(read)
}

fn believable(count: usize) -> Result<usize> {
    if count > MOST { Err(WsaError::WSAEINVAL) } else { Ok(count) }
}

fn address(memory: &Memory<'_>, at: *const u8) -> Result<ServiceAddress> {
    let half = |offset: usize| {
        let mut members = memory.members(at.wrapping_add(offset), size_of::<SOCKET_ADDRESS>())?;
        let (bytes, length) = (members.pointer()?, members.next::<i32>()?);
        match usize::try_from(length).map_err(|_| WsaError::WSAEFAULT)? {
            0 => Ok(None),
            length if length > Address::MAX => Err(WsaError::WSAEFAULT),
            length => Address::from_bytes(&memory.array::<u8>(bytes, length)?).map(Some),
        }
    };
    if at.is_null() {
        return Err(WsaError::WSAEFAULT);
    }
    let (local, remote) = (half(0)?, half(size_of::<SOCKET_ADDRESS>())?);
    let mut rest = memory.members(at.wrapping_add(2 * size_of::<SOCKET_ADDRESS>()), 2 * size_of::<i32>())?;
    Ok(ServiceAddress { local, remote, socket_type: rest.next()?, protocol: rest.next()? })
}
