/* The layer norm of a sum of two rows of bytes, bytes out:

       h = ka a + kf f,   y = (h - mean h) / sqrt(variance + epsilon) gain + bias, rounded

   Both operands have whole weights, so that h and its sums are exact. A thread keeps its 16 numbers
   of h in registers, which leaves few: what is derived from arguments is derived again for each row.

   `affine` holds gain and bias in the order in which threads need them: for each of a thread's 16
   bytes the gains of the eight lanes, then their biases. */
#include "rows.h"

#define SIGNS 0x80808080u

/* The compiler is not to know that `value` is the same in each turn of a loop: it would keep all
   that follows from it, on the stack. */
#define OPAQUE(value) __asm__ volatile("" : "+r"(value))

WEFT_KERNEL void add_norm(
    int rows, int ka, int kf, float epsilon, const void *a, const void *f, const float *affine, void *y)
{
    const float *table = (const float *)shared_copy(2 * COLUMNS, affine) + weft_lane();

    for (int row = warp(); row < rows; row += warps()) {
        int first = row * ROW_WORDS + weft_lane();
        const int *as = (const int *)a + first, *fs = (const int *)f + first;
        int *out = (int *)y + first;
        OPAQUE(ka);
        OPAQUE(kf);

        int h[WORDS][4], sum = 0, squares = 0;
#pragma unroll
        for (int w = 0; w < WORDS; w++) {
            int aw = as[w * LANES], fw = fs[w * LANES];
            for (int b = 0; b < 4; b++) {
                int v = weft_dot4(aw, ka << 8 * b) + weft_dot4(fw, kf << 8 * b);
                h[w][b] = v;
                sum += v;
                squares += v * v;
            }
        }
        float mean = (float)row_sum(sum) * (1.0f / COLUMNS);
        float square = (float)row_sum(squares) * (1.0f / COLUMNS);
        float scale = weft_rsqrt(square - mean * mean + epsilon);
        float shift = mean * scale;

        OPAQUE(out);
#pragma unroll
        for (int w = 0; w < WORDS; w++) {
            unsigned word = 0;
            for (int b = 0; b < 4; b++) {
                const float *column = table + 2 * LANES * (4 * w + b);
                float v = ((float)h[w][b] * scale - shift) * column[0] + column[LANES];
                word += (unsigned)weft_clip8(__builtin_lrintf(v)) << 8 * b;
            }
            /* Each negative byte has borrowed from the next: + 128 undoes that, ^ 128 the 128. */
            out[w * LANES] = (word + SIGNS) ^ SIGNS;
        }
    }
}
