// A system as somebody else would write it around Weft: a memory on its AXI4 port, and a host that
// reads and writes registers on its AXI4-Lite port. Everything here is plain Verilog-2001.
//
// The memory takes one burst of each direction at a time. The host's side is a word at a time:
// raise `go` with `write`, `address` and `data`; when `done` is high, `answer` and `refused` hold.

module system #(
    parameter BUS_BITS = 32,      // of the chip: manifest.json, ports
    parameter MEMORY_BITS = 18    // words of the memory, as a power of two
) (
    input  wire                   clk,
    input  wire                   rst,
    // registers
    input  wire                   go,
    input  wire                   write,
    input  wire [11:0]            address,
    input  wire [31:0]            data,
    output reg                    done,
    output reg  [31:0]            answer,
    output reg                    refused,
    output wire                   irq,
    // memory from outside, while the chip does nothing
    input  wire                   poke,
    input  wire [MEMORY_BITS-1:0] place,
    input  wire [BUS_BITS-1:0]    word,
    output wire [BUS_BITS-1:0]    held
);

    localparam BYTES = BUS_BITS / 8;
    localparam LOW = $clog2(BYTES);

    // --- the chip -------------------------------------------------------------------------------

    reg          awvalid, wvalid, arvalid;
    wire         awready, wready, arready, bvalid, rvalid;
    wire [1:0]   bresp, rresp;
    wire [31:0]  rdata;

    wire [1:0]   m_awid, m_arid;
    wire [31:0]  m_awaddr, m_araddr;
    wire [7:0]   m_awlen, m_arlen;
    wire [2:0]   m_awsize, m_arsize;
    wire [1:0]   m_awburst, m_arburst;
    wire         m_awvalid, m_wvalid, m_wlast, m_bready, m_arvalid, m_rready;
    wire [BUS_BITS-1:0] m_wdata;
    wire [BYTES-1:0]    m_wstrb;
    wire         m_awready, m_wready, m_arready, m_rlast;
    reg          m_bvalid, m_rvalid;
    reg  [1:0]   m_bid, m_rid;
    wire [7:0]   activity;

    weft chip (
        .clk(clk), .rst(rst), .irq(irq), .activity(activity),
        .s_axil_awaddr(address), .s_axil_awvalid(awvalid), .s_axil_awready(awready),
        .s_axil_wdata(data), .s_axil_wstrb(4'hf), .s_axil_wvalid(wvalid), .s_axil_wready(wready),
        .s_axil_bresp(bresp), .s_axil_bvalid(bvalid), .s_axil_bready(1'b1),
        .s_axil_araddr(address), .s_axil_arvalid(arvalid), .s_axil_arready(arready),
        .s_axil_rdata(rdata), .s_axil_rresp(rresp), .s_axil_rvalid(rvalid), .s_axil_rready(1'b1),
        .m_axi_awid(m_awid), .m_axi_awaddr(m_awaddr), .m_axi_awlen(m_awlen),
        .m_axi_awsize(m_awsize), .m_axi_awburst(m_awburst), .m_axi_awvalid(m_awvalid),
        .m_axi_awready(m_awready),
        .m_axi_wdata(m_wdata), .m_axi_wstrb(m_wstrb), .m_axi_wlast(m_wlast),
        .m_axi_wvalid(m_wvalid), .m_axi_wready(m_wready),
        .m_axi_bid(m_bid), .m_axi_bresp(2'b00), .m_axi_bvalid(m_bvalid), .m_axi_bready(m_bready),
        .m_axi_arid(m_arid), .m_axi_araddr(m_araddr), .m_axi_arlen(m_arlen),
        .m_axi_arsize(m_arsize), .m_axi_arburst(m_arburst), .m_axi_arvalid(m_arvalid),
        .m_axi_arready(m_arready),
        .m_axi_rid(m_rid), .m_axi_rdata(m_rdata), .m_axi_rresp(2'b00), .m_axi_rlast(m_rlast),
        .m_axi_rvalid(m_rvalid), .m_axi_rready(m_rready)
    );

    // --- the host -------------------------------------------------------------------------------

    reg going;

    always @(posedge clk) begin
        if (awready) awvalid <= 0;
        if (wready) wvalid <= 0;
        if (arready) arvalid <= 0;
        if (go && !going) begin
            going <= 1;
            done <= 0;
            awvalid <= write;
            wvalid <= write;
            arvalid <= !write;
        end
        if (going && (bvalid || rvalid)) begin
            done <= 1;
            answer <= rdata;
            refused <= (write ? bresp : rresp) != 0;
        end
        if (!go) begin
            going <= 0;
            done <= 0;
        end
        if (rst) {awvalid, wvalid, arvalid, going, done} <= 0;
    end

    // --- the memory -----------------------------------------------------------------------------

    reg [BUS_BITS-1:0] memory [0:(1 << MEMORY_BITS) - 1];

    reg                   reading, writing;
    reg [MEMORY_BITS-1:0] read_place, write_place;
    reg [7:0]             left;
    reg [BUS_BITS-1:0]    m_rdata;
    integer               i;

    assign held = memory[place];
    assign m_arready = !reading;
    assign m_rlast = left == 0;
    assign m_awready = !writing && !m_bvalid;
    assign m_wready = writing;

    always @(posedge clk) begin
        if (poke) memory[place] <= word;

        if (m_arvalid && m_arready) begin
            reading <= 1;
            m_rid <= m_arid;
            left <= m_arlen;
            read_place <= m_araddr[LOW +: MEMORY_BITS] + 1;
            m_rdata <= memory[m_araddr[LOW +: MEMORY_BITS]];
            m_rvalid <= 1;
        end
        if (m_rvalid && m_rready) begin
            left <= left - 1;
            read_place <= read_place + 1;
            m_rdata <= memory[read_place];
            if (m_rlast) {reading, m_rvalid} <= 0;
        end

        if (m_awvalid && m_awready) begin
            writing <= 1;
            m_bid <= m_awid;
            write_place <= m_awaddr[LOW +: MEMORY_BITS];
        end
        if (m_wvalid && m_wready) begin
            for (i = 0; i < BYTES; i = i + 1)
                if (m_wstrb[i]) memory[write_place][8*i +: 8] <= m_wdata[8*i +: 8];
            write_place <= write_place + 1;
            if (m_wlast) begin
                writing <= 0;
                m_bvalid <= 1;
            end
        end
        if (m_bvalid && m_bready) m_bvalid <= 0;

        if (rst) {reading, writing, m_rvalid, m_bvalid} <= 0;
    end

endmodule
