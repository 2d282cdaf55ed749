/* C = A B for bytes, sums of 32 bits: the array's job, done by threads.

   `dot4` multiplies four bytes of one word with four of another and adds the products up. So both
   operands are packed into words of four bytes along K, K padded with zeros:

       a   word (k / 4, row) is A[row][k .. k + 3]; rows padded to a multiple of 4
       b   word (k / 4, column) is B[k .. k + 3][column]; columns padded to a multiple of 16

   A thread makes 4 rows x 2 columns of C in registers: a word that is loaded once is used 2 or 4
   times. Eight neighbouring threads have the same rows, and 16 neighbouring columns. */
#include "weft.h"

#define ROWS 4
#define COLUMNS 2
#define GROUP 8

WEFT_KERNEL void gemm_int8(int m, int n, int words, const int *a, const int *b, int *c)
{
    int threads = weft_global_dim_x();
    int strips = (n + GROUP * COLUMNS - 1) / (GROUP * COLUMNS);
    int a_pitch = (m + ROWS - 1) / ROWS * ROWS, b_pitch = strips * (GROUP * COLUMNS);

    /* Threads are counted through the groups of a row, then through the rows; without a division,
       for which warps wait for each other. */
    int row = 0;
    for (int item = weft_global_x();; item += threads) {
        for (; item >= strips * GROUP; item -= strips * GROUP)
            row += ROWS;
        if (row >= m)
            break;
        int column = item / GROUP * (GROUP * COLUMNS) + item % GROUP;

        int sum[ROWS][COLUMNS] = {0};
        const int *as = a + row, *bs = b + column;
        for (int word = 0; word < words; word++) {
            for (int r = 0; r < ROWS; r++)
                for (int s = 0; s < COLUMNS; s++)
                    sum[r][s] += weft_dot4(as[r], bs[s * GROUP]);
            as += a_pitch;
            bs += b_pitch;
        }

        int *to = c + row * n + column;
        for (int r = 0; r < ROWS; r++, to += n)
            for (int s = 0; s < COLUMNS; s++)
                if (row + r < m && column + s * GROUP < n)
                    to[s * GROUP] = sum[r][s];
    }
}
