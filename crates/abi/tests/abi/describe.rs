//! Describes a type by its kind in C, the same for Rust's types and for those of `windows-sys`:
//! signedness and size of integers, what pointers point to, parameters of functions.
//! `cxx.rs` describes the types of the C headers in the same words.

use core::ffi::c_void;

/// A type that C has too.
pub trait CType {
    /// What it is called here.
    fn describe() -> String;
}

/// How the type of this value is described.
pub const fn describe<T: CType + Copy>(_: T) -> fn() -> String {
    T::describe
}

/// How the type of a field is described; `field` projects to it.
pub fn describe_field<T, F: CType>(_field: fn(&T) -> &F) -> String {
    F::describe()
}

macro_rules! scalars {
    ($($ty:ty = $name:literal,)*) => {
        $(impl CType for $ty {
            fn describe() -> String {
                $name.into()
            }
        })*
    };
}

// windows-sys has opaque handles both as pointers and as `isize`.
scalars! {
    u8 = "byte", i8 = "byte", u16 = "u16", i16 = "i16", u32 = "u32", i32 = "i32", u64 = "u64", i64 = "i64",
    bool = "byte", usize = "usize", isize = "void*", c_void = "void", () = "void",
}

impl<T: CType> CType for *const T {
    fn describe() -> String {
        format!("const {}*", T::describe())
    }
}

impl<T: CType> CType for *mut T {
    fn describe() -> String {
        format!("{}*", T::describe())
    }
}

impl<T: CType, const N: usize> CType for [T; N] {
    fn describe() -> String {
        format!("{}[{N}]", T::describe())
    }
}

macro_rules! functions {
    () => {};
    ($first:ident $($rest:ident)*) => {
        functions!(@one $first $($rest)*);
        functions!($($rest)*);
    };
    (@one $ret:ident $($arg:ident)*) => {
        impl<$($arg: CType,)* $ret: CType> CType for unsafe extern "system" fn($($arg),*) -> $ret {
            fn describe() -> String {
                let args: &[String] = &[$($arg::describe()),*];
                format!("{}({})", $ret::describe(), args.join(","))
            }
        }
        impl<$($arg: CType,)* $ret: CType> CType for Option<unsafe extern "system" fn($($arg),*) -> $ret> {
            fn describe() -> String {
                <unsafe extern "system" fn($($arg),*) -> $ret>::describe()
            }
        }
    };
}

// What does not return.
impl<A: CType> CType for unsafe extern "system" fn(A) -> ! {
    fn describe() -> String {
        <unsafe extern "system" fn(A)>::describe()
    }
}

impl<A: CType> CType for unsafe extern "system-unwind" fn(A) -> ! {
    fn describe() -> String {
        <unsafe extern "system" fn(A)>::describe()
    }
}

functions!(R A B C D E F G H I J K L M);

/// The description without the constness of what pointers point to.
pub fn without_const(description: &str) -> String {
    description.replace("const ", "")
}
