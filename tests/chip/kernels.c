/* Kernels for tests/chip/test_kernels.py. */
#include "weft.h"

/* Every thread mixes its own numbers; threads of a block exchange them through shared memory. */
WEFT_KERNEL void mix(int n, int rounds, const unsigned *x, unsigned *y)
{
    unsigned *mine = weft_shared();
    unsigned thread = weft_thread();
    unsigned threads = weft_block_dim_x() * weft_block_dim_y() * weft_block_dim_z();
    unsigned block = weft_block_x() + weft_grid_dim_x() * weft_block_y();
    unsigned blocks = weft_grid_dim_x() * weft_grid_dim_y();
    for (unsigned first = block * threads; first < n; first += blocks * threads) {
        unsigned i = first + thread;
        unsigned value = i < n ? x[i] : i;
        for (int r = 0; r < rounds; ++r) {
            mine[thread] = value;
            weft_bar();
            unsigned other = mine[(thread + 1) % threads];
            value = value * 2654435761u + (other >> 7);
            if (value & 1) /* threads go apart and meet again */
                value /= 3;
            else
                value ^= value >> 5;
            weft_bar();
        }
        if (i < n)
            y[i] = value;
    }
}

WEFT_KERNEL void count(int n, const unsigned char *x, unsigned *bins)
{
    unsigned *own = weft_shared();
    unsigned threads = weft_block_dim_x();
    for (unsigned b = weft_thread(); b < 16; b += threads)
        own[b] = 0;
    weft_bar();
    for (unsigned i = weft_thread(); i < n; i += threads)
        weft_amoadd((volatile int *)&own[x[i] & 15], 1);
    weft_bar();
    for (unsigned b = weft_thread(); b < 16; b += threads)
        bins[b] = own[b];
}

WEFT_KERNEL void twice(int n, int *x)
{
    for (int i = weft_global_x(); i < n; i += weft_global_dim_x())
        x[i] = 2 * x[i];
}

WEFT_KERNEL void far(unsigned *where)
{
    if (weft_global_x() == 5)
        where[1 << 26] = 1;
}

WEFT_KERNEL void forever(volatile int *x)
{
    while (!*x)
        ;
}

/* One thread has the chip do something, command by command; then all threads work on the result. */
WEFT_KERNEL void conduct(int count, const unsigned *commands, unsigned semaphore, int n, int *x)
{
    if (weft_thread() == 0) {
        for (int i = 0; i < count; ++i)
            weft_push(commands + 16 * i);
        weft_wait(semaphore);
    }
    weft_bar();
    for (int i = weft_thread(); i < n; i += weft_block_dim_x())
        x[i] = 3 * x[i];
}
