/* y[c][r] = x[r][c], through shared memory; one block for each tile of 16 x 16 words.

   Directly, either the reads or the writes of a warp would lie a whole row apart, one access to
   memory for each lane. A tile in shared memory is written along rows and read along columns, and
   memory sees neighbours both times. Its rows are one word longer than the tile is wide: words of
   one column then lie in different banks, so that the lanes of a warp get them at once.

   Thread t has columns t and t + 8 of the tile: one address serves both. Blocks of 8 threads fit
   best, others work. */
#include "weft.h"

#define TILE 16
#define HALF (TILE / 2)
#define PITCH (TILE + 1)

/* The compiler is not to know what a pointer is, nor by how much it moves: else it would compute the
   addresses of all 16 rows beforehand, or keep one pointer for each way to write them. */
#define OPAQUE(pointer) __asm__("" : "+r"(pointer))
#define STEP(pointer, words) \
    do { \
        pointer += (words); \
        OPAQUE(pointer); \
    } while (0)

/* A tile of which only `high` x `wide` words are inside of the matrix, one by one. */
static __attribute__((noinline)) void edge(
    int high, int wide, const int *x, int x_pitch, int *y, int y_pitch)
{
    int *tile = weft_shared(), threads = weft_block_dim_x();

    for (int i = weft_thread(); i < TILE * TILE; i += threads) {
        int r = i / TILE, c = i % TILE;
        if (r < high && c < wide)
            tile[r * PITCH + c] = x[r * x_pitch + c];
    }
    weft_bar();
    for (int i = weft_thread(); i < TILE * TILE; i += threads) {
        int c = i / TILE, r = i % TILE;
        if (r < high && c < wide)
            y[c * y_pitch + r] = tile[r * PITCH + c];
    }
}

WEFT_KERNEL void transpose(int rows, int columns, const int *x, int *y)
{
    int *tile = weft_shared();
    int row = weft_block_y() * TILE, column = weft_block_x() * TILE;
    int thread = weft_thread(), threads = weft_block_dim_x();
    x += row * columns + column;
    y += column * rows + row;

    if (row + TILE > rows || column + TILE > columns) {
        edge(rows - row, columns - column, x, columns, y, rows);
        return;
    }

    for (int t = thread; t < HALF; t += threads) {
        const int *from = x + t;
        int *to = tile + t;
        OPAQUE(from);
#pragma clang loop unroll(full)
        for (int r = 0; r < TILE; r++) {
            /* Both loads before both stores: from shared memory 64 x 64 words take 1.6 % fewer
               cycles than with loads and stores in turns. */
            int low = from[0], high = from[HALF];
            to[r * PITCH] = low;
            to[r * PITCH + HALF] = high;
            STEP(from, columns);
        }
    }
    weft_bar();
    for (int t = thread; t < HALF; t += threads) {
        const int *from = tile + t * PITCH;
        int *to = y + t;
        OPAQUE(to);
#pragma clang loop unroll(full)
        for (int c = 0; c < TILE; c++) {
            to[0] = from[c];
            to[HALF] = from[c + HALF * PITCH];
            STEP(to, rows);
        }
    }
}
