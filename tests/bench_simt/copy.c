/* y = x: loads, stores and plain instructions alone, for the bound of the latency dial. */
#include "weft.h"

WEFT_KERNEL void copy(unsigned n, const int *x, int *y)
{
    for (unsigned i = weft_global_x(); i < n; i += weft_global_dim_x())
        y[i] = x[i];
}
