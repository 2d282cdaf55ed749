/* What the files of the small chip's firmware share. The chip does one command after the other, as
   the golden model does (weft.golden.chip); that is where each rule's source stands. */
#ifndef FIRMWARE_H
#define FIRMWARE_H

#include "layout.h" /* made of the tables in weft.arch, the Config and the memory map */

typedef unsigned char u8;
typedef unsigned int u32;
typedef int i32;

#define IN(port) (*(volatile u32 *)(PORTS + (port)))
#define OUT(port) (*(volatile u32 *)(PORTS + (port)))

/* SRAMs of the chip: parts of the local memory. */
#define ACT ((u8 *)LOCAL)
#define WGT (ACT + ACT_REGIONS * ACT_REGION_SPAN)
#define PARAM (WGT + WGT_ROWS * COLS)
#define PARAM_BLOCK_BYTES (PARAM_BYTES * COLS)
#define ROW_WORDS (COLS / 4) /* of a row of weights */

#define SRAM_MASK ((1u << SRAM_ADDRESS_BITS) - 1)

/* Commands do their work and say how it went. */
typedef enum cause cause;
cause do_load(const u32 *command);
cause do_matmul(const u32 *command);
cause do_drain(const u32 *command);
cause do_store(const u32 *command);

/* --- the host ----------------------------------------------------------------------------------- */

extern struct chip {
    u32 irq_status, irq_enable, error, program, retired;
    u32 counters[COUNTERS];
    struct { u32 address, count; } queue[PROGRAM_QUEUE + 1]; /* the first one runs */
    u32 queued;                                              /* programs in the queue */
    u32 halted, stop;
    u32 semaphores[SEMAPHORES];
    u32 last_cycle; /* up to which CYCLES counts */
} chip;

void serve(void);            /* answer the host */
void count_cycles(u32 bin);  /* since the last time, as cycles of this bin */
void raise(u32 interrupts);  /* and tell the line */
void show_state(void);       /* lights, interrupt line */
void run_program(u32 address, u32 count);

/* Between two rows: whether the command is to end here. */
static inline int interrupted(void)
{
    if (IN(IN_HOST) & HOST_WAITS)
        serve();
    return chip.stop;
}

/* --- small things ------------------------------------------------------------------------------- */

u32 multiply(u32 a, u32 b);

/* Whether `size` bytes at an act address lie in one region. */
static inline int in_act(u32 at, u32 size)
{
    return at < ACT_REGIONS * ACT_REGION_SPAN && size <= ACT_REGION_BYTES &&
           (at & (ACT_REGION_SPAN - 1)) <= ACT_REGION_BYTES - size;
}

/* Whether `size` bytes at a memory address are there. */
static inline int in_memory(u32 at, u32 size)
{
    return size <= MEMORY_BYTES && at <= MEMORY_BYTES - size;
}

/* Words of the memory port that hold `size` bytes from `at` on. */
static inline u32 beats(u32 at, u32 size)
{
    return ((at & 3) + size + 3) >> 2;
}

void copy(u8 *to, const u8 *from, u32 size, u32 flip); /* flip: XORed with every word */

i32 requantise(i32 acc, u32 scale, i32 zero_point, i32 qmin, i32 qmax);

#endif
