// ECP5's multiplier as Weft and Yosys use it: clock CLK0, no reset, operands from the fabric. After
// Lattice FPGA-TN-02205; our own description. What neither sets does not exist here; C, which Yosys
// sets to 0, is not used.
module MULT18X18D #(
    parameter REG_INPUTA_CLK = "NONE", REG_INPUTA_CE = "CE0",
    parameter REG_INPUTB_CLK = "NONE", REG_INPUTB_CE = "CE0",
    parameter REG_PIPELINE_CLK = "NONE", REG_PIPELINE_CE = "CE0",
    parameter REG_OUTPUT_CLK = "NONE", REG_OUTPUT_CE = "CE0",
    parameter GSR = "ENABLED"
) (
    input CLK0, CE0, CE1, CE2, CE3, RST0, SIGNEDA, SIGNEDB, SOURCEA, SOURCEB,
    input A17, A16, A15, A14, A13, A12, A11, A10, A9, A8, A7, A6, A5, A4, A3, A2, A1, A0,
    input C17, C16, C15, C14, C13, C12, C11, C10, C9, C8, C7, C6, C5, C4, C3, C2, C1, C0,
    input B17, B16, B15, B14, B13, B12, B11, B10, B9, B8, B7, B6, B5, B4, B3, B2, B1, B0,
    output P35, P34, P33, P32, P31, P30, P29, P28, P27, P26, P25, P24, P23, P22, P21, P20, P19,
    P18, P17, P16, P15, P14, P13, P12, P11, P10, P9, P8, P7, P6, P5, P4, P3, P2, P1, P0
);
    function automatic enable(input [8*3-1:0] name);
        case (name)
            "CE1": enable = CE1;
            "CE2": enable = CE2;
            "CE3": enable = CE3;
            default: enable = CE0;
        endcase
    endfunction

    wire [17:0] a_in = {A17, A16, A15, A14, A13, A12, A11, A10, A9, A8, A7, A6, A5, A4, A3, A2,
    A1, A0};
    wire [17:0] b_in = {B17, B16, B15, B14, B13, B12, B11, B10, B9, B8, B7, B6, B5, B4, B3, B2,
    B1, B0};
    reg [17:0] a_register, b_register;
    reg [35:0] pipeline, result;
    wire [17:0] a = REG_INPUTA_CLK == "NONE" ? a_in : a_register;
    wire [17:0] b = REG_INPUTB_CLK == "NONE" ? b_in : b_register;
    wire signed [18:0] a_wide = {SIGNEDA & a[17], a};
    wire signed [18:0] b_wide = {SIGNEDB & b[17], b};
    wire signed [37:0] full = a_wide * b_wide;
    wire [35:0] piped = REG_PIPELINE_CLK == "NONE" ? full[35:0] : pipeline;
    wire [35:0] p = REG_OUTPUT_CLK == "NONE" ? piped : result;
    assign {P35, P34, P33, P32, P31, P30, P29, P28, P27, P26, P25, P24, P23, P22, P21, P20, P19,
    P18, P17, P16, P15, P14, P13, P12, P11, P10, P9, P8, P7, P6, P5, P4, P3, P2, P1, P0} = p;
    always @(posedge CLK0) begin
        if (enable(REG_INPUTA_CE)) a_register <= a_in;
        if (enable(REG_INPUTB_CE)) b_register <= b_in;
        if (enable(REG_PIPELINE_CE)) pipeline <= full[35:0];
        if (enable(REG_OUTPUT_CE)) result <= piped;
    end
endmodule
