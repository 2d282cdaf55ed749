// A whole board, pins to pins: its serial line ends bit by bit at a file descriptor (board.py).
//
// Between the bytes of the host and the pin stands a line that can be cut or disturbed, and the
// board's reset button can be pressed, all of it in the middle of a chosen byte.
#include <poll.h>
#include <unistd.h>

#include <cstdint>
#include <memory>

#include "Vboard.h"
#include "verilated.h"

#define WEFT_API extern "C" __attribute__((visibility("default")))

namespace {

enum Fault : int { NONE, CUT, NOISE, RESET };  // numbered as in board.py

struct Board {
    static constexpr unsigned LINE_BITS = 10;       // start, eight of the byte, stop
    static constexpr unsigned MIDDLE = 5;           // bit of a byte in which a fault begins
    static constexpr unsigned RESET_CYCLES = 64;
    static constexpr uint64_t IDLE_CYCLES = 4096;   // without a byte: then others may have the CPU
    static constexpr int IDLE_MILLISECONDS = 1;

    VerilatedContext context;
    std::unique_ptr<Vboard> pins;
    int line = -1;
    unsigned divisor;
    bool reset_pressed;
    uint64_t cycle = 0, last_byte = 0;

    uint8_t from_host[4096];
    unsigned got = 0, used = 0;
    unsigned bits = 0, bit_left = 0, sent_bits = LINE_BITS;
    uint64_t host_bytes = 0;

    unsigned back_wait = 0, back_bits = 0, back_place = 0;
    bool back_active = false;
    uint8_t to_host[256];
    unsigned waiting = 0;

    int fault = NONE, armed = NONE;
    uint64_t fault_byte = 0, fault_left = 0, armed_cycles = 0;
    uint32_t random = 1;

    Board(int line, unsigned divisor, bool reset_low)
        : line(line), divisor(divisor), reset_pressed(!reset_low) {
        pins = std::make_unique<Vboard>(&context, "TOP");
        pins->uart_rx = 1;
        pins->reset = !reset_pressed;
        pins->clk = 0;
        pins->eval();
    }
    ~Board() { pins->final(); }

    // The host's byte that comes next, if there is one.
    bool next_byte(uint8_t& byte) {
        if (used == got) {
            // Asking costs more than a cycle: not in each of them.
            if (cycle % 16) return false;
            const ssize_t size = ::read(line, from_host, sizeof from_host);
            if (size <= 0) return false;
            used = 0, got = unsigned(size);
        }
        byte = from_host[used++];
        return true;
    }

    void flush() {
        for (unsigned at = 0; at < waiting;) {
            const ssize_t size = ::write(line, to_host + at, waiting - at);
            if (size > 0) {
                at += unsigned(size);
            } else {  // the host does not read; a real line would lose the byte, too, but later
                pollfd wait{line, POLLOUT, 0};
                if (::poll(&wait, 1, 1000) <= 0) break;
            }
        }
        waiting = 0;
    }

    bool level_from_host() {
        if (sent_bits == LINE_BITS) {
            uint8_t byte;
            if (!next_byte(byte)) return true;
            bits = 1u << 9 | unsigned(byte) << 1;
            sent_bits = 0, bit_left = divisor;
            last_byte = cycle;
        }
        const bool level = bits >> sent_bits & 1;
        if (--bit_left == 0) {
            bit_left = divisor;
            if (++sent_bits == MIDDLE && armed != NONE && host_bytes == fault_byte) {
                fault = armed, fault_left = armed_cycles, armed = NONE;
            }
            if (sent_bits == LINE_BITS) ++host_bytes;
        }
        return level;
    }

    void take_from_board(bool level) {
        if (!back_active) {
            if (level) return;
            back_active = true;
            back_place = 0, back_bits = 0, back_wait = divisor / 2;
            return;
        }
        if (--back_wait) return;
        back_wait = divisor;
        back_bits |= unsigned(level) << back_place;
        if (++back_place < LINE_BITS) return;
        back_active = false;
        last_byte = cycle;
        if (!level || back_bits & 1) return;  // no stop bit or no start bit
        to_host[waiting++] = uint8_t(back_bits >> 1);
        if (waiting == sizeof to_host) flush();
    }

    void step() {
        bool to_board = level_from_host(), from_board = pins->uart_tx;
        bool pressed = false;
        if (fault != NONE) {
            if (fault == CUT) to_board = from_board = true;
            if (fault == RESET) pressed = true;
            if (fault == NOISE) {
                if (fault_left % (divisor / 2 + 1) == 0) {
                    random ^= random << 13, random ^= random >> 17, random ^= random << 5;
                }
                to_board = random >> 16 & 1;
            }
            if (--fault_left == 0) fault = NONE;
        }
        pins->uart_rx = to_board;
        pins->reset = pressed == reset_pressed;
        take_from_board(from_board);
        pins->clk = 1;
        pins->eval();
        pins->clk = 0;
        pins->eval();
        ++cycle;
    }

    void run(uint64_t cycles) {
        for (uint64_t i = 0; i < cycles; ++i) {
            step();
            if (waiting && sent_bits == LINE_BITS && used == got) flush();
            if (cycle - last_byte > IDLE_CYCLES && cycle % IDLE_CYCLES == 0) {
                pollfd wait{line, POLLIN, 0};
                ::poll(&wait, 1, IDLE_MILLISECONDS);
            }
        }
        flush();
    }
};

}  // namespace

WEFT_API Board* board_open(int line, unsigned divisor, int reset_low) {
    return new Board(line, divisor, reset_low);
}
WEFT_API void board_close(Board* board) { delete board; }
WEFT_API void board_run(Board* board, uint64_t cycles) { board->run(cycles); }
WEFT_API uint64_t board_cycle(Board* board) { return board->cycle; }
WEFT_API unsigned board_leds(Board* board) { return board->pins->leds; }

// A fault of so many cycles in the middle of the host's byte that comes after `after` others.
WEFT_API void board_fault(Board* board, int kind, uint64_t after, uint64_t cycles) {
    board->armed_cycles = cycles;
    board->fault_byte = board->host_bytes + (board->sent_bits != Board::LINE_BITS) + after;
    board->armed = kind;
}
