# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Products in forms that qfmt itself does not write but any program may hold: compiled code computes what the reference
evaluator does, bit for bit, with and without instructions for dot products, and on the simulator."""

import numpy as np
import pytest

from qfmt.tools import run_tool

WAYS = {
    "jit": [],
    "plain": ["--mcpu=x86-64"],
    "sim": ["--gpu=sim", "--gpu-chip=sm_80"],
}


def tensor(values: np.ndarray, kind: str) -> str:
    text = str(values.tolist())
    return f"arith.constant dense<{text}> : tensor<{'x'.join(map(str, values.shape))}x{kind}>"


def second_result() -> tuple[str, list[np.ndarray]]:
    """The initial value is the second result of an operation, whose first is another."""
    rng = np.random.default_rng(1)
    inputs = [rng.integers(-128, 128, (8, 4), np.int8), rng.integers(-128, 128, (4, 16), np.int8)]
    return """
#id = affine_map<(m, n) -> (m, n)>
func.func @main(%x: tensor<8x4xi8>, %w: tensor<4x16xi8>) -> (tensor<8x16xi32>, tensor<8x16xi32>) {
  %c5 = arith.constant 5 : i32
  %c700 = arith.constant 700 : i32
  %e = tensor.empty() : tensor<8x16xi32>
  %t:2 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      outs(%e, %e : tensor<8x16xi32>, tensor<8x16xi32>) {
  ^bb0(%a: i32, %b: i32):
    linalg.yield %c5, %c700 : i32, i32
  } -> (tensor<8x16xi32>, tensor<8x16xi32>)
  %y = linalg.generic {indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>,
      affine_map<(m, n, k) -> (m, n)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : tensor<8x4xi8>, tensor<4x16xi8>) outs(%t#1 : tensor<8x16xi32>) {
  ^bb0(%a: i8, %b: i8, %s: i32):
    %0 = arith.extsi %a : i8 to i32
    %1 = arith.extsi %b : i8 to i32
    %2 = arith.muli %0, %1 : i32
    %3 = arith.addi %s, %2 : i32
    linalg.yield %3 : i32
  } -> tensor<8x16xi32>
  return %y, %t#0 : tensor<8x16xi32>, tensor<8x16xi32>
}""", inputs


def index_of(loop: int) -> tuple[str, list[np.ndarray]]:
    """What adds up groups reads the number of a row, a column or a group."""
    rng = np.random.default_rng(2)
    weights = tensor(rng.integers(-8, 8, (35, 3, 32)), "i8")
    scales = tensor(rng.integers(1, 64, (3, 35)) / 64, "f32")
    return f"""
func.func @main(%x: tensor<20x3x32xi8>) -> tensor<20x35xf32> {{
  %w = {weights}
  %s = {scales}
  %z = arith.constant 0 : i32
  %zf = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<20x35x3xi32>
  %f = linalg.fill ins(%z : i32) outs(%e : tensor<20x35x3xi32>) -> tensor<20x35x3xi32>
  %sums = linalg.generic {{indexing_maps = [affine_map<(m, n, g, k) -> (m, g, k)>, affine_map<(m, n, g, k) -> (n, g, k)>,
      affine_map<(m, n, g, k) -> (m, n, g)>], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}}
      ins(%x, %w : tensor<20x3x32xi8>, tensor<35x3x32xi8>) outs(%f : tensor<20x35x3xi32>) {{
  ^bb0(%a: i8, %b: i8, %o: i32):
    %0 = arith.extsi %a : i8 to i32
    %1 = arith.extsi %b : i8 to i32
    %2 = arith.muli %0, %1 : i32
    %3 = arith.addi %o, %2 : i32
    linalg.yield %3 : i32
  }} -> tensor<20x35x3xi32>
  %e2 = tensor.empty() : tensor<20x35xf32>
  %f2 = linalg.fill ins(%zf : f32) outs(%e2 : tensor<20x35xf32>) -> tensor<20x35xf32>
  %y = linalg.generic {{indexing_maps = [affine_map<(m, n, g) -> (m, n, g)>, affine_map<(m, n, g) -> (g, n)>,
      affine_map<(m, n, g) -> (m, n)>], iterator_types = ["parallel", "parallel", "reduction"]}}
      ins(%sums, %s : tensor<20x35x3xi32>, tensor<3x35xf32>) outs(%f2 : tensor<20x35xf32>) {{
  ^bb0(%i: i32, %scale: f32, %o: f32):
    %n = linalg.index {loop} : index
    %ni = arith.index_cast %n : index to i32
    %j = arith.addi %i, %ni : i32
    %0 = arith.sitofp %j : i32 to f32
    %1 = arith.mulf %0, %scale : f32
    %2 = arith.addf %o, %1 : f32
    linalg.yield %2 : f32
  }} -> tensor<20x35xf32>
  return %y : tensor<20x35xf32>
}}""", [rng.integers(-128, 128, (20, 3, 32), np.int8)]


CASES = {"second-result": second_result(), **{f"index-{loop}": index_of(loop) for loop in range(3)}}


def run(module, inputs, results: int, options) -> list[bytes]:
    outputs = [module.parent / f"y{i}.npy" for i in range(results)]
    run_tool("qfmt-run", module, f"--inputs={','.join(map(str, inputs))}", f"--outputs={','.join(map(str, outputs))}", *options)
    return [output.read_bytes() for output in outputs]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("case", CASES)
def test_as_reference(tmp_path, case, way):
    text, arrays = CASES[case]
    module = tmp_path / "module.mlir"
    module.write_text(text)
    inputs = [tmp_path / f"x{i}.npy" for i in range(len(arrays))]
    for path, array in zip(inputs, arrays):
        np.save(path, array)
    results = 2 if case == "second-result" else 1
    assert run(module, inputs, results, WAYS[way]) == run(module, inputs, results, ["--engine=reference"])
