"""The small chip's controller: RV32I, one instruction after the other, registers in block RAM.

Each instruction walks through a few states and uses one adder, so that it is small and its paths
are short; there is no interrupt, no CSR and no fence. Undefined instructions do nothing useful.

::

    FETCH     code is read at pc; the instruction before writes its register
    DECODE    both registers are read
    EXECUTE   the adder and the logic beside it
    SHIFT     four bits a cycle, or one
    BRANCH    pc takes one of two ways, by the difference of both registers
    JUMP      pc and the link change places
    MEMORY    until the bus is ready
    LOAD      what was read is cut out and extended
"""

from collections.abc import Sequence
from enum import IntEnum

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

BUS_ADDRESS_BITS = 18
"""Width of a byte address on the controller's bus."""

CODE_WINDOW = 1 << 16
"""Bytes from address 0 on that belong to the code memory."""


SHIFT_STEP = 4
"""Bits by which a cycle shifts as long as there are so many."""


class Opcode(IntEnum):
    """Bits 6 to 2 of an instruction (The RISC-V Instruction Set Manual, table of major opcodes)."""

    LOAD = 0b00000
    OP_IMM = 0b00100
    AUIPC = 0b00101
    STORE = 0b01000
    OP = 0b01100
    LUI = 0b01101
    BRANCH = 0b11000
    JALR = 0b11001
    JAL = 0b11011


class Bus(wiring.Signature):
    """The controller's accesses to what is not code; done in a cycle with ``valid`` and ``ready``.

    Members
    -------
    valid, write, address, data, strobe
        The access; stays until it is done. ``address`` counts bytes, ``strobe`` chooses bytes of
        the word around it.
    ready
        Its end.
    answer
        What was read, in the cycle behind that.
    """

    def __init__(self):
        super().__init__(
            {
                "valid": Out(1),
                "write": Out(1),
                "address": Out(BUS_ADDRESS_BITS),
                "data": Out(32),
                "strobe": Out(4),
                "ready": In(1),
                "answer": In(32),
            }
        )


class Controller(wiring.Component):
    """An RV32I processor with its code memory, which it begins to run at address 0.

    Loads and stores must be aligned. Loads below `CODE_WINDOW` read the code memory.

    Parameters
    ----------
    code
        Words of the code memory, and so its size.

    Members
    -------
    bus
        To everything else.
    """

    bus: wiring.PureInterface

    def __init__(self, code: Sequence[int]):
        if not code:
            raise ValueError("the controller has no code")
        self._code = list(code)
        super().__init__({"bus": Out(Bus())})

    def elaborate(self, platform: object) -> Module:
        """Build memories, datapath and states."""
        m = Module()
        depth = 1 << (len(self._code) - 1).bit_length()
        m.submodules.code = code = Memory(shape=32, depth=depth, init=self._code)
        m.submodules.registers = registers = Memory(shape=32, depth=32, init=[])
        fetched = code.read_port()
        write = registers.write_port()
        sources = [registers.read_port(transparent_for=()) for _ in range(2)]

        instruction = fetched.data
        opcode, funct3 = instruction[2:7], instruction[12:15]
        pc = Signal(2 + (depth - 1).bit_length())
        result = Signal(32)
        writes = Signal()  # `result` goes to register `target`
        target = Signal(5)
        width, unsigned = Signal(2), Signal()  # of a load or store
        m.d.comb += [
            sources[0].addr.eq(instruction[15:20]),
            sources[1].addr.eq(instruction[20:25]),
            write.addr.eq(target),
            write.data.eq(result),
        ]

        value, less = self._datapath(m, instruction, pc, *(port.data for port in sources))
        stored = sources[1].data
        with m.Switch(width):
            with m.Case(0):
                m.d.comb += [
                    self.bus.data.eq(stored[:8].replicate(4)),
                    self.bus.strobe.eq(1 << result[:2]),
                ]
            with m.Case(1):
                m.d.comb += [
                    self.bus.data.eq(stored[:16].replicate(2)),
                    self.bus.strobe.eq(Mux(result[1], 0b1100, 0b0011)),
                ]
            with m.Default():
                m.d.comb += [self.bus.data.eq(stored), self.bus.strobe.eq(0b1111)]
        in_code = Signal()
        stores = Signal()
        m.d.comb += [
            self.bus.address.eq(result),
            self.bus.write.eq(stores),
            in_code.eq(result[16:BUS_ADDRESS_BITS] == 0),
            fetched.addr.eq(pc[2:]),
            fetched.en.eq(0),
            *(port.en.eq(0) for port in sources),
        ]
        was_code = Signal()
        read = _extended(Mux(was_code, fetched.data, self.bus.answer), result[:2], width, unsigned)

        shift_right, arithmetic = Signal(), Signal()
        count = Signal(5)
        lesser = Signal()
        taken = Signal()
        m.d.comb += taken.eq(Mux(funct3[2], lesser, result == 0) ^ funct3[0])
        step = Signal(pc.shape())
        m.d.comb += step.eq(4)
        next_pc = Signal(pc.shape())
        m.d.comb += next_pc.eq(pc + step)
        offset_b = Cat(Const(0, 1), instruction[8:12], instruction[25:31], instruction[7])
        offset_j = Cat(Const(0, 1), instruction[21:31], instruction[20], instruction[12:20])

        with m.FSM(name="controller"):
            with m.State("FETCH"):
                m.d.comb += [fetched.en.eq(1), write.en.eq(writes & (target != 0))]
                m.d.sync += writes.eq(0)
                m.next = "DECODE"
            with m.State("DECODE"):
                m.d.comb += [port.en.eq(1) for port in sources]
                m.next = "EXECUTE"
            with m.State("EXECUTE"):
                m.d.sync += [
                    result.eq(value),
                    target.eq(instruction[7:12]),
                    width.eq(funct3[:2]),
                    unsigned.eq(funct3[2]),
                    shift_right.eq(funct3[2]),
                    arithmetic.eq(instruction[30]),
                    stores.eq(opcode == Opcode.STORE),
                    lesser.eq(less),
                ]
                with m.If(opcode != Opcode.BRANCH):
                    m.d.sync += pc.eq(next_pc)
                with m.If(opcode == Opcode.JAL):
                    m.d.comb += step.eq(Value.cast(offset_j).as_signed())
                m.next = "FETCH"
                with m.Switch(opcode):
                    with m.Case(Opcode.LOAD, Opcode.STORE):
                        m.next = "MEMORY"
                    with m.Case(Opcode.BRANCH):
                        m.next = "BRANCH"
                    with m.Case(Opcode.JALR):
                        m.d.sync += writes.eq(1)
                        m.next = "JUMP"
                    with m.Default():
                        m.d.sync += writes.eq(1)
                with m.If(_arithmetic(opcode) & (funct3[:2] == 1)):
                    amount = Mux(opcode[3], sources[1].data[:5], instruction[20:25])
                    m.d.sync += count.eq(amount)
                    m.next = "SHIFT"
            with m.State("SHIFT"):
                by = Mux(count[2:] != 0, SHIFT_STEP, 1)
                m.d.sync += count.eq(count - by)
                sign = result[-1] & arithmetic
                with m.If(count == 0):
                    m.next = "FETCH"
                with m.Elif(shift_right):
                    wide = Cat(result, sign.replicate(SHIFT_STEP))
                    m.d.sync += result.eq(Mux(count[2:] != 0, wide[SHIFT_STEP:], wide[1:33]))
                with m.Else():
                    wide = Cat(Const(0, SHIFT_STEP), result)
                    m.d.sync += result.eq(
                        Mux(count[2:] != 0, wide[:32], wide[SHIFT_STEP - 1 : SHIFT_STEP + 31])
                    )
            with m.State("BRANCH"):
                with m.If(taken):
                    m.d.comb += step.eq(Value.cast(offset_b).as_signed())
                m.d.sync += pc.eq(next_pc)
                m.next = "FETCH"
            with m.State("JUMP"):
                m.d.sync += [result.eq(pc), pc.eq(Cat(Const(0, 1), result[1 : len(pc)]))]
                m.next = "FETCH"
            with m.State("MEMORY"):
                m.d.comb += [
                    self.bus.valid.eq(~in_code),
                    fetched.addr.eq(result[2:]),
                    fetched.en.eq(in_code),
                ]
                m.d.sync += was_code.eq(in_code)
                with m.If(in_code | self.bus.ready):
                    m.next = "LOAD"
                    with m.If(stores):
                        m.next = "FETCH"
            with m.State("LOAD"):
                m.d.sync += [result.eq(read), writes.eq(1)]
                m.next = "FETCH"
        return m

    def _decoded(self, m: Module, instruction: Value) -> data.View:
        """What EXECUTE is to do, known in the cycle behind DECODE."""
        opcode, funct3 = instruction[2:7], instruction[12:15]
        decoded, control = Signal(_CONTROL), Signal(_CONTROL)
        branch, sets = opcode == Opcode.BRANCH, _arithmetic(opcode) & (funct3[1:] == 1)
        shift = _arithmetic(opcode) & (funct3[:2] == 1)
        m.d.sync += control.eq(decoded)
        m.d.comb += [
            decoded.registers.eq(((opcode == Opcode.OP) & ~shift) | branch),
            decoded.pc.eq((opcode == Opcode.AUIPC) | (opcode == Opcode.JAL)),
            decoded.zero.eq(opcode == Opcode.LUI),
            decoded.subtracts.eq(
                branch | sets | ((opcode == Opcode.OP) & instruction[30] & ~shift)
            ),
            decoded.unsigned.eq(Mux(branch, funct3[1], funct3[0])),
            decoded.sets.eq(sets),
            decoded.logic.eq(_arithmetic(opcode) & funct3[2] & ~shift),
            decoded.immediate.eq(instruction[20:32].as_signed()),
        ]
        with m.Switch(opcode):
            with m.Case(Opcode.STORE):
                m.d.comb += decoded.immediate[:5].eq(instruction[7:12])
            with m.Case(Opcode.AUIPC, Opcode.LUI):
                m.d.comb += decoded.immediate.eq(Cat(Const(0, 12), instruction[12:32]))
            with m.Case(Opcode.JAL):
                m.d.comb += decoded.immediate.eq(4)
        with m.If(shift):
            m.d.comb += decoded.immediate.eq(0)
        return control

    def _datapath(self, m: Module, instruction: Value, pc: Value, first: Value, second: Value):
        """What an instruction computes in EXECUTE, and whether it finds its operands in order."""
        control = self._decoded(m, instruction)
        a, b = Signal(32), Signal(32)
        m.d.comb += [
            a.eq(Mux(control.zero, 0, Mux(control.pc, pc, first))),
            b.eq(Mux(control.registers, second, control.immediate)),
        ]

        total = Signal(32)
        other = b ^ control.subtracts.replicate(32)
        m.d.comb += total.eq((Cat(Const(1, 1), a) + Cat(control.subtracts, other))[1:])
        less = Signal()
        m.d.comb += less.eq(Mux(a[31] ^ b[31], Mux(control.unsigned, b[31], a[31]), total[31]))

        value = Signal(32)
        m.d.comb += value.eq(Mux(control.sets, less, total))
        with m.If(control.logic), m.Switch(instruction[12:14]):
            with m.Case(0):
                m.d.comb += value.eq(a ^ b)
            with m.Case(2):
                m.d.comb += value.eq(a | b)
            with m.Default():
                m.d.comb += value.eq(a & b)
        return value, less


_CONTROL = data.StructLayout(
    {
        "registers": 1,  # both operands are registers
        "pc": 1,  # the first is pc
        "zero": 1,  # the first is zero
        "subtracts": 1,
        "unsigned": 1,  # of a comparison
        "sets": 1,  # the result is one bit
        "logic": 1,  # not the adder's
        "immediate": 32,  # 0 for a shift, whose first operand goes through the adder
    }
)
"""What DECODE finds out."""


def _arithmetic(opcode: Value) -> Value:
    return (opcode == Opcode.OP) | (opcode == Opcode.OP_IMM)


def _extended(word: Value, byte: Value, width: Value, unsigned: Value) -> Value:
    """The part of a word that a load wants."""
    half = word.word_select(byte[1], 16)
    one = half.word_select(byte[0], 8)
    sign = ~unsigned & Mux(width[0], half[15], one[7])
    low = Mux(width == 0, one, half[:8])
    middle = Mux(width == 0, sign.replicate(8), half[8:])
    return Cat(low, middle, Mux(width[1], word[16:], sign.replicate(16)))
