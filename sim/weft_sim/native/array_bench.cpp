// The bare array, fed a row in every cycle: the speed that the whole chip is measured against.
#include <time.h>

#include <cstring>
#include <vector>

#include "Varray.h"
#include "verilated.h"

namespace {

double cpu_seconds() {
    timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return double(now.tv_sec) + 1e-9 * double(now.tv_nsec);
}

template <class Port>
void fill(Port& port, const uint8_t* bytes, size_t count) {
    std::memcpy(static_cast<void*>(&port), bytes, count);
}

}  // namespace

// CPU seconds for so many cycles of tiles of ROWS rows back to back, with random operands.
extern "C" __attribute__((visibility("default"))) double array_seconds(uint64_t cycles,
                                                                       uint64_t* checksum) {
    VerilatedContext context;
    Varray array{&context, "TOP"};
    constexpr size_t POOL = 4096;
    std::vector<uint8_t> pool(POOL + ROWS + COLS);
    uint32_t random = 1;
    for (uint8_t& byte : pool) {
        random = random * 1664525u + 1013904223u;
        byte = uint8_t(random >> 24);
    }
    array.rst = 0;
    array.shift = 1;
    uint64_t sum = 0;
    const double start = cpu_seconds();
    for (uint64_t cycle = 0; cycle < cycles; ++cycle) {
        fill(array.row, &pool[cycle % POOL], ROWS);
        fill(array.weights, &pool[cycle * 7 % POOL], COLS);
        array.swap = cycle % ROWS == 0;
        array.clk = 0;
        array.eval();
        array.clk = 1;
        array.eval();
        uint32_t low;
        std::memcpy(&low, static_cast<const void*>(&array.sums), sizeof low);
        sum += low;
    }
    const double seconds = cpu_seconds() - start;
    *checksum = sum;
    array.final();
    return seconds;
}
