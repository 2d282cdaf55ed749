// The Verilated requantiser against float32 arithmetic, one value in each enabled cycle.
//
// SCALE_DELAY, ZERO_POINT_DELAY, CLAMP_DELAY and LATENCY are the component's properties, given by
// test_requantise.py, which loads this as a shared library.
#include <cmath>
#include <cstdint>
#include <cstring>

#include "Vtop.h"
#include "verilated.h"

#define EXPORTED __attribute__((visibility("default")))

extern "C" struct failure {
    int32_t acc;
    uint32_t scale;
    int32_t zero_point, qmin, qmax, got, expected;
};

namespace {

struct Random {  // splitmix64
    uint64_t state;
    uint64_t next() {
        uint64_t z = state += 0x9E3779B97F4A7C15;
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
        z = (z ^ z >> 27) * 0x94D049BB133111EB;
        return z ^ z >> 31;
    }
    int64_t range(int64_t low, int64_t high) {
        return low + int64_t(next() % uint64_t(high - low + 1));
    }
};

float to_float(uint32_t bits) {
    float value;
    std::memcpy(&value, &bits, 4);
    return value;
}

uint32_t to_bits(float value) {
    uint32_t bits;
    std::memcpy(&bits, &value, 4);
    return bits;
}

struct Value {
    int32_t acc;
    uint32_t scale;
    int32_t zero_point, qmin, qmax;

    int32_t expected() const {
        const float scaled = float(acc) * to_float(scale);
        const float whole = std::fmin(std::fmax(std::nearbyintf(scaled), -1e9f), 1e9f);
        int64_t y = int64_t(whole) + zero_point;
        y = y < qmin ? qmin : y;
        return int32_t(y > qmax ? qmax : y);
    }
};

class Bench {
  public:
    Bench(uint64_t seed, unsigned stall, failure* first)
        : random{seed}, stall(stall), first(first) {
        top.rst = 1;
        top.en = 0;
        clock();
        top.rst = 0;
    }

    ~Bench() { top.final(); }

    void set_clamps(Value& value) {
        const auto draw = random.next();
        value.zero_point = int8_t(draw), value.qmin = -128, value.qmax = 127;
        if ((draw >> 8 & 3) == 0) value.zero_point = int16_t(draw >> 16);
        if ((draw >> 10 & 3) == 0) {
            value.qmin = int16_t(draw >> 32), value.qmax = int16_t(draw >> 48);
            if (value.qmin > value.qmax) std::swap(value.qmin, value.qmax);
        }
    }

    void push(Value value) {
        set_clamps(value);
        enter(value);
    }

    uint64_t finish() {
        for (unsigned i = 0; i < LATENCY; ++i) enter(Value{0, 0x3f800000, 0, -128, 127});
        return mismatches;
    }

    Random random;

  private:
    static constexpr unsigned DEPTH = 16;
    static_assert(LATENCY < DEPTH);

    VerilatedContext context;
    Vtop top{&context};
    Value history[DEPTH] = {};
    uint64_t entered = 0, mismatches = 0;
    unsigned stall;
    failure* first;

    void clock() {
        top.clk = 0;
        top.eval();
        top.clk = 1;
        top.eval();
    }

    const Value& ago(unsigned cycles) const { return history[(entered - cycles) % DEPTH]; }

    void enter(const Value& value) {
        while (stall && random.next() % 256 < stall) {  // nothing may change meanwhile
            const auto noise = random.next();
            top.en = 0;
            top.acc = uint32_t(noise), top.scale = uint32_t(noise >> 32);
            top.zero_point = noise & 0xFFFF, top.qmin = noise >> 16 & 0xFFFF;
            clock();
        }
        history[entered % DEPTH] = value;
        top.en = 1;
        top.acc = uint32_t(value.acc);
        if (entered >= SCALE_DELAY) top.scale = ago(SCALE_DELAY).scale;
        if (entered >= ZERO_POINT_DELAY) top.zero_point = ago(ZERO_POINT_DELAY).zero_point & 0xFFFF;
        if (entered >= CLAMP_DELAY) {
            top.qmin = ago(CLAMP_DELAY).qmin & 0xFFFF;
            top.qmax = ago(CLAMP_DELAY).qmax & 0xFFFF;
        }
        clock();
        ++entered;
        if (entered < LATENCY) return;
        const Value& done = ago(LATENCY);
        const int32_t expected = done.expected();
        if (top.value == uint8_t(expected)) return;
        if (!mismatches++)
            *first = {done.acc,  done.scale, done.zero_point, done.qmin,
                      done.qmax, top.value,  expected};
    }
};

Value draw(Random& random) {
    const uint64_t bits = random.next();
    Value value{};
    value.acc = int32_t(bits);
    if (bits >> 32 & 1) value.acc >>= bits >> 33 & 31;  // every length alike
    const uint32_t mantissa = random.next() & 0x7FFFFF;
    const double size = std::fabs(double(value.acc)) + 1;
    switch (bits >> 40 & 7) {
        case 0:  // any scale
            value.scale = uint32_t(random.range(1, 254)) << 23 | mantissa;
            break;
        case 1: {  // few bits in the scale: exact halves
            const uint32_t few = mantissa & ~0u << random.range(16, 23) & 0x7FFFFF;
            value.scale = uint32_t(random.range(127 - 32, 127 + 4)) << 23 | few;
            break;
        }
        case 2:
        case 3: {  // the result is close to a half, or to a whole number
            const double target = random.range(-300, 300) * 0.5;
            const float near = float(target == 0 ? 0.25 / size : std::fabs(target) / size);
            value.scale = to_bits(near) + uint32_t(random.range(-3, 3));
            break;
        }
        default: {  // the result is a byte, roughly
            const double target = std::ldexp(1 + mantissa * 0x1p-23, random.range(-2, 8));
            value.scale = to_bits(float(target / size));
        }
    }
    return value;
}

}  // namespace

// Random values; returns the number of mismatches and the first one.
extern "C" EXPORTED uint64_t requantise_random(uint64_t seed, uint64_t count, unsigned stall,
                                               failure* first) {
    Bench bench(seed, stall, first);
    for (uint64_t i = 0; i < count; ++i) bench.push(draw(bench.random));
    return bench.finish();
}

// Accumulators with their scales.
extern "C" EXPORTED uint64_t requantise_list(const int32_t* accs, const uint32_t* scales,
                                             uint64_t count, uint64_t seed, failure* first) {
    Bench bench(seed, 0, first);
    for (uint64_t i = 0; i < count; ++i) bench.push(Value{accs[i], scales[i], 0, 0, 0});
    return bench.finish();
}
