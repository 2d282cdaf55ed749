// iCE40's PLL for simulators that count cycles: its output is its input, whatever its dividers say, and
// it locks after some cycles. Our own description.
module SB_PLL40_PAD #(
    parameter FEEDBACK_PATH = "SIMPLE", DIVR = 0, DIVF = 0, DIVQ = 0, FILTER_RANGE = 0
) (
    input PACKAGEPIN, RESETB, BYPASS,
    output PLLOUTGLOBAL, LOCK
);
    reg [3:0] cycles = 0;
    assign PLLOUTGLOBAL = PACKAGEPIN;
    assign LOCK = &cycles;
    always @(posedge PACKAGEPIN) if (!LOCK) cycles <= cycles + 1;
endmodule
