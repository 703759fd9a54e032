//! The condition function of an accept.

use windlass_abi::{CF_ACCEPT, CF_DEFER, CF_REJECT, LPCONDITIONPROC, WSABUF, WsaError};

use crate::address::Address;
use crate::rundown;

/// What the client decided about a pending connection (WSP-ACCEPT-7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Make the connection a socket.
    Accept,
    /// Refuse the peer; the accept fails with `WSAECONNREFUSED`.
    Reject,
    /// Leave the connection at the head of the queue; the accept fails with `WSATRY_AGAIN`.
    Defer,
}

/// The client's condition function (WSP-ACCEPT-6). It runs on the calling thread, inside the call,
/// and may call anything back, the close of the listening socket and the last clean-up included.
pub struct Condition<'a> {
    function: ConditionFn,
    callback_data: usize,
    /// Whether the listener is still open.
    is_open: &'a dyn Fn() -> bool,
    /// The peer that the client was asked about last.
    pub(super) asked: Option<Address>,
}

type ConditionFn = <LPCONDITIONPROC as Unwrapped>::Function;

/// Names the function type inside an `Option`.
trait Unwrapped {
    type Function;
}

impl<F> Unwrapped for Option<F> {
    type Function = F;
}

impl<'a> Condition<'a> {
    /// Takes the client's function; nothing if it is null. `is_open` tells whether the listener still
    /// is when the client has answered.
    ///
    /// # Safety
    /// The function can be called with `callback_data` for the lifetime of the condition.
    pub unsafe fn from_raw(
        function: LPCONDITIONPROC,
        callback_data: usize,
        is_open: &'a dyn Fn() -> bool,
    ) -> Option<Self> {
        function.map(|function| Self { function, callback_data, is_open, asked: None })
    }

    /// Asks the client about the connection from `caller` to `callee`, both socket addresses.
    ///
    /// `caller_data` is what the peer sent with its request, absent if there is none or the protocol
    /// has no such thing (WSP-ACCEPT-9). An answer that is none of `CF_*` is `WSAEINVAL` (WSP-ACCEPT-7),
    /// and `WSAEINTR` comes instead of the answer if the listener was closed meanwhile: leave the
    /// connection alone then.
    pub fn decide(
        &mut self,
        caller: &Address,
        caller_data: Option<&[u8]>,
        callee: &Address,
    ) -> Result<Decision, WsaError> {
        self.decide_with_reply(caller, caller_data, callee, &mut []).map(|(decision, _)| decision)
    }

    /// As [`decide`](Self::decide), and lets the client put data for the peer into `callee_data`, whose
    /// length is the room there is: the decision, and how many bytes there are.
    pub fn decide_with_reply(
        &mut self,
        caller: &Address,
        caller_data: Option<&[u8]>,
        callee: &Address,
        callee_data: &mut [u8],
    ) -> Result<(Decision, usize), WsaError> {
        self.asked = Some(*caller);
        // The client gets pointers it may write through, so it gets copies.
        let (mut caller, mut callee) = (*caller, *callee);
        let mut caller_bytes = caller_data.map(<[u8]>::to_vec);
        let mut caller_data = caller_bytes.as_mut().map(|bytes| buffer(bytes));
        let mut caller_id = buffer(caller.bytes_mut());
        let mut callee_id = buffer(callee.bytes_mut());
        let room = callee_data.len();
        let mut reply = match room {
            0 => WSABUF { len: 0, buf: std::ptr::null_mut() },
            _ => buffer(callee_data),
        };
        let mut group = 0;
        // SAFETY: `from_raw` demands that the function can be called; every pointer is valid or null.
        let answer = rundown::in_callback(|| unsafe {
            (self.function)(
                &mut caller_id,
                caller_data.as_mut().map_or(std::ptr::null_mut(), |data| data),
                std::ptr::null_mut(),
                std::ptr::null_mut(),
                &mut callee_id,
                &mut reply,
                &mut group,
                self.callback_data,
            )
        });
        if !(self.is_open)() {
            return Err(WsaError::WSAEINTR);
        }
        let decision = match answer {
            CF_ACCEPT => Decision::Accept,
            CF_REJECT => Decision::Reject,
            CF_DEFER => Decision::Defer,
            _ => return Err(WsaError::WSAEINVAL),
        };
        Ok((decision, (reply.len as usize).min(room)))
    }
}

fn buffer(bytes: &mut [u8]) -> WSABUF {
    WSABUF { len: bytes.len() as u32, buf: bytes.as_mut_ptr() }
}
