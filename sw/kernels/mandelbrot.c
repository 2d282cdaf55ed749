/* How many steps z -> z^2 + c takes to leave the circle of radius 2, for each pixel's c; at most
   `limit`. Neighbouring pixels take different numbers of steps: lanes that are done wait for those
   of their warp that are not. */
#include "weft.h"

WEFT_KERNEL void mandelbrot(
    int height, int width, float left, float top, float pitch, int limit, int *steps)
{
    int threads = weft_global_dim_x();
    for (int pixel = weft_global_x(); pixel < height * width; pixel += threads) {
        float cx = left + pixel % width * pitch, cy = top + pixel / width * pitch;
        float x = 0, y = 0, xx = 0, yy = 0;
        int step = 0;
        while (step < limit && xx + yy <= 4) {
            y = (x + x) * y + cy;
            x = xx - yy + cx;
            xx = x * x;
            yy = y * y;
            step++;
        }
        steps[pixel] = step;
    }
}
