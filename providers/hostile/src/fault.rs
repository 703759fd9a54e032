//! The ways to misbehave.

use std::sync::OnceLock;

/// Names the fault.
pub const VARIABLE: &str = "WINDLASS_HOSTILE";

macro_rules! faults {
    ($($(#[$doc:meta])* $fault:ident = $name:literal,)*) => {
        /// One way to misbehave.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Fault {
            $($(#[$doc])* $fault,)*
        }

        impl Fault {
            /// All, with their names.
            pub const ALL: &[(Self, &'static str)] = &[$((Self::$fault, $name)),*];
        }
    };
}

faults! {
    /// `WSPStartup` agrees on version 1.1.
    OldVersion = "old-version",
    /// `WSPStartup` compares versions as raw words.
    RawVersion = "raw-version",
    /// `WSPSend` is missing from the table.
    Hole = "hole",
    /// `WSPStartup` fails with `WSAEPROCLIM`.
    StartFails = "start-fails",
    /// `WSPStartup` takes six seconds.
    StartSlow = "start-slow",
    /// `WSPStartup` makes a socket handle.
    StartMakesHandle = "start-makes-handle",
    /// `WSPStartup` calls `WSAStartup`, `socket` and `WSACleanup` of the process's Winsock, if it has one.
    StartCallsBack = "start-calls-back",
    /// Only the first upcall table is used.
    FirstUpcalls = "first-upcalls",
    /// The first `WSPCleanup` cleans up, whatever the count.
    ForgetsCount = "forgets-count",
    /// `WSPCleanup` never returns.
    CleanupHangs = "cleanup-hangs",
    /// `WSPCleanup` fails with `WSAENETDOWN`, after it has cleaned up.
    CleanupFails = "cleanup-fails",
    /// `WSPCleanup` sets the events of pending operations.
    CleanupSetsEvents = "cleanup-sets-events",
    /// An upcall is made after the last clean-up.
    LateUpcall = "late-upcall",
    /// A thread goes on after the last clean-up.
    LeavesThread = "leaves-thread",
    /// Each start opens a descriptor that nobody closes.
    LeaksDescriptors = "leaks-descriptors",
    /// `WSPSocket` returns a handle that the runtime was not told of.
    RegistersNothing = "registers-nothing",
    /// `WSPSocket` returns the handle of the socket before.
    OthersHandle = "others-handle",
    /// `WSPSocket` succeeds although the runtime refused the handle.
    IgnoresRefusal = "ignores-refusal",
    /// `WSPCloseSocket` of what is no socket succeeds.
    ClosesAnything = "closes-anything",
    /// Failures leave the error slot alone.
    SilentErrors = "silent-errors",
    /// `WSPBind` fails with 7.
    OddResult = "odd-result",
    /// `WSPRecv` tells more bytes than there is room for.
    BytesBeyond = "bytes-beyond",
    /// `WSPGetSockName` tells a longer address than there is room for.
    AddressBeyond = "address-beyond",
    /// Events of operations are set twice.
    CompletesTwice = "completes-twice",
    /// Operations complete without an indication.
    NeverTells = "never-tells",
    /// `WPUResetEvent` is not called.
    KeepsEvents = "keeps-events",
    /// A lock is held across upcalls.
    LocksUpcalls = "locks-upcalls",
    /// `WSPSend` panics.
    Panics = "panics",
    /// `WSPSend` unwinds into its caller, as an exception of C++ does.
    Unwinds = "unwinds",
    /// `WSPSend` reads at address 8.
    Crashes = "crashes",
    /// `WSPSend` ends the process with status 3.
    Exits = "exits",
    /// `WSPRecv` never returns.
    RecvHangs = "recv-hangs",
}

/// The fault of this process.
pub fn fault() -> Option<Fault> {
    static FAULT: OnceLock<Option<Fault>> = OnceLock::new();
    *FAULT.get_or_init(|| {
        let wanted = std::env::var(VARIABLE).ok()?;
        Fault::ALL.iter().find(|(_, name)| *name == wanted).map(|(fault, _)| *fault)
    })
}

/// Whether this is the fault of this process.
pub fn has(wanted: Fault) -> bool {
    fault() == Some(wanted)
}
