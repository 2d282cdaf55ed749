// AXI4 memory: in order, with settable timing, random back-pressure, injected errors and checks.
//
// docs/memory_model.md says what it does cycle by cycle; memory_model.py is the same timing in
// Python. A cycle is: begin() drives the pins from state alone, the chip's outputs settle, end()
// takes what was handed over. Template parameter Pins is the Verilated chip, or a struct with pins
// of the same names.
#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

namespace weft {

struct Timing {
    uint32_t latency;         // cycles from accepted AR to first R beat, from last W beat to B
    uint32_t outstanding;     // open bursts of each direction
    uint32_t read_interval;   // cycles from one beat to the next
    uint32_t write_interval;
    uint32_t stall;           // probability of a stall per channel and cycle, times 2^32
    uint32_t seed;
};

// Bursts that touch [low, high) are answered with SLVERR; writes among them are dropped.
struct Fault {
    uint64_t low, high;
};

enum Response : uint8_t { OKAY = 0, SLVERR = 2, DECERR = 3 };

// Numbered as in verilator.py. OUTSIDE is no violation of the protocol, only worth knowing.
enum Kind : uint32_t { OUTSIDE, CROSSES_4K, TOO_LONG, BAD_SHAPE, BAD_LAST, UNSTABLE };

struct Event {
    uint64_t cycle;
    uint32_t kind, address;
};

constexpr uint32_t MAX_BEATS = 16;      // longest burst the chip may issue
constexpr uint32_t MAX_OUTSTANDING = 64;  // limit of Timing::outstanding
constexpr uint32_t SLOTS = 2 * MAX_OUTSTANDING;

template <unsigned BUS>
class Memory {
    struct Read {
        uint64_t due;
        uint32_t address, beats;
        uint8_t id;
    };
    struct Write {  // address and data arrive independently
        uint64_t due;
        uint32_t address, beats, got;
        uint8_t id;
        bool addressed, complete;
        uint8_t data[256 * BUS];
        uint64_t strobe[256];
    };
    struct Held {  // an address channel's payload, to see that it stays while it waits
        uint32_t address;
        uint8_t length, id;
        bool waiting;
    };

    uint8_t* const bytes_;
    const uint64_t size_;
    Timing timing_;
    Fault read_fault_{0, 0}, write_fault_{0, 0};
    std::vector<Read> reads_;
    std::vector<Write> writes_;
    std::vector<Event> events_;
    uint64_t outside_ = 0, violations_ = 0;
    uint64_t random_;
    uint64_t read_head_, read_tail_, aw_tail_, w_tail_, write_head_;
    uint64_t next_read_, next_write_;  // earliest cycle of the next data beat
    uint32_t read_beat_;
    bool read_offered_, b_offered_;
    Held ar_, aw_;
    bool w_waiting_;
    uint8_t w_held_[BUS];

    bool stalled() {
        if (timing_.stall == 0) return false;
        random_ ^= random_ << 13;  // xorshift64
        random_ ^= random_ >> 7;
        random_ ^= random_ << 17;
        return uint32_t(random_ >> 16) < timing_.stall;
    }

    void record(uint64_t cycle, Kind kind, uint32_t address) {
        (kind == OUTSIDE ? outside_ : violations_)++;
        if (events_.size() < 64) events_.push_back({cycle, kind, address});
    }

    void check_burst(uint64_t now, uint32_t address, uint32_t beats, unsigned size, unsigned type) {
        uint32_t bytes = beats * BUS;
        if ((1u << size) != BUS || type != 1 || address % BUS) record(now, BAD_SHAPE, address);
        if (beats > MAX_BEATS) record(now, TOO_LONG, address);
        if (address / 4096 != (address + bytes - 1) / 4096) record(now, CROSSES_4K, address);
    }

    void check_held(uint64_t now, Held& held, bool valid, bool ready, uint32_t address,
                    uint8_t length, uint8_t id) {
        if (held.waiting &&
            (!valid || address != held.address || length != held.length || id != held.id))
            record(now, UNSTABLE, held.address);
        held = {address, length, id, valid && !ready};
    }

    static bool hit(const Fault& fault, uint64_t low, uint64_t bytes) {
        return low < fault.high && low + bytes > fault.low;
    }

    template <class Pins>
    void offer_read(Pins& pins, uint64_t now) {
        const Read& read = reads_[read_head_ % SLOTS];
        const uint64_t address = read.address + uint64_t(read_beat_) * BUS;
        uint8_t response = OKAY;
        void* data = static_cast<void*>(&pins.m_axi_rdata);
        if (address + BUS > size_) {
            response = DECERR;
            std::memset(data, 0xA5, BUS);
            record(now, OUTSIDE, uint32_t(address));
        } else {
            std::memcpy(data, bytes_ + address, BUS);
            if (hit(read_fault_, address, BUS)) response = SLVERR;
        }
        pins.m_axi_rid = read.id;
        pins.m_axi_rresp = response;
        pins.m_axi_rlast = read_beat_ + 1 == read.beats;
        read_offered_ = true;
    }

    // Written bytes reach memory when B is offered, no earlier: who does not wait for B reads old.
    uint8_t commit(const Write& write, uint64_t now) {
        const uint64_t bytes = uint64_t(write.beats) * BUS;
        if (write.address + bytes > size_) {
            record(now, OUTSIDE, write.address);
            return DECERR;
        }
        if (hit(write_fault_, write.address, bytes)) return SLVERR;
        constexpr uint64_t FULL = BUS == 64 ? ~0ull : (1ull << (BUS % 64)) - 1;
        for (uint32_t beat = 0; beat < write.beats; ++beat) {
            uint8_t* to = bytes_ + write.address + beat * BUS;
            const uint8_t* from = write.data + beat * BUS;
            const uint64_t strobe = write.strobe[beat];
            if (strobe == FULL) {
                std::memcpy(to, from, BUS);
                continue;
            }
            for (unsigned i = 0; i < BUS; ++i)
                if (strobe >> i & 1) to[i] = from[i];
        }
        return OKAY;
    }

    void complete(Write& write, uint64_t now) {
        if (!write.addressed || !write.complete) return;
        if (write.got != write.beats) record(now, BAD_LAST, write.address);
        write.due = now + timing_.latency;
    }

public:
    Memory(uint8_t* bytes, uint64_t size, const Timing& timing)
        : bytes_(bytes), size_(size), timing_(timing), reads_(SLOTS),
          writes_(SLOTS) {
        reset();
    }

    // Hard reset: every open burst is forgotten, contents, timing and faults stay.
    void reset() {
        random_ = 0x9E3779B97F4A7C15ull ^ (uint64_t(timing_.seed) << 1);
        read_head_ = read_tail_ = aw_tail_ = w_tail_ = write_head_ = 0;
        next_read_ = next_write_ = 0;
        read_beat_ = 0;
        read_offered_ = b_offered_ = false;
        ar_ = aw_ = Held{0, 0, 0, false};
        w_waiting_ = false;
        for (Write& write : writes_) write.got = 0, write.addressed = write.complete = false;
    }

    void set_timing(const Timing& timing) {
        if (timing.seed != timing_.seed)
            random_ = 0x9E3779B97F4A7C15ull ^ (uint64_t(timing.seed) << 1);
        timing_ = timing;
    }
    void set_faults(const Fault& read, const Fault& write) { read_fault_ = read, write_fault_ = write; }
    const std::vector<Event>& events() const { return events_; }
    uint64_t outside() const { return outside_; }
    uint64_t violations() const { return violations_; }
    void forget_events() { events_.clear(), outside_ = violations_ = 0; }

    // Drives the pins of a cycle; returns whether one of them has changed.
    template <class Pins>
    bool begin(Pins& pins, uint64_t now) {
        const uint32_t limit = timing_.outstanding;
        const bool ar = read_tail_ - read_head_ < limit && !stalled();
        const bool aw = aw_tail_ - write_head_ < limit && !stalled();
        // W may run ahead of AW; only the first beat of a burst counts against the limit.
        const bool started = writes_[w_tail_ % SLOTS].got != 0;
        const bool w =
            (started || w_tail_ - write_head_ < limit) && now >= next_write_ && !stalled();
        bool changed = pins.m_axi_arready != ar || pins.m_axi_awready != aw ||
                       pins.m_axi_wready != w;
        pins.m_axi_arready = ar, pins.m_axi_awready = aw, pins.m_axi_wready = w;

        if (!read_offered_ && read_head_ != read_tail_ && now >= next_read_ &&
            now >= reads_[read_head_ % SLOTS].due && !stalled()) {
            offer_read(pins, now);
            changed = true;
        }
        changed |= pins.m_axi_rvalid != read_offered_;
        pins.m_axi_rvalid = read_offered_;

        if (!b_offered_ && write_head_ != aw_tail_) {
            Write& write = writes_[write_head_ % SLOTS];
            if (write.complete && write.addressed && now >= write.due && !stalled()) {
                pins.m_axi_bid = write.id;
                pins.m_axi_bresp = commit(write, now);
                b_offered_ = changed = true;
            }
        }
        changed |= pins.m_axi_bvalid != b_offered_;
        pins.m_axi_bvalid = b_offered_;
        return changed;
    }

    template <class Pins>
    void end(Pins& pins, uint64_t now) {
        if (pins.m_axi_arvalid | ar_.waiting) {
            check_held(now, ar_, pins.m_axi_arvalid, pins.m_axi_arready, pins.m_axi_araddr,
                       pins.m_axi_arlen, pins.m_axi_arid);
            if (pins.m_axi_arvalid && pins.m_axi_arready) {
                const uint32_t beats = pins.m_axi_arlen + 1u;
                check_burst(now, pins.m_axi_araddr, beats, pins.m_axi_arsize, pins.m_axi_arburst);
                reads_[read_tail_++ % SLOTS] = {now + timing_.latency, pins.m_axi_araddr,
                                                          beats, uint8_t(pins.m_axi_arid)};
            }
        }
        if (pins.m_axi_awvalid | aw_.waiting) {
            check_held(now, aw_, pins.m_axi_awvalid, pins.m_axi_awready, pins.m_axi_awaddr,
                       pins.m_axi_awlen, pins.m_axi_awid);
            if (pins.m_axi_awvalid && pins.m_axi_awready) {
                const uint32_t beats = pins.m_axi_awlen + 1u;
                check_burst(now, pins.m_axi_awaddr, beats, pins.m_axi_awsize, pins.m_axi_awburst);
                Write& write = writes_[aw_tail_++ % SLOTS];
                write.address = pins.m_axi_awaddr;
                write.beats = beats;
                write.id = pins.m_axi_awid;
                write.addressed = true;
                complete(write, now);
            }
        }
        if (pins.m_axi_wvalid | w_waiting_) take_write(pins, now);
        if (read_offered_ && pins.m_axi_rready) {
            read_offered_ = false;
            next_read_ = now + timing_.read_interval;
            if (++read_beat_ == reads_[read_head_ % SLOTS].beats) {
                read_beat_ = 0;
                ++read_head_;
            }
        }
        if (b_offered_ && pins.m_axi_bready) {
            b_offered_ = false;
            Write& write = writes_[write_head_++ % SLOTS];
            write.got = 0;
            write.addressed = write.complete = false;
        }
    }

    template <class Pins>
    void take_write(Pins& pins, uint64_t now) {
        const void* data = static_cast<const void*>(&pins.m_axi_wdata);
        if (w_waiting_ && (!pins.m_axi_wvalid || std::memcmp(w_held_, data, BUS)))
            record(now, UNSTABLE, writes_[w_tail_ % SLOTS].address);
        w_waiting_ = pins.m_axi_wvalid && !pins.m_axi_wready;
        if (w_waiting_) std::memcpy(w_held_, data, BUS);
        if (!pins.m_axi_wvalid || !pins.m_axi_wready) return;

        Write& write = writes_[w_tail_ % SLOTS];
        if (write.got < 256) {
            std::memcpy(write.data + write.got * BUS, data, BUS);
            write.strobe[write.got] = pins.m_axi_wstrb;
        }
        ++write.got;
        next_write_ = now + timing_.write_interval;
        if (pins.m_axi_wlast) {
            write.complete = true;
            ++w_tail_;
            complete(write, now);
        }
    }
};

}  // namespace weft
