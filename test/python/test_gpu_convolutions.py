# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Integer convolutions through the whole pipeline: channels second, padded with the zero point, weights with a zero point, an
element-wise reader. CPUs, the simulator and a Vulkan device compute what the reference evaluator does, bit for bit; ptxas spills nothing."""

import subprocess
from pathlib import Path

import numpy as np
import pytest
from ptx_tools import CHIPS, check_assembled

from qfmt.tools import find_tool

# images, size, channels, outputs, window, stride, dilation, padding, zero point of the image and of the weights
CASES = {
    "first-layer": (2, 13, 3, 16, 3, 2, 1, 1, 7, 0),
    "one-channel": (1, 12, 1, 8, 3, 1, 1, 1, 128, 0),
    "whole-pieces": (1, 10, 64, 40, 3, 1, 1, 1, 3, 0),
    "uneven": (1, 9, 17, 5, 3, 1, 2, 2, 3, 0),
    "any-weight-zero-point": (1, 8, 16, 12, 3, 1, 1, 1, 128, 100),
    "place": (1, 7, 32, 24, 1, 1, 1, 0, 3, 0),
    "strided-place": (1, 9, 32, 24, 1, 2, 1, 0, 3, 0),
}
CASES_PTXAS = {
    "64@56": (1, 56, 64, 64, 3, 1, 1, 1, 3, 0),
    "256@14": (8, 14, 256, 256, 3, 1, 1, 1, 3, 0),
    "3@224": (1, 224, 3, 64, 7, 2, 1, 3, 3, 0),
    "12@30": (4, 30, 12, 128, 3, 1, 1, 1, 3, 0),
    "1x1": (8, 56, 64, 256, 1, 1, 1, 0, 3, 0),
}


def make_convolution(images, size, channels, outputs, window, stride, dilation, padding, zero, weight_zero) -> str:
    padded = size + 2 * padding
    result = (padded - (window - 1) * dilation - 1) // stride + 1
    weights = np.random.default_rng(1).integers(0, 256, outputs * channels * window * window, np.uint8)
    x = f"tensor<{images}x{channels}x{size}x{size}xi8>"
    p = f"tensor<{images}x{channels}x{padded}x{padded}xi8>"
    w = f"tensor<{outputs}x{channels}x{window}x{window}xi8>"
    y, q = (f"tensor<{images}x{outputs}x{result}x{result}x{kind}>" for kind in ("i32", "i8"))
    code = zero - 256 if zero > 127 else zero
    row, column = (f"{a} * {stride} + {b} * {dilation}" for a, b in ("hi", "vj"))
    parallel = ", ".join(['"parallel"'] * 4)
    return f"""
#id = affine_map<(n, f, h, v) -> (n, f, h, v)>
func.func @main(%x: {x}) -> {q} {{
  %w = arith.constant dense<"0x{weights.tobytes().hex().upper()}"> : {w}
  %code = arith.constant {code} : i8
  %p = tensor.pad %x low[0, 0, {padding}, {padding}] high[0, 0, {padding}, {padding}] {{
  ^bb0(%a: index, %b: index, %c: index, %d: index):
    tensor.yield %code : i8
  }} : {x} to {p}
  %c5 = arith.constant 500 : i32
  %e = tensor.empty() : {y}
  %init = linalg.fill ins(%c5 : i32) outs(%e : {y}) -> {y}
  %y = linalg.generic {{indexing_maps = [affine_map<(n, f, h, v, c, i, j) -> (n, c, {row}, {column})>,
      affine_map<(n, f, h, v, c, i, j) -> (f, c, i, j)>, affine_map<(n, f, h, v, c, i, j) -> (n, f, h, v)>],
      iterator_types = [{parallel}, "reduction", "reduction", "reduction"]}}
    ins(%p, %w : {p}, {w}) outs(%init : {y}) {{
  ^bb0(%a: i8, %b: i8, %s: i32):
    %zx = arith.constant {zero} : i32
    %zw = arith.constant {weight_zero} : i32
    %a0 = arith.extui %a : i8 to i32
    %a1 = arith.subi %a0, %zx : i32
    %b0 = arith.{"extui" if weight_zero else "extsi"} %b : i8 to i32
    %b1 = arith.subi %b0, %zw : i32
    %t = arith.muli %a1, %b1 : i32
    %u = arith.addi %s, %t : i32
    linalg.yield %u : i32
  }} -> {y}
  %qe = tensor.empty() : {q}
  %q = linalg.generic {{indexing_maps = [#id, #id], iterator_types = [{parallel}]}} ins(%y : {y}) outs(%qe : {q}) {{
  ^bb0(%s: i32, %o: i8):
    %shift = arith.constant 9 : i32
    %lo = arith.constant -128 : i32
    %hi = arith.constant 127 : i32
    %0 = arith.shrsi %s, %shift : i32
    %1 = arith.maxsi %0, %lo : i32
    %2 = arith.minsi %1, %hi : i32
    %3 = arith.trunci %2 : i32 to i8
    linalg.yield %3 : i8
  }} -> {q}
  return %q : {q}
}}
"""


def run_program(*arguments):
    return subprocess.run(list(map(str, arguments)), capture_output=True, text=True, check=False)


@pytest.fixture(params=CASES)
def convolution(request, tmp_path):
    """A program, its input, and what the reference evaluator computes, which shares no pass with code for CPUs and GPUs."""
    case = CASES[request.param]
    images, size, channels = case[:3]
    (tmp_path / "main.mlir").write_text(make_convolution(*case))
    np.save(tmp_path / "x.npy", np.random.default_rng(2).integers(-128, 128, (images, channels, size, size), np.int8))
    return tmp_path, compute(tmp_path, "--engine=reference")


def compute(folder: Path, *options: str) -> np.ndarray:
    output = folder / "y.npy"
    inputs = [folder / "main.mlir", f"--inputs={folder / 'x.npy'}", f"--outputs={output}"]
    done = run_program(find_tool("qfmt-run"), *inputs, *options)
    if done.returncode == 77:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stderr
    return np.load(output)


@pytest.mark.parametrize("device", ["cpu", "sim sm_80", "sim sm_90a", "sim sm_70", "vulkan vulkan1.1", "vulkan vulkan1.3"])
def test_devices_compute_what_the_reference_does(convolution, device):
    folder, expected = convolution
    assert len(np.unique(expected)) > 20
    gpu, _, chip = device.partition(" ")
    options = [f"--gpu={gpu}", f"--gpu-chip={chip}"] if chip else []
    np.testing.assert_array_equal(compute(folder, *options), expected)


@pytest.mark.parametrize("case", CASES_PTXAS)
@pytest.mark.parametrize("chip", CHIPS)
def test_ptxas_spills_nothing(tmp_path, case, chip):
    (tmp_path / "main.mlir").write_text(make_convolution(*CASES_PTXAS[case]))
    ptx = tmp_path / "kernels.ptx"
    options = ["--gpu=cuda", f"--gpu-chip={chip}", "--emit=kernels", "-o", ptx]
    done = run_program(find_tool("qfmt-run"), tmp_path / "main.mlir", *options)
    assert done.returncode == 0, done.stderr
    assert "mma.sync.aligned.m16n8k32" in ptx.read_text()
    check_assembled(ptx.read_text(), chip, tmp_path)
