# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tables that are learned from weights, and what #qfmt.additive makes of the weights with them."""

import numpy as np
import pytest
from run_tools import run_mlir

from qfmt.additive import learn
from qfmt.errors import UserError


@pytest.fixture(scope="module")
def weights() -> np.ndarray:
    random = np.random.default_rng(5)
    return (random.standard_normal((64, 256)) * np.exp(random.standard_normal((64, 1)))).astype(np.float32)


def test_is_deterministic(weights):
    first, second = learn(weights, 2, 4, 4), learn(weights, 2, 4, 4)
    np.testing.assert_array_equal(first.tables, second.tables)
    np.testing.assert_array_equal(first.scales, second.scales)


def test_beats_scalar_quantization(weights):
    """Two bits a weight: the best scalar quantizer of a Gaussian has an error of 0.1175 (Max, 1960)."""
    assert learn(weights, 1, 8, 4).error < 0.105
    assert learn(weights, 2, 4, 4).error < 0.1175


def test_more_codebooks_have_smaller_errors(weights):
    errors = [learn(weights, codebooks, 4, 4).error for codebooks in (1, 2, 3, 4)]
    assert all(later < 0.6 * earlier for earlier, later in zip(errors, errors[1:]))


@pytest.mark.parametrize("engine", ["jit", "reference"])
def test_quantized_with_learned_tables(tmp_path, weights, engine):
    """The search of `qfmt.quantize` finds codes that are at least about as good as those of learning."""
    learned = learn(weights, 2, 4, 4)
    kind = "tensor<64x256xf32, #qfmt.additive<codebooks = 2, bits = 4, group = [1, 4], table = f16, block = [1, *], scale = f16>>"
    given = "given(%s, %t : tensor<64x1xf16>, tensor<2x16x1x4xf16>)"
    path = tmp_path / "module.mlir"
    path.write_text(f"""
func.func @main(%x: tensor<64x256xf32>, %s: tensor<64x1xf16>, %t: tensor<2x16x1x4xf16>) -> tensor<64x256xf32> {{
  %q = qfmt.quantize %x {given} : tensor<64x256xf32> to {kind}
  %y = qfmt.dequantize %q : {kind} to tensor<64x256xf32>
  return %y : tensor<64x256xf32>
}}
""")
    (decoded,) = run_mlir(path, [weights, learned.scales, learned.tables], 1, f"--engine={engine}")
    x = weights.astype(np.float64)
    error = ((decoded - x) ** 2).sum() / (x**2).sum()
    assert error < learned.error * 1.02


def test_rows_of_zeros(weights):
    zeros = np.zeros((4, 8), np.float32)
    learned = learn(zeros, 2, 2, 4)
    assert learned.error == 0 and (learned.scales == 1).all() and not learned.tables.any()


@pytest.mark.parametrize(
    "shape, arguments, message",
    [((4, 10), (1, 4, 4), "whole groups of 4"), ((8,), (1, 4, 4), "whole groups"), ((4, 8), (0, 4, 4), "1 to 16 codebooks")],
)
def test_bad_input(shape, arguments, message):
    with pytest.raises(UserError, match=message):
        learn(np.ones(shape, np.float32), *arguments)


def test_values_that_are_not_finite():
    with pytest.raises(UserError, match="not finite"):
        learn(np.full((4, 8), np.nan, np.float32), 1, 2, 4)
