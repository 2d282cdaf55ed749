/* C = A B for floats, all row by row in memory.

   A thread makes 4 rows x 2 columns of C in registers, so that every float that is loaded is used 2
   or 4 times. Each sum runs over k in order, with a rounding after every product and every
   addition. */
#include "weft.h"

#define ROWS 4
#define COLUMNS 2
#define GROUP 8

WEFT_INLINE int at_most(int value, int limit)
{
    return value < limit ? value : limit;
}

WEFT_KERNEL void gemm_float(int m, int n, int k, const float *a, const float *b, float *c)
{
    unsigned strips = (n + GROUP * COLUMNS - 1) / (GROUP * COLUMNS);
    unsigned items = (m + ROWS - 1) / ROWS * strips * GROUP;

    for (unsigned item = weft_global_x(); item < items; item += weft_global_dim_x()) {
        int row = item / GROUP / strips * ROWS;
        int column = item / GROUP % strips * (GROUP * COLUMNS) + item % GROUP;

        /* Rows and columns beyond the last are computed from the last, and not stored. */
        const float *as[ROWS], *bs[COLUMNS];
        for (int r = 0; r < ROWS; r++)
            as[r] = a + at_most(row + r, m - 1) * k;
        for (int s = 0; s < COLUMNS; s++)
            bs[s] = b + at_most(column + s * GROUP, n - 1);

        float sum[ROWS][COLUMNS] = {0};
        for (int i = 0; i < k; i++) {
            float bv[COLUMNS];
            for (int s = 0; s < COLUMNS; s++) {
                bv[s] = *bs[s];
                bs[s] += n;
            }
            for (int r = 0; r < ROWS; r++) {
                float av = *as[r]++;
                for (int s = 0; s < COLUMNS; s++)
                    sum[r][s] += av * bv[s];
            }
        }

        for (int r = 0; r < ROWS; r++)
            for (int s = 0; s < COLUMNS; s++)
                if (row + r < m && column + s * GROUP < n)
                    c[(row + r) * n + column + s * GROUP] = sum[r][s];
    }
}
