/* Kernels whose threads go different ways, without races or collectives. */
#include "weft.h"

/* Different numbers of trips, up to `most`. */
WEFT_KERNEL void trips(int most, const int *x, int *y)
{
    int i = weft_global_x(), sum = 0;
    for (int n = x[i] % most; n >= 0; n--)
        sum += n * n ^ i;
    y[i] = sum;
}

/* Nested conditions inside a loop. */
WEFT_KERNEL void nested(int most, const int *x, int *y)
{
    int i = weft_global_x(), v = x[i], sum = 0;
    for (int n = 0; n < most / 8; n++) {
        if (v & 1) {
            sum += v * 3;
            if (v & 2)
                sum ^= n;
            else
                sum -= v >> 3;
        } else if (v & 4) {
            sum += n;
        } else {
            sum = sum * 5 + 1;
        }
        v = v * 1103515245 + 12345 >> 1;
    }
    y[i] = sum;
}

/* Loops in loops, both with their own number of trips. */
WEFT_KERNEL void loops(int most, const int *x, int *y)
{
    int i = weft_global_x(), sum = 0;
    for (int a = x[i] % 13; a >= 0; a--)
        for (int b = x[i + a] % (most / 16 + 1); b > 0; b--)
            sum += a ^ b;
    y[i] = sum;
}

/* Breaks and continues. */
WEFT_KERNEL void exits(int most, const int *x, int *y)
{
    int i = weft_global_x(), sum = 0;
    unsigned v = x[i];
    for (int n = 0; n < most; n++) {
        v = v * 1664525 + 1013904223;
        if (v >> 24 < 2)
            break;
        if (v & 256)
            continue;
        sum += v >> 16;
        if (sum < 0)
            break;
        sum ^= n;
    }
    y[i] = sum;
}

/* A switch. */
WEFT_KERNEL void choices(int most, const int *x, int *y)
{
    int i = weft_global_x(), sum = 1;
    unsigned v = x[i];
    for (int n = 0; n < most / 8; n++) {
        switch (v >> 8 & 7) {
        case 0: sum += 3; break;
        case 1: sum *= 5; break;
        case 2: sum ^= v; /* fall through */
        case 3: sum -= 7; break;
        case 4: sum = sum << 1 | 1; break;
        case 5: if (sum & 1) sum++; break;
        default: sum += n;
        }
        v = v * 1664525 + 1013904223;
    }
    y[i] = sum;
}

/* Conditions of several parts, which end early. */
WEFT_KERNEL void parts(int most, const int *x, int *y)
{
    int i = weft_global_x(), sum = 0;
    for (int n = 0; n < most / 8; n++) {
        int a = x[i + n % 31], b = x[i + n % 17];
        if ((a & 3 && b > 1000) || (a > b && (b & 5) == 1))
            sum += a / (b & 15 | 1);
        else if (a & 8 || b & 8)
            sum -= n;
    }
    y[i] = sum;
}

__attribute__((noinline)) static int steps(unsigned n, int most)
{
    int count = 0;
    while (n != 1) {
        if (count == most)
            return -1;
        n = n & 1 ? 3 * n + 1 : n >> 1;
        count++;
    }
    return count;
}

/* Collatz: a function that returns early. */
WEFT_KERNEL void collatz(int most, const int *x, int *y)
{
    int i = weft_global_x();
    y[i] = steps((x[i] & 0xfff) + 1, most);
}

/* Binary search, then a walk. */
WEFT_KERNEL void search(int most, const int *x, int *y)
{
    int i = weft_global_x(), low = 0, high = most, key = x[i] % most;
    while (low < high) {
        int middle = (low + high) / 2;
        if (middle * middle < key * 7)
            low = middle + 1;
        else
            high = middle;
    }
    while (low > 0 && x[low & 63] & 7)
        low--;
    y[i] = low;
}
