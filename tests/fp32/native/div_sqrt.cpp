// Runs operations through the Verilated DivSqrt, with stalls on either side.
//
// LONGEST is the component's property, given by test_divsqrt.py, which loads this as a shared
// library. Operands are packed as the component's operation: a, b, root, mode.
#include <cstdint>

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

// Each side stalls in `stall` of 256 cycles. Before operation `reset_at` has its result, everything
// is reset and the operation given again. Returns 0, or 1 + the operation that took too long, whose
// result changed while it waited, or that came unasked; `cycles` counts all of them.
extern "C" EXPORTED uint64_t div_sqrt_run(const uint8_t* roots, const uint8_t* modes,
                                          const uint32_t* a, const uint32_t* b, uint32_t* results,
                                          uint64_t count, unsigned stall, uint64_t reset_at,
                                          uint64_t seed, uint64_t* cycles) {
    VerilatedContext context;
    Vtop top{&context};
    Random random{seed};
    auto clock = [&] {
        top.clk = 0;
        top.eval();
        top.clk = 1;
        top.eval();
        ++*cycles;
    };
    auto stalls = [&] { return (random.next() & 255) < stall; };
    auto reset = [&] {
        top.rst = 1;
        clock();
        top.rst = 0;
    };
    *cycles = 0;
    top.i_valid = top.o_ready = 0;
    reset();
    for (uint64_t n = 0; n < count; ++n) {
        while (stalls()) {
            for (auto& word : top.i_payload.m_storage) word = uint32_t(random.next());
            top.o_ready = random.next() & 1;
            top.eval();
            if (top.o_valid) return 1 + n;
            clock();
        }
        top.i_valid = 1;
        top.i_payload[0] = a[n], top.i_payload[1] = b[n];
        top.i_payload[2] = roots[n] | modes[n] << 1;
        top.o_ready = 0;
        for (unsigned waited = 0;; ++waited) {
            top.eval();
            if (top.i_ready) break;
            if (waited > 1) return 1 + n;
            clock();
        }
        clock();
        top.i_valid = 0;
        for (auto& word : top.i_payload.m_storage) word = uint32_t(random.next());
        if (n == reset_at) {
            const unsigned later = random.next() % 28;
            for (unsigned i = 0; i < later; ++i) clock();
            reset();
            reset_at = ~uint64_t(0);
            --n;
            continue;
        }
        for (unsigned waited = 0; !top.o_valid; ++waited) {
            if (waited > LONGEST) return 1 + n;
            clock();
        }
        results[n] = top.o_payload;
        while (stalls()) {
            clock();
            if (!top.o_valid || top.o_payload != results[n]) return 1 + n;
        }
        top.o_ready = 1;
        clock();
        top.o_ready = 0;
    }
    top.final();
    return 0;
}
