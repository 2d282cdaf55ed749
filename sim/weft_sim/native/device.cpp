// The Verilated chip with its memory as a shared library: the C interface that verilator.py loads.
//
// WEFT_BUS_BYTES, WEFT_CORE_CLOCK (the chip has one) and, in the build with waves, WEFT_WAVES are
// given by build.py.
#include <sys/mman.h>
#include <time.h>

#include <memory>
#include <new>
#include <vector>

#include "Vharness.h"
#include "memory.h"
#include "verilated.h"
#if WEFT_WAVES
#include "verilated_fst_c.h"
#endif

namespace {

double cpu_seconds() {
    timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return double(now.tv_sec) + 1e-9 * double(now.tv_nsec);
}

}  // namespace

// What weft_status() fills in; laid out as Status in verilator.py.
struct weft_state {
    uint64_t cycle;        // since the device was opened
    uint64_t run_cycles;   // of them inside weft_run
    double run_seconds;    // CPU time of those
    uint64_t outside;      // accesses outside memory
    uint64_t violations;   // of the AXI protocol
    uint64_t events;       // recorded of both
    uint64_t activity;     // pairs recorded
    uint32_t irq;
    uint32_t waves;        // this library can record waves
};

struct weft_device {
    static constexpr uint64_t RESET_CYCLES = 4;

    uint64_t size;
    uint8_t* bytes;
    VerilatedContext context;
    std::unique_ptr<Vharness> chip;
    weft::Memory<WEFT_BUS_BYTES> memory;
    uint64_t cycle = 0, run_cycles = 0;
    double run_seconds = 0;
    std::vector<uint64_t> activity_cycles;
    std::vector<uint8_t> activity_values;
    bool inputs_changed = true;  // by other than the memory
    bool activity_on = false;
    int activity_last = -1;
#if WEFT_WAVES
    std::unique_ptr<VerilatedFstC> waves;
    uint64_t waves_from = 0, waves_to = 0;
#endif

    weft_device(uint8_t* bytes, uint64_t size, const weft::Timing& timing)
        : size(size), bytes(bytes), memory(bytes, size, timing) {
#if WEFT_WAVES
        context.traceEverOn(true);
#endif
        chip = std::make_unique<Vharness>(&context, "TOP");
        reset();
    }

    ~weft_device() {
#if WEFT_WAVES
        if (waves) waves->close();
#endif
        chip->final();
        munmap(bytes, size);
    }

    void reset() {
        Vharness& pins = *chip;
        pins.s_axil_awvalid = pins.s_axil_wvalid = pins.s_axil_arvalid = 0;
        pins.s_axil_bready = pins.s_axil_rready = 1;
        pins.m_axi_arready = pins.m_axi_awready = pins.m_axi_wready = 0;
        pins.m_axi_rvalid = pins.m_axi_bvalid = 0;
        for (uint64_t i = 0; i < RESET_CYCLES; ++i) {
            pins.rst = 1;
            settle(true);
            edge();
        }
        pins.rst = 0;
        inputs_changed = true;
        memory.reset();
    }

    void dump(uint64_t time) {
#if WEFT_WAVES
        if (waves && cycle >= waves_from && cycle < waves_to) waves->dump(time);
#else
        (void)time;
#endif
    }

    // Rising edge first: cycle n lasts from time 10 n to 10 (n + 1). The chip sees its inputs only
    // when `drive` rises (harness.py says why).
    void settle(bool inputs_changed) {
        chip->clk = 0;
#if WEFT_CORE_CLOCK
        chip->core_clk = 0;
#endif
        chip->drive = inputs_changed;
        chip->eval();
        dump(10 * cycle + 5);
    }
    void edge() {
        chip->clk = 1;
#if WEFT_CORE_CLOCK
        chip->core_clk = chip->core_active;
#endif
        chip->drive = 0;
        chip->eval();
        ++cycle;
        dump(10 * cycle);
    }
    // The second half of a cycle, after the outputs have settled.
    template <bool Activity>
    void finish() {
        memory.end(*chip, cycle);
        if (Activity && chip->activity != activity_last) {
            activity_last = chip->activity;
            activity_cycles.push_back(cycle);
            activity_values.push_back(chip->activity);
        }
        edge();
    }
    void finish() { activity_on ? finish<true>() : finish<false>(); }

    template <bool Activity>
    void step() {
        settle(memory.begin(*chip, cycle) | inputs_changed);
        inputs_changed = false;
        finish<Activity>();
    }
    void step() { activity_on ? step<true>() : step<false>(); }

    template <bool Activity>
    bool run(uint64_t limit) {
        for (uint64_t i = 0; i < limit; ++i) {
            if (chip->irq) return true;
            step<Activity>();
        }
        return chip->irq;
    }
};

extern "C" {

#define WEFT_API __attribute__((visibility("default")))

// Memory is zero and costs nothing until touched. Null: not that much address space.
WEFT_API weft_device* weft_open(uint64_t size, const weft::Timing* timing) {
    void* bytes = mmap(nullptr, size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (bytes == MAP_FAILED) return nullptr;
    return new weft_device(static_cast<uint8_t*>(bytes), size, *timing);
}

WEFT_API void weft_close(weft_device* device) { delete device; }
WEFT_API uint8_t* weft_memory(weft_device* device) { return device->bytes; }
WEFT_API void weft_reset(weft_device* device) { device->reset(); }

WEFT_API void weft_timing(weft_device* device, const weft::Timing* timing) {
    device->memory.set_timing(*timing);
}

WEFT_API void weft_faults(weft_device* device, const weft::Fault* read, const weft::Fault* write) {
    device->memory.set_faults(*read, *write);
}

// Runs until the interrupt line is high (1) or for `limit` cycles (0).
WEFT_API int weft_run(weft_device* device, uint64_t limit) {
    const uint64_t cycle = device->cycle;
    const double start = cpu_seconds();
    const bool irq = device->activity_on ? device->run<true>(limit) : device->run<false>(limit);
    device->run_seconds += cpu_seconds() - start;
    device->run_cycles += device->cycle - cycle;
    return irq;
}

// Clocks the chip whether or not the interrupt line is high.
WEFT_API void weft_step(weft_device* device, uint64_t cycles) {
    for (uint64_t i = 0; i < cycles; ++i) device->step();
}

// One access on the host port. Returns the response, or -1 when none came in `limit` cycles.
WEFT_API int weft_read_register(weft_device* device, uint32_t offset, uint32_t* value, int limit) {
    Vharness& pins = *device->chip;
    pins.s_axil_araddr = offset;
    pins.s_axil_arvalid = 1;
    pins.s_axil_rready = 1;
    for (int i = 0; i < limit; ++i) {
        device->memory.begin(pins, device->cycle);
        device->settle(true);
        const bool accepted = pins.s_axil_arvalid && pins.s_axil_arready;
        const bool answered = pins.s_axil_rvalid;
        *value = pins.s_axil_rdata;
        const int response = pins.s_axil_rresp;
        device->finish();
        if (accepted) pins.s_axil_arvalid = 0;
        device->inputs_changed = true;
        if (answered) return response;
    }
    pins.s_axil_arvalid = 0;
    return -1;
}

WEFT_API int weft_write_register(weft_device* device, uint32_t offset, uint32_t value, int limit) {
    Vharness& pins = *device->chip;
    pins.s_axil_awaddr = offset;
    pins.s_axil_wdata = value;
    pins.s_axil_wstrb = 15;
    pins.s_axil_awvalid = pins.s_axil_wvalid = pins.s_axil_bready = 1;
    for (int i = 0; i < limit; ++i) {
        device->memory.begin(pins, device->cycle);
        device->settle(true);
        const bool address = pins.s_axil_awvalid && pins.s_axil_awready;
        const bool data = pins.s_axil_wvalid && pins.s_axil_wready;
        const bool answered = pins.s_axil_bvalid;
        const int response = pins.s_axil_bresp;
        device->finish();
        if (address) pins.s_axil_awvalid = 0;
        if (data) pins.s_axil_wvalid = 0;
        device->inputs_changed = true;
        if (answered) return response;
    }
    pins.s_axil_awvalid = pins.s_axil_wvalid = 0;
    return -1;
}

WEFT_API void weft_status(weft_device* device, weft_state* state) {
    *state = {device->cycle,
              device->run_cycles,
              device->run_seconds,
              device->memory.outside(),
              device->memory.violations(),
              device->memory.events().size(),
              device->activity_cycles.size(),
              device->chip->irq,
              WEFT_WAVES};
}

WEFT_API void weft_event(weft_device* device, uint64_t index, weft::Event* event) {
    *event = device->memory.events()[index];
}
WEFT_API void weft_forget_events(weft_device* device) { device->memory.forget_events(); }

// Activity: one pair (cycle, value) for each change; turning it on forgets what was recorded.
WEFT_API void weft_record_activity(weft_device* device, int on) {
    device->activity_on = on;
    if (!on) return;
    device->activity_last = -1;
    device->activity_cycles.clear();
    device->activity_values.clear();
}
WEFT_API const uint64_t* weft_activity_cycles(weft_device* device) {
    return device->activity_cycles.data();
}
WEFT_API const uint8_t* weft_activity_values(weft_device* device) {
    return device->activity_values.data();
}

// Record cycles [from, to) into an FST file. Returns 0 when this library cannot, or the file not.
WEFT_API int weft_waves(weft_device* device, const char* path, uint64_t from, uint64_t to) {
#if WEFT_WAVES
    if (device->waves) device->waves->close();
    device->waves = std::make_unique<VerilatedFstC>();
    device->chip->trace(device->waves.get(), 99);
    device->waves->open(path);
    device->waves_from = from;
    device->waves_to = to;
    return device->waves->isOpen();
#else
    (void)device, (void)path, (void)from, (void)to;
    return 0;
#endif
}

// Moves the window of an open file; its cycles count as those of weft_status.
WEFT_API void weft_waves_window(weft_device* device, uint64_t from, uint64_t to) {
#if WEFT_WAVES
    device->waves_from = from;
    device->waves_to = to;
#else
    (void)device, (void)from, (void)to;
#endif
}

WEFT_API void weft_waves_close(weft_device* device) {
#if WEFT_WAVES
    if (device->waves) device->waves->close();
    device->waves.reset();
#else
    (void)device;
#endif
}
}
