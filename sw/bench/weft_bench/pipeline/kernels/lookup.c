/* Any function of a byte, by its table: y = table[x]. GELU, for example.

   Each of the four bytes of a word has a table of its own, whose words hold the result where it
   belongs in the word: what is found is put together with OR. */
#include "rows.h"

#define VALUES 256
#define TABLES 4

WEFT_KERNEL void lookup(int rows, const void *x, const int *tables, void *y)
{
    const char *table = shared_copy(TABLES * VALUES, tables);
    const char *middle = table + VALUES / 2 * sizeof(int);

    for (int row = warp(); row < rows; row += warps()) {
        int first = row * ROW_WORDS + weft_lane();
        const int *in = (const int *)x + first;
        int *out = (int *)y + first;

        for (int w = 0; w < WORDS; w++) {
            int word = in[w * LANES], found = 0;
            for (int b = 0; b < TABLES; b++) {
                /* dot4 cuts a byte out and multiplies it with 4, the size of a word, at once. */
                int at = weft_dot4(word, sizeof(int) << 8 * b);
                found |= *(const int *)(middle + b * VALUES * sizeof(int) + at);
            }
            out[w * LANES] = found;
        }
    }
}
