//! The four shapes of a query set.

/// The characters of a structure's text: UTF-16, or bytes of UTF-8, which is the ANSI code page here (API-7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Text {
    /// The W forms.
    Wide,
    /// The A forms.
    Ansi,
}

/// Which structure a query set is laid out as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Form {
    /// The characters of its text.
    pub text: Text,
    /// Whether it has a service class: version 1 sets do, those of version 2 do not (QS2-1).
    pub has_class: bool,
}

impl Form {
    /// `WSAQUERYSETW`.
    pub const QUERY_SET_W: Self = Self { text: Text::Wide, has_class: true };
    /// `WSAQUERYSETA`.
    pub const QUERY_SET_A: Self = Self { text: Text::Ansi, has_class: true };
    /// `WSAQUERYSET2W`.
    pub const QUERY_SET_2W: Self = Self { text: Text::Wide, has_class: false };
    /// `WSAQUERYSET2A`.
    pub const QUERY_SET_2A: Self = Self { text: Text::Ansi, has_class: false };

    /// The bytes of the structure itself, and its `dwSize`.
    pub const fn size(self) -> usize {
        match self.has_class {
            true => size_of::<windlass_abi::WSAQUERYSETW>(),
            false => size_of::<windlass_abi::WSAQUERYSET2W>(),
        }
    }
}
