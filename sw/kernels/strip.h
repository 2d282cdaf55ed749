/* Strips: how element-wise kernels share out an array.

   The plain way, element t, t + threads, t + 2 threads... to thread t, costs as many instructions
   for counting and addressing as for the work. Here eight neighbouring threads take a strip of 32
   neighbouring elements, four each, eight apart:

       thread   0  1  2 .. 7
       element  0  1  2 .. 7   first
                8  9 10 .. 15  + STRIP_NEXT
               16 17 18 .. 23  + 2 STRIP_NEXT
               24 25 26 .. 31  + 3 STRIP_NEXT

   The four are a constant distance apart, so that one address serves all; and the lanes of a warp
   still touch neighbouring words, which memory serves together. */
#ifndef STRIP_H
#define STRIP_H

#include "weft.h"

/* The compiler is not to know where `value` comes from: else it would count several variables up
   beside each other, and save registers on the stack for them. */
#define OPAQUE(value) __asm__("" : "+r"(value))

#define STRIP_THREADS 8
#define STRIP_EACH 4
#define STRIP_NEXT STRIP_THREADS
#define STRIP_SIZE (STRIP_THREADS * STRIP_EACH)

/* First element of thread `t`: strip t / 8, place t mod 8. */
WEFT_INLINE unsigned strip_first(unsigned t)
{
    return t / STRIP_THREADS * STRIP_SIZE + t % STRIP_THREADS;
}

/* Threads that the whole strips of n elements keep busy; the elements from strip_end(n) on are left
   over. */
WEFT_INLINE unsigned strip_threads(unsigned n)
{
    return n / STRIP_SIZE * STRIP_THREADS;
}

WEFT_INLINE unsigned strip_end(unsigned n)
{
    return n / STRIP_SIZE * STRIP_SIZE;
}

#endif
