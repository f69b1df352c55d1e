# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Casts and extrema of floats: compiled for CPUs and for the simulated GPU, the reference evaluator, and ml_dtypes.

Engines are compared bit for bit, signs of zeros too; NaNs are compared as NaNs.
"""

import ml_dtypes
import numpy as np
import pytest
from run_tools import run_mlir

SMALL = {
    "f4E2M1FN": ml_dtypes.float4_e2m1fn,
    "f6E2M3FN": ml_dtypes.float6_e2m3fn,
    "f6E3M2FN": ml_dtypes.float6_e3m2fn,
    "f8E3M4": ml_dtypes.float8_e3m4,
    "f8E4M3": ml_dtypes.float8_e4m3,
    "f8E4M3FN": ml_dtypes.float8_e4m3fn,
    "f8E4M3FNUZ": ml_dtypes.float8_e4m3fnuz,
    "f8E4M3B11FNUZ": ml_dtypes.float8_e4m3b11fnuz,
    "f8E5M2": ml_dtypes.float8_e5m2,
    "f8E5M2FNUZ": ml_dtypes.float8_e5m2fnuz,
    "f8E8M0FNU": ml_dtypes.float8_e8m0fnu,
}
TYPES = SMALL | {"f16": np.float16, "bf16": ml_dtypes.bfloat16, "f32": np.float32, "f64": np.float64}
NO_NAN = ["f4E2M1FN", "f6E2M3FN", "f6E3M2FN"]
ROUNDINGS = ["to_nearest_away", "toward_zero", "downward", "upward"]
ENGINES = ["--engine=jit", "--gpu=sim"]


def width(kind: str) -> int:
    return int(kind.lstrip("bf").split("E")[0])


def codes(kind: str) -> np.ndarray:
    """All of them, as qfmt-run reads them."""
    every = np.arange(1 << width(kind), dtype=np.uint16 if width(kind) == 16 else np.uint8)
    return every.view(np.float16) if kind == "f16" else every


def decode(array: np.ndarray, kind: str) -> np.ndarray:
    """The numbers of an array as qfmt-run reads and writes it; bits above those of a code are any."""
    if width(kind) >= 16:
        return array.view(TYPES[kind]).astype(np.float64)
    return (array.view(np.uint8) & ((1 << width(kind)) - 1)).view(TYPES[kind]).astype(np.float64)


def boundaries(kind: str) -> np.ndarray:
    """All that f16 holds; of every small format all numbers, the middles between them and beyond the last one, and what
    is next to these; what only f32 and f64 hold."""
    numbers = [decode(codes("f16"), "f16")]
    for small in [*SMALL, "bf16"]:
        values = np.unique(decode(codes(small), small))
        values = values[np.isfinite(values)]
        values = np.append(values, 2 * values[-1] - values[-2]) if small != "bf16" else values[::3]
        numbers += [values, (values[1:] + values[:-1]) / 2]
    numbers.append(np.ldexp(1.0, np.arange(-180, 180)))
    numbers.append(np.ldexp(1.5, np.arange(-180, 180)))
    positive = np.unique(np.abs(np.concatenate(numbers)))
    with np.errstate(all="ignore"):
        x = np.concatenate([positive, -positive, [np.nan, np.inf, -np.inf]]).astype(TYPES[kind])
        x = np.concatenate([x, np.nextafter(x, x.dtype.type(np.inf)), np.nextafter(x, x.dtype.type(-np.inf))])
    return np.unique(x.view(np.uint32 if kind == "f32" else np.uint64)).view(x.dtype)


def inputs(kind: str) -> np.ndarray:
    return boundaries(kind) if kind in ("f32", "f64") else codes(kind)


def cast(source: str, result: str) -> str:
    return "truncf" if width(source) > width(result) else "extf"


def casts(source: str, results: list[tuple[str, str]], count: int) -> str:
    """@main that casts a tensor of `source` to each of `results`, a type and a rounding mode."""
    lines = [
        f"  %{i} = arith.{cast(source, result)} %x {rounding} : tensor<{count}x{source}> to tensor<{count}x{result}>\n"
        for i, (result, rounding) in enumerate(results)
    ]
    types = ", ".join(f"tensor<{count}x{result}>" for result, _ in results)
    names = ", ".join(f"%{i}" for i in range(len(results)))
    body = "".join(lines)
    return f"func.func @main(%x: tensor<{count}x{source}>) -> ({types}) {{\n{body}  return {names} : {types}\n}}\n"


def run(tmp_path, text: str, arrays: list[np.ndarray], count: int, engine: str) -> list[np.ndarray]:
    path = tmp_path / "main.mlir"
    path.write_text(text)
    return run_mlir(path, arrays, count, engine)


def assert_same(found: np.ndarray, expected: np.ndarray, x: np.ndarray, label: str):
    with np.errstate(invalid="ignore"):
        same = (found == expected) & (np.signbit(found) == np.signbit(expected)) | np.isnan(found) & np.isnan(expected)
    (wrong,) = np.nonzero(~same)
    examples = [(x[i], found[i], expected[i]) for i in wrong[:5]]
    assert not len(wrong), f"{label}: {len(wrong)} differ; number, found, expected: {examples}"


def compare_engines(tmp_path, text: str, x: np.ndarray, kinds: list[str], arrays: list[np.ndarray]) -> list[np.ndarray]:
    """The reference evaluator's numbers, which are those of compiled code."""
    reference = run(tmp_path, text, arrays, len(kinds), "--engine=reference")
    expected = [decode(array.reshape(-1), kind) for array, kind in zip(reference, kinds)]
    for engine in ENGINES:
        results = run(tmp_path, text, arrays, len(kinds), engine)
        for i, (found, kind) in enumerate(zip(results, kinds)):
            assert_same(decode(found.reshape(-1), kind), expected[i], x, f"result {i}, {kind}, {engine}")
    return expected


def truth(x: np.ndarray, source: str, result: str) -> np.ndarray:
    """What ml_dtypes says of the numbers `x` of `source`; of NaN in formats without it docs/spec.md C87 decides."""
    if result == "f8E8M0FNU":
        return powers_of_two(x)
    with np.errstate(all="ignore"):
        # ml_dtypes rounds f64 twice, by way of f32; to odd first, the second rounding is the only one.
        single = x.astype(np.float32)
        if source == "f64":
            inexact = np.isfinite(x) & (single.astype(np.float64) != x)
            toward_zero = np.where(np.abs(single) > np.abs(x), np.nextafter(single, np.float32(0)), single)
            odd = (toward_zero.view(np.uint32) | 1).view(np.float32)
            single = np.where(inexact, odd, single)
        expected = single.astype(TYPES[result]).astype(np.float64)
    if result in NO_NAN:
        expected[np.isnan(x)] = 0
    return expected


def powers_of_two(x: np.ndarray) -> np.ndarray:
    """The nearest numbers of f8E8M0FNU. (ml_dtypes has NaN for 0, and rounds subnormal numbers of f32 up.)"""
    with np.errstate(all="ignore"):
        fraction, exponent = np.frexp(np.maximum(np.abs(x), 2.0**-127))
        nearest = np.ldexp(1.0, np.maximum(exponent - (fraction < 0.75), -127))
    nearest[~(nearest <= 2.0**127) | ~np.isfinite(x) | ((x < 0) & (np.abs(x) > 2.0**-128))] = np.nan
    return nearest


@pytest.mark.parametrize("source", ["f64", "f32", "f16", "bf16", "f8E5M2", "f6E2M3FN"])
def test_truncations(source, tmp_path):
    array = inputs(source)
    results = [kind for kind in TYPES if width(kind) < width(source)]
    x = decode(array, source)
    text = casts(source, [(kind, "") for kind in results], len(array))
    for kind, numbers in zip(results, compare_engines(tmp_path, text, x, results, [array])):
        if kind not in ("f16", "f32"):
            assert_same(numbers, truth(x, source, kind), x, f"{source} to {kind}")


@pytest.mark.parametrize("source", SMALL)
def test_extensions(source, tmp_path):
    """Every code, to all wider formats; not all of these hold all numbers of f8E8M0FNU."""
    array = codes(source)
    results = [kind for kind in TYPES if width(kind) > width(source)]
    x = decode(array, source)
    text = casts(source, [(kind, "") for kind in results], len(array))
    for kind, numbers in zip(results, compare_engines(tmp_path, text, x, results, [array])):
        expected = truth(x, source, kind) if kind in SMALL else x.astype(TYPES[kind]).astype(np.float64)
        assert_same(numbers, expected, x, f"{source} to {kind}")


@pytest.mark.parametrize("source", ["f32", "f64"])
def test_roundings(source, tmp_path):
    array = inputs(source)[::5]
    kinds = ["f4E2M1FN", "f8E5M2", "f8E4M3FNUZ", "f8E8M0FNU", "f16", "bf16"] + ["f32"] * (source == "f64")
    results = [(kind, rounding) for kind in kinds for rounding in ROUNDINGS]
    text = casts(source, results, len(array))
    compare_engines(tmp_path, text, decode(array, source), [kind for kind, _ in results], [array])


def test_scalars(tmp_path):
    """Without loops: numbers of functions, each cast there and back."""
    back = "".join(
        f"func.func private @back{i}(%x: {kind}) -> f32 {{\n"
        f"  %y = arith.extf %x : {kind} to f32\n  return %y : f32\n}}\n"
        for i, kind in enumerate(SMALL)
    )
    calls = "".join(
        f"  %s{i} = arith.truncf %x : f32 to {kind}\n  %y{i} = func.call @back{i}(%s{i}) : ({kind}) -> f32\n"
        for i, kind in enumerate(SMALL)
    )
    count = len(SMALL)
    names = ", ".join(f"%y{i}" for i in range(count))
    text = (
        f"{back}func.func @main(%t: tensor<f32>) -> tensor<{count}xf32> {{\n  %x = tensor.extract %t[] : tensor<f32>\n"
        f"{calls}  %y = tensor.from_elements {names} : tensor<{count}xf32>\n  return %y : tensor<{count}xf32>\n}}\n"
    )
    compare_engines(tmp_path, text, np.full(count, 5.0), ["f32"], [np.array(5.0, np.float32)])


@pytest.mark.parametrize("kind", ["i16", "i32", "i64"])
@pytest.mark.parametrize("op", ["sitofp", "uitofp"])
def test_integers(op, kind, tmp_path):
    """Integers next to powers of two, and to the middles between numbers of bf16, are rounded once."""
    bits = int(kind[1:])
    powers = [1 << i for i in range(bits)]
    near = [power + (power >> shift) + step for power in powers for shift in (1, 8, 9, 24, 53) for step in (-1, 0, 1)]
    x = np.array([sign * value % (1 << bits) for value in near for sign in (1, -1)], f"u{bits // 8}")
    x = x.view(f"i{bits // 8}")
    kinds = ["f16", "bf16", "f32", "f8E5M2", "f8E4M3FN", "f8E8M0FNU"]
    source = f"%x : tensor<{len(x)}x{kind}>"
    lines = [f"  %{i} = arith.{op} {source} to tensor<{len(x)}x{to}>\n" for i, to in enumerate(kinds)]
    types = ", ".join(f"tensor<{len(x)}x{to}>" for to in kinds)
    names = ", ".join(f"%{i}" for i in range(len(kinds)))
    text = (
        f"func.func @main(%x: tensor<{len(x)}x{kind}>) -> ({types}) {{\n{''.join(lines)}"
        f"  return {names} : {types}\n}}\n"
    )
    compare_engines(tmp_path, text, x, kinds, [x])


EXTREMA = ["maximumf", "minimumf", "maxnumf", "minnumf"]
CONSTANTS = ["0.0", "-0.0", "1.0"]


@pytest.mark.parametrize("kind", ["f16", "bf16", "f32", "f64", "f8E5M2"])
def test_extrema(kind, tmp_path):
    """All pairs of some numbers, and each with constants; the formulas are those of IEEE 754's operations."""
    numbers = np.array([0.0, -0.0, 1.0, -1.0, 2.0**-14, -(2.0**-14), np.inf, -np.inf, np.nan, 1.75, -1.75])
    x, y = (grid.reshape(-1) for grid in np.meshgrid(numbers, numbers))
    tensor = f"tensor<{len(x)}x{kind}>"
    lines = [f"  %c{i} = arith.constant dense<{value}> : {tensor}\n" for i, value in enumerate(CONSTANTS)]
    names = []
    for op in EXTREMA:
        for operand in ["%y", *(f"%c{i}" for i in range(len(CONSTANTS)))]:
            names.append(f"%r{len(names)}")
            lines.append(f"  {names[-1]} = arith.{op} %x, {operand} : {tensor}\n")
    types = ", ".join([tensor] * len(names))
    text = (
        f"func.func @main(%x: {tensor}, %y: {tensor}) -> ({types}) {{\n{''.join(lines)}"
        f"  return {', '.join(names)} : {types}\n}}\n"
    )
    storage = {"bf16": np.uint16, "f8E5M2": np.uint8}.get(kind, TYPES[kind])
    arrays = [value.astype(TYPES[kind]).view(storage) for value in (x, y)]
    found = iter(compare_engines(tmp_path, text, x, [kind] * len(names), arrays))
    for op in EXTREMA:
        for other in [y, *(np.full(len(x), float(value)) for value in CONSTANTS)]:
            assert_same(next(found), extremum(op, x, other), x, op)


def extremum(op: str, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    # In the order of (number, sign), -0 is below +0.
    x_first = (x > y) | (x == y) & ~np.signbit(x) if op.startswith("max") else (x < y) | (x == y) & np.signbit(x)
    result = np.where(x_first, x, y)
    if "num" in op:
        return np.where(np.isnan(x), y, np.where(np.isnan(y), x, result))
    return np.where(np.isnan(x) | np.isnan(y), np.nan, result)
