# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tables that are learned from weights, and what #qfmt.additive makes of the weights with them."""

import numpy as np
import pytest
from run_tools import run_mlir

from qfmt.additive import Sums, learn, nearest
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


@pytest.fixture(scope="module")
def moments() -> np.ndarray:
    random = np.random.default_rng(6)
    data = random.standard_normal((1024, 256)) @ random.standard_normal((256, 256))
    return data.T @ data / 1024


def make_sums(weights: np.ndarray) -> Sums:
    random = np.random.default_rng(1)
    tables = [random.standard_normal((16, 4)), random.standard_normal((16, 4)) / 3]
    codes = [random.integers(16, size=64 * 64) for _ in tables]
    return Sums(weights.astype(np.float64), np.exp(random.standard_normal((64, 1))), tables, codes)


def test_tables_are_solved_for(weights, moments):
    """Against least squares with all that a table entry contributes written out."""
    random = np.random.default_rng(2)
    tables = [random.standard_normal((4, 4)) for _ in range(2)]
    codes = [random.integers(4, size=3 * 64) for _ in range(2)]
    sums = Sums(weights[:3].astype(np.float64), np.array([[0.5], [1], [2]]), tables, codes)
    units = np.eye(2 * 4 * 4).reshape(-1, 2, 4, 4)
    contributions = np.stack([sums.decode(list(unit)).ravel() for unit in units], axis=1)
    whole = np.kron(np.eye(3), moments)
    solved = np.linalg.lstsq(contributions.T @ whole @ contributions, contributions.T @ whole @ sums.weights.ravel(), rcond=None)[0]
    errors = contributions @ solved - sums.weights.ravel()
    for _ in range(10):
        sums.solve_tables(moments)
    assert np.isclose(sums.get_loss(moments), errors @ whole @ errors, rtol=1e-6)


def test_sweeps_lose_no_more(weights, moments):
    sums = make_sums(weights)
    last = sums.get_loss(moments)
    for _ in range(3):
        sums.solve_tables(moments)
        solved = sums.get_loss(moments)
        assert solved < last
        sums.search_codes(moments)
        last = sums.get_loss(moments)
        assert last < solved


def test_codes_are_the_best_ones(weights, moments):
    """After enough sweeps no single code can be replaced with gain."""
    sums = make_sums(weights)
    sums.weights, sums.scales = sums.weights[:2, :32], sums.scales[:2]
    sums.codes = [part[:16] for part in sums.codes]
    part = moments[:32, :32]
    for _ in range(20):
        sums.search_codes(part)
    loss = sums.get_loss(part)
    for codes in sums.codes:
        for place, chosen in enumerate(codes.copy()):
            for code in range(16):
                codes[place] = code
                assert sums.get_loss(part) >= loss * (1 - 1e-9)
            codes[place] = chosen


def test_moments_make_results_better(weights, moments):
    def get_loss(learned) -> float:
        """With codes that are searched anew, from the nearest ones."""
        scales, tables = (part.astype(np.float64) for part in (learned.scales, learned.tables[:, :, 0]))
        residual, codes = (weights / scales).reshape(-1, 4), []
        for table in tables:
            codes.append(nearest(residual, table))
            residual = residual - table[codes[-1]]
        sums = Sums(weights.astype(np.float64), scales, list(tables), codes)
        for _ in range(10):
            sums.search_codes(moments)
        return sums.get_loss(moments)

    with_moments = learn(weights, 2, 4, 4, moments=moments)
    whole = ((weights.astype(np.float64) @ moments) * weights).sum()
    without = get_loss(learn(weights, 2, 4, 4))
    assert with_moments.error * whole < 0.95 * without
    assert get_loss(with_moments) < without
    again = learn(weights, 2, 4, 4, moments=moments)
    np.testing.assert_array_equal(with_moments.tables, again.tables)


@pytest.mark.parametrize("bad, message", [(np.eye(8), r"found \[8, 8\]"), (np.full((256, 256), np.inf), "not finite")])
def test_bad_moments(weights, bad, message):
    with pytest.raises(UserError, match=message):
        learn(weights, 1, 2, 4, moments=bad)


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
