# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""qfmt-expand-math, compiled and run, against NumPy's long double: the errors
that max-ulp promises, over all inputs of bf16 and f16 and inputs of every binade
of f32 and f64; special values; and the operations that max-ops allows."""

import re

import numpy as np
import pytest
from run_tools import run_text

from qfmt.tools import run_tool

WIDTH = {"f16": 16, "bf16": 16, "f32": 32, "f64": 64}
# Bits of the significand and the exponent of the smallest normal number.
PRECISION = {"f16": (11, -14), "bf16": (8, -126), "f32": (24, -126), "f64": (53, -1022)}
LARGEST_EXPONENT = {"f16": 15, "bf16": 127, "f32": 127, "f64": 1023}


def decode(bits, element):
    """The numbers that bits denote, in long double; signaling NaNs too, about which NumPy would warn."""
    with np.errstate(invalid="ignore"):
        return decode_quietly(bits, element)


def decode_quietly(bits, element):
    if element == "bf16":
        return (bits.astype(np.uint32) << np.uint32(16)).view(np.float32).astype(np.longdouble)
    return bits.view({"f16": np.float16, "f32": np.float32, "f64": np.float64}[element]).astype(np.longdouble)


def compute_exact(function, x):
    with np.errstate(all="ignore"):
        if function == "erf":
            return compute_erf(x)
        return {"exp": np.exp, "exp2": np.exp2, "log2": np.log2}[function](x)


def compute_erf(x):
    """erf in long double: the series 2/sqrt(pi) e^(-x^2) sum of 2^n x^(2n+1) / (2n+1)!! has no cancellation."""
    magnitude = np.minimum(np.abs(x), np.longdouble(9))
    term = magnitude.copy()
    total = magnitude.copy()
    for n in range(1, 400):
        term = term * (2 * magnitude * magnitude) / (2 * n + 1)
        total = total + term
    two_over_root_pi = np.longdouble("1.12837916709551257389615890312154517")
    return np.copysign(two_over_root_pi * np.exp(-magnitude * magnitude) * total, x)


def measure_ulp(found, exact, element):
    """|found - exact| in units in the last place of the exact result. Infinity counts as the power of two after the
    largest number; NaN is expected where the exact result is one, and nowhere else."""
    precision, smallest = PRECISION[element]
    nan = np.isnan(exact)
    assert (np.isnan(found) == nan).all()
    found, exact = found[~nan], exact[~nan]
    end = np.ldexp(np.longdouble(1), LARGEST_EXPONENT[element] + 1)
    found, exact = np.clip(found, -end, end), np.clip(exact, -end, end)
    _, exponent = np.frexp(exact)
    exponent = np.clip(exponent - 1, smallest, LARGEST_EXPONENT[element])
    # A zero has no exponent of its own, and is computed exactly.
    assert (found[exact == 0] == 0).all()
    return (np.abs(found - exact) / np.ldexp(np.longdouble(1), exponent - (precision - 1))).max()


def expand(tmp_path, function, element, bits, options):
    """The results of the expanded function; on a vector in a loop, as networks have it."""
    integer, real = f"tensor<{bits.size}xi{WIDTH[element]}>", f"tensor<{bits.size}x{element}>"
    text = f"""
func.func @main(%bits: {integer}) -> {integer} {{
  %x = arith.bitcast %bits : {integer} to {real}
  %e = tensor.empty() : {real}
  %y = linalg.generic {{indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}}
      ins(%x : {real}) outs(%e : {real}) {{
  ^bb0(%a: {element}, %b: {element}):
    %0 = math.{function} %a : {element}
    linalg.yield %0 : {element}
  }} -> {real}
  %z = arith.bitcast %y : {real} to {integer}
  return %z : {integer}
}}
"""
    signed = bits.view(np.dtype(f"i{bits.dtype.itemsize}"))
    (result,) = run_text(tmp_path, text, [signed], 1, "jit", [f"--qfmt-expand-math={options}"])
    return result.view(bits.dtype)


def make_bits(element, function):
    """Every pattern of 16 bits; else random ones of every exponent and sign, more of them where results vary, and
    the ends."""
    if WIDTH[element] == 16:
        return np.arange(1 << 16, dtype=np.uint16)
    random = np.random.default_rng(17)
    real, unsigned = (np.float32, np.uint32) if element == "f32" else (np.float64, np.uint64)
    mantissa_bits = PRECISION[element][0] - 1
    exponents = 1 << (WIDTH[element] - 1 - mantissa_bits)
    pattern = np.repeat(np.arange(2 * exponents, dtype=np.uint64), 16) << np.uint64(mantissa_bits)
    mantissa = random.integers(0, 1 << mantissa_bits, pattern.size, dtype=np.uint64)
    # The first and the last of each binade.
    mantissa[::16], mantissa[1::16] = 0, (1 << mantissa_bits) - 1
    lo, hi = {"exp": (-750, 715), "exp2": (-1080, 1030), "log2": (0.2, 5), "erf": (-7, 7)}[function]
    if element == "f32" and function in ("exp", "exp2"):
        lo, hi = lo / 7, hi / 7
    dense = np.concatenate([random.uniform(lo, hi, 60000), random.uniform(-1.5, 1.5, 60000)]).astype(real)
    return np.concatenate([(pattern | mantissa).astype(unsigned), dense.view(unsigned)])


@pytest.mark.parametrize("function", ["exp", "exp2", "log2", "erf"])
@pytest.mark.parametrize(
    "element, max_ulp",
    [("bf16", 0.51), ("bf16", 1), ("f16", 0.51), ("f16", 1), ("f32", 3), ("f32", 50), ("f64", 3.5), ("f64", 1e6)],
)
def test_promised_error(tmp_path, function, element, max_ulp):
    bits = make_bits(element, function)
    for options in (f"max-ulp={max_ulp}", f"max-ulp={max_ulp} fma=true division=false"):
        found = decode(expand(tmp_path, function, element, bits, options), element)
        assert measure_ulp(found, compute_exact(function, decode(bits, element)), element) <= max_ulp


@pytest.mark.parametrize("element", ["f32", "f64"])
def test_special_values(tmp_path, element):
    unsigned = np.uint32 if element == "f32" else np.uint64
    real = np.float32 if element == "f32" else np.float64
    largest, smallest = np.finfo(real).max, np.finfo(real).smallest_subnormal
    x = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, largest, -largest, smallest, -smallest, 1], dtype=real)
    run = lambda function, options: decode(expand(tmp_path, function, element, x.view(unsigned), options), element)
    # 20 ulp in f64: the program that divides by its argument, 0 as well.
    for options in ("max-ulp=20", "max-ulp=4", "max-ulp=20 fma=true"):
        for function in ("exp", "exp2"):
            found = run(function, options)
            assert np.isnan(found[0])
            assert (found[[1, 2, 5, 6]] == [np.inf, 0, np.inf, 0]).all()
            assert np.allclose(found[[3, 4, 7, 8]].astype(np.float64), 1, rtol=20 * np.finfo(real).eps, atol=0)
        found = run("log2", options)
        assert np.isnan(found[[0, 2, 6, 8]]).all()
        assert (found[[1, 3, 4, 9]] == [np.inf, -np.inf, -np.inf, 0]).all()
        assert found[7] == {"f32": -149, "f64": -1074}[element]
        found = run("erf", options)
        assert np.isnan(found[0])
        assert np.allclose(found[[1, 2, 5, 6]].astype(np.float64), [1, -1, 1, -1], rtol=20 * np.finfo(real).eps)
        assert (found[3:5] == 0).all() and (np.signbit(found[3:5]) == [False, True]).all()
        assert (found[7:9] == [smallest, -smallest]).all()


def count_operations(tmp_path, function, element, options):
    source = tmp_path / "main.mlir"
    source.write_text(f"func.func @main(%x: {element}) -> {element} {{\n  %0 = math.{function} %x : {element}\n  return %0 : {element}\n}}\n")
    text = run_tool("qfmt-opt", source, f"--qfmt-expand-math={options}").decode()
    return len(re.findall(r"arith\.(?:addf|subf|mulf|divf)|math\.fma", text))


# What AutoNumerics-Zero is about: 10 operations for 2^x in double where a polynomial needs twice as many.
def test_operations(tmp_path):
    # The reduction of exp2 adds, subtracts twice and multiplies twice.
    reduction = 5
    assert count_operations(tmp_path, "exp2", "f64", "max-ulp=20 max-ops=10") == reduction + 10
    assert count_operations(tmp_path, "exp2", "f64", "max-ulp=20 division=false") >= reduction + 20
    assert count_operations(tmp_path, "exp2", "f32", "max-ulp=4 division=false") == reduction + 10
    assert count_operations(tmp_path, "exp2", "f32", "max-ulp=4 division=false fma=true") == reduction + 5
    assert count_operations(tmp_path, "exp2", "bf16", "max-ulp=1 division=false") == reduction + 4
