/* Softmax of the rows of a product as the array leaves it: int32 sums, at a scale.

   As in softmax.c, one warp for each row. */
#include "../../../kernels/block.h"

#define LOG2_E 1.44269504f

WEFT_KERNEL void softmax_scores(
    int rows, int columns, float scale, const int *sums, float *y)
{
    int first = weft_block_x() * block_warps() + block_warp();
    int lanes = weft_lanes(), lane = weft_lane(), step = weft_grid_dim_x() * block_warps();

    for (int row = first; row < rows; row += step) {
        const int *in = sums + row * columns;
        float *out = y + row * columns;

        int most = in[0];
        for (int c = lane; c < columns; c += lanes)
            most = in[c] > most ? in[c] : most;
        float largest = warp_max_f((float)most);

        float sum = 0;
        for (int c = lane; c < columns; c += lanes) {
            float power = weft_exp2(((float)in[c] - largest) * scale * LOG2_E);
            sum += power;
            out[c] = power;
        }
        float share = weft_rcp(warp_sum_f(sum));

        /* Each thread reads what it wrote itself: nobody has to wait. */
        for (int c = lane; c < columns; c += lanes)
            out[c] *= share;
    }
}
