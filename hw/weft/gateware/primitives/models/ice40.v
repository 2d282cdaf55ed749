// iCE40's multiplier as Weft uses it: two of 8 x 8 bits, signed, with registers of the operands and of
// the products. After Lattice FPGA-TN-02007; our own description. Adders, resets and holds of the
// cell do not exist here.
module SB_MAC16 #(
    parameter MODE_8x8 = 0, A_SIGNED = 0, B_SIGNED = 0, A_REG = 0, B_REG = 0,
    parameter TOP_8x8_MULT_REG = 0, BOT_8x8_MULT_REG = 0,
    parameter TOPOUTPUT_SELECT = 0, BOTOUTPUT_SELECT = 0
) (
    input CLK, CE,
    input [15:0] A, B, C, D,
    input AHOLD, BHOLD, CHOLD, DHOLD, IRSTTOP, IRSTBOT, ORSTTOP, ORSTBOT,
    input OLOADTOP, OLOADBOT, ADDSUBTOP, ADDSUBBOT, OHOLDTOP, OHOLDBOT, CI, ACCUMCI, SIGNEXTIN,
    output [31:0] O
);
    reg [15:0] a_register, b_register;
    reg [15:0] top_register, bottom_register;
    wire [15:0] a = A_REG != 0 ? a_register : A;
    wire [15:0] b = B_REG != 0 ? b_register : B;

    // Weft sets A_SIGNED = B_SIGNED = MODE_8x8 = 1; anything else is not modelled.
    wire known = MODE_8x8 == 1 && A_SIGNED == 1 && B_SIGNED == 1;
    wire signed [15:0] top = $signed(a[15:8]) * $signed(b[15:8]);
    wire signed [15:0] bottom = $signed(a[7:0]) * $signed(b[7:0]);
    wire [15:0] top_out = TOP_8x8_MULT_REG != 0 ? top_register : top;
    wire [15:0] bottom_out = BOT_8x8_MULT_REG != 0 ? bottom_register : bottom;
    assign O[31:16] = known && TOPOUTPUT_SELECT == 2 ? top_out : 16'hdead;
    assign O[15:0] = known && BOTOUTPUT_SELECT == 2 ? bottom_out : 16'hdead;

    always @(posedge CLK)
        if (CE) begin
            a_register <= A;
            b_register <= B;
            top_register <= top;
            bottom_register <= bottom;
        end
endmodule
