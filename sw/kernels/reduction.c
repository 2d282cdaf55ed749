/* The sum of an array: each thread sums its share in a register, then the threads of the block add
   up what they have. One sum for each block; launch one block for one sum. */
#include "block.h"

WEFT_KERNEL void reduction(int n, const int *x, int *sums)
{
    int sum = 0;
    int threads = weft_global_dim_x();
#pragma clang loop unroll_count(4)
    for (int i = weft_global_x(); i < n; i += threads)
        sum += x[i];

    sum = block_sum(sum, weft_shared());
    if (weft_thread() == 0)
        sums[weft_block_x()] = sum;
}
