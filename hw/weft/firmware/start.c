/* Where the controller begins, and what has no better place. */
#include "firmware.h"

struct chip chip;

extern u32 __bss_start[], __bss_end[];

/* A button may have begun this: memories keep what they held, so variables are zeroed here. */
static void __attribute__((noreturn, used)) begin(void)
{
    for (u32 *at = __bss_start; at < __bss_end; at++)
        *(volatile u32 *)at = 0;
    chip.irq_enable = ~0u & IRQ_ENABLE_BITS;
    show_state();
    for (;;) {
        serve();
        if (chip.queued && !chip.halted)
            run_program(chip.queue[0].address, chip.queue[0].count);
    }
}

__attribute__((naked, section(".start"))) void start(void)
{
    __asm__("lui sp, %hi(__stack)\n addi sp, sp, %lo(__stack)\n j begin");
}

u32 multiply(u32 a, u32 b)
{
    u32 total = 0;
    for (; b; b >>= 1, a += a)
        if (b & 1)
            total += a;
    return total;
}

/* What the compiler calls for a product. */
u32 __mulsi3(u32 a, u32 b)
{
    return multiply(a, b);
}

void copy(u8 *to, const u8 *from, u32 size, u32 flip)
{
    if ((((u32)to ^ (u32)from) & 3) == 0) {
        for (; size && (u32)to & 3; size--)
            *to++ = *from++ ^ flip;
        for (; size >= 4; size -= 4, to += 4, from += 4)
            *(u32 *)to = *(const u32 *)from ^ flip;
    }
    for (; size; size--)
        *to++ = *from++ ^ flip;
}
