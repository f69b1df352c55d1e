# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""qfmt-simulate-precision against bit masks and clips in NumPy, and the error
tables of "To FP8 and back again"; qfmt.sharpness against its closed form."""

import numpy as np
import pytest
from run_tools import run_text

EXPONENT_BITS = {"f16": 5, "bf16": 8, "f32": 8, "f64": 11}
WIDTH = {"f16": 16, "bf16": 16, "f32": 32, "f64": 64}


def simulate(tmp_path, bits, element, exponent, mantissa, rounding="toward_zero"):
    """The bits of what becomes of floats with these bits."""
    integer, real = f"tensor<{bits.size}xi{WIDTH[element]}>", f"tensor<{bits.size}x{element}>"
    text = f"""
func.func @main(%bits: {integer}) -> {integer} {{
  %x = arith.bitcast %bits : {integer} to {real}
  %y = arith.bitcast %x : {real} to {integer}
  return %y : {integer}
}}
"""
    options = f"exponent={exponent} mantissa={mantissa} rounding={rounding} scope=all"
    passes = [f"--qfmt-simulate-precision={options}"]
    signed = bits.view(np.dtype(f"i{bits.dtype.itemsize}"))
    (compiled,) = run_text(tmp_path, text, [signed], 1, "jit", passes)
    (reference,) = run_text(tmp_path, text, [signed], 1, "reference", passes)
    assert (compiled == reference).all()
    return compiled.view(bits.dtype)


def is_nan(bits, element):
    exponent_bits, width = EXPONENT_BITS[element], WIDTH[element]
    infinity = ((1 << exponent_bits) - 1) << (width - 1 - exponent_bits)
    return (bits & ((1 << (width - 1)) - 1)) > infinity


def check_nan(found, bits, element):
    nan = is_nan(bits, element)
    assert (is_nan(found, element) == nan).all()
    return ~nan


@pytest.mark.parametrize("mantissa", range(1, 7))
def test_bf16_mask(tmp_path, mantissa):
    """Every bf16: fewer mantissa bits toward zero are a mask."""
    bits = np.arange(1 << 16, dtype=np.uint16)
    found = simulate(tmp_path, bits, "bf16", 8, mantissa)
    number = check_nan(found, bits, "bf16")
    masked = bits & ~np.uint16((1 << (7 - mantissa)) - 1)
    assert (found[number] == masked[number]).all()
    again = simulate(tmp_path, found, "bf16", 8, mantissa)
    assert (again == found).all()


@pytest.mark.parametrize("mantissa", [1, 3, 7])
def test_f32_mask(tmp_path, mantissa):
    random = np.random.default_rng(3)
    bits = random.integers(0, 1 << 32, 1 << 16, dtype=np.uint32)
    bits[:256] %= 1 << 23  # subnormal numbers
    bits[256:260] = [0x7F800000, 0xFF800000, 0x7F7FFFFF, 0xFF7FFFFF]
    found = simulate(tmp_path, bits, "f32", 8, mantissa)
    number = check_nan(found, bits, "f32")
    masked = bits & ~np.uint32((1 << (23 - mantissa)) - 1)
    assert (found[number] == masked[number]).all()


def clipped(x, exponent, mantissa, rounding):
    """x rounded to the mantissa, then clipped to the exponents of an IEEE format."""
    bias = (1 << (exponent - 1)) - 1
    smallest = 2.0 ** (1 - bias)
    largest = (2 - 2.0**-mantissa) * 2.0**bias
    fraction, power = np.frexp(x)
    scaled = np.ldexp(fraction, mantissa + 1)
    whole = np.trunc(scaled) if rounding == "toward_zero" else np.rint(scaled)
    y = np.ldexp(whole, power - mantissa - 1)
    y = np.clip(y, -largest, largest)
    # Between zero and the smallest normal number there is nothing to round to;
    # the middle is a tie that zero wins as the even one.
    below = abs(x) < smallest
    near = abs(x) > smallest / 2 if rounding == "half_even" else False
    return np.where(below, np.copysign(np.where(near, smallest, 0), x), y)


@pytest.mark.parametrize("rounding", ["toward_zero", "half_even"])
@pytest.mark.parametrize("exponent, mantissa", [(7, 7), (7, 3), (5, 2), (4, 3), (3, 1), (2, 5)])
def test_clip(tmp_path, exponent, mantissa, rounding):
    random = np.random.default_rng(5)
    reach = min(2.0**exponent, 126)
    spread = random.uniform(-reach, reach, 1 << 15)
    x = (random.uniform(1, 2, 1 << 15) * 2**spread * random.choice([-1, 1], 1 << 15)).astype(
        np.float32
    )
    x[:6] = [0, -0.0, np.inf, -np.inf, np.nan, np.finfo(np.float32).max]
    bias = (1 << (exponent - 1)) - 1
    largest = (2 - 2.0**-mantissa) * 2.0**bias
    corners = np.array([2.0 ** (1 - bias), 2.0**-bias, largest, largest * (1 + 2.0**-20)])
    corners = np.concatenate([corners, np.nextafter(corners.astype(np.float32), np.float32(0))])
    x[6:22] = np.concatenate([corners, -corners])
    found = simulate(tmp_path, x.view(np.uint32), "f32", exponent, mantissa, rounding)
    number = check_nan(found, x.view(np.uint32), "f32")
    y = found.view(np.float32)
    with np.errstate(invalid="ignore"):
        expected = clipped(x.astype(np.float64), exponent, mantissa, rounding)
    assert (y[number] == expected[number]).all()
    assert (np.signbit(y[number]) == np.signbit(x[number])).all()
    order = np.argsort(x[number], kind="stable")
    assert (np.diff(y[number][order]) >= 0).all()


def test_f16_keeps_its_exponents(tmp_path):
    """f16 has 5 exponent bits: nothing is clipped, subnormal numbers are masked."""
    bits = np.arange(1 << 16, dtype=np.uint16)
    found = simulate(tmp_path, bits, "f16", 5, 2)
    number = check_nan(found, bits, "f16")
    assert (found[number] == (bits & 0xFF00)[number]).all()


def test_f64_is_clipped(tmp_path):
    x = np.array([1e300, -1e300, 1e-300, 1.9, -2.0**-126, np.inf])
    found = simulate(tmp_path, x.view(np.uint64), "f64", 8, 1).view(np.float64)
    assert list(found) == [1.5 * 2.0**127, -1.5 * 2.0**127, 0, 1.5, -2.0**-126, 1.5 * 2.0**127]


# Mean of (x - trunc x) / x for uniform mantissas.
TRUNCATION = {2: 0.084049, 3: 0.042671, 4: 0.021498, 5: 0.010790, 6: 0.005405, 7: 0.002705}


@pytest.mark.parametrize("mantissa", TRUNCATION)
def test_truncation_table(tmp_path, mantissa):
    x = (1 + (np.arange(1 << 17) + 0.5) / (1 << 17)).astype(np.float32)
    found = simulate(tmp_path, x.view(np.uint32), "f32", 8, mantissa).view(np.float32)
    error = (x.astype(np.float64) - found) / x
    assert error.mean() == pytest.approx(TRUNCATION[mantissa], abs=6e-7)
    assert 0 <= error.min() and error.max() <= 2.0**-mantissa / (1 + 2.0**-mantissa)
    nearest = simulate(tmp_path, x.view(np.uint32), "f32", 8, mantissa, "half_even")
    error = (x.astype(np.float64) - nearest.view(np.float32)) / x
    assert abs(error).max() <= 2.0 ** -(mantissa + 1)


def test_matmul(tmp_path):
    """The pass on the operands of a matrix product, and on nothing else."""
    text = """
func.func @main(%a: tensor<13x29xf32>, %b: tensor<29x17xf32>, %c: tensor<13x17xf32>) -> tensor<13x17xf32> {
  %y = linalg.matmul ins(%a, %b : tensor<13x29xf32>, tensor<29x17xf32>) outs(%c : tensor<13x17xf32>) -> tensor<13x17xf32>
  return %y : tensor<13x17xf32>
}
"""
    random = np.random.default_rng(13)
    a = random.normal(size=(13, 29)).astype(np.float32)
    b = random.normal(size=(29, 17)).astype(np.float32)
    c = random.normal(size=(13, 17)).astype(np.float32)
    passes = ["--qfmt-simulate-precision=exponent=8 mantissa=3"]
    expected = c.copy()
    mask = np.uint32(0xFFF00000)
    masked_a, masked_b = [(x.view(np.uint32) & mask).view(np.float32) for x in (a, b)]
    for k in range(29):
        expected += masked_a[:, k : k + 1] * masked_b[k : k + 1, :]
    for engine in ("jit", "reference"):
        (found,) = run_text(tmp_path, text, [a, b, c], 1, engine, passes)
        assert (found == expected).all(), engine


# Of all-zero logits: classes, epsilon -> sharpness.
SHARPNESS = {
    (2, 5.0e-4): 0.0295382,
    (2, 1.0e-3): 0.0590911,
    (32000, 5.0e-4): 0.00879210,
    (32000, 1.0e-3): 0.0175842,
}


def sharpness(tmp_path, logits, targets, epsilon, element, engine):
    rows, classes = logits.shape
    text = f"""
func.func @main(%z: tensor<{rows}x{classes}x{element}>, %t: tensor<{rows}xi32>) -> tensor<{rows}x{element}> {{
  %s = qfmt.sharpness %z, %t epsilon = {epsilon:.4e}
       : tensor<{rows}x{classes}x{element}>, tensor<{rows}xi32> to tensor<{rows}x{element}>
  return %s : tensor<{rows}x{element}>
}}
"""
    (result,) = run_text(tmp_path, text, [logits, targets.astype(np.int32)], 1, engine)
    return result


@pytest.mark.parametrize("engine", ["jit", "reference"])
@pytest.mark.parametrize("classes, epsilon", SHARPNESS)
def test_sharpness_table(tmp_path, classes, epsilon, engine):
    logits = np.zeros((1, classes))
    (found,) = sharpness(tmp_path, logits, np.array([0]), epsilon, "f64", engine)
    assert float(f"{found:.6g}") == SHARPNESS[classes, epsilon]


def cross_entropy(z, target):
    largest = z.max()
    return np.log(np.exp(z - largest).sum()) + largest - z[target]


def test_sharpness_is_the_maximum(tmp_path):
    """The closed form, both engines, and no corner of the box is worse."""
    random = np.random.default_rng(17)
    logits = random.normal(scale=3, size=(5, 7))
    targets = np.array([0, 6, 3, 7, -1])
    found = sharpness(tmp_path, logits, targets, 1.0e-2, "f64", "jit")
    reference = sharpness(tmp_path, logits, targets, 1.0e-2, "f64", "reference")
    # Each cross entropy is within a few units of 2^-53 of itself; their
    # difference keeps 11 digits.
    np.testing.assert_allclose(found, reference, rtol=1e-10)
    assert np.isnan(found[3:]).all()
    for row in range(3):
        z, target = logits[row], targets[row]
        room = 1e-2 * (abs(z) + 1)
        loss = cross_entropy(z, target)
        corners = [
            cross_entropy(z + room * np.array(signs), target)
            for signs in np.ndindex(*[2] * 7)
            for signs in [[2 * s - 1 for s in signs]]
        ]
        expected = 100 * (max(corners) - loss) / (1 + loss)
        assert found[row] == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("element, dtype", [("f16", np.float16), ("f32", np.float32)])
def test_sharpness_of_narrow_logits(tmp_path, element, dtype):
    """Computed in f64 and rounded once: both engines give the same bits."""
    logits = np.random.default_rng(19).normal(scale=4, size=(6, 257)).astype(dtype)
    logits[4, 5], logits[5, 6] = np.inf, np.nan
    targets = np.array([1, 256, 0, 257, 3, 3])
    found = sharpness(tmp_path, logits, targets, 5.0e-4, element, "jit")
    reference = sharpness(tmp_path, logits, targets, 5.0e-4, element, "reference")
    np.testing.assert_array_equal(found, reference)
    assert np.isfinite(found[:3]).all() and np.isnan(found[3:]).all()
