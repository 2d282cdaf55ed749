// What the harnesses of FP32 share: random numbers, a clock, and a pipeline that nothing stops.
#pragma once
#include <cstdint>

#define EXPORTED __attribute__((visibility("default")))

struct Random {  // splitmix64
    uint64_t state;
    uint64_t next() {
        uint64_t z = state += 0x9E3779B97F4A7C15;
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
        z = (z ^ z >> 27) * 0x94D049BB133111EB;
        return z ^ z >> 31;
    }
};

template <class Top>
void clock(Top& top) {
    top.clk = 0;
    top.eval();
    top.clk = 1;
    top.eval();
}

// Runs `count` operations through a component with `valid`, `done` and `result`, which leave it
// `latency` cycles later. `enter(n)` applies operation n, `noise(random)` anything; nothing enters
// in `gap` of 256 cycles. Returns 0, or 1 + the cycle in which `done` was wrong.
template <class Top, class Enter, class Noise>
uint64_t run_pipeline(Top& top, unsigned latency, uint64_t count, unsigned gap, uint64_t seed,
                      uint32_t* results, Enter enter, Noise noise) {
    Random random{seed};
    top.valid = 1;
    for (unsigned i = 0; i <= latency; ++i) {  // reset forgets what is under way
        top.rst = i == latency;
        clock(top);
    }
    top.rst = top.valid = 0;
    for (unsigned i = 0; i < latency; ++i) {
        if (top.done) return 1;
        clock(top);
    }
    uint64_t entered = 0, left = 0, history = 0;
    for (uint64_t cycle = 0; left < count; ++cycle) {
        top.valid = entered < count && (random.next() & 255) >= gap;
        if (top.valid) {
            enter(entered++);
        } else {
            noise(random.next());
        }
        history = history << 1 | top.valid;
        clock(top);
        const bool due = history >> (latency - 1) & 1;
        if (top.done != due) return 1 + cycle;
        if (due) results[left++] = top.result;
    }
    return 0;
}
