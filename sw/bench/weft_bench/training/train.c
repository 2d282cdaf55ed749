/* One step of training a small network, by one block: forward, backward, and the update.

       h = max(x w1 + b1, 0),  z = h w2 + b2,  p = softmax(z),  loss = -log p[label]
       dz = (p - onehot(label)) / BATCH,       dh = dz w2^T where h > 0
       w2 -= rate h^T dz,  b2 -= rate sum dz,  w1 -= rate x^T dh,  b1 -= rate sum dh

   Everything that is read more than once stands in shared memory. In products a thread makes 4 rows
   x 2 columns; eight neighbouring threads have the same rows. Sums run in order, with a rounding
   after every product and every addition. */
#include "weft.h"

#ifndef BATCH
#define BATCH 32 /* a multiple of ROWS */
#endif
#define INPUTS 64
#define HIDDEN 32
#define CLASSES 10
#define LOG2_E 1.44269504f
#define LN_2 0.693147181f

#define ROWS 4
#define COLUMNS 2
#define GROUP 8

struct memory {
    float x[BATCH][INPUTS], w1[INPUTS][HIDDEN], w2[HIDDEN][CLASSES];
    float h[BATCH][HIDDEN], dh[BATCH][HIDDEN], dz[BATCH][CLASSES], loss[BATCH];
};

/* A matrix by its elements' distances, in floats: transposed where they are exchanged. */
struct view {
    const float *at;
    int down, right;
};

WEFT_INLINE int at_most(int value, int limit)
{
    return value < limit ? value : limit;
}

WEFT_INLINE void copy(float *to, const float *from, int count)
{
    for (int i = weft_thread(); i < count; i += weft_block_dim_x())
        to[i] = from[i];
}

/* Do `use` with r, c and sum = (a b)[r][c] for all of m x n; declares what it needs. */
#define PRODUCT(m, n, k, a, b, use) \
    for (int item = weft_thread(), strips = ((n) + GROUP * COLUMNS - 1) / (GROUP * COLUMNS); \
         item < (m) / ROWS * strips * GROUP; item += weft_block_dim_x()) { \
        int row = item / GROUP / strips * ROWS; \
        int column = item / GROUP % strips * (GROUP * COLUMNS) + item % GROUP; \
        const float *as = (a).at + row * (a).down, *bs[COLUMNS]; \
        for (int s = 0; s < COLUMNS; s++) \
            bs[s] = (b).at + at_most(column + s * GROUP, (n) - 1) * (b).right; \
        float sums[ROWS][COLUMNS] = {0}; \
        for (int i = 0; i < (k); i++) { \
            float bv[COLUMNS]; \
            for (int s = 0; s < COLUMNS; s++) { \
                bv[s] = *bs[s]; \
                bs[s] += (b).down; \
            } \
            for (int r = 0; r < ROWS; r++) \
                for (int s = 0; s < COLUMNS; s++) \
                    sums[r][s] += as[r * (a).down] * bv[s]; \
            as += (a).right; \
        } \
        for (int r_ = 0; r_ < ROWS; r_++) \
            for (int s = 0; s < COLUMNS; s++) { \
                int r = row + r_, c = column + s * GROUP; \
                float sum = sums[r_][s]; \
                if (c < (n)) \
                    use; \
            } \
    }

/* Natural logarithm of a positive normal number: 2 artanh((m - 1) / (m + 1)) for 0.7 < m < 1.42. */
WEFT_INLINE float logarithm(float value)
{
    int bits = __builtin_bit_cast(int, value), exponent = (bits - 0x3f350000) >> 23;
    float m = __builtin_bit_cast(float, bits - (exponent << 23));
    float s = (m - 1) / (m + 1), q = s * s;
    float series = 1 + q * (1 / 3.0f + q * (1 / 5.0f + q * (1 / 7.0f + q * (1 / 9.0f))));
    return exponent * LN_2 + 2 * s * series;
}

WEFT_KERNEL void train(
    float rate,
    const float *x,
    const int *labels,
    float *w1,
    float *b1,
    float *w2,
    float *b2,
    float *loss)
{
    struct memory *m = weft_shared();
    int thread = weft_thread(), threads = weft_block_dim_x();
    copy(&m->x[0][0], x, BATCH * INPUTS);
    copy(&m->w1[0][0], w1, INPUTS * HIDDEN);
    copy(&m->w2[0][0], w2, HIDDEN * CLASSES);
    weft_bar();

    struct view x_ = {&m->x[0][0], INPUTS, 1}, w1_ = {&m->w1[0][0], HIDDEN, 1};
    PRODUCT(BATCH, HIDDEN, INPUTS, x_, w1_, m->h[r][c] = __builtin_fmaxf(sum + b1[c], 0));
    weft_bar();

    struct view h_ = {&m->h[0][0], HIDDEN, 1}, w2_ = {&m->w2[0][0], CLASSES, 1};
    PRODUCT(BATCH, CLASSES, HIDDEN, h_, w2_, m->dz[r][c] = sum + b2[c]);
    weft_bar();

    for (int i = thread; i < BATCH; i += threads) {
        float *z = m->dz[i], most = z[0], sum = 0;
        int label = labels[i];
        for (int c = 1; c < CLASSES; c++)
            most = __builtin_fmaxf(most, z[c]);
        float right = z[label] - most;
        for (int c = 0; c < CLASSES; c++)
            sum += z[c] = weft_exp2((z[c] - most) * LOG2_E);
        float share = weft_rcp(sum);
        for (int c = 0; c < CLASSES; c++)
            z[c] = (z[c] * share - (c == label)) * (1.0f / BATCH);
        m->loss[i] = logarithm(sum) - right;
    }
    weft_bar();

    struct view dz_ = {&m->dz[0][0], CLASSES, 1}, w2_turned = {&m->w2[0][0], 1, CLASSES};
    PRODUCT(BATCH, HIDDEN, CLASSES, dz_, w2_turned, m->dh[r][c] = m->h[r][c] > 0 ? sum : 0);
    struct view h_turned = {&m->h[0][0], 1, HIDDEN};
    PRODUCT(HIDDEN, CLASSES, BATCH, h_turned, dz_, w2[r * CLASSES + c] = m->w2[r][c] - rate * sum);
    weft_bar();

    struct view x_turned = {&m->x[0][0], 1, INPUTS}, dh_ = {&m->dh[0][0], HIDDEN, 1};
    PRODUCT(INPUTS, HIDDEN, BATCH, x_turned, dh_, w1[r * HIDDEN + c] = m->w1[r][c] - rate * sum);

    for (int c = thread; c < HIDDEN + CLASSES + 1; c += threads) {
        float sum = 0;
        for (int i = 0; i < BATCH; i++)
            sum += c < HIDDEN ? m->dh[i][c] : c < HIDDEN + CLASSES ? m->dz[i][c - HIDDEN] : m->loss[i];
        if (c < HIDDEN)
            b1[c] -= rate * sum;
        else if (c < HIDDEN + CLASSES)
            b2[c - HIDDEN] -= rate * sum;
        else
            *loss = sum * (1.0f / BATCH);
    }
}
