# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""qfmt-narrow-dyadic-scales: the same results, in 32 bits, for every accumulator.

Random multipliers and shifts for each column, accumulators of few bits set among
them, so that results half way between two integers occur. The reference evaluator
runs both, and compiled code runs what it makes of the first.
"""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "python"))
from qfmt.tools import run_tool  # noqa: E402

ROWS, COLUMNS = 512, 64
MODES = ["half_even", "half_up", "half_down", "half_away", "half_toward_zero"]
# Bits of accumulators and results, and the least shift: accumulators of 32 bits
# leave no room for one to the left.
WIDTHS = [(32, 32, 33), (16, 8, 18), (8, 64, 26), (32, 16, 33), (16, 32, 18), (8, 8, 26)]


def source(multipliers, shifts, acc, result, mode):
    return f"""
#id = affine_map<(m, n) -> (m, n)>
#n = affine_map<(m, n) -> (n)>
func.func @main(%x: tensor<{ROWS}x{COLUMNS}xi{acc}>) -> tensor<{ROWS}x{COLUMNS}xi{result}> {{
  %m = arith.constant dense<{multipliers.tolist()}> : tensor<{COLUMNS}xi32>
  %s = arith.constant dense<{shifts.tolist()}> : tensor<{COLUMNS}xi32>
  %e = tensor.empty() : tensor<{ROWS}x{COLUMNS}xi{result}>
  %r = linalg.generic {{indexing_maps = [#id, #n, #n, #id], iterator_types = ["parallel", "parallel"]}}
      ins(%x, %m, %s : tensor<{ROWS}x{COLUMNS}xi{acc}>, tensor<{COLUMNS}xi32>, tensor<{COLUMNS}xi32>)
      outs(%e : tensor<{ROWS}x{COLUMNS}xi{result}>) {{
  ^bb0(%acc: i{acc}, %f: i32, %t: i32, %o: i{result}):
    %y = qfmt.dyadic_scale %acc, %f, %t rounding = {mode} : i{acc}, i32, i32 to i{result}
    linalg.yield %y : i{result}
  }} -> tensor<{ROWS}x{COLUMNS}xi{result}>
  return %r : tensor<{ROWS}x{COLUMNS}xi{result}>
}}"""


def choose_multipliers(rng, kind):
    if kind == "31 bits":
        return rng.integers(0, 2**31, COLUMNS)
    if kind == "few bits set":
        return rng.integers(1, 8, COLUMNS) << rng.integers(0, 28, COLUMNS)
    return rng.integers(0, 64, COLUMNS)


def choose_accumulators(rng, bits):
    least, greatest = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    anywhere = rng.integers(least, greatest, (ROWS, COLUMNS), endpoint=True)
    round_ones = rng.choice([-1, 1, 3], (ROWS, COLUMNS)) << rng.integers(0, bits, (ROWS, COLUMNS))
    found = np.where(rng.random((ROWS, COLUMNS)) < 0.5, anywhere, round_ones)
    found[0], found[1], found[2] = least, greatest, 0
    return np.clip(found, least, greatest).astype(f"int{bits}")


@pytest.mark.parametrize("kind", ["31 bits", "few bits set", "small"])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("widths", WIDTHS, ids=lambda widths: "-".join(map(str, widths)))
def test_same_results(tmp_path, widths, mode, kind):
    acc, result, least = widths
    rng = np.random.default_rng([acc, result, MODES.index(mode), len(kind)])
    multipliers = choose_multipliers(rng, kind)
    shifts = rng.integers(least, least + 14, COLUMNS)
    wide, narrow, array = tmp_path / "wide.mlir", tmp_path / "narrow.mlir", tmp_path / "x.npy"
    wide.write_text(source(multipliers, shifts, acc, result, mode))
    np.save(array, choose_accumulators(rng, acc))
    run_tool("qfmt-opt", wide, "--qfmt-narrow-dyadic-scales", "-o", narrow)
    assert "dyadic_scale" not in narrow.read_text()
    outputs = []
    for name, module, engine in [("a", wide, "reference"), ("b", narrow, "reference"), ("c", wide, "jit")]:
        output = tmp_path / f"{name}.npy"
        run_tool("qfmt-run", module, f"--engine={engine}", f"--inputs={array}", f"--outputs={output}")
        outputs.append(np.load(output))
    np.testing.assert_array_equal(outputs[0], outputs[1])
    np.testing.assert_array_equal(outputs[0], outputs[2])
