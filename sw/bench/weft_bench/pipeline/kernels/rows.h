/* Rows of 128 bytes, one for each warp of eight lanes at a time.

   Lane l has the words l, l + 8, l + 16 and l + 24 of a row: neighbours touch neighbouring words,
   and what a thread has is a constant distance apart. */
#ifndef ROWS_H
#define ROWS_H

#include "weft.h"

#define COLUMNS 128
#define LANES 8
#define ROW_WORDS (COLUMNS / 4)
#define WORDS (ROW_WORDS / LANES) /* of a row, for each thread */

/* The warp's number in its block, and warps of a block. */
WEFT_INLINE int warp(void)
{
    return weft_thread() / LANES;
}

WEFT_INLINE int warps(void)
{
    return weft_block_dim_x() / LANES;
}

/* Copy a table to shared memory, by all threads of the block. */
WEFT_INLINE void *shared_copy(int words, const void *table)
{
    int *shared = weft_shared();
    for (int i = weft_thread(); i < words; i += weft_block_dim_x())
        shared[i] = ((const int *)table)[i];
    weft_bar();
    return shared;
}

/* Sum over the eight lanes, in each of them. */
WEFT_INLINE int row_sum(int value)
{
    value += weft_shfl_xor(value, 1);
    value += weft_shfl_xor(value, 2);
    value += weft_shfl_xor(value, 4);
    return value;
}

#endif
