// Runs operands through the Verilated SpecialUnit.
//
// LATENCY is the component's property, given by test_special.py, which loads this as a shared
// library.
#include "Vtop.h"
#include "pipeline.h"
#include "verilated.h"

// functions, a: count operands; results: as many; the rest as in `run_pipeline`.
extern "C" EXPORTED uint64_t special_run(const uint8_t* functions, const uint32_t* a,
                                         uint32_t* results, uint64_t count, unsigned gap,
                                         uint64_t seed) {
    VerilatedContext context;
    Vtop top{&context};
    auto enter = [&](uint64_t n) { top.function = functions[n], top.a = a[n]; };
    auto noise = [&](uint64_t bits) { top.function = bits % 3, top.a = bits >> 8; };
    const uint64_t wrong = run_pipeline(top, LATENCY, count, gap, seed, results, enter, noise);
    top.final();
    return wrong;
}
