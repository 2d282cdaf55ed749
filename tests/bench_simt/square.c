/* y = (sum * sum mod 2^32) >> 3, the stage of `test_overlap.py`; scale is not used. */
#include "weft.h"

WEFT_KERNEL void square(int rows, int columns, float scale, const int *sums, int *y)
{
    (void)scale;
    for (int i = weft_global_x(); i < rows * columns; i += weft_global_dim_x())
        y[i] = ((unsigned)sums[i] * (unsigned)sums[i]) >> 3;
}
