// Describes types in the words of describe.rs.
#include <cstdio>
#include <string>
#include <type_traits>

template <class T> struct Kind;

template <class T> std::string kind()
{
    if constexpr (std::is_enum_v<T>)
        return sizeof(T) == 4 ? "i32" : "enum of another size";
    else
        return Kind<T>::name();
}

#define KIND(type, text) \
    template <> struct Kind<type> { \
        static std::string name() { return text; } \
    };

KIND(void, "void")
KIND(char, "byte")
KIND(signed char, "byte")
KIND(unsigned char, "byte")
KIND(short, "i16")
KIND(unsigned short, "u16")
KIND(char16_t, "u16")
KIND(wchar_t, "u16")
KIND(int, "i32")
KIND(unsigned, "u32")
KIND(long, "void*")
KIND(unsigned long, "usize")
KIND(long long, "i64")
KIND(unsigned long long, "u64")
// The functions that take one write its 64 bits.
KIND(LARGE_INTEGER, "i64")
// Opaque handles.
KIND(HINSTANCE__, "void")
KIND(HWND__, "void")
KIND(RIO_BUFFERID_t, "void")
KIND(RIO_CQ_t, "void")
KIND(RIO_RQ_t, "void")

template <class T> struct Kind<T *> {
    static std::string name() { return kind<T>() + "*"; }
};
template <class T> struct Kind<const T *> {
    static std::string name() { return "const " + kind<T>() + "*"; }
};
template <class T, size_t N> struct Kind<T[N]> {
    static std::string name() { return kind<T>() + "[" + std::to_string(N) + "]"; }
};
template <class R, class... A> struct Kind<R(A...)> {
    static std::string name()
    {
        std::string text = kind<R>() + "(", comma;
        ((text += comma + kind<A>(), comma = ","), ...);
        return text + ")";
    }
};
// A function and a pointer to it are the same to a caller.
template <class R, class... A> struct Kind<R (*)(A...)> : Kind<R(A...)> {};

inline void show(const char *name, const std::string &text)
{
    std::printf("%s %s\n", name, text.c_str());
}
