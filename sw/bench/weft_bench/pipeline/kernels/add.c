/* The sum of two tensors of bytes and ReLU, bytes out:

       y = clamp(round_half_even((float)(ka a + kf f) * scale), 0, 127)

   Both operands have whole weights, so that their sum is exact; from there on it is what the array's
   DRAIN makes of a sum. */
#include "rows.h"

WEFT_KERNEL void add_relu(
    int rows, int ka, int kf, float scale, const void *a, const void *f, void *y)
{
    for (int row = warp(); row < rows; row += warps()) {
        int first = row * ROW_WORDS + weft_lane();
        const int *as = (const int *)a + first, *fs = (const int *)f + first;
        int *out = (int *)y + first;

        for (int w = 0; w < WORDS; w++) {
            int aw = as[w * LANES], fw = fs[w * LANES];
            unsigned word = 0;
            for (int b = 0; b < 4; b++) {
                int h = weft_dot4(aw, ka << 8 * b) + weft_dot4(fw, kf << 8 * b);
                float v = __builtin_fmaxf((float)h * scale, 0);
                word |= (unsigned)weft_clip8(__builtin_lrintf(v)) << 8 * b;
            }
            out[w * LANES] = word;
        }
    }
}
