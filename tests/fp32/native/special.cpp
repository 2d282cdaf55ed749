// Runs operands through the Verilated SpecialUnit, one a cycle or with gaps between them.
//
// LATENCY is the component's property, given by test_special.py, which loads this as a shared
// library.
#include <cstdint>

#include "Vtop.h"
#include "verilated.h"

#define EXPORTED __attribute__((visibility("default")))

// In a cycle in 256 of which `gap` nothing enters, the operand is noise. Returns 0, or 1 + the
// cycle in which `done` was wrong.
extern "C" EXPORTED uint64_t special_run(const uint8_t* functions, const uint32_t* a,
                                         uint32_t* results, uint64_t count, unsigned gap,
                                         uint32_t seed) {
    VerilatedContext context;
    Vtop top{&context};
    auto random = [&] { return (seed = seed * 1664525u + 1013904223u) >> 8; };
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
        const bool enter = entered < count && (random() & 255) >= gap;
        top.valid = enter;
        top.function = enter ? functions[entered] : random() % 3;
        top.a = enter ? a[entered] : random() << 8;
        entered += enter;
        clock();
        history = history << 1 | enter;
        const bool due = history >> (LATENCY - 1) & 1;
        if (top.done != due) wrong = 1 + cycle;
        if (due) results[left++] = top.result;
    }
    top.final();
    return wrong;
}
