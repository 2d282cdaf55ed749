// Runs operations through the Verilated FloatUnit, one a cycle or with gaps between them.
//
// LATENCY is the component's property, given by test_unit.py, which loads this as a shared library.
#include <cstdint>
#include <deque>

#include "Vtop.h"
#include "verilated.h"

#define EXPORTED __attribute__((visibility("default")))

namespace {

struct Random {  // splitmix64
    uint64_t state;
    uint64_t next() {
        uint64_t z = state += 0x9E3779B97F4A7C15;
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
        z = (z ^ z >> 27) * 0x94D049BB133111EB;
        return z ^ z >> 31;
    }
};

}  // namespace

// ops, modes, a, b: count operations; results: as many. In a cycle in 256 of which `gap` nothing
// enters, operands are noise. Returns 0, or 1 + the cycle in which `done` was wrong.
extern "C" EXPORTED uint64_t float_unit_run(const uint8_t* ops, const uint8_t* modes,
                                            const uint32_t* a, const uint32_t* b,
                                            uint32_t* results, uint64_t count, unsigned gap,
                                            uint64_t seed) {
    VerilatedContext context;
    Vtop top{&context};
    Random random{seed};
    auto clock = [&] {
        top.clk = 0;
        top.eval();
        top.clk = 1;
        top.eval();
    };
    top.valid = 1;
    for (unsigned i = 0; i <= LATENCY; ++i) {  // reset forgets what is under way
        top.rst = i == LATENCY;
        clock();
    }
    top.rst = top.valid = 0;
    for (unsigned i = 0; i < LATENCY; ++i) {
        if (top.done) return 1;
        clock();
    }
    uint64_t entered = 0, left = 0, wrong = 0, history = 0;
    for (uint64_t cycle = 0; left < count && !wrong; ++cycle) {
        const bool enter = entered < count && (random.next() & 255) >= gap;
        top.valid = enter;
        if (enter) {
            top.op = ops[entered], top.mode = modes[entered];
            top.a = a[entered], top.b = b[entered];
            ++entered;
        } else {
            const uint64_t noise = random.next();
            top.op = noise & 15, top.mode = noise >> 4 & 3;
            top.a = noise >> 8, top.b = noise >> 32;
        }
        clock();
        history = history << 1 | enter;
        const bool due = history >> (LATENCY - 1) & 1;
        if (top.done != due) wrong = 1 + cycle;
        if (due) results[left++] = top.result;
    }
    top.final();
    return wrong;
}
