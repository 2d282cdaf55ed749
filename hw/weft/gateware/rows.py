"""The SRAM side of a copy: rows cut into segments, segments into what fits into one cycle.

::

    row:       pad_left | data: len bytes | pad_right       each part that is not empty
    segments:     fill  |      data       |   fill          is one segment
    pieces:                ..skew|bytes|..                  one bus beat, or fill bytes
"""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from weft.config import SRAM_ADDRESS_BITS, Config

from .bursts import COUNT_BITS, LENGTH_BITS, AddressWalk
from .keep import KEEP

SIZE_BITS = LENGTH_BITS + 1
"""Width of a row's size with its padding."""


def low_bits(config: Config) -> int:
    """Bits of a byte's position in a bus beat."""
    return config.bus_bytes.bit_length() - 1


def small_bits(config: Config) -> int:
    """Bits of the size of a piece."""
    return max(config.bus_bytes, config.act_row_bytes).bit_length()


def walk_layout(config: Config) -> data.StructLayout:
    """Rows as the SRAM side sees them.

    ``skew``, ``skew1`` and ``skew2`` are memory address and strides modulo bus_bytes.
    """
    low = low_bits(config)
    return data.StructLayout(
        {
            "at": SRAM_ADDRESS_BITS,
            "at1": SRAM_ADDRESS_BITS,
            "at2": SRAM_ADDRESS_BITS,
            "skew": low,
            "skew1": low,
            "skew2": low,
            "len": LENGTH_BITS,
            "count1": COUNT_BITS,
            "count2": COUNT_BITS,
            "pad_left": COUNT_BITS,
            "pad_right": COUNT_BITS,
            "pad_top": COUNT_BITS,
            "pad_bottom": COUNT_BITS,
            "in_place": 1,  # rows of one i2 do not step: a block that is transposed
        }
    )


def segment_layout(config: Config) -> data.StructLayout:
    """A part of a row.

    ``at`` is the row's address and holds on the row's ``first`` segment; ``large``: it is more than
    any piece; ``outside``: the row does not lie in one region of act.
    """
    return data.StructLayout(
        {
            "at": SRAM_ADDRESS_BITS,
            "size": SIZE_BITS,
            "large": 1,
            "skew": low_bits(config),
            "fill": 1,
            "first": 1,
            "row_last": 1,
            "last": 1,
            "outside": 1,
        }
    )


class RowWalker(wiring.Component):
    """Cuts the rows of a command into segments, one a cycle, empty ones left out.

    A command whose rows are empty gives one segment of size 0 in each row.

    Members
    -------
    i
        Commands. The first segment follows a cycle later; taken with the last segment of the one
        before. With `Config.held_commands` the payload must hold until the last segment is taken.
    o
        Segments.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, config: Config):
        self.config = config
        super().__init__(
            {
                "i": In(stream.Signature(walk_layout(config))),
                "o": Out(stream.Signature(segment_layout(config))),
            }
        )

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        config = self.config
        new, held = self.i.payload, config.held_commands
        rows = new if held else Signal(walk_layout(config))
        # Of a row, and what it has above one byte more than a region: that and its offset are
        # below 0 where it ends inside, which is one carry.
        size, excess = Signal(SIZE_BITS), Signal(signed(SIZE_BITS + 1))
        # Which parts its rows have, and which rows it has besides those of data.
        parts = ("len", "pad_left", "pad_right", "pad_top", "pad_bottom")
        has = Signal(data.StructLayout(dict.fromkeys(parts, 1)))
        found = Signal.like(has)
        m.d.comb += [found[part].eq(new[part] != 0) for part in parts]
        # Of which kind of row an i2 has just one.
        kinds = ("pad_top", "count1", "pad_bottom")
        one = Signal(data.StructLayout(dict.fromkeys(kinds, 1)))
        found_one = Signal.like(one)
        m.d.comb += [found_one[kind].eq(new[kind] == 1) for kind in kinds]
        out = self.o.payload
        place = AddressWalk("place", SRAM_ADDRESS_BITS)
        skew = AddressWalk("skew", low_bits(config))

        # --- which row: pad_top fill rows, count1 data rows, pad_bottom fill rows ----------------
        top, bottom = Signal(), Signal()  # neither: a data row
        left, kind_ends = Signal(COUNT_BITS), Signal()  # rows like this one; it is the last one
        outer_left, outer_ends = Signal(COUNT_BITS), Signal()
        data_ends, outer = Signal(), Signal()  # the i2's data end with this row; all of it does
        m.d.comb += data_ends.eq(kind_ends & ~top & ~bottom)

        def turn(is_top, is_bottom, ends, has) -> list:
            """Statements for the kind of the next row."""
            return [
                top.eq(is_top),
                bottom.eq(is_bottom),
                kind_ends.eq(ends),
                outer.eq(ends & (is_bottom | (~is_top & ~has.pad_bottom))),
            ]

        place.following(m, outer, Mux(rows.in_place, 0, rows.at1), rows.at2)
        # Only data rows have an address in memory. Its i2 ends where their last one ends.
        skew.following(m, data_ends, rows.skew1, rows.skew2)

        # --- which part of it -------------------------------------------------------------------
        # All that says so stands in registers: whether a row ends decides about much else.
        first, row_ends = Signal(), Signal()
        is_left, is_data = Signal(), Signal()  # neither: it is on the right, or a row of padding
        padding = top | bottom
        last_row = outer & outer_ends

        def enter(of_padding, has) -> list:
            """Statements that begin a row with its first part."""
            return [
                first.eq(1),
                is_left.eq(~of_padding & has.pad_left),
                is_data.eq(~of_padding & ~has.pad_left & (has.len | ~has.pad_right)),
                row_ends.eq(
                    of_padding
                    | Mux(has.pad_left, ~has.len & ~has.pad_right, ~has.len | ~has.pad_right)
                ),
            ]

        region_bits = config.act_region_span.bit_length() - 1
        offset = place.row[:region_bits]
        region = place.row[region_bits:]
        m.d.comb += [
            out.at.eq(place.row),
            out.skew.eq(Mux(out.fill, 0, skew.row)),
            out.fill.eq(~is_data),
            out.first.eq(first),
            out.row_last.eq(row_ends),
            out.last.eq(row_ends & last_row),
            out.outside.eq((offset + excess >= 0) | (region >= config.act_regions)),
        ]
        # Whether it is large is asked of each that it may be, and then chosen.
        bits = small_bits(config)
        with m.If(padding):
            m.d.comb += [out.size.eq(size), out.large.eq(size[bits:].any())]
        with m.Elif(is_left):
            m.d.comb += [out.size.eq(rows.pad_left), out.large.eq(rows.pad_left[bits:].any())]
        with m.Elif(is_data):
            m.d.comb += [out.size.eq(rows.len), out.large.eq(rows.len[bits:].any())]
        with m.Else():
            m.d.comb += [out.size.eq(rows.pad_right), out.large.eq(rows.pad_right[bits:].any())]

        # --- steps -----------------------------------------------------------------------------
        fires = self.o.valid & self.o.ready
        m.d.comb += self.i.ready.eq(~self.o.valid | (fires & out.last))
        with m.If(fires & ~row_ends):
            m.d.sync += [
                first.eq(0),
                is_left.eq(0),
                is_data.eq(is_left & has.len),
                row_ends.eq(~is_left | ~has.len | ~has.pad_right),
            ]
        with m.If(fires & row_ends):
            m.d.sync += [
                place.step(outer),
                *enter(Mux(outer, has.pad_top, Mux(kind_ends, ~top, padding)), has),
            ]
            with m.If(~padding):
                m.d.sync += skew.step(data_ends)
            with m.If(outer):
                m.d.sync += [
                    left.eq(Mux(has.pad_top, rows.pad_top, rows.count1)),
                    *turn(has.pad_top, 0, Mux(has.pad_top, one.pad_top, one.count1), has),
                    outer_left.eq(outer_left - 1),
                    outer_ends.eq(outer_left == 2),
                ]
            with m.Elif(kind_ends):
                m.d.sync += [
                    left.eq(Mux(top, rows.count1, rows.pad_bottom)),
                    *turn(0, ~top, Mux(top, one.count1, one.pad_bottom), has),
                ]
            with m.Else():
                m.d.sync += [left.eq(left - 1), *turn(top, bottom, left == 2, has)]
        with m.If(fires & out.last):
            m.d.sync += self.o.valid.eq(0)

        with m.If(self.i.valid & self.i.ready):
            if not held:
                m.d.sync += [rows.eq(new), has.eq(found), one.eq(found_one)]
            m.d.sync += [
                self.o.valid.eq(1),
                place.start(new.at),
                skew.start(new.skew),
                *enter(found.pad_top, found),
                left.eq(Mux(found.pad_top, new.pad_top, new.count1)),
                *turn(
                    found.pad_top, 0, Mux(found.pad_top, found_one.pad_top, found_one.count1), found
                ),
                outer_left.eq(new.count2),
                outer_ends.eq(new.count2 == 1),
            ]
        whole = new.pad_left + new.len + new.pad_right
        above = whole - (config.act_region_bytes + 1)
        if held:
            m.d.comb += [size.eq(whole), excess.eq(above), has.eq(found), one.eq(found_one)]
        else:
            with m.If(self.i.valid & self.i.ready):
                m.d.sync += [size.eq(whole), excess.eq(above)]
        return m


class Pieces(wiring.Component):
    """Cuts segments into pieces, one a cycle: a bus beat's valid bytes, or some fill bytes.

    Parameters
    ----------
    fill_bytes
        Most bytes of a fill piece, at least bus_bytes.

    Members
    -------
    i
        Segments; taken with the last piece of the one before.
    narrow
        Fill pieces of the segment on ``i`` have at most bus_bytes.
    valid, step
        There is a piece; it is taken and the next one stands there in the next cycle.
    piece
        The segment that the piece belongs to: ``at`` is the piece's own address, ``first``,
        ``row_last`` and ``last`` mark the row's first and last and the command's last piece.
    size, mask
        Bytes of the piece; the same, the first ones of so many bits.
    """

    i: stream.Interface
    narrow: Signal
    valid: Signal
    step: Signal
    piece: data.View
    size: Signal
    mask: Signal

    def __init__(self, config: Config, fill_bytes: int):
        self.config = config
        self.fill_bytes = fill_bytes
        super().__init__(
            {
                "i": In(stream.Signature(segment_layout(config))),
                "narrow": In(1),
                "valid": Out(1),
                "step": In(1),
                "piece": Out(segment_layout(config)),
                "size": Out(range(fill_bytes + 1)),
                "mask": Out(fill_bytes),
            }
        )

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        bus = self.config.bus_bytes
        now = Signal(segment_layout(self.config))
        following = Signal(SRAM_ADDRESS_BITS)
        # Kept beside the segment, so that whoever takes a piece knows at once what comes next.
        size, ends = Signal(range(self.fill_bytes + 1)), Signal()
        later_room = Signal.like(size)  # of the segment's pieces behind this one
        m.d.comb += [
            self.size.eq(size),
            following.eq(now.at + size),
            self.piece.eq(now),
            self.piece.row_last.eq(now.row_last & ends),
            self.piece.last.eq(now.last & ends),
            self.i.ready.eq(~self.valid | (self.step & ends)),
        ]

        new = self.i.payload
        fill_room, new_room = Signal.like(size), Signal.like(size)
        m.d.comb += [
            fill_room.eq(Mux(self.narrow, bus, self.fill_bytes)),
            new_room.eq(Mux(new.fill, fill_room, bus - new.skew)),
        ]

        # The next piece, of a new segment or of this one: both before it is known which, for
        # `step` comes late.
        def piece(name: str, count, room) -> data.View:
            what = data.StructLayout({"size": size.shape(), "ends": 1, "mask": len(self.mask)})
            found = Signal(what, name=name, attrs=KEEP)
            small, large = count[: small_bits(self.config)], count[small_bits(self.config) :].any()
            m.d.comb += [
                found.ends.eq(~large & (small <= room)),
                found.size.eq(Mux(found.ends, small, room)),
                # The first bytes that both have: no wait for the smaller one.
                found.mask.eq(
                    Cat((large | (small > i)) & (room > i) for i in range(self.fill_bytes))
                ),
            ]
            return found

        rest = now.size - size
        first = piece("first", Cat(new.size[: small_bits(self.config)], new.large), new_room)
        after = piece("after", rest, later_room)

        def take(found: data.View) -> list:
            return [size.eq(found.size), ends.eq(found.ends), self.mask.eq(found.mask)]

        with m.If(self.i.valid & self.i.ready):
            m.d.sync += [
                self.valid.eq(1),
                now.eq(new),
                # The sum before the choice: `step` comes late.
                now.at.eq(Mux(new.first, new.at, Mux(self.step, following, now.at))),
                later_room.eq(Mux(new.fill, fill_room, bus)),
                *take(first),
            ]
        with m.Elif(self.step):
            m.d.sync += [
                self.valid.eq(~ends),
                now.at.eq(following),
                now.size.eq(rest),
                now.skew.eq(0),
                now.first.eq(0),
                *take(after),
            ]
        return m
