# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compiled code of quantize, dequantize and convert against the reference evaluator, bit for bit.

Both engines of qfmt-run get the same module: the reference evaluates the operations themselves, in exact arithmetic,
the JIT what qfmt-decompose makes of them. NaNs are compared as NaNs; everything else by its bits, signs of zeros too.
"""

import subprocess
from pathlib import Path

import numpy as np
import pytest

from qfmt.errors import UserError
from qfmt.tools import find_tool

MINIFLOATS = [
    "f4E2M1FN", "f6E2M3FN", "f6E3M2FN", "f8E3M4", "f8E4M3", "f8E4M3FN", "f8E4M3FNUZ", "f8E4M3B11FNUZ", "f8E5M2",
    "f8E5M2FNUZ", "f8E8M0FNU", "!qfmt.float<1, 2>", "!qfmt.float<3, 0>", "!qfmt.float<3, 4>", "!qfmt.float<5, 2>",
    "!qfmt.float<7, 0>",
]  # fmt: skip
INTEGERS = ["i2", "i3", "i4", "i7", "i8", "ui2", "ui4", "ui5", "ui8"]
WIDE = ["i16", "ui16", "i11", "f16", "bf16", "!qfmt.float<5, 10>", "!qfmt.float<7, 8>"]
ROUNDINGS = ["half_even", "half_away", "half_up", "toward_zero", "floor", "ceil"]
LOGICAL = ["f16", "bf16", "f32", "f64"]
NUMPY = {"f16": np.float16, "f32": np.float32, "f64": np.float64, "bf16": np.uint16}


def width(number_format: str) -> int:
    if number_format.startswith("!qfmt.float"):
        return 1 + sum(map(int, number_format[12:-1].split(",")))
    digits = number_format.removeprefix("bf").lstrip("uif")
    return int(digits.split("E")[0])


class Module:
    """@main of one module: named arguments, and results that are appended."""

    def __init__(self, **arguments: str):
        self.arguments = arguments
        self.lines: list[str] = []
        self.results: list[tuple[str, str]] = []
        self.labels: list[str] = []

    def add(self, line: str, result_type: str, label: str) -> str:
        name = f"%r{len(self.lines)}"
        self.lines.append(f"  {name} = {line}")
        self.results.append((name, result_type))
        self.labels.append(label)
        return name

    def __str__(self):
        arguments = ", ".join(f"%{name}: {kind}" for name, kind in self.arguments.items())
        types = ", ".join(kind for _, kind in self.results)
        names = ", ".join(name for name, _ in self.results)
        body = "\n".join(self.lines)
        return f"func.func @main({arguments}) -> ({types}) {{\n{body}\n  return {names} : {types}\n}}\n"


def run(tmp_path: Path, module: Module, inputs: list[np.ndarray], num_outputs: int, engine: str) -> list[np.ndarray]:
    try:
        tool = find_tool("qfmt-run")
    except UserError as error:
        pytest.skip(str(error))
    source = tmp_path / "module.mlir"
    source.write_text(str(module))
    files = []
    for index, value in enumerate(inputs):
        files.append(str(tmp_path / f"in{index}.npy"))
        np.save(files[-1], value)
    outputs = [str(tmp_path / f"{engine}{index}.npy") for index in range(num_outputs)]
    done = subprocess.run(
        [tool, source, f"--engine={engine}", "-O1", "--inputs=" + ",".join(files), "--outputs=" + ",".join(outputs)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return [np.load(path) for path in outputs]


def canonical(array: np.ndarray, bfloat: bool) -> np.ndarray:
    """The bits, of NaNs always the same ones."""
    if bfloat and array.dtype == np.uint16:
        return np.where((array & 0x7FFF) > 0x7F80, np.uint16(0x7FC0), array)
    if array.dtype.kind != "f":
        return array
    bits = array.view(f"u{array.itemsize}")
    return np.where(np.isnan(array), np.array(np.nan, array.dtype).view(bits.dtype), bits)


def check(tmp_path: Path, module: Module, inputs: list[np.ndarray], parts: int | list[int] = 1, bfloat: bool = False):
    """Runs both engines; result i consists of parts[i] arrays (or `parts` for each)."""
    counts = [parts] * len(module.results) if isinstance(parts, int) else parts
    labels = [f"{label}, part {i}" for label, count in zip(module.labels, counts) for i in range(count)]
    compiled = run(tmp_path, module, inputs, len(labels), "jit")
    expected = run(tmp_path, module, inputs, len(labels), "reference")
    for label, a, b in zip(labels, compiled, expected):
        assert a.shape == b.shape and a.dtype == b.dtype, label
        differs = np.flatnonzero(canonical(a, bfloat) != canonical(b, bfloat))
        if differs.size:
            first = differs[0]
            value = inputs[0].ravel()[first] if len(inputs) == 1 and inputs[0].size == a.size else "-"
            pytest.fail(
                f"{label}: {differs.size} of {a.size} differ, first [{first}]: compiled {a.ravel()[first]!r}, "
                f"reference {b.ravel()[first]!r}, input {value!r}"
            )


def to_logical(values: np.ndarray, logical: str) -> np.ndarray:
    """f64 values in the array type of a logical type (bf16: its bits, truncated)."""
    with np.errstate(over="ignore"):
        if logical == "bf16":
            return (values.astype(np.float32).view(np.uint32) >> 16).astype(np.uint16)
        return values.astype(NUMPY[logical])


def every_boundary(tmp_path: Path, formats: list[str]) -> np.ndarray:
    """f32 at which a rounding to one of the formats may change: values, middles, their neighbours, and specials."""
    codes = {f: np.arange(2 ** width(f)) for f in formats}
    module = Module(**{f"c{i}": f"tensor<{len(c)}xi{width(f)}>" for i, (f, c) in enumerate(codes.items())})
    inputs = []
    for i, (f, c) in enumerate(codes.items()):
        n, w = len(c), width(f)
        storage = f if f.startswith("f") else f"i{w}"
        kind = f"tensor<{n}xf32, #qfmt.scaled<{f}>>"
        source = f"%c{i}"
        if storage != f"i{w}":
            module.arguments[f"c{i}"] = f"tensor<{n}x{storage}>"
        module.lines.append(f"  %a{i} = qfmt.assemble {source} : tensor<{n}x{storage}> to {kind}")
        module.add(f"qfmt.dequantize %a{i} : {kind} to tensor<{n}xf32>", f"tensor<{n}xf32>", f)
        inputs.append(to_codes(c, f))
    values = [np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1e-45, -1e-45, 3e38, -3e38], np.float32)]
    for decoded in run(tmp_path, module, inputs, len(formats), "reference"):
        finite = np.unique(decoded[np.isfinite(decoded)].astype(np.float64))
        step = finite[-1] - finite[-2]
        middles = (finite[1:] + finite[:-1]) / 2
        beyond = [finite[-1] + step / 2, finite[-1] + step, finite[0] - step / 2, finite[0] - step, finite[-1] * 3]
        with np.errstate(over="ignore"):
            exact = np.concatenate([finite, middles, beyond]).astype(np.float32)
        values += [exact, np.nextafter(exact, np.float32(np.inf)), np.nextafter(exact, np.float32(-np.inf)), -exact]
    random = np.random.default_rng(0).integers(0, 2**32, 3000, dtype=np.uint32).view(np.float32)
    near = np.random.default_rng(1).normal(0, 40, 3000).astype(np.float32)
    return np.unique(np.concatenate([*values, random, near]).view(np.uint32)).view(np.float32)


def to_codes(codes: np.ndarray, number_format: str) -> np.ndarray:
    """Codes in the array type that qfmt-run reads: signed for iN, sign-extended below the type's width."""
    w = width(number_format)
    if number_format in ("f16",):
        return codes.astype(np.uint16).view(np.float16)
    unsigned = codes.astype(np.uint16 if w > 8 else np.uint8)
    if number_format.startswith("i"):
        unused = 8 * unsigned.itemsize - w
        return (unsigned << unused).view(f"i{unsigned.itemsize}") >> unused
    return unsigned


def add_quantize(module: Module, source: str, plain: str, encoding: str, options: str = ""):
    encoded = plain[:-1] + f", {encoding}>"
    module.add(f"qfmt.quantize {source} {options} : {plain} to {encoded}", encoded, f"{encoded} {options}")


@pytest.mark.parametrize("logical", LOGICAL)
def test_dequantize_every_code(tmp_path, logical):
    scales = ["", ", scale = 0.0235", ", scale = 3.0e-6"] + ([] if logical == "f16" else [", scale = 3.0e-41"])
    module = Module()
    inputs = []
    for f in MINIFLOATS + INTEGERS + WIDE:
        for suffix in scales + ([", scale = 0.3, zero_point = 1"] if f in INTEGERS else []):
            n = 2 ** width(f)
            kind = f"tensor<{n}x{logical}, #qfmt.scaled<{f}{suffix}>>"
            name = f"q{len(inputs)}"
            module.arguments[name] = kind
            module.add(f"qfmt.dequantize %{name} : {kind} to tensor<{n}x{logical}>", f"tensor<{n}x{logical}>", kind)
            inputs.append(to_codes(np.arange(n), f))
    check(tmp_path, module, inputs, bfloat=logical == "bf16")


@pytest.fixture(scope="session")
def boundaries(tmp_path_factory):
    return every_boundary(tmp_path_factory.mktemp("boundaries"), MINIFLOATS + INTEGERS)


@pytest.mark.parametrize("rounding", ROUNDINGS)
def test_quantize_every_boundary(tmp_path, boundaries, rounding):
    plain = f"tensor<{len(boundaries)}xf32>"
    module = Module(x=plain)
    for f in MINIFLOATS + INTEGERS + WIDE:
        for modes in ["", "overflow = infinity nan = propagate"]:
            add_quantize(module, "%x", plain, f"#qfmt.scaled<{f}>", f"rounding = {rounding} {modes}")
    for f in INTEGERS:
        for suffix, modes in [
            (", scale = 0.75", "overflow = wrap"),
            (", scale = 0.3, zero_point = 1", ""),
            (", scale = 0.5, zero_point = 1", "overflow = wrap"),
        ]:
            add_quantize(module, "%x", plain, f"#qfmt.scaled<{f}{suffix}>", f"rounding = {rounding} {modes}")
    check(tmp_path, module, [boundaries])


@pytest.mark.parametrize("logical", ["f16", "bf16", "f64"])
def test_quantize_other_logical_types(tmp_path, boundaries, logical):
    """The division is rounded to the logical type before the code is."""
    random = np.random.default_rng(2)
    with np.errstate(invalid="ignore"):
        values = np.concatenate([boundaries.astype(np.float64), random.normal(0, 3, 5000)])
    plain = f"tensor<{len(values)}x{logical}>"
    module = Module(x=plain)
    for f in ["i8", "i16", "f8E4M3FN", "f8E8M0FNU", "bf16", "f16", "!qfmt.float<3, 4>"]:
        for suffix in ["", ", scale = 0.0235"]:
            for rounding in ["half_even", "floor"]:
                add_quantize(module, "%x", plain, f"#qfmt.scaled<{f}{suffix}>", f"rounding = {rounding}")
    check(tmp_path, module, [to_logical(values, logical)])


def block_values(shape: tuple[int, int], seed: int) -> np.ndarray:
    """Blocks of very different size; of zeros, tiny and huge values, with infinities and NaN."""
    random = np.random.default_rng(seed)
    values = random.normal(0, 1, shape) * 2.0 ** random.integers(-20, 20, (shape[0], 1))
    values[0] = 0
    values[1] = 1e-40
    values[2] = 2e38
    values[3, :3] = [np.inf, -np.inf, np.nan]
    values[4] = np.nan
    values[5] = np.abs(values[5])
    values[6, 1:] = 0
    return values.astype(np.float32)


BLOCKED = [
    ("#qfmt.scaled<i8, block = [1, *], scale = f32>", 2),
    ("#qfmt.scaled<i8, block = [*, 1], scale = f32>", 2),
    ("#qfmt.scaled<i8, scale = f32>", 2),
    ("#qfmt.scaled<i8, block = [3, 5], scale = f16, zero_point = 3>", 2),
    ("#qfmt.scaled<ui4, block = [1, 16], scale = f16>", 2),
    ("#qfmt.scaled<i16, scale = f8E8M0FNU>", 2),
    ("#qfmt.scaled<i3, block = [2, 4], scale = bf16>", 2),
    ("#qfmt.scaled<f4E2M1FN, block = [1, 32], scale = f8E8M0FNU>", 2),
    ("#qfmt.scaled<f6E3M2FN, block = [1, 32], scale = f8E8M0FNU>", 2),
    ("#qfmt.scaled<f8E4M3FN, block = [1, 32], scale = f8E8M0FNU>", 2),
    ("#qfmt.scaled<f8E5M2, block = [7, 3], scale = f8E4M3FN>", 2),
    ("#qfmt.scaled<!qfmt.float<3, 4>, block = [1, 8], scale = f32>", 2),
    ("#qfmt.scaled<f4E2M1FN, block = [1, 16], scale = #qfmt.scaled<f8E4M3FN, scale = f32>>", 3),
    ("#qfmt.scaled<i4, block = [1, 8], scale = #qfmt.scaled<ui8, block = [2, 2], scale = f16>>", 3),
    ("#qfmt.scaled<f4E2M1FN, block = [1, 8], scale = #qfmt.scaled<f8E5M2, scale = 0.125>>", 2),
]
ASYMMETRIC = [
    ("#qfmt.scaled<i4, block = [1, 32], scale = f16, zero_point = i4>", 3),
    ("#qfmt.scaled<ui8, block = [1, *], scale = f32, zero_point = ui8>", 3),
    ("#qfmt.scaled<ui8, block = [4, 4], scale = bf16, zero_point = ui4>", 3),
    ("#qfmt.scaled<i8, scale = 0.37, zero_point = i8>", 2),
    ("#qfmt.scaled<i2, block = [1, 8], scale = f8E4M3FN, zero_point = i2>", 3),
]


@pytest.mark.parametrize("logical, columns", [("f32", 64), ("f32", 37), ("f16", 37), ("bf16", 37), ("f64", 37)])
def test_quantize_blocks(tmp_path, logical, columns):
    """Scales at run time, of whole and of partial blocks."""
    plain = f"tensor<14x{columns}x{logical}>"
    module = Module(x=plain)
    counts = []
    for index, (encoding, count) in enumerate(BLOCKED):
        others = ["rounding = toward_zero overflow = infinity"] if index % 4 == 0 else []
        for modes in ["", "scale_rule = floor_log2", *others]:
            add_quantize(module, "%x", plain, encoding, modes)
            counts.append(count)
    for encoding, count in ASYMMETRIC:
        # Directed rounding of the zero point needs more range than f64 has; the pass says so.
        for rounding in ROUNDINGS[:3] if logical == "f64" else ROUNDINGS:
            add_quantize(module, "%x", plain, encoding, f"rounding = {rounding}")
            counts.append(count)
    check(tmp_path, module, [to_logical(block_values((14, columns), columns).astype(np.float64), logical)], counts)


@pytest.mark.parametrize("logical, columns, dynamic", [
    ("f32", 64, False), ("f32", 37, False), ("f32", 37, True), ("f16", 37, True), ("bf16", 37, False), ("f64", 37, True)])
def test_dequantize_blocks(tmp_path, logical, columns, dynamic):
    outer = f"tensor<14x{columns}x{logical}>"
    plain = f"tensor<?x?x{logical}>" if dynamic else outer
    module = Module(x=outer)
    module.lines.append(f"  %y = tensor.cast %x : {outer} to {plain}")
    for index, (encoding, _) in enumerate(BLOCKED + ASYMMETRIC):
        encoded = plain[:-1] + f", {encoding}>"
        module.lines.append(f"  %q{index} = qfmt.quantize %y : {plain} to {encoded}")
        module.lines.append(f"  %d{index} = qfmt.dequantize %q{index} : {encoded} to {plain}")
        module.add(f"tensor.cast %d{index} : {plain} to {outer}", outer, encoded)
    values = to_logical(block_values((14, columns), columns + 1).astype(np.float64), logical)
    check(tmp_path, module, [values], bfloat=logical == "bf16")


def test_dequantize_any_constituents(tmp_path):
    """Scales need not come from a scale rule: negative, zero, infinite and NaN ones mean what the formula says."""
    module = Module()
    inputs = []
    random = np.random.default_rng(7)
    scales = random.normal(0, 1, (8, 2)).astype(np.float32)
    scales[:6, 0] = [0, -0.0, np.inf, np.nan, -3, 1e-45]
    for f, codes in [("i8", np.int8), ("f8E4M3FN", np.uint8), ("f4E2M1FN", np.uint8)]:
        for logical in ["f16", "f32"]:
            encoded = f"tensor<8x32x{logical}, #qfmt.scaled<{f}, block = [1, 16], scale = f32>>"
            name = f"q{len(module.arguments)}"
            module.arguments[name] = encoded
            module.add(f"qfmt.dequantize %{name} : {encoded} to tensor<8x32x{logical}>", f"tensor<8x32x{logical}>", encoded)
            payload = random.integers(0, 2 ** width(f), (8, 32))
            inputs += [payload.astype(np.uint8).view(codes), scales]
    check(tmp_path, module, inputs)


CONVERTED = [
    "#qfmt.scaled<i8, scale = 0.5>",
    "#qfmt.scaled<i4, scale = 0.75, zero_point = 3>",
    "#qfmt.scaled<ui8, scale = 0.1, zero_point = 77>",
    "#qfmt.scaled<i16, scale = 0.003>",
    "#qfmt.scaled<f8E4M3FN>",
    "#qfmt.scaled<f8E5M2, scale = 0.3>",
    "#qfmt.scaled<f8E8M0FNU>",
    "#qfmt.scaled<f4E2M1FN, scale = 0.5>",
    "#qfmt.scaled<!qfmt.float<3, 4>, scale = 3.0>",
    "#qfmt.scaled<bf16>",
    "#qfmt.scaled<f16, scale = 0.3>",
    "#qfmt.scaled<i8, block = [16], scale = f32>",
    "#qfmt.scaled<i4, block = [16], scale = f16, zero_point = i4>",
    "#qfmt.scaled<f4E2M1FN, block = [32], scale = f8E8M0FNU>",
    "#qfmt.scaled<f4E2M1FN, block = [16], scale = #qfmt.scaled<f8E4M3FN, scale = f32>>",
]


@pytest.mark.parametrize("logical, rounding", [("f32", r) for r in ROUNDINGS] + [
    ("f16", "half_even"), ("bf16", "ceil"), ("f64", "half_even"), ("f64", "floor"), ("f64", "half_away")])
def test_convert(tmp_path, logical, rounding):
    """Every code of some formats to every other format: the exact value is rounded once."""
    module = Module()
    inputs, counts = [], []
    parts = {"zero_point = i4": 3, "scale = #": 3, "block": 2}
    for source in CONVERTED[:3] + CONVERTED[4:8]:
        if logical == "f64":
            # A static scale has 53 bits then; with those of a code, f64 holds the product only if they are few.
            source = source.replace("0.1,", "0.125,").replace("0.3", "0.3125").replace("0.003", "0.00390625")
        f = source.removeprefix("#qfmt.scaled<").rpartition(">")[0].split(", scale")[0].split(", zero")[0]
        n = 2 ** width(f)
        from_type = f"tensor<{n}x{logical}, {source}>"
        name = f"q{len(module.arguments)}"
        module.arguments[name] = from_type
        inputs.append(to_codes(np.arange(n), f))
        for target in CONVERTED:
            to_type = f"tensor<{n}x{logical}, {target}>"
            module.add(f"qfmt.convert %{name} rounding = {rounding} : {from_type} to {to_type}", to_type,
                       f"{source} to {target}")
            counts.append(next((count for key, count in parts.items() if key in target), 1))
    wrapped = f"tensor<256x{logical}, #qfmt.scaled<i4, scale = 0.75, zero_point = 3>>"
    module.add(f"qfmt.convert %q0 rounding = {rounding} overflow = wrap : tensor<256x{logical}, {CONVERTED[0]}> to {wrapped}",
               wrapped, "wrap")
    check(tmp_path, module, inputs, counts + [1])
