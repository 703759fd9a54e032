//! The catalog functions (contract: catalog, sections 3 and 4): the client's pointers to and from
//! [`windlass_catalog::wsc`]. None needs `WSAStartup` (CAT-ST-6).

/// Declares functions of the native catalog and their twins of the 32-bit one (CAT-ST-2).
macro_rules! for_both_widths {
    ($($(#[$doc:meta])* fn $native:ident, $narrow:ident ($($arg:ident: $ty:ty),* $(,)?) |$store:ident| $work:expr;)*) => {
        $(
            $(#[$doc])*
            ///
            /// # Safety
            /// The pointers must be null or as the page of the function says.
            #[unsafe(no_mangle)]
            pub unsafe extern "system" fn $native($($arg: $ty),*) -> i32 {
                let $store = windlass_catalog::Store::from_env;
                // SAFETY: as the caller vouches.
                unsafe { $work }
            }

            /// The same on the 32-bit catalog.
            ///
            /// # Safety
            /// The pointers must be null or as the page of the function says.
            #[unsafe(no_mangle)]
            pub unsafe extern "system" fn $narrow($($arg: $ty),*) -> i32 {
                let $store = || windlass_catalog::Store::from_env().with_width(windlass_catalog::Width::Bits32);
                // SAFETY: as the caller vouches.
                unsafe { $work }
            }
        )*
    };
}

mod application;
mod chains;
mod namespace;
mod namespace_enum;
mod transport;

pub use application::*;
pub use chains::*;
pub use namespace::*;
pub use namespace_enum::*;
pub use transport::*;
