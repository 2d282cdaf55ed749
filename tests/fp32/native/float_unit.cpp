// Runs operations through the Verilated FloatUnit.
//
// LATENCY is the component's property, given by test_unit.py, which loads this as a shared library.
#include "Vtop.h"
#include "pipeline.h"
#include "verilated.h"

// ops, modes, a, b: count operations; results: as many; the rest as in `run_pipeline`.
extern "C" EXPORTED uint64_t float_unit_run(const uint8_t* ops, const uint8_t* modes,
                                            const uint32_t* a, const uint32_t* b,
                                            uint32_t* results, uint64_t count, unsigned gap,
                                            uint64_t seed) {
    VerilatedContext context;
    Vtop top{&context};
    auto enter = [&](uint64_t n) {
        top.op = ops[n], top.mode = modes[n];
        top.a = a[n], top.b = b[n];
    };
    auto noise = [&](uint64_t bits) {
        top.op = bits & 15, top.mode = bits >> 4 & 3;
        top.a = bits >> 8, top.b = bits >> 32;
    };
    const uint64_t wrong = run_pipeline(top, LATENCY, count, gap, seed, results, enter, noise);
    top.final();
    return wrong;
}
