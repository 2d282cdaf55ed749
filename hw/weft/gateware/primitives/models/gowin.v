// Gowin's multiplier as Weft uses it: operands from the fabric, no reset, signs not registered. After
// Gowin UG287; our own description.
module MULT9X9 #(
    parameter AREG = 0, BREG = 0, PIPE_REG = 0, OUT_REG = 0,
    parameter ASIGN_REG = 0, BSIGN_REG = 0, SOA_REG = 0, MULT_RESET_MODE = "SYNC"
) (
    input [8:0] A, B, SIA, SIB,
    input ASIGN, BSIGN, ASEL, BSEL, CE, CLK, RESET,
    output [17:0] DOUT
);
    reg [8:0] a_register, b_register;
    reg [17:0] pipeline, result;
    wire [8:0] a = AREG != 0 ? a_register : A;
    wire [8:0] b = BREG != 0 ? b_register : B;
    wire signed [9:0] a_wide = {ASIGN & a[8], a};
    wire signed [9:0] b_wide = {BSIGN & b[8], b};
    wire signed [19:0] full = a_wide * b_wide;
    wire [17:0] piped = PIPE_REG != 0 ? pipeline : full[17:0];
    assign DOUT = OUT_REG != 0 ? result : piped;

    always @(posedge CLK)
        if (CE) begin
            a_register <= A;
            b_register <= B;
            pipeline <= full[17:0];
            result <= piped;
        end
endmodule
