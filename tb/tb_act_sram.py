"""Bench of the activation SRAM: random clients at once, against a byte array."""

import cocotb
import context
from cocotb.triggers import FallingEdge

from weft.gateware.act_sram import PATIENCE, ActSram

CONFIG = context.config
ROW = CONFIG.act_row_bytes
SIZE = CONFIG.act_region_bytes
READERS, WRITERS = ("matmul", "store"), ("drain", "load")


def port(dut, client: str, name: str):
    return getattr(dut, f"{client}__{name}")


class Clients:
    """Drives all clients with random requests and checks every granted read."""

    def __init__(self, dut, draw, eagerness: float):
        self.dut, self.draw, self.eagerness = dut, draw, eagerness
        self.bytes = {}  # (region, offset) -> value; unknown bytes are not compared
        self.writing = []  # byte updates of the last granted writes, visible one cycle late
        self.expected = []  # (due cycle, client, {byte: value})
        self.request = dict.fromkeys(READERS + WRITERS)
        self.waits = dict.fromkeys(READERS + WRITERS, 0)
        self.checked = 0
        self.cycle = 0

    def new_request(self, client: str):
        draw = self.draw
        region = draw.randrange(CONFIG.act_regions)
        if draw.random() < 0.5:  # collisions are the point: a few hot bytes
            offset = draw.choice([0, 1, ROW - 1, ROW, SIZE - ROW])
        else:
            offset = draw.randrange(SIZE)
        data = draw.getrandbits(8 * ROW)
        mask = draw.choice([draw.getrandbits(ROW), (1 << ROW) - 1, 1])
        mask &= (1 << min(ROW, SIZE - offset)) - 1
        return {"region": region, "offset": offset, "data": data, "mask": mask}

    async def step(self):
        dut = self.dut
        for client in READERS + WRITERS:
            if self.request[client] is None and self.draw.random() < self.eagerness:
                self.request[client] = self.new_request(client)
            request = self.request[client]
            port(dut, client, "valid").value = request is not None
            if request is not None:
                fields = ("region", "offset") + (("data", "mask") if client in WRITERS else ())
                for name in fields:
                    port(dut, client, name).value = request[name]
        await context.settle()

        granted = {
            client: self.request[client]
            for client in READERS + WRITERS
            if self.request[client] is not None and int(port(dut, client, "ready").value)
        }
        for clients in (READERS, WRITERS):
            wanted = [self.request[c]["region"] for c in clients if self.request[c] is not None]
            got = [granted[c]["region"] for c in clients if c in granted]
            assert sorted(set(wanted)) == sorted(got), "one grant a region and cycle"
        losing = any(self.request[c] is not None and c not in granted for c in READERS + WRITERS)
        assert int(dut.lost.value) == losing

        for client in READERS:
            if client in granted:
                at = granted[client]
                known = {
                    i: self.bytes[at["region"], at["offset"] + i]
                    for i in range(ROW)
                    if (at["region"], at["offset"] + i) in self.bytes
                }
                # Bytes in the write stage are not promised to a read granted next.
                for region, offset, _ in self.writing:
                    if region == at["region"]:
                        known.pop(offset - at["offset"], None)
                self.expected.append((self.cycle + ActSram.read_latency, client, known))
        for region, offset, value in self.writing:
            self.bytes[region, offset] = value
        self.writing = [
            (granted[c]["region"], granted[c]["offset"] + i, granted[c]["data"] >> 8 * i & 0xFF)
            for c in WRITERS
            if c in granted
            for i in range(ROW)
            if granted[c]["mask"] >> i & 1
        ]
        for client in READERS + WRITERS:
            if client in granted:
                self.request[client] = None
            lost = self.request[client] is not None
            self.waits[client] = self.waits[client] + 1 if lost else 0
            assert self.waits[client] <= 2 * PATIENCE + 2, f"{client} starves"

        while self.expected and self.expected[0][0] == self.cycle:
            _, client, known = self.expected.pop(0)
            data = int(port(dut, client, "data").value)
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
