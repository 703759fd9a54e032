//! How the results of `WSAEnumNameSpaceProviders` lie in the caller's buffer (WSC-NS-11).
//!
//! Only the arithmetic; the C boundary does the writing.

use crate::namespace::NamespaceEntry;

/// Which of the four forms of the function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EnumForm {
    /// The `W` form, whose identifiers are UTF-16; else they are bytes.
    pub wide: bool,
    /// The `Ex` form, which has the blob.
    pub ex: bool,
}

/// Where everything lies, as byte offsets from the start of a buffer that is aligned for pointers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnumLayout {
    /// The bytes needed in all.
    pub size: usize,
    /// One for each provider, in order; the structures lie one after the other from offset 0.
    pub rows: Vec<EnumRow>,
}

/// Where what one structure points to lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EnumRow {
    /// The identifier, with a NUL.
    pub identifier: usize,
    /// The blob, aligned to 8; none where there is no blob, or an empty one.
    pub blob: Option<usize>,
}

impl EnumForm {
    /// The size of `WSANAMESPACE_INFO(EX)` in bytes (CAT-NS-1, CAT-NS-2).
    pub const fn struct_size(self) -> usize {
        match (self.ex, cfg!(target_pointer_width = "32")) {
            (false, false) => 40,
            (true, false) => 56,
            (false, true) => 32,
            (true, true) => 40,
        }
    }

    /// The layout for these providers.
    pub fn layout(self, providers: &[NamespaceEntry]) -> EnumLayout {
        let mut size = self.struct_size() * providers.len();
        let mut take = |len: usize, align: usize| {
            let at = size.next_multiple_of(align);
            size = at + len;
            at
        };
        let rows = providers
            .iter()
            .map(|entry| {
                let blob = entry.blob.as_ref().filter(|blob| self.ex && !blob.is_empty());
                let blob = blob.map(|blob| take(blob.len(), 8));
                let identifier = match self.wide {
                    true => take((entry.identifier.encode_utf16().count() + 1) * 2, 2),
                    false => take(entry.identifier.len() + 1, 1),
                };
                EnumRow { identifier, blob }
            })
            .collect();
        EnumLayout { size, rows }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use windlass_abi::GUID;

    fn entry(identifier: &str, blob: Option<&[u8]>) -> NamespaceEntry {
        NamespaceEntry {
            identifier: identifier.into(),
            provider: GUID::default(),
            module: "m".into(),
            name_space: 12,
            version: 1,
            active: true,
            stores_all_service_classes: false,
            blob: blob.map(<[u8]>::to_vec),
        }
    }

    #[test]
    fn wsc_ns_11_pieces_follow_the_structures_and_do_not_overlap() {
        // proves: CAT-NS-1, CAT-NS-2
        let providers = [entry("aé", Some(&[1; 13])), entry("", None), entry("x", Some(&[])), entry("y", Some(&[9]))];
        for (wide, ex) in [(false, false), (false, true), (true, false), (true, true)] {
            let form = EnumForm { wide, ex };
            let layout = form.layout(&providers);
            let mut taken = vec![false; layout.size];
            let mut claim = |at: usize, len: usize| {
                for byte in &mut taken[at..at + len] {
                    assert!(!*byte, "two pieces share a byte");
                    *byte = true;
                }
            };
            claim(0, form.struct_size() * providers.len());
            for (entry, row) in providers.iter().zip(&layout.rows) {
                if wide {
                    assert_eq!(row.identifier % 2, 0);
                    claim(row.identifier, (entry.identifier.encode_utf16().count() + 1) * 2);
                } else {
                    claim(row.identifier, entry.identifier.len() + 1);
                }
                let blob = entry.blob.as_deref().filter(|blob| ex && !blob.is_empty());
                assert_eq!(row.blob.is_some(), blob.is_some());
                if let (Some(at), Some(blob)) = (row.blob, blob) {
                    assert_eq!(at % 8, 0);
                    claim(at, blob.len());
                }
            }
            assert_eq!(taken.last(), Some(&true), "the size is not larger than needed");
        }
        assert_eq!(EnumForm { wide: true, ex: true }.layout(&[]).size, 0);
    }
}
