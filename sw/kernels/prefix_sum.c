/* y[i] = x[0] + ... + x[i], by one block.

   A sum that looks serial is made parallel in two levels. Every warp has a piece of the array and
   adds it up; once all warps know the sums of the pieces before theirs, each goes through its piece
   again, a row of as many elements as lanes at a time, and scans the row by a butterfly. */
#include "block.h"

WEFT_KERNEL void prefix_sum(int n, const int *x, int *y)
{
    int *sums = weft_shared();
    int lanes = weft_lanes(), lane = weft_lane(), warp = block_warp(), warps = block_warps();
    int rows = (n + lanes * warps - 1) / (lanes * warps);
    int first = warp * rows * lanes, end = first + rows * lanes;

    int sum = 0;
    for (int i = first + lane; i < end && i < n; i += lanes)
        sum += x[i];
    sum = warp_sum(sum);
    if (lane == 0)
        sums[warp] = sum;
    weft_bar();

    int before = 0;
    for (int w = 0; w < warp; w++)
        before += sums[w];

    /* All lanes take all rows, so that they meet at the shuffles. */
    for (int row = first; row < end; row += lanes) {
        int i = row + lane;
        int value = i < n ? x[i] : 0;

        /* After step m, groups of 2 m lanes are done: `total` is the group's sum, `value` that up
           to and with this lane. The other half of the group lies before a lane whose bit m is
           set. */
        int total = value;
#define SCAN(m) \
    do { \
        int other = weft_shfl_xor(total, m); \
        value += lane & (m) ? other : 0; \
        total += other; \
    } while (0)
        WARP_STEPS(lanes, SCAN);

        if (i < n)
            y[i] = before + value;
        before += total;
    }
}
