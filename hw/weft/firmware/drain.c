/* DRAIN: accumulators to the activation SRAM, and STORE from there to memory. */
#include "firmware.h"

static int positive_and_normal(u32 scale)
{
    return scale - 0x00800000 < 0x7f000000;
}

/* A word to any address. */
static u8 *put(u8 *to, u32 value)
{
    if (((u32)to & 3) == 0) {
        *(u32 *)to = value;
        return to + 4;
    }
    for (u32 i = 0; i < 4; i++, value >>= 8)
        *to++ = value;
    return to;
}

cause do_drain(const u32 *command)
{
    u32 rows = drain_rows(command), acc = drain_acc(command), dst2 = drain_dst(command);
    u32 int32 = drain_int32(command), param = drain_param(command);
    u32 has_params = drain_params(command), last = drain_cols_last(command);
    u32 scale = drain_scale(command);
    if (last > COLS || drain_row_sum(command))
        return CAUSE_BAD_COMMAND;
    if (!int32 && !has_params && !positive_and_normal(scale))
        return CAUSE_BAD_COMMAND;
    u32 blocks = drain_blocks(command);
    if (has_params && (param > PARAM_BLOCKS || blocks > PARAM_BLOCKS - param))
        return CAUSE_BAD_ADDRESS;
    i32 stride = drain_dst_stride(command), zero_point = drain_zero_point(command);
    i32 qmin = drain_qmin(command), qmax = drain_qmax(command);
    for (u32 b = blocks; b; b--, param++) {
        u32 dst = dst2, used = b == 1 ? last : COLS, size = int32 ? 4 * used : used;
        if (rows > ACC_ROWS || acc > ACC_ROWS - rows)
            return CAUSE_BAD_ADDRESS;
        for (u32 row = acc; row < acc + rows; row++, dst += stride) {
            const u32 *of_column = (const u32 *)(PARAM + param * PARAM_BLOCK_BYTES);
            OUT(OUT_ROW) = row;
            if (interrupted())
                return CAUSE_NONE;
            dst &= SRAM_MASK;
            if (!in_act(dst, size))
                return CAUSE_BAD_ADDRESS;
            u8 *to = ACT + dst;
            for (u32 c = 0; c < 4 * used; c += 4) {
                u32 value = IN(IN_SUMS + c);
                if (has_params) {
                    value += *of_column++;
                    scale = *of_column++;
                }
                if (int32)
                    to = put(to, value);
                else
                    *to++ = requantise(value, scale, zero_point, qmin, qmax);
            }
        }
        acc += drain_acc_block(command);
        dst2 += drain_dst_block(command);
    }
    return CAUSE_NONE;
}

cause do_store(const u32 *command)
{
    u32 len = store_len(command), src2 = store_src(command), dst2 = store_dst(command);
    for (u32 i2 = store_count2(command); i2; i2--) {
        u32 src = src2, dst = dst2;
        for (u32 i1 = store_count1(command); i1; i1--) {
            if (interrupted())
                return CAUSE_NONE;
            src &= SRAM_MASK;
            if (!in_act(src, len))
                return CAUSE_BAD_ADDRESS;
            if (!in_memory(dst, len))
                return CAUSE_WRITE_ERROR;
            copy((u8 *)MAIN + dst, ACT + src, len, 0);
            chip.counters[COUNTER_WRITE_BEATS] += beats(dst, len);
            src += store_src_stride1(command);
            dst += store_stride1(command);
        }
        src2 += store_src_stride2(command);
        dst2 += store_stride2(command);
    }
    return CAUSE_NONE;
}
