/* A lock between threads of one warp, which hangs GPUs whose lanes share one program counter: lanes
   that spin would wait for the lane that holds the lock, and it for them. Here every thread has a
   program counter of its own, and a timer lets those that wait behind a spinning group run.

   The threads share out the numbers below n and add them to one sum, which has to be read, added to
   and written by one thread at a time; without the lock, additions would be lost. */
#include "weft.h"

WEFT_KERNEL void spin_lock(int n, int *result)
{
    volatile int *lock = weft_shared(), *sum = lock + 1;
    if (weft_thread() == 0)
        *lock = *sum = 0;
    weft_bar();

    for (int i = weft_thread(); i < n; i += weft_block_dim_x()) {
        while (weft_amomax(lock, 1)) {
            /* It was 1 before: somebody else has the lock. */
        }
        *sum = *sum + i;
        *lock = 0;
    }
    weft_bar();
    if (weft_thread() == 0)
        *result = *sum;
}
