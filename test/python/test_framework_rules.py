# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""qfmt-integerize{compat}: residual sums, means and concatenations in every bit
as the frameworks compute them, for every pair of codes.

The frameworks' algorithms are written down a second time, in numpy's integers.
test_requantization.py has the rescaling alone.
"""

import math

import numpy as np
import pytest

from qfmt.tools import run_tool
from run_tools import run_mlir

ENGINES = ("jit", "reference")


def f32(value):
    return float(np.float32(value))


# The arithmetic of the frameworks -------------------------------------------------


def quantize_multiplier(ratio):
    """(multiplier, exponent): ratio ~ multiplier * 2^(exponent - 31)."""
    if ratio == 0:
        return 0, 0
    mantissa, exponent = math.frexp(ratio)
    multiplier = math.floor(mantissa * 2**31 + 0.5)
    if multiplier == 2**31:
        multiplier, exponent = 2**30, exponent + 1
    return multiplier, exponent


def toward_zero(numerators, denominator):
    """C's division."""
    return np.sign(numerators) * (np.abs(numerators) // denominator)


def high_mul(values, multiplier):
    """SaturatingRoundingDoublingHighMul."""
    products = values * multiplier
    return toward_zero(products + np.where(products >= 0, 1 << 30, 1 - (1 << 30)), 1 << 31)


def divide_by_pot(values, exponent):
    """RoundingDivideByPOT."""
    mask = (1 << exponent) - 1
    return (values >> exponent) + ((values & mask) > (mask >> 1) + (values < 0))


def tflite_multiply(values, multiplier, exponent):
    """MultiplyByQuantizedMultiplier."""
    shifted = values << max(exponent, 0)
    return divide_by_pot(high_mul(shifted, multiplier), max(-exponent, 0))


def tflite_requantize(values, ratio):
    return tflite_multiply(values, *quantize_multiplier(ratio))


def tosa_requantize(values, ratio, double_round=False):
    """apply_scale_32."""
    multiplier, exponent = quantize_multiplier(ratio)
    shift = 31 - exponent
    assert 2 <= shift <= 62
    rounding = np.full_like(values, 1 << (shift - 1))
    if double_round and shift > 31:
        rounding += np.where(values >= 0, 1 << 30, -(1 << 30))
    return (values * multiplier + rounding) >> shift


def half_even_shift(products, shift):
    quotients, rest = products >> shift, products & ((1 << shift) - 1)
    half = 1 << (shift - 1)
    return quotients + ((rest > half) | ((rest == half) & (quotients % 2 == 1)))


def hawq_requantize(values, source, target):
    """fixedpoint_fn without its clamp."""
    multiplier, exponent = quantize_multiplier(f32(source) / f32(target))
    return half_even_shift(values * multiplier, 31 - exponent)


def half_even(numerators, denominator):
    """Exact quotients of Python's integers, rounded."""
    quotients = numerators // denominator
    rest = 2 * (numerators - quotients * denominator)
    return quotients + ((rest > denominator) | ((rest == denominator) & (quotients % 2 == 1)))


def as_integers(*scales):
    """Floats as whole multiples of one power of two."""
    fractions = [scale.as_integer_ratio() for scale in scales]
    common = max(denominator for _, denominator in fractions)
    return [numerator * (common // denominator) for numerator, denominator in fractions]


# Sums, from codes without zero points to the code without zero point ---------------


def tflite_add(a, b, scale_a, scale_b, target, bits=8):
    """AddParams as kernels/add.cc prepares them, and AddElementwise."""
    left = 20 if bits == 8 else 15
    twice = 2 * max(scale_a, scale_b)
    total = tflite_requantize(a << left, scale_a / twice) + tflite_requantize(b << left, scale_b / twice)
    return tflite_requantize(total, twice / ((1 << left) * target))


def tosa_add(a, b, scale_a, scale_b, target, bits=8):
    """RESCALE, RESCALE, ADD, RESCALE with the scales of the legalization from TFLite."""
    left = 20 if bits == 8 else 15
    twice = 2 * max(scale_a, scale_b)
    unit = float(1 << left)
    total = tosa_requantize(a, unit * scale_a / twice) + tosa_requantize(b, unit * scale_b / twice)
    return tosa_requantize(total, twice / (target * unit))


def tosa_double_round_add(a, b, scale_a, scale_b, target, bits=8):
    left = 20 if bits == 8 else 15
    twice = 2 * max(scale_a, scale_b)
    total = tosa_requantize(a << left, scale_a / twice, True) + tosa_requantize(b << left, scale_b / twice, True)
    return tosa_requantize(total, twice / (target * float(1 << left)), True)


def hawq_add(a, b, scale_a, scale_b, target, bits=8):
    """fixedpoint_fn, case 1."""
    return hawq_requantize(a, scale_a, target) + hawq_requantize(b, scale_b, target)


def onnx_add(a, b, scale_a, scale_b, target, bits=8):
    """QuantizeLinear(DequantizeLinear(a) + DequantizeLinear(b)) of real numbers."""
    unit_a, unit_b, unit = as_integers(scale_a, scale_b, target)
    return half_even(a.astype(object) * unit_a + b.astype(object) * unit_b, unit)


SUMS = {
    "tflite": tflite_add,
    "tosa": tosa_add,
    "tosa-double-round": tosa_double_round_add,
    "hawq": hawq_add,
    "onnx": onnx_add,
}

# name: scales of a, b and the result, their zero points
FORMATS = {
    "plain": ((0.02, 0.031, 0.04), (0, 0, 0)),
    "zero_points": ((0.11, 0.07, 0.123), (-128, 17, -5)),
    "far_apart": ((0.5, 0.0013, 0.41), (3, -100, 127)),
    "one_scale": ((0.1, 0.1, 0.1), (0, 1, 2)),
    "powers_of_two": ((0.5, 0.125, 1.0), (0, -4, 9)),
    "thirds": ((1.0, 2.0, 6.0), (0, 0, 0)),
    "fine_result": ((0.03, 0.02, 0.001), (0, 0, 0)),
    "small": ((3.1e-5, 7.7e-5, 9.1e-5), (-7, 0, 0)),
}

MAPS = """
#rows = affine_map<(r, c) -> (r)>
#columns = affine_map<(r, c) -> (c)>
#all = affine_map<(r, c) -> (r, c)>
"""


def encoding(bits, scale, zero):
    return f"#qfmt.scaled<i{bits}, scale = {scale:.9e}, zero_point = {zero}>"


def sum_module(bits, count, scales, zeros, relu):
    a, b, result = (encoding(bits, s, z) for s, z in zip(scales, zeros))
    body = "    %m = arith.maximumf %s, %zero : f32\n    linalg.yield %m : f32" if relu else "    linalg.yield %s : f32"
    return f"""{MAPS}
func.func @main(%a: tensor<{count}xf32, {a}>, %b: tensor<{count}xf32, {b}>) -> tensor<{count}x{count}xf32, {result}> {{
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<{count}x{count}xf32>
  %t = linalg.generic {{indexing_maps = [#rows, #columns, #all], iterator_types = ["parallel", "parallel"]}}
      ins(%a, %b : tensor<{count}xf32, {a}>, tensor<{count}xf32, {b}>) outs(%e : tensor<{count}x{count}xf32>) {{
  ^bb0(%x: f32, %y: f32, %o: f32):
    %s = arith.addf %x, %y : f32
{body}
  }} -> tensor<{count}x{count}xf32>
  %q = qfmt.quantize %t : tensor<{count}x{count}xf32> to tensor<{count}x{count}xf32, {result}>
  return %q : tensor<{count}x{count}xf32, {result}>
}}
"""


def run(tmp_path, text, inputs, compat, engine="jit"):
    source, integer = tmp_path / "encoded.mlir", tmp_path / "integer.mlir"
    source.write_text(text)
    option = f" compat={compat}" if compat else ""
    pipeline = (
        f"-pass-pipeline=builtin.module(qfmt-integerize{{float-wrapper=false{option}}},canonicalize,cse,"
        "qfmt-verify-level{level=integer})"
    )
    integer.write_bytes(run_tool("qfmt-opt", source, pipeline))
    return run_mlir(integer, inputs, 1, f"--engine={engine}")[0]


def check_bound(tmp_path, text, inputs, compat):
    source, files = tmp_path / "bound.mlir", []
    source.write_text(text)
    for index, value in enumerate(inputs):
        files.append(tmp_path / f"bound{index}.npy")
        np.save(files[-1], value)
    run_tool("qfmt-run", source, "--check-bound", "--inputs=" + ",".join(map(str, files)),
             f"--integerize-options=compat={compat}")


def saturated(codes, bits, zero):
    return np.clip(np.asarray(codes) + zero, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1).astype(np.int64)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("compat", SUMS)
def test_sum_of_every_pair(tmp_path, compat, name):
    scales, zeros = FORMATS[name]
    scales = [f32(scale) for scale in scales]
    codes = np.arange(-128, 128, dtype=np.int8)
    a, b = (codes.astype(np.int64) - zero for zero in zeros[:2])
    for relu in False, True:
        text = sum_module(8, 256, scales, zeros, relu)
        got = run(tmp_path, text, [codes, codes], compat, ENGINES[relu])
        want = SUMS[compat](a[:, None], b[None, :], *scales)
        if relu:
            want = np.maximum(want, 0)
        np.testing.assert_array_equal(got, saturated(want, 8, zeros[2]))
    check_bound(tmp_path, text, [codes, codes], compat)


@pytest.mark.parametrize("compat", SUMS)
def test_sum_of_16_bits(tmp_path, compat):
    rng = np.random.default_rng(16)
    for scales in (1e-4, 3e-4, 2.7e-4), (0.02, 0.0007, 0.021):
        scales = [f32(scale) for scale in scales]
        a, b = rng.integers(-32768, 32768, size=(2, 256), dtype=np.int16)
        a[:4], b[:4] = [-32768, 32767, 0, -1], [32767, -32768, -1, 0]
        got = run(tmp_path, sum_module(16, 256, scales, (0, 0, 0), False), [a, b], compat)
        want = SUMS[compat](a.astype(np.int64)[:, None], b.astype(np.int64)[None, :], *scales, 16)
        np.testing.assert_array_equal(got, saturated(want, 16, 0))


def test_rules_differ(tmp_path):
    """... and from qfmt's own: otherwise this file would show nothing."""
    scales, zeros = ([f32(s) for s in FORMATS["zero_points"][0]], FORMATS["zero_points"][1])
    codes = np.arange(-128, 128, dtype=np.int8)
    results = {}
    for compat in (*SUMS, ""):
        results[compat] = run(tmp_path, sum_module(8, 256, scales, zeros, False), [codes, codes], compat)
    differences = {c: int((results[c] != results["onnx"]).sum()) for c in results}
    assert differences["hawq"] > 5000
    assert results["tosa-double-round"].tolist() == results["tflite"].tolist()


def test_onnx_in_float(tmp_path):
    """The same operators in float32: off the real definition only next to a tie."""
    codes = np.arange(-128, 128, dtype=np.int8)
    for scales, zeros in FORMATS.values():
        scales = [np.float32(scale) for scale in scales]
        got = run(tmp_path, sum_module(8, 256, [float(s) for s in scales], zeros, False), [codes, codes], "onnx")
        a, b = (
            (codes.astype(np.int32) - zero).astype(np.float32) * scale for zero, scale in zip(zeros[:2], scales)
        )
        quotient = (a[:, None] + b[None, :]) / scales[2]
        want = np.clip(np.rint(quotient).astype(np.int64) + zeros[2], -128, 127)
        off = got != want
        # Many ties are missed by less than floats hold where 0.02 / 0.04 is exact and 0.031 / 0.04 nearly 31 / 40.
        assert off.mean() < 1e-2
        a, b = (
            (codes.astype(float) - zero) * float(scale) / float(scales[2]) for zero, scale in zip(zeros[:2], scales)
        )
        exact = a[:, None] + b[None, :]
        # Roundings to 24 bits.
        reach = (np.abs(a)[:, None] + np.abs(b)[None, :]) * 2.0**-22
        assert np.all(np.abs(exact - np.floor(exact) - 0.5)[off] <= reach[off])


# Means ----------------------------------------------------------------------------


def tflite_mean(sums, count, source, target):
    """QuantizedMeanOrSum: 1 / count goes into the multiplier."""
    multiplier, exponent = quantize_multiplier(source / target)
    fold = min(count.bit_length() - 1, 32, 31 + exponent)
    return tflite_multiply(sums, (multiplier << fold) // count, exponent - fold)


def tosa_mean(sums, count, source, target, double_round=False):
    """REDUCE_SUM and RESCALE."""
    return tosa_requantize(sums, source / count / target, double_round)


def onnx_mean(sums, count, source, target):
    unit, result = as_integers(source, target)
    return half_even(sums.astype(object) * unit, result * count)


def hawq_mean(sums, count, source, target):
    return hawq_requantize(toward_zero(sums, count), source, target)


MEANS = {
    "tflite": tflite_mean,
    "tosa": tosa_mean,
    "tosa-double-round": lambda *operands: tosa_mean(*operands, True),
    "onnx": onnx_mean,
    "hawq": hawq_mean,
}


def tflite_pool(sums, count, zero):
    """AveragePool of integer_ops/pooling.h on codes with their zero point."""
    sums = sums + count * zero
    return np.where(sums > 0, (sums + count // 2) // count, toward_zero(sums - count // 2, count)) - zero


def tosa_pool(sums, count, zero):
    """AVG_POOL2D: reciprocal_scale and apply_scale_32."""
    k = (count - 1).bit_length()
    multiplier = (((1 << 30) + 1) << k) // count
    return (sums * multiplier + (1 << (29 + k))) >> (30 + k)


POOLS = {
    "tflite": tflite_pool,
    "tosa": tosa_pool,
    "tosa-double-round": tosa_pool,
    "onnx": lambda sums, count, zero: half_even(sums.astype(object), count),
    "hawq": lambda sums, count, zero: toward_zero(sums, count),
}


def mean_module(rows, columns, window, source, target, zeros):
    """Means of windows that do not overlap, or of rows if `window` is as wide."""
    a, result = encoding(8, source, zeros[0]), encoding(8, target, zeros[1])
    count = columns // window
    read = "(r, o, w) -> (r, w)" if count == 1 else f"(r, o, w) -> (r, o * {window} + w)"
    return f"""
#read = affine_map<{read}>
#window = affine_map<(r, o, w) -> (w)>
#write = affine_map<(r, o, w) -> (r, o)>
#all = affine_map<(r, c) -> (r, c)>
func.func @main(%a: tensor<{rows}x{columns}xf32, {a}>) -> tensor<{rows}x{count}xf32, {result}> {{
  %zero = arith.constant 0.0 : f32
  %n = arith.constant {float(window):.9e} : f32
  %e = tensor.empty() : tensor<{rows}x{count}xf32>
  %w = tensor.empty() : tensor<{window}xf32>
  %i = linalg.fill ins(%zero : f32) outs(%e : tensor<{rows}x{count}xf32>) -> tensor<{rows}x{count}xf32>
  %t = linalg.generic {{indexing_maps = [#read, #window, #write], iterator_types = ["parallel", "parallel", "reduction"]}}
      ins(%a, %w : tensor<{rows}x{columns}xf32, {a}>, tensor<{window}xf32>) outs(%i : tensor<{rows}x{count}xf32>) {{
  ^bb0(%x: f32, %y: f32, %o: f32):
    %s = arith.addf %o, %x : f32
    linalg.yield %s : f32
  }} -> tensor<{rows}x{count}xf32>
  %m = linalg.generic {{indexing_maps = [#all, #all], iterator_types = ["parallel", "parallel"]}}
      ins(%t : tensor<{rows}x{count}xf32>) outs(%e : tensor<{rows}x{count}xf32>) {{
  ^bb0(%x: f32, %o: f32):
    %s = arith.divf %x, %n : f32
    linalg.yield %s : f32
  }} -> tensor<{rows}x{count}xf32>
  %q = qfmt.quantize %m : tensor<{rows}x{count}xf32> to tensor<{rows}x{count}xf32, {result}>
  return %q : tensor<{rows}x{count}xf32, {result}>
}}
"""


def rows_of_every_sum(rng, rows, count):
    """Codes of which the sums take many values, ends included."""
    codes = rng.integers(-128, 128, size=(rows, count))
    codes = np.clip(codes + rng.integers(-128, 128, size=(rows, 1)), -128, 127)
    codes[0], codes[1] = -128, 127
    return codes.astype(np.int8)


@pytest.mark.parametrize("compat", MEANS)
def test_mean_of_a_dimension(tmp_path, compat):
    rng = np.random.default_rng(4)
    for case, count in enumerate((2, 3, 6, 7, 49, 64, 100)):
        source, target = f32((0.05, 0.1, 1.0)[case % 3]), f32((0.03, 0.1, 1.0, 0.21)[case % 4])
        zeros = ((0, 0), (-128, 5))[case % 2]
        codes = rows_of_every_sum(rng, 4096, count)
        text = mean_module(4096, count, count, source, target, zeros)
        sums = codes.astype(np.int64).sum(axis=1) - count * zeros[0]
        want = saturated(MEANS[compat](sums, count, source, target), 8, zeros[1])
        np.testing.assert_array_equal(run(tmp_path, text, [codes], compat)[:, 0], want, f"{count}")
        check_bound(tmp_path, text, [codes], compat)


@pytest.mark.parametrize("compat", POOLS)
def test_average_pooling(tmp_path, compat):
    rng = np.random.default_rng(5)
    for count, zero in (2, 0), (3, -128), (4, 17), (6, -1), (9, 0), (49, -128):
        codes = rows_of_every_sum(rng, 1024, 2 * count)
        text = mean_module(1024, 2 * count, count, 0.3, 0.3, (zero, zero))
        sums = codes.astype(np.int64).reshape(1024, 2, count).sum(axis=2) - count * zero
        want = saturated(POOLS[compat](sums, count, zero), 8, zero)
        np.testing.assert_array_equal(run(tmp_path, text, [codes], compat), want, f"{count}")
        check_bound(tmp_path, text, [codes], compat)


# Concatenations -------------------------------------------------------------------

REQUANTIZED = {
    "tflite": lambda codes, source, target: tflite_requantize(codes, source / target),
    "tosa": lambda codes, source, target: tosa_requantize(codes, source / target),
    "tosa-double-round": lambda codes, source, target: tosa_requantize(codes, source / target, True),
    "hawq": hawq_requantize,
    "onnx": lambda codes, source, target: onnx_mean(codes, 1, source, target),
}


@pytest.mark.parametrize("compat", REQUANTIZED)
def test_concatenation_of_every_code(tmp_path, compat):
    scales, zeros = [f32(s) for s in (0.05, 0.11, 0.013, 0.07)], (0, -128, 55, -9)
    formats = [encoding(8, scale, zero) for scale, zero in zip(scales, zeros)]
    kinds = [f"tensor<256xf32, {text}>" for text in formats]
    result = f"tensor<768xf32, {formats[3]}>"
    text = f"func.func @main(%a: {kinds[0]}, %b: {kinds[1]}, %c: {kinds[2]}) -> {result} {{\n"
    for name, kind in zip("abc", kinds):
        text += f"  %{name}0 = qfmt.dequantize %{name} : {kind} to tensor<256xf32>\n"
    text += (
        "  %t = tensor.concat dim(0) %a0, %b0, %c0 : (tensor<256xf32>, tensor<256xf32>, tensor<256xf32>) -> tensor<768xf32>\n"
        f"  %q = qfmt.quantize %t : tensor<768xf32> to {result}\n  return %q : {result}\n}}\n"
    )
    codes = np.arange(-128, 128, dtype=np.int8)
    want = [
        saturated(REQUANTIZED[compat](codes.astype(np.int64) - zero, scale, scales[3]), 8, zeros[3])
        for scale, zero in zip(scales, zeros)
    ][:3]
    np.testing.assert_array_equal(run(tmp_path, text, [codes] * 3, compat), np.concatenate(want))
    check_bound(tmp_path, text, [codes] * 3, compat)
