//! Providers that are linked into the program: their module path is `builtin:NAME`.

use std::sync::OnceLock;

use windlass_abi::WspStartupFn;
use windlass_spi::namespace::NspStartupFn;

/// Filled from the front, never emptied, read without a lock: a child made by fork can use it too.
static LINKED: [OnceLock<(&'static str, WspStartupFn)>; 64] = [const { OnceLock::new() }; 64];

/// Makes a linked-in provider known under the module path `builtin:NAME`, for the life of the process. The first
/// registration of a name counts; 64 names fit. Returns whether the name now stands for this entry point.
pub fn register(name: &'static str, entry: WspStartupFn) -> bool {
    let mine = LINKED.iter().map(|slot| slot.get_or_init(|| (name, entry))).find(|(known, _)| *known == name);
    mine.is_some_and(|(_, known)| std::ptr::fn_addr_eq(*known, entry))
}

/// The entry point of the provider that is linked in under this name.
pub fn find(name: &str) -> Option<WspStartupFn> {
    let mut linked = LINKED.iter().map_while(OnceLock::get);
    linked.find(|(known, _)| *known == name).map(|(_, entry)| *entry)
}

static LINKED_NAMESPACES: [OnceLock<(&'static str, NspStartupFn)>; 64] = [const { OnceLock::new() }; 64];

/// The same for a name space provider of version 1; their names are their own.
pub fn register_namespace(name: &'static str, entry: NspStartupFn) -> bool {
    let mine =
        LINKED_NAMESPACES.iter().map(|slot| slot.get_or_init(|| (name, entry))).find(|(known, _)| *known == name);
    mine.is_some_and(|(_, known)| std::ptr::fn_addr_eq(*known, entry))
}

/// The entry point of the name space provider that is linked in under this name.
pub fn find_namespace(name: &str) -> Option<NspStartupFn> {
    let mut linked = LINKED_NAMESPACES.iter().map_while(OnceLock::get);
    linked.find(|(known, _)| *known == name).map(|(_, entry)| *entry)
}

#[cfg(test)]
mod tests {
    use super::*;
    use windlass_abi::{WSAPROTOCOL_INFOW, WSPDATA, WSPPROC_TABLE, WSPUPCALLTABLE};

    extern "system" fn one(
        _: u16,
        _: *mut WSPDATA,
        _: *mut WSAPROTOCOL_INFOW,
        _: WSPUPCALLTABLE,
        _: *mut WSPPROC_TABLE,
    ) -> i32 {
        1
    }

    extern "system" fn two(
        _: u16,
        _: *mut WSPDATA,
        _: *mut WSAPROTOCOL_INFOW,
        _: WSPUPCALLTABLE,
        _: *mut WSPPROC_TABLE,
    ) -> i32 {
        2
    }

    #[test]
    fn a_name_keeps_its_first_entry_point() {
        assert!(find("none").is_none());
        assert!(register("a", one));
        assert!(register("b", two));
        assert!(!register("a", two));
        assert!(register("a", one));
        assert!(std::ptr::fn_addr_eq(find("a").unwrap(), one as WspStartupFn));
        assert!(std::ptr::fn_addr_eq(find("b").unwrap(), two as WspStartupFn));
    }
}
