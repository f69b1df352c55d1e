# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""qfmt-split-accumulators on matrix products in dynamic fixed point: safe chains give the sums of 64-bit arithmetic, longer ones do not."""

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from run_tools import run_mlir

from qfmt.tools import find_tool

# Das et al., "Mixed precision training of convolutional neural networks using integer operations", 2018: floor((2^31 - 1) / (2^(p-1) - 1)^2).
SAFE_LENGTHS = {16: 2, 15: 8, 14: 32, 13: 128, 12: 512, 8: 133144}
ROWS, COLUMNS = 3, 4


def dfp_matmul(bits: int, terms: int) -> str:
    """f32 operands to codes with one exponent each, the sums of products in 64 bits, and these scaled back."""
    a, b, c = f"{ROWS}x{terms}x", f"{terms}x{COLUMNS}x", f"{ROWS}x{COLUMNS}x"
    high = 2 ** (bits - 1) - 1
    encoding = f"#qfmt.scaled<!qfmt.int<i{bits}, {-high}, {high}>, scale = f8E8M0FNU>"
    return f"""
func.func @main(%x: tensor<{a}f32>, %y: tensor<{b}f32>)
    -> (tensor<{c}i64>, tensor<{a}i{bits}>, tensor<{b}i{bits}>, tensor<{c}f32>, tensor<1x1xf32>) {{
  %p = qfmt.quantize %x scale_rule = floor_log2 : tensor<{a}f32> to tensor<{a}f32, {encoding}>
  %q = qfmt.quantize %y scale_rule = floor_log2 : tensor<{b}f32> to tensor<{b}f32, {encoding}>
  %i, %ei = qfmt.constituents %p : tensor<{a}f32, {encoding}> to tensor<{a}i{bits}>, tensor<1x1xf8E8M0FNU>
  %j, %ej = qfmt.constituents %q : tensor<{b}f32, {encoding}> to tensor<{b}i{bits}>, tensor<1x1xf8E8M0FNU>
  %zero = arith.constant dense<0> : tensor<{c}i64>
  %sum = linalg.matmul ins(%i, %j : tensor<{a}i{bits}>, tensor<{b}i{bits}>) outs(%zero : tensor<{c}i64>) -> tensor<{c}i64>
  %fi = arith.extf %ei : tensor<1x1xf8E8M0FNU> to tensor<1x1xf32>
  %fj = arith.extf %ej : tensor<1x1xf8E8M0FNU> to tensor<1x1xf32>
  %f = arith.mulf %fi, %fj : tensor<1x1xf32>
  %empty = tensor.empty() : tensor<{c}f32>
  %real = linalg.generic {{
      indexing_maps = [affine_map<(m, n) -> (m, n)>, affine_map<(m, n) -> (0, 0)>, affine_map<(m, n) -> (m, n)>],
      iterator_types = ["parallel", "parallel"]}}
      ins(%sum, %f : tensor<{c}i64>, tensor<1x1xf32>) outs(%empty : tensor<{c}f32>) {{
  ^bb0(%s: i64, %scale: f32, %out: f32):
    %r = arith.sitofp %s : i64 to f32
    %v = arith.mulf %r, %scale : f32
    linalg.yield %v : f32
  }} -> tensor<{c}f32>
  return %sum, %i, %j, %real, %f : tensor<{c}i64>, tensor<{a}i{bits}>, tensor<{b}i{bits}>, tensor<{c}f32>, tensor<1x1xf32>
}}
"""


def split(source: Path, options: str = "") -> tuple[Path, str]:
    """The module with chains, and what the pass said."""
    target = source.with_suffix(".split.mlir")
    done = subprocess.run(
        [find_tool("qfmt-opt"), source, f"--qfmt-split-accumulators={options}", "-o", target],
        capture_output=True,
        text=True,
        check=True,
    )
    return target, done.stderr


def operands(bits: int, terms: int) -> tuple[np.ndarray, np.ndarray]:
    """Random ones, and rows and columns whose codes are all at the ends of their range."""
    random = np.random.default_rng(bits)
    # Next to a power of two the code is clipped to 2^(bits - 1) - 1.
    end = np.nextafter(np.float32(4), np.float32(0))
    x = random.uniform(-4, 4, (ROWS, terms)).astype(np.float32)
    y = random.uniform(-4, 4, (terms, COLUMNS)).astype(np.float32)
    x[0], y[:, 0], y[:, 1] = end, end, -end
    x[1] = np.where(np.arange(terms) % 2, end, -end)
    y[:, 2] = x[1]
    return np.clip(x, -end, end), np.clip(y, -end, end)


def chains(module: Path, bits: int) -> list[int]:
    """The lengths of the chains, in their order."""
    found = re.findall(rf"ins\(.* : tensor<{ROWS}x(?:\d+x)?(\d+)xi{bits}>, tensor<.*xi32>", module.read_text())
    return [int(length) for length in found]


@pytest.mark.parametrize("bits", SAFE_LENGTHS)
def test_safe_chains(tmp_path, bits):
    """The published lengths, and every sum exact; with one term more a chain, none at the ends of the range is."""
    length = SAFE_LENGTHS[bits]
    terms = 2 * length
    source = tmp_path / "main.mlir"
    source.write_text(dfp_matmul(bits, terms))
    inputs = list(operands(bits, terms))

    safe, said = split(source)
    assert chains(safe, bits) == [length] and said == ""
    found, i, j, real, scale = run_mlir(safe, inputs, 5)
    high = 2 ** (bits - 1) - 1
    assert i.max() == j.max() == high and i.min() == j.min() == -high
    exact = i.astype(np.int64) @ j.astype(np.int64)
    assert exact[0, 0] == exact[1, 2] == terms * high**2 and exact[0, 1] == -exact[0, 0]
    np.testing.assert_array_equal(found, exact)
    np.testing.assert_array_equal(real, exact.astype(np.float32) * scale)

    unsafe, said = split(source, f"chain-length={length + 1}")
    assert chains(unsafe, bits) == [length + 1, length - 1]
    assert f"chains of {length + 1} terms, whose sums may overflow 32 bits" in said and f"of which {length} are safe" in said
    wrong = run_mlir(unsafe, inputs, 5)[0]
    assert (wrong != exact)[[0, 0, 1], [0, 1, 2]].all()
    # What is wrong is wrong by what a 32-bit sum loses.
    assert not ((wrong - exact) % 2**32).any()


@pytest.mark.parametrize("bits", [16, 15, 14, 13])
def test_reference_agrees(tmp_path, bits):
    """The reference evaluator, on the sums as written and on chains with a rest, safe or not: bit for bit what compiled code gives."""
    length = SAFE_LENGTHS[bits]
    terms = 5 * length + length // 2
    source = tmp_path / "main.mlir"
    source.write_text(dfp_matmul(bits, terms))
    inputs = list(operands(bits, terms))
    plain = run_mlir(source, inputs, 5, "--engine=reference")
    for options in ["", f"chain-length={length + 1}"]:
        module, _ = split(source, options)
        compiled = run_mlir(module, inputs, 5)
        evaluated = run_mlir(module, inputs, 5, "--engine=reference")
        for ours, theirs in zip(compiled, evaluated):
            np.testing.assert_array_equal(ours, theirs)
        assert np.array_equal(compiled[0], plain[0]) == (options == "")


CONVOLUTION = """
func.func @main(%x: tensor<1x24x9x9xi16>, %w: tensor<5x24x3x3xi12>, %acc: tensor<1x5x4x4xi64>) -> tensor<1x5x4x4xi64> {
  %0 = linalg.conv_2d_nchw_fchw {dilations = dense<1> : vector<2xi64>, strides = dense<2> : vector<2xi64>}
      ins(%x, %w : tensor<1x24x9x9xi16>, tensor<5x24x3x3xi12>) outs(%acc : tensor<1x5x4x4xi64>) -> tensor<1x5x4x4xi64>
  return %0 : tensor<1x5x4x4xi64>
}
"""

WINDOW = """
func.func @main(%x: tensor<60x4xi16>, %w: tensor<23x4xi13>, %acc: tensor<5xi64>) -> tensor<5xi64> {
  %0 = linalg.generic {
      indexing_maps = [affine_map<(o, h, c) -> (o * 3 + h * 2, c)>, affine_map<(o, h, c) -> (h, c)>, affine_map<(o, h, c) -> (o)>],
      iterator_types = ["parallel", "reduction", "reduction"]}
      ins(%x, %w : tensor<60x4xi16>, tensor<23x4xi13>) outs(%acc : tensor<5xi64>) {
  ^bb0(%u: i16, %v: i13, %s: i64):
    %u32 = arith.extui %u : i16 to i32
    %z = arith.constant 20000 : i32
    %d = arith.subi %u32, %z : i32
    %v32 = arith.extsi %v : i13 to i32
    %p = arith.muli %d, %v32 : i32
    %p64 = arith.extsi %p : i32 to i64
    %t = arith.addi %s, %p64 : i64
    linalg.yield %t : i64
  } -> tensor<5xi64>
  return %0 : tensor<5xi64>
}
"""


def integers(random, shape: tuple[int, ...], bits: int) -> np.ndarray:
    high = 2 ** (bits - 1)
    dtype = np.int64 if bits > 32 else np.int16
    values = random.integers(-high, high, shape).astype(dtype)
    # One long row of extremes.
    values.reshape(-1)[: values.size // 2] = -high
    return values


@pytest.mark.parametrize("engine", ["jit", "reference"])
@pytest.mark.parametrize(
    "text, shapes",
    [
        (CONVOLUTION, [((1, 24, 9, 9), 16), ((5, 24, 3, 3), 12), ((1, 5, 4, 4), 40)]),
        (WINDOW, [((60, 4), 16), ((23, 4), 13), ((5,), 40)]),
    ],
    ids=["convolution", "window"],
)
def test_windows(tmp_path, text, shapes, engine):
    """Several reduced loops, strides, a zero point, rests and an initial value: as without chains."""
    source = tmp_path / "main.mlir"
    source.write_text(text)
    random = np.random.default_rng(3)
    inputs = [integers(random, *shape) for shape in shapes]
    module, said = split(source)
    assert said == "" and "xi32>" in module.read_text()
    expected = run_mlir(source, inputs, 1, f"--engine={engine}")
    np.testing.assert_array_equal(run_mlir(module, inputs, 1, f"--engine={engine}")[0], expected[0])
    unsafe, said = split(source, "chain-length=100000")
    assert "may overflow 32 bits" in said
    assert (run_mlir(unsafe, inputs, 1, f"--engine={engine}")[0] != expected[0]).any()
