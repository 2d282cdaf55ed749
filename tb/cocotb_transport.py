"""The driver's transport over cocotb: AXI models on the chip's pins."""

import itertools
import random

from cocotb.task import resume
from cocotb.triggers import RisingEdge
from cocotbext.axi import AxiBus, AxiLiteBus, AxiLiteMaster, AxiRam, AxiResp

from weft.config import Config


def pauses(rng: random.Random, rate: float):
    """An endless pattern for a channel that rests in a share ``rate`` of the cycles."""
    return (rng.random() < rate for _ in itertools.count())


class Abandoned(Exception):
    """The bench stopped waiting for an interrupt on purpose."""


class CocotbTransport:
    """A chip in a cocotb bench, for driver code that runs under `cocotb.bridge`.

    Parameters
    ----------
    dut, config
        The chip and its configuration.
    rng, stall
        Random source, and the share of cycles in which each channel rests.
    """

    timed = True
    timing = None
    url = "cocotb:"

    def __init__(self, dut, config: Config, rng: random.Random, stall: float, size: int = 1 << 18):
        self.dut, self.config, self.memory_bytes = dut, config, size
        self.ram = AxiRam(AxiBus.from_prefix(dut, "m_axi_"), dut.clk, dut.rst, size=size)
        self.host = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axil_"), dut.clk, dut.rst)
        self.abandon_after = None  # cycles after which waiting for an interrupt is given up
        self.bad = None  # (first, last) byte of a range that answers with an error
        for half in (self.ram.write_if, self.ram.read_if):
            half.log.setLevel("WARNING")
        for half in (self.host.write_if, self.host.read_if):
            half.log.setLevel("WARNING")
        if stall:
            channels = (
                self.ram.write_if.aw_channel,
                self.ram.write_if.w_channel,
                self.ram.write_if.b_channel,
                self.ram.read_if.ar_channel,
                self.ram.read_if.r_channel,
                self.host.write_if.aw_channel,
                self.host.write_if.w_channel,
                self.host.write_if.b_channel,
                self.host.read_if.ar_channel,
                self.host.read_if.r_channel,
            )
            for channel in channels:
                channel.set_pause_generator(pauses(rng, stall))
        self._hook("write_if", "b_channel", "bresp", "_write")
        self._hook("read_if", "r_channel", "rresp", "_read")

    def _hook(self, half_name: str, channel_name: str, field: str, access: str) -> None:
        """Answer accesses to `bad` with SLVERR instead of OKAY."""
        half = getattr(self.ram, half_name)
        channel = getattr(half, channel_name)
        touched: list[bool] = []
        plain_access, plain_send = getattr(half, access), channel.send

        async def watched(address, *rest):
            size = rest[0] if access == "_read" else len(rest[0])
            if self.bad and address <= self.bad[1] and address + size > self.bad[0]:
                touched.append(True)
            return await plain_access(address, *rest)

        async def send(item):
            if touched:
                touched.clear()
                setattr(item, field, AxiResp.SLVERR)
            await plain_send(item)

        setattr(half, access, watched)
        channel.send = send

    def read(self, address: int, size: int) -> bytes:
        return self.ram.read(address, size)

    def write(self, address: int, data) -> None:
        self.ram.write(address, bytes(data))

    def read_register(self, offset: int) -> int:
        return resume(self._read_register)(offset)

    def write_register(self, offset: int, value: int) -> None:
        resume(self._write_register)(offset, value)

    def wait_irq(self, timeout_cycles: int | None = None) -> None:
        resume(self._wait_irq)(timeout_cycles or 200_000)

    def close(self) -> None:
        pass

    async def _read_register(self, offset: int) -> int:
        return await self.host.read_dword(offset)

    async def _write_register(self, offset: int, value: int) -> None:
        response = await self.host.write(offset, value.to_bytes(4, "little"))
        if response.resp != AxiResp.OKAY:
            raise RuntimeError(f"register {offset:#x} answered {response.resp!r}")

    async def _wait_irq(self, limit: int) -> None:
        for cycle in range(limit):
            if cycle == self.abandon_after:
                raise Abandoned
            if int(self.dut.irq.value):
                return
            await RisingEdge(self.dut.clk)
        raise TimeoutError(f"no interrupt within {limit:,} cycles")
