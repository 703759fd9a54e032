//! What `TransmitFile` and `TransmitPackets` send (API-X40 to API-X46).

use std::collections::VecDeque;
use std::os::fd::OwnedFd;

use windlass_abi::{
    HANDLE, TF_DISCONNECT, TF_REUSE_SOCKET, TF_USE_KERNEL_APC, TF_USE_SYSTEM_THREAD, TF_WRITE_BEHIND, TP_ELEMENT_EOP,
    TP_ELEMENT_FILE, TP_ELEMENT_MEMORY, TRANSMIT_FILE_BUFFERS, TRANSMIT_PACKETS_ELEMENT, WSABUF, WsaError,
};

use super::SendArray;
use crate::adapter::files;
use crate::transport::Result;

/// The most bytes of a file that one call can send.
const MOST: u32 = 2_147_483_646;

/// What is left to send, and what follows.
pub struct Transmission {
    /// In the order in which they are sent.
    pub pieces: VecDeque<Piece>,
    /// The largest datagram; zero: as large as the packet.
    pub datagram: u32,
    /// The connection ends when all is sent.
    pub disconnect: bool,
    /// The socket is to be fit for another connection then.
    pub reuse: bool,
}

/// A part of what is sent.
pub struct Piece {
    /// Where the bytes are.
    pub source: PieceSource,
    /// A packet ends with it: a datagram, on a socket that has them.
    pub ends_packet: bool,
}

/// Where bytes are.
pub enum PieceSource {
    /// In the client's memory.
    Memory(SendArray),
    /// In a file.
    File(FilePart),
}

/// A part of a file.
pub struct FilePart {
    /// A descriptor of this value's own.
    pub file: OwnedFd,
    /// Where it begins; absent for the position of the file, which moves on.
    pub offset: Option<u64>,
    /// How many bytes; absent for all up to the end.
    pub length: Option<u64>,
}

impl Transmission {
    /// The arguments of `TransmitFile`; `offset` is that of the overlapped structure.
    ///
    /// `WSAEINVAL`: flags that do not go together, or too many bytes (API-X41, API-X42). `WSA_INVALID_HANDLE`: the file.
    /// `WSAEFAULT`: a buffer.
    ///
    /// # Safety
    /// `buffers` is null or readable, and what it points to stays readable until the value is gone.
    pub(in crate::adapter) unsafe fn file(
        file: HANDLE,
        bytes: u32,
        per_send: u32,
        offset: Option<u64>,
        buffers: *const TRANSMIT_FILE_BUFFERS,
        flags: u32,
    ) -> Result<Self> {
        check_flags(flags, TF_WRITE_BEHIND)?;
        if bytes > MOST {
            return Err(WsaError::WSAEINVAL);
        }
        let mut pieces = VecDeque::new();
        let (mut head, mut tail) = (None, None);
        if !buffers.is_null() {
            // SAFETY: not null, and the caller promises the rest.
            let buffers = unsafe { buffers.read_unaligned() };
            // SAFETY: the caller promises it.
            (head, tail) = unsafe {
                (memory(buffers.Head.cast(), buffers.HeadLength)?, memory(buffers.Tail.cast(), buffers.TailLength)?)
            };
        }
        pieces.extend(head);
        if !file.is_null() {
            let length = (bytes != 0).then_some(bytes.into());
            let part = FilePart { file: files::file(file)?, offset, length };
            pieces.push_back(Piece { source: PieceSource::File(part), ends_packet: false });
        }
        pieces.extend(tail);
        Ok(Self::new(pieces, per_send, flags))
    }

    /// The arguments of `TransmitPackets`.
    ///
    /// `WSAEINVAL`: flags (API-X45). `WSA_INVALID_HANDLE`: a file. `WSAEFAULT`: a buffer, or the array.
    ///
    /// # Safety
    /// `array` is null or has `count` elements, and what they point to stays readable until the value is gone.
    pub(in crate::adapter) unsafe fn packets(
        array: *const TRANSMIT_PACKETS_ELEMENT,
        count: u32,
        send_size: u32,
        flags: u32,
    ) -> Result<Self> {
        check_flags(flags, 0)?;
        if count != 0 && array.is_null() {
            return Err(WsaError::WSAEFAULT);
        }
        let mut pieces = VecDeque::with_capacity(count as usize);
        for at in 0..count as usize {
            // SAFETY: not null, and the caller promises the rest.
            let element = unsafe { array.add(at).read_unaligned() };
            let ends_packet = element.dwElFlags & TP_ELEMENT_EOP != 0;
            let piece = match element.dwElFlags & !TP_ELEMENT_EOP {
                // SAFETY: the flags say that it is memory.
                TP_ELEMENT_MEMORY => unsafe { memory(element.u.pBuffer.cast(), element.cLength)? },
                TP_ELEMENT_FILE => {
                    // SAFETY: the flags say that it is a file.
                    let part = unsafe { element.u.file };
                    let offset = match part.nFileOffset {
                        -1 => None,
                        offset => Some(u64::try_from(offset).map_err(|_| WsaError::WSAEINVAL)?),
                    };
                    let length = (element.cLength != 0).then_some(element.cLength.into());
                    let source = PieceSource::File(FilePart { file: files::file(part.hFile)?, offset, length });
                    Some(Piece { source, ends_packet: false })
                }
                _ => return Err(WsaError::WSAEINVAL),
            };
            match (piece, ends_packet) {
                (Some(piece), _) => pieces.push_back(Piece { ends_packet, ..piece }),
                // Nothing, but the end of what came before it.
                (None, true) => {
                    if let Some(last) = pieces.back_mut() {
                        last.ends_packet = true;
                    }
                }
                (None, false) => {}
            }
        }
        // All bits: the marks alone decide.
        let datagram = if send_size == u32::MAX { 0 } else { send_size };
        Ok(Self::new(pieces, datagram, flags))
    }

    fn new(pieces: VecDeque<Piece>, datagram: u32, flags: u32) -> Self {
        let (disconnect, reuse) = (flags & TF_DISCONNECT != 0, flags & TF_REUSE_SOCKET != 0);
        Self { pieces, datagram, disconnect, reuse }
    }
}

/// API-X42. Which thread does the work is for the system to choose.
fn check_flags(flags: u32, more: u32) -> Result<()> {
    const ANY: u32 = TF_DISCONNECT | TF_REUSE_SOCKET | TF_USE_SYSTEM_THREAD | TF_USE_KERNEL_APC;
    let ends = flags & (TF_DISCONNECT | TF_REUSE_SOCKET);
    match flags {
        _ if flags & !(ANY | more) != 0 => Err(WsaError::WSAEINVAL),
        _ if ends == TF_REUSE_SOCKET => Err(WsaError::WSAEINVAL),
        _ if flags & TF_WRITE_BEHIND != 0 && ends != 0 => Err(WsaError::WSAEINVAL),
        _ => Ok(()),
    }
}

/// Nothing if there are no bytes.
///
/// # Safety
/// As for [`SendArray::new`].
unsafe fn memory(at: *mut u8, length: u32) -> Result<Option<Piece>> {
    if length == 0 {
        return Ok(None);
    }
    // SAFETY: the caller promises it.
    let array = unsafe { SendArray::new(&WSABUF { len: length, buf: at }, 1) }?;
    Ok(Some(Piece { source: PieceSource::Memory(array), ends_packet: false }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn api_x42_flags_that_do_not_go_together() {
        let file = |flags| check_flags(flags, TF_WRITE_BEHIND);
        for good in [0, TF_DISCONNECT, TF_DISCONNECT | TF_REUSE_SOCKET, TF_WRITE_BEHIND, TF_USE_KERNEL_APC | 0x10] {
            assert_eq!(file(good), Ok(()), "{good:#x}");
        }
        for bad in [TF_REUSE_SOCKET, TF_WRITE_BEHIND | TF_DISCONNECT, TF_WRITE_BEHIND | 3, 8, 0x40] {
            assert_eq!(file(bad), Err(WsaError::WSAEINVAL), "{bad:#x}");
        }
        assert_eq!(check_flags(TF_WRITE_BEHIND, 0), Err(WsaError::WSAEINVAL));
    }

    #[test]
    fn api_x45_packets_end_where_they_are_marked() {
        let mut bytes = [0u8; 8];
        let mut element = |length, flags| TRANSMIT_PACKETS_ELEMENT {
            dwElFlags: TP_ELEMENT_MEMORY | flags,
            cLength: length,
            u: windlass_abi::TRANSMIT_PACKETS_SOURCE { pBuffer: bytes.as_mut_ptr().cast() },
        };
        let elements = [element(3, 0), element(0, TP_ELEMENT_EOP), element(2, TP_ELEMENT_EOP), element(1, 0)];
        // SAFETY: the elements are there, and so is what they point to.
        let all = unsafe { Transmission::packets(elements.as_ptr(), 4, u32::MAX, TF_DISCONNECT) }.unwrap();
        let ends: Vec<_> = all.pieces.iter().map(|piece| piece.ends_packet).collect();
        assert_eq!(ends, [true, true, false]);
        assert_eq!((all.datagram, all.disconnect, all.reuse), (0, true, false));
        // SAFETY: nothing is read.
        let error = |array, count| unsafe { Transmission::packets(array, count, 0, 0) }.err();
        assert_eq!(error(std::ptr::null(), 1), Some(WsaError::WSAEFAULT));
        assert_eq!(error(&element(1, TP_ELEMENT_FILE), 1), Some(WsaError::WSAEINVAL));
    }
}
