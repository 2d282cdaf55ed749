"""Kernels written in Python: instructions by name, labels, and a core to run them."""

from dataclasses import dataclass, field

import numpy as np

from weft.arch.isa import BY_NAME, REGISTER_FIELDS, REGISTER_NAMES, encode
from weft.arch.simt import CSR_BY_NAME, MAIN, Core, Launch
from weft.golden.simt import Counters, Retired, Simulator
from weft.golden.simt.memory import Memories

REGISTER = {name: number for number, name in enumerate(REGISTER_NAMES)}


def pointer(address: int) -> tuple[int]:
    """Arguments of a kernel that takes one pointer to main memory."""
    return (MAIN.base + address,)


class Assembler:
    """Collects instruction words.

    Labels may come later than the instructions that name them: ``there`` is the distance from the
    instruction, ``there~here`` that between two labels.
    """

    def __init__(self):
        self.words: list[int] = []
        self._labels: dict[str, int] = {}
        self._later: list[tuple[int, str, dict[str, int | str]]] = []
        self._fresh = 0

    @property
    def here(self) -> int:
        """Offset of the next instruction."""
        return 4 * len(self.words)

    def offset(self, name: str) -> int:
        """Offset of a label."""
        return self._labels[name]

    def label(self, name: str) -> None:
        """The next instruction has this name."""
        assert name not in self._labels, name
        self._labels[name] = self.here

    def fresh(self, stem: str) -> str:
        """A label that nobody has."""
        self._fresh += 1
        return f"{stem}_{self._fresh}"

    def put(self, name: str, *operands: int | str) -> None:
        """Append an instruction; operands in the order of `Instruction.operands`, rm left out."""
        names = [n for n in BY_NAME[name].operands if n != "rm"]
        assert len(names) == len(operands), (name, operands)
        values: dict[str, int | str] = {}
        for key, value in zip(names, operands, strict=True):
            if key == "csr" and isinstance(value, str):
                value = CSR_BY_NAME[value].number
            elif isinstance(value, str) and key in REGISTER_FIELDS:
                value = REGISTER[value]
            values[key] = value
        self._later.append((len(self.words), name, values))
        self.words.append(0)

    def begin(self, *registers: str) -> None:
        """Fetch what compiled kernels begin with: ``sp``, ``a0`` (see `pointer`); ``gp`` for shared
        memory."""
        holds = {"sp": "stack", "a0": "argument_0", "gp": "block_shared"}
        for register in registers:
            self.put("csrr", register, holds[register])

    def li(self, rd: int | str, value: int) -> None:
        """Load a constant."""
        low = (value & 0xFFF ^ 0x800) - 0x800
        high = (value - low & 0xFFFFFFFF) >> 12
        self.put("lui", rd, high)
        self.put("addi", rd, rd, low)

    def _distance(self, label: str, here: int) -> int:
        to, _, since = label.partition("~")
        return self._labels[to] - (self._labels[since] if since else here)

    def code(self) -> bytes:
        """All instructions."""
        for index, name, values in self._later:
            known = {
                key: self._distance(value, 4 * index) if isinstance(value, str) else value
                for key, value in values.items()
            }
            self.words[index] = encode(name, **known)
        return np.array(self.words, "<u4").tobytes()


@dataclass
class Machine:
    """A core, its memories, and what it has retired."""

    core: Core = field(default_factory=lambda: Core(lanes=4, warps=2, shared_bytes=4096))
    memory_bytes: int = 1 << 16
    port: object = None
    seed: int = 0

    def __post_init__(self):
        rng = np.random.default_rng(self.seed)
        self.main = rng.integers(0, 256, self.memory_bytes, np.uint8)
        self.shared = rng.integers(0, 256, self.core.shared_bytes, np.uint8)
        self.memories = Memories(self.core, self.main, self.shared, port=self.port)
        self.retired: list[Retired] = []
        self.simulator = Simulator(self.core, self.memories, self.retired.append)

    def load(self, code: bytes, address: int = 0) -> None:
        """Place code in main memory."""
        self.main[address : address + len(code)] = np.frombuffer(code, np.uint8)

    def words(self, address: int, count: int) -> np.ndarray:
        """Words of main memory."""
        return self.main[address : address + 4 * count].view(np.uint32)

    def run(self, code: bytes | Assembler, limit: int = 100_000, **launch) -> Counters:
        """Run code from address 0."""
        self.load(code.code() if isinstance(code, Assembler) else code)
        self.retired.clear()
        return self.simulator.run(Launch(entry=0, **launch), limit=limit)
