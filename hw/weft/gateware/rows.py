"""The SRAM side of a copy: rows cut into segments, segments into what fits into one cycle.

::

    row:       pad_left | data: len bytes | pad_right       each part that is not empty
    segments:     fill  |      data       |   fill          is one segment
    pieces:                ..skew|bytes|..                  one bus beat, or fill bytes
"""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, ValueLike, signed
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


PADDING = ("pad_left", "pad_right", "pad_top", "pad_bottom")
"""Sizes of what may lie around an i2's data."""


def walk_layout(config: Config, *, padded: bool = True) -> data.StructLayout:
    """Rows as the SRAM side sees them.

    ``skew``, ``skew1`` and ``skew2`` are memory address and strides modulo bus_bytes; ``has`` and
    ``one`` what `parts_found` says. Without ``padded`` all rows are rows of data.
    """
    low = low_bits(config)
    padding = PADDING if padded else ()
    kinds = ("count1", *(kind for kind in ("pad_top", "pad_bottom") if padded))
    extra = dict.fromkeys(padding, COUNT_BITS)
    if padded:
        extra["in_place"] = 1  # rows of one i2 do not step: a block that is transposed
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
            **extra,
            "has": data.StructLayout(dict.fromkeys(("len", *padding), 1)),
            "one": data.StructLayout(dict.fromkeys(kinds, 1)),
        }
    )


def parts_found(rows: data.View) -> list:
    """Statements that say which parts are not empty, and of which kind there is just one row.

    For whoever makes ``rows``: where they are walked there is no time to look.
    """
    has: Any = rows.has
    one: Any = rows.one
    return [
        *(has[part].eq(rows[part] != 0) for part in has.shape().members),
        *(one[kind].eq(rows[kind] == 1) for kind in one.shape().members),
    ]


def _of(view: data.View, name: str) -> Any:
    """A field, or 0 where rows without padding have none."""
    return view[name] if name in view.shape().members else Const(0)


def segment_layout(config: Config) -> data.StructLayout:
    """A part of a row.

    ``at`` is the row's address and holds on the row's ``first`` segment; ``large``: it is more than
    any piece; ``room``: most bytes of its first piece; ``outside``: the row does not lie in one
    region of act.
    """
    return data.StructLayout(
        {
            "at": SRAM_ADDRESS_BITS,
            "size": SIZE_BITS,
            "large": 1,
            "room": small_bits(config),
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

    Parameters
    ----------
    config
        Sizes.
    padded
        Rows may have padding, as `walk_layout` says.

    Members
    -------
    i
        Commands. The first segment follows a cycle later; taken with the last segment of the one
        before. With `Config.held_commands` the payload must hold until the last segment is taken.
    narrow
        Pieces of fill have at most bus_bytes, not a whole row of act; of the command on ``o``.
    o
        Segments.
    """

    i: stream.Interface
    narrow: Signal
    o: stream.Interface

    def __init__(self, config: Config, *, padded: bool = True):
        self.config = config
        self._padded = padded
        layout = walk_layout(config, padded=padded)
        super().__init__(
            {
                "i": In(stream.Signature(layout)),
                "narrow": In(1),
                "o": Out(stream.Signature(segment_layout(config))),
            }
        )

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        config = self.config
        new, held = self.i.payload, config.held_commands
        rows = new if held else Signal.like(new)
        # Of a row, and what it has above one byte more than a region: that and its offset are
        # below 0 where it ends inside, which is one carry.
        size, excess = Signal(SIZE_BITS), Signal(signed(SIZE_BITS + 1))
        has, one = rows.has, rows.one
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
                bottom.eq(is_bottom if self._padded else 0),
                kind_ends.eq(ends),
                outer.eq(ends & (is_bottom | (~is_top & ~_of(has, "pad_bottom")))),
            ]

        place.following(m, outer, Mux(_of(rows, "in_place"), 0, rows.at1), rows.at2)
        # Only data rows have an address in memory. Its i2 ends where their last one ends.
        skew.following(m, data_ends, rows.skew1, rows.skew2)

        # --- which part of it -------------------------------------------------------------------
        # All that says so stands in registers: whether a row ends decides about much else.
        # Without padding a row has one part.
        first, row_ends = Signal(init=1), Signal(init=not self._padded)
        # Neither: it is on the right, or a row of padding.
        is_left, is_data = Signal(), Signal(init=not self._padded)
        padding = top | bottom
        last_row = outer & outer_ends

        def enter(of_padding: ValueLike, has) -> list:
            """Statements that begin a row with its first part."""
            left, right, pads = _of(has, "pad_left"), _of(has, "pad_right"), Value.cast(of_padding)
            return [
                first.eq(1),
                is_left.eq(~pads & left),
                is_data.eq(~pads & ~left & (has.len | ~right)),
                row_ends.eq(pads | Mux(left, ~has.len & ~right, ~has.len | ~right)),
            ]

        region_bits = config.act_region_span.bit_length() - 1
        offset = place.row[:region_bits]
        region = place.row[region_bits:]
        m.d.comb += [
            out.at.eq(place.row),
            out.skew.eq(Mux(out.fill, 0, skew.row)),
            out.room.eq(
                Mux(
                    out.fill,
                    Mux(self.narrow, config.bus_bytes, max(config.bus_bytes, config.act_row_bytes)),
                    config.bus_bytes - skew.row,
                )
            ),
            out.fill.eq(~is_data),
            out.first.eq(first),
            out.row_last.eq(row_ends),
            out.last.eq(row_ends & last_row),
            out.outside.eq((offset + excess >= 0) | (region >= config.act_regions)),
        ]
        # Whether it is large is asked of each that it may be, and then chosen.
        bits = small_bits(config)
        sizes = ((padding, size), (is_left, _of(rows, "pad_left")), (is_data, rows.len))
        out_size, large = _of(rows, "pad_right"), _of(rows, "pad_right")[bits:].any()
        for is_this, of_this in reversed(sizes):
            out_size = Mux(is_this, of_this, out_size)
            large = Mux(is_this, of_this[bits:].any(), large)
        m.d.comb += [out.size.eq(out_size), out.large.eq(large)]

        # --- steps -----------------------------------------------------------------------------
        fires = self.o.valid & self.o.ready
        m.d.comb += self.i.ready.eq(~self.o.valid | (fires & out.last))
        with m.If(fires & ~row_ends):
            m.d.sync += [
                first.eq(0),
                is_left.eq(0),
                is_data.eq(is_left & has.len),
                row_ends.eq(~is_left | ~has.len | ~_of(has, "pad_right")),
            ]
        pad_top, has_top, one_top = (_of(of, "pad_top") for of in (rows, has, one))
        to_padding = Mux(outer, has_top, Mux(kind_ends, ~top, padding)) if self._padded else 0
        with m.If(fires & row_ends):
            m.d.sync += [place.step(outer), *enter(to_padding, has)]
            with m.If(~padding):
                m.d.sync += skew.step(data_ends)
            with m.If(outer):
                m.d.sync += [
                    left.eq(Mux(has_top, pad_top, rows.count1)),
                    *turn(has_top, 0, Mux(has_top, one_top, one.count1), has),
                    outer_left.eq(outer_left - 1),
                    outer_ends.eq(outer_left == 2),
                ]
            with m.Elif(kind_ends):
                m.d.sync += [
                    left.eq(Mux(top, rows.count1, _of(rows, "pad_bottom"))),
                    *turn(0, ~top, Mux(top, one.count1, _of(one, "pad_bottom")), has),
                ]
            with m.Else():
                m.d.sync += [left.eq(left - 1), *turn(top, bottom, left == 2, has)]
        with m.If(fires & out.last):
            m.d.sync += self.o.valid.eq(0)

        pad_top, has_top, one_top = (_of(of, "pad_top") for of in (new, new.has, new.one))
        with m.If(self.i.valid & self.i.ready):
            if not held:
                m.d.sync += rows.eq(new)
            m.d.sync += [
                self.o.valid.eq(1),
                place.start(new.at),
                skew.start(new.skew),
                *enter(has_top, new.has),
                left.eq(Mux(has_top, pad_top, new.count1)),
                *turn(has_top, 0, Mux(has_top, one_top, new.one.count1), new.has),
                outer_left.eq(new.count2),
                outer_ends.eq(new.count2 == 1),
            ]
        whole = new.len + _of(new, "pad_left") + _of(new, "pad_right")
        above = whole - (config.act_region_bytes + 1)
        if held:
            m.d.comb += [size.eq(whole), excess.eq(above)]
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
    valid, step
        There is a piece; it is taken and the next one stands there in the next cycle.
    piece
        The segment that the piece belongs to: ``at`` is the piece's own address, ``first``,
        ``row_last`` and ``last`` mark the row's first and last and the command's last piece;
        ``size`` is what lies behind it.
    size, mask
        Bytes of the piece; the same, the first ones of so many bits.
    """

    i: stream.Interface
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
        new_room = Signal.like(size)
        m.d.comb += new_room.eq(new.room)

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

        # Of the segment, ``now.size`` is what lies behind this piece: nothing to subtract first.
        first = piece("first", Cat(new.size[: small_bits(self.config)], new.large), new_room)
        after = piece("after", now.size, later_room)

        def take(found: data.View) -> list:
            return [size.eq(found.size), ends.eq(found.ends), self.mask.eq(found.mask)]

        # Which of them it is does not wait for `step`, either, that something changes does.
        enters, anyway = Signal(attrs=KEEP), Signal(attrs=KEEP)
        m.d.comb += [
            enters.eq(self.i.valid & (~self.valid | ends)),
            anyway.eq(self.i.valid & ~self.valid),
        ]
        with m.If(self.step | anyway):
            with m.If(enters):
                m.d.sync += [
                    self.valid.eq(1),
                    now.eq(new),
                    now.size.eq(new.size - new_room),
                    now.at.eq(Mux(new.first, new.at, Mux(self.valid, following, now.at))),
                    later_room.eq(Mux(new.fill, new_room, bus)),
                    *take(first),
                ]
            with m.Else():
                m.d.sync += [
                    self.valid.eq(~ends),
                    now.at.eq(following),
                    now.size.eq(now.size - later_room),
                    now.skew.eq(0),
                    now.first.eq(0),
                    *take(after),
                ]
        return m
