"""Addresses in device memory: never shared, always given back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.arch.layouts import DRAM_ALIGN, ceil_div
from weft_driver.memory import MemoryAllocator

from .conftest import examples

SIZE = 64 * DRAM_ALIGN


@examples(100, 5000)
@given(st.lists(st.integers(0, 9 * DRAM_ALIGN) | st.just(-1), max_size=60), st.randoms())
def test_any_order_of_taking_and_giving(requests, random):
    """A negative request gives one buffer back, any."""
    allocator = MemoryAllocator(SIZE)
    held: dict[int, int] = {}
    for size in requests:
        if size < 0 and held:
            address = random.choice(sorted(held))
            allocator.give(address)
            del held[address]
        elif size >= 0:
            try:
                address = allocator.take(size)
            except MemoryError:
                continue
            assert address % DRAM_ALIGN == 0
            assert 0 <= address <= SIZE - size
            ends = {other: other + max(held[other], 1) for other in held}
            assert all(address >= ends[o] or address + max(size, 1) <= o for o in held)
            held[address] = size
        blocks = sum(ceil_div(max(size, 1), DRAM_ALIGN) for size in held.values())
        assert allocator.used == blocks * DRAM_ALIGN
    for address in held:
        allocator.give(address)
    assert allocator.used == 0
    assert allocator.take(SIZE) == 0  # all in one piece again


def test_freed_space_is_used_first():
    allocator = MemoryAllocator(SIZE)
    first, _ = allocator.take(DRAM_ALIGN), allocator.take(1)
    allocator.give(first)
    assert allocator.take(2 * DRAM_ALIGN) == 2 * DRAM_ALIGN
    assert allocator.take(DRAM_ALIGN) == first


def test_what_is_full_says_so():
    allocator = MemoryAllocator(SIZE)
    allocator.take(SIZE - DRAM_ALIGN)
    with pytest.raises(
        MemoryError, match=r"500 bytes asked for, 256 of 16,384 free.*delete tensors"
    ):
        allocator.take(500)
    assert allocator.used == SIZE - DRAM_ALIGN
