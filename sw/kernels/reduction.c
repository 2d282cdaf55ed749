/* The sum of an array: each thread sums its share in a register, then the threads of the block add
   up what they have. One sum for each block; launch one block for one sum.

   Four elements at a time: left to the compiler, that begins with a division, for which warps wait
   for each other. */
#include "block.h"

WEFT_KERNEL void reduction(int n, const int *x, int *sums)
{
    int sum = 0, i = weft_global_x(), threads = weft_global_dim_x();
    for (; i + 3 * threads < n; i += 4 * threads)
        for (int k = 0; k < 4; k++)
            sum += x[i + k * threads];
    for (; i < n; i += threads)
        sum += x[i];

    sum = block_sum(sum, weft_shared());
    if (weft_thread() == 0)
        sums[weft_block_x()] = sum;
}
