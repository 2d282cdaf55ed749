// Runs operations through the Verilated DivSqrt, with stalls on either side.
//
// LONGEST is the component's property, given by test_divsqrt.py, which loads this as a shared
// library. Operands are packed as the component's operation: a, b, root, mode.
#include "Vtop.h"
#include "pipeline.h"
#include "verilated.h"

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
    auto tick = [&] {
        clock(top);
        ++*cycles;
    };
    auto stalls = [&] { return (random.next() & 255) < stall; };
    auto reset = [&] {
        top.rst = 1;
        tick();
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
            tick();
        }
        top.i_valid = 1;
        top.i_payload[0] = a[n], top.i_payload[1] = b[n];
        top.i_payload[2] = roots[n] | modes[n] << 1;
        top.o_ready = 0;
        for (unsigned waited = 0;; ++waited) {
            top.eval();
            if (top.i_ready) break;
            if (waited > 1) return 1 + n;
            tick();
        }
        tick();
        top.i_valid = 0;
        for (auto& word : top.i_payload.m_storage) word = uint32_t(random.next());
        if (n == reset_at) {
            const unsigned later = random.next() % 28;
            for (unsigned i = 0; i < later; ++i) tick();
            reset();
            reset_at = ~uint64_t(0);
            --n;
            continue;
        }
        const bool eager = random.next() & 1;
        top.o_ready = eager;
        for (unsigned waited = 0; !top.o_valid; ++waited) {
            if (waited > LONGEST) return 1 + n;
            tick();
        }
        results[n] = top.o_payload;
        while (!eager && stalls()) {
            tick();
            if (!top.o_valid || top.o_payload != results[n]) return 1 + n;
        }
        top.o_ready = 1;
        tick();
        top.o_ready = 0;
    }
    top.final();
    return 0;
}
