# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""qfmt-dyadic-scales-to-words: rescaling without 64-bit integers, for all operands.

Every shift, every rounding mode, random and extreme accumulators and multipliers,
ties among them. The reference evaluator runs the operation; compiled code and the
reference evaluator run what the pass makes of it.
"""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "python"))
from qfmt.tools import run_tool  # noqa: E402

MODES = ["half_even", "half_up", "half_down", "half_away", "half_toward_zero", "toward_zero", "floor", "ceil"]
TWICE = "double_rounding"
# Bits of accumulators, shifts and results.
WIDTHS = [(32, 32, 32), (32, 32, 8), (16, 8, 32), (64, 32, 32), (32, 64, 16), (8, 16, 4)]
PER_SHIFT = 400
EXTREMES = [0, 1, -1, 2, -2, 3, -3, 2**31 - 1, -(2**31 - 1), -(2**31), 2**31]


def source(count, acc, shift, result, how):
    rounding = how if how == TWICE else f"rounding = {how}"
    # Codes of odd widths enter and leave as wider ones.
    stored = max(8, result)
    widen = f"arith.extsi %r : tensor<{count}xi{result}> to tensor<{count}xi{stored}>"
    return f"""
func.func @main(%a: tensor<{count}xi{acc}>, %m: tensor<{count}xi32>, %n: tensor<{count}xi{shift}>) -> tensor<{count}xi{stored}> {{
  %r = qfmt.dyadic_scale %a, %m, %n {rounding} : tensor<{count}xi{acc}>, tensor<{count}xi32>, tensor<{count}xi{shift}> to tensor<{count}xi{result}>
  {"%s = " + widen if stored != result else ""}
  return {"%s" if stored != result else "%r"} : tensor<{count}xi{stored}>
}}"""


def choose_operands(rng, acc, least_shift):
    """Accumulators, multipliers and shifts, in ints of any size."""
    shifts = np.repeat(np.arange(least_shift, 63), PER_SHIFT)
    count = len(shifts)
    low, high = (-(2**31), 2**31) if acc == 64 else (-(2 ** (acc - 1)), 2 ** (acc - 1) - 1)
    anywhere = rng.integers(low, high, count, endpoint=True)
    # Few bits set in both: products that are ties for some shift.
    round_ones = rng.choice([-3, -1, 1, 3], count) << rng.integers(0, min(acc, 32) - 2, count)
    extremes = np.clip(rng.choice(EXTREMES, count), low, high)
    accs = np.choose(rng.integers(0, 3, count), [anywhere, round_ones, extremes])
    wide = rng.integers(0, 2**31, count)
    few = rng.integers(0, 4, count) << rng.integers(0, 29, count)
    multipliers = np.choose(rng.integers(0, 3, count), [wide, few, rng.choice([0, 1, 2**31 - 1, 2**30], count)])
    return accs, multipliers, shifts


@pytest.mark.parametrize("how", [*MODES, TWICE])
@pytest.mark.parametrize("widths", WIDTHS, ids=lambda widths: "-".join(map(str, widths)))
def test_same_results(tmp_path, widths, how):
    acc, shift, result = widths
    rng = np.random.default_rng([acc, shift, result, len(how)])
    operands = choose_operands(rng, acc, 31 if how == TWICE else 0)
    files = [tmp_path / f"{name}.npy" for name in "amn"]
    for file, values, bits in zip(files, operands, (acc, 32, shift)):
        np.save(file, values.astype(f"int{bits}"))
    plain, words = tmp_path / "plain.mlir", tmp_path / "words.mlir"
    plain.write_text(source(len(operands[0]), acc, shift, result, how))
    run_tool("qfmt-opt", plain, "--convert-elementwise-to-linalg", "--qfmt-dyadic-scales-to-words", "--canonicalize", "-o", words)
    text = words.read_text()
    assert "dyadic_scale" not in text
    if acc <= 32 and shift <= 32:
        assert "i64" not in text
    outputs = []
    for name, module, engine in [("r", plain, "reference"), ("w", words, "reference"), ("j", words, "jit")]:
        output = tmp_path / f"{name}.npy"
        inputs = ",".join(map(str, files))
        run_tool("qfmt-run", module, f"--engine={engine}", f"--inputs={inputs}", f"--outputs={output}")
        outputs.append(np.load(output))
    np.testing.assert_array_equal(outputs[0], outputs[1])
    np.testing.assert_array_equal(outputs[0], outputs[2])
