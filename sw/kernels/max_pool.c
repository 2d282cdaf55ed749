/* The largest byte of each 2 x 2 window, for each channel of a height x width x channels image.
   Where the height or the width is odd, the last windows are cut off. */
#include "weft.h"

WEFT_KERNEL void max_pool(int height, int width, int channels, const int8_t *x, int8_t *y)
{
    int out_width = (width + 1) / 2, size = (height + 1) / 2 * out_width * channels;

    int threads = weft_global_dim_x();
    for (int i = weft_global_x(); i < size; i += threads) {
        int channel = i % channels;
        int column = i / channels % out_width * 2, row = i / channels / out_width * 2;
        int most = -128;
        for (int r = row; r < row + 2 && r < height; r++)
            for (int c = column; c < column + 2 && c < width; c++) {
                int value = x[(r * width + c) * channels + channel];
                most = value > most ? value : most;
            }
        y[i] = most;
    }
}
