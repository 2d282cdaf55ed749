/* Softmax of rows of bytes, bytes out: p = 127 exp(s (q - peak)) / sum, rounded.

   A byte has 256 values, so their powers stand in a table, as whole numbers up to 2^24: no maximum
   has to be found, and the sum is exact. A thread keeps the powers of its 16 bytes in registers.

       p = floor((e + sum / 254) 127 2^32 / sum / 2^32)

   is the high word of one product; sum / 254 is half a step of the result. */
#include "rows.h"

#define POWERS 256
#define PEAK 127
#define HALF 16909320u /* 2^32 / (2 PEAK) */

WEFT_KERNEL void softmax_bytes(int rows, const void *x, const unsigned *powers, void *y)
{
    const char *table = shared_copy(POWERS, powers);
    const char *middle = table + POWERS / 2 * sizeof(unsigned);

    for (int row = warp(); row < rows; row += warps()) {
        int first = row * ROW_WORDS + weft_lane();
        const int *in = (const int *)x + first;
        int *out = (int *)y + first;

        unsigned power[WORDS][4], sum = 0;
        for (int w = 0; w < WORDS; w++) {
            int word = in[w * LANES];
            for (int b = 0; b < 4; b++) {
                /* dot4 cuts a byte out and multiplies it with 4, the size of a word, at once. */
                int at = weft_dot4(word, sizeof(unsigned) << 8 * b);
                sum += power[w][b] = *(const unsigned *)(middle + at);
            }
        }
        sum = row_sum(sum);

        unsigned share = weft_rcp((float)sum) * (PEAK * 4294967296.0f);
        unsigned half = (uint64_t)sum * HALF >> 32;
        for (int w = 0; w < WORDS; w++) {
            unsigned word = 0;
            for (int b = 0; b < 4; b++)
                word |= (unsigned)((uint64_t)(power[w][b] + half) * share >> 32) << 8 * b;
            out[w * LANES] = word;
        }
    }
}
