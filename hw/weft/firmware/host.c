/* The registers of weft.arch.registers, as the host sees them. */
#include "firmware.h"

void show_state(void)
{
    OUT(OUT_STATE) = (chip.irq_status & chip.irq_enable ? 1 : 0) | (chip.queued ? 2 : 0);
}

void raise(u32 interrupts)
{
    chip.irq_status |= interrupts;
    show_state();
}

void count_cycles(u32 bin)
{
    u32 now = IN(IN_CYCLES), passed = now - chip.last_cycle;
    chip.last_cycle = now;
    if (!chip.queued || chip.halted)
        return;
    chip.counters[COUNTER_CYCLES] += passed;
    chip.counters[bin] += passed;
}

static u32 status(void)
{
    u32 value = chip.halted ? STATUS_HALTED : 0;
    if (chip.queued)
        value |= STATUS_BUSY | (chip.queued - 1) * STATUS_QUEUED;
    return value;
}

static void clear(void)
{
    chip.queued = chip.halted = chip.stop = chip.error = 0;
    for (u32 i = 0; i < SEMAPHORES; i++)
        chip.semaphores[i] = 0;
}

/* Whether the host may write this. */
static int write(u32 address, u32 value)
{
    switch (address) {
    case REG_CTRL:
        if (value & CTRL_CLEAR && chip.queued && !chip.halted)
            return 0;
        if (value & CTRL_CLEAR)
            clear();
        else if (value & CTRL_STOP && chip.queued && !chip.halted)
            chip.stop = 1;
        break;
    case REG_IRQ_STATUS:
        chip.irq_status &= ~value;
        break;
    case REG_IRQ_ENABLE:
        chip.irq_enable = value & IRQ_ENABLE_BITS;
        break;
    case REG_PROGRAM:
        chip.program = value;
        break;
    case REG_DOORBELL:
        if (value == 0 || value > MAX_COMMANDS || chip.halted || chip.stop ||
            chip.queued > PROGRAM_QUEUE)
            return 0;
        if (chip.queued == 0)
            chip.last_cycle = IN(IN_CYCLES);
        chip.queue[chip.queued].address = chip.program;
        chip.queue[chip.queued++].count = value;
        break;
    default:
        return 0;
    }
    show_state();
    return 1;
}

static int read(u32 address, u32 *value)
{
    switch (address) {
    case REG_ID: *value = ID_VALUE; return 1;
    case REG_VERSION: *value = INTERFACE_VERSION; return 1;
    case REG_HASH_LO: *value = HASH_LO; return 1;
    case REG_HASH_HI: *value = HASH_HI; return 1;
    case REG_STATUS: *value = status(); return 1;
    case REG_CTRL: case REG_DOORBELL: *value = 0; return 1;
    case REG_IRQ_STATUS: *value = chip.irq_status; return 1;
    case REG_IRQ_ENABLE: *value = chip.irq_enable; return 1;
    case REG_ERROR: *value = chip.error; return 1;
    case REG_PROGRAM: *value = chip.program; return 1;
    case REG_RETIRED: *value = chip.retired; return 1;
    }
    u32 index = (address - COUNTER_BASE) >> 2;
    if (index >= COUNTERS)
        return 0;
    count_cycles(COUNTER_IDLE);
    *value = chip.counters[index];
    return 1;
}

void serve(void)
{
    u32 request = IN(IN_HOST);
    if (!(request & HOST_WAITS))
        return;
    u32 address = request & HOST_ADDRESS, value = 0;
    if (request & HOST_WRITES ? write(address, IN(IN_HOST_DATA)) : read(address, &value))
        OUT(OUT_ANSWER) = value;
    else
        OUT(OUT_REFUSE) = value;
}
