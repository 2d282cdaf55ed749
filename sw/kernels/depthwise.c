/* Depthwise 3 x 3 convolution of bytes, stride 1, same size out as in, with requantisation.

   Each channel has a filter of its own: no sum over channels, so nothing for the array to reuse,
   and work for threads. Images are height x width x channels; pixels outside are the zero point and
   add nothing. The result is

       r = round_half_even((float)sum * scale),   y = clamp(r + zero_y, low, high)

   with the product rounded to float32: bit for bit what the array's DRAIN makes of the same sum. */
#include "weft.h"

struct depthwise {
    int height, width, channels;
    int zero_x, zero_y; /* zero points */
    int low, high;      /* limits of y */
};

WEFT_INLINE int requantise(int sum, float scale, int zero, int low, int high)
{
    /* The conversion rounds half to even and stops at the ends of int. Clamped before the zero
       point is added, so that the addition cannot overflow. */
    int r = __builtin_lrintf((float)sum * scale);
    r = r < low - zero ? low - zero : r;
    r = r > high - zero ? high - zero : r;
    return r + zero;
}

WEFT_KERNEL void depthwise(
    const struct depthwise *shape,
    const int8_t *x,
    const int8_t *weights, /* 3 x 3 x channels */
    const int *bias,       /* channels */
    const float *scale,    /* channels */
    int8_t *y)
{
    int height = shape->height, width = shape->width, channels = shape->channels;
    int zero = shape->zero_x, size = height * width * channels;

    int threads = weft_global_dim_x();
    for (int i = weft_global_x(); i < size; i += threads) {
        int channel = i % channels, column = i / channels % width, row = i / channels / width;
        int sum = bias[channel];
        for (int dy = -1; dy <= 1; dy++)
            for (int dx = -1; dx <= 1; dx++) {
                if ((unsigned)(row + dy) >= (unsigned)height ||
                    (unsigned)(column + dx) >= (unsigned)width)
                    continue;
                int value = x[i + (dy * width + dx) * channels] - zero;
                sum += value * weights[(3 * (dy + 1) + dx + 1) * channels + channel];
            }
        y[i] = requantise(sum, scale[channel], shape->zero_y, shape->low, shape->high);
    }
}
