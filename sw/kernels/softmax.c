/* y = exp(x - max) / sum of exp(x - max) for each row of a matrix; one warp for each row.

   The maximum is subtracted so that nothing overflows. The core has a power of 2, not of e:
   exp(v) = 2^(v log2 e). */
#include "block.h"

#define LOG2_E 1.44269504f

WEFT_KERNEL void softmax(int rows, int columns, const float *x, float *y)
{
    int first = weft_block_x() * block_warps() + block_warp();
    int lanes = weft_lanes(), lane = weft_lane(), step = weft_grid_dim_x() * block_warps();

    for (int row = first; row < rows; row += step) {
        const float *in = x + row * columns;
        float *out = y + row * columns;

        float most = -__builtin_inff();
        for (int c = lane; c < columns; c += lanes)
            most = __builtin_fmaxf(most, in[c]);
        most = warp_max_f(most);

        float sum = 0;
        for (int c = lane; c < columns; c += lanes) {
            float power = weft_exp2((in[c] - most) * LOG2_E);
            sum += power;
            out[c] = power;
        }
        float scale = weft_rcp(warp_sum_f(sum));

        /* Each thread reads what it wrote itself: nobody has to wait. */
        for (int c = lane; c < columns; c += lanes)
            out[c] *= scale;
    }
}
