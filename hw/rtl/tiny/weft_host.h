/* weft_host.h: what a host in C needs to know of one Weft chip. Made by `weft emit`; do not edit.

   A program is an array of commands of WEFT_COMMAND_BYTES bytes in memory, at a multiple of that.
   Words are little-endian. Set fields in zeroed memory:

       uint32_t program[2][WEFT_COMMAND_WORDS] = {{0}};
       weft_command(program[0], WEFT_OP_LOAD);
       WEFT_SET(program[0], LOAD_LEN, 16);
       ...
       weft_command(program[1], WEFT_OP_SIGNAL);
       WEFT_SET(program[1], SIGNAL_END, 1);

   then write its address to WEFT_REG_PROGRAM and its number of commands to WEFT_REG_DOORBELL. */
#ifndef WEFT_HOST_H
#define WEFT_HOST_H

#include <stdint.h>

/* Identity: what the registers ID, VERSION, HASH_LO and HASH_HI read. */
#define WEFT_ID 0x54464557u
#define WEFT_VERSION 1u
#define WEFT_HASH_LO 0x472eec89u
#define WEFT_HASH_HI 0xbaf95f95u

/* Sizes: rows and columns of the array, bytes of the memory port, its longest burst in beats,
   and the boundary that no burst crosses. */
#define WEFT_ROWS 4u
#define WEFT_COLS 4u
#define WEFT_BUS_BYTES 4u
#define WEFT_MAX_BURST_BEATS 16u
#define WEFT_BURST_BOUNDARY 4096u

/* ID, read only: Reads 0x54464557, ASCII WEFT. */
#define WEFT_REG_ID 0x0u

/* VERSION, read only: Version of commands and registers. */
#define WEFT_REG_VERSION 0x4u

/* HASH_LO, read only: Hash of the configuration, low word. */
#define WEFT_REG_HASH_LO 0x8u

/* HASH_HI, read only: Hash of the configuration, high word. */
#define WEFT_REG_HASH_HI 0xcu

/* STATUS, read only: What the chip does now. */
#define WEFT_REG_STATUS 0x10u
/* A program is in flight. */
#define WEFT_STATUS_BUSY_MASK 0x1u
#define WEFT_STATUS_BUSY_LSB 0u
/* An error stopped the chip; CTRL.clear makes it ready. */
#define WEFT_STATUS_HALTED_MASK 0x2u
#define WEFT_STATUS_HALTED_LSB 1u
/* Programs that wait behind the doorbell. */
#define WEFT_STATUS_QUEUED_MASK 0xcu
#define WEFT_STATUS_QUEUED_LSB 2u

/* CTRL, write only, reads 0: Commands to the chip. */
#define WEFT_REG_CTRL 0x14u
/* Zero queues, semaphores and the error; memory, counters and interrupts are left alone.
   Answered with SLVERR, and ignored, unless the chip is halted or nothing moves: no program in
   flight, no engine busy, no burst open. */
#define WEFT_CTRL_CLEAR_MASK 0x1u
#define WEFT_CTRL_CLEAR_LSB 0u
/* Halt a running program as an error of cause STOPPED does. */
#define WEFT_CTRL_STOP_MASK 0x2u
#define WEFT_CTRL_STOP_LSB 1u

/* IRQ_STATUS, read, write 1 to clear: Pending interrupts; the interrupt line is the OR of those
   enabled. */
#define WEFT_REG_IRQ_STATUS 0x18u
/* A program has retired. */
#define WEFT_IRQ_STATUS_DONE_MASK 0x1u
#define WEFT_IRQ_STATUS_DONE_LSB 0u
/* The chip has halted. */
#define WEFT_IRQ_STATUS_ERROR_MASK 0x2u
#define WEFT_IRQ_STATUS_ERROR_LSB 1u
/* A SIGNAL command asked for it. */
#define WEFT_IRQ_STATUS_MESSAGE_MASK 0x4u
#define WEFT_IRQ_STATUS_MESSAGE_LSB 2u

/* IRQ_ENABLE, read, write: Which interrupts drive the interrupt line; 7 after reset. */
#define WEFT_REG_IRQ_ENABLE 0x1cu
/* As in IRQ_STATUS. */
#define WEFT_IRQ_ENABLE_DONE_MASK 0x1u
#define WEFT_IRQ_ENABLE_DONE_LSB 0u
/* As in IRQ_STATUS. */
#define WEFT_IRQ_ENABLE_ERROR_MASK 0x2u
#define WEFT_IRQ_ENABLE_ERROR_LSB 1u
/* As in IRQ_STATUS. */
#define WEFT_IRQ_ENABLE_MESSAGE_MASK 0x4u
#define WEFT_IRQ_ENABLE_MESSAGE_LSB 2u

/* ERROR, read only: The first error since reset or CTRL.clear. */
#define WEFT_REG_ERROR 0x20u
/* Why: see the table of causes. */
#define WEFT_ERROR_CAUSE_MASK 0xfu
#define WEFT_ERROR_CAUSE_LSB 0u
/* Which engine, numbered as the counters are. */
#define WEFT_ERROR_ENGINE_MASK 0xf0u
#define WEFT_ERROR_ENGINE_LSB 4u
/* Index of the command in its program. */
#define WEFT_ERROR_COMMAND_MASK 0xffff0000u
#define WEFT_ERROR_COMMAND_LSB 16u

/* PROGRAM, read, write: Memory address of the next program, 64-byte aligned. */
#define WEFT_REG_PROGRAM 0x24u

/* DOORBELL, write only, reads 0: Writing a count of commands (1 to 65,535) starts the program at
   PROGRAM, or queues it; answered with SLVERR, and ignored, when two programs wait, the chip is
   halting or halted, or the count is out of range. */
#define WEFT_REG_DOORBELL 0x28u

/* RETIRED, read only: Programs retired since reset, modulo 2^32. */
#define WEFT_REG_RETIRED 0x2cu

/* CYCLES, read only: Cycles in which a program was in flight: doorbell to interrupt. */
#define WEFT_REG_CYCLES 0x100u

/* COMPUTE, read only: Cycles in which a row of activations entered the array. */
#define WEFT_REG_COMPUTE 0x104u

/* WEIGHTS, read only: Array waits for weights: not loaded yet, or a semaphore that guards them. */
#define WEFT_REG_WEIGHTS 0x108u

/* OPERANDS, read only: Array waits for activations: a semaphore, or a lost cycle of its region. */
#define WEFT_REG_OPERANDS 0x10cu

/* ACCUMULATOR, read only: Array waits for accumulator rows: a semaphore, or a row still in use. */
#define WEFT_REG_ACCUMULATOR 0x110u

/* FILL, read only: No row enters, rows are still inside the array. */
#define WEFT_REG_FILL 0x114u

/* IDLE, read only: None of these: the array has nothing to do. */
#define WEFT_REG_IDLE 0x118u

/* LOAD_BUSY, read only: Cycles in which LOAD had a command in progress. */
#define WEFT_REG_LOAD_BUSY 0x11cu

/* LOAD_STALL, read only: Cycles in which the next command of LOAD waited for a semaphore. */
#define WEFT_REG_LOAD_STALL 0x120u

/* MATMUL_BUSY, read only: Cycles in which MATMUL had a command in progress. */
#define WEFT_REG_MATMUL_BUSY 0x124u

/* MATMUL_STALL, read only: Cycles in which the next command of MATMUL waited for a semaphore. */
#define WEFT_REG_MATMUL_STALL 0x128u

/* DRAIN_BUSY, read only: Cycles in which DRAIN had a command in progress. */
#define WEFT_REG_DRAIN_BUSY 0x12cu

/* DRAIN_STALL, read only: Cycles in which the next command of DRAIN waited for a semaphore. */
#define WEFT_REG_DRAIN_STALL 0x130u

/* STORE_BUSY, read only: Cycles in which STORE had a command in progress. */
#define WEFT_REG_STORE_BUSY 0x134u

/* STORE_STALL, read only: Cycles in which the next command of STORE waited for a semaphore. */
#define WEFT_REG_STORE_STALL 0x138u

/* SIMT_BUSY, read only: Cycles in which SIMT had a command in progress. */
#define WEFT_REG_SIMT_BUSY 0x13cu

/* SIMT_STALL, read only: Cycles in which the next command of SIMT waited for a semaphore. */
#define WEFT_REG_SIMT_STALL 0x140u

/* READ_BEATS, read only: Data beats read on the memory port. */
#define WEFT_REG_READ_BEATS 0x144u

/* READ_STALL, read only: Cycles in which a read request or read data waited for its partner. */
#define WEFT_REG_READ_STALL 0x148u

/* WRITE_BEATS, read only: Data beats written on the memory port. */
#define WEFT_REG_WRITE_BEATS 0x14cu

/* WRITE_STALL, read only: Cycles in which a write request or write data waited for memory. */
#define WEFT_REG_WRITE_STALL 0x150u

/* ACT_LOST, read only: Requests to the activation SRAM that lost a cycle to another engine. */
#define WEFT_REG_ACT_LOST 0x154u

/* COMMANDS, read only: Commands handed to engines. */
#define WEFT_REG_COMMANDS 0x158u

/* TRAP, read only: Which thread of which kernel trapped, and why, while ERROR.cause is TRAP;
   else 0. */
#define WEFT_REG_TRAP 0x30u
/* Why: see the table of traps. */
#define WEFT_TRAP_CAUSE_MASK 0xfu
#define WEFT_TRAP_CAUSE_LSB 0u
/* Lane of the thread. */
#define WEFT_TRAP_LANE_MASK 0x700u
#define WEFT_TRAP_LANE_LSB 8u
/* Hardware warp of the thread. */
#define WEFT_TRAP_WARP_MASK 0xf0000u
#define WEFT_TRAP_WARP_LSB 16u

/* TRAP_PC, read only: Kernel's address of the instruction that trapped. */
#define WEFT_REG_TRAP_PC 0x34u

/* TRAP_BLOCK, read only: Block of the thread that trapped. */
#define WEFT_REG_TRAP_BLOCK 0x38u
/* Its index in the grid, x. */
#define WEFT_TRAP_BLOCK_X_MASK 0xffffu
#define WEFT_TRAP_BLOCK_X_LSB 0u
/* Its index in the grid, y. */
#define WEFT_TRAP_BLOCK_Y_MASK 0xffff0000u
#define WEFT_TRAP_BLOCK_Y_LSB 16u

/* TRAP_BLOCK_Z, read only: Index of that block in the grid, z. */
#define WEFT_REG_TRAP_BLOCK_Z 0x3cu

/* KERNEL_ISSUED, read only: Retired warp-instructions. */
#define WEFT_REG_KERNEL_ISSUED 0x180u

/* KERNEL_ACTIVE_LANES, read only: Lanes that took part in them, summed. */
#define WEFT_REG_KERNEL_ACTIVE_LANES 0x184u

/* KERNEL_DIVERGED, read only: Of them, those in which some live thread of the warp took no part. */
#define WEFT_REG_KERNEL_DIVERGED 0x188u

/* KERNEL_TURNS, read only: Times that the starvation timer let a waiting group run. */
#define WEFT_REG_KERNEL_TURNS 0x18cu

/* KERNEL_SHARED_ACCESSES, read only: Warp-instructions with a lane in shared memory. */
#define WEFT_REG_KERNEL_SHARED_ACCESSES 0x190u

/* KERNEL_BANK_CONFLICTS, read only: Passes of these beyond the first of each. */
#define WEFT_REG_KERNEL_BANK_CONFLICTS 0x194u

/* KERNEL_MEMORY_ACCESSES, read only: Warp-instructions with a lane in main or private memory. */
#define WEFT_REG_KERNEL_MEMORY_ACCESSES 0x198u

/* KERNEL_MEMORY_SPLIT, read only: Of these, those that needed several bursts. */
#define WEFT_REG_KERNEL_MEMORY_SPLIT 0x19cu

/* KERNEL_MEMORY_BURSTS, read only: Bursts of these, both directions. */
#define WEFT_REG_KERNEL_MEMORY_BURSTS 0x1a0u

/* KERNEL_MEMORY_BEATS, read only: Data beats of these, both directions. */
#define WEFT_REG_KERNEL_MEMORY_BEATS 0x1a4u

/* KERNEL_REPLAYED, read only: An instruction came to the end of the pipeline and is to come
   again: its threads wait for others at a collective, or the starvation timer gave a turn to
   others. */
#define WEFT_REG_KERNEL_REPLAYED 0x1a8u

/* KERNEL_WAIT_MEMORY, read only: A warp waits for main or private memory. */
#define WEFT_REG_KERNEL_WAIT_MEMORY 0x1acu

/* KERNEL_WAIT_SHARED, read only: A warp waits for shared memory. */
#define WEFT_REG_KERNEL_WAIT_SHARED 0x1b0u

/* KERNEL_WAIT_UNITS, read only: A warp waits for division, floating point, tables or the command
   port. */
#define WEFT_REG_KERNEL_WAIT_UNITS 0x1b4u

/* KERNEL_WAIT_CODE, read only: A warp waits for the instruction cache. */
#define WEFT_REG_KERNEL_WAIT_CODE 0x1b8u

/* KERNEL_WAIT_BARRIER, read only: A warp waits at a barrier. */
#define WEFT_REG_KERNEL_WAIT_BARRIER 0x1bcu

/* KERNEL_PIPELINE, read only: All warps that live are in the pipeline: too few to fill it. */
#define WEFT_REG_KERNEL_PIPELINE 0x1c0u

/* KERNEL_EMPTY, read only: No warp lives: the kernel is being checked, begins, or has ended. */
#define WEFT_REG_KERNEL_EMPTY 0x1c4u

/* KERNEL_CODE_MISSES, read only: Fills of the instruction cache, of up to four lines. */
#define WEFT_REG_KERNEL_CODE_MISSES 0x1c8u

/* Commands. */
#define WEFT_COMMAND_BYTES 64u
#define WEFT_COMMAND_WORDS 16u
#define WEFT_MAX_COMMANDS 65535u
#define WEFT_SEMAPHORES 16u
/* Which command this is. */
#define WEFT_COMMAND_OPCODE_WORD 0u
#define WEFT_COMMAND_OPCODE_LSB 0u
#define WEFT_COMMAND_OPCODE_BITS 8u

/* LOAD: Copy rows of bytes from memory to an SRAM, padded with a fill value. For i2 < count2 and
   i1 < pad_top + count1 + pad_bottom, a row is pad_left fill bytes, len bytes from src + i2 *
   stride2 + (i1 - pad_top) * stride1, pad_right fill bytes; in the pad_top first and pad_bottom
   last rows of each i2 the len bytes are fill, too. act: the row goes to byte dst + i2 *
   dst_stride2 + i1 * dst_stride1. wgt: the row is cut into chunks of C bytes, the last one
   completed with fill; chunk j becomes SRAM row dst + i2 * dst_stride2 + i1 * dst_stride1 + j *
   dst_chunk. wgt with transpose: pad_top + count1 + pad_bottom must be C and a row R bytes long;
   for each i2 the block is transposed into SRAM rows dst + i2 * dst_stride2 + r, 0 <= r < R.
   param: one row without padding, flip or transposition of 8 bytes a column (int32 bias, float32
   scale), a multiple of 8 C bytes; dst counts blocks of C columns. With fence (act, or wgt
   without transpose; what is written ascends, all from dst to below dst + fence) it posts with
   its first write, and up to its last one MATMUL reads nothing of the fence that lies behind the
   latest. */
#define WEFT_OP_LOAD 0x1u
/* Semaphores of which each is taken once before the command starts. */
#define WEFT_LOAD_WAIT_WORD 1u
#define WEFT_LOAD_WAIT_LSB 0u
#define WEFT_LOAD_WAIT_BITS 16u
/* Semaphores posted once when the command's effect is visible. */
#define WEFT_LOAD_POST_WORD 1u
#define WEFT_LOAD_POST_LSB 16u
#define WEFT_LOAD_POST_BITS 16u
/* Destination: 0 act, 1 wgt, 2 param. */
#define WEFT_LOAD_SPACE_WORD 0u
#define WEFT_LOAD_SPACE_LSB 8u
#define WEFT_LOAD_SPACE_BITS 2u
/* XOR every byte read from memory with 0x80 (uint8 -> int8). */
#define WEFT_LOAD_FLIP_WORD 0u
#define WEFT_LOAD_FLIP_LSB 10u
#define WEFT_LOAD_FLIP_BITS 1u
/* Transpose blocks of C rows of R bytes (wgt only). */
#define WEFT_LOAD_TRANSPOSE_WORD 0u
#define WEFT_LOAD_TRANSPOSE_LSB 11u
#define WEFT_LOAD_TRANSPOSE_BITS 1u
/* Value of padding bytes. */
#define WEFT_LOAD_FILL_WORD 0u
#define WEFT_LOAD_FILL_LSB 24u
#define WEFT_LOAD_FILL_BITS 8u
/* Memory byte address of the first data row; any alignment. */
#define WEFT_LOAD_SRC_WORD 2u
#define WEFT_LOAD_SRC_LSB 0u
#define WEFT_LOAD_SRC_BITS 32u
/* Bytes in memory from one data row to the next. */
#define WEFT_LOAD_STRIDE1_WORD 3u
#define WEFT_LOAD_STRIDE1_LSB 0u
#define WEFT_LOAD_STRIDE1_BITS 32u
/* Bytes in memory from one i2 to the next. */
#define WEFT_LOAD_STRIDE2_WORD 4u
#define WEFT_LOAD_STRIDE2_LSB 0u
#define WEFT_LOAD_STRIDE2_BITS 32u
/* Bytes read from memory in each data row; may be 0. */
#define WEFT_LOAD_LEN_WORD 5u
#define WEFT_LOAD_LEN_LSB 0u
#define WEFT_LOAD_LEN_BITS 24u
/* Data rows in each i2. */
#define WEFT_LOAD_COUNT1_WORD 6u
#define WEFT_LOAD_COUNT1_LSB 0u
#define WEFT_LOAD_COUNT1_BITS 16u
/* Repetitions of the whole. */
#define WEFT_LOAD_COUNT2_WORD 6u
#define WEFT_LOAD_COUNT2_LSB 16u
#define WEFT_LOAD_COUNT2_BITS 16u
/* Destination: act byte, wgt row, param block. */
#define WEFT_LOAD_DST_WORD 7u
#define WEFT_LOAD_DST_LSB 0u
#define WEFT_LOAD_DST_BITS 24u
/* Destination step from one row to the next. */
#define WEFT_LOAD_DST_STRIDE1_WORD 8u
#define WEFT_LOAD_DST_STRIDE1_LSB 0u
#define WEFT_LOAD_DST_STRIDE1_BITS 24u
/* Destination step from one i2 to the next. */
#define WEFT_LOAD_DST_STRIDE2_WORD 9u
#define WEFT_LOAD_DST_STRIDE2_LSB 0u
#define WEFT_LOAD_DST_STRIDE2_BITS 24u
/* wgt rows from one chunk of a row to the next. */
#define WEFT_LOAD_DST_CHUNK_WORD 10u
#define WEFT_LOAD_DST_CHUNK_LSB 0u
#define WEFT_LOAD_DST_CHUNK_BITS 24u
/* Fill bytes before the data of each row. */
#define WEFT_LOAD_PAD_LEFT_WORD 11u
#define WEFT_LOAD_PAD_LEFT_LSB 0u
#define WEFT_LOAD_PAD_LEFT_BITS 16u
/* Fill bytes after the data of each row. */
#define WEFT_LOAD_PAD_RIGHT_WORD 11u
#define WEFT_LOAD_PAD_RIGHT_LSB 16u
#define WEFT_LOAD_PAD_RIGHT_BITS 16u
/* Fill rows before the data rows of each i2. */
#define WEFT_LOAD_PAD_TOP_WORD 12u
#define WEFT_LOAD_PAD_TOP_LSB 0u
#define WEFT_LOAD_PAD_TOP_BITS 16u
/* Fill rows after the data rows of each i2. */
#define WEFT_LOAD_PAD_BOTTOM_WORD 12u
#define WEFT_LOAD_PAD_BOTTOM_LSB 16u
#define WEFT_LOAD_PAD_BOTTOM_BITS 16u
/* act bytes or wgt rows for which MATMUL waits by itself, or 0. */
#define WEFT_LOAD_FENCE_WORD 13u
#define WEFT_LOAD_FENCE_LSB 0u
#define WEFT_LOAD_FENCE_BITS 24u

/* MATMUL: Multiply and accumulate. For b < blocks, then tiles i2 < k2, i1 < k1, i0 < k0 (i0
   fastest; t counts tiles), then rows j2 < m2, j1 < m1, j0 < m0 (j0 fastest; m counts rows):
   accumulator row acc + b * acc_block + m receives the R bytes at act + i2 * k2_stride + i1 *
   k1_stride + i0 * k0_stride + j2 * m2_stride + j1 * m1_stride + j0 * m0_stride, times the
   weight tile in SRAM rows wgt + b * wgt_block + t * R onwards. The first tile of a block writes
   unless accumulate is set; the others add. */
#define WEFT_OP_MATMUL 0x2u
/* Semaphores of which each is taken once before the command starts. */
#define WEFT_MATMUL_WAIT_WORD 1u
#define WEFT_MATMUL_WAIT_LSB 0u
#define WEFT_MATMUL_WAIT_BITS 16u
/* Semaphores posted once when the command's effect is visible. */
#define WEFT_MATMUL_POST_WORD 1u
#define WEFT_MATMUL_POST_LSB 16u
#define WEFT_MATMUL_POST_BITS 16u
/* The first tile adds to the accumulator, too. */
#define WEFT_MATMUL_ACCUMULATE_WORD 0u
#define WEFT_MATMUL_ACCUMULATE_LSB 8u
#define WEFT_MATMUL_ACCUMULATE_BITS 1u
/* Keep the sum of each row's activations in the row-sum column. */
#define WEFT_MATMUL_ROW_SUM_WORD 0u
#define WEFT_MATMUL_ROW_SUM_LSB 9u
#define WEFT_MATMUL_ROW_SUM_BITS 1u
/* wait_weights alone guards weights: they are read before the rest. */
#define WEFT_MATMUL_EARLY_WORD 0u
#define WEFT_MATMUL_EARLY_LSB 10u
#define WEFT_MATMUL_EARLY_BITS 1u
/* act byte address of the first row. */
#define WEFT_MATMUL_ACT_WORD 2u
#define WEFT_MATMUL_ACT_LSB 0u
#define WEFT_MATMUL_ACT_BITS 24u
/* wgt row of the first tile. */
#define WEFT_MATMUL_WGT_WORD 3u
#define WEFT_MATMUL_WGT_LSB 0u
#define WEFT_MATMUL_WGT_BITS 16u
/* wgt rows from one block to the next. */
#define WEFT_MATMUL_WGT_BLOCK_WORD 3u
#define WEFT_MATMUL_WGT_BLOCK_LSB 16u
#define WEFT_MATMUL_WGT_BLOCK_BITS 16u
/* Semaphores of wait that guard weights (for the cycle bins). */
#define WEFT_MATMUL_WAIT_WEIGHTS_WORD 4u
#define WEFT_MATMUL_WAIT_WEIGHTS_LSB 0u
#define WEFT_MATMUL_WAIT_WEIGHTS_BITS 16u
/* Semaphores of wait that guard accumulator rows (same). */
#define WEFT_MATMUL_WAIT_ACC_WORD 4u
#define WEFT_MATMUL_WAIT_ACC_LSB 16u
#define WEFT_MATMUL_WAIT_ACC_BITS 16u
/* First accumulator row. */
#define WEFT_MATMUL_ACC_WORD 5u
#define WEFT_MATMUL_ACC_LSB 0u
#define WEFT_MATMUL_ACC_BITS 16u
/* Accumulator rows from one block to the next. */
#define WEFT_MATMUL_ACC_BLOCK_WORD 5u
#define WEFT_MATMUL_ACC_BLOCK_LSB 16u
#define WEFT_MATMUL_ACC_BLOCK_BITS 16u
/* Blocks of C output columns. */
#define WEFT_MATMUL_BLOCKS_WORD 6u
#define WEFT_MATMUL_BLOCKS_LSB 0u
#define WEFT_MATMUL_BLOCKS_BITS 16u
/* Bytes 1..R that count where i0 = k0 - 1; the rest are zero. */
#define WEFT_MATMUL_K_TAIL_WORD 6u
#define WEFT_MATMUL_K_TAIL_LSB 16u
#define WEFT_MATMUL_K_TAIL_BITS 16u
/* Tiles in a slice. */
#define WEFT_MATMUL_K0_WORD 7u
#define WEFT_MATMUL_K0_LSB 0u
#define WEFT_MATMUL_K0_BITS 16u
/* Slices. */
#define WEFT_MATMUL_K1_WORD 7u
#define WEFT_MATMUL_K1_LSB 16u
#define WEFT_MATMUL_K1_BITS 16u
/* Groups of slices. */
#define WEFT_MATMUL_K2_WORD 8u
#define WEFT_MATMUL_K2_LSB 0u
#define WEFT_MATMUL_K2_BITS 16u
/* Rows, innermost. */
#define WEFT_MATMUL_M0_WORD 8u
#define WEFT_MATMUL_M0_LSB 16u
#define WEFT_MATMUL_M0_BITS 16u
/* Rows, middle. */
#define WEFT_MATMUL_M1_WORD 9u
#define WEFT_MATMUL_M1_LSB 0u
#define WEFT_MATMUL_M1_BITS 16u
/* Rows, outermost. */
#define WEFT_MATMUL_M2_WORD 9u
#define WEFT_MATMUL_M2_LSB 16u
#define WEFT_MATMUL_M2_BITS 16u
/* act bytes from one tile to the next. */
#define WEFT_MATMUL_K0_STRIDE_WORD 10u
#define WEFT_MATMUL_K0_STRIDE_LSB 0u
#define WEFT_MATMUL_K0_STRIDE_BITS 24u
/* act bytes from one slice to the next. */
#define WEFT_MATMUL_K1_STRIDE_WORD 11u
#define WEFT_MATMUL_K1_STRIDE_LSB 0u
#define WEFT_MATMUL_K1_STRIDE_BITS 24u
/* act bytes from one group of slices to the next. */
#define WEFT_MATMUL_K2_STRIDE_WORD 12u
#define WEFT_MATMUL_K2_STRIDE_LSB 0u
#define WEFT_MATMUL_K2_STRIDE_BITS 24u
/* act bytes, rows, innermost. */
#define WEFT_MATMUL_M0_STRIDE_WORD 13u
#define WEFT_MATMUL_M0_STRIDE_LSB 0u
#define WEFT_MATMUL_M0_STRIDE_BITS 24u
/* act bytes, rows, middle. */
#define WEFT_MATMUL_M1_STRIDE_WORD 14u
#define WEFT_MATMUL_M1_STRIDE_LSB 0u
#define WEFT_MATMUL_M1_STRIDE_BITS 24u
/* act bytes, rows, outermost. */
#define WEFT_MATMUL_M2_STRIDE_WORD 15u
#define WEFT_MATMUL_M2_STRIDE_LSB 0u
#define WEFT_MATMUL_M2_STRIDE_BITS 24u

/* DRAIN: Accumulator rows to the activation SRAM. For b < blocks and m < rows, the C columns of
   row acc + b * acc_block + m, each minus b_zero_point times the row sum where row_sum is set,
   plus the bias of its column in parameter block param + b where params is set (all modulo
   2^32), are written to act bytes dst + b * dst_block + m * dst_stride: as int32, little-
   endian, or requantised to one byte a column: clamp(f32_rne(acc, scale) + zero_point, qmin,
   qmax) mod 256. In the last block only the first cols_last columns are written. */
#define WEFT_OP_DRAIN 0x3u
/* Semaphores of which each is taken once before the command starts. */
#define WEFT_DRAIN_WAIT_WORD 1u
#define WEFT_DRAIN_WAIT_LSB 0u
#define WEFT_DRAIN_WAIT_BITS 16u
/* Semaphores posted once when the command's effect is visible. */
#define WEFT_DRAIN_POST_WORD 1u
#define WEFT_DRAIN_POST_LSB 16u
#define WEFT_DRAIN_POST_BITS 16u
/* Write int32 instead of requantised bytes. */
#define WEFT_DRAIN_INT32_WORD 0u
#define WEFT_DRAIN_INT32_LSB 8u
#define WEFT_DRAIN_INT32_BITS 1u
/* Bias and scale from the parameter SRAM, else bias 0 and scale. */
#define WEFT_DRAIN_PARAMS_WORD 0u
#define WEFT_DRAIN_PARAMS_LSB 9u
#define WEFT_DRAIN_PARAMS_BITS 1u
/* Subtract b_zero_point * row sum. */
#define WEFT_DRAIN_ROW_SUM_WORD 0u
#define WEFT_DRAIN_ROW_SUM_LSB 10u
#define WEFT_DRAIN_ROW_SUM_BITS 1u
/* First accumulator row. */
#define WEFT_DRAIN_ACC_WORD 2u
#define WEFT_DRAIN_ACC_LSB 0u
#define WEFT_DRAIN_ACC_BITS 16u
/* Accumulator rows from one block to the next. */
#define WEFT_DRAIN_ACC_BLOCK_WORD 2u
#define WEFT_DRAIN_ACC_BLOCK_LSB 16u
#define WEFT_DRAIN_ACC_BLOCK_BITS 16u
/* Rows in each block. */
#define WEFT_DRAIN_ROWS_WORD 3u
#define WEFT_DRAIN_ROWS_LSB 0u
#define WEFT_DRAIN_ROWS_BITS 16u
/* Blocks of C columns. */
#define WEFT_DRAIN_BLOCKS_WORD 3u
#define WEFT_DRAIN_BLOCKS_LSB 16u
#define WEFT_DRAIN_BLOCKS_BITS 16u
/* act byte address of the first row. */
#define WEFT_DRAIN_DST_WORD 4u
#define WEFT_DRAIN_DST_LSB 0u
#define WEFT_DRAIN_DST_BITS 24u
/* act bytes from one row to the next. */
#define WEFT_DRAIN_DST_STRIDE_WORD 5u
#define WEFT_DRAIN_DST_STRIDE_LSB 0u
#define WEFT_DRAIN_DST_STRIDE_BITS 24u
/* act bytes from one block to the next. */
#define WEFT_DRAIN_DST_BLOCK_WORD 6u
#define WEFT_DRAIN_DST_BLOCK_LSB 0u
#define WEFT_DRAIN_DST_BLOCK_BITS 24u
/* First parameter block. */
#define WEFT_DRAIN_PARAM_WORD 7u
#define WEFT_DRAIN_PARAM_LSB 0u
#define WEFT_DRAIN_PARAM_BITS 16u
/* Columns 1..C written in the last block. */
#define WEFT_DRAIN_COLS_LAST_WORD 7u
#define WEFT_DRAIN_COLS_LAST_LSB 16u
#define WEFT_DRAIN_COLS_LAST_BITS 16u
/* float32 bits, positive and normal; used when params is clear. */
#define WEFT_DRAIN_SCALE_WORD 8u
#define WEFT_DRAIN_SCALE_LSB 0u
#define WEFT_DRAIN_SCALE_BITS 32u
/* Added after scaling. */
#define WEFT_DRAIN_ZERO_POINT_WORD 9u
#define WEFT_DRAIN_ZERO_POINT_LSB 0u
#define WEFT_DRAIN_ZERO_POINT_BITS 16u
/* Zero point of B, -256..255. */
#define WEFT_DRAIN_B_ZERO_POINT_WORD 9u
#define WEFT_DRAIN_B_ZERO_POINT_LSB 16u
#define WEFT_DRAIN_B_ZERO_POINT_BITS 16u
/* Lower clamp. */
#define WEFT_DRAIN_QMIN_WORD 10u
#define WEFT_DRAIN_QMIN_LSB 0u
#define WEFT_DRAIN_QMIN_BITS 16u
/* Upper clamp. */
#define WEFT_DRAIN_QMAX_WORD 10u
#define WEFT_DRAIN_QMAX_LSB 16u
#define WEFT_DRAIN_QMAX_BITS 16u

/* STORE: Copy rows of bytes from the activation SRAM to memory: for i2 < count2 and i1 < count1,
   len bytes from src + i2 * src_stride2 + i1 * src_stride1 to dst + i2 * stride2 + i1 * stride1. */
#define WEFT_OP_STORE 0x4u
/* Semaphores of which each is taken once before the command starts. */
#define WEFT_STORE_WAIT_WORD 1u
#define WEFT_STORE_WAIT_LSB 0u
#define WEFT_STORE_WAIT_BITS 16u
/* Semaphores posted once when the command's effect is visible. */
#define WEFT_STORE_POST_WORD 1u
#define WEFT_STORE_POST_LSB 16u
#define WEFT_STORE_POST_BITS 16u
/* Memory byte address of the first row; any alignment. */
#define WEFT_STORE_DST_WORD 2u
#define WEFT_STORE_DST_LSB 0u
#define WEFT_STORE_DST_BITS 32u
/* Bytes in memory from one row to the next. */
#define WEFT_STORE_STRIDE1_WORD 3u
#define WEFT_STORE_STRIDE1_LSB 0u
#define WEFT_STORE_STRIDE1_BITS 32u
/* Bytes in memory from one i2 to the next. */
#define WEFT_STORE_STRIDE2_WORD 4u
#define WEFT_STORE_STRIDE2_LSB 0u
#define WEFT_STORE_STRIDE2_BITS 32u
/* Bytes in each row. */
#define WEFT_STORE_LEN_WORD 5u
#define WEFT_STORE_LEN_LSB 0u
#define WEFT_STORE_LEN_BITS 24u
/* Rows in each i2. */
#define WEFT_STORE_COUNT1_WORD 6u
#define WEFT_STORE_COUNT1_LSB 0u
#define WEFT_STORE_COUNT1_BITS 16u
/* Repetitions of the whole. */
#define WEFT_STORE_COUNT2_WORD 6u
#define WEFT_STORE_COUNT2_LSB 16u
#define WEFT_STORE_COUNT2_BITS 16u
/* act byte address of the first row. */
#define WEFT_STORE_SRC_WORD 7u
#define WEFT_STORE_SRC_LSB 0u
#define WEFT_STORE_SRC_BITS 24u
/* act bytes from one row to the next. */
#define WEFT_STORE_SRC_STRIDE1_WORD 8u
#define WEFT_STORE_SRC_STRIDE1_LSB 0u
#define WEFT_STORE_SRC_STRIDE1_BITS 24u
/* act bytes from one i2 to the next. */
#define WEFT_STORE_SRC_STRIDE2_WORD 9u
#define WEFT_STORE_SRC_STRIDE2_LSB 0u
#define WEFT_STORE_SRC_STRIDE2_BITS 24u

/* SIGNAL: After every earlier STORE is visible: write a word to memory (write), raise the
   message interrupt (message), retire the program and raise the done interrupt (end). Runs in
   the STORE engine; end must stand on the last command of a program and on no other. */
#define WEFT_OP_SIGNAL 0x5u
/* Semaphores of which each is taken once before the command starts. */
#define WEFT_SIGNAL_WAIT_WORD 1u
#define WEFT_SIGNAL_WAIT_LSB 0u
#define WEFT_SIGNAL_WAIT_BITS 16u
/* Semaphores posted once when the command's effect is visible. */
#define WEFT_SIGNAL_POST_WORD 1u
#define WEFT_SIGNAL_POST_LSB 16u
#define WEFT_SIGNAL_POST_BITS 16u
/* Write value to address. */
#define WEFT_SIGNAL_WRITE_WORD 0u
#define WEFT_SIGNAL_WRITE_LSB 8u
#define WEFT_SIGNAL_WRITE_BITS 1u
/* Raise the message interrupt. */
#define WEFT_SIGNAL_MESSAGE_WORD 0u
#define WEFT_SIGNAL_MESSAGE_LSB 9u
#define WEFT_SIGNAL_MESSAGE_BITS 1u
/* Retire the program. */
#define WEFT_SIGNAL_END_WORD 0u
#define WEFT_SIGNAL_END_LSB 10u
#define WEFT_SIGNAL_END_BITS 1u
/* Memory byte address, a multiple of 4. */
#define WEFT_SIGNAL_ADDRESS_WORD 2u
#define WEFT_SIGNAL_ADDRESS_LSB 0u
#define WEFT_SIGNAL_ADDRESS_BITS 32u
/* The word to write. */
#define WEFT_SIGNAL_VALUE_WORD 3u
#define WEFT_SIGNAL_VALUE_LSB 0u
#define WEFT_SIGNAL_VALUE_BITS 32u

/* LAUNCH: Start a SIMT kernel. Malformed on a chip without a SIMT core. */
#define WEFT_OP_LAUNCH 0x6u
/* Semaphores of which each is taken once before the command starts. */
#define WEFT_LAUNCH_WAIT_WORD 1u
#define WEFT_LAUNCH_WAIT_LSB 0u
#define WEFT_LAUNCH_WAIT_BITS 16u
/* Semaphores posted once when the command's effect is visible. */
#define WEFT_LAUNCH_POST_WORD 1u
#define WEFT_LAUNCH_POST_LSB 16u
#define WEFT_LAUNCH_POST_BITS 16u
/* The kernel may push commands; the program goes on behind its end. */
#define WEFT_LAUNCH_PUSHES_WORD 0u
#define WEFT_LAUNCH_PUSHES_LSB 8u
#define WEFT_LAUNCH_PUSHES_BITS 1u
/* Bytes of private memory for each thread. */
#define WEFT_LAUNCH_PRIVATE_WORD 0u
#define WEFT_LAUNCH_PRIVATE_LSB 16u
#define WEFT_LAUNCH_PRIVATE_BITS 16u
/* Memory address of the first instruction. */
#define WEFT_LAUNCH_ENTRY_WORD 2u
#define WEFT_LAUNCH_ENTRY_LSB 0u
#define WEFT_LAUNCH_ENTRY_BITS 32u
/* Blocks, x. */
#define WEFT_LAUNCH_GRID_X_WORD 3u
#define WEFT_LAUNCH_GRID_X_LSB 0u
#define WEFT_LAUNCH_GRID_X_BITS 16u
/* Blocks, y. */
#define WEFT_LAUNCH_GRID_Y_WORD 3u
#define WEFT_LAUNCH_GRID_Y_LSB 16u
#define WEFT_LAUNCH_GRID_Y_BITS 16u
/* Blocks, z. */
#define WEFT_LAUNCH_GRID_Z_WORD 4u
#define WEFT_LAUNCH_GRID_Z_LSB 0u
#define WEFT_LAUNCH_GRID_Z_BITS 16u
/* Threads of a block, x. */
#define WEFT_LAUNCH_BLOCK_X_WORD 4u
#define WEFT_LAUNCH_BLOCK_X_LSB 16u
#define WEFT_LAUNCH_BLOCK_X_BITS 8u
/* Threads of a block, y. */
#define WEFT_LAUNCH_BLOCK_Y_WORD 4u
#define WEFT_LAUNCH_BLOCK_Y_LSB 24u
#define WEFT_LAUNCH_BLOCK_Y_BITS 8u
/* Threads of a block, z. */
#define WEFT_LAUNCH_BLOCK_Z_WORD 5u
#define WEFT_LAUNCH_BLOCK_Z_LSB 24u
#define WEFT_LAUNCH_BLOCK_Z_BITS 8u
/* Bytes of shared memory for each block. */
#define WEFT_LAUNCH_SHARED_WORD 5u
#define WEFT_LAUNCH_SHARED_LSB 0u
#define WEFT_LAUNCH_SHARED_BITS 24u
/* Offset of the first block's shared memory in the window. */
#define WEFT_LAUNCH_SHARED_BASE_WORD 6u
#define WEFT_LAUNCH_SHARED_BASE_LSB 0u
#define WEFT_LAUNCH_SHARED_BASE_BITS 24u
/* Memory address of the private memory of all threads. */
#define WEFT_LAUNCH_PRIVATE_BASE_WORD 7u
#define WEFT_LAUNCH_PRIVATE_BASE_LSB 0u
#define WEFT_LAUNCH_PRIVATE_BASE_BITS 32u
/* Argument 0. */
#define WEFT_LAUNCH_ARGUMENT_0_WORD 8u
#define WEFT_LAUNCH_ARGUMENT_0_LSB 0u
#define WEFT_LAUNCH_ARGUMENT_0_BITS 32u
/* Argument 1. */
#define WEFT_LAUNCH_ARGUMENT_1_WORD 9u
#define WEFT_LAUNCH_ARGUMENT_1_LSB 0u
#define WEFT_LAUNCH_ARGUMENT_1_BITS 32u
/* Argument 2. */
#define WEFT_LAUNCH_ARGUMENT_2_WORD 10u
#define WEFT_LAUNCH_ARGUMENT_2_LSB 0u
#define WEFT_LAUNCH_ARGUMENT_2_BITS 32u
/* Argument 3. */
#define WEFT_LAUNCH_ARGUMENT_3_WORD 11u
#define WEFT_LAUNCH_ARGUMENT_3_LSB 0u
#define WEFT_LAUNCH_ARGUMENT_3_BITS 32u
/* Argument 4. */
#define WEFT_LAUNCH_ARGUMENT_4_WORD 12u
#define WEFT_LAUNCH_ARGUMENT_4_LSB 0u
#define WEFT_LAUNCH_ARGUMENT_4_BITS 32u
/* Argument 5. */
#define WEFT_LAUNCH_ARGUMENT_5_WORD 13u
#define WEFT_LAUNCH_ARGUMENT_5_LSB 0u
#define WEFT_LAUNCH_ARGUMENT_5_BITS 32u
/* Argument 6. */
#define WEFT_LAUNCH_ARGUMENT_6_WORD 14u
#define WEFT_LAUNCH_ARGUMENT_6_LSB 0u
#define WEFT_LAUNCH_ARGUMENT_6_BITS 32u
/* Argument 7. */
#define WEFT_LAUNCH_ARGUMENT_7_WORD 15u
#define WEFT_LAUNCH_ARGUMENT_7_LSB 0u
#define WEFT_LAUNCH_ARGUMENT_7_BITS 32u

/* Causes in the register ERROR. */
/* no error */
#define WEFT_CAUSE_NONE 0u
/* malformed command */
#define WEFT_CAUSE_BAD_COMMAND 1u
/* address outside an SRAM */
#define WEFT_CAUSE_BAD_ADDRESS 2u
/* memory answered a read with an error */
#define WEFT_CAUSE_READ_ERROR 3u
/* memory answered a write with an error */
#define WEFT_CAUSE_WRITE_ERROR 4u
/* deadlock: every engine waits for a semaphore that nothing will post */
#define WEFT_CAUSE_DEADLOCK 5u
/* a semaphore was posted above its maximum */
#define WEFT_CAUSE_SEMAPHORE_OVERFLOW 6u
/* a kernel trapped */
#define WEFT_CAUSE_TRAP 7u
/* the program ran out of commands without SIGNAL end */
#define WEFT_CAUSE_UNTERMINATED 8u
/* the host stopped the program */
#define WEFT_CAUSE_STOPPED 9u

/* Sets a field of a command, for example WEFT_SET(command, LOAD_LEN, 16). */
#define WEFT_SET(command, field, value) \
    weft_set_((command), WEFT_##field##_WORD, WEFT_##field##_LSB, WEFT_##field##_BITS, (value))

static inline void weft_set_(uint32_t *command, unsigned word, unsigned lsb, unsigned bits,
                             uint32_t value)
{
    const uint32_t mask = (bits == 32 ? ~(uint32_t)0 : ((uint32_t)1 << bits) - 1) << lsb;
    command[word] = (command[word] & ~mask) | (value << lsb & mask);
}

/* Makes an empty command: all fields zero but its opcode. */
static inline void weft_command(uint32_t *command, uint32_t opcode)
{
    for (unsigned word = 0; word < WEFT_COMMAND_WORDS; word++)
        command[word] = 0;
    weft_set_(command, WEFT_COMMAND_OPCODE_WORD, WEFT_COMMAND_OPCODE_LSB,
              WEFT_COMMAND_OPCODE_BITS, opcode);
}

#endif
