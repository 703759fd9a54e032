//! How values look in a catalog file: names where there are names, numbers where there are none.

use std::fmt;

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserializer, Serializer};
use windlass_abi::*;

/// GUIDs, as `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx`.
pub mod guid {
    use super::*;

    pub fn serialize<S: Serializer>(guid: &GUID, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(guid)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<GUID, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = GUID;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a GUID")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<GUID, E> {
                text.parse().map_err(|why| E::custom(format_args!("\"{text}\" is {why}")))
            }
        }
        from.deserialize_str(Text)
    }
}

/// Flag words, as a list of names; bits without a name as hexadecimal numbers in text.
pub mod flags {
    use std::marker::PhantomData;

    use bitflags::Flags;
    use serde::ser::SerializeSeq;

    use super::*;

    pub fn serialize<T, S>(flags: &T, to: S) -> Result<S::Ok, S::Error>
    where
        T: Flags<Bits = u32>,
        S: Serializer,
    {
        let mut list = to.serialize_seq(None)?;
        let mut names = flags.iter_names();
        for (name, _) in names.by_ref() {
            list.serialize_element(name)?;
        }
        let unnamed = names.remaining().bits();
        if unnamed != 0 {
            list.serialize_element(&format!("{unnamed:#x}"))?;
        }
        list.end()
    }

    pub fn deserialize<'de, T, D>(from: D) -> Result<T, D::Error>
    where
        T: Flags<Bits = u32>,
        D: Deserializer<'de>,
    {
        struct Names<T>(PhantomData<T>);
        impl<'de, T: Flags<Bits = u32>> Visitor<'de> for Names<T> {
            type Value = T;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of flag names")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<T, A::Error> {
                let mut all = T::empty();
                while let Some(name) = list.next_element::<String>()? {
                    all.insert(
                        one(&name)
                            .ok_or_else(|| A::Error::custom(format_args!("\"{name}\" is not a flag known here")))?,
                    );
                }
                Ok(all)
            }
        }
        from.deserialize_seq(Names(PhantomData))
    }

    fn one<T: Flags<Bits = u32>>(name: &str) -> Option<T> {
        match name.strip_prefix("0x") {
            Some(digits) => u32::from_str_radix(digits, 16).ok().map(T::from_bits_retain),
            None => T::from_name(name),
        }
    }
}

macro_rules! named_numbers {
    ($(#[$doc:meta])* $module:ident, $what:literal, [$($name:ident),* $(,)?]) => {
        $(#[$doc])*
        pub mod $module {
            use super::*;

            /// The name of a number, if it has one.
            pub fn name(number: i32) -> Option<&'static str> {
                match number {
                    $($name => Some(stringify!($name)),)*
                    _ => None,
                }
            }

            pub fn serialize<S: Serializer>(number: &i32, to: S) -> Result<S::Ok, S::Error> {
                match name(*number) {
                    Some(name) => to.serialize_str(name),
                    None => to.serialize_i32(*number),
                }
            }

            pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<i32, D::Error> {
                struct NameOrNumber;
                impl Visitor<'_> for NameOrNumber {
                    type Value = i32;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str(concat!($what, ", by name or number"))
                    }
                    fn visit_str<E: Error>(self, text: &str) -> Result<i32, E> {
                        match text {
                            $(stringify!($name) => Ok($name),)*
                            _ => Err(E::custom(format_args!("\"{text}\" is not {} known here", $what))),
                        }
                    }
                    fn visit_i64<E: Error>(self, number: i64) -> Result<i32, E> {
                        number.try_into().map_err(|_| E::custom(format_args!("{number} does not fit in 32 bits")))
                    }
                    // JSON's readers give numbers that are not negative this way.
                    fn visit_u64<E: Error>(self, number: u64) -> Result<i32, E> {
                        number.try_into().map_err(|_| E::custom(format_args!("{number} does not fit in 32 bits")))
                    }
                }
                from.deserialize_any(NameOrNumber)
            }
        }
    };
}

named_numbers!(
    /// Address families.
    family, "an address family", [AF_UNSPEC, AF_UNIX, AF_INET, AF_INET6]
);
named_numbers!(
    /// Socket types.
    socket_type, "a socket type", [SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, SOCK_RDM, SOCK_SEQPACKET]
);

/// Bytes, as hexadecimal text.
pub mod hex {
    use super::*;

    pub fn serialize<S: Serializer>(bytes: &Option<Vec<u8>>, to: S) -> Result<S::Ok, S::Error> {
        match bytes {
            Some(bytes) => to.serialize_str(&encode(bytes)),
            None => to.serialize_none(),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Vec<u8>>, D::Error> {
        struct Digits;
        impl Visitor<'_> for Digits {
            type Value = Vec<u8>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes as hexadecimal text")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Vec<u8>, E> {
                decode(text).ok_or_else(|| E::custom("the text is not pairs of hexadecimal digits"))
            }
        }
        from.deserialize_str(Digits).map(Some)
    }

    fn encode(bytes: &[u8]) -> String {
        let digit = |n: u8| char::from_digit(n.into(), 16).expect("four bits are a digit");
        bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
    }

    fn decode(text: &str) -> Option<Vec<u8>> {
        let digits: Option<Vec<u8>> = text.chars().map(|c| c.to_digit(16).map(|digit| digit as u8)).collect();
        let digits = digits?;
        let (pairs, rest) = digits.as_chunks::<2>();
        rest.is_empty().then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
    }
}

/// Whether a value is what a missing key means, so that it need not be written.
pub fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
