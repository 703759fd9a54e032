//! What a provider hands to upcalls may lie at any address: packed structures are not aligned.
#![allow(unsafe_code, reason = "upcalls are C functions")]

mod common;

use std::marker::PhantomData;
use std::ptr::null_mut;

use common::fake::{fake, install_fake};
use common::*;
use windlass_abi::*;

/// A place at an odd address, zero at first.
struct Odd<T>(Vec<u8>, PhantomData<T>);

impl<T: Copy> Odd<T> {
    fn places(count: usize) -> Self {
        Self(vec![0; count * size_of::<T>() + 1], PhantomData)
    }

    fn one() -> Self {
        Self::places(1)
    }

    fn at(&mut self) -> *mut T {
        let start = self.0.as_mut_ptr();
        start.wrapping_add(1 - start.addr() % 2).cast()
    }

    fn get(&mut self) -> T {
        // SAFETY: there is room for one value, which was written, or is zero.
        unsafe { self.at().read_unaligned() }
    }
}

#[test]
fn wpu_qsc_1_results_and_errors_go_to_any_address() {
    in_own_process(|| {
        let id = install_fake(0);
        start();
        open(0).unwrap();
        let up = fake(0).upcalls();
        let (mut errno, mut context) = (Odd::<i32>::one(), Odd::<usize>::one());
        macro_rules! up {
            ($slot:ident($($arg:expr),*)) => {
                // SAFETY: an upcall of the runtime; what the arguments point to is alive.
                unsafe { (up.$slot)($($arg,)* errno.at()) }
            };
        }
        let s = up!(lpWPUCreateSocketHandle(id, 0xAB_CDEF));
        assert_eq!(up!(lpWPUQuerySocketHandleContext(s, context.at())), 0);
        assert_eq!(context.get(), 0xAB_CDEF);
        assert_eq!(up!(lpWPUQuerySocketHandleContext(INVALID_SOCKET, context.at())), SOCKET_ERROR);
        assert_eq!(errno.get(), WSAENOTSOCK);

        let mut hook = Odd::<LPBLOCKINGCALLBACK>::one();
        assert_eq!(up!(lpWPUQueryBlockingCallback(id, hook.at(), context.at())), 0);
        assert_eq!((hook.get().is_none(), context.get()), (true, 0));

        let mut thread = Odd::<WSATHREADID>::one();
        assert_eq!(up!(lpWPUOpenCurrentThread(thread.at())), 0);
        assert_eq!(up!(lpWPUQueueApc(thread.at(), Some(nothing), 0)), 0);
        assert_eq!(up!(lpWPUCloseThread(thread.at())), 0);

        let (mut provider, mut length) = (provider_id(0), Odd::<i32>::one());
        assert_eq!(up!(lpWPUGetProviderPath(&mut provider, null_mut(), length.at())), SOCKET_ERROR);
        let mut path = Odd::<u16>::places(length.get() as usize);
        assert_eq!(up!(lpWPUGetProviderPath(&mut provider, path.at(), length.at())), 0);
        assert_ne!(path.get(), 0);

        let mut set = Odd::<FD_SET>::one();
        // SAFETY: there is room for a set.
        unsafe { set.at().write_unaligned(FD_SET { fd_count: 1, fd_array: [s; FD_SETSIZE] }) };
        // SAFETY: an upcall of the runtime, and a set.
        let is_set = |s, set: *mut FD_SET| unsafe { (up.lpWPUFDIsSet)(s, set) };
        assert_eq!((is_set(s, set.at()), is_set(s + 1, set.at())), (1, 0));
        end();
    });
}

unsafe extern "system" fn nothing(_: usize) {}
