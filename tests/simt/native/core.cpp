// The Verilated SIMT core with its memories; what retires is written down for the test.
//
// LANES, WARPS, BUS_BYTES, BANKS, SHARED_LATENCY, ROW_BITS and REGION_ROWS are the core's sizes, given by the test, which loads this as a library.
#include <cstdint>
#include <cstring>
#include <deque>
#include <vector>

#include "Vtop.h"
#include "verilated.h"

#define EXPORTED __attribute__((visibility("default")))

// A retired instruction, or (kind 1) a warp that begins with block (pc, mask, rd); as in the test.
extern "C" struct event {
    uint32_t cycle, kind, warp, pc, mask, rd, values[8];
};

extern "C" struct launch {
    uint32_t entry, shared, shared_base, private_, private_base, grid[3], block[3], arguments[8];
};

extern "C" struct options {
    uint64_t seed;
    uint32_t latency, spread;  // cycles to the first beat: latency + random below spread
    uint32_t stall;            // of 256: in so many cycles a channel stands still
};

extern "C" struct outcome {
    uint32_t finished, trap, cause, warp, lane, pc, cycles, issued, active_lanes, counts[6];
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
};

// Word i of a port, whatever type Verilator gives it.
inline uint32_t word(uint64_t value, int i) { return uint32_t(value >> 32 * i); }
template <std::size_t N>
uint32_t word(const VlWide<N>& value, int i) {
    return value[i];
}
template <class T>
void set_word(T& value, int i, uint32_t to) {
    value = T((uint64_t(value) & ~(uint64_t(0xFFFFFFFF) << 32 * i)) | uint64_t(to) << 32 * i);
}
template <std::size_t N>
void set_word(VlWide<N>& value, int i, uint32_t to) {
    value[i] = to;
}

constexpr unsigned WORDS = BUS_BYTES / 4;

struct Burst {
    uint32_t address, beats;
    uint64_t due;
};

struct Memory {
    uint8_t* bytes;
    uint32_t size;
    bool has(uint32_t address) const { return address + BUS_BYTES <= size; }
};

class Reader {
  public:
    std::deque<Burst> bursts;

    template <class Payload>
    void drive(Payload& payload, CData& valid, CData& ready, const Memory& memory, Random& random,
               const options& how, uint64_t now) {
        const uint64_t draw = random.next();
        ready = (draw & 255) >= how.stall && bursts.size() < 16;
        if (!standing) {  // a beat that was offered stays
            standing = !bursts.empty() && bursts.front().due <= now && (draw >> 8 & 255) >= how.stall;
        }
        valid = standing;
        for (unsigned i = 0; i <= WORDS; ++i) set_word(payload, i, uint32_t(random.next()));
        if (!standing) return;
        const Burst& burst = bursts.front();
        const bool error = !memory.has(burst.address);
        for (unsigned i = 0; i < WORDS && !error; ++i) {
            uint32_t value;
            std::memcpy(&value, memory.bytes + burst.address + 4 * i, 4);
            set_word(payload, i, value);
        }
        set_word(payload, WORDS, uint32_t(error) | uint32_t(burst.beats == 1) << 1);
    }

    void step(bool asked, uint64_t payload, bool taken, Random& random, const options& how,
              uint64_t now) {
        if (taken) {
            standing = false;
            bursts.front().address += BUS_BYTES;
            if (!--bursts.front().beats) bursts.pop_front();
        }
        if (asked) {
            const uint64_t wait = how.latency + (how.spread ? random.next() % how.spread : 0);
            bursts.push_back({uint32_t(payload), uint32_t(payload >> 32 & 15) + 1, now + wait});
        }
    }

  private:
    bool standing = false;
};

class Bench {
  public:
    Bench(Memory main, Memory shared) : main(main), shared(shared) { reset(); }
    ~Bench() { top.final(); }

    std::vector<event> events;
    options how{};
    Random random{1};

    void reset() {
        top.launch_valid = 0;
        top.rst = 1;
        clock();
        top.rst = 0;
        fetch = read = Reader{};
        writes.clear(), done.clear();
        events.clear();
        running = false;
    }

    void start(const launch& l) {
        top.launch_entry = l.entry;
        top.launch_shared = l.shared, top.launch_shared_base = l.shared_base;
        top.launch_private = l.private_, top.launch_private_base = l.private_base;
        top.launch_grid_x = l.grid[0], top.launch_grid_y = l.grid[1], top.launch_grid_z = l.grid[2];
        top.launch_block_x = l.block[0], top.launch_block_y = l.block[1];
        top.launch_block_z = l.block[2];
        top.launch_argument_0 = l.arguments[0], top.launch_argument_1 = l.arguments[1];
        top.launch_argument_2 = l.arguments[2], top.launch_argument_3 = l.arguments[3];
        top.launch_argument_4 = l.arguments[4], top.launch_argument_5 = l.arguments[5];
        top.launch_argument_6 = l.arguments[6], top.launch_argument_7 = l.arguments[7];
        top.launch_valid = 1;
        events.clear();
        begun = now;
        issued = active_lanes = 0;
        std::memset(counts, 0, sizeof counts);
    }

    outcome run(uint64_t cycles) {
        outcome result{};
        for (uint64_t i = 0; i < cycles; ++i) {
            cycle();
            if (top.trap_valid && !top.open) break;
            if (running && !top.busy && !top.open) {
                result.finished = 1;
                break;
            }
        }
        if (result.finished || top.trap_valid) running = false;
        result.trap = top.trap_valid;
        result.cause = top.trap_cause, result.warp = top.trap_warp, result.lane = top.trap_lane;
        result.pc = top.trap_pc << 2;
        result.cycles = uint32_t(now - begun);
        result.issued = issued, result.active_lanes = active_lanes;
        std::memcpy(result.counts, counts, sizeof counts);
        return result;
    }

  private:
    struct Pending {
        uint32_t pc, mask, rd;
    };

    VerilatedContext context;
    Vtop top{&context};
    Memory main, shared;
    bool paused = false;  // shared memory said in the cycle before that it takes no write
    Reader fetch, read;
    std::deque<Burst> writes;
    std::deque<uint64_t> done;
    std::deque<bool> errors;
    struct Late {
        uint8_t* at;
        unsigned strobe;
        uint32_t value;
    };
    std::vector<Late> late;
    struct Row {
        uint32_t words[BANKS];
    } reads[SHARED_LATENCY] = {};
    Pending pending[WARPS] = {};
    uint32_t rows[WARPS][32][LANES] = {};
    uint64_t now = 0, begun = 0;
    uint32_t issued = 0, active_lanes = 0, counts[6] = {};
    bool running = false;

    void clock() {
        top.clk = 0;
        top.eval();
        top.clk = 1;
        top.eval();
    }

    void record(uint32_t kind, uint32_t warp, uint32_t pc, uint32_t mask, uint32_t rd) {
        event e{uint32_t(now - begun), kind, warp, pc, mask, rd, {}};
        if (kind == 0)
            for (unsigned l = 0; l < LANES; ++l) e.values[l] = rows[warp][rd][l];
        events.push_back(e);
    }

    void cycle() {
        fetch.drive(top.fetch_beat_payload, top.fetch_beat_valid, top.fetch_burst_ready, main,
                    random, how, now);
        read.drive(top.read_beat_payload, top.read_beat_valid, top.read_burst_ready, main, random,
                   how, now);
        const uint64_t draw = random.next();
        top.write_burst_ready = (draw & 255) >= how.stall && writes.size() < 16;
        top.write_beat_ready = (draw >> 8 & 255) >= how.stall && !writes.empty();
        top.write_done = !done.empty() && done.front() <= now && (draw >> 16 & 255) >= how.stall;
        top.write_error = !errors.empty() && errors.front();
        top.shared_ready = (draw >> 24 & 255) >= how.stall;
        paused = top.shared_pause;
        top.shared_pause = (draw >> 32 & 255) < how.stall;
        top.clk = 0;
        top.eval();

        if (top.launch_valid && top.launch_ready) running = true;
        const bool launched = top.launch_valid && top.launch_ready;
        const bool fetch_asked = top.fetch_burst_valid && top.fetch_burst_ready;
        const bool read_asked = top.read_burst_valid && top.read_burst_ready;
        const bool fetch_taken = top.fetch_beat_valid && top.fetch_beat_ready;
        const bool read_taken = top.read_beat_valid && top.read_beat_ready;
        const uint64_t fetch_burst = top.fetch_burst_payload, read_burst = top.read_burst_payload;
        fetch.step(fetch_asked, fetch_burst, fetch_taken, random, how, now);
        read.step(read_asked, read_burst, read_taken, random, how, now);
        if (top.write_done) done.pop_front(), errors.pop_front();
        if (top.write_beat_valid && top.write_beat_ready) write_beat();
        if (top.write_burst_valid && top.write_burst_ready)
            writes.push_back({top.write_addr, top.write_beats, 0});
        access_shared();
        for (int i = 0; i < 5; ++i) counts[i] += top.counts >> i & 1;
        counts[5] += top.beats;
        retire();

        top.clk = 1;
        top.eval();
        const auto& due = reads[now % SHARED_LATENCY];
        for (unsigned b = 0; b < BANKS; ++b) set_word(top.shared_out, b, due.words[b]);
        if (launched) top.launch_valid = 0;
        ++now;
    }

    void access_shared() {
        auto& slot = reads[(now + SHARED_LATENCY - 1) % SHARED_LATENCY];
        for (auto& w : slot.words) w = uint32_t(random.next());
        // What was written in the cycle before is seen from the next cycle on.
        const std::vector<Late> written = std::move(late);
        late.clear();
        // A write that may not come is lost.
        if ((top.shared_read && top.shared_ready) || (top.shared_write && !paused))
            access_banks(slot.words);
        for (const Late& w : written)
            for (int i = 0; i < 4; ++i)
                if (w.strobe >> i & 1) w.at[i] = uint8_t(w.value >> 8 * i);
    }

    void access_banks(uint32_t* words) {
        for (unsigned b = 0; b < BANKS; ++b) {
            uint64_t row = 0;
            for (unsigned i = 0; i < ROW_BITS; ++i) {
                const unsigned at = b * ROW_BITS + i;
                row |= uint64_t(word(top.shared_rows, at / 32) >> at % 32 & 1) << i;
            }
            row += uint64_t(top.shared_region) * REGION_ROWS;
            uint8_t* at = shared.bytes + 4 * (row * BANKS + b);
            const unsigned strobe = word(top.shared_strobe, b / 8) >> 4 * (b % 8) & 15;
            if (at + 4 > shared.bytes + shared.size) continue;  // a bank that nobody looks at
            std::memcpy(&words[b], at, 4);
            if (top.shared_write) late.push_back({at, strobe, word(top.shared_data, b)});
        }
    }

    void write_beat() {
        Burst& burst = writes.front();
        const bool error = !main.has(burst.address);
        for (unsigned b = 0; b < BUS_BYTES && !error; ++b)
            if (top.write_strobe >> b & 1)
                main.bytes[burst.address + b] = uint8_t(word(top.write_data, b / 4) >> 8 * (b % 4));
        burst.address += BUS_BYTES;
        if (--burst.beats) return;
        writes.pop_front();
        done.push_back(now + 1 + how.latency + (how.spread ? random.next() % how.spread : 0));
        errors.push_back(error);
    }

    void retire() {
        if (top.started)
            record(1, top.start_warp, top.start_block_x, top.start_block_y, top.start_block_z);
        for (unsigned l = 0; l < LANES; ++l)
            if (top.retire_row_mask >> l & 1)
                rows[top.retire_row_warp][top.retire_row_rd][l] = word(top.retire_row_data, l);
        if (top.retire_valid) {
            ++issued;
            active_lanes += unsigned(__builtin_popcount(top.retire_mask));
            const Pending what{uint32_t(top.retire_pc) << 2, top.retire_mask, top.retire_rd};
            if (top.retire_deferred)
                pending[top.retire_warp] = what;
            else
                record(0, top.retire_warp, what.pc, what.mask, what.rd);
        }
        for (unsigned w = 0; w < WARPS; ++w)
            if (top.retire_answered >> w & 1)
                record(0, w, pending[w].pc, pending[w].mask, pending[w].rd);
    }
};

}  // namespace

extern "C" {
EXPORTED void* simt_open(uint8_t* main, uint32_t main_size, uint8_t* shared, uint32_t shared_size) {
    return new Bench({main, main_size}, {shared, shared_size});
}
EXPORTED void simt_close(void* bench) { delete static_cast<Bench*>(bench); }
EXPORTED void simt_reset(void* bench) { static_cast<Bench*>(bench)->reset(); }
EXPORTED void simt_start(void* bench, const launch* what, const options* how) {
    auto& b = *static_cast<Bench*>(bench);
    b.how = *how, b.random.state = how->seed;
    b.start(*what);
}
EXPORTED void simt_run(void* bench, uint64_t cycles, outcome* result) {
    *result = static_cast<Bench*>(bench)->run(cycles);
}
EXPORTED uint64_t simt_events(void* bench, const event** first) {
    auto& events = static_cast<Bench*>(bench)->events;
    *first = events.data();
    return events.size();
}
}
