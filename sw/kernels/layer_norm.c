/* y = (x - mean) / sqrt(variance + epsilon) * gain + bias, over each row; one warp for each row. */
#include "block.h"

WEFT_KERNEL void layer_norm(
    int rows,
    int columns,
    float epsilon,
    const float *x,
    const float *gain,
    const float *bias,
    float *y)
{
    int first = weft_block_x() * block_warps() + block_warp();
    int lanes = weft_lanes(), lane = weft_lane(), step = weft_grid_dim_x() * block_warps();
    float share = 1.0f / columns;

    for (int row = first; row < rows; row += step) {
        const float *in = x + row * columns;
        float *out = y + row * columns;

        float sum = 0;
        for (int c = lane; c < columns; c += lanes)
            sum += in[c];
        float mean = warp_sum_f(sum) * share;

        /* Squares of differences, not a difference of squares: that would cancel. */
        float squares = 0;
        for (int c = lane; c < columns; c += lanes)
            squares += (in[c] - mean) * (in[c] - mean);
        float scale = weft_rsqrt(warp_sum_f(squares) * share + epsilon);

        for (int c = lane; c < columns; c += lanes)
            out[c] = (in[c] - mean) * scale * gain[c] + bias[c];
    }
}
