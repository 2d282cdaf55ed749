"""Kernels in C: compiled, checked against their signature, run on the simulator."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest

from weft.arch.isa import INSTRUCTIONS, Extension, Unit, decode
from weft.arch.simt import CONTROL_REGISTERS, Core, Launch
from weft_driver import kernel_toolchain, kernels
from weft_driver.kernel_header import c_header
from weft_driver.kernels import CompileError, KernelFile, kernel_address, load_kernels

from .assembler import Machine

ROOT = Path(__file__).parents[2]
CODE, DATA, PRIVATE_BASE = 0x1000, 0x8000, 0x30000

ziglang = pytest.importorskip("ziglang", reason="extra simt is missing: ziglang")


@pytest.fixture(autouse=True)
def build(tmp_path_factory, monkeypatch):
    """A cache of this run's own, shared by its tests."""
    monkeypatch.setenv("WEFT_BUILD", str(tmp_path_factory.getbasetemp() / "kernels"))


@pytest.fixture
def compiled(tmp_path):
    """``compiled(text)`` is a kernel file of this text."""

    def compile_text(text: str, *defines: str) -> KernelFile:
        path = tmp_path / "kernel.c"
        path.write_text(f'#include "weft.h"\n{text}')
        return load_kernels(path, defines)

    return compile_text


def run(file: KernelFile, name: str, values, core: Core | None = None, data=None, **launch):
    """Run a kernel; ``data`` is placed at DATA."""
    machine = Machine(core or Core(lanes=8, warps=4), memory_bytes=1 << 19)
    if data is not None:
        machine.load(np.ascontiguousarray(data).tobytes(), DATA)
    machine.load(file.image(CODE), CODE)
    machine.retired.clear()
    fields = {
        "private": 256,
        "private_base": PRIVATE_BASE,
        "arguments": file[name].words(values),
        **launch,
    }
    machine.counters = machine.simulator.run(
        Launch(entry=CODE + file[name].entry, **fields), limit=1_000_000
    )
    return machine


SAXPY = """
WEFT_KERNEL void saxpy(int n, float a, const float *x, float *y)
{
    for (int i = weft_global_x(); i < n; i += weft_global_dim_x())
        y[i] = a * x[i] + y[i];
}
"""


@pytest.mark.parametrize("n", [1, 63, 66, 67, 1000])
@pytest.mark.parametrize(("lanes", "warps"), [(1, 1), (8, 4)])
def test_saxpy(compiled, n, lanes, warps):
    rng = np.random.default_rng(n)
    x, y = rng.standard_normal((2, n)).astype(np.float32)
    address = kernel_address(DATA)
    machine = run(
        compiled(SAXPY),
        "saxpy",
        [n, 1.5, address, address + 4 * n],
        Core(lanes=lanes, warps=warps),
        np.stack([x, y]),
        block=(lanes * warps, 1, 1),
        grid=(3, 1, 1),
    )
    out = machine.words(DATA + 4 * n, n).view(np.float32)
    assert np.array_equal(out, np.float32(1.5) * x + y)


def test_threads_meet(compiled):
    """A sum over a block: shuffles in a warp, shared memory and a barrier between warps."""
    file = compiled("""
        static int warp_sum(int value)
        {
            if (weft_lanes() > 1) value += weft_shfl_xor(value, 1);
            if (weft_lanes() > 2) value += weft_shfl_xor(value, 2);
            if (weft_lanes() > 4) value += weft_shfl_xor(value, 4);
            return value;
        }
        WEFT_KERNEL void sum(int n, const int *x, int *y)
        {
            int *partial = weft_shared(), total = 0;
            for (int i = weft_thread(); i < n; i += weft_block_dim_x())
                total += x[i];
            total = warp_sum(total);
            if (weft_lane() == 0)
                partial[weft_thread() / weft_lanes()] = total;
            weft_bar();
            if (weft_thread() == 0) {
                unsigned warps = (weft_block_dim_x() + weft_lanes() - 1) / weft_lanes();
                for (unsigned w = 1; w < warps; w++)
                    total += partial[w];
                y[weft_block_x()] = total;
            }
        }
    """)
    x = np.random.default_rng(1).integers(-1000, 1000, 500, np.int32)
    for lanes, warps in ((1, 1), (2, 4), (8, 4)):
        machine = run(
            file,
            "sum",
            [len(x), kernel_address(DATA), kernel_address(DATA + 4096)],
            Core(lanes=lanes, warps=warps),
            x,
            block=(lanes * warps, 1, 1),
            grid=(2, 1, 1),
            shared=64,
        )
        assert machine.words(DATA + 4096, 2).view(np.int32).tolist() == [x.sum()] * 2


def test_atomics_count(compiled):
    file = compiled("""
        WEFT_KERNEL void histogram(int n, const uint8_t *x, int *y)
        {
            int *count = weft_shared();
            for (int i = weft_thread(); i < 16; i += weft_block_dim_x()) count[i] = 0;
            weft_bar();
            for (int i = weft_thread(); i < n; i += weft_block_dim_x())
                weft_amoadd(&count[x[i] & 15], 1);
            weft_bar();
            for (int i = weft_thread(); i < 16; i += weft_block_dim_x()) y[i] = count[i];
        }
    """)
    x = np.random.default_rng(2).integers(0, 256, 999, np.uint8)
    address = kernel_address(DATA)
    machine = run(
        file, "histogram", [len(x), address, address + 1024], None, x, block=(30, 1, 1), shared=64
    )
    assert np.array_equal(machine.words(DATA + 1024, 16), np.bincount(x & 15, minlength=16))


def test_globals_pointers_and_copies(compiled):
    """Addresses in data are relocated; copies of structs call memcpy; the stack is private."""
    file = compiled("""
        struct big { int word[40]; };
        static struct big source = {{1, 2, 3}};
        static const char *const names[2] = {"weft", "warp"};
        int counter[2];
        WEFT_KERNEL void copy(struct big *out, int pick)
        {
            struct big own = source;
            own.word[3 + pick] = names[pick][1];
            own.word[39] = weft_thread();
            out[weft_thread()] = own;
            if (weft_thread() == 0) counter[1] += 7;
            out[weft_thread()].word[38] = &counter[1] != 0;
        }
    """)
    machine = run(file, "copy", [kernel_address(DATA), 1], None, None, block=(10, 1, 1))
    out = machine.words(DATA, 400).reshape(10, 40)
    assert out[:, :5].tolist() == [[1, 2, 3, 0, ord("a")]] * 10
    assert out[:, 39].tolist() == list(range(10))
    assert (out[:, 38] == 1).all()


def test_rounding_and_roots_are_instructions(compiled):
    file = compiled("""
        WEFT_KERNEL void f(const float *x, float *y)
        {
            int i = weft_thread();
            float v = x[i];
            y[5 * i] = __builtin_floorf(v);
            y[5 * i + 1] = __builtin_sqrtf(__builtin_fabsf(v));
            y[5 * i + 2] = __builtin_fmaxf(v, 0) / 3;
            y[5 * i + 3] = (int)v;
            y[5 * i + 4] = __builtin_roundf(v);
        }
    """)
    x = np.array([-2.5, -0.25, 0.0, 1.5, 7.75, 1e10, 123456.7, -3.0], np.float32)
    machine = run(
        file, "f", [kernel_address(DATA), kernel_address(DATA + 64)], None, x, block=(8, 1, 1)
    )
    y = machine.words(DATA + 64, 40).view(np.float32).reshape(8, 5)
    assert np.array_equal(y[:, 0], np.floor(x))
    assert np.array_equal(y[:, 1], np.sqrt(np.abs(x)))
    assert np.array_equal(y[:, 2], np.maximum(x, 0) / np.float32(3))
    assert np.array_equal(y[:, 3], np.trunc(np.minimum(x, 2.0**31)))
    away = np.copysign(np.floor(np.abs(x) + np.float32(0.5)), x)
    assert np.array_equal(y[:, 4], away)


@pytest.mark.parametrize("lanes", [1, 8])
def test_spin_lock_in_c(compiled, lanes):
    file = compiled("""
        WEFT_KERNEL void add(int *y)
        {
            volatile int *lock = weft_shared(), *sum = lock + 1;
            while (weft_amomax(lock, 1)) {}
            *sum += 3;
            *lock = 0;
            weft_bar();
            y[0] = *sum;
        }
        WEFT_KERNEL void clear(void)
        {
            ((volatile int *)weft_shared())[0] = 0;
            ((volatile int *)weft_shared())[1] = 0;
        }
    """)
    machine = run(file, "clear", [], Core(lanes=lanes, warps=2, starvation=50), shared=16)
    machine.simulator.run(
        Launch(
            entry=CODE + file["add"].entry,
            arguments=file["add"].words([kernel_address(DATA)]),
            block=(2 * lanes, 1, 1),
            shared=16,
            private=64,
            private_base=PRIVATE_BASE,
        ),
        limit=300_000,
    )
    assert machine.words(DATA, 1) == 6 * lanes


def test_nothing_is_saved_for_a_caller(compiled):
    """A kernel that needs all registers, calls a function and has two ends touches what it says."""
    file = compiled("""
        static __attribute__((noinline)) int twice(int value)
        {
            return value + value;
        }
        WEFT_KERNEL void f(
            unsigned n, int *y, int a, int b, int c, int d, int e, const int *x)
        {
            unsigned i = weft_thread();
            if (i >= n)
                return;
            int sum = a + x[i];
            for (int k = 0; k < 3; k++)
                sum = twice(sum) + a * b + c * d + e;
            y[i] = sum + n;
        }
    """)
    x, y = kernel_address(DATA), kernel_address(DATA) + 64
    data = np.arange(32, dtype=np.int32)
    values = [11, y, 5, 6, 7, 8, 9, x]
    machine = run(file, "f", values, data=data, block=(16, 1, 1), private=64)
    wanted = 8 * (5 + data[:11]) + 7 * (5 * 6 + 7 * 8 + 9) + 11
    assert np.array_equal(machine.words(DATA + 64, 11), wanted)
    assert np.array_equal(machine.words(DATA + 64, 16)[11:], data[27:])
    assert machine.counters.memory_accesses == 2 * 2  # of each warp a load and a store
    prologue = file.prologue("f")
    assert prologue.frame >= 16
    assert prologue.size >= 4 * 4
    ends = [r for r in machine.retired if decode(r.word).instruction.unit is Unit.EXIT]
    assert {r.pc for r in ends} == {ends[0].pc}, "threads end together"


def test_a_kernel_that_returns_is_refused(compiled, monkeypatch):
    """What LLVM's assembly looks like is not ours to say: a change must not go unseen."""
    monkeypatch.setattr(kernel_toolchain, "ends_threads", lambda ir: ir)
    with pytest.raises(CompileError, match="kernel f returns to nobody"):
        compiled("WEFT_KERNEL void f(int *returned) { *returned = 41; }")


# --- the header ----------------------------------------------------------------------------------


def test_header_is_fresh():
    assert (ROOT / "sw/kernels/weft.h").read_text() == c_header(), "run `make docs`"


def test_every_intrinsic_is_the_instruction_of_its_name(compiled):
    own = [row.name for row in INSTRUCTIONS if row.extension is Extension.WEFT]
    calls = {
        "shfl.xor": "*p = weft_shfl_xor(*p, 4);",
        "exit": "weft_exit();",
        "bar": "weft_bar();",
        **{name: f"*p = weft_{name}(p, 1);" for name in ("amoadd", "amomin", "amomax")},
        "dot4": "*p = weft_dot4(*p, *p);",
    }
    text = [f"*p = weft_{register.name}();" for register in CONTROL_REGISTERS]
    text += [calls.get(name, f"*p = weft_{name.replace('.', '_')}(*p);") for name in own]
    file = compiled(
        "\n".join(f"WEFT_KERNEL void f{i}(int *p) {{ {call} }}" for i, call in enumerate(text))
    )
    code = dict(re.findall(r"\nf(\d+):\n((?:.+\n)*)", file.disassembly()))
    expected = [f"csrr a1, {register.number:#x}" for register in CONTROL_REGISTERS] + own
    assert len(code) == len(expected)
    for i, instruction in enumerate(expected):
        found = re.search(rf"  {re.escape(instruction)}(?: |$)", code[str(i)], re.MULTILINE)
        assert found, f"{instruction}: {code[str(i)]}"


# --- signatures and errors -----------------------------------------------------------------------


def test_signature(compiled):
    file = compiled("""
        typedef const float *input;
        struct s { int a; };
        WEFT_KERNEL void f(
            int n, uint8_t b, int16_t h, _Bool z, float a, input x, struct s *restrict t)
        {
            ((volatile float *)t)[n] = a + x[0] + b + h + z;
        }
    """)
    assert str(file["f"]) == (
        "f(int32 n, uint8 b, int16 h, uint8 z, float32 a, const float32 *x, void *t)"
    )
    x, t = file["f"].parameters[5:]
    x.check_array(np.dtype("float32"))
    t.check_array(np.dtype("int64"))
    with pytest.raises(TypeError, match=r"const float32 \*x: an array of int32 was given"):
        x.check_array(np.dtype("int32"))
    with pytest.raises(TypeError, match="int32 n: an array was given"):
        file["f"].parameters[0].check_array(np.dtype("int32"))
    good = [-1, 255, -32768, 1, 0.5, 16, 20]
    assert file["f"].words(good)[:4] == (0xFFFFFFFF, 255, 0xFFFF8000, 1)
    assert file["f"].words(good)[4] == 0x3F000000
    for index, value, error, message in (
        (0, 1.5, TypeError, "f: int32 n: 1.5 is not a whole number"),
        (1, 256, ValueError, "f: uint8 b: 256 does not fit: 0 to 255"),
        (2, -32769, ValueError, "does not fit: -32768 to 32767"),
        (4, "x", TypeError, "'x' is not a number"),
        (5, -4, ValueError, "does not fit: 0 to 4294967295"),
    ):
        with pytest.raises(error, match=message):
            file["f"].words([*good[:index], value, *good[index + 1 :]])
    with pytest.raises(TypeError, match="takes 7 arguments, not 2"):
        file["f"].words([1, 2])
    with pytest.raises(KeyError, match="there is no kernel 'g'; kernels: f"):
        file["g"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("WEFT_KERNEL void f(int *p) {\n  *p = q;\n}", r"kernel\.c:3:8: error: .*'q'"),
        ("void f(int *p) { *p = 1; }", "no function is marked WEFT_KERNEL"),
        (
            "WEFT_KERNEL void f(int *p) { *p = 1; }\nWEFT_KERNEL void g(int *p) { f(p + 1); }",
            "kernel f is called: it would end the thread",
        ),
        ("WEFT_KERNEL int f(void) { return 1; }", "kernel f returns a value"),
        ("WEFT_KERNEL void f(double d) { (void)d; }", "parameter d: only pointers and numbers"),
        ("struct s { int a; };\nWEFT_KERNEL void f(struct s v) { (void)v; }", "parameter v"),
        (
            "WEFT_KERNEL void f(int a,int b,int c,int d,int e,int f,int g,int h,int i) {}",
            "9 parameters: at most 8",
        ),
        ("int g(int);\nWEFT_KERNEL void f(int *p) { *p = g(*p); }", "undefined symbol: g"),
    ],
)
def test_refused(compiled, text, message):
    with pytest.raises(CompileError, match=message):
        compiled(text)


def test_missing_file_and_missing_extra(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match=r"'nothing\.c' does not exist"):
        load_kernels("nothing.c")
    path = tmp_path / "k.c"
    path.write_text(SAXPY)
    monkeypatch.setitem(sys.modules, "ziglang", None)
    with pytest.raises(ModuleNotFoundError, match=r"ziglang is missing.*weft\[simt\]"):
        load_kernels(path)


def test_the_same_text_is_compiled_once(compiled, monkeypatch):
    text = "WEFT_KERNEL void once(int *p) { *p = VALUE; }"
    first = compiled(text, "VALUE=3").image(0)
    calls = []
    real = kernels.compile_kernels
    monkeypatch.setattr(kernels, "compile_kernels", lambda *a: calls.append(a) or real(*a))
    assert compiled(text, "VALUE=3").image(0) == first
    assert not calls
    assert compiled(text, "VALUE=4").image(0) != first
    assert len(calls) == 1


def test_lines_and_functions(compiled):
    file = compiled(SAXPY)
    offsets = [offset for offset, (_, line) in file.lines.items() if line == 6]
    assert offsets
    assert {file.function_at(offset) for offset in offsets} == {"saxpy"}
    assert "; kernel.c:6" in file.disassembly()
    assert "weft_entry.saxpy:" in file.disassembly()


def test_no_multiply_add_is_made(compiled):
    assert not re.search(r"\bfn?m(add|sub)\.s", compiled(SAXPY).disassembly())
