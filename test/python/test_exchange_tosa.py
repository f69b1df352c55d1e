# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""TOSA's rescale and block-scaled operations against the TOSA specification's arithmetic."""

from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from run_tools import run_mlir

from qfmt.pipeline import run_passes

FORMATS = {
    "f4E2M1FN": ml_dtypes.float4_e2m1fn,
    "f6E2M3FN": ml_dtypes.float6_e2m3fn,
    "f6E3M2FN": ml_dtypes.float6_e3m2fn,
    "f8E4M3FN": ml_dtypes.float8_e4m3fn,
    "f8E5M2": ml_dtypes.float8_e5m2,
}


def run(tmp_path: Path, text: str, inputs: list, count: int, passes=("convert-tosa-to-qfmt",)):
    source = tmp_path / "source.mlir"
    source.write_text(text)
    path = tmp_path / "converted.mlirbc"
    path.write_bytes(run_passes(source, list(passes)))
    return run_mlir(path, inputs, count)


ROUND_TRIP = ("convert-tosa-to-qfmt", "convert-qfmt-to-tosa", "convert-tosa-to-qfmt")


# rescale


def apply_scale(value: int, m: int, n: int, twice: bool) -> int:
    """apply_scale_32 and apply_scale_16 of the specification, in whole numbers."""
    half = 1 << (n - 1)
    if twice and n > 31:
        half += 1 << 30 if value >= 0 else -(1 << 30)
    return (value * m + half) >> n


def rescale_text(source: str, target: str, m, n, zeros=(0, 0), mode="SINGLE_ROUND", **flags):
    flags = {"per_channel": False, "input_unsigned": False, "output_unsigned": False} | flags
    size = len(m)
    said = ", ".join(f"{k} = {str(v).lower()}" for k, v in flags.items())

    def const(name: str, values, element: str) -> str:
        return (
            f'  %{name} = "tosa.const"() {{values = dense<{values}> : '
            f"tensor<{len(values)}x{element}>}} : () -> tensor<{len(values)}x{element}>\n"
        )

    return (
        f"func.func @main(%x: tensor<40x{size}x{source}>) -> tensor<40x{size}x{target}> {{\n"
        + const("m", list(m), "i32")
        + const("n", list(n), "i8")
        + const("iz", [zeros[0]], source)
        + const("oz", [zeros[1]], target)
        + f"  %y = tosa.rescale %x, %m, %n, %iz, %oz {{scale32 = true, rounding_mode = {mode}, {said}}}"
        + f" : (tensor<40x{size}x{source}>, tensor<{size}xi32>, tensor<{size}xi8>, "
        + f"tensor<1x{source}>, tensor<1x{target}>) -> tensor<40x{size}x{target}>\n"
        + f"  return %y : tensor<40x{size}x{target}>\n}}\n"
    )


def values(low: int, high: int, count: int) -> np.ndarray:
    random = np.random.default_rng(1)
    x = random.integers(low, high + 1, (40, count))
    x[:6] = np.array([low, low + 1, -3, 3, high - 1, high])[:, None].clip(low, high)
    return x


WIDTHS = {"i8": np.int8, "i16": np.int16, "i32": np.int32}


@pytest.mark.parametrize("passes", [ROUND_TRIP[:1], ROUND_TRIP])
@pytest.mark.parametrize(
    "source, target, m, n, zeros",
    [
        ("i32", "i8", [1 << 30], [40], (0, 0)),
        ("i32", "i8", [2**31 - 1], [52], (0, -5)),
        ("i32", "i16", [1234567890, 3, 0], [44, 33, 62], (0, 0)),
        ("i32", "i32", [1234567890, 1 << 30], [32, 32], (0, 0)),
        ("i8", "i8", [1999999999], [31], (7, -9)),
        ("i8", "i32", [3], [9], (-128, 0)),
        ("i16", "i8", [1 << 30, 5], [35, 17], (0, 100)),
    ],
)
def test_rescale(source, target, m, n, zeros, passes, tmp_path):
    text = rescale_text(source, target, m, n, zeros, per_channel=len(m) > 1)
    info, out = np.iinfo(WIDTHS[source]), np.iinfo(WIDTHS[target])
    x = values(info.min, info.max, len(m))
    (result,) = run(tmp_path, text, [x.astype(WIDTHS[source])], 1, passes)
    expected = [
        [
            min(max(apply_scale(int(v) - zeros[0], m[c], n[c], False) + zeros[1], out.min), out.max)
            for c, v in enumerate(row)
        ]
        for row in x
    ]
    np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("n", [31, 32, 40, 62])
def test_rescale_that_rounds_twice(n, tmp_path):
    text = rescale_text("i32", "i32", [1518500250], [n], mode="DOUBLE_ROUND")
    x = values(-(2**30), 2**30 - 1, 1)
    (result,) = run(tmp_path, text, [x.astype(np.int32)], 1)
    expected = [[apply_scale(int(v), 1518500250, n, True)] for (v,) in x]
    np.testing.assert_array_equal(result, expected)


def test_rescale_of_unsigned_numbers(tmp_path):
    text = rescale_text("i8", "i8", [1 << 30], [30], (200, 17), input_unsigned=True)
    x = np.arange(240, 280).reshape(40, 1) % 256
    (result,) = run(tmp_path, text, [x.astype(np.uint8).view(np.int8)], 1)
    np.testing.assert_array_equal(result, np.clip(x - 200 + 17, -128, 127))

    text = rescale_text("i8", "i8", [1 << 30], [29], (-3, 200), output_unsigned=True)
    x = np.arange(-20, 20).reshape(40, 1) * 6
    (result,) = run(tmp_path, text, [x.astype(np.int8)], 1)
    np.testing.assert_array_equal(result.view(np.uint8), np.clip((x + 3) * 2 + 200, 0, 255))


# Block-scaled tensors


def block_scales(x: np.ndarray, format: str) -> np.ndarray:
    """Exponents of the scales, by calc_block_scale; 128 stands for a NaN."""
    largest = float(ml_dtypes.finfo(FORMATS[format]).max)
    with np.errstate(divide="ignore", invalid="ignore"):
        a = np.abs(x.astype(np.float64)).max(-1)
        mantissa, exponent = np.frexp(a / largest)  # a / largest = mantissa * 2^exponent
        floor = exponent - 1
        exact = mantissa == 0.5
        scale = np.where(exact & (format == "f8E4M3FN"), floor, floor + 1)
    scale = np.where(a == 0, -127, np.clip(scale, -127, 127))
    return np.where(np.isfinite(a), scale, 128)


def samples(format: str) -> np.ndarray:
    """Blocks around the powers of two where the scale changes, zeros, tiny and huge ones."""
    random = np.random.default_rng(5)
    largest = np.float32(ml_dtypes.finfo(FORMATS[format]).max)
    x = random.standard_normal((24, 2, 32)).astype(np.float32)
    for row, factor in enumerate([1, 2, 0.5, 1.0000001, 0.9999999, 3]):
        x[row] /= np.abs(x[row]).max(-1, keepdims=True)
        x[row, :, 7] = np.float32(factor)
        x[row] *= largest
    x[6] = 0
    x[7] *= np.float32(1e-38)
    x[8] = np.float32(1e-45)
    x[9] *= np.float32(1e37)
    x[10] *= np.float32(1e-30)
    return x.reshape(24, 64)


def text_of_casts(format: str, logical: str = "f32") -> str:
    data, scale = f"tensor<24x64x{format}>", "tensor<24x2xf8E8M0FNU>"
    real = f"tensor<24x64x{logical}>"
    return f"""
func.func @main(%x: {real}) -> ({data}, {scale}, {real}) {{
  %d, %s = tosa.cast_to_block_scaled %x {{block_size = BLOCK_SIZE_32}} : ({real}) -> ({data}, {scale})
  %y = tosa.cast_from_block_scaled %d, %s {{block_size = BLOCK_SIZE_32}} : ({data}, {scale}) -> {real}
  return %d, %s, %y : {data}, {scale}, {real}
}}
"""


@pytest.mark.parametrize("format", FORMATS)
def test_block_scaled_casts(format, tmp_path):
    x = samples(format)
    codes, scales, y = run(tmp_path, text_of_casts(format), [x], 3)
    expected = block_scales(x.reshape(24, 2, 32), format)
    np.testing.assert_array_equal(scales.view(np.uint8), expected + 127)

    factor = np.ldexp(1.0, expected)[..., None]
    with np.errstate(over="ignore"):
        quotient = (x.reshape(24, 2, 32) / factor).astype(np.float32)
    data = quotient.astype(FORMATS[format])
    np.testing.assert_array_equal(codes.view(np.uint8), data.view(np.uint8).reshape(24, 64))
    read = (data.astype(np.float64) * factor).astype(np.float32).reshape(24, 64)
    np.testing.assert_array_equal(y, read)


def test_blocks_that_are_not_finite_have_a_scale_of_nan(tmp_path):
    x = np.ones((24, 64), np.float32)
    x[0, 3], x[1, 40], x[2, 5] = np.nan, np.inf, -np.inf
    _, scales, y = run(tmp_path, text_of_casts("f8E4M3FN"), [x], 3)
    nan = np.zeros((24, 2), bool)
    nan[0, 0] = nan[1, 1] = nan[2, 0] = True
    np.testing.assert_array_equal(scales.view(np.uint8) == 255, nan)
    np.testing.assert_array_equal(np.isnan(y), np.repeat(nan, 32, axis=1))


@pytest.mark.parametrize("passes", [ROUND_TRIP[:1], ROUND_TRIP])
@pytest.mark.parametrize("batch", [1, 2])
def test_block_scaled_product(batch, passes, tmp_path):
    random = np.random.default_rng(3)
    shapes = [(2, 4, 64), (batch, 5, 64)]
    data = [random.integers(0, 16, s).astype(np.uint8) for s in shapes]
    scale = [random.integers(120, 130, (*s[:2], 2)).astype(np.uint8) for s in shapes]
    types = [
        f"tensor<{'x'.join(map(str, s.shape))}x{e}>"
        for pair in zip(data, scale)
        for s, e in zip(pair, ("f4E2M1FN", "f8E8M0FNU"))
    ]
    arguments = ", ".join(f"%a{i}: {t}" for i, t in enumerate(types))
    text = f"""
func.func @main({arguments}) -> tensor<2x4x5xf32> {{
  %y = tosa.matmul_t_block_scaled %a0, %a1, %a2, %a3 {{block_size = BLOCK_SIZE_32}} : ({", ".join(types)}) -> tensor<2x4x5xf32>
  return %y : tensor<2x4x5xf32>
}}
"""
    inputs = [data[0], scale[0], data[1], scale[1]]
    (result,) = run(tmp_path, text, inputs, 1, passes)
    a, b = (
        d.view(ml_dtypes.float4_e2m1fn).astype(np.float64)
        * np.repeat(np.ldexp(1.0, s.astype(int) - 127), 32, axis=-1)
        for d, s in zip(data, scale)
    )
    # Sums of few small multiples of a power of two: exact in any order.
    np.testing.assert_array_equal(result, np.einsum("nhc,nwc->nhw", a, np.broadcast_to(b, (2, 5, 64))))
