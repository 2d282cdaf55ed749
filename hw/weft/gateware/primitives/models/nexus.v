// Nexus' multiplier as Weft uses it: no reset. After Lattice FPGA-TN-02095; our own description.
module MULT9X9 #(
    parameter REGINPUTA = "REGISTER", REGINPUTB = "REGISTER", REGOUTPUT = "REGISTER",
    parameter GSR = "ENABLED", RESETMODE = "SYNC"
) (
    input [8:0] A, B,
    input CLK, CEA, CEB, CEOUT, RSTA, RSTB, RSTOUT, SIGNEDA, SIGNEDB,
    output [17:0] Z
);
    reg [8:0] a_register, b_register;
    reg [17:0] result;
    wire [8:0] a = REGINPUTA == "REGISTER" ? a_register : A;
    wire [8:0] b = REGINPUTB == "REGISTER" ? b_register : B;
    wire signed [9:0] a_wide = {SIGNEDA & a[8], a};
    wire signed [9:0] b_wide = {SIGNEDB & b[8], b};
    wire signed [19:0] full = a_wide * b_wide;
    assign Z = REGOUTPUT == "REGISTER" ? result : full[17:0];

    always @(posedge CLK) begin
        if (CEA) a_register <= A;
        if (CEB) b_register <= B;
        if (CEOUT) result <= full[17:0];
    end
endmodule
