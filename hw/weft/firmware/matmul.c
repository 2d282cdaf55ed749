/* MATMUL: weights into the array, and runs of rows through it. */
#include "firmware.h"

#define MOST (1u << 16) /* more than any SRAM has rows */

/* Into the array: the last row first, and of a row the last word last, which shifts it in. */
static inline void shift_in(const u32 *weights, u32 used)
{
    for (u32 r = ROWS; r; r--) {
        const u32 *row = weights + (r - 1) * ROW_WORDS;
        for (u32 w = 0; w < ROW_WORDS - 1; w++)
            OUT(OUT_WEIGHTS_BEFORE) = r <= used ? row[w] : 0;
        OUT(OUT_WEIGHTS) = r <= used ? row[ROW_WORDS - 1] : 0;
    }
}

static u32 product(u32 a, u32 b)
{
    u32 all = multiply(a, b);
    return all < MOST ? all : MOST;
}

/* Rows `stride` apart, the last one `span` behind the first one: whether all are in the SRAM. */
static int rows_in_act(u32 at, i32 stride, u32 span, u32 count)
{
    u32 last = (at + span) & SRAM_MASK;
    if (!in_act(at, ROWS) || !in_act(last, ROWS))
        return 0;
    if (count == 1 || (at / ACT_REGION_SPAN == last / ACT_REGION_SPAN &&
                       stride < (i32)ACT_REGION_BYTES && stride > -(i32)ACT_REGION_BYTES))
        return 1;
    for (; count; count--, at = (at + stride) & SRAM_MASK)
        if (!in_act(at, ROWS))
            return 0;
    return 1;
}

cause do_matmul(const u32 *command)
{
    u32 tail = matmul_k_tail(command);
    if (tail > ROWS || matmul_row_sum(command))
        return CAUSE_BAD_COMMAND;
    u32 k0 = matmul_k0(command), m0 = matmul_m0(command);
    u32 k1 = matmul_k1(command), m1 = matmul_m1(command);
    u32 tiles = product(product(k0, k1), matmul_k2(command));
    u32 rows = product(product(m0, m1), matmul_m2(command));
    i32 stride = matmul_m0_stride(command);
    u32 span = multiply(m0 - 1, stride);
    u32 acc = matmul_acc(command), wgt = matmul_wgt(command);

    OUT(OUT_STRIDE) = stride;
    OUT(OUT_COUNT) = m0;
    for (u32 b = matmul_blocks(command); b; b--) {
        if (rows > ACC_ROWS || acc > ACC_ROWS - rows)
            return CAUSE_BAD_ADDRESS;
        if (tiles > WGT_ROWS / ROWS || wgt > WGT_ROWS - tiles * ROWS)
            return CAUSE_BAD_ADDRESS;
        const u32 *weights = (const u32 *)WGT + wgt * ROW_WORDS;
        u32 first = matmul_accumulate(command) ? 0 : ROW_FIRST;
        u32 at2 = matmul_act(command);
        for (u32 i2 = matmul_k2(command); i2; i2--, at2 += matmul_k2_stride(command)) {
            u32 at1 = at2;
            for (u32 i1 = k1; i1; i1--, at1 += matmul_k1_stride(command)) {
                u32 at0 = at1;
                for (u32 i0 = k0; i0; i0--, at0 += matmul_k0_stride(command)) {
                    /* Of the last tile only `tail` rows count: the others have no weights. */
                    u32 used = i0 == 1 ? tail : ROWS, row = acc | first;
                    shift_in(weights, used);
                    weights += ROWS * ROW_WORDS;
                    first = 0;
                    u32 j2_at = at0;
                    for (u32 j2 = matmul_m2(command); j2; j2--, j2_at += matmul_m2_stride(command)) {
                        u32 at = j2_at;
                        for (u32 j1 = m1; j1; j1--, at += matmul_m1_stride(command)) {
                            at &= SRAM_MASK;
                            if (!rows_in_act(at, stride, span, m0))
                                return CAUSE_BAD_ADDRESS;
                            OUT(OUT_ROW) = row;
                            OUT(OUT_START) = at;
                            row += m0;
                            if (interrupted())
                                return CAUSE_NONE;
                        }
                    }
                }
            }
        }
        u32 entered = multiply(rows, tiles);
        chip.counters[COUNTER_COMPUTE] += entered;
        chip.counters[COUNTER_IDLE] -= entered;
        acc += matmul_acc_block(command);
        wgt += matmul_wgt_block(command);
    }
    return CAUSE_NONE;
}
