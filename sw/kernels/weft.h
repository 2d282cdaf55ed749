/* weft.h: intrinsics of the SIMT core. Made by `weft docs` from hw/weft/arch/isa_table.py and
   simt.py. Do not edit.

   A function marked WEFT_KERNEL can be launched; its parameters are pointers and scalars of at most
   32 bits, at most 8. Every thread of the grid runs it. */
#ifndef WEFT_H
#define WEFT_H

#include <stddef.h>
#include <stdint.h>

#define WEFT_ISA_VERSION 1
#define WEFT_KERNEL __attribute__((used, noinline, section(".weft.kernels")))
#define WEFT_INLINE static inline __attribute__((always_inline, unused))


/* Chip commands and semaphores, one word at a time, see the table of its words. */
#define WEFT_COMMAND_BASE 0x02000000u
/* The activation SRAM without holes: byte o is byte o mod act_region_bytes of region o /
   act_region_bytes. The only place where atomics work. */
#define WEFT_SHARED_BASE 0x10000000u
/* LAUNCH.private bytes of its own for each thread, in main memory: byte o of lane l of hardware
   warp w is byte private_base + w * lanes * private + (o / 4) * 4 * lanes + 4 * l + o mod 4. */
#define WEFT_PRIVATE_BASE 0x20000000u
/* Byte o is byte o of main memory, as commands address it. Code runs here, and only here. */
#define WEFT_MAIN_BASE 0x80000000u
#define WEFT_COMMAND_WORDS 0x0u
#define WEFT_COMMAND_PUSH 0x40u
#define WEFT_COMMAND_TAKE 0x80u
#define WEFT_LINE_BYTES 64

/* Index of the thread in its block, x. */
WEFT_INLINE unsigned weft_thread_x(void)
{
    unsigned result_;
    __asm__("csrr %0, 0xcc0" : "=r"(result_));
    return result_;
}

/* Index of the thread in its block, y. */
WEFT_INLINE unsigned weft_thread_y(void)
{
    unsigned result_;
    __asm__("csrr %0, 0xcc1" : "=r"(result_));
    return result_;
}

/* Index of the thread in its block, z. */
WEFT_INLINE unsigned weft_thread_z(void)
{
    unsigned result_;
    __asm__("csrr %0, 0xcc2" : "=r"(result_));
    return result_;
}

/* Index of the thread in its block: x + block_dim_x * (y + block_dim_y * z) */
WEFT_INLINE unsigned weft_thread(void)
{
    unsigned result_;
    __asm__("csrr %0, 0xcc3" : "=r"(result_));
    return result_;
}

/* Index of the block in the grid, x. */
WEFT_INLINE unsigned weft_block_x(void)
{
    unsigned result_;
    __asm__("csrr %0, 0xcc4" : "=r"(result_));
    return result_;
}

/* Index of the block in the grid, y. */
WEFT_INLINE unsigned weft_block_y(void)
{
    unsigned result_;
    __asm__("csrr %0, 0xcc5" : "=r"(result_));
    return result_;
}

/* Index of the block in the grid, z. */
WEFT_INLINE unsigned weft_block_z(void)
{
    unsigned result_;
    __asm__("csrr %0, 0xcc6" : "=r"(result_));
    return result_;
}

/* Hardware warp that the thread runs on, 0 to warps - 1. */
WEFT_INLINE unsigned weft_warp(void)
{
    unsigned result_;
    __asm__("csrr %0, 0xcc7" : "=r"(result_));
    return result_;
}

/* Threads of a block, x. */
WEFT_INLINE unsigned weft_block_dim_x(void)
{
    unsigned result_;
    __asm__("csrr %0, 0xcc8" : "=r"(result_));
    return result_;
}

/* Threads of a block, y. */
WEFT_INLINE unsigned weft_block_dim_y(void)
{
    unsigned result_;
    __asm__("csrr %0, 0xcc9" : "=r"(result_));
    return result_;
}

/* Threads of a block, z. */
WEFT_INLINE unsigned weft_block_dim_z(void)
{
    unsigned result_;
    __asm__("csrr %0, 0xcca" : "=r"(result_));
    return result_;
}

/* Lane that the thread runs on, 0 to lanes - 1. */
WEFT_INLINE unsigned weft_lane(void)
{
    unsigned result_;
    __asm__("csrr %0, 0xccb" : "=r"(result_));
    return result_;
}

/* Blocks of the grid, x. */
WEFT_INLINE unsigned weft_grid_dim_x(void)
{
    unsigned result_;
    __asm__("csrr %0, 0xccc" : "=r"(result_));
    return result_;
}

/* Blocks of the grid, y. */
WEFT_INLINE unsigned weft_grid_dim_y(void)
{
    unsigned result_;
    __asm__("csrr %0, 0xccd" : "=r"(result_));
    return result_;
}

/* Blocks of the grid, z. */
WEFT_INLINE unsigned weft_grid_dim_z(void)
{
    unsigned result_;
    __asm__("csrr %0, 0xcce" : "=r"(result_));
    return result_;
}

/* Lanes of the core: threads of a warp. */
WEFT_INLINE unsigned weft_lanes(void)
{
    unsigned result_;
    __asm__("csrr %0, 0xccf" : "=r"(result_));
    return result_;
}

/* Warps of the core. */
WEFT_INLINE unsigned weft_warps(void)
{
    unsigned result_;
    __asm__("csrr %0, 0xcd0" : "=r"(result_));
    return result_;
}

/* End of the thread's private window: PRIVATE + LAUNCH.private. */
WEFT_INLINE unsigned weft_stack(void)
{
    unsigned result_;
    __asm__("csrr %0, 0xcd1" : "=r"(result_));
    return result_;
}

/* The block's shared memory: SHARED + LAUNCH.shared_base + slot * LAUNCH.shared. */
WEFT_INLINE unsigned weft_block_shared(void)
{
    unsigned result_;
    __asm__("csrr %0, 0xcd2" : "=r"(result_));
    return result_;
}

/* LAUNCH.argument_0: the kernel's. */
WEFT_INLINE unsigned weft_argument_0(void)
{
    unsigned result_;
    __asm__("csrr %0, 0xcd8" : "=r"(result_));
    return result_;
}

/* LAUNCH.argument_1: the kernel's. */
WEFT_INLINE unsigned weft_argument_1(void)
{
    unsigned result_;
    __asm__("csrr %0, 0xcd9" : "=r"(result_));
    return result_;
}

/* LAUNCH.argument_2: the kernel's. */
WEFT_INLINE unsigned weft_argument_2(void)
{
    unsigned result_;
    __asm__("csrr %0, 0xcda" : "=r"(result_));
    return result_;
}

/* LAUNCH.argument_3: the kernel's. */
WEFT_INLINE unsigned weft_argument_3(void)
{
    unsigned result_;
    __asm__("csrr %0, 0xcdb" : "=r"(result_));
    return result_;
}

/* LAUNCH.argument_4: the kernel's. */
WEFT_INLINE unsigned weft_argument_4(void)
{
    unsigned result_;
    __asm__("csrr %0, 0xcdc" : "=r"(result_));
    return result_;
}

/* LAUNCH.argument_5: the kernel's. */
WEFT_INLINE unsigned weft_argument_5(void)
{
    unsigned result_;
    __asm__("csrr %0, 0xcdd" : "=r"(result_));
    return result_;
}

/* LAUNCH.argument_6: the kernel's. */
WEFT_INLINE unsigned weft_argument_6(void)
{
    unsigned result_;
    __asm__("csrr %0, 0xcde" : "=r"(result_));
    return result_;
}

/* LAUNCH.argument_7: the kernel's. */
WEFT_INLINE unsigned weft_argument_7(void)
{
    unsigned result_;
    __asm__("csrr %0, 0xcdf" : "=r"(result_));
    return result_;
}

/* The thread ends. */
WEFT_INLINE void weft_exit(void)
{
    __asm__ volatile(".insn r 0xb, 0, 0, x0, x0, x0" :  :  : "memory");
    __builtin_unreachable();
}

/* Wait until every warp of the block that still has live threads stands at a `bar`; what its
   threads have written to shared memory is then visible to all of the block. */
WEFT_INLINE void weft_bar(void)
{
    __asm__ volatile(".insn r 0xb, 0, 1, x0, x0, x0" :  :  : "memory");
}

/* rd = 1 if rs1 != 0 in any live thread of the warp, else 0. */
WEFT_INLINE int weft_vote_any(int condition)
{
    int result_;
    __asm__ volatile(".insn r 0xb, 0, 2, %0, %1, x0" : "=r"(result_) : "r"(condition));
    return result_;
}

/* rd = 1 if rs1 != 0 in all live threads of the warp, else 0. */
WEFT_INLINE int weft_vote_all(int condition)
{
    int result_;
    __asm__ volatile(".insn r 0xb, 0, 3, %0, %1, x0" : "=r"(result_) : "r"(condition));
    return result_;
}

/* rd = word whose bit i is set if lane i is live and its rs1 != 0. */
WEFT_INLINE unsigned weft_ballot(int condition)
{
    unsigned result_;
    __asm__ volatile(".insn r 0xb, 0, 4, %0, %1, x0" : "=r"(result_) : "r"(condition));
    return result_;
}

/* rd = rs1 of lane (own lane XOR mask) modulo lanes; 0 if that lane is not live. The mask is a
   constant, 0 to 31. */
#define weft_shfl_xor(value, lane_mask) \
    __extension__({ \
        int result_; \
        __asm__ volatile(".insn r 0xb, 0, 5, %0, %1, x%2" : "=r"(result_) : "r"(value), "i"(lane_mask)); \
        result_; \
    })

/* rd = shared word at rs1, which becomes its sum with rs2; threads of a warp one after the
   other, lowest lane first. */
WEFT_INLINE int weft_amoadd(volatile int *shared, int value)
{
    int result_;
    __asm__ volatile(".insn r 0xb, 1, 0, %0, %1, %2" : "=r"(result_) : "r"(shared), "r"(value) : "memory");
    return result_;
}

/* rd = shared word at rs1, which becomes the smaller of it and rs2, signed; threads of a warp
   one after the other, lowest lane first. */
WEFT_INLINE int weft_amomin(volatile int *shared, int value)
{
    int result_;
    __asm__ volatile(".insn r 0xb, 1, 1, %0, %1, %2" : "=r"(result_) : "r"(shared), "r"(value) : "memory");
    return result_;
}

/* rd = shared word at rs1, which becomes the larger of it and rs2, signed; threads of a warp one
   after the other, lowest lane first. */
WEFT_INLINE int weft_amomax(volatile int *shared, int value)
{
    int result_;
    __asm__ volatile(".insn r 0xb, 1, 2, %0, %1, %2" : "=r"(result_) : "r"(shared), "r"(value) : "memory");
    return result_;
}

/* rd = sum of the four products of the signed bytes of rs1 and rs2. */
WEFT_INLINE int weft_dot4(int a, int b)
{
    int result_;
    __asm__(".insn r 0xb, 2, 0, %0, %1, %2" : "=r"(result_) : "r"(a), "r"(b));
    return result_;
}

/* rd = rs1 clamped to -128 .. 127, signed. */
WEFT_INLINE int weft_clip8(int value)
{
    int result_;
    __asm__(".insn r 0xb, 2, 1, %0, %1, x0" : "=r"(result_) : "r"(value));
    return result_;
}

/* rd = 2 to the power of float rs1, within the stated error. */
WEFT_INLINE float weft_exp2(float value)
{
    float result_;
    __asm__(".insn r 0xb, 3, 0, %0, %1, x0" : "=r"(result_) : "r"(value));
    return result_;
}

/* rd = 1 / float rs1, within the stated error. */
WEFT_INLINE float weft_rcp(float value)
{
    float result_;
    __asm__(".insn r 0xb, 3, 1, %0, %1, x0" : "=r"(result_) : "r"(value));
    return result_;
}

/* rd = 1 / square root of float rs1, within the stated error. */
WEFT_INLINE float weft_rsqrt(float value)
{
    float result_;
    __asm__(".insn r 0xb, 3, 2, %0, %1, x0" : "=r"(result_) : "r"(value));
    return result_;
}

/* The block's shared memory, LAUNCH.shared bytes. */
WEFT_INLINE void *weft_shared(void)
{
    return (void *)weft_block_shared();
}

/* Byte `offset` of the whole shared window: the activation SRAM without holes. */
WEFT_INLINE void *weft_shared_at(unsigned offset)
{
    return (void *)(WEFT_SHARED_BASE + offset);
}

/* Wait until all stores of the warp are visible and all loads have answered. */
WEFT_INLINE void weft_fence(void)
{
    __asm__ volatile("fence" ::: "memory");
}

/* A lane's float, as weft_shfl_xor. */
#define weft_shfl_xor_f(value, lane_mask) \
    __builtin_bit_cast(float, weft_shfl_xor(__builtin_bit_cast(int, (float)(value)), lane_mask))

/* Linear index of the thread in the grid of one dimension, and the number of its threads. */
WEFT_INLINE unsigned weft_global_x(void)
{
    return weft_block_x() * weft_block_dim_x() + weft_thread_x();
}

WEFT_INLINE unsigned weft_global_dim_x(void)
{
    return weft_grid_dim_x() * weft_block_dim_x();
}

/* Hand the chip a command of 16 words, any but SIGNAL and LAUNCH; one thread of the core at a time.
   What the thread has stored before comes before it. It waits behind what its engine has already:
   that must not wait for the kernel. */
WEFT_INLINE void weft_push(const unsigned *command)
{
    volatile unsigned *port = (volatile unsigned *)(WEFT_COMMAND_BASE + WEFT_COMMAND_WORDS);
    for (int word = 0; word < 16; word++)
        port[word] = command[word];
    *(volatile unsigned *)(WEFT_COMMAND_BASE + WEFT_COMMAND_PUSH) = 0;
}

/* Take semaphore `index` once if it is above zero: whether that was so. No command takes it. */
WEFT_INLINE int weft_take(unsigned index)
{
    return *(volatile int *)(WEFT_COMMAND_BASE + WEFT_COMMAND_TAKE + 4 * index);
}

/* Wait for semaphore `index`, and take it. */
WEFT_INLINE void weft_wait(unsigned index)
{
    while (!weft_take(index))
        ;
}

#endif
