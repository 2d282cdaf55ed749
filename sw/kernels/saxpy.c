/* y = a x + y, the "hello, world" of GPUs. Element by element it would read

       for (int i = thread; i < n; i += threads)
           y[i] = a * x[i] + y[i];

   which is right, and 9 instructions an element; strips need fewer. */
#include "strip.h"

WEFT_KERNEL void saxpy(unsigned n, float a, const float *x, float *y)
{
    unsigned thread = weft_global_x(), threads = weft_global_dim_x();

    for (unsigned t = thread; t < strip_threads(n); t += threads) {
        OPAQUE(t);
        const float *xs = x + strip_first(t);
        float *ys = y + strip_first(t);
        for (int k = 0; k < STRIP_SIZE; k += STRIP_NEXT)
            ys[k] = a * xs[k] + ys[k];
    }
    for (unsigned i = strip_end(n) + thread; i < n; i += threads)
        y[i] = a * x[i] + y[i];
}
