/* A kernel for tests/boards/test_board.py. */
#include "weft.h"

WEFT_KERNEL void add(unsigned n, const int *x, const int *y, int *z)
{
    for (unsigned i = weft_global_x(); i < n; i += weft_global_dim_x())
        z[i] = x[i] + y[i];
}
