// The memory model alone, for the test that compares it with memory_model.py cycle by cycle.
#include "memory.h"

namespace {

constexpr unsigned BUS = 4;

struct Pins {
    uint32_t m_axi_araddr = 0, m_axi_awaddr = 0, m_axi_rdata = 0, m_axi_wdata = 0;
    uint8_t m_axi_arid = 0, m_axi_arlen = 0, m_axi_arsize = 2, m_axi_arburst = 1;
    uint8_t m_axi_awid = 0, m_axi_awlen = 0, m_axi_awsize = 2, m_axi_awburst = 1;
    uint8_t m_axi_arvalid = 0, m_axi_arready = 0, m_axi_awvalid = 0, m_axi_awready = 0;
    uint8_t m_axi_wstrb = 15, m_axi_wlast = 0, m_axi_wvalid = 0, m_axi_wready = 0;
    uint8_t m_axi_bid = 0, m_axi_bresp = 0, m_axi_bvalid = 0, m_axi_bready = 0;
    uint8_t m_axi_rid = 0, m_axi_rresp = 0, m_axi_rlast = 0, m_axi_rvalid = 0, m_axi_rready = 0;
};

struct Master {
    Pins pins;
    uint8_t bytes[4096] = {};
    weft::Memory<BUS> memory;
    uint64_t cycle = 0;
    explicit Master(const weft::Timing& timing) : memory(bytes, sizeof bytes, timing) {}
};

}  // namespace

extern "C" {

Master* trace_open(const weft::Timing* timing) { return new Master(*timing); }
void trace_close(Master* master) { delete master; }
uint64_t trace_violations(Master* master) { return master->memory.violations(); }

// What the memory shows in this cycle: bits arready, awready, wready, rvalid, rlast, bvalid.
int trace_begin(Master* master) {
    Pins& pins = master->pins;
    master->memory.begin(pins, master->cycle);
    return pins.m_axi_arready | pins.m_axi_awready << 1 | pins.m_axi_wready << 2 |
           pins.m_axi_rvalid << 3 | (pins.m_axi_rvalid && pins.m_axi_rlast) << 4 |
           pins.m_axi_bvalid << 5;
}

// What the chip shows: lengths are beats of a burst, 0 for no request.
void trace_end(Master* master, int ar_beats, int aw_beats, int wvalid, int wlast, int rready,
               int bready) {
    Pins& pins = master->pins;
    pins.m_axi_arvalid = ar_beats > 0;
    pins.m_axi_arlen = uint8_t(ar_beats - 1);
    pins.m_axi_awvalid = aw_beats > 0;
    pins.m_axi_awlen = uint8_t(aw_beats - 1);
    pins.m_axi_wvalid = uint8_t(wvalid);
    pins.m_axi_wlast = uint8_t(wlast);
    pins.m_axi_rready = uint8_t(rready);
    pins.m_axi_bready = uint8_t(bready);
    master->memory.end(pins, master->cycle++);
}
}
