/* Something of everything that a trace shows: branches, division, memory, shared memory, a barrier. */
#include "weft.h"

WEFT_KERNEL void traced(int n, int d, const int *x, int *y)
{
    int *box = (int *)weft_shared();

    for (int i = weft_global_x(); i < n; i += weft_global_dim_x())
        if (x[i] & 1)
            y[i] = x[i] / d;
    box[weft_thread()] = n;
    weft_bar();
    if (weft_thread() == 0)
        y[0] = box[1];
}
