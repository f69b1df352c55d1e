# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""qfmt-integerize{functions=ibert}: softmax, GELU and layer norm in every bit as
I-BERT's code computes them, for all inputs of small formats; the errors it
publishes; and the certificate, which covers them.

The kernels are written down a second time, as in the published code: with
floors of real quotients, integer division and Newton's iteration.
"""

import itertools
import json
import math

import numpy as np
import pytest

from qfmt.errors import UserError
from qfmt.tools import run_tool
from run_tools import run_mlir
from test_certificate import Format, Body, gelu_erf, layer_norm, module, softmax  # noqa: F401

ENGINES = ("jit", "reference")


# I-BERT ----------------------------------------------------------------------------


def int_exp(q, scale):
    """int_exp of IntSoftmax on one number: the exponential and its scale."""
    a, b, c = 0.35815147, 0.96963238, 1.0
    ln2 = math.floor(-0.6931 / scale)
    b_int, c_int = math.floor(b / a / scale), math.floor(c / a / scale**2)
    q = max(q, 30 * ln2)
    z = q // ln2
    r = q - ln2 * z
    return max(0, (r * (r + b_int) + c_int) << (30 - z)), a * scale**2 / 2**30


def dyadic(ratio):
    """batch_frexp, with a shift of at most 62."""
    mantissa, exponent = math.frexp(ratio)
    shift = min(31 - exponent, 62)
    return math.floor(math.ldexp(ratio, shift) + 0.5), shift


def half_even_shift(value, shift):
    quotient, rest = value >> shift, value & ((1 << shift) - 1)
    half = (1 << shift) >> 1
    return quotient + (rest > half or (rest == half and quotient % 2 == 1))


def exp16(q, scale):
    """QuantAct on the exponential, with the maximum 1."""
    value, unit = int_exp(q, scale)
    multiplier, shift = dyadic(unit / (1 / 32767))
    return min(half_even_shift(value * multiplier, shift), 32767)


def int_softmax(row, scale, bits):
    exps = [exp16(q - max(row), scale) for q in row]
    factor = 2**32 // sum(exps)
    return [e * factor >> (32 - bits) for e in exps]


def int_gelu(q, scale):
    a, b = -0.2888, -1.769
    inner = scale / 1.4142
    b_int, c_int = math.floor(b / inner), math.floor(1 / a / inner**2)
    t = min(abs(q), -b_int)
    sign = (q > 0) - (q < 0)
    y = sign * ((t + b_int) ** 2 + c_int) >> 14
    unit = a * inner**2 * 2**14
    return q * (y + math.floor(1 / unit)), scale * unit / 2


def int_sqrt(n):
    """Newton's iteration."""
    if n == 0:
        return 0
    x = 2 ** -(-n.bit_length() // 2)
    while (following := (x + n // x) // 2) < x:
        x = following
    return x


def int_layer_norm(row, shift=0):
    mean = round(sum(row) / len(row))
    y = [q - mean for q in row]
    deviation = int_sqrt(sum((v >> shift) ** 2 for v in y)) << shift
    factor = 2**31 // deviation if deviation else 0
    return [v * factor >> 1 for v in y], math.sqrt(len(row)) / 2**30


# Running ---------------------------------------------------------------------------


def run(tmp_path, text, inputs, engine="jit", options="functions=ibert"):
    source, integer = tmp_path / "encoded.mlir", tmp_path / "integer.mlir"
    source.write_text(text)
    pipeline = (
        f"-pass-pipeline=builtin.module(qfmt-integerize{{float-wrapper=false {options}}},canonicalize,cse,"
        "qfmt-verify-level{level=integer})"
    )
    integer.write_bytes(run_tool("qfmt-opt", source, pipeline))
    # Also after decomposition, without float and division.
    run_tool("qfmt-opt", integer, "-pass-pipeline=builtin.module(qfmt-decompose,"
                                  "qfmt-verify-integer-only{division=forbid})")
    return run_mlir(integer, inputs, 1, f"--engine={engine}")[0]


def bound_of(tmp_path, text, inputs, options="functions=ibert"):
    """(bound, worst error) of the only region; fails beyond the certificate."""
    source, x, out = tmp_path / "bound.mlir", tmp_path / "x.npy", tmp_path / "bound.json"
    source.write_text(text)
    np.save(x, inputs)
    run_tool("qfmt-run", source, "--check-bound", f"--inputs={x}", f"--bound-json={out}",
             f"--integerize-options={options}")
    (region,) = json.loads(out.read_text())
    return region["bound"], region["worst_error"]


def saturated(values, result):
    return np.clip(np.asarray(values), result.low, result.high)


def requantized(values, unit, result):
    multiplier, shift = dyadic(unit / result.scale)
    return saturated([half_even_shift(v * multiplier, shift) for v in values], result)


def exp_of_code(b, x, _):
    return b.map([x], ("math.exp", "%0"))


# Functions of one code: all of them -------------------------------------------------


@pytest.mark.parametrize("scale", [0.6, 0.05, 0.003])
def test_exp_of_every_code(tmp_path, scale):
    source, result = Format(8, scale, zero=127), Format(16, 1 / 32767)
    codes = np.arange(-128, 128, dtype=np.int8).reshape(16, 16)
    text = module(exp_of_code, 16, 16, source, result)
    want = [exp16(int(q) - 127, source.scale) for q in codes.ravel()]
    for engine in ENGINES:
        np.testing.assert_array_equal(run(tmp_path, text, [codes], engine).ravel(), want)
    bound, worst = bound_of(tmp_path, text, codes)
    assert worst <= bound <= 16 * worst


def test_published_error_of_exp(tmp_path):
    """1.913e-3, at fine scales, which have no coarse constants."""
    source, result = Format(16, 2.0**-12, zero=32767), Format(16, 1 / 32767)
    codes = np.arange(-32768, 32768, dtype=np.int16).reshape(256, 256)
    _, worst = bound_of(tmp_path, module(exp_of_code, 256, 256, source, result), codes)
    assert worst == pytest.approx(1.913e-3, abs=3e-4)


@pytest.mark.parametrize("bits, scale", [(8, 0.01), (8, 0.1), (16, 4 / 32767)])
def test_gelu_of_every_code(tmp_path, bits, scale):
    source, result = Format(bits, scale), Format(16, scale * 2 ** (bits - 1) / 32767)
    side = 1 << (bits // 2)
    codes = np.arange(source.low, source.high + 1).astype(source.dtype).reshape(side, side)
    text = module(gelu_erf, side, side, source, result)
    unit = int_gelu(1, source.scale)[1]
    want = requantized([-int_gelu(int(q), source.scale)[0] for q in codes.ravel()], -unit, result)
    for engine in ENGINES if bits == 8 else ENGINES[:1]:
        np.testing.assert_array_equal(run(tmp_path, text, [codes], engine).ravel(), want)
    bound, worst = bound_of(tmp_path, text, codes)
    assert worst <= bound <= 2 * worst


def test_published_error_of_gelu(tmp_path):
    """On [-4, 4]: 0.01815 at most, and 0.00819 in the mean square."""
    source, result = Format(16, 2.0**-13), Format(16, 2.0**-13)
    codes = np.arange(-32768, 32768, dtype=np.int16).reshape(256, 256)
    text = module(gelu_erf, 256, 256, source, result)
    bound, worst = bound_of(tmp_path, text, codes)
    # Half a step of the result is 0.00006.
    assert worst == pytest.approx(0.01815, abs=1.5e-4)
    assert bound < 0.0184
    x = codes * source.scale
    real = x / 2 * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))
    found = run(tmp_path, text, [codes]) * result.scale
    assert np.sqrt(np.mean((found - real) ** 2)) == pytest.approx(0.00819, abs=5e-5)


# Functions of rows ------------------------------------------------------------------


def every_row(bits, columns):
    low = -(1 << (bits - 1))
    return np.array(list(itertools.product(range(low, -low), repeat=columns)), np.int8)


@pytest.mark.parametrize("bits, columns, scale", [(4, 3, 0.2), (4, 3, 0.07), (3, 4, 0.3), (2, 6, 0.6)])
def test_softmax_of_every_row(tmp_path, bits, columns, scale):
    rows = every_row(bits, columns)
    source = Format(8, scale)
    source_text = source.attr().replace("i8", f"i{bits}")
    for width in 8, 16:
        result = Format(width, 2.0**-width, signed=False)
        text = module(softmax, len(rows), columns, source, result).replace(source.attr(), source_text)
        want = [saturated(int_softmax([int(q) for q in row], source.scale, width), result) for row in rows]
        for engine in ENGINES:
            np.testing.assert_array_equal(run(tmp_path, text, [rows], engine), want)
        bound, worst = bound_of(tmp_path, text, rows)
        assert worst <= bound


def test_softmax_of_long_rows(tmp_path):
    rng = np.random.default_rng(2)
    rows = rng.integers(-128, 128, size=(64, 128)) >> rng.integers(0, 8, size=(64, 1))
    rows = rows.astype(np.int8)
    source, result = Format(8, 0.05), Format(8, 2.0**-8, signed=False)
    text = module(softmax, 64, 128, source, result)
    want = [saturated(int_softmax([int(q) for q in row], source.scale, 8), result) for row in rows]
    np.testing.assert_array_equal(run(tmp_path, text, [rows]), want)
    bound_of(tmp_path, text, rows)


def plain_layer_norm(b, x, columns):
    """Without weight and bias, which are no part of the kernel."""
    mean = b.map([b.reduce(x, "arith.addf", 0.0)], ("arith.divf", "%0", float(columns)), narrow=True)
    centered = b.map([x, mean], ("arith.subf", "%0", "%1"))
    squares = b.map([centered], ("arith.mulf", "%0", "%0"))
    variance = b.map([b.reduce(squares, "arith.addf", 0.0)], ("arith.divf", "%0", float(columns)), narrow=True)
    scale = b.map([variance], ("arith.addf", "%0", 1e-5), ("math.rsqrt", "%p"), narrow=True)
    return b.map([centered, scale], ("arith.mulf", "%0", "%1"))


@pytest.mark.parametrize("bits, columns", [(4, 3), (3, 4), (2, 6)])
def test_layer_norm_of_every_row(tmp_path, bits, columns):
    rows = every_row(bits, columns)
    source = Format(8, 0.05)
    source_text = source.attr().replace("i8", f"i{bits}")
    for result in Format(16, 2e-5), Format(8, 0.012):
        text = module(plain_layer_norm, len(rows), columns, source, result).replace(source.attr(), source_text)
        want = []
        for row in rows:
            values, unit = int_layer_norm([int(q) for q in row])
            want.append(requantized(values, unit, result))
        for engine in ENGINES:
            np.testing.assert_array_equal(run(tmp_path, text, [rows], engine), want)
        bound, worst = bound_of(tmp_path, text, rows)
        assert worst <= bound


def test_layer_norm_of_wide_codes(tmp_path):
    """16 bits: squares of shifted values, with the shift for the widest rows."""
    rng = np.random.default_rng(8)
    rows = rng.integers(-32768, 32768, size=(64, 96)) >> rng.integers(0, 14, size=(64, 1))
    rows = rows.astype(np.int16)
    source, result = Format(16, 3e-4), Format(16, 2e-5)
    text = module(plain_layer_norm, 64, 96, source, result)
    shift = math.ceil(math.log2(math.sqrt(96 * 65535**2 / 2**32)))
    want = []
    for row in rows:
        values, unit = int_layer_norm([int(q) for q in row], shift)
        want.append(requantized(values, unit, result))
    np.testing.assert_array_equal(run(tmp_path, text, [rows]), want)
    bound_of(tmp_path, text, rows)


def test_layer_norm_with_weight_and_bias(tmp_path):
    rng = np.random.default_rng(9)
    rows = rng.integers(-128, 128, size=(64, 32)).astype(np.int8)
    text = module(layer_norm, 64, 32, Format(8, 0.05), Format(8, 0.03))
    bound, worst = bound_of(tmp_path, text, rows)
    assert worst < 0.1 < bound


def test_is_never_better(tmp_path):
    """The table of docs/IntegerOnly.md: bounds beside ours, in real numbers."""
    cases = {
        "exp": (exp_of_code, Format(16, 2.0**-12, zero=32767), Format(16, 1 / 32767), 256),
        "gelu": (gelu_erf, Format(16, 2.0**-13), Format(16, 2.0**-13), 256),
    }
    for build, source, result, side in cases.values():
        codes = np.arange(-32768, 32768, dtype=np.int16).reshape(side, side)
        text = module(build, side, side, source, result)
        theirs, ours = (bound_of(tmp_path, text, codes, f"functions={name}") for name in ("ibert", "minimax"))
        assert theirs[1] > 20 * ours[1]


def test_scales_that_are_too_fine_are_refused(tmp_path):
    text = module(exp_of_code, 2, 2, Format(16, 1e-5, zero=32767), Format(16, 1 / 32767))
    with pytest.raises(UserError, match="has no exponential of I-BERT .* the scale is too small for 31-bit constants"):
        run(tmp_path, text, [np.zeros((2, 2), np.int16)])


def test_coarse_softmax_is_refused(tmp_path):
    """ln 2 is 1 at this scale: exponentials are several times what they should be."""
    text = module(softmax, 2, 16, Format(8, 0.5), Format(8, 2.0**-8, signed=False))
    with pytest.raises(UserError, match="has no softmax of I-BERT: its exponentials are off by up to"):
        run(tmp_path, text, [np.zeros((2, 16), np.int8)])


def test_unknown_functions_are_refused(tmp_path):
    text = module(exp_of_code, 2, 2, Format(8, 0.1, zero=127), Format(16, 1 / 32767))
    with pytest.raises(UserError, match="functions is minimax or ibert, found 'remez'"):
        run(tmp_path, text, [np.zeros((2, 2), np.int8)], options="functions=remez")
