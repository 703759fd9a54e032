//! Service classes, read.

use windlass_abi::{GUID, WSANSCLASSINFOW, WSASERVICECLASSINFOW, WsaError};

use super::memory::Memory;
use crate::namespace::{ClassInfo, ServiceClass, Text};
use crate::transport::Result;

/// The most properties that a class is believed to have.
const MOST: usize = 1 << 12;

impl ServiceClass {
    /// A deep copy of a class. `WSAEINVAL`: it or its id is null (CLS-3), or a text is malformed. `WSAEFAULT`: another
    /// pointer is null that must not be, or is not aligned.
    ///
    /// # Safety
    /// If they are not null, the structure and everything that it points to can be read. With `Text::Ansi` it is a
    /// `WSASERVICECLASSINFOA`.
    pub unsafe fn from_raw(class: *const WSASERVICECLASSINFOW, text: Text) -> Result<Self> {
        // SAFETY: as the caller vouches.
        read(&unsafe { Memory::anywhere() }, class.cast(), text)
    }

    /// A deep copy of a class that somebody packed into one buffer: a pointer that leaves it is `WSAEFAULT` (PACK-1).
    ///
    /// # Safety
    /// The buffer can be read for that many bytes, and nobody writes it meanwhile.
    pub unsafe fn from_buffer(buffer: *const u8, length: usize, text: Text) -> Result<Self> {
        // SAFETY: as the caller vouches.
        read(&unsafe { Memory::within(buffer, length) }, buffer, text)
    }

    /// The id alone, which is all that a class says when its schema is asked for (CLS-6). `WSAEINVAL`: it, or the class, is null.
    ///
    /// # Safety
    /// If they are not null, the structure and its id can be read.
    pub unsafe fn id_from_raw(class: *const WSASERVICECLASSINFOW) -> Result<GUID> {
        // SAFETY: as the caller vouches.
        let memory = unsafe { Memory::anywhere() };
        if class.is_null() {
            return Err(WsaError::WSAEINVAL);
        }
        let id = memory.members(class.cast(), size_of::<usize>())?.pointer()?;
        memory.read_if(id)?.ok_or(WsaError::WSAEINVAL)
    }
}

fn read(memory: &Memory<'_>, class: *const u8, text: Text) -> Result<ServiceClass> {
    if class.is_null() {
        return Err(WsaError::WSAEINVAL);
    }
    let mut members = memory.members(class, size_of::<WSASERVICECLASSINFOW>())?;
    let id = memory.read_if(members.pointer()?)?.ok_or(WsaError::WSAEINVAL)?;
    let name = memory.text(members.pointer()?, text)?;
    let (count, properties) = (members.count()?, members.pointer()?);
    if count > MOST {
        return Err(WsaError::WSAEINVAL);
    }
    let property = |index: usize| {
        let mut members = memory
            .members(properties.wrapping_add(index * size_of::<WSANSCLASSINFOW>()), size_of::<WSANSCLASSINFOW>())?;
        let name = memory.text(members.pointer()?, text)?;
        let (name_space, value_type, size) = (members.next()?, members.next()?, members.count()?);
        let at = members.pointer()?;
        let value = if at.is_null() && size == 0 { None } else { Some(memory.array(at, size)?) };
        Ok(ClassInfo { name, name_space, value_type, value })
    };
    if count > 0 && properties.is_null() {
        return Err(WsaError::WSAEFAULT);
    }
    let properties = (0..count).map(property).collect::<Result<_>>()?;
    Ok(ServiceClass { id, name, properties })
}
