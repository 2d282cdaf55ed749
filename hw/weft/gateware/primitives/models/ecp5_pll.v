// ECP5's PLL for simulators that count cycles: its output is its input, whatever its dividers say, and
// it locks after some cycles. Our own description.
module EHXPLLL #(
    parameter CLKI_DIV = 1, CLKFB_DIV = 1, CLKOP_DIV = 1, CLKOP_CPHASE = 0, CLKOP_FPHASE = 0,
    parameter CLKOP_ENABLE = "ENABLED", OUTDIVIDER_MUXA = "DIVA", FEEDBK_PATH = "CLKOP"
) (
    input CLKI, CLKFB, RST, STDBY, PLLWAKESYNC, ENCLKOP,
    input PHASESEL0, PHASESEL1, PHASEDIR, PHASESTEP, PHASELOADREG,
    output CLKOP, LOCK
);
    reg [3:0] cycles = 0;
    assign CLKOP = CLKI;
    assign LOCK = &cycles;
    always @(posedge CLKI) if (!LOCK) cycles <= cycles + 1;
endmodule
