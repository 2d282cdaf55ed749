"""How the rows of a LOAD make chunks: their sizes, and how many a piece completes."""

from amaranth.hdl import Array, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from weft.config import SRAM_ADDRESS_BITS, Config

from .interfaces import INDEX_BITS
from .param_sram import PARAM_BITS, write_columns

FENCE_BITS = SRAM_ADDRESS_BITS + 1
"""Width of the places of a fence: the end of an SRAM counts, too."""


def target_layout() -> data.StructLayout:
    """What a piece or chunk must know of its command.

    ``transpose`` and ``param`` say which chunks these are (neither: rows of C bytes), ``step`` is
    the distance from one chunk of a row to the next. ``fenced``: what is
    written, up to below ``fence``, is guarded until it is there.
    """
    return data.StructLayout(
        {
            "transpose": 1,
            "param": 1,
            "fill": 8,
            "step": SRAM_ADDRESS_BITS,
            "fenced": 1,
            "fence": FENCE_BITS,
            "post": 16,
            "index": INDEX_BITS,
        }
    )


def chunk_sizes(config: Config) -> tuple[int, int, int]:
    """Bytes of a chunk: a weight row, a row to transpose, columns of parameters."""
    return config.cols, config.rows, PARAM_BITS // 8 * write_columns(config)


def most_bytes(config: Config) -> int:
    """Most bytes of a row that a piece can complete chunks with."""
    return max(chunk_sizes(config)) - 1 + config.bus_bytes


def by_kind(config: Config, target: data.View, of_size) -> Value:
    """What ``of_size`` says of the size of a command's chunks.

    Said of each size by itself and then chosen, that is small tables; comparisons with a chosen
    size are carry chains, one behind the other.
    """
    plain, transposed, params = map(of_size, chunk_sizes(config))
    return Mux(target.transpose, transposed, Mux(target.param, params, plain))


def enough(
    config: Config, have: Value, target: data.View, row_last: Value, before: int = 0
) -> tuple[Value, Value]:
    """Whether ``have`` bytes are a chunk behind those ``before``, and whether another follows it.

    The bytes behind a row's last whole chunk are one, too.
    """
    most = most_bytes(config)

    def at_least(of_size) -> Value:
        return by_kind(config, target, lambda size: have.matches(*range(of_size(size), most + 1)))

    whole = before + 1
    another = Mux(
        row_last,
        at_least(lambda size: whole * size + 1),
        at_least(lambda size: (whole + 1) * size),
    )
    return at_least(lambda size: whole * size), another


def count_layout(config: Config) -> data.StructLayout:
    """Bytes that no earlier chunk takes, and what `enough` says of them."""
    return data.StructLayout({"have": range(most_bytes(config) + 1), "full": 1, "again": 1})


class ChunkCount(wiring.Component):
    """Counts chunks ahead of the gearbox, which has enough to do with the bytes.

    Members
    -------
    takes
        This piece goes to the gearbox.
    size, row_last, target
        Of the piece, as in `piece_layout`.
    o
        What the gearbox finds when it begins with it.
    """

    takes: Signal
    size: Signal
    row_last: Signal
    target: data.View
    o: data.View

    def __init__(self, config: Config):
        self.config = config
        super().__init__(
            {
                "takes": In(1),
                "size": In(range(config.bus_bytes + 1)),
                "row_last": In(1),
                "target": In(target_layout()),
                "o": Out(count_layout(config)),
            }
        )

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        config, have = self.config, self.o.have
        left = Signal.like(have)  # of the row, behind all chunks so far
        full, again = enough(config, have, self.target, self.row_last)
        m.d.comb += [have.eq(left + self.size), self.o.full.eq(full), self.o.again.eq(again)]

        def behind(size: int) -> Value:
            return Array(count % size for count in range(most_bytes(config) + 1))[have]

        with m.If(self.takes):
            m.d.sync += left.eq(Mux(self.row_last, 0, by_kind(config, self.target, behind)))
        return m
