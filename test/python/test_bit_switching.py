# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Nested bit switching (Double Rounding): integers of fewer bits from an int8 master by `qfmt.convert`.

An int8 weight w of scale s becomes the int-l weight of scale s * 2^(8 - l): one rounding of w / 2^(8 - l). Both engines,
with static scales and with scales that are constituents, per row.
"""

import numpy as np
import pytest
from run_tools import run_mlir

ENGINES = ["jit", "reference"]
WIDTHS = range(2, 8)
CODES = np.arange(-128, 128)


def shifted(codes: np.ndarray, width: int) -> np.ndarray:
    """The arithmetic shift with rounding to even that the method's authors fix, clipped."""
    steps = 8 - width
    quotient, rest = codes >> steps, codes & (2**steps - 1)
    half = 2 ** (steps - 1)
    quotient = quotient + ((rest > half) | ((rest == half) & (quotient & 1 == 1)))
    return np.clip(quotient, -(2 ** (width - 1)), 2 ** (width - 1) - 1)


def static_module(scale: float, rounding: str) -> str:
    master = f"tensor<256xf32, #qfmt.scaled<i8, scale = {scale!r}>>"
    lines, types = [], []
    for width in WIDTHS:
        target = f"tensor<256xf32, #qfmt.scaled<i{width}, scale = {scale * 2 ** (8 - width)!r}>>"
        lines.append(f"  %{len(lines)} = qfmt.convert %w rounding = {rounding} : {master} to {target}")
        types.append(target)
    names = ", ".join(f"%{i}" for i in range(len(lines)))
    body = "\n".join(lines)
    return f"func.func @main(%w: {master}) -> ({', '.join(types)}) {{\n{body}\n  return {names} : {', '.join(types)}\n}}\n"


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("scale", [1.0, 0.0235])
def test_static_scales(tmp_path, engine, scale):
    path = tmp_path / "module.mlir"
    path.write_text(static_module(scale, "half_even"))
    results = run_mlir(path, [CODES.astype(np.int8)], len(WIDTHS), f"--engine={engine}")
    for width, codes in zip(WIDTHS, results):
        np.testing.assert_array_equal(codes, shifted(CODES, width), err_msg=f"{width} bits")
    # The published table of 8 to 4 bits: how many int8 codes become each int4 code.
    four = results[list(WIDTHS).index(4)].astype(int)
    counts = np.bincount(four + 8, minlength=16)
    assert counts.tolist() == [9] + [15, 17] * 7 + [23]
    assert np.mean((CODES - 16.0 * four) ** 2) == 25.0


@pytest.mark.parametrize("engine", ENGINES)
def test_floor_is_the_plain_shift(tmp_path, engine):
    path = tmp_path / "module.mlir"
    path.write_text(static_module(1.0, "floor"))
    results = run_mlir(path, [CODES.astype(np.int8)], len(WIDTHS), f"--engine={engine}")
    for width, codes in zip(WIDTHS, results):
        np.testing.assert_array_equal(codes, CODES >> (8 - width))
    four = results[list(WIDTHS).index(4)].astype(int)
    assert np.bincount(four + 8).tolist() == [16] * 16
    assert np.mean((CODES - 16.0 * four) ** 2) == 77.5


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("width", WIDTHS)
def test_scales_of_rows(tmp_path, engine, width):
    """The run-time scale of the narrow tensor is the master's times a power of two, exactly."""
    master = "tensor<3x256xf32, #qfmt.scaled<i8, block = [1, *], scale = f32>>"
    target = f"tensor<3x256xf32, #qfmt.scaled<i{width}, block = [1, *], scale = f32>>"
    path = tmp_path / "module.mlir"
    path.write_text(f"""
func.func @main(%w: {master}) -> {target} {{
  %codes, %scales = qfmt.constituents %w : {master} to tensor<3x256xi8>, tensor<3x1xf32>
  %power = arith.constant dense<{2.0 ** (8 - width)}> : tensor<3x1xf32>
  %wide = arith.mulf %scales, %power : tensor<3x1xf32>
  %0 = qfmt.convert %w given(%wide : tensor<3x1xf32>) : {master} to {target}
  return %0 : {target}
}}
""")
    scales = np.array([[0.0235], [1.0], [3.3e-5]], np.float32)
    codes = np.tile(CODES.astype(np.int8), (3, 1))
    narrow, wide = run_mlir(path, [codes, scales], 2, f"--engine={engine}")
    np.testing.assert_array_equal(narrow, shifted(codes.astype(int), width))
    np.testing.assert_array_equal(wide, scales * np.float32(2 ** (8 - width)))


@pytest.mark.parametrize("engine", ENGINES)
def test_double_against_direct_rounding(tmp_path, engine):
    """Rounding real weights twice differs from rounding them once, rarely and by one code at most; and the error is bounded."""
    reals = (np.arange(-128, 128, 1 / 32) + 1 / 64).astype(np.float32)
    plain = f"tensor<{reals.size}xf32>"
    encoded = {8: f"tensor<{reals.size}xf32, #qfmt.scaled<i8>>"}
    lines = [f"  %master = qfmt.quantize %x : {plain} to {encoded[8]}"]
    for width in (6, 4, 2):
        encoded[width] = f"tensor<{reals.size}xf32, #qfmt.scaled<i{width}, scale = {2.0 ** (8 - width)}>>"
        lines.append(f"  %double{width} = qfmt.convert %master : {encoded[8]} to {encoded[width]}")
        lines.append(f"  %direct{width} = qfmt.quantize %x : {plain} to {encoded[width]}")
    names = [f"%{kind}{width}" for width in (6, 4, 2) for kind in ("double", "direct")]
    types = ", ".join(encoded[width] for width in (6, 4, 2) for _ in range(2))
    body = "\n".join(lines)
    path = tmp_path / "module.mlir"
    path.write_text(f"func.func @main(%x: {plain}) -> ({types}) {{\n{body}\n  return {', '.join(names)} : {types}\n}}\n")
    results = [r.astype(int) for r in run_mlir(path, [reals], 6, f"--engine={engine}")]
    for width, percent, double, direct in zip((6, 4, 2), (12.305, 2.930, 0.586), results[::2], results[1::2]):
        assert abs(100 * np.mean(double != direct) - percent) < 0.0005
        assert np.abs(double - direct).max() == 1
        step = 2 ** (8 - width)
        inside = reals < step * (2 ** (width - 1) - 0.5)
        assert np.abs(reals - step * double)[inside].max() <= 0.5 + step / 2
