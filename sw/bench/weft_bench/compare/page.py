"""docs/compare.md from recorded comparisons."""

from collections.abc import Iterator, Sequence

from ..markdown import MADE_BY, table
from ..terminal import number, share
from .advise import SQUARES
from .chips import DEVICES
from .jobs import JOBS
from .latency import PRODUCT, shares
from .pixels import SAXPY
from .record import merged, read_records
from .row import Row
from .run import Comparison
from .scaling import scaling_section
from .shown import busy, by_job, duration, side, verdict

PER_JOB = ("device", "time", "cycles", "used", "compute / memory / command", "why")


def compare_docs() -> str:
    """The page's text, from the runs that are recorded in docs/results."""
    return page_of(read_records())


def page_of(records: Sequence[Comparison]) -> str:
    """The page's text."""
    rows = merged(records)
    parts = [
        MADE_BY.format("docs/results/*.json and docs/fpga.json"),
        "# Which chip wins?",
        "Each job on every device that can do it, every result compared with numpy's: "
        f"{sum(row.ran for row in rows)} runs, {sum(row.correct is False for row in rows)} of them "
        "wrong. `weft compare` measures, on your machine, too; a run that is to stand here goes to "
        "docs/results, and `make docs` makes this page.",
        *_machines(records),
        "## Who won",
        "Who was expected was put down before anything ran. Times are compared, so the chip takes "
        "part where place and route recorded a clock for it.",
        table(
            ("job", "size", "expected", "verdict", "fewest cycles on the chip, preset `base`"),
            [_winner(name, found) for name, found in by_job(rows).items()],
        ),
        *_times(rows),
        "## Array over SIMT core",
        *_array_over_core(rows),
        *_scaling(read_records(pattern=SQUARES)),
        *_latency(records),
        *_area(rows),
        "## Job by job",
        "*used* is the share of the array's multipliers or of the SIMT core's lanes that did work; "
        "on a CPU or GPU the share of what its library reaches in a large product, or of a plain "
        "copy of as many bytes. Cycles are those from doorbell to interrupt.",
    ]
    for name, found in by_job(rows).items():
        parts += _job(name, found)
    return "\n\n".join(parts) + "\n"


def _machines(records: Sequence[Comparison]) -> Iterator[str]:
    said = set()
    for record in records:
        machine = record.machine
        versions = ", ".join(f"{name} {text}" for name, text in machine["versions"].items())
        gpu = "; ".join(f"{name} {text}" for name, text in (record.gpu or {}).items())
        host = (
            f"{machine['cpu']}, {machine['threads']} threads, {machine['system']}, "
            f"{machine['python']}, {machine['blas']}, {versions}; "
            + (f"GPU: {gpu}" if gpu else "no GPU")
        )
        line = f"Recorded on {record.date}: {host}. {busy(machine)}"
        if line not in said:
            said.add(line)
            yield line


def _winner(name: str, rows: Sequence[Row]) -> tuple[str, ...]:
    chips = [r for r in rows if r.correct and r.cycles and (r.preset or "").startswith("base")]
    least = sorted(chips, key=lambda row: row.cycles or 0)
    cycles = ", ".join(f"{row.device} {number(row.cycles)}" for row in least)
    return name, rows[0].size, rows[0].expected, verdict(rows), cycles or "-"


def _times(rows: Sequence[Row]) -> Iterator[str]:
    """What has to be known about times."""
    yield "Clocks of the chip, as far as place and route recorded them:"
    yield "\n".join(
        f"- `{device.name}`: "
        + (f"{device.clock.mhz:g} MHz, " if device.clock.mhz else "no time; ")
        + device.clock.source
        for device in DEVICES
        if device.part
    )
    yield "Everything of preset `base` is in cycles only. Where the chip has a time, it is " + (
        "simulated cycles by its clock. Memory is simulated: "
        + "; ".join(dict.fromkeys(row.memory for row in rows if row.memory))
        + "."
    )
    links = dict.fromkeys(
        f"{r.job} {duration(r.link_seconds)}" for r in rows if r.link_seconds is not None
    )
    if links:
        yield (
            "The serial line to the host is not part of a time; inputs and results would take "
            f"(estimated from its baud rate): {'; '.join(links)}."
        )


def _array_over_core(rows: Sequence[Row]) -> Iterator[str]:
    """The product on both engines of one chip at one clock."""
    for job in ("gemm", "gemv"):
        found = {row.device: row for row in rows if row.job == job and row.correct}
        for array, core in (("array", "simt"), ("array@ulx3s", "simt@ulx3s"), ("array", "core")):
            if array in found and core in found:
                yield over(found[array], found[core])


def over(array: Row, core: Row) -> str:
    """How much fewer cycles the array takes than a core, and which factors make it up."""
    assert array.cycles
    assert core.cycles
    assert array.roofline
    assert core.roofline
    ratio = core.cycles / array.cycles
    peaks = ratio * core.roofline / array.roofline
    return (
        f"{array.job}, {array.size}: `{array.device}` takes {number(array.cycles)} cycles, "
        f"`{core.device}` {number(core.cycles)}, {ratio:.3g} times as many. A factor of "
        f"{peaks:.3g} is what both could do at most at this intensity; the rest is that the array "
        f"reaches {share(array.roofline)} of that, the core {share(core.roofline)}, whose threads "
        "load, count and branch between their `dot4`."
    )


def _scaling(records: Sequence[Comparison]) -> Iterator[str]:
    """Scaling, and how busy the host was meanwhile."""
    yield from scaling_section(merged(records))
    for record in records[-1:]:
        yield f"The host's times are of {record.date}. {busy(record.machine)}"


def _latency(records: Sequence[Comparison]) -> Iterator[str]:
    """Throughput against memory latency, of the last record that has it."""
    points = [record.latency for record in records if record.latency]
    if not points:
        return
    cycles = {(p["who"], p["latency"]): p["cycles"] for p in points[-1]}
    latencies = sorted({latency for _, latency in cycles})
    rows, columns, depth = PRODUCT
    yield "## Memory latency"
    yield (
        "Cycles under each latency of main memory in cycles, and throughput as a share of the "
        f"engine's most: a product {rows} x {columns} x {depth} on the array, which loads ahead, "
        f"and saxpy of {SAXPY[True]:,} on the core, where one warp works while others wait."
    )
    yield table(
        ("", *map(str, latencies)),
        [
            (who, *(f"{cycles[who, n]:,} ({share(found[n], 0)})" for n in latencies))
            for who, found in shares(points[-1]).items()
        ],
    )


def _area(rows: Sequence[Row]) -> Iterator[str]:
    """Useful operations for each LUT and each multiplier of what was placed."""
    yield "## Per area"
    cells = []
    for row in rows:
        device = next((d for d in DEVICES if d.name == row.device), None)
        clock = device.clock if device else None
        if clock and clock.luts and row.correct and row.cycles:
            per_cycle = row.operations / row.cycles
            per = per_cycle / (clock.multipliers or 1) if clock.multipliers else None
            cells.append(
                (
                    row.job,
                    row.device,
                    f"{per_cycle:.3g}",
                    f"{1000 * per_cycle / clock.luts:.3g}",
                    "-" if per is None else f"{per:.3g}",
                    f"{row.rate / 1e6:,.3g}" if row.rate else "-",
                )
            )
    if not cells:
        yield (
            "Operations for each LUT and multiplier need a device that place and route has "
            "recorded; none of this comparison is."
        )
        return
    yield (
        "Useful operations in a cycle, for each 1,000 LUTs and for each multiplier of the device. "
        "Array and SIMT core stand on one chip, whose area both are given."
    )
    yield table(
        ("job", "device", "a cycle", "per 1,000 LUTs", "per multiplier", "million a second"), cells
    )


def _job(name: str, rows: Sequence[Row]) -> Iterator[str]:
    first = rows[0]
    doc = JOBS[name].doc if name in JOBS else ""
    because = JOBS[name].because if name in JOBS else ""
    yield f"### {name}: {doc}"
    yield (
        f"{first.size}; {number(first.operations)} {first.unit}, {first.intensity:.3g} for each "
        f"byte that has to move. Expected: {first.expected}, because {because}. {verdict(rows)}."
    )
    yield table(PER_JOB, [_cells(row) for row in rows])


def _cells(row: Row) -> tuple[str, ...]:
    where = row.device if side(row) != "small cpu" else f"{row.device} (1 x 1)"
    parts = "-"
    if row.parts and row.cycles:
        parts = " / ".join(share(part / row.cycles, 0) for part in row.parts.values())
    wrong = "**wrong result**; " if row.correct is False else ""
    return (
        where,
        duration(row.seconds),
        number(row.cycles),
        share(row.utilization),
        parts,
        wrong + row.reason,
    )
