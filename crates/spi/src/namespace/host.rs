//! `HOSTENT` and `SERVENT` as blobs: their pointers are offsets from the start of the blob (PACK-5, GXY-2).

use windlass_abi::{HOSTENT, PROTOENT, SERVENT, WsaError};

use super::form::Text;
use super::image::{ALIGNMENT, Image};
use crate::Result;

/// A host: what `gethostbyname` and `gethostbyaddr` give.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostEntry {
    /// The official name.
    pub name: String,
    /// The other names.
    pub aliases: Vec<String>,
    /// `AF_INET` and its like.
    pub family: i32,
    /// The addresses, all of one length.
    pub addresses: Vec<Vec<u8>>,
}

/// A service: what `getservbyname` and `getservbyport` give.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceEntry {
    /// The official name.
    pub name: String,
    /// The other names.
    pub aliases: Vec<String>,
    /// In host byte order.
    pub port: u16,
    /// `tcp` or `udp`.
    pub protocol: String,
}

/// A protocol: what `getprotobyname` and `getprotobynumber` give. It travels in no blob (GXY-5).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProtocolEntry {
    /// The official name.
    pub name: String,
    /// The other names.
    pub aliases: Vec<String>,
    /// `IPPROTO_TCP` and its like.
    pub number: i16,
}

impl HostEntry {
    /// A `HOSTENT` with what it points to; [`Image::bytes`] are the blob. `WSAEINVAL`: the addresses differ in length, or are
    /// too long.
    pub fn image(&self) -> Result<Image> {
        let length = self.addresses.first().map_or(0, Vec::len);
        if self.addresses.iter().any(|address| address.len() != length) {
            return Err(WsaError::WSAEINVAL);
        }
        let length = i16::try_from(length).map_err(|_| WsaError::WSAEINVAL)?;
        let family = i16::try_from(self.family).map_err(|_| WsaError::WSAEINVAL)?;
        let mut image = Image::of(size_of::<HOSTENT>());
        let name = image.text(&self.name, Text::Ansi);
        let aliases = list(&mut image, &self.aliases, |image, alias| image.text(alias, Text::Ansi));
        let addresses = list(&mut image, &self.addresses, |image, address| image.append(address, 4));
        image.members(0).pointer(Some(name)).pointer(Some(aliases)).i16(family).i16(length).pointer(Some(addresses));
        Ok(image)
    }

    /// Reads a blob; one that leads out of itself is `WSAEINVAL`.
    pub fn from_blob(blob: &[u8]) -> Result<Self> {
        let blob = Blob(blob);
        let word = size_of::<usize>();
        let length = blob.i16(2 * word + 2)?.try_into().map_err(|_| BAD)?;
        let addresses = blob.list(blob.offset(3 * word)?)?;
        Ok(Self {
            name: blob.text(blob.offset(0)?)?,
            aliases: blob.list(blob.offset(word)?)?.into_iter().map(|at| blob.text(at)).collect::<Result<_>>()?,
            family: blob.i16(2 * word)?.into(),
            addresses: addresses
                .into_iter()
                .map(|at| blob.bytes(at, length).map(<[u8]>::to_vec))
                .collect::<Result<_>>()?,
        })
    }
}

impl ServiceEntry {
    /// A `SERVENT` with what it points to; [`Image::bytes`] are the blob.
    pub fn image(&self) -> Result<Image> {
        let mut image = Image::of(size_of::<SERVENT>());
        let name = image.text(&self.name, Text::Ansi);
        let protocol = image.text(&self.protocol, Text::Ansi);
        let aliases = list(&mut image, &self.aliases, |image, alias| image.text(alias, Text::Ansi));
        let port = self.port.to_be() as i16;
        let mut members = image.members(0);
        members.pointer(Some(name)).pointer(Some(aliases));
        match PORT_IS_LAST {
            true => members.pointer(Some(protocol)).i16(port),
            false => members.i16(port).pointer(Some(protocol)),
        };
        Ok(image)
    }

    /// Reads a blob; one that leads out of itself is `WSAEINVAL`.
    pub fn from_blob(blob: &[u8]) -> Result<Self> {
        let blob = Blob(blob);
        let word = size_of::<usize>();
        let (protocol, port) = if PORT_IS_LAST { (2 * word, 3 * word) } else { (3 * word, 2 * word) };
        Ok(Self {
            name: blob.text(blob.offset(0)?)?,
            aliases: blob.list(blob.offset(word)?)?.into_iter().map(|at| blob.text(at)).collect::<Result<_>>()?,
            port: u16::from_be(blob.i16(port)? as u16),
            protocol: blob.text(blob.offset(protocol)?)?,
        })
    }
}

impl ProtocolEntry {
    /// A `PROTOENT` with what it points to.
    pub fn image(&self) -> Image {
        let mut image = Image::of(size_of::<PROTOENT>());
        let name = image.text(&self.name, Text::Ansi);
        let aliases = list(&mut image, &self.aliases, |image, alias| image.text(alias, Text::Ansi));
        image.members(0).pointer(Some(name)).pointer(Some(aliases)).i16(self.number);
        image
    }
}

/// On 64-bit systems `s_proto` comes before `s_port`.
const PORT_IS_LAST: bool = cfg!(target_pointer_width = "64");

const BAD: WsaError = WsaError::WSAEINVAL;
/// The most aliases or addresses that a blob is believed to have.
const MOST: usize = 1 << 12;

/// An array of pointers that ends with a null one: its offset.
fn list<T>(image: &mut Image, items: &[T], mut write: impl FnMut(&mut Image, &T) -> usize) -> usize {
    let array = image.allocate((items.len() + 1) * ALIGNMENT, ALIGNMENT);
    for (item, at) in items.iter().zip((array..).step_by(ALIGNMENT)) {
        let target = write(image, item);
        image.members(at).pointer(Some(target));
    }
    array
}

/// A blob that others wrote.
struct Blob<'a>(&'a [u8]);

impl<'a> Blob<'a> {
    fn bytes(&self, at: usize, length: usize) -> Result<&'a [u8]> {
        self.0.get(at..at.checked_add(length).ok_or(BAD)?).ok_or(BAD)
    }

    fn i16(&self, at: usize) -> Result<i16> {
        Ok(i16::from_ne_bytes(self.bytes(at, 2)?.try_into().map_err(|_| BAD)?))
    }

    fn offset(&self, at: usize) -> Result<usize> {
        Ok(usize::from_ne_bytes(self.bytes(at, size_of::<usize>())?.try_into().map_err(|_| BAD)?))
    }

    fn text(&self, at: usize) -> Result<String> {
        let rest = self.0.get(at..).ok_or(BAD)?;
        let end = rest.iter().position(|byte| *byte == 0).ok_or(BAD)?;
        str::from_utf8(&rest[..end]).map(Into::into).map_err(|_| BAD)
    }

    /// The offsets of an array that ends with zero; none if there is no array.
    fn list(&self, at: usize) -> Result<Vec<usize>> {
        let mut offsets = Vec::new();
        if at == 0 {
            return Ok(offsets);
        }
        loop {
            match self.offset(at.checked_add(offsets.len() * size_of::<usize>()).ok_or(BAD)?)? {
                0 => return Ok(offsets),
                _ if offsets.len() == MOST => return Err(BAD),
                offset => offsets.push(offset),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use windlass_abi::AF_INET;

    fn host() -> HostEntry {
        HostEntry {
            name: "one.example".into(),
            aliases: vec!["uno.example".into(), "1.example".into()],
            family: AF_INET,
            addresses: vec![vec![192, 0, 2, 1], vec![192, 0, 2, 2]],
        }
    }

    fn service() -> ServiceEntry {
        ServiceEntry { name: "http".into(), aliases: vec!["www".into()], port: 80, protocol: "tcp".into() }
    }

    // proves: PACK-5, GXY-2
    #[test]
    fn pack_5_blobs_are_read_back_wherever_they_are() {
        let (host, service) = (host(), service());
        assert_eq!(HostEntry::from_blob(host.image().unwrap().bytes()), Ok(host));
        assert_eq!(ServiceEntry::from_blob(service.image().unwrap().bytes()), Ok(service));
    }

    #[test]
    fn pack_5_a_damaged_blob_is_refused_or_read_but_never_left() {
        for (at, whole) in [host().image().unwrap(), service().image().unwrap()].iter().enumerate() {
            let read = |bytes: &[u8]| match at {
                0 => HostEntry::from_blob(bytes).is_ok(),
                _ => ServiceEntry::from_blob(bytes).is_ok(),
            };
            for end in 0..whole.bytes().len() - 8 {
                read(&whole.bytes()[..end]);
            }
            assert!(!read(&whole.bytes()[..20]));
            for byte in 0..whole.bytes().len() {
                for value in [0, 1, 0x7f, 0xff] {
                    let mut harmed = whole.bytes().to_vec();
                    harmed[byte] = value;
                    read(&harmed);
                }
            }
        }
    }

    #[test]
    fn gxy_2_addresses_have_one_length() {
        let mixed = HostEntry { addresses: vec![vec![1; 4], vec![1; 16]], ..host() };
        assert_eq!(mixed.image().err(), Some(WsaError::WSAEINVAL));
    }
}
