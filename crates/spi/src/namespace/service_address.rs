//! Where a service is: `CSADDR_INFO`.

use windlass_abi::CSADDR_INFO;

use super::image::{ALIGNMENT, Image};
use crate::Result;
use crate::address::Address;

/// How a service is reached: a server binds to the local address, a client connects to the remote one (QS-3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceAddress {
    /// The address to bind to, if any.
    pub local: Option<Address>,
    /// The address to connect to, if any.
    pub remote: Option<Address>,
    /// `SOCK_STREAM` and its like.
    pub socket_type: i32,
    /// `IPPROTO_TCP` and its like; `IPROTOCOL_ANY` in a registration lets the provider choose (QS-2).
    pub protocol: i32,
}

impl ServiceAddress {
    /// One for clients: the address to connect to.
    pub fn remote(address: impl Into<Address>, socket_type: i32, protocol: i32) -> Self {
        Self { local: None, remote: Some(address.into()), socket_type, protocol }
    }

    /// The family that the address is of, zero if there is none.
    pub fn family(&self) -> i32 {
        self.remote.as_ref().or(self.local.as_ref()).map_or(0, Address::family)
    }

    /// An array of them: its offset, if there are any.
    pub(crate) fn write_all(addresses: &[Self], image: &mut Image) -> Result<Option<usize>> {
        if addresses.is_empty() {
            return Ok(None);
        }
        let array = image.allocate(size_of::<CSADDR_INFO>() * addresses.len(), ALIGNMENT);
        for (at, address) in addresses.iter().enumerate() {
            let bytes = |address: &Option<Address>| address.as_ref().map(Address::as_bytes).map(<[u8]>::to_vec);
            let (local, remote) = (bytes(&address.local), bytes(&address.remote));
            let local_at = local.as_deref().map(|bytes| image.append(bytes, ALIGNMENT));
            let remote_at = remote.as_deref().map(|bytes| image.append(bytes, ALIGNMENT));
            let mut members = image.members(array + at * size_of::<CSADDR_INFO>());
            members.pointer(local_at).count(local.map_or(0, |bytes| bytes.len()))?;
            members.pointer(remote_at).count(remote.map_or(0, |bytes| bytes.len()))?;
            members.padded().i32(address.socket_type).i32(address.protocol);
        }
        Ok(Some(array))
    }
}
