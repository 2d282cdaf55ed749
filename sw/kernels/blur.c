/* An image of bytes through the 3 x 3 filter

       1 2 1
       2 4 2   / 16
       1 2 1

   rounded half up; outside the image its nearest pixel counts. One pixel after the other for each
   thread: neighbours are read nine times, by different threads. */
#include "weft.h"

WEFT_INLINE int clamp(int value, int end)
{
    return value < 0 ? 0 : value < end ? value : end - 1;
}

WEFT_KERNEL void blur(int height, int width, const uint8_t *x, uint8_t *y)
{
    int threads = weft_global_dim_x();
    for (int pixel = weft_global_x(); pixel < height * width; pixel += threads) {
        int row = pixel / width, column = pixel % width, sum = 8;
        for (int dy = -1; dy <= 1; dy++) {
            const uint8_t *line = x + clamp(row + dy, height) * width;
            for (int dx = -1; dx <= 1; dx++)
                sum += line[clamp(column + dx, width)] << (2 - dx * dx - dy * dy);
        }
        y[pixel] = sum / 16;
    }
}
