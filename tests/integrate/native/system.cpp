// The software of system.v: it runs one program, with what weft_host.h says of the chip.
#include <cstdint>

#include "Vsystem.h"
#include "verilated.h"
#include "weft_host.h"

namespace {

struct Bench {
    VerilatedContext context;
    Vsystem pins{&context, "TOP"};
    uint64_t cycles = 0;

    void tick() {
        pins.clk = 1;
        pins.eval();
        pins.clk = 0;
        pins.eval();
        ++cycles;
    }

    bool access(bool write, uint32_t address, uint32_t& data) {
        pins.write = write, pins.address = address, pins.data = data, pins.go = 1;
        for (int i = 0; i < 1000 && !pins.done; ++i) tick();
        const bool fine = pins.done && !pins.refused;
        data = pins.answer;
        pins.go = 0;
        tick();
        return fine;
    }
    uint32_t read(uint32_t address) {
        uint32_t value = 0;
        return access(false, address, value) ? value : 0xDEAD0000 | address;
    }
    bool write(uint32_t address, uint32_t value) { return access(true, address, value); }
};

}  // namespace

// Runs `count` commands at `program`; memory in place. Returns cycles, or a negative number that
// says what went wrong.
extern "C" __attribute__((visibility("default"))) int64_t
system_run(uint32_t* memory, uint32_t words, uint32_t program, uint32_t count) {
    Bench bench;
    auto& pins = bench.pins;
    pins.rst = 1;
    for (int i = 0; i < 4; ++i) bench.tick();
    pins.rst = 0;
    pins.poke = 1;
    for (uint32_t i = 0; i < words; ++i) {
        pins.place = i, pins.word = memory[i];
        bench.tick();
    }
    pins.poke = 0;

    if (bench.read(WEFT_REG_ID) != WEFT_ID) return -1;
    if (bench.read(WEFT_REG_VERSION) != WEFT_VERSION) return -2;
    if (bench.read(WEFT_REG_HASH_LO) != WEFT_HASH_LO) return -3;
    if (bench.read(WEFT_REG_HASH_HI) != WEFT_HASH_HI) return -4;
    if (bench.write(WEFT_REG_ID, 0)) return -5;  // read only: refused
    if (!bench.write(WEFT_REG_PROGRAM, program)) return -6;
    if (!bench.write(WEFT_REG_DOORBELL, count)) return -7;
    for (uint64_t limit = bench.cycles + 1000000; !pins.irq; bench.tick())
        if (bench.cycles == limit) return -8;
    const uint32_t pending = bench.read(WEFT_REG_IRQ_STATUS);
    if (pending != WEFT_IRQ_STATUS_DONE_MASK) return -9;
    bench.write(WEFT_REG_IRQ_STATUS, pending);
    if (pins.irq) return -10;
    if (bench.read(WEFT_REG_STATUS) & WEFT_STATUS_BUSY_MASK) return -11;
    for (uint32_t i = 0; i < words; ++i) {
        pins.place = i;
        pins.eval();
        memory[i] = pins.held;
    }
    return bench.read(WEFT_REG_CYCLES);
}
