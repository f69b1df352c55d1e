# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Packed storage (docs/spec.md, section 8): compiled, evaluated, as an object file."""

import ctypes
import re
import shutil
import subprocess

import numpy as np
import pytest
from run_tools import run_mlir

from qfmt import packing
from qfmt.errors import UserError
from qfmt.execute import read_signature
from qfmt.tools import run_tool

# Less than a byte, whole bytes, tails, odd sizes, scalars, none at all; loops of
# 64 codes (320 in base 3) and what follows them.
SHAPES = [
    (), (0,), (0, 3), (1,), (7,), (8,), (9,), (31,), (33,), (5, 7), (3, 1, 11), (63,), (64,), (65,),
    (8, 16), (2, 3, 33), (320,), (643,), (7, 101),
]  # fmt: skip

ENGINES = ["jit", "reference"]


def random_codes(shape, width, seed=0):
    return np.random.default_rng(seed).integers(0, 1 << width, shape).astype(np.uint8)


def tensor(shape, element) -> str:
    return f"tensor<{''.join(f'{size}x' for size in shape)}{element}>"


def sized(array: np.ndarray, width: int) -> np.ndarray:
    """Codes as the signless integers that qfmt-run takes."""
    return array.astype(bool) if width == 1 else array


def test_numpy_packing_by_hand():
    assert packing.pack(np.array([[1, -1], [0, 7]]), 4).tolist() == [0xF1, 0x70]
    assert packing.pack(np.array([1, 2, 7]), 3).tolist() == [0b11010001, 0b1]
    digits = np.array([1, 0, -1, 0, 1, -1])
    byte = 2 * 81 + 1 * 27 + 0 * 9 + 1 * 3 + 2
    assert packing.pack(digits, 2, base3=True).tolist() == [byte, 0]
    assert packing.unpack(np.array([byte, 0]), (6,), 2, base3=True).tolist() == digits.tolist()
    with pytest.raises(UserError, match="digits -1, 0 and 1"):
        packing.pack(np.array([2]), 2, base3=True)
    with pytest.raises(UserError, match="take 2 bytes, found 1"):
        packing.unpack(np.zeros(1), (3,), 4)


@pytest.mark.parametrize("width", range(1, 9))
def test_numpy_packing_is_one_number(width):
    """The bytes are one little-endian number, a code each `width` bits."""
    codes = random_codes((77,), width)
    number = sum(int(code) << (width * i) for i, code in enumerate(codes))
    data = packing.pack(codes, width)
    assert data.tobytes() == number.to_bytes(len(data), "little")
    assert packing.unpack(data, (77,), width, signed=False).tolist() == codes.tolist()


def pack_and_unpack(width: int, attribute: str, sizes: list[int]) -> str:
    """@main packs one tensor of each shape and unpacks another."""
    codes = [tensor(shape, f"i{width}") for shape in SHAPES]
    data = [tensor((size,), "i8") for size in sizes]
    arguments = [f"%c{i}: {t}" for i, t in enumerate(codes)]
    arguments += [f"%b{i}: {t}" for i, t in enumerate(data)]
    lines, results = [], []
    for i, (c, b) in enumerate(zip(codes, data)):
        lines.append(f"  %p{i} = qfmt.pack %c{i} {attribute}: {c} to {b}")
        lines.append(f"  %u{i} = qfmt.unpack %b{i} {attribute}: {b} to {c}")
    results = [f"%p{i}" for i in range(len(codes))] + [f"%u{i}" for i in range(len(codes))]
    types = ", ".join(data + codes)
    return (
        f"func.func @main({', '.join(arguments)}) -> ({types}) {{\n"
        + "\n".join(lines)
        + f"\n  return {', '.join(results)} : {types}\n}}\n"
    )


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("width", range(1, 9))
def test_bits(tmp_path, width, engine):
    codes = [random_codes(shape, width, seed) for seed, shape in enumerate(SHAPES)]
    data = [packing.pack(c, width) for c in codes]
    # Bits after the last code are ignored.
    dirty = [d.copy() for d in data]
    for d, c in zip(dirty, codes):
        if spare := d.size * 8 - c.size * width:
            d[-1] |= 0xFF << (8 - spare) & 0xFF
    path = tmp_path / "pack.mlir"
    path.write_text(pack_and_unpack(width, "", [d.size for d in data]))
    inputs = [sized(c, width) for c in codes] + [d.view(np.int8) for d in dirty]
    found = run_mlir(path, inputs, 2 * len(SHAPES), f"--engine={engine}")
    for shape, c, d, packed, unpacked in zip(
        SHAPES, codes, data, found[: len(SHAPES)], found[len(SHAPES) :]
    ):
        assert packed.view(np.uint8).tolist() == d.tolist(), shape
        mask = (1 << width) - 1
        assert unpacked.shape == shape
        assert (unpacked.astype(np.int64) & mask).tolist() == c.tolist(), shape


@pytest.mark.parametrize("engine", ENGINES)
def test_base3(tmp_path, engine):
    rng = np.random.default_rng(3)
    # -2 packs as -1.
    codes = [rng.integers(-2, 2, shape).astype(np.int8) for shape in SHAPES]
    sizes = [packing.packed_size(c.size, 2, base3=True) for c in codes]
    # Every byte has a meaning.
    data = [(np.arange(size) * 7 % 256).astype(np.uint8) for size in sizes]
    path = tmp_path / "pack.mlir"
    path.write_text(pack_and_unpack(2, "packing = base3 ", sizes))
    inputs = codes + [d.view(np.int8) for d in data]
    found = run_mlir(path, inputs, 2 * len(SHAPES), f"--engine={engine}")
    for shape, c, d, packed, unpacked in zip(
        SHAPES, codes, data, found[: len(SHAPES)], found[len(SHAPES) :]
    ):
        expected = packing.pack(np.maximum(c, -1), 2, base3=True)
        assert packed.view(np.uint8).tolist() == expected.tolist(), shape
        expected = packing.unpack(d, shape, 2, base3=True)
        assert unpacked.tolist() == expected.tolist(), shape


def test_base3_every_byte(tmp_path):
    path = tmp_path / "unpack.mlir"
    path.write_text("""
func.func @main(%b: tensor<256xi8>) -> tensor<1280xi2> {
  %c = qfmt.unpack %b packing = base3 : tensor<256xi8> to tensor<1280xi2>
  return %c : tensor<1280xi2>
}""")
    data = np.arange(256).astype(np.uint8)
    for engine in ENGINES:
        (found,) = run_mlir(path, [data.view(np.int8)], 1, f"--engine={engine}")
        expected = packing.unpack(data, (1280,), 2, base3=True)
        assert found.tolist() == expected.tolist(), engine


# What one function writes, another one reads: (format, width of a code).
FORMATS = [
    ("ui1", 1), ("i2", 2), ("ui2", 2), ("!qfmt.ternary", 2), ("!qfmt.int<i2, -1, 1>", 2), ("i3", 3),
    ("!qfmt.codebook<[-3.0, -1.0, 0.0, 0.5, 2.0]>", 3), ("i4", 4), ("ui4", 4), ("f4E2M1FN", 4), ("ui5", 5),
    ("f6E3M2FN", 6), ("f6E2M3FN", 6), ("!qfmt.float<3, 3>", 7), ("i7", 7), ("i8", 8), ("f8E4M3FN", 8),
]  # fmt: skip
WRITTEN = [(1,), (9,), (5, 7), (2, 3, 33)]


def writer_and_reader(format_: str) -> tuple[str, str]:
    """Modules with a @main that quantizes to the format, and one that reads it.

    Rows have scales of their own: another constituent between the packed ones.
    """
    writes, reads = [], []
    for i, shape in enumerate(WRITTEN):
        block = ", ".join(["1"] * (len(shape) - 1) + ["*"])
        real = tensor(shape, "f32")
        encoded = tensor(shape, f"f32, #qfmt.scaled<{format_}, block = [{block}], scale = f32>")
        writes.append((f"%x{i}", real, encoded, "quantize"))
        reads.append((f"%x{i}", encoded, real, "dequantize"))

    def module(entries) -> str:
        arguments = ", ".join(f"{name}: {source}" for name, source, _, _ in entries)
        types = ", ".join(target for _, _, target, _ in entries)
        body = "\n".join(
            f"  %r{i} = qfmt.{op} {name} : {source} to {target}"
            for i, (name, source, target, op) in enumerate(entries)
        )
        results = ", ".join(f"%r{i}" for i in range(len(entries)))
        return (
            f"func.func @main({arguments}) -> ({types}) {{\n{body}\n"
            f"  return {results} : {types}\n}}\n"
        )

    return module(writes), module(reads)


def pack_boundaries(path, target):
    text = run_tool("qfmt-opt", path, "--qfmt-pack-storage=boundaries", "-o", target)
    assert text == b""
    return target


@pytest.fixture(scope="module")
def reals():
    rng = np.random.default_rng(11)
    return [rng.normal(size=shape).astype(np.float32) for shape in WRITTEN]


@pytest.fixture
def written(tmp_path):
    """Writes the modules of a format: plain and packed writer, plain and packed reader."""

    def write(format_: str):
        paths = []
        for name, text in zip(["write", "read"], writer_and_reader(format_)):
            plain = tmp_path / f"{name}.mlir"
            plain.write_text(text)
            paths += [plain, pack_boundaries(plain, tmp_path / f"{name}-packed.mlir")]
        return paths

    return write


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("format_, width", FORMATS)
def test_written_and_read(written, reals, format_, width, engine):
    write, write_packed, read, read_packed = written(format_)
    option = f"--engine={engine}"
    count = 2 * len(WRITTEN)
    plain = run_mlir(write, reals, count, option)
    packed = run_mlir(write_packed, reals, count, option)
    base3 = format_ == "!qfmt.ternary"
    for shape, codes, scales, data, scales_packed in zip(
        WRITTEN, plain[::2], plain[1::2], packed[::2], packed[1::2]
    ):
        if width == 8:
            assert data.tobytes() == codes.tobytes()
        else:
            assert data.dtype == np.uint8
            signed = codes.view(np.int8) if base3 else codes
            if base3:
                signed = (signed.astype(np.int8) << 6) >> 6
            expected = packing.pack(signed, width, base3=base3)
            assert data.tolist() == expected.tolist(), shape
        assert scales.tobytes() == scales_packed.tobytes()
    expected = run_mlir(read, plain, len(WRITTEN), option)
    found = run_mlir(read_packed, packed, len(WRITTEN), option)
    for a, b in zip(expected, found):
        assert a.tobytes() == b.tobytes()
        assert np.isfinite(b).all()
    # Not all zeros: something was read.
    assert any(np.count_nonzero(b) for b in found)


@pytest.mark.parametrize("engine", ENGINES)
def test_every_constituent_is_packed(tmp_path, engine):
    """BitMoD has codes of 3 bits and a selector of 2 a group; scales are of 8 and 16."""
    encoded = """tensor<5x200xf32, #qfmt.select<[!qfmt.float<2, 0, negative_zero = 3.0>,
      !qfmt.float<2, 0, negative_zero = -3.0>, !qfmt.float<2, 0, negative_zero = 6.0>,
      !qfmt.float<2, 0, negative_zero = -6.0>],
      block = [1, 128], scale = #qfmt.scaled<ui8, block = [1, *], scale = f16>>>"""
    plain = tmp_path / "plain.mlir"
    plain.write_text(f"""
func.func @main(%x: tensor<5x200xf32>) -> {encoded} {{
  %q = qfmt.quantize %x : tensor<5x200xf32> to {encoded}
  return %q : {encoded}
}}
func.func @read(%q: {encoded}) -> tensor<5x200xf32> {{
  %x = qfmt.dequantize %q : {encoded} to tensor<5x200xf32>
  return %x : tensor<5x200xf32>
}}""")
    packed = pack_boundaries(plain, tmp_path / "packed.mlir")
    x = np.random.default_rng(17).normal(size=(5, 200)).astype(np.float32)
    option = f"--engine={engine}"
    codes, scales, channels, selectors = run_mlir(plain, [x], 4, option)
    parts = run_mlir(packed, [x], 4, option)
    assert parts[0].tolist() == packing.pack(codes, 3).tolist()
    assert parts[3].tolist() == packing.pack(selectors, 2).tolist()
    assert (parts[1].tobytes(), parts[2].tobytes()) == (scales.tobytes(), channels.tobytes())
    (expected,) = run_mlir(plain, [codes, scales, channels, selectors], 1, option, "--entry=read")
    (found,) = run_mlir(packed, parts, 1, option, "--entry=read")
    assert found.tobytes() == expected.tobytes() and np.count_nonzero(found)


def load_object(path, entry="main"):
    """The function of a module as ctypes sees it in a shared library."""
    compiler = shutil.which("clang-22") or shutil.which("cc")
    if not compiler:
        pytest.skip("no C compiler")
    run_tool("qfmt-run", path, f"--entry={entry}", "--emit=object", "-o", path.with_suffix(".o"))
    library = path.with_suffix(".so")
    subprocess.run([compiler, "-shared", "-o", library, path.with_suffix(".o"), "-lm"], check=True)
    function = getattr(ctypes.CDLL(str(library)), f"qfmt_{entry}")
    return function, path.with_suffix(".h").read_text()


def call(function, path, inputs):
    """The results of the C function, in buffers as large as the signature says."""
    outputs = [np.full(b.shape, 0x55, b.dtype) for b in read_signature(path, "main").outputs]
    buffers = [np.ascontiguousarray(a) for a in inputs] + outputs
    assert function(*(ctypes.c_void_p(b.ctypes.data) for b in buffers)) == 0
    return outputs


@pytest.mark.parametrize("format_, width", [("i3", 3), ("ui4", 4), ("!qfmt.ternary", 2), ("f6E2M3FN", 6)])
def test_object_files(written, reals, format_, width):
    """Two object files pass packed bytes to each other."""
    write, write_packed, read, read_packed = written(format_)
    writer, _ = load_object(write_packed)
    reader, header = load_object(read_packed)
    packed = call(writer, write_packed, reals)
    expected = run_mlir(write_packed, reals, len(packed), "--engine=reference")
    assert [p.tobytes() for p in packed] == [e.tobytes() for e in expected]
    found = call(reader, read_packed, packed)
    expected = run_mlir(read, run_mlir(write, reals, len(packed)), len(WRITTEN))
    assert [f.tobytes() for f in found] == [e.tobytes() for e in expected]
    assert f"bytes, packed 5 x 7 x {format_}, " in header
    assert "const uint8_t *input0_payload" in header or "const uint8_t *input0" in header


@pytest.mark.parametrize("format_, width", [("i3", 3), ("ui4", 4), ("!qfmt.float<3, 3>", 7)])
def test_object_files_extend_plain_codes(written, reals, format_, width):
    """What has a byte of its own is extended as the signature says, in C, too."""
    write, _, _, _ = written(format_)
    writer, _ = load_object(write)
    found = call(writer, write, reals)
    expected = run_mlir(write, reals, len(found))
    assert [f.tobytes() for f in found] == [e.tobytes() for e in expected]


def constant_bytes(path) -> int:
    code = run_tool("qfmt-run", path, "--emit=llvm", "-o", "-").decode()
    found = re.search(r"@qfmt_weights = .*\[(\d+) x i8\]", code)
    return int(found.group(1)) if found else 0


@pytest.mark.parametrize("width", [2, 3, 4, 5, 7])
def test_constants_take_packed_bytes(tmp_path, width):
    """64 x 100 codes and nothing else are the weights; and they are right."""
    codes = packing.unpack(packing.pack(random_codes((64, 100), width), width), (64, 100), width)
    path = tmp_path / "constant.mlir"
    path.write_text(f"""
func.func @main(%x: tensor<64x100xi32>) -> tensor<64x100xi32> {{
  %w = arith.constant dense<{codes.tolist()}> : tensor<64x100xi{width}>
  %e = arith.extsi %w : tensor<64x100xi{width}> to tensor<64x100xi32>
  %y = arith.addi %x, %e : tensor<64x100xi32>
  return %y : tensor<64x100xi32>
}}""")
    # The blob ends at a multiple of 64.
    assert constant_bytes(path) == -(-64 * 100 * width // 8 // 64) * 64
    x = np.arange(6400, dtype=np.int32).reshape(64, 100)
    for engine in ENGINES:
        (found,) = run_mlir(path, [x], 1, f"--engine={engine}")
        assert (found == x + codes).all(), engine
    # The packed module says the same, and comes apart again.
    packed = tmp_path / "packed.mlirbc"
    run_tool("qfmt-opt", path, "--qfmt-pack-storage", "--emit-bytecode", "-o", packed)
    assert packed.stat().st_size < 64 * 100 * width // 8 + 1500
    unpacked = tmp_path / "unpacked.mlir"
    run_tool("qfmt-opt", packed, "--qfmt-unpack-constants", "-o", unpacked)
    assert ": tensor<64x100xi%d>" % width in unpacked.read_text()
    for other in [packed, unpacked]:
        for engine in ENGINES:
            (found,) = run_mlir(other, [x], 1, f"--engine={engine}")
            assert (found == x + codes).all(), (other, engine)


def test_ternary_constants_take_a_fifth(tmp_path):
    digits = np.random.default_rng(5).integers(-1, 2, (16, 60))
    path = tmp_path / "ternary.mlir"
    encoded = "tensor<16x60xf32, #qfmt.scaled<!qfmt.ternary, scale = 0.5>>"
    path.write_text(f"""
func.func @main() -> tensor<16x60xf32> {{
  %c = arith.constant dense<{digits.tolist()}> : tensor<16x60xi2>
  %w = qfmt.assemble %c : tensor<16x60xi2> to {encoded}
  %y = qfmt.dequantize %w : {encoded} to tensor<16x60xf32>
  return %y : tensor<16x60xf32>
}}""")
    assert constant_bytes(path) == 192
    for engine in ENGINES:
        (found,) = run_mlir(path, [], 1, f"--engine={engine}")
        assert (found == digits * 0.5).all()


def test_signature(written):
    _, _, _, read_packed = written("ui4")
    inputs = read_signature(read_packed, "main").inputs
    assert (inputs[4].dtype, inputs[4].shape) == (np.dtype("u1"), (18,))
    assert inputs[4].packed == ("ui4", (5, 7))
    assert inputs[5].packed is None


def test_signature_of_constituents_that_stay(tmp_path):
    """Bytes that are no packed codes keep shape and format beside those that are."""
    kind = "tensor<4x8xf32, #qfmt.scaled<ui8, block = [1, 4], scale = f16, zero_point = ui4>>"
    plain, packed = tmp_path / "plain.mlir", tmp_path / "packed.mlir"
    plain.write_text(f'func.func @main(%w: {kind} {{qfmt.name = "w"}}) -> {kind} {{ return %w : {kind} }}')
    packed.write_bytes(run_tool("qfmt-opt", plain, "--qfmt-pack-storage=boundaries"))
    before, after = read_signature(plain, "main"), read_signature(packed, "main")
    for old, new in [(before.inputs, after.inputs), (before.outputs, after.outputs)]:
        assert [b.dtype for b in new] == [b.dtype for b in old] == [np.dtype(t) for t in ("u1", "f2", "u1")]
        assert [b.shape for b in old] == [(4, 8), (4, 2), (4, 2)]
        assert [b.shape for b in new] == [(4, 8), (4, 2), (4,)]
    assert [b.name for b in after.inputs] == ["w", "w.scale", "w.zero_point"]
