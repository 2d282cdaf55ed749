"""Shared memory: a bank for each word of a row, every bank its own row in each cycle.

::

    cycle 0         1               1 + read_latency    2 + read_latency
    pass            port            words, to lanes     answer
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..fp32.pipeline import later
from ..word_fifo import WordFifo
from .decode import Amo
from .requests import answer_layout, form_of, pass_layout, tag_layout, tag_of
from .sizes import Sizes


class SharedPort(wiring.Signature):
    """The banks of shared memory: a region's word w is in row w / banks of bank w mod banks.

    Members
    -------
    valid, ready
        Access; ``ready`` may depend on ``valid``.
    region, write
        In which region; whether it writes.
    rows, strobe, data
        For each bank its row; if it writes, the bytes to write, and their values.
    out
        What stood in these rows, `Sizes.shared_latency` cycles later. An access granted in the
        cycle after a write may miss it, the ones after that see it.
    """

    def __init__(self, sizes: Sizes):
        banks = sizes.banks
        super().__init__(
            {
                "valid": Out(1),
                "ready": In(1),
                "region": Out(range(max(2, sizes.regions))),
                "write": Out(1),
                "rows": Out(banks * row_bits(sizes)),
                "strobe": Out(banks * 4),
                "data": Out(banks * 32),
                "out": In(banks * 32),
            }
        )


def row_bits(sizes: Sizes) -> int:
    """Bits of a row's number."""
    return max(1, (sizes.region_bytes // 4 // sizes.banks - 1).bit_length())


class SharedAccess(wiring.Component):
    """Serves passes in shared memory, one in a cycle; an atomic's in two, with the port's latency.

    Members
    -------
    i, o
        Passes and answers.
    stored, coming, port_warp
        The port has taken the last access of ``port_warp``: a store, which is done with it and has
        no answer; or one of which the answer comes `answer_latency` cycles later.
    busy
        A pass is under way, or an answer waits.
    port
        Shared memory.
    """

    def __init__(self, sizes: Sizes):
        self.sizes = sizes
        super().__init__(
            {
                "i": In(stream.Signature(pass_layout(sizes))),
                "o": Out(stream.Signature(answer_layout(sizes))),
                "stored": Out(1),
                "coming": Out(1),
                "port_warp": Out(range(max(2, sizes.warps))),
                "busy": Out(1),
                "port": Out(SharedPort(sizes)),
            }
        )

    @staticmethod
    def answer_latency(sizes: Sizes) -> int:
        """Cycles from ``coming`` to the answer, if none waits."""
        return sizes.shared_latency + 1

    stored: Signal
    coming: Signal
    port_warp: Signal
    busy: Signal

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        sizes, lanes, banks = self.sizes, self.sizes.lanes, self.sizes.banks
        m.submodules.answers = answers = WordFifo(answer_layout(sizes), sizes.warps)
        bank_bits, rows = (banks - 1).bit_length(), row_bits(sizes)
        offset_bits = 2 + bank_bits
        port, what, request = self.port, self.i.payload, self.i.payload.request

        # An atomic reads first; its pass stays until what it read has come, and then writes.
        has_read, reading, has_old = Signal(), Signal(), Signal()
        free = ~port.valid | port.ready
        start, updates = Signal(), Signal()
        m.d.comb += [
            reading.eq(request.atomic & ~has_read),
            # Right behind an atomic's write nothing may read what it wrote.
            start.eq(self.i.valid & free & ~updates & (~request.atomic | ~has_read | has_old)),
            self.i.ready.eq(start & ~reading),
        ]
        with m.If(start):
            m.d.sync += has_read.eq(reading)
        with m.If(free):
            m.d.sync += updates.eq(start & request.atomic & ~reading)

        found_row = Signal(32 * lanes)  # what lanes have read
        strobes, values = [], []
        for lane in range(lanes):
            b, before = (word.word_select(lane, 32) for word in (request.b, found_row))
            strobe_l = Signal(4, name=f"strobe_{lane}")
            value_l = Signal(32, name=f"value_{lane}")
            # What a minimum or maximum keeps is not written again.
            keeps = (before.as_signed() < b.as_signed()) == (request.amo == Amo.MIN)
            adds = request.amo == Amo.ADD
            writes = ~request.atomic | adds | ~keeps
            bytes_ = what.bytes.word_select(lane, 4)
            mask = Cat(byte.replicate(8) for byte in bytes_)
            m.d.comb += [
                strobe_l.eq(bytes_ & writes.replicate(4)),
                value_l.eq(Mux(request.atomic & adds, before + b, b) & mask),
            ]
            strobes.append(strobe_l)
            values.append(value_l)
        bank_rows, bank_writes = [], []
        for bank in range(banks):
            # At most one lane writes a byte, so that no multiplexer is needed.
            row, write = Const(0, rows), (Const(0, 4), Const(0, 32))
            for lane in range(lanes):
                a = request.a.word_select(lane, 32)
                here = Signal(name=f"lane_{lane}_in_bank_{bank}")
                m.d.comb += here.eq(what.served[lane] & (a[2 : 2 + bank_bits] == bank))
                row = row | (a[2 + bank_bits :][:rows] & here.replicate(rows))
                write = (
                    write[0] | (strobes[lane] & here.replicate(4)),
                    write[1] | (values[lane] & here.replicate(32)),
                )
            bank_rows.append(row)
            bank_writes.append(write)
        writing = request.store | (request.atomic & has_read)
        tag = Signal(tag_layout(sizes, offset_bits))
        is_read, is_old, is_store = Signal(), Signal(), Signal()
        next_rows, next_tag = Signal.like(port.rows), Signal.like(tag)
        next_strobe, next_data = Signal.like(port.strobe), Signal.like(port.data)
        m.d.comb += [
            next_rows.eq(Cat(bank_rows)),
            next_strobe.eq(Cat(s for s, _ in bank_writes)),
            next_data.eq(Cat(value for _, value in bank_writes)),
            *tag_of(what, next_tag, sizes, offset_bits),
            next_tag.rd.eq(request.rd),
        ]
        with m.If(free):
            m.d.sync += [
                port.valid.eq(start),
                port.region.eq(what.region),
                port.write.eq(writing),
                port.rows.eq(next_rows),
                port.strobe.eq(next_strobe),
                port.data.eq(next_data),
                tag.eq(next_tag),
                is_read.eq(~request.store & ~(request.atomic & has_read)),
                is_store.eq(request.store),
                is_old.eq(reading),
            ]

        # What comes back.
        latency = sizes.shared_latency
        granted = port.valid & port.ready & is_read
        come = later(m, granted, latency, "come", reset_less=False)
        old_comes = later(m, granted & is_old, latency, "old_comes", reset_less=False)
        back = data.View(tag.shape(), later(m, tag.as_value(), latency, "tag"))
        for lane in range(lanes):
            offset = back.offsets.word_select(lane, offset_bits)
            found = Const(0, 32)
            for bank in range(banks):
                here = offset[2:] == bank if banks > 1 else Const(1)
                found = found | (port.out.word_select(bank, 32) & here.replicate(32))
            with m.If(come & back.served[lane]):
                m.d.sync += found_row.word_select(lane, 32).eq(found)
        answer = Signal(answer_layout(sizes))
        ready = Signal()
        m.d.sync += [
            ready.eq(come & back.emit),
            has_old.eq((has_old | old_comes) & ~self.i.ready),
            answer.rd.eq(back.rd),
            answer.warp.eq(back.warp),
            answer.mask.eq(back.mask),
            answer.last.eq(back.last),
            *form_of(back, answer, sizes, offset_bits),
        ]
        passing = Cat(
            later(m, granted, cycle, f"passing_{cycle}", reset_less=False)
            for cycle in range(1, latency + 1)
        )
        m.d.comb += [
            answer.row.eq(found_row),
            # Straight on where nothing waits.
            self.o.valid.eq(answers.o.valid | ready),
            self.o.payload.eq(
                Mux(answers.o.valid, answers.o.payload.as_value(), answer.as_value())
            ),
            answers.o.ready.eq(self.o.ready),
            answers.i.valid.eq(ready & (answers.o.valid | ~self.o.ready)),
            answers.i.payload.eq(answer),
            self.stored.eq(port.valid & port.ready & is_store & tag.last),
            self.coming.eq(granted & tag.emit & tag.last),
            self.port_warp.eq(tag.warp),
            self.busy.eq(port.valid | passing.any() | ready | answers.o.valid),
        ]
        return m
