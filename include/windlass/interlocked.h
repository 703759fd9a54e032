/* Atomic operations. Each is a full barrier. Part of winbase.h. */
#ifndef WINDLASS_INTERLOCKED_H
#define WINDLASS_INTERLOCKED_H

#include <windef.h>

#ifdef __cplusplus
extern "C" {
#endif

static inline void WINDLASS_FULL_BARRIER(void)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}
#define MemoryBarrier() WINDLASS_FULL_BARRIER()

/* Tells the processor that this is a loop that waits. */
static inline void YieldProcessor(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* ---- LONG ---- */

static inline LONG InterlockedIncrement(LONG volatile *Addend)
{
    return __atomic_add_fetch(Addend, 1, __ATOMIC_SEQ_CST);
}

static inline LONG InterlockedDecrement(LONG volatile *Addend)
{
    return __atomic_sub_fetch(Addend, 1, __ATOMIC_SEQ_CST);
}

static inline LONG InterlockedExchange(LONG volatile *Target, LONG Value)
{
    return __atomic_exchange_n(Target, Value, __ATOMIC_SEQ_CST);
}

/* The value before. */
static inline LONG InterlockedExchangeAdd(LONG volatile *Addend, LONG Value)
{
    return __atomic_fetch_add(Addend, Value, __ATOMIC_SEQ_CST);
}

/* The value after. */
static inline LONG InterlockedAdd(LONG volatile *Addend, LONG Value)
{
    return __atomic_add_fetch(Addend, Value, __ATOMIC_SEQ_CST);
}

/* The value before, which was Comparand if ExChange is in its place now. */
static inline LONG InterlockedCompareExchange(LONG volatile *Destination, LONG ExChange, LONG Comparand)
{
    __atomic_compare_exchange_n(Destination, &Comparand, ExChange, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    return Comparand;
}

static inline LONG InterlockedAnd(LONG volatile *Destination, LONG Value)
{
    return __atomic_fetch_and(Destination, Value, __ATOMIC_SEQ_CST);
}

static inline LONG InterlockedOr(LONG volatile *Destination, LONG Value)
{
    return __atomic_fetch_or(Destination, Value, __ATOMIC_SEQ_CST);
}

static inline LONG InterlockedXor(LONG volatile *Destination, LONG Value)
{
    return __atomic_fetch_xor(Destination, Value, __ATOMIC_SEQ_CST);
}

/* ---- SHORT and char ---- */

static inline SHORT InterlockedIncrement16(SHORT volatile *Addend)
{
    return (SHORT)__atomic_add_fetch(Addend, 1, __ATOMIC_SEQ_CST);
}

static inline SHORT InterlockedDecrement16(SHORT volatile *Addend)
{
    return (SHORT)__atomic_sub_fetch(Addend, 1, __ATOMIC_SEQ_CST);
}

static inline SHORT InterlockedExchange16(SHORT volatile *Destination, SHORT Value)
{
    return (SHORT)__atomic_exchange_n(Destination, Value, __ATOMIC_SEQ_CST);
}

/* The value before, which was Comparand if ExChange is in its place now. */
static inline SHORT InterlockedCompareExchange16(SHORT volatile *Destination, SHORT ExChange, SHORT Comparand)
{
    __atomic_compare_exchange_n(Destination, &Comparand, ExChange, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    return Comparand;
}

static inline SHORT InterlockedAnd16(SHORT volatile *Destination, SHORT Value)
{
    return (SHORT)__atomic_fetch_and(Destination, Value, __ATOMIC_SEQ_CST);
}

static inline SHORT InterlockedOr16(SHORT volatile *Destination, SHORT Value)
{
    return (SHORT)__atomic_fetch_or(Destination, Value, __ATOMIC_SEQ_CST);
}

static inline SHORT InterlockedXor16(SHORT volatile *Destination, SHORT Value)
{
    return (SHORT)__atomic_fetch_xor(Destination, Value, __ATOMIC_SEQ_CST);
}

static inline char InterlockedExchange8(char volatile *Destination, char Value)
{
    return (char)__atomic_exchange_n(Destination, Value, __ATOMIC_SEQ_CST);
}

static inline char InterlockedAnd8(char volatile *Destination, char Value)
{
    return (char)__atomic_fetch_and(Destination, Value, __ATOMIC_SEQ_CST);
}

static inline char InterlockedOr8(char volatile *Destination, char Value)
{
    return (char)__atomic_fetch_or(Destination, Value, __ATOMIC_SEQ_CST);
}

static inline char InterlockedXor8(char volatile *Destination, char Value)
{
    return (char)__atomic_fetch_xor(Destination, Value, __ATOMIC_SEQ_CST);
}

/* ---- LONGLONG ---- */

static inline LONGLONG InterlockedIncrement64(LONGLONG volatile *Addend)
{
    return __atomic_add_fetch(Addend, 1, __ATOMIC_SEQ_CST);
}

static inline LONGLONG InterlockedDecrement64(LONGLONG volatile *Addend)
{
    return __atomic_sub_fetch(Addend, 1, __ATOMIC_SEQ_CST);
}

static inline LONGLONG InterlockedExchange64(LONGLONG volatile *Target, LONGLONG Value)
{
    return __atomic_exchange_n(Target, Value, __ATOMIC_SEQ_CST);
}

/* The value before. */
static inline LONGLONG InterlockedExchangeAdd64(LONGLONG volatile *Addend, LONGLONG Value)
{
    return __atomic_fetch_add(Addend, Value, __ATOMIC_SEQ_CST);
}

/* The value after. */
static inline LONGLONG InterlockedAdd64(LONGLONG volatile *Addend, LONGLONG Value)
{
    return __atomic_add_fetch(Addend, Value, __ATOMIC_SEQ_CST);
}

/* The value before, which was Comparand if ExChange is in its place now. */
static inline LONGLONG InterlockedCompareExchange64(LONGLONG volatile *Destination, LONGLONG ExChange, LONGLONG Comparand)
{
    __atomic_compare_exchange_n(Destination, &Comparand, ExChange, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    return Comparand;
}

static inline LONGLONG InterlockedAnd64(LONGLONG volatile *Destination, LONGLONG Value)
{
    return __atomic_fetch_and(Destination, Value, __ATOMIC_SEQ_CST);
}

static inline LONGLONG InterlockedOr64(LONGLONG volatile *Destination, LONGLONG Value)
{
    return __atomic_fetch_or(Destination, Value, __ATOMIC_SEQ_CST);
}

static inline LONGLONG InterlockedXor64(LONGLONG volatile *Destination, LONGLONG Value)
{
    return __atomic_fetch_xor(Destination, Value, __ATOMIC_SEQ_CST);
}

/* ---- Pointers ---- */

static inline PVOID InterlockedExchangePointer(PVOID volatile *Target, PVOID Value)
{
    return __atomic_exchange_n(Target, Value, __ATOMIC_SEQ_CST);
}

static inline PVOID InterlockedCompareExchangePointer(PVOID volatile *Destination, PVOID Exchange, PVOID Comparand)
{
    __atomic_compare_exchange_n(Destination, &Comparand, Exchange, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    return Comparand;
}

/* ---- Bits, which are numbered from the lowest; each function gives the bit before ---- */

static inline BOOLEAN InterlockedBitTestAndSet(LONG volatile *Base, LONG Bit)
{
    const ULONG mask = (ULONG)1 << (Bit & 31);
    return ((ULONG)__atomic_fetch_or(Base, (LONG)mask, __ATOMIC_SEQ_CST) & mask) != 0;
}

static inline BOOLEAN InterlockedBitTestAndReset(LONG volatile *Base, LONG Bit)
{
    const ULONG mask = (ULONG)1 << (Bit & 31);
    return ((ULONG)__atomic_fetch_and(Base, (LONG)~mask, __ATOMIC_SEQ_CST) & mask) != 0;
}

static inline BOOLEAN InterlockedBitTestAndComplement(LONG volatile *Base, LONG Bit)
{
    const ULONG mask = (ULONG)1 << (Bit & 31);
    return ((ULONG)__atomic_fetch_xor(Base, (LONG)mask, __ATOMIC_SEQ_CST) & mask) != 0;
}

static inline BOOLEAN InterlockedBitTestAndSet64(LONGLONG volatile *Base, LONGLONG Bit)
{
    const ULONGLONG mask = (ULONGLONG)1 << (Bit & 63);
    return ((ULONGLONG)__atomic_fetch_or(Base, (LONGLONG)mask, __ATOMIC_SEQ_CST) & mask) != 0;
}

static inline BOOLEAN InterlockedBitTestAndReset64(LONGLONG volatile *Base, LONGLONG Bit)
{
    const ULONGLONG mask = (ULONGLONG)1 << (Bit & 63);
    return ((ULONGLONG)__atomic_fetch_and(Base, (LONGLONG)~mask, __ATOMIC_SEQ_CST) & mask) != 0;
}

static inline BOOLEAN InterlockedBitTestAndComplement64(LONGLONG volatile *Base, LONGLONG Bit)
{
    const ULONGLONG mask = (ULONGLONG)1 << (Bit & 63);
    return ((ULONGLONG)__atomic_fetch_xor(Base, (LONGLONG)mask, __ATOMIC_SEQ_CST) & mask) != 0;
}

/* ---- What may be ordered less, and is not ---- */

#define InterlockedIncrementAcquire InterlockedIncrement
#define InterlockedIncrementRelease InterlockedIncrement
#define InterlockedIncrementNoFence InterlockedIncrement
#define InterlockedDecrementAcquire InterlockedDecrement
#define InterlockedDecrementRelease InterlockedDecrement
#define InterlockedDecrementNoFence InterlockedDecrement
#define InterlockedExchangeAcquire InterlockedExchange
#define InterlockedExchangeRelease InterlockedExchange
#define InterlockedExchangeNoFence InterlockedExchange
#define InterlockedExchangeAddAcquire InterlockedExchangeAdd
#define InterlockedExchangeAddRelease InterlockedExchangeAdd
#define InterlockedExchangeAddNoFence InterlockedExchangeAdd
#define InterlockedCompareExchangeAcquire InterlockedCompareExchange
#define InterlockedCompareExchangeRelease InterlockedCompareExchange
#define InterlockedCompareExchangeNoFence InterlockedCompareExchange
#define InterlockedAndAcquire InterlockedAnd
#define InterlockedAndRelease InterlockedAnd
#define InterlockedAndNoFence InterlockedAnd
#define InterlockedOrAcquire InterlockedOr
#define InterlockedOrRelease InterlockedOr
#define InterlockedOrNoFence InterlockedOr
#define InterlockedXorAcquire InterlockedXor
#define InterlockedXorRelease InterlockedXor
#define InterlockedXorNoFence InterlockedXor
#define InterlockedIncrement64Acquire InterlockedIncrement64
#define InterlockedIncrement64Release InterlockedIncrement64
#define InterlockedIncrement64NoFence InterlockedIncrement64
#define InterlockedDecrement64Acquire InterlockedDecrement64
#define InterlockedDecrement64Release InterlockedDecrement64
#define InterlockedDecrement64NoFence InterlockedDecrement64
#define InterlockedExchange64Acquire InterlockedExchange64
#define InterlockedExchange64Release InterlockedExchange64
#define InterlockedExchange64NoFence InterlockedExchange64
#define InterlockedExchangeAdd64Acquire InterlockedExchangeAdd64
#define InterlockedExchangeAdd64Release InterlockedExchangeAdd64
#define InterlockedExchangeAdd64NoFence InterlockedExchangeAdd64
#define InterlockedCompareExchange64Acquire InterlockedCompareExchange64
#define InterlockedCompareExchange64Release InterlockedCompareExchange64
#define InterlockedCompareExchange64NoFence InterlockedCompareExchange64
#define InterlockedExchangePointerAcquire InterlockedExchangePointer
#define InterlockedExchangePointerRelease InterlockedExchangePointer
#define InterlockedExchangePointerNoFence InterlockedExchangePointer
#define InterlockedCompareExchangePointerAcquire InterlockedCompareExchangePointer
#define InterlockedCompareExchangePointerRelease InterlockedCompareExchangePointer
#define InterlockedCompareExchangePointerNoFence InterlockedCompareExchangePointer

#ifdef __cplusplus
}
#endif

#endif
