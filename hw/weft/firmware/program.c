/* A program: its commands in order, what they wait for and what they post. */
#include "firmware.h"

/* Stop here; CTRL.clear makes the chip ready again. */
static void halt(cause why, u32 engine, u32 index)
{
    count_cycles(COUNTER_IDLE);
    chip.error = why * ERROR_CAUSE | engine * ERROR_ENGINE | index * ERROR_COMMAND;
    chip.halted = 1;
    raise(IRQ_STATUS_ERROR);
}

static cause take(u32 set)
{
    for (u32 i = 0, left = set; left; i++, left >>= 1)
        if (left & 1 && chip.semaphores[i] == 0)
            return CAUSE_DEADLOCK; /* who posts it comes later in the program, or never */
    for (u32 i = 0, left = set; left; i++, left >>= 1)
        if (left & 1)
            chip.semaphores[i]--;
    return CAUSE_NONE;
}

static cause post(u32 set)
{
    for (u32 i = 0; set; i++, set >>= 1)
        if (set & 1) {
            if (chip.semaphores[i] == SEMAPHORE_MAX)
                return CAUSE_SEMAPHORE_OVERFLOW;
            chip.semaphores[i]++;
        }
    return CAUSE_NONE;
}

static cause do_signal(const u32 *command)
{
    u32 address = signal_address(command);
    if (signal_write(command)) {
        if (address & 3)
            return CAUSE_BAD_COMMAND;
        if (!in_memory(address, 4))
            return CAUSE_WRITE_ERROR;
        *(u32 *)(MAIN + address) = signal_value(command);
        chip.counters[COUNTER_WRITE_BEATS]++;
    }
    if (signal_message(command))
        raise(IRQ_STATUS_MESSAGE);
    return CAUSE_NONE;
}

static cause execute(const u32 *command)
{
    switch (opcode(command)) {
    case OPCODE_LOAD: return do_load(command);
    case OPCODE_MATMUL: return do_matmul(command);
    case OPCODE_DRAIN: return do_drain(command);
    case OPCODE_STORE: return do_store(command);
    default: return do_signal(command);
    }
}

/* Row of the opcode in the tables that were made of the command table, or COMMANDS. */
static u32 kind_of(const u32 *command)
{
    u32 kind = opcode(command) - OPCODE_LOAD, stray = 0;
    if (kind >= COMMANDS)
        return COMMANDS;
    for (const u32 *unused = unused_bits[kind]; unused < unused_bits[kind + 1]; unused++)
        stray |= *command++ & *unused;
    return stray ? COMMANDS : kind;
}

static void retire(void)
{
    count_cycles(COUNTER_IDLE);
    chip.retired++;
    chip.queued--;
    for (u32 i = 0; i < chip.queued; i++)
        chip.queue[i] = chip.queue[i + 1];
    raise(IRQ_STATUS_DONE);
}

void run_program(u32 address, u32 count)
{
    if (address % COMMAND_BYTES) {
        halt(CAUSE_BAD_COMMAND, ENGINE_CONTROL, 0);
        return;
    }
    for (u32 index = 0; index < count; index++, address += COMMAND_BYTES) {
        const u32 *command = (const u32 *)(MAIN + address);
        if (interrupted()) {
            halt(CAUSE_STOPPED, ENGINE_CONTROL, index);
            return;
        }
        if (!in_memory(address, COMMAND_BYTES)) {
            halt(CAUSE_READ_ERROR, ENGINE_CONTROL, index);
            return;
        }
        chip.counters[COUNTER_READ_BEATS] += COMMAND_WORDS;
        u32 kind = kind_of(command);
        int end = kind == KIND_SIGNAL && signal_end(command);
        if (kind == COMMANDS || (end && index != count - 1)) {
            halt(CAUSE_BAD_COMMAND, ENGINE_CONTROL, index);
            return;
        }
        u32 engine = engines[kind];
        chip.counters[COUNTER_COMMANDS]++;
        count_cycles(COUNTER_IDLE);
        u32 start = chip.last_cycle;
        cause why = take(common_wait(command));
        if (!why && !least(command, kind))
            why = CAUSE_BAD_COMMAND;
        if (!why)
            why = execute(command);
        count_cycles(COUNTER_IDLE);
        chip.counters[COUNTER_LOAD_BUSY + 2 * engine] += chip.last_cycle - start;
        if (chip.stop) {
            halt(CAUSE_STOPPED, ENGINE_CONTROL, index);
            return;
        }
        if (!why && (why = post(common_post(command))))
            engine = ENGINE_CONTROL, index = 0;
        if (why) {
            halt(why, engine, index);
            return;
        }
        if (end) {
            retire();
            return;
        }
    }
    halt(CAUSE_UNTERMINATED, ENGINE_CONTROL, count - 1);
}
