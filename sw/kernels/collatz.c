/* Steps from 1, 2, 3, ... n down to 1, where a step halves even numbers and makes 3 v + 1 of odd
   ones. 32 bits are enough up to n = 159,486. */
#include "weft.h"

WEFT_KERNEL void collatz(int n, int *lengths)
{
    int threads = weft_global_dim_x();
    for (int i = weft_global_x(); i < n; i += threads) {
        int length = 0;
        for (unsigned v = i + 1; v != 1; length++)
            v = v & 1 ? 3 * v + 1 : v / 2;
        lengths[i] = length;
    }
}
