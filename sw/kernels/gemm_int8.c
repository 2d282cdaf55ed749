/* C = A B for bytes, sums of 32 bits: the array's job, done by threads.

   `dot4` multiplies four bytes of one word with four of another and adds the products up, so both
   operands have to be words along K, which is padded with zeros to a multiple of 8:

       a   rows of A, `pairs` x 2 words each
       b   word (k / 4, column) is B[k .. k + 3][column]: neighbouring threads, which have
           neighbouring columns, read neighbouring words. Columns are padded to a multiple of 16.

   A thread makes 4 rows x 2 columns of C in registers: a word that is loaded once is used 2 or 4
   times. Eight neighbouring threads have the same rows, and 16 neighbouring columns. */
#include "weft.h"

#define ROWS 4
#define COLUMNS 2
#define GROUP 8

WEFT_KERNEL void gemm_int8(int m, int n, int pairs, const int *a, const int *b, int *c)
{
    unsigned strips = (n + GROUP * COLUMNS - 1) / (GROUP * COLUMNS);
    unsigned items = (m + ROWS - 1) / ROWS * strips * GROUP;

    for (unsigned item = weft_global_x(); item < items; item += weft_global_dim_x()) {
        int row = item / GROUP / strips * ROWS;
        int column = item / GROUP % strips * (GROUP * COLUMNS) + item % GROUP;

        /* Rows beyond the last one are computed from the last one, and not stored. */
        const int *as[ROWS], *bs = b + column;
        for (int r = 0; r < ROWS; r++)
            as[r] = a + (row + r < m ? row + r : m - 1) * pairs * 2;

        int sum[ROWS][COLUMNS] = {0};
        for (int pair = 0; pair < pairs; pair++) {
            for (int word = 0; word < 2; word++) {
                int b0 = bs[0], b1 = bs[GROUP];
                bs += strips * (GROUP * COLUMNS);
                for (int r = 0; r < ROWS; r++) {
                    int av = as[r][word];
                    sum[r][0] += weft_dot4(av, b0);
                    sum[r][1] += weft_dot4(av, b1);
                }
            }
            for (int r = 0; r < ROWS; r++)
                as[r] += 2;
        }

        for (int r = 0; r < ROWS; r++)
            for (int s = 0; s < COLUMNS; s++)
                if (row + r < m && column + s * GROUP < n)
                    c[(row + r) * n + column + s * GROUP] = sum[r][s];
    }
}
