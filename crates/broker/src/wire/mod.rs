//! What clients and hosts say to each other, over a Unix stream socket.
//!
//! A message is a length of four bytes, little-endian like every number here, and so many bytes. The first each way is a
//! [`Hello`]; it names the versions that its sender speaks, so that either side may be newer. After that the client asks
//! ([`Request`]) and the host answers ([`Reply`]) in any order, each answer with the number of its question. Nothing that comes
//! in is believed: [`bytes`] reads no further than a message goes, and makes no room that it does not fill.
//!
//! Written by hand rather than derived: the layout is a promise between processes of different versions, and stands here in full.

pub mod bytes;
pub mod query_set;

use std::io::{self, Read, Write};
use std::os::fd::AsFd;

use rustix::net::SendFlags;
use windlass_abi::{GUID, WsaError};
use windlass_spi::namespace::QuerySet;
use windlass_spi::namespace::registration::SetOperation;

use self::bytes::{Malformed, Reader, Writer};

/// The most bytes of one message.
pub const MOST: usize = 16 << 20;

/// The version of the wire that this is.
pub const VERSION: u16 = 1;

/// Begins a connection: what it is, and the versions that the sender speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hello {
    /// The lowest version.
    pub lowest: u16,
    /// The highest version.
    pub highest: u16,
    /// The provider that the client wants, or that the host is.
    pub provider: GUID,
}

/// What a client asks; answers carry the same number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Chosen by the client, one for each request that is open.
    pub number: u32,
    /// What it asks for.
    pub ask: Ask,
}

/// The functions of a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// `NSPv2LookupServiceBegin`. Answered by [`Answer::Lookup`].
    Begin {
        /// The restrictions.
        query: QuerySet,
        /// `LUP_*`.
        flags: u32,
    },
    /// `NSPv2LookupServiceNextEx`. Answered by [`Answer::Set`].
    Next {
        /// The number of the look-up.
        lookup: u32,
        /// `LUP_*`.
        flags: u32,
    },
    /// `NSPv2LookupServiceEnd`. Not answered.
    End {
        /// The number of the look-up.
        lookup: u32,
    },
    /// `NSPv2SetServiceEx`. Answered by [`Answer::Done`].
    Set {
        /// The service.
        registration: QuerySet,
        /// What is done.
        operation: SetOperation,
    },
    /// The session ends in an orderly way. Not answered; the host closes the connection when it is over.
    Bye,
}

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// That of the request.
    pub number: u32,
    /// A Winsock error, or what was asked for.
    pub result: Result<Answer, WsaError>,
}

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The number of a look-up.
    Lookup(u32),
    /// A result.
    Set(Box<QuerySet>),
    /// Nothing more than that it is done.
    Done,
}

/// A socket to write to: one whose other side is gone is an error, and no signal, which would end a program that knows nothing of
/// it.
pub struct Quiet<S>(pub S);

impl<S: AsFd> Write for Quiet<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(rustix::net::send(&self.0, bytes, SendFlags::NOSIGNAL)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Something that is said.
pub trait Message: Sized {
    /// Writes it down.
    fn write(&self, to: &mut Writer);

    /// Reads it back. [`Malformed`]: it is no such message.
    fn read(from: &mut Reader<'_>) -> Result<Self, Malformed>;

    /// Sends it whole.
    ///
    /// # Errors
    /// Those of the socket; `InvalidInput`: it is longer than [`MOST`].
    fn send(&self, to: &mut impl Write) -> io::Result<()> {
        let mut writer = Writer::for_message();
        self.write(&mut writer);
        to.write_all(&writer.into_message().ok_or(io::ErrorKind::InvalidInput)?)
    }

    /// Receives one.
    ///
    /// # Errors
    /// `UnexpectedEof`: the other side is gone. `InvalidData`: it is longer than [`MOST`], or malformed.
    fn receive(from: &mut impl Read) -> io::Result<Self> {
        let mut length = [0; 4];
        from.read_exact(&mut length)?;
        let length = u32::from_le_bytes(length) as usize;
        if length > MOST {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut message = Vec::new();
        // Grows with what really comes.
        from.take(length as u64).read_to_end(&mut message)?;
        if message.len() < length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut reader = Reader::new(&message);
        let read = Self::read(&mut reader).and_then(|read| reader.end().map(|()| read));
        read.map_err(|Malformed| io::ErrorKind::InvalidData.into())
    }
}

impl Hello {
    const MARK: [u8; 4] = *b"WNS2";

    /// That of this version.
    pub fn of(provider: GUID) -> Self {
        Self { lowest: VERSION, highest: VERSION, provider }
    }

    /// The highest version that both speak.
    pub fn agreed(&self) -> Option<u16> {
        (self.lowest <= VERSION && VERSION <= self.highest).then_some(VERSION)
    }
}

impl Message for Hello {
    fn write(&self, to: &mut Writer) {
        to.raw(&Self::MARK).u16(self.lowest).u16(self.highest).guid(self.provider);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        if from.raw::<4>()? != Self::MARK {
            return Err(Malformed);
        }
        Ok(Self { lowest: from.u16()?, highest: from.u16()?, provider: from.guid()? })
    }
}

impl Message for Request {
    fn write(&self, to: &mut Writer) {
        to.u32(self.number);
        match &self.ask {
            Ask::Begin { query, flags } => query_set::write(query, to.u8(1).u32(*flags)),
            Ask::Next { lookup, flags } => {
                to.u8(2).u32(*lookup).u32(*flags);
            }
            Ask::End { lookup } => {
                to.u8(3).u32(*lookup);
            }
            Ask::Set { registration, operation } => {
                let (verb, flags) = operation.to_raw();
                query_set::write(registration, to.u8(4).i32(verb).u32(flags));
            }
            Ask::Bye => {
                to.u8(5);
            }
        }
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        let number = from.u32()?;
        let ask = match from.u8()? {
            1 => {
                let flags = from.u32()?;
                Ask::Begin { query: query_set::read(from)?, flags }
            }
            2 => Ask::Next { lookup: from.u32()?, flags: from.u32()? },
            3 => Ask::End { lookup: from.u32()? },
            4 => {
                let operation = SetOperation::from_raw(from.i32()?, from.u32()?).map_err(|_| Malformed)?;
                Ask::Set { registration: query_set::read(from)?, operation }
            }
            5 => Ask::Bye,
            _ => return Err(Malformed),
        };
        Ok(Self { number, ask })
    }
}

impl Message for Reply {
    fn write(&self, to: &mut Writer) {
        to.u32(self.number);
        match &self.result {
            Err(error) => {
                to.u8(0).i32(error.code());
            }
            Ok(Answer::Lookup(lookup)) => {
                to.u8(1).u32(*lookup);
            }
            Ok(Answer::Set(set)) => query_set::write(set, to.u8(2)),
            Ok(Answer::Done) => {
                to.u8(3);
            }
        }
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        let number = from.u32()?;
        let result = match from.u8()? {
            0 => match from.i32()? {
                // A failure without an error would look like a success.
                0 => return Err(Malformed),
                code => Err(WsaError::from_code(code)),
            },
            1 => Ok(Answer::Lookup(from.u32()?)),
            2 => Ok(Answer::Set(Box::new(query_set::read(from)?))),
            3 => Ok(Answer::Done),
            _ => return Err(Malformed),
        };
        Ok(Self { number, result })
    }
}

#[cfg(test)]
mod tests;
