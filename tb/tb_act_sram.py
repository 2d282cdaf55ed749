"""Bench of the activation SRAM: random clients at once, against a byte array."""

import cocotb
import context
from cocotb.triggers import FallingEdge

from weft.gateware.act_sram import PATIENCE, ActSram

CONFIG = context.config
ROW = CONFIG.act_row_bytes
SIZE = CONFIG.act_region_bytes
READERS, WRITERS = ("matmul", "store"), ("drain", "load")
CORE = ("simt",) if CONFIG.lanes else ()
CLIENTS = (*READERS, *WRITERS, *CORE)
BANKS, BANK_ROWS = 2 * ROW // 4, SIZE // ROW // 2


def port(dut, client: str, name: str):
    return getattr(dut, f"{client}__{name}")


class Clients:
    """Drives all clients with random requests and checks every granted read."""

    def __init__(self, dut, draw, eagerness: float):
        self.dut, self.draw, self.eagerness = dut, draw, eagerness
        self.bytes = {}  # (region, offset) -> value; unknown bytes are not compared
        self.writing = {}  # bytes of the last granted writes, visible one cycle late
        self.core_writing = {}  # those of the SIMT core, which it sees at once
        self.core_lost = []  # to whom the SIMT core lost
        self.expected = []  # (due cycle, client, {byte: value})
        self.request = dict.fromkeys(CLIENTS)
        self.waits = dict.fromkeys(CLIENTS, 0)
        self.claimed: int | None = None  # region that MATMUL claims and does not read
        self.paused = False  # the SIMT core must not write in this cycle
        self.turns = {}  # (reading, region) -> last cycle in which nobody had its turn
        self.checked = 0
        self.cycle = 0

    def new_request(self, client: str):
        draw = self.draw
        region = draw.randrange(CONFIG.act_regions)
        if client in CORE:
            rows = [
                draw.choice([0, BANK_ROWS - 1, draw.randrange(BANK_ROWS)]) for _ in range(BANKS)
            ]
            if draw.random() < 0.5:  # a few hot rows
                rows = [draw.choice([0, BANK_ROWS - 1]) for _ in range(BANKS)]
                region = 0
            write, strobe = draw.random() < 0.5, draw.getrandbits(4 * BANKS)
            return {
                "region": region,
                "write": write,
                "rows": rows,
                "strobe": strobe if write else draw.getrandbits(4 * BANKS),
                "data": draw.getrandbits(32 * BANKS),
            }
        if draw.random() < 0.5:  # collisions are the point: a few hot bytes
            offset = draw.choice([0, 1, ROW - 1, ROW, SIZE - ROW])
        else:
            offset = draw.randrange(SIZE)
        data = draw.getrandbits(8 * ROW)
        mask = draw.choice([draw.getrandbits(ROW), (1 << ROW) - 1, 1])
        mask &= (1 << min(ROW, SIZE - offset)) - 1
        return {"region": region, "offset": offset, "data": data, "mask": mask}

    def bytes_of(self, client: str, request) -> list[int]:
        """Offsets of the bytes that a request reads or may write, in the order of its data."""
        if client in CORE:
            rows = enumerate(request["rows"])
            return [2 * ROW * row + 4 * bank + i for bank, row in rows for i in range(4)]
        return [request["offset"] + i for i in range(ROW)]

    def reads(self, client: str, request) -> bool:
        return client in READERS or (client in CORE and not request["write"])

    def pauses(self, client: str) -> bool:
        """Whether a client must not ask in this cycle."""
        if client not in CORE or not self.request[client]["write"]:
            return False
        return self.paused

    def drive(self, client: str) -> None:
        request = self.request[client]
        if client in CORE:
            asks = request is not None and not self.pauses(client)
            region = 1 << request["region"] if asks else 0
            port(self.dut, client, "read").value = 0 if asks and request["write"] else region
            port(self.dut, client, "write").value = region if asks and request["write"] else 0
        else:
            port(self.dut, client, "valid").value = request is not None
        if client in READERS:
            claims = None if request is None else request["region"]
            if client == "matmul":
                idle = request is None and self.draw.random() < 0.2
                self.claimed = self.draw.randrange(CONFIG.act_regions) if idle else None
                claims = self.claimed if idle else claims
            port(self.dut, client, "claim").value = 0 if claims is None else 1 << claims
        if request is None:
            return
        fields = dict(request)
        if client in CORE:
            del fields["write"]
            bits = (BANK_ROWS - 1).bit_length() or 1
            fields["rows"] = sum(row << bits * i for i, row in enumerate(request["rows"]))
        elif client in READERS:
            fields = {name: fields[name] for name in ("region", "offset")}
            rows = CONFIG.act_region_span // ROW
            fields["behind"] = (fields["offset"] // ROW + 1) % rows
        for name, value in fields.items():
            port(self.dut, client, name).value = int(value)

    def written(self, granted) -> dict[tuple[int, int], int]:
        """What granted requests write, by region and offset."""
        return {
            (at["region"], offset): at["data"] >> 8 * i & 0xFF
            for client, at in granted.items()
            if not self.reads(client, at)
            for i, offset in enumerate(self.bytes_of(client, at))
            if at["strobe" if client in CORE else "mask"] >> i & 1
        }

    async def step(self):
        dut = self.dut
        for client in CLIENTS:
            if self.request[client] is None and self.draw.random() < self.eagerness:
                self.request[client] = self.new_request(client)
            self.drive(client)
        await context.settle()

        asked = {
            c: request
            for c, request in self.request.items()
            if request is not None and not self.pauses(c)
        }
        granted = {
            c: request
            for c, request in asked.items()
            # A write of the core is always taken.
            if (c in CORE and request["write"]) or int(port(dut, c, "ready").value)
        }
        for reading in (True, False):
            wanted = [r["region"] for c, r in asked.items() if self.reads(c, r) == reading]
            got = [r["region"] for c, r in granted.items() if self.reads(c, r) == reading]
            assert len(got) == len(set(got)), "one grant a region"
            for region in set(wanted) - set(got):
                if not (reading and region == self.claimed):
                    # The turn of someone who wanted nothing.
                    last = self.turns.get((reading, region), -PATIENCE)
                    assert self.cycle - last >= PATIENCE, "nobody was granted"
                    self.turns[reading, region] = self.cycle
        assert int(dut.lost.value) == (len(asked) > len(granted))
        if "simt" in asked and "simt" not in granted:
            mine = asked["simt"]
            self.core_lost += [
                client
                for client, at in granted.items()
                if at["region"] == mine["region"]
                and self.reads(client, at) == self.reads("simt", mine)
            ]

        for client, at in granted.items():
            if self.reads(client, at):
                known = {
                    i: self.bytes[at["region"], offset]
                    for i, offset in enumerate(self.bytes_of(client, at))
                    if (at["region"], offset) in self.bytes
                    # Bytes in the write stage are not promised to a read granted next.
                    and (at["region"], offset) not in self.writing
                }
                if client in CORE:  # but the core's own to the core are
                    known |= {
                        i: self.core_writing[at["region"], offset]
                        for i, offset in enumerate(self.bytes_of(client, at))
                        if (at["region"], offset) in self.core_writing
                    }
                latency = ActSram.bank_latency if client in CORE else ActSram.read_latency
                self.expected.append((self.cycle + latency, client, known))
        self.bytes |= self.writing
        self.writing = self.written(granted)
        self.core_writing = self.written({c: at for c, at in granted.items() if c in CORE})
        self.paused = bool(CORE) and bool(int(dut.simt__pause.value))
        for client in CLIENTS:
            if client in granted:
                self.request[client] = None
            lost = self.request[client] is not None
            self.waits[client] = self.waits[client] + 1 if lost else 0
            assert self.waits[client] <= 3 * PATIENCE + 6, f"{client} starves"

        due = [item for item in self.expected if item[0] == self.cycle]
        self.expected = [item for item in self.expected if item[0] != self.cycle]
        for _, client, known in due:
            data = int(port(dut, client, "out" if client in CORE else "data").value)
            for i, value in known.items():
                assert data >> 8 * i & 0xFF == value, (context.seed, client, i)
                self.checked += 1
        self.cycle += 1
        await FallingEdge(dut.clk)


@cocotb.test()
async def random_clients(dut):
    """Every granted read returns the bytes written last; no client waits for ever."""
    await context.start(dut)
    for eagerness in (1.0, 0.5, 0.1):
        clients = Clients(dut, context.rng(f"clients {eagerness}"), eagerness)
        for _ in range(1500):
            await clients.step()
        assert clients.checked > 500
        # Only MATMUL goes before the core, but for those who have lost for too long.
        others = [client for client in clients.core_lost if client != "matmul"]
        assert len(others) * PATIENCE <= clients.cycle, others
