// ECP5's block RAM as Yosys uses it: no output registers, synchronous reset, chip selects at 0. After
// Lattice FPGA-TN-02204; our own description. Bits that one port reads while the other writes them
// are undefined: here they come inverted, so that whoever relies on them is found.
module DP16KD #(
    parameter DATA_WIDTH_A = 18, DATA_WIDTH_B = 18,
    parameter REGMODE_A = "NOREG", REGMODE_B = "NOREG",
    parameter RESETMODE = "SYNC", ASYNC_RESET_RELEASE = "SYNC",
    parameter CSDECODE_A = "0b000", CSDECODE_B = "0b000",
    parameter CLKAMUX = "CLKA", CLKBMUX = "CLKB",
    parameter WRITEMODE_A = "NORMAL", WRITEMODE_B = "NORMAL", GSR = "AUTO",
    parameter [319:0] INITVAL_00 = 0, INITVAL_01 = 0, INITVAL_02 = 0, INITVAL_03 = 0,
    INITVAL_04 = 0, INITVAL_05 = 0, INITVAL_06 = 0, INITVAL_07 = 0, INITVAL_08 = 0,
    INITVAL_09 = 0, INITVAL_0A = 0, INITVAL_0B = 0, INITVAL_0C = 0, INITVAL_0D = 0,
    INITVAL_0E = 0, INITVAL_0F = 0, INITVAL_10 = 0, INITVAL_11 = 0, INITVAL_12 = 0,
    INITVAL_13 = 0, INITVAL_14 = 0, INITVAL_15 = 0, INITVAL_16 = 0, INITVAL_17 = 0,
    INITVAL_18 = 0, INITVAL_19 = 0, INITVAL_1A = 0, INITVAL_1B = 0, INITVAL_1C = 0,
    INITVAL_1D = 0, INITVAL_1E = 0, INITVAL_1F = 0, INITVAL_20 = 0, INITVAL_21 = 0,
    INITVAL_22 = 0, INITVAL_23 = 0, INITVAL_24 = 0, INITVAL_25 = 0, INITVAL_26 = 0,
    INITVAL_27 = 0, INITVAL_28 = 0, INITVAL_29 = 0, INITVAL_2A = 0, INITVAL_2B = 0,
    INITVAL_2C = 0, INITVAL_2D = 0, INITVAL_2E = 0, INITVAL_2F = 0, INITVAL_30 = 0,
    INITVAL_31 = 0, INITVAL_32 = 0, INITVAL_33 = 0, INITVAL_34 = 0, INITVAL_35 = 0,
    INITVAL_36 = 0, INITVAL_37 = 0, INITVAL_38 = 0, INITVAL_39 = 0, INITVAL_3A = 0,
    INITVAL_3B = 0, INITVAL_3C = 0, INITVAL_3D = 0, INITVAL_3E = 0, INITVAL_3F = 0
) (
    input CLKA, WEA, CEA, OCEA, RSTA, CSA0, CSA1, CSA2,
    input CLKB, WEB, CEB, OCEB, RSTB, CSB0, CSB1, CSB2,
    input ADA0, ADA1, ADA2, ADA3, ADA4, ADA5, ADA6, ADA7, ADA8, ADA9, ADA10, ADA11, ADA12, ADA13,
    input DIA0, DIA1, DIA2, DIA3, DIA4, DIA5, DIA6, DIA7, DIA8, DIA9, DIA10, DIA11, DIA12, DIA13,
    DIA14, DIA15, DIA16, DIA17,
    output DOA0, DOA1, DOA2, DOA3, DOA4, DOA5, DOA6, DOA7, DOA8, DOA9, DOA10, DOA11, DOA12, DOA13,
    DOA14, DOA15, DOA16, DOA17,
    input ADB0, ADB1, ADB2, ADB3, ADB4, ADB5, ADB6, ADB7, ADB8, ADB9, ADB10, ADB11, ADB12, ADB13,
    input DIB0, DIB1, DIB2, DIB3, DIB4, DIB5, DIB6, DIB7, DIB8, DIB9, DIB10, DIB11, DIB12, DIB13,
    DIB14, DIB15, DIB16, DIB17,
    output DOB0, DOB1, DOB2, DOB3, DOB4, DOB5, DOB6, DOB7, DOB8, DOB9, DOB10, DOB11, DOB12, DOB13,
    DOB14, DOB15, DOB16, DOB17
);
    // 9-bit bytes in words of four; a narrower access is a part of one.
    reg [35:0] memory [0:511];
    reg [35:0] a_out, b_out;

    function automatic [5:0] offset(input integer width, input [13:0] address);
        offset = width == 36 ? 0 : (address[4] ? 18 : 0) + (
            width == 18 ? 0 : (address[3] ? 9 : 0) + (
                width == 9 ? 0 : address[2:0] & ~(width - 1)));
    endfunction

    function automatic [35:0] lanes(input integer width, input [3:0] enables);
        case (width)
            36: lanes = {{9{enables[3]}}, {9{enables[2]}}, {9{enables[1]}}, {9{enables[0]}}};
            18: lanes = {18'd0, {9{enables[1]}}, {9{enables[0]}}};
            default: lanes = (36'd1 << width) - 1;
        endcase
    endfunction

    wire [13:0] a_address = {ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5, ADA4, ADA3,
    ADA2, ADA1, ADA0};
    wire [17:0] a_data = {DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9, DIA8,
    DIA7, DIA6, DIA5, DIA4, DIA3, DIA2, DIA1, DIA0};
    wire [17:0] a_shown;
    assign {DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9, DOA8, DOA7, DOA6, DOA5,
    DOA4, DOA3, DOA2, DOA1, DOA0} = a_shown;
    wire [13:0] b_address = {ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7, ADB6, ADB5, ADB4, ADB3,
    ADB2, ADB1, ADB0};
    wire [17:0] b_data = {DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9, DIB8,
    DIB7, DIB6, DIB5, DIB4, DIB3, DIB2, DIB1, DIB0};
    wire [17:0] b_shown;
    assign {DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9, DOB8, DOB7, DOB6, DOB5,
    DOB4, DOB3, DOB2, DOB1, DOB0} = b_shown;
    wire [5:0] a_at = offset(DATA_WIDTH_A, a_address), b_at = offset(DATA_WIDTH_B, b_address);
    wire [8:0] a_word = a_address[13:5], b_word = b_address[13:5];
    wire a_writes = CEA & WEA & ~RSTA, b_writes = CEB & WEB & ~RSTB;
    wire [35:0] a_mask = a_writes ? lanes(DATA_WIDTH_A, a_address[3:0]) << a_at : 0;
    wire [35:0] b_mask = b_writes ? lanes(DATA_WIDTH_B, b_address[3:0]) << b_at : 0;
    wire [35:0] a_in = {DATA_WIDTH_A == 36 ? b_data : 18'd0, a_data} << a_at;
    wire [35:0] b_in = {18'd0, b_data} << b_at;
    wire [35:0] a_old = memory[a_word] ^ (a_word == b_word ? b_mask : 0);
    wire [35:0] b_old = memory[b_word] ^ (a_word == b_word ? a_mask : 0);
    wire [35:0] a_new = (a_old & ~a_mask) | (a_in & a_mask);
    wire [35:0] b_new = (b_old & ~b_mask) | (b_in & b_mask);
    wire [35:0] b_wide = DATA_WIDTH_B == 36 ? b_out : {b_out[17:0], 18'd0};
    assign a_shown = DATA_WIDTH_B == 36 ? b_wide[17:0] : a_out[17:0];
    assign b_shown = b_wide[35:18];

    always @(posedge CLKA) begin
        if (a_writes) memory[a_word] <= (memory[a_word] & ~a_mask) | (a_in & a_mask);
        if (RSTA) a_out <= 0;
        else if (CEA) begin
            if (!WEA || WRITEMODE_A == "READBEFOREWRITE") a_out <= a_old >> a_at;
            else if (WRITEMODE_A == "WRITETHROUGH") a_out <= a_new >> a_at;
        end
    end
    always @(posedge CLKB) begin
        if (b_writes) memory[b_word] <= (memory[b_word] & ~b_mask) | (b_in & b_mask);
        if (RSTB) b_out <= 0;
        else if (CEB) begin
            if (!WEB || WRITEMODE_B == "READBEFOREWRITE") b_out <= b_old >> b_at;
            else if (WRITEMODE_B == "WRITETHROUGH") b_out <= b_new >> b_at;
        end
    end

    // Contents: 16 half words in each parameter, 20 bits apart.
    integer i;
    reg [64*320-1:0] contents;
    initial begin
        contents = {INITVAL_3F, INITVAL_3E, INITVAL_3D, INITVAL_3C, INITVAL_3B, INITVAL_3A,
        INITVAL_39, INITVAL_38, INITVAL_37, INITVAL_36, INITVAL_35, INITVAL_34, INITVAL_33,
        INITVAL_32, INITVAL_31, INITVAL_30, INITVAL_2F, INITVAL_2E, INITVAL_2D, INITVAL_2C,
        INITVAL_2B, INITVAL_2A, INITVAL_29, INITVAL_28, INITVAL_27, INITVAL_26, INITVAL_25,
        INITVAL_24, INITVAL_23, INITVAL_22, INITVAL_21, INITVAL_20, INITVAL_1F, INITVAL_1E,
        INITVAL_1D, INITVAL_1C, INITVAL_1B, INITVAL_1A, INITVAL_19, INITVAL_18, INITVAL_17,
        INITVAL_16, INITVAL_15, INITVAL_14, INITVAL_13, INITVAL_12, INITVAL_11, INITVAL_10,
        INITVAL_0F, INITVAL_0E, INITVAL_0D, INITVAL_0C, INITVAL_0B, INITVAL_0A, INITVAL_09,
        INITVAL_08, INITVAL_07, INITVAL_06, INITVAL_05, INITVAL_04, INITVAL_03, INITVAL_02,
        INITVAL_01, INITVAL_00};
        for (i = 0; i < 512; i = i + 1)
            memory[i] = {contents[40*i+20+:18], contents[40*i+:18]};
        a_out = 0;
        b_out = 0;
    end
endmodule
