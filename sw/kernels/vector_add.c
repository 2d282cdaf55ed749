/* z = x + y. */
#include "strip.h"

WEFT_KERNEL void vector_add(
    unsigned n, const float *x, const float *y, float *z)
{
    unsigned thread = weft_global_x(), threads = weft_global_dim_x();

    for (unsigned t = thread; t < strip_threads(n); t += threads) {
        OPAQUE(t);
        unsigned first = strip_first(t);
        const float *xs = x + first, *ys = y + first;
        float *zs = z + first;
        for (int k = 0; k < STRIP_SIZE; k += STRIP_NEXT)
            zs[k] = xs[k] + ys[k];
    }
    for (unsigned i = strip_end(n) + thread; i < n; i += threads)
        z[i] = x[i] + y[i];
}
