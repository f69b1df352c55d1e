# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""qfmt.lmul: compiled code, the reference evaluator and NumPy agree bit for bit,
and its errors are those of the table of "Addition is all you need".

`lmul` below is written from the definition, independently of the C++ code.
"""

import ml_dtypes
import numpy as np
import pytest
from run_tools import run_text

# name -> numpy type, exponent bits, mantissa bits, bias, field of infinity or
# None, largest finite field, NaN
FORMATS = {
    "f32": (np.float32, 8, 23, 127, 0x7F800000, 0x7F7FFFFF, 0x7FC00000),
    "f16": (np.float16, 5, 10, 15, 0x7C00, 0x7BFF, 0x7E00),
    "bf16": (ml_dtypes.bfloat16, 8, 7, 127, 0x7F80, 0x7F7F, 0x7FC0),
    "f8E4M3FN": (ml_dtypes.float8_e4m3fn, 4, 3, 7, None, 0x7E, 0x7F),
    "f8E4M3": (ml_dtypes.float8_e4m3, 4, 3, 7, 0x78, 0x77, 0x7C),
    "f8E5M2": (ml_dtypes.float8_e5m2, 5, 2, 15, 0x7C, 0x7B, 0x7E),
    "f8E3M4": (ml_dtypes.float8_e3m4, 3, 4, 3, 0x70, 0x6F, 0x78),
}


def offset_shift(bits):
    return bits if bits <= 3 else 3 if bits == 4 else 4


def lmul(name, a, b, kept=None):
    """The bits of the product of two arrays of bits."""
    _, exponent_bits, mantissa_bits, bias, infinity, largest, nan = FORMATS[name]
    kept = mantissa_bits if kept is None else kept
    drop = mantissa_bits - kept
    sign_bit = 1 << (exponent_bits + mantissa_bits)
    a, b = a.astype(np.int64), b.astype(np.int64)
    sign = (a ^ b) & sign_bit
    fields = [a & (sign_bit - 1), b & (sign_bit - 1)]

    def rounded(field):
        low = field & ((1 << drop) - 1)
        up = field >> drop
        half = (1 << drop) / 2
        return up + ((low > half) | ((low == half) & (drop > 0) & (up % 2 == 1)))

    constant = (bias << kept) - ((1 << kept) >> offset_shift(kept))
    total = rounded(fields[0]) + rounded(fields[1]) - constant
    product = np.clip(total, 0, largest >> drop) << drop
    is_zero = [field >> mantissa_bits == 0 for field in fields]
    product = np.where(is_zero[0] | is_zero[1], 0, product) | sign
    if infinity is None:
        return np.where((fields[0] > largest) | (fields[1] > largest), nan, product)
    is_infinite = [field == infinity for field in fields]
    product = np.where(is_infinite[0] | is_infinite[1], sign | infinity, product)
    is_nan = (fields[0] > infinity) | (fields[1] > infinity)
    is_nan |= (is_infinite[0] & is_zero[1]) | (is_infinite[1] & is_zero[0])
    return np.where(is_nan, nan, product)


def product_module(name, count, mantissas):
    """@main multiplies the bits of two arrays, once for each of `mantissas`."""
    width = 8 * np.dtype(FORMATS[name][0]).itemsize
    bits, real = f"tensor<{count}xi{width}>", f"tensor<{count}x{name}>"
    lines = []
    for index, mantissa in enumerate(mantissas):
        option = f"mantissa = {mantissa}" if mantissa else ""
        lines.append(
            f"""
  %r{index} = linalg.generic {{indexing_maps = [#id, #id, #id], iterator_types = ["parallel"]}}
      ins(%a, %b : {bits}, {bits}) outs(%e : {bits}) {{
  ^bb0(%x: i{width}, %y: i{width}, %out: i{width}):
    %u = arith.bitcast %x : i{width} to {name}
    %v = arith.bitcast %y : i{width} to {name}
    %p = qfmt.lmul %u, %v {option} : {name}
    %q = arith.bitcast %p : {name} to i{width}
    linalg.yield %q : i{width}
  }} -> {bits}"""
        )
    names = ", ".join(f"%r{index}" for index in range(len(mantissas)))
    types = ", ".join([bits] * len(mantissas))
    return f"""
#id = affine_map<(i) -> (i)>
func.func @main(%a: {bits}, %b: {bits}) -> ({types}) {{
  %e = tensor.empty() : {bits}
  {"".join(lines)}
  return {names} : {types}
}}
"""


def operands(name):
    """All pairs of 8-bit codes; samples and the corners of wider ones."""
    width = 8 * np.dtype(FORMATS[name][0]).itemsize
    if width == 8:
        codes = np.arange(256, dtype=np.uint8)
        return np.repeat(codes, 256), np.tile(codes, 256)
    random = np.random.default_rng(7)
    unsigned = np.uint16 if width == 16 else np.uint32
    a = random.integers(0, 1 << width, 1 << 17, dtype=unsigned)
    b = random.integers(0, 1 << width, 1 << 17, dtype=unsigned)
    if width == 16:
        a[: 1 << 16] = np.arange(1 << 16)
    # Uniform bits are mostly products beyond the range: half of them get
    # exponents near that of 1.
    _, _, mantissa_bits, bias, infinity, largest, nan = FORMATS[name]
    narrow = (bias - 6 << mantissa_bits) + b[1::2] % (12 << mantissa_bits)
    b[1::2] = narrow | (b[1::2] & (1 << (width - 1)))
    corners = [0, 1, (1 << mantissa_bits) - 1, 1 << mantissa_bits, largest]
    corners += [infinity, nan, bias << mantissa_bits]
    corners = np.array(corners, dtype=unsigned)
    corners = np.concatenate([corners, corners | unsigned(1 << (width - 1))])
    a[: corners.size**2] = np.repeat(corners, corners.size)
    b[: corners.size**2] = np.tile(corners, corners.size)
    return a, b


@pytest.mark.parametrize("name", FORMATS)
def test_bits(tmp_path, name):
    kept = [None] + [k for k in (1, 2, 3, 4, 6) if k < FORMATS[name][2]]
    a, b = operands(name)
    signed = np.dtype(f"i{a.dtype.itemsize}")
    text = product_module(name, a.size, kept)
    inputs = [a.view(signed), b.view(signed)]
    compiled = run_text(tmp_path, text, inputs, len(kept))
    reference = run_text(tmp_path, text, inputs, len(kept), "reference")
    for mantissa, jit, expected in zip(kept, compiled, reference):
        bits = lmul(name, a, b, mantissa)
        assert (jit.view(a.dtype) == bits).all(), mantissa
        assert (jit == expected).all(), mantissa


def multiply(tmp_path, x, y, mantissas):
    """Compiled products of f32 arrays."""
    bits = [values.astype(np.float32).ravel().view(np.int32) for values in (x, y)]
    text = product_module("f32", bits[0].size, mantissas)
    results = run_text(tmp_path, text, bits, len(mantissas))
    return [r.view(np.float32).astype(np.float64).reshape(x.shape) for r in results]


# Of all pairs of m-bit mantissas: signed bias, mean and largest relative error,
# mean squared error, and the mean relative error of the product rounded to m bits.
EXHAUSTIVE = {
    1: (0.562500, 0.375000, 0.500000, 0.328125, 0.027778),
    2: (0.265625, 0.146736, 0.250000, 0.077148, 0.035720),
    3: (0.097656, 0.052412, 0.125000, 0.014343, 0.019013),
    4: (0.104492, 0.051408, 0.125000, 0.016544, 0.010684),
    5: (0.010498, 0.026659, 0.072884, 0.004643, 0.005443),
    8: (0.012160, 0.026550, 0.072884, 0.004936, 0.000701),
}


def round_mantissa(x, bits):
    """Half to even, for positive numbers and any exponent."""
    fraction, exponent = np.frexp(x)
    return np.ldexp(np.rint(np.ldexp(fraction, bits + 1)), exponent - bits - 1)


@pytest.mark.parametrize("bits", EXHAUSTIVE)
def test_exhaustive_table(tmp_path, bits):
    mantissas = 1 + np.arange(1 << bits) / (1 << bits)
    x, y = np.meshgrid(mantissas, mantissas)
    (product,) = multiply(tmp_path, x, y, [bits])
    error = product - x * y
    relative = abs(error) / (x * y)
    rounded = abs(round_mantissa(x * y, bits) / (x * y) - 1)
    found = (error.mean(), relative.mean(), relative.max(), (error**2).mean(), rounded.mean())
    assert found == pytest.approx(EXHAUSTIVE[bits], abs=6e-7)


# Mean relative error and root mean squared error on the grid of midpoints.
CONTINUOUS = {
    3: (0.05744, 0.16858),
    4: (0.05270, 0.14750),
    5: (0.02730, 0.07388),
    6: (0.02673, 0.07144),
    23: (0.02655, 0.07060),
}


@pytest.fixture(scope="module")
def grid():
    midpoints = 1 + (np.arange(1024) + 0.5) / 1024
    return np.meshgrid(midpoints, midpoints)


def measure(product, x, y):
    error = product - x * y
    return (abs(error) / (x * y)).mean(), np.sqrt((error**2).mean())


def test_continuous_table(tmp_path, grid):
    x, y = grid
    products = multiply(tmp_path, x, y, [None if m == 23 else m for m in CONTINUOUS])
    for (bits, expected), product in zip(CONTINUOUS.items(), products):
        assert measure(product, x, y) == pytest.approx(expected, abs=6e-6), bits
        emulated = lmul(
            "f32",
            x.astype(np.float32).view(np.uint32),
            y.astype(np.float32).view(np.uint32),
            bits,
        )
        emulated = emulated.astype(np.uint32).view(np.float32)
        assert (emulated == product).all(), bits


@pytest.mark.parametrize(
    "name, both, operands_only",
    [
        ("f8E4M3FN", (0.03519, 0.09621), (0.02934, 0.07799)),
        ("f8E5M2", (0.07041, 0.19260), (0.05860, 0.15621)),
    ],
)
def test_fp8_multiplication(tmp_path, grid, name, both, operands_only):
    """What L-Mul is compared with: products of 8-bit floats."""
    x, y = grid
    plain = "tensor<1024x1024xf32>"
    encoded = f"tensor<1024x1024xf32, #qfmt.scaled<{name}>>"

    def rounded(source, result):
        return f"""
  %q{result} = qfmt.quantize %{source} : {plain} to {encoded}
  %{result} = qfmt.dequantize %q{result} : {encoded} to {plain}"""

    text = f"""
func.func @main(%x: {plain}, %y: {plain}) -> ({plain}, {plain}) {{
  {rounded("x", "a")}
  {rounded("y", "b")}
  %p = arith.mulf %a, %b : {plain}
  {rounded("p", "r")}
  return %r, %p : {plain}, {plain}
}}
"""
    inputs = [values.astype(np.float32) for values in grid]
    results = run_text(tmp_path, text, inputs, 2)
    for product, expected in zip(results, (both, operands_only)):
        found = measure(product.astype(np.float64), x, y)
        assert found == pytest.approx(expected, abs=6e-6)


def test_mitchell(grid):
    """Without the offset the error has another bias: why there is one."""
    x, y = grid
    bits = [values.astype(np.float32).view(np.int32).astype(np.int64) for values in grid]
    product = (bits[0] + bits[1] - 0x3F800000).astype(np.int32).view(np.float32)
    error = product - x * y
    assert error.mean() == pytest.approx(-1 / 12, abs=1e-5)
    assert (abs(error) / (x * y)).mean() == pytest.approx(0.03849, abs=6e-6)
    assert (abs(error) / (x * y)).max() == pytest.approx(1 / 9, abs=2e-4)
    assert (error**2).mean() == pytest.approx(1 / 90, abs=1e-5)


@pytest.mark.parametrize("bits", [0, 4])
def test_matmul(tmp_path, bits):
    """The pass on a named operation; sums stay f32, in order."""
    text = """
func.func @main(%a: tensor<19x37xf32>, %b: tensor<37x21xf32>) -> tensor<19x21xf32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<19x21xf32>
  %z = linalg.fill ins(%zero : f32) outs(%e : tensor<19x21xf32>) -> tensor<19x21xf32>
  %y = linalg.matmul ins(%a, %b : tensor<19x37xf32>, tensor<37x21xf32>) outs(%z : tensor<19x21xf32>) -> tensor<19x21xf32>
  return %y : tensor<19x21xf32>
}
"""
    random = np.random.default_rng(11)
    a = random.normal(size=(19, 37)).astype(np.float32)
    b = random.normal(size=(37, 21)).astype(np.float32)
    passes = [f"--qfmt-lmul=mantissa={bits}"]
    (compiled,) = run_text(tmp_path, text, [a, b], 1, "jit", passes)
    (reference,) = run_text(tmp_path, text, [a, b], 1, "reference", passes)
    products = lmul(
        "f32",
        a[:, :, None].view(np.uint32),
        b[None, :, :].view(np.uint32),
        bits or None,
    )
    products = products.astype(np.uint32).view(np.float32)
    expected = np.zeros((19, 21), np.float32)
    for k in range(37):
        expected += products[:, k]
    assert (compiled == expected).all()
    assert (reference == expected).all()
    error = np.linalg.norm(compiled - a @ b) / np.linalg.norm(a @ b)
    assert 0.001 < error < 0.2
