# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""qfmt-integerize{compat}: each preset in every bit as its framework defines it.

The rules below are written from the frameworks' own definitions, in Python's
integers. Accumulators enter as codes, channels get their scales by a product
with constants, and the compiled result is compared code by code.
"""

import math
from fractions import Fraction

import numpy as np
import pytest

from qfmt.errors import UserError
from qfmt.tools import run_tool
from run_tools import run_mlir

ENGINES = ("jit", "reference")


def f32(value):
    return float(np.float32(value))


def half_even(value: Fraction) -> int:
    return round(value)


def half_up(value: Fraction) -> int:
    return math.floor(value + Fraction(1, 2))


def quantized_multiplier(ratio):
    """frexp and a multiplier of 31 bits, rounded half up: the start of every rule."""
    mantissa, exponent = math.frexp(ratio)
    multiplier = half_up(Fraction(mantissa) * 2**31)
    if multiplier == 2**31:
        multiplier, exponent = 2**30, exponent + 1
    return multiplier, exponent


def hawq(accs, source, target):
    """batch_frexp and the rounding shift of fixedpoint_mul."""
    ratio = f32(source) / f32(target)
    multiplier, exponent = quantized_multiplier(ratio)
    return [half_even(Fraction(acc * multiplier, 2 ** (31 - exponent))) for acc in accs]


def high_mul(a, b):
    """SaturatingRoundingDoublingHighMul; a and b are not both -2^31 here."""
    product = a * b
    nudge = (1 << 30) if product >= 0 else 1 - (1 << 30)
    # C++ divides toward zero.
    quotient = abs(product + nudge) >> 31
    return quotient if product + nudge >= 0 else -quotient


def divide_by_pot(value, exponent):
    """RoundingDivideByPOT."""
    mask = (1 << exponent) - 1
    threshold = (mask >> 1) + (1 if value < 0 else 0)
    return (value >> exponent) + (1 if (value & mask) > threshold else 0)


def tflite(accs, source, target):
    """QuantizeMultiplier and MultiplyByQuantizedMultiplier."""
    multiplier, shift = quantized_multiplier(source / target)
    if shift < -31:
        multiplier, shift = 0, 0
    left, right = max(shift, 0), max(-shift, 0)
    return [divide_by_pot(high_mul(acc << left, multiplier), right) for acc in accs]


def tosa(accs, source, target):
    """computeMultiplierAndShift and apply_scale_32 without double_round."""
    multiplier, exponent = quantized_multiplier(source / target)
    shift = 31 - exponent
    if shift > 62:
        multiplier, shift = multiplier >> min(31, shift - 62), 62
    return [(acc * multiplier + (1 << (shift - 1))) >> shift for acc in accs]


def tosa_double_round(accs, source, target):
    """... and with it."""
    multiplier, exponent = quantized_multiplier(source / target)
    shift = 31 - exponent
    if shift > 62:
        multiplier, shift = multiplier >> min(31, shift - 62), 62
    results = []
    for acc in accs:
        rounding = 1 << (shift - 1)
        if shift > 31:
            rounding += 1 << 30 if acc >= 0 else -(1 << 30)
        results.append((acc * multiplier + rounding) >> shift)
    return results


RULES = {"hawq": hawq, "tflite": tflite, "tosa": tosa, "tosa-double-round": tosa_double_round}


def module(scale, factors, result, target, zero, count, high_type="i15"):
    """The accumulator 65536 x + y of two codes, 31 bits, at `scale` times a channel's factor."""
    channels = len(factors)
    data = np.asarray(factors, "<f4").tobytes().hex().upper()
    real = f"tensor<{channels}x{count}xf32>"
    high, low, out = (f"tensor<{channels}x{count}xf32, #{name}>" for name in ("high", "low", "out"))
    return f"""
#high = #qfmt.scaled<{high_type}, scale = {scale:.9e}>
#low = #qfmt.scaled<ui16, scale = {scale:.9e}>
#out = #qfmt.scaled<{result}, scale = {target:.9e}, zero_point = {zero}>
#all = affine_map<(c, n) -> (c, n)>
#channel = affine_map<(c, n) -> (c)>
func.func @main(%a: {high}, %b: {low}) -> {out} {{
  %k = arith.constant 65536.0 : f32
  %f = arith.constant dense<"0x{data}"> : tensor<{channels}xf32>
  %e = tensor.empty() : {real}
  %p = linalg.generic {{indexing_maps = [#all, #all, #channel, #all], iterator_types = ["parallel", "parallel"]}}
      ins(%a, %b, %f : {high}, {low}, tensor<{channels}xf32>) outs(%e : {real}) {{
  ^bb0(%x: f32, %y: f32, %w: f32, %o: f32):
    %upper = arith.mulf %x, %k : f32
    %acc = arith.addf %upper, %y : f32
    %m = arith.mulf %acc, %w : f32
    linalg.yield %m : f32
  }} -> {real}
  %q = qfmt.quantize %p : {real} to {out}
  return %q : {out}
}}
"""


def short_module(scale, factors, result, target, zero, count):
    """The same with accumulators of 16 bits, one code each."""
    text = module(scale, factors, result, target, zero, count, "i16")
    high = f"tensor<{len(factors)}x{count}xf32, #high>"
    low = f"tensor<{len(factors)}x{count}xf32, #low>"
    text = text.replace(f", %b: {low}", "").replace(f"%b, %f : {high}, {low}", f"%f : {high}")
    text = text.replace("[#all, #all, #channel", "[#all, #channel").replace("%y: f32, ", "")
    text = text.replace("    %upper = arith.mulf %x, %k : f32\n    %acc = arith.addf %upper, %y : f32\n", "")
    return text.replace("arith.mulf %acc", "arith.mulf %x")


def codes_of(accs):
    """The codes that make up accumulators of 31 bits, or those of 16 as they are."""
    if accs.dtype.itemsize == 2:
        return [accs]
    return [(accs >> 16).astype("<i2"), (accs & 0xFFFF).astype("<u2")]


def requantize(tmp_path, text, accs, compat, engine="jit"):
    source = tmp_path / "encoded.mlir"
    source.write_text(text)
    options = f"{{float-wrapper=false compat={compat}}}" if compat else "{float-wrapper=false}"
    integer = tmp_path / "integer.mlir"
    pipeline = f"-pass-pipeline=builtin.module(qfmt-integerize{options},canonicalize,cse)"
    integer.write_bytes(run_tool("qfmt-opt", source, pipeline))
    return run_mlir(integer, codes_of(accs), 1, f"--engine={engine}")[0]


def accumulators(rng, bits, channels, count):
    """Of all magnitudes, with extremes and small numbers, where ties are."""
    high = 2 ** (bits - 1)
    accs = rng.integers(-high, high, size=(channels, count))
    accs >>= rng.integers(0, bits, size=accs.shape)
    accs[:, :4] = [-high, high - 1, 0, -1]
    return accs.astype("<i2" if bits == 16 else "<i4")


def saturated(codes, bits, zero):
    low = -(2 ** (bits - 1))
    return np.array([min(max(code + zero, low), -low - 1) for code in codes])


CASES = {
    # name: bits of the accumulator, of the result, its zero point, ratios from 2^a to 2^b
    "bytes": (31, 8, -3, (-31, -16)),
    "ties": (31, 16, 0, (-12, -2)),
    "large": (31, 16, 0, (-18, -14)),
    "tiny": (31, 8, 5, (-70, -27)),
    "left": (16, 16, 0, (-3, 8)),
    "more": (16, 16, 0, (0.1, 12)),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("compat", RULES)
def test_is_bit_exact(tmp_path, compat, case):
    acc_bits, bits, zero, (low, high) = CASES[case]
    rng = np.random.default_rng(sum(map(ord, compat + case)))
    for round_ in range(3):
        channels, count = (1, 256) if round_ == 0 else (24, 256)
        scale, target = f32(np.exp(rng.uniform(-6, 1))), f32(np.exp(rng.uniform(-3, 3)))
        factors = np.float32(np.exp2(rng.uniform(low, high, size=channels)) * target / scale)
        if case == "ties":
            # The ratio is a power of two for some channels: every mode shows.
            scale = target = 0.5
            factors = np.float32(np.exp2(rng.uniform(low, high, size=channels)))
            factors[::2] = np.exp2(rng.integers(low, high, size=len(factors[::2])))
        accs = accumulators(rng, acc_bits, channels, count)
        build = short_module if acc_bits == 16 else module
        text = build(scale, factors, f"i{bits}", target, zero, count)
        got = requantize(tmp_path, text, accs, compat, ENGINES[round_ % 2])
        for channel, factor in enumerate(factors):
            values = RULES[compat]([int(a) for a in accs[channel]], scale * float(factor), target)
            np.testing.assert_array_equal(got[channel], saturated(values, bits, zero), f"{compat} {factor}")


@pytest.mark.parametrize("compat", ["", "onnx"])
def test_onnx_is_the_real_quotient_rounded(tmp_path, compat):
    """... wherever 31 bits of the multiplier decide, and one code off elsewhere."""
    rng = np.random.default_rng(7)
    scale, target = f32(0.0123), f32(0.37)
    factors = np.float32(np.exp2(rng.uniform(-26, -17, size=64)) * target / scale)
    accs = accumulators(rng, 31, 64, 128)
    got = requantize(tmp_path, module(scale, factors, "i16", target, 0, 128), accs, compat)
    decided = 0
    for channel, factor in enumerate(factors):
        ratio = Fraction(scale) * Fraction(float(factor)) / Fraction(target)
        for acc, code in zip(accs[channel], got[channel]):
            exact = int(acc) * ratio
            assert abs(int(code) - half_even(exact)) <= 1
            from_tie = abs(exact - math.floor(exact) - Fraction(1, 2))
            if from_tie > abs(exact) / 2**31 + Fraction(1, 2**32):
                assert int(code) == half_even(exact)
                decided += 1
    assert decided > 0.9 * accs.size


def test_share_of_codes_that_dyadic_numbers_change(tmp_path):
    """HAWQ's multipliers against the real ratio: 1.16 % of random 32-bit results, by 1."""
    rng = np.random.default_rng(12)
    ratios = np.exp(rng.uniform(np.log(1e-6), np.log(0.9), size=200000))
    accs = rng.integers(-(2**31), 2**31, size=ratios.shape)
    dyadic = [quantized_multiplier(ratio) for ratio in ratios]
    multipliers = np.array([m for m, _ in dyadic], "<i4")
    shifts = np.array([31 - e for _, e in dyadic], "<i4")
    path = tmp_path / "scale.mlir"
    kind = f"tensor<{len(accs)}xi32>"
    path.write_text(
        f"func.func @main(%a: {kind}, %m: {kind}, %n: {kind}) -> {kind} {{\n"
        f"  %0 = qfmt.dyadic_scale %a, %m, %n : {kind}, {kind}, {kind} to {kind}\n"
        f"  return %0 : {kind}\n}}\n"
    )
    got = run_mlir(path, [accs.astype("<i4"), multipliers, shifts], 1)[0]
    off = 0
    for acc, ratio, code in zip(accs.tolist(), ratios.tolist(), got.tolist()):
        difference = abs(code - half_even(acc * Fraction(ratio)))
        assert difference <= 1
        off += difference
    # Four standard deviations of 200000 draws are 0.1 %.
    assert off / accs.size == pytest.approx(0.0116, abs=0.001)


@pytest.mark.parametrize("compat", ["", "onnx", *RULES])
def test_stays_within_the_certificate(tmp_path, compat):
    rng = np.random.default_rng(3)
    target = f32(0.37)
    for low, high in (-20, -14), (-30, -22), (-40, -30):
        scale = f32(0.0123)
        factors = np.float32(np.exp2(rng.uniform(low, high, size=16)) * target / scale)
        source, files = tmp_path / "encoded.mlir", [tmp_path / "high.npy", tmp_path / "low.npy"]
        source.write_text(module(scale, factors, "i16", target, 0, 64))
        for file, codes in zip(files, codes_of(accumulators(rng, 31, 16, 64))):
            np.save(file, codes)
        options = ["--check-bound", "--inputs=" + ",".join(map(str, files))]
        if compat:
            options.append(f"--integerize-options=compat={compat}")
        run_tool("qfmt-run", source, *options)


def test_left_shift_that_overflows_is_refused(tmp_path):
    text = module(1.0, [0.3, 3.7], "i16", 1.0, 0, 4)
    with pytest.raises(UserError, match="shifting an accumulator left by 2 bits, as compat=tflite"):
        requantize(tmp_path, text, np.zeros((2, 4), "<i4"), "tflite")
