/* The sum of x[i] y[i], as `reduction` does it. Floating-point sums depend on their order, so on
   the number of threads: results differ in their last bits from core to core. */
#include "block.h"

WEFT_KERNEL void dot_product(int n, const float *x, const float *y, float *sums)
{
    float sum = 0;
    int threads = weft_global_dim_x();
    for (int i = weft_global_x(); i < n; i += threads)
        sum += x[i] * y[i];

    sum = block_sum_f(sum, weft_shared());
    if (weft_thread() == 0)
        sums[weft_block_x()] = sum;
}
