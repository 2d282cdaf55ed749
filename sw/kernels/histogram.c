/* How often each of 256 values occurs in an array of bytes, by one block.

   Threads that count the same value at the same time would lose counts; an atomic addition is one
   that nothing can come between. Atomics work in shared memory, so the counts live there. */
#include "weft.h"

#define VALUES 256

WEFT_KERNEL void histogram(int n, const uint8_t *x, int *counts)
{
    int *count = weft_shared(), threads = weft_block_dim_x();
    for (int v = weft_thread(); v < VALUES; v += threads)
        count[v] = 0;
    weft_bar();

    for (int i = weft_thread(); i < n; i += threads)
        weft_amoadd(&count[x[i]], 1);
    weft_bar();

    for (int v = weft_thread(); v < VALUES; v += threads)
        counts[v] = count[v];
}
