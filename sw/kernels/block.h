/* How threads meet: values that a warp or a whole block has in common.

   A warp is the 1 to 8 lanes that run together; its lanes exchange registers by "butterfly"
   shuffles: in step m each lane gets the value of the lane whose number differs in bit m. After the
   steps 1, 2 and 4 all eight lanes have the sum of all eight; a core of fewer lanes takes fewer
   steps. A block is one or more warps; they exchange words of shared memory, with a barrier in
   between. */
#ifndef BLOCK_H
#define BLOCK_H

#include "weft.h"

/* value / lanes: lanes are 1, 2, 4 or 8, and warps that divide wait for each other. */
WEFT_INLINE unsigned by_lanes(unsigned value)
{
    unsigned lanes = weft_lanes();
    return value >> ((lanes > 1) + (lanes > 2) + (lanes > 4));
}

/* Number of the thread's warp in its block, and warps of a block. */
WEFT_INLINE unsigned block_warp(void)
{
    return by_lanes(weft_thread());
}

WEFT_INLINE unsigned block_warps(void)
{
    return by_lanes(weft_block_dim_x() + weft_lanes() - 1);
}

/* Do `step(m)` for m = 1, 2, 4 as far as the core has lanes. */
#define WARP_STEPS(lanes, step) \
    do { \
        if ((lanes) > 1) \
            step(1); \
        if ((lanes) > 2) \
            step(2); \
        if ((lanes) > 4) \
            step(4); \
    } while (0)

/* Sum or maximum over the warp, in every lane. */
WEFT_INLINE int warp_sum(int value)
{
    unsigned lanes = weft_lanes();
#define ADD(m) (value += weft_shfl_xor(value, m))
    WARP_STEPS(lanes, ADD);
#undef ADD
    return value;
}

WEFT_INLINE float warp_sum_f(float value)
{
    unsigned lanes = weft_lanes();
#define ADD(m) (value += weft_shfl_xor_f(value, m))
    WARP_STEPS(lanes, ADD);
#undef ADD
    return value;
}

WEFT_INLINE float warp_max_f(float value)
{
    unsigned lanes = weft_lanes();
#define MAX(m) (value = __builtin_fmaxf(value, weft_shfl_xor_f(value, m)))
    WARP_STEPS(lanes, MAX);
#undef MAX
    return value;
}

/* Sum over the block, in every thread. `partial` is a word of shared memory for each warp; it is
   in use until the next barrier. */
WEFT_INLINE int block_sum(int value, int *partial)
{
    value = warp_sum(value);
    if (weft_lane() == 0)
        partial[block_warp()] = value;
    weft_bar();

    int total = 0;
    unsigned warps = block_warps();
    for (unsigned warp = 0; warp < warps; warp++)
        total += partial[warp];
    return total;
}

WEFT_INLINE float block_sum_f(float value, float *partial)
{
    value = warp_sum_f(value);
    if (weft_lane() == 0)
        partial[block_warp()] = value;
    weft_bar();

    float total = 0;
    unsigned warps = block_warps();
    for (unsigned warp = 0; warp < warps; warp++)
        total += partial[warp];
    return total;
}

#endif
