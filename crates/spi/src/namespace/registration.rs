//! The truth table of `WSASetService` (SET-2, SET-3), pure.

use windlass_abi::{RNRSERVICE_DELETE, RNRSERVICE_DEREGISTER, RNRSERVICE_REGISTER, SERVICE_MULTIPLE, WsaError};

use super::ServiceAddress;
use crate::Result;

/// What `essOperation` and `dwControlFlags` ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetOperation {
    /// What is done.
    pub verb: Verb,
    /// `SERVICE_MULTIPLE`: to the given addresses of several.
    pub multiple: bool,
}

/// `RNRSERVICE_*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Make it known.
    Register,
    /// Take its addresses back, but keep the object.
    Deregister,
    /// Remove the object.
    Delete,
}

/// A service object as a name space keeps it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Registered {
    /// Where it is.
    pub addresses: Vec<ServiceAddress>,
    /// Whether it is REGISTERED; DEREGISTERED otherwise.
    pub active: bool,
}

impl SetOperation {
    /// Reads the two arguments. `WSAEINVAL`: no such operation (SET-10).
    pub fn from_raw(operation: i32, flags: u32) -> Result<Self> {
        let verb = match operation {
            RNRSERVICE_REGISTER => Verb::Register,
            RNRSERVICE_DEREGISTER => Verb::Deregister,
            RNRSERVICE_DELETE => Verb::Delete,
            _ => return Err(WsaError::WSAEINVAL),
        };
        Ok(Self { verb, multiple: flags & SERVICE_MULTIPLE != 0 })
    }

    /// The two arguments.
    pub fn to_raw(self) -> (i32, u32) {
        let operation = match self.verb {
            Verb::Register => RNRSERVICE_REGISTER,
            Verb::Deregister => RNRSERVICE_DEREGISTER,
            Verb::Delete => RNRSERVICE_DELETE,
        };
        (operation, if self.multiple { SERVICE_MULTIPLE } else { 0 })
    }

    /// What becomes of a service: the object afterwards, or none if it is gone (SET-2).
    ///
    /// `WSASERVICE_NOT_FOUND`: there is no such service, or none of the given addresses is one of its (SET-3).
    pub fn apply(self, existing: Option<Registered>, given: &[ServiceAddress]) -> Result<Option<Registered>> {
        let Some(mut object) = existing else {
            return match self.verb {
                Verb::Register => Ok(Some(Registered { addresses: given.to_vec(), active: true })),
                Verb::Deregister | Verb::Delete => Err(WsaError::WSASERVICE_NOT_FOUND),
            };
        };
        match (self.verb, self.multiple) {
            (Verb::Register, false) => object = Registered { addresses: given.to_vec(), active: true },
            (Verb::Register, true) => {
                for address in given {
                    if !object.addresses.contains(address) {
                        object.addresses.push(address.clone());
                    }
                }
                object.active = true;
            }
            (Verb::Deregister, false) => object = Registered::default(),
            (Verb::Delete, false) => return Ok(None),
            (Verb::Deregister | Verb::Delete, true) => {
                let before = object.addresses.len();
                object.addresses.retain(|address| !given.contains(address));
                if object.addresses.len() == before {
                    return Err(WsaError::WSASERVICE_NOT_FOUND);
                }
                if object.addresses.is_empty() {
                    object.active = false;
                    if self.verb == Verb::Delete {
                        return Ok(None);
                    }
                }
            }
        }
        Ok(Some(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::SocketAddr;

    fn at(port: u16) -> ServiceAddress {
        ServiceAddress::remote(SocketAddr::from(([192, 0, 2, 7], port)), 1, 6)
    }

    fn set(operation: i32, flags: u32, existing: &[u16], given: &[u16]) -> Result<Option<(Vec<ServiceAddress>, bool)>> {
        let addresses = |ports: &[u16]| ports.iter().copied().map(at).collect::<Vec<_>>();
        let existing = (!existing.is_empty()).then(|| Registered { addresses: addresses(existing), active: true });
        let after = SetOperation::from_raw(operation, flags)?.apply(existing, &addresses(given))?;
        Ok(after.map(|object| (object.addresses, object.active)))
    }

    #[test]
    fn set_2_the_truth_table() {
        let now = |ports: &[u16], active| Ok(Some((ports.iter().copied().map(at).collect(), active)));
        let missing = Err(WsaError::WSASERVICE_NOT_FOUND);
        assert_eq!(set(0, 0, &[1, 2], &[3]), now(&[3], true));
        assert_eq!(set(0, 0, &[], &[3]), now(&[3], true));
        assert_eq!(set(0, 1, &[1, 2], &[3]), now(&[1, 2, 3], true));
        assert_eq!(set(0, 1, &[1, 2], &[2]), now(&[1, 2], true));
        assert_eq!(set(0, 1, &[], &[3]), now(&[3], true));
        assert_eq!(set(1, 0, &[1, 2], &[]), now(&[], false));
        assert_eq!(set(1, 0, &[], &[1]), missing);
        assert_eq!(set(1, 1, &[1, 2], &[2]), now(&[1], true));
        assert_eq!(set(1, 1, &[1], &[1]), now(&[], false));
        assert_eq!(set(1, 1, &[], &[1]), missing);
        assert_eq!(set(2, 0, &[1, 2], &[]), Ok(None));
        assert_eq!(set(2, 0, &[], &[1]), missing);
        assert_eq!(set(2, 1, &[1, 2], &[1]), now(&[2], true));
        assert_eq!(set(2, 1, &[1], &[1]), Ok(None));
        assert_eq!(set(2, 1, &[], &[1]), missing);
    }

    #[test]
    fn set_3_addresses_match_exactly_or_not_at_all() {
        assert_eq!(set(2, 1, &[80], &[81]), Err(WsaError::WSASERVICE_NOT_FOUND));
        let other = ServiceAddress { protocol: 17, ..at(80) };
        let existing = Registered { addresses: vec![at(80)], active: true };
        let delete = SetOperation { verb: Verb::Delete, multiple: true };
        assert_eq!(delete.apply(Some(existing), &[other]), Err(WsaError::WSASERVICE_NOT_FOUND));
    }

    #[test]
    fn set_10_an_operation_above_2_is_invalid() {
        assert_eq!(SetOperation::from_raw(3, 0), Err(WsaError::WSAEINVAL));
        assert_eq!(SetOperation::from_raw(-1, 0), Err(WsaError::WSAEINVAL));
        for (operation, flags) in [(0, 0), (1, 1), (2, 0)] {
            assert_eq!(SetOperation::from_raw(operation, flags).unwrap().to_raw(), (operation, flags));
        }
    }
}
