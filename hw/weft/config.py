"""The one source of every size on the chip: the frozen dataclass `Config` and its presets.

`Config` holds what a person chooses; everything that follows from a choice is a property. A preset,
``"base,rows=12,cols=10"`` and a TOML file are all accepted by `Config.parse`.
"""

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

MULTIPLIERS = ("portable", "ecp5", "ice40", "gowin", "nexus")
"""Multiplier variants in `weft.gateware.primitives`."""

LANES = (0, 1, 2, 4, 8)
"""Lanes that a SIMT core can have; 0 for none."""

FLOATS = ("none", "full")
"""Floating point that a SIMT core can have."""

ICACHE_LEAST, ICACHE_MOST = 128, 1 << 20
"""Smallest and largest instruction cache: from two lines on."""

STARVATION = 4096
"""Default of the starvation timer, in issues that went backwards while other threads waited."""

CORE_FIELDS = ("warps", "fp", "icache_bytes", "starvation")
"""Fields that say nothing about a chip without a SIMT core."""

SEMAPHORES = 16
"""Counting semaphores on the chip."""

SEMAPHORE_MAX = 15
"""Largest value of a semaphore (4 bits); a post beyond it is an error."""

PROGRAM_QUEUE = 2
"""Programs that wait behind the doorbell."""

SRAM_ADDRESS_BITS = 24
"""Width of every SRAM address and stride in a command; arithmetic wraps modulo 2^24."""


def _next_power_of_two(value: int) -> int:
    return 1 << max(0, value - 1).bit_length()


@dataclass(frozen=True, kw_only=True)
class Config:
    """Every size of one Weft chip.

    Parameters
    ----------
    rows, cols
        The array: ``rows`` (R) is the reduction dimension, ``cols`` (C) the output channels.
    bus_bytes
        Width of the memory port in bytes, each way.
    act_kib, act_regions
        Activation SRAM: capacity in KiB and the number of independently ported regions.
    wgt_kib
        Weight SRAM: capacity in KiB of each of its two halves.
    acc_rows
        Accumulator rows (of ``cols`` x 32 bits) in each of the two halves.
    drain_units
        Requantisers; divides ``cols``.
    param_blocks
        Blocks of ``cols`` columns whose bias and scale the parameter SRAM holds.
    queue_depth
        Commands waiting per engine; the driver plans for up to 12, for semaphores count to 15. 1
        makes a chip that is smaller in more than that, see `held_commands`.
    lanes
        Lanes of the SIMT core, the threads of a warp; 0 leaves the core out.
    warps
        Hardware warps of the SIMT core.
    fp
        Its floating point: ``none`` or ``full`` (Zfinx, and exp2, rcp, rsqrt).
    icache_bytes
        Its instruction cache, a power of two.
    starvation
        Its starvation timer, in issues that went backwards while other threads waited.
    transpose, row_sum
        Whether LOAD can transpose blocks, and whether MATMUL can keep row sums (zero point of B).
    multiplier
        Multiplier variant, one of `MULTIPLIERS`.

    Raises
    ------
    ValueError
        Names the field, the value and what would be valid.
    """

    rows: int = 16
    cols: int = 16
    bus_bytes: int = 16
    act_kib: int = 192
    act_regions: int = 4
    wgt_kib: float = 32
    acc_rows: int = 512
    drain_units: int = 16
    param_blocks: int = 128
    queue_depth: int = 4
    lanes: int = 8
    warps: int = 16
    fp: str = "full"
    icache_bytes: int = 8192
    starvation: int = STARVATION
    transpose: bool = True
    row_sum: bool = True
    multiplier: str = "portable"

    def __post_init__(self) -> None:
        def need(name: str, ok: bool, valid: str) -> None:
            if not ok:
                raise ValueError(f"{name} = {getattr(self, name)!r} is not valid: {valid}")

        def whole(name: str, low: int, high: int) -> None:
            value = getattr(self, name)
            ok = isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
            need(name, ok, f"a whole number from {low} to {high}")

        whole("rows", 1, 256)
        whole("cols", 1, 256)
        need("bus_bytes", self.bus_bytes in (4, 8, 16, 32, 64), "one of 4, 8, 16, 32, 64")
        whole("act_regions", 1, 16)
        whole("acc_rows", 1, 32768)
        whole("drain_units", 1, self.cols)
        need("drain_units", self.cols % self.drain_units == 0, f"a divisor of cols = {self.cols}")
        whole("param_blocks", 1, 4096)
        whole("queue_depth", 1, 64)
        need("lanes", self.lanes in LANES, f"one of {', '.join(map(str, LANES))}")
        whole("lanes", 0, LANES[-1])  # True is no number of lanes
        whole("warps", 1, 16)
        need("fp", self.fp in FLOATS, f"one of {', '.join(FLOATS)}")
        whole("icache_bytes", ICACHE_LEAST, ICACHE_MOST)
        need("icache_bytes", self.icache_bytes.bit_count() == 1, "a power of two")
        whole("starvation", 1, 65535)
        need("transpose", isinstance(self.transpose, bool), "true or false")
        need("row_sum", isinstance(self.row_sum, bool), "true or false")
        need("multiplier", self.multiplier in MULTIPLIERS, f"one of {', '.join(MULTIPLIERS)}")
        whole("act_kib", 1, 8192)
        step = 2 * self.act_row_bytes * self.act_regions
        need(
            "act_kib",
            self.act_kib * 1024 % step == 0,
            f"act_kib * 1024 must be a multiple of 2 x {self.act_row_bytes}-byte rows x "
            f"{self.act_regions} regions = {step}",
        )
        need(
            "wgt_kib",
            isinstance(self.wgt_kib, int | float)
            and not isinstance(self.wgt_kib, bool)
            and 0 < self.wgt_kib <= 8192
            and self.wgt_tiles_per_half >= 1,
            f"a half must hold at least one tile of {self.rows} x {self.cols} bytes",
        )
        need("wgt_kib", self.wgt_rows <= 65536, "at most 65,536 rows of C bytes in both halves")

    # --- derived sizes -------------------------------------------------------------------------

    @property
    def act_row_bytes(self) -> int:
        """Bytes of one activation SRAM row: the power of two >= max(R, C, bus_bytes, 4)."""
        return _next_power_of_two(max(self.rows, self.cols, self.bus_bytes, 4))

    @property
    def act_region_bytes(self) -> int:
        """Bytes in one activation region."""
        return self.act_kib * 1024 // self.act_regions

    @property
    def act_region_span(self) -> int:
        """Address distance between two regions: `act_region_bytes` rounded up to a power of two."""
        return _next_power_of_two(self.act_region_bytes)

    @property
    def tile_bytes(self) -> int:
        """Bytes of one weight tile, R x C."""
        return self.rows * self.cols

    @property
    def wgt_tiles_per_half(self) -> int:
        """Whole weight tiles in one half of the weight SRAM."""
        return int(self.wgt_kib * 1024) // self.tile_bytes

    @property
    def wgt_rows(self) -> int:
        """Rows of C bytes in the whole weight SRAM, both halves."""
        return 2 * self.wgt_tiles_per_half * self.rows

    @property
    def acc_total_rows(self) -> int:
        """Accumulator rows in both halves; rows >= ``acc_rows`` lie in the second half."""
        return 2 * self.acc_rows

    @property
    def drain_beats(self) -> int:
        """Cycles in which the requantisers take one accumulator row: C / drain_units."""
        return self.cols // self.drain_units

    @property
    def held_commands(self) -> bool:
        """Whether LOAD, DRAIN and STORE leave a command in their queue's register until it is done.

        They then copy nothing of it, and begin no command before the one before is done. It goes
        with a queue of one command: who wants a small chip does not want commands to overlap.
        """
        return self.queue_depth == 1

    @property
    def hash(self) -> int:
        """64-bit hash of every field; stands in a chip register and in every result.

        Without a SIMT core its sizes do not count: they describe the same chip.
        """
        values = asdict(self)
        if not self.lanes:
            values = {name: values[name] for name in values if name not in CORE_FIELDS}
        text = json.dumps(values, sort_keys=True)
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")

    @property
    def hash_hex(self) -> str:
        """`hash` as 16 hexadecimal digits."""
        return f"{self.hash:016x}"

    # --- reading -------------------------------------------------------------------------------

    @classmethod
    def parse(cls, spec: str) -> "Config":
        """Read a preset, a preset with changes, or a TOML file.

        Parameters
        ----------
        spec
            ``"base"``, ``"base,rows=12,cols=10"``, or a path that ends in ``.toml`` (keys are field
            names; ``preset`` names the start), the latter with changes too.

        Raises
        ------
        ValueError
            Unknown preset or field, or a value that `Config` refuses.
        """
        head, *changes = (part.strip() for part in spec.split(","))
        if head.endswith(".toml"):
            path = Path(head)
            if not path.is_file():
                raise ValueError(f"configuration file {head!r} does not exist")
            try:
                table = tomllib.loads(path.read_text())
            except tomllib.TOMLDecodeError as error:
                raise ValueError(f"{head}: not valid TOML: {error}") from None
            base = _preset(str(table.pop("preset", "base")))
            base = base.changed(table)
        else:
            base = _preset(head)
        values: dict[str, Any] = {}
        for change in changes:
            name, sep, text = change.partition("=")
            if not sep:
                raise ValueError(f"{change!r} is not of the form field=value")
            values[name.strip()] = _value(text.strip())
        return base.changed(values)

    def changed(self, values: Mapping[str, Any]) -> "Config":
        """A copy with some fields replaced; raises `ValueError` for an unknown field."""
        names = [f.name for f in fields(self)]
        for name in values:
            if name not in names:
                raise ValueError(f"unknown Config field {name!r}; fields: {', '.join(names)}")
        if "cols" in values and "drain_units" not in values and self.drain_units == self.cols:
            # A preset with one requantiser for each column keeps that.
            values = {**values, "drain_units": values["cols"]}
        return replace(self, **values)


def _value(text: str) -> int | float | bool | str:
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text


BASE = Config()
"""16 x 16 array, 8 lanes x 16 warps, 16-byte bus: the default, never more SRAM than Gemmini's."""

ARRAY8 = replace(
    BASE,
    rows=8,
    cols=8,
    bus_bytes=8,
    act_kib=32,
    wgt_kib=8,
    acc_rows=256,
    drain_units=2,
    param_blocks=64,
    lanes=0,
)
"""8 x 8 array without a SIMT core."""

PRESETS: dict[str, Config] = {
    "base": BASE,
    "array8": ARRAY8,
    "array12": replace(ARRAY8, rows=12, cols=12, act_kib=64, wgt_kib=9),
    "tiny": replace(
        BASE,
        rows=4,
        cols=4,
        bus_bytes=4,
        act_kib=2,
        act_regions=2,
        wgt_kib=0.5,
        acc_rows=16,
        drain_units=1,
        param_blocks=16,
        queue_depth=2,
        lanes=2,
        warps=4,
        fp="none",
        icache_bytes=1024,
    ),
    "ulx3s": replace(
        BASE,
        rows=11,
        cols=12,
        bus_bytes=8,
        act_kib=64,
        act_regions=2,
        wgt_kib=8,
        acc_rows=128,
        drain_units=2,
        param_blocks=32,
        lanes=1,
        warps=16,
        fp="none",
        icache_bytes=2048,
    ),
    "icebreaker": replace(
        BASE,
        rows=4,
        cols=4,
        bus_bytes=4,
        act_kib=32,
        act_regions=1,
        wgt_kib=8,
        acc_rows=64,
        drain_units=1,
        param_blocks=64,
        queue_depth=1,
        lanes=0,
        transpose=False,
        row_sum=False,
    ),
    "nano20k": replace(
        BASE,
        rows=4,
        cols=16,
        bus_bytes=4,
        act_kib=8,
        act_regions=1,
        wgt_kib=2,
        acc_rows=64,
        drain_units=1,
        param_blocks=16,
        queue_depth=1,
        lanes=0,
        transpose=False,
        row_sum=False,
    ),
}
"""Presets by name, each a difference to `BASE`."""


def _preset(name: str) -> Config:
    if name not in PRESETS:
        raise ValueError(f"unknown preset {name!r}; presets: {', '.join(PRESETS)}, or a .toml file")
    return PRESETS[name]
