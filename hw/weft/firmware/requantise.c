/* Requantisation f32_rne, as weft.golden.requantise has it; the requantiser does most of it. */
#include "firmware.h"

#define SIGNIFICANT (1u << 24) /* a float32 has 24 bits */
#define EXPONENT (1u << 23)    /* where its exponent begins */

i32 requantise(i32 acc, u32 scale, i32 zero_point, i32 qmin, i32 qmax)
{
    u32 left = acc < 0 ? 0u - acc : acc;
    if (left >= SIGNIFICANT) { /* fl32(acc): half to even */
        u32 last = 0, before = 0;
        do {
            before |= last;
            last = left & 1;
            left >>= 1;
            scale += EXPONENT;
        } while (left >= SIGNIFICANT);
        left += last & (before | left);
    }
    OUT(OUT_SCALE) = scale;
    OUT(OUT_MAGNITUDE) = left;
    i32 whole = IN(IN_REQUANTISED);
    whole = (acc < 0 ? -whole : whole) + zero_point;
    whole = whole < qmin ? qmin : whole;
    return whole > qmax ? qmax : whole;
}
