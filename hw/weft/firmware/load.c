/* LOAD: memory to the SRAMs. */
#include "firmware.h"

static void fill(u8 *to, u32 size, u32 value)
{
    while (size--)
        *(volatile u8 *)to++ = value;
}

static cause load_params(const u32 *command)
{
    u32 block = load_dst(command), size = load_len(command), src = load_src(command);
    if (load_transpose(command) || load_flip(command))
        return CAUSE_BAD_COMMAND;
    if (load_pad_left(command) | load_pad_right(command) | load_pad_top(command) |
        load_pad_bottom(command))
        return CAUSE_BAD_COMMAND;
    if (load_count1(command) != 1 || load_count2(command) != 1 || size % PARAM_BLOCK_BYTES)
        return CAUSE_BAD_COMMAND;
    if (block > PARAM_BLOCKS || size / PARAM_BLOCK_BYTES > PARAM_BLOCKS - block)
        return CAUSE_BAD_ADDRESS;
    if (!in_memory(src, size))
        return CAUSE_READ_ERROR;
    copy(PARAM + block * PARAM_BLOCK_BYTES, (u8 *)MAIN + src, size, 0);
    chip.counters[COUNTER_READ_BEATS] += beats(src, size);
    return CAUSE_NONE;
}

/* A row of `size` bytes to the weight SRAM, in chunks of C bytes, word by word; `from` is where byte
   `left` of the row comes from, and `len` how many do. The rest is `value`, four times. */
static cause chunks(const u32 *command, u32 dst, const u8 *from, u32 len, u32 size, u32 value)
{
    u32 left = load_pad_left(command), flip = load_flip(command) ? 0x80808080 : 0;
    u32 step = load_dst_chunk(command);
    for (u32 at = 0; at < size; dst = (dst + step) & SRAM_MASK) {
        u32 *to = (u32 *)WGT + dst * ROW_WORDS;
        if (dst >= WGT_ROWS)
            return CAUSE_BAD_ADDRESS;
        for (u32 w = 0; w < ROW_WORDS; w++, at += 4) {
            const u8 *source = from + at - left;
            u32 word = value;
            if (at >= left && at + 4 <= left + len && !((u32)source & 3))
                word = *(const u32 *)source ^ flip;
            else
                for (u32 i = 0; i < 4; i++)
                    if (at + i - left < len)
                        ((u8 *)&word)[i] = source[i] ^ flip;
            *to++ = word;
        }
    }
    return CAUSE_NONE;
}

cause do_load(const u32 *command)
{
    u32 space = load_space(command), len = load_len(command);
    u32 left = load_pad_left(command), right = load_pad_right(command);
    u32 size = left + len + right;
    if (space == 3 || size == 0 || (load_fence(command) && (space == 2 || load_transpose(command))))
        return CAUSE_BAD_COMMAND;
    if (space == 2)
        return load_params(command);
    if (load_transpose(command))
        return CAUSE_BAD_COMMAND; /* a chip without it */

    u32 top = load_pad_top(command), count = load_count1(command);
    u32 height = top + count + load_pad_bottom(command);
    u32 src2 = load_src(command), dst2 = load_dst(command);
    u32 flip = load_flip(command) ? 0x80808080 : 0;
    u32 value = load_fill(command);
    value |= value << 8;
    value |= value << 16;
    for (u32 i2 = load_count2(command); i2; i2--) {
        u32 src = src2, dst = dst2;
        for (u32 i1 = 0; i1 < height; i1++) {
            u32 here = i1 - top < count ? len : 0;
            const u8 *from = (const u8 *)MAIN + src;
            if (interrupted())
                return CAUSE_NONE;
            if (here) {
                if (!in_memory(src, len))
                    return CAUSE_READ_ERROR;
                chip.counters[COUNTER_READ_BEATS] += beats(src, len);
            }
            dst &= SRAM_MASK;
            if (space == 0) {
                if (!in_act(dst, size))
                    return CAUSE_BAD_ADDRESS;
                u8 *to = ACT + dst;
                if (here) {
                    fill(to, left, value);
                    copy(to + left, from, len, flip);
                    fill(to + left + len, right, value);
                } else
                    fill(to, size, value);
            } else {
                cause why = chunks(command, dst, from, here, size, value);
                if (why)
                    return why;
            }
            if (i1 - top < count)
                src += load_stride1(command);
            dst += load_dst_stride1(command);
        }
        src2 += load_stride2(command);
        dst2 += load_dst_stride2(command);
    }
    return CAUSE_NONE;
}
