//! Service classes: `WSASERVICECLASSINFO`.

use windlass_abi::{GUID, WSANSCLASSINFOW, WSASERVICECLASSINFOW};

use super::form::Text;
use super::image::{ALIGNMENT, Image};
use super::query_set::guid_bytes;
use crate::Result;

/// A class of services and its properties in each name space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceClass {
    /// `lpServiceClassId`.
    pub id: GUID,
    /// `lpszServiceClassName`.
    pub name: Option<String>,
    /// `lpClassInfos`.
    pub properties: Vec<ClassInfo>,
}

/// One property of a class in one name space.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClassInfo {
    /// What the property is: `SERVICE_TYPE_VALUE_TCPPORT` and its like.
    pub name: Option<String>,
    /// The name space that it is for.
    pub name_space: u32,
    /// A registry type: `REG_DWORD` and its like.
    pub value_type: u32,
    /// The value.
    pub value: Option<Vec<u8>>,
}

impl ServiceClass {
    /// A class without properties.
    pub fn new(id: GUID, name: impl Into<String>) -> Self {
        Self { id, name: Some(name.into()), properties: Vec::new() }
    }

    /// The class as it is laid out for C. `WSA_NOT_ENOUGH_MEMORY` if it is too large for lengths of 32 bits.
    pub fn image(&self, text: Text) -> Result<Image> {
        let mut image = Image::of(size_of::<WSASERVICECLASSINFOW>());
        let id = image.append(&guid_bytes(self.id), align_of::<GUID>());
        let properties = match self.properties.len() {
            0 => None,
            count => Some(image.allocate(count * size_of::<WSANSCLASSINFOW>(), ALIGNMENT)),
        };
        for (property, at) in
            self.properties.iter().zip((properties.unwrap_or(0)..).step_by(size_of::<WSANSCLASSINFOW>()))
        {
            let name = property.name.as_deref().map(|name| image.text(name, text));
            let value = property.value.as_deref().map(|value| image.append(value, ALIGNMENT));
            let mut members = image.members(at);
            members.pointer(name).u32(property.name_space).u32(property.value_type);
            members.count(property.value.as_ref().map_or(0, Vec::len))?.pointer(value);
        }
        let name = self.name.as_deref().map(|name| image.text(name, text));
        image.members(0).pointer(Some(id)).pointer(name).count(self.properties.len())?.pointer(properties);
        image.len()?;
        Ok(image)
    }
}
