# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""linalg operations that write a part of their results: the other elements keep their initial values, in compiled code
as in the reference evaluator and in numpy."""

import itertools

import numpy as np
import pytest
from run_tools import run_mlir

# The place that loops i and j, of 3 and 5 turns, write: as an affine map, and in Python.
MAPS = {
    "diagonal": ("i, i", lambda i, j: (i, i)),
    "column": ("i, 4", lambda i, j: (i, 4)),
    "strided": ("i * 2, j", lambda i, j: (i * 2, j)),
    "shifted": ("i + 1, j + 2", lambda i, j: (i + 1, j + 2)),
    "backward": ("5 - i, j", lambda i, j: (5 - i, j)),
    "overlapping": ("i + j, 1", lambda i, j: (i + j, 1)),
    "divided": ("i floordiv 2, j mod 3", lambda i, j: (i // 2, j % 3)),
    "element": ("6, 7", lambda i, j: (6, 7)),
}

# What the body makes of an element `a` and the old value `b`.
BODIES = {
    "new": ("", "%a", lambda a, b: a),
    "sum": ("%s = arith.addi %a, %b : i32", "%s", lambda a, b: a + b),
    "zero of the old": (
        "%z = arith.constant 0 : i32  %m = arith.muli %b, %z : i32  %s = arith.addi %a, %m : i32",
        "%s",
        lambda a, b: a,
    ),
}


def network(place: str, code: str, result: str, sizes: str) -> str:
    return f"""
func.func @main(%x: tensor<3x5xi32>, %y: tensor<{sizes}xi32>) -> tensor<{sizes}xi32> {{
  %r = linalg.generic {{indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> ({place})>],
                       iterator_types = ["parallel", "reduction"]}}
      ins(%x : tensor<3x5xi32>) outs(%y : tensor<{sizes}xi32>) {{
  ^bb0(%a: i32, %b: i32):
    {code}
    linalg.yield {result} : i32
  }} -> tensor<{sizes}xi32>
  return %r : tensor<{sizes}xi32>
}}
"""


@pytest.mark.parametrize("where", MAPS)
def test_what_is_not_written_stays(tmp_path, where):
    place, locate = MAPS[where]
    x = np.arange(15, dtype=np.int32).reshape(3, 5) - 7
    # An index that is a loop's says that there are as many places as turns.
    shape = {"diagonal": (3, 3), "column": (3, 8), "strided": (7, 5), "backward": (7, 5)}.get(where, (7, 8))
    y = 1000 + np.arange(np.prod(shape), dtype=np.int32).reshape(shape)
    for (what, (code, result, compute)), sizes in itertools.product(BODIES.items(), ("x".join(map(str, shape)), "?x?")):
        expected = y.copy()
        for i, j in itertools.product(range(3), range(5)):
            expected[locate(i, j)] = compute(x[i, j], expected[locate(i, j)])
        path = tmp_path / "main.mlir"
        path.write_text(network(place, code, result, sizes))
        for engine in ("reference", "jit"):
            found = run_mlir(path, [x, y], 1, f"--engine={engine}")[0]
            np.testing.assert_array_equal(found, expected, err_msg=f"{what}, {sizes}, {engine}")
