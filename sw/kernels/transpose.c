/* y[c][r] = x[r][c], tile by tile through shared memory.

   Directly, either the reads or the writes of a warp would lie a whole row apart, one access to memory
   for each lane. A tile in shared memory is written along rows and read along columns, and memory
   sees neighbours both times. Its rows are one word longer than the tile is wide: words of one column
   then lie in different banks, so that the lanes of a warp get them at once.

   A column of a tile belongs to one thread: blocks of 16 threads fit best, any size works. */
#include "weft.h"

#define TILE 16
#define PITCH (TILE + 1)

WEFT_KERNEL void transpose(int rows, int columns, const int *restrict x, int *restrict y)
{
    int *tile = weft_shared();

    for (int row = weft_block_y() * TILE; row < rows; row += weft_grid_dim_y() * TILE)
        for (int column = weft_block_x() * TILE; column < columns;
             column += weft_grid_dim_x() * TILE) {
            int high = rows - row < TILE ? rows - row : TILE;
            int wide = columns - column < TILE ? columns - column : TILE;

            const int *from = x + row * columns + column;
            for (int c = weft_thread(); c < wide; c += weft_block_dim_x()) {
                const int *source = from + c;
                int *target = tile + c;
                if (high == TILE)
#pragma clang loop unroll(full)
                    for (int r = 0; r < TILE; r++, source += columns)
                        target[r * PITCH] = *source;
                else
                    for (int r = 0; r < high; r++, source += columns)
                        target[r * PITCH] = *source;
            }
            weft_bar();

            int *to = y + column * rows + row;
            for (int r = weft_thread(); r < high; r += weft_block_dim_x()) {
                const int *source = tile + r * PITCH;
                int *target = to + r;
                if (wide == TILE)
#pragma clang loop unroll(full)
                    for (int c = 0; c < TILE; c++, target += rows)
                        *target = source[c];
                else
                    for (int c = 0; c < wide; c++, target += rows)
                        *target = source[c];
            }
            weft_bar();
        }
}
