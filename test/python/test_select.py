# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""#qfmt.select: against a model in numpy, compiled code against the reference, and BitMoD's published numbers."""

import itertools
from dataclasses import dataclass

import numpy as np
import pytest
from run_tools import run_mlir
from test_format_lowering import Module, check, to_logical
from test_scale_rules import squared_error

FP4 = [0, 0.5, 1, 1.5, 2, 3, 4, 6]
FP3 = [0, 1, 2, 4]
NF4 = [
    -1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
    -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
    0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0,
]  # fmt: skip
FLINT4 = [-16, -8, -6, -4, -3, -2, -1, 0, 1, 2, 3, 4, 6, 8, 16]


def minifloat(mantissa: int, special: float) -> str:
    return f"!qfmt.float<2, {mantissa}, negative_zero = {float(special)}>"


def bitmod(mantissa: int, specials: list[float], scale: str = "f32", block: int = 128) -> str:
    formats = ", ".join(minifloat(mantissa, s) for s in specials)
    return f"#qfmt.select<[{formats}], block = [1, {block}], scale = {scale}>"


BITMOD4 = [5, -5, 8, -8]
BITMOD3 = [3, -3, 6, -6]
CHANNEL_SCALE = "#qfmt.scaled<ui8, block = [1, *], scale = f16>"


# ----------------------------------------------------------------------------------------------------------------------
# The model in numpy


@dataclass
class Encoded:
    values: np.ndarray
    selectors: np.ndarray
    scales: np.ndarray


def nearest(quotients: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Ties to the lower value."""
    middles = (table[1:] + table[:-1]) / 2
    return table[np.searchsorted(middles, quotients, side="left")]


def encode_bitmod(x: np.ndarray, mantissa: int, specials: list[float], channel_scale: bool, block: int = 128) -> Encoded:
    """Rows of f32 in whole blocks; every step rounds as the specification says."""
    base = FP4 if mantissa else FP3
    groups = x.reshape(x.shape[0], -1, block)
    largest = np.abs(groups).max(axis=2)
    errors, scales = [], []
    tables = [np.unique([*base, *(-v for v in base), special]).astype(np.float64) for special in specials]
    for table in tables:
        scale = largest / np.float32(np.abs(table).max())
        scale[scale == 0] = 1
        values = nearest((groups / scale[..., None]).astype(np.float64), table)
        errors.append(squared_error(groups, values, scale[..., None]))
        scales.append(scale)
    selectors = np.argmin(errors, axis=0)  # the first of equal ones
    scale = np.choose(selectors, scales)
    if channel_scale:
        scale = np.where(largest == 0, np.float32(0), scale)
        channel = (scale.max(axis=1, keepdims=True) / np.float64(255)).astype(np.float16).astype(np.float32)
        channel[channel == 0] = 1
        codes = np.clip(np.rint(scale / channel), 0, 255).astype(np.float32)
        one = np.clip(np.rint(np.float32(1) / channel), 0, 255).astype(np.float32)
        scale = np.where(codes == 0, one, codes) * channel
    quotients = (groups / scale[..., None]).astype(np.float64)
    values = np.choose(selectors[..., None], [nearest(quotients, table) for table in tables])
    decoded = (values * scale[..., None].astype(np.float64)).astype(np.float32)
    return Encoded(decoded.reshape(x.shape), selectors, scale)


def nmse(x: np.ndarray, decoded: np.ndarray) -> float:
    x = x.astype(np.float64)
    return float(((decoded - x) ** 2).sum() / (x**2).sum())


@pytest.fixture(scope="module")
def normals() -> np.ndarray:
    return np.random.default_rng(2024).standard_normal((8192, 128)).astype(np.float32)


def roundtrip(tmp_path, x: np.ndarray, encodings: dict[str, str], *options: str) -> list[np.ndarray]:
    """x, quantized to each encoding (with the operation's attributes) and read again."""
    module = Module(x=f"tensor<{x.shape[0]}x{x.shape[1]}xf32>")
    plain = module.arguments["x"]
    for index, (encoding, attributes) in enumerate(encodings.items()):
        kind = f"{plain[:-1]}, {encoding}>"
        module.lines.append(f"  %q{index} = qfmt.quantize %x {attributes} : {plain} to {kind}")
        module.add(f"qfmt.dequantize %q{index} : {kind} to {plain}", plain, encoding)
    path = tmp_path / "module.mlir"
    path.write_text(str(module))
    return run_mlir(path, [x], len(encodings), *options)


# ----------------------------------------------------------------------------------------------------------------------
# Published numbers: N(0, 1), groups of 128, within 1 %


def scaled(number_format: str, suffix: str = "") -> str:
    return f"#qfmt.scaled<{number_format}, block = [1, 128], scale = f32{suffix}>"


def codebook(values: list[float]) -> str:
    return f"!qfmt.codebook<[{', '.join(repr(float(np.float32(v))) for v in values)}]>"


LOWER = "rounding = half_down"
PUBLISHED = {
    "INT4-sym": (scaled("!qfmt.int<i4, -7, 7>"), "", 0.013759),
    "INT4-asym": (scaled("ui4", ", zero_point = ui4"), "", 0.010108),
    "FP4": (scaled("f4E2M1FN"), "", 0.011867),
    "Flint4": (scaled(codebook(FLINT4)), LOWER, 0.025396),
    "FP4-ER": (bitmod(1, [5, -5]), LOWER, 0.009919),
    "FP4-EA": (bitmod(1, [8, -8]), LOWER, 0.011556),
    "BitMoD-4": (bitmod(1, BITMOD4), LOWER, 0.009596),
    "NF4": (scaled(codebook(NF4)), LOWER, 0.009145),
    "INT6-sym": (scaled("!qfmt.int<i6, -31, 31>"), "", 0.000701),
    "INT6-asym": (scaled("ui6", ", zero_point = ui6"), "", 0.000572),
    "INT8-sym": (scaled("!qfmt.int<i8, -127, 127>"), "", 0.0000417),
}


def test_published_errors(tmp_path, normals):
    results = roundtrip(tmp_path, normals, {encoding: modes for encoding, modes, _ in PUBLISHED.values()})
    for (name, (_, _, expected)), decoded in zip(PUBLISHED.items(), results):
        assert nmse(normals, decoded) == pytest.approx(expected, rel=0.01), name


def test_special_values_of_fp3(tmp_path, normals):
    """+-6 is the best second pair beside +-3, as published."""
    expected = {5: 0.042510, 6: 0.038022, 7: 0.039078, 8: 0.042094, 9: 0.044341}
    encodings = {bitmod(0, [3, -3, sv, -sv]): LOWER for sv in expected}
    errors = [nmse(normals, decoded) for decoded in roundtrip(tmp_path, normals, encodings)]
    assert errors == pytest.approx(list(expected.values()), rel=0.01)
    assert list(expected)[int(np.argmin(errors))] == 6


def test_special_values_of_fp4(tmp_path, normals):
    """+-5 is the best pair that adds resolution, as published."""
    expected = {2.5: 0.010262, 3.5: 0.011000, 4.5: 0.010194, 5: 0.009927, 5.5: 0.010610, 7: 0.010971, 8: 0.011562}
    encodings = {bitmod(1, [sv, -sv]): LOWER for sv in expected}
    errors = [nmse(normals, decoded) for decoded in roundtrip(tmp_path, normals, encodings)]
    assert errors == pytest.approx(list(expected.values()), rel=0.01)
    assert list(expected)[int(np.argmin(errors))] == 5


# ----------------------------------------------------------------------------------------------------------------------
# Bit for bit against the model


@pytest.mark.parametrize("engine", ["jit", "reference"])
@pytest.mark.parametrize("mantissa, specials", [(1, BITMOD4), (0, BITMOD3)])
@pytest.mark.parametrize("channel_scale", [False, True])
def test_equals_the_model(tmp_path, normals, engine, mantissa, specials, channel_scale):
    x = normals[:256].reshape(64, 512) * np.float32(3.7)
    x[3, 128:256] = 0
    x[5] = 0
    x[7, :128] *= np.float32(1e-6)
    x[8, :128] = np.round(x[8, :128])  # ties
    scale = CHANNEL_SCALE if channel_scale else "f32"
    kind = f"tensor<64x512xf32, {bitmod(mantissa, specials, scale)}>"
    path = tmp_path / "module.mlir"
    path.write_text(f"""
func.func @main(%x: tensor<64x512xf32>) -> ({kind}, tensor<64x512xf32>) {{
  %q = qfmt.quantize %x {LOWER} : tensor<64x512xf32> to {kind}
  %y = qfmt.dequantize %q : {kind} to tensor<64x512xf32>
  return %q, %y : {kind}, tensor<64x512xf32>
}}
""")
    parts = 4 if channel_scale else 3
    *constituents, decoded = run_mlir(path, [x], parts + 1, f"--engine={engine}")
    expected = encode_bitmod(x, mantissa, specials, channel_scale)
    np.testing.assert_array_equal(constituents[-1], expected.selectors)
    stored = constituents[1].astype(np.float32) * (constituents[2].astype(np.float32) if channel_scale else 1)
    np.testing.assert_array_equal(stored, expected.scales)
    np.testing.assert_array_equal(decoded, expected.values)
    assert constituents[0].max() < 2 ** (mantissa + 3)


def test_integer_scales_lose_nothing(normals):
    """The published observation that 8-bit scales are as good as unquantized ones."""
    x = normals.reshape(-1, 1024)
    plain = nmse(x, encode_bitmod(x, 1, BITMOD4, channel_scale=False).values)
    integer = nmse(x, encode_bitmod(x, 1, BITMOD4, channel_scale=True).values)
    assert integer == pytest.approx(plain, rel=0.01)


# ----------------------------------------------------------------------------------------------------------------------
# Compiled code against the reference

FORMATS = [
    ["i4", "ui4"],
    ["i4", "f4E2M1FN", "!qfmt.float<1, 2>"],
    ["f8E4M3FN", "f8E5M2", "i8"],
    ["!qfmt.codebook<[-1.0, 1.0]>", "!qfmt.codebook<[1.0, 3.0]>"],
    ["f16", "bf16", "i16"],
    ["!qfmt.fixed<5, 2>", "!qfmt.power<5, 0.5>"],
]
BLOCKS = ["", "block = [1, 8]", "block = [2, 5]", "block = [*, 3]", "block = [1, *]"]
SCALES = ["", "scale = 0.3", "scale = f32", "scale = f16", "scale = f8E8M0FNU"]


def make_input(rows: int, columns: int, seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    x = random.standard_normal((rows, columns)) * np.exp(random.standard_normal((rows, 1)) * 3)
    x[1] = 0
    x[2, ::2] = np.round(x[2, ::2] * 4) / 4
    x[3, 1], x[3, 2], x[3, 9] = np.inf, np.nan, -np.inf
    x[4] = np.nan
    x[5] *= 1e-42
    return x


def encodings():
    """Every list of formats with every block, and of blocks and scales every pair."""
    for i, j in itertools.product(range(len(FORMATS)), range(len(BLOCKS))):
        parameters = [f"[{', '.join(FORMATS[i])}]", BLOCKS[j], SCALES[(i + j) % len(SCALES)]]
        yield f"#qfmt.select<{', '.join(p for p in parameters if p)}>", parameters[-1]
    yield bitmod(1, BITMOD4, CHANNEL_SCALE, block=8), "nested"
    yield bitmod(0, BITMOD3, "#qfmt.scaled<f8E4M3FN, scale = f32>", block=8), "nested"


def parts(scale: str) -> int:
    return {"": 2, "scale = 0.3": 2, "nested": 4}.get(scale, 3)


@pytest.mark.parametrize("logical", ["f16", "bf16", "f32", "f64"])
def test_quantize_and_dequantize(tmp_path, logical):
    x = make_input(8, 20, seed=1)
    plain = f"tensor<8x20x{logical}>"
    module, counts = Module(x=plain), []
    for encoding, scale in encodings():
        kind = f"{plain[:-1]}, {encoding}>"
        name = module.add(f"qfmt.quantize %x : {plain} to {kind}", kind, encoding)
        counts.append(parts(scale))
        module.add(f"qfmt.dequantize {name} : {kind} to {plain}", plain, f"read {encoding}")
        counts.append(1)
    check(tmp_path, module, [to_logical(x, logical)], counts, bfloat=logical == "bf16")


@pytest.mark.parametrize(
    "modes",
    [
        "rounding = half_down", "rounding = floor", "rounding = half_away overflow = infinity nan = propagate",
        "scale_rule = mse", "scale_rule = ceil_log2", "stochastic = 7",
    ],
)  # fmt: skip
def test_modes(tmp_path, modes):
    x = make_input(8, 20, seed=2).astype(np.float32)
    module, counts = Module(x="tensor<8x20xf32>"), []
    for formats, scale in itertools.product(FORMATS[:4], ["scale = 0.3", "scale = f16"]):
        kind = f"tensor<8x20xf32, #qfmt.select<[{', '.join(formats)}], block = [1, 8], {scale}>>"
        module.add(f"qfmt.quantize %x {modes} : tensor<8x20xf32> to {kind}", kind, kind)
        counts.append(parts(scale))
    check(tmp_path, module, [x], counts)


def test_converts_from_and_to(tmp_path):
    x = make_input(8, 24, seed=3).astype(np.float32)
    select = f"tensor<8x24xf32, {bitmod(1, BITMOD4, 'f16', block=8)}>"
    other = f"tensor<8x24xf32, {bitmod(0, BITMOD3, CHANNEL_SCALE, block=12)}>"
    rows = "tensor<8x24xf32, #qfmt.scaled<i8, block = [1, *], scale = f16>>"
    module = Module(x="tensor<8x24xf32>")
    first = module.add(f"qfmt.quantize %x : tensor<8x24xf32> to {select}", select, "quantize")
    second = module.add(f"qfmt.convert {first} : {select} to {rows}", rows, "to scaled")
    module.add(f"qfmt.convert {second} {LOWER} : {rows} to {select}", select, "from scaled")
    module.add(f"qfmt.convert {first} {LOWER} : {select} to {other}", other, "to select")
    check(tmp_path, module, [x], [3, 2, 3, 4])


def test_given_selectors(tmp_path):
    """All constituents but the payload are taken as they are; a selector beyond the last format means that one."""
    x = make_input(8, 20, seed=4).astype(np.float32)
    formats = "[i4, f4E2M1FN, !qfmt.float<1, 2>]"
    module = Module(x="tensor<8x20xf32>", s="tensor<8x3xf16>", c="tensor<8x3xi2>")
    kind = f"tensor<8x20xf32, #qfmt.select<{formats}, block = [1, 8], scale = f16>>"
    given = "given(%s, %c : tensor<8x3xf16>, tensor<8x3xi2>)"
    for modes in ["", "stochastic = 3", "rounding = floor"]:
        name = module.add(f"qfmt.quantize %x {given} {modes} : tensor<8x20xf32> to {kind}", kind, modes)
    module.add(f"qfmt.dequantize {name} : {kind} to tensor<8x20xf32>", "tensor<8x20xf32>", "read")
    random = np.random.default_rng(5)
    scales = random.uniform(0.01, 2, (8, 3)).astype(np.float16)
    selectors = random.integers(-2, 2, (8, 3)).astype(np.int8)
    check(tmp_path, module, [x, scales, selectors], [3, 3, 3, 1])


def test_every_code_of_every_format(tmp_path):
    """Each code under each selector, the one that has no format of its own included."""
    formats = ["i4", "f4E2M1FN", minifloat(1, 5)]
    kind = f"tensor<4x16xf32, #qfmt.select<[{', '.join(formats)}], block = [1, *]>>"
    module = Module(p="tensor<4x16xi4>", c="tensor<4x1xi2>")
    module.lines.append(f"  %q = qfmt.assemble %p, %c : tensor<4x16xi4>, tensor<4x1xi2> to {kind}")
    module.add(f"qfmt.dequantize %q : {kind} to tensor<4x16xf32>", "tensor<4x16xf32>", "read")
    codes = np.tile(((np.arange(16) + 8) % 16 - 8).astype(np.int8), (4, 1))
    selectors = np.array([[0], [1], [-2], [-1]], np.int8)
    check(tmp_path, module, [codes, selectors])
    path = tmp_path / "module.mlir"
    (decoded,) = run_mlir(path, [codes, selectors], 1, "--engine=reference")
    np.testing.assert_array_equal(decoded[0], [*range(8), *range(-8, 0)])
    np.testing.assert_array_equal(decoded[1], [*FP4, *(-v for v in FP4)])
    np.testing.assert_array_equal(decoded[2], [*FP4, 5, *(-v for v in FP4[1:])])
    np.testing.assert_array_equal(decoded[3], decoded[2])


def test_dynamic_shapes(tmp_path):
    x = make_input(8, 20, seed=6).astype(np.float32)
    module = Module(x="tensor<?x?xf32>")
    kind = f"tensor<?x?xf32, {bitmod(1, BITMOD4, 'f16', block=8)}>"
    name = module.add(f"qfmt.quantize %x : tensor<?x?xf32> to {kind}", kind, "quantize")
    module.add(f"qfmt.dequantize {name} : {kind} to tensor<?x?xf32>", "tensor<?x?xf32>", "read")
    path = tmp_path / "module.mlir"
    path.write_text(str(module))
    static = path.with_name("static.mlir")
    static.write_text(str(module).replace("?x?x", "8x20x"))
    for dynamic, expected in zip(
        run_mlir(path, [x], 4, "--engine=reference"), run_mlir(static, [x], 4, "--engine=reference")
    ):
        np.testing.assert_array_equal(dynamic, expected)


def test_read_by_linalg(tmp_path):
    """A product with encoded weights reads them as `dequantize` does."""
    random = np.random.default_rng(8)
    x = random.integers(-8, 8, (4, 64)).astype(np.float32)
    w = random.standard_normal((64, 8)).astype(np.float32)
    formats = ", ".join(minifloat(1, s) for s in BITMOD4)
    kind = f"tensor<64x8xf32, #qfmt.select<[{formats}], block = [16, 1], scale = f8E8M0FNU>>"
    module = Module(x="tensor<4x64xf32>", w="tensor<64x8xf32>")
    module.lines.append(f"  %q = qfmt.quantize %w scale_rule = ceil_log2 : tensor<64x8xf32> to {kind}")
    module.lines.append("  %init = arith.constant dense<0.0> : tensor<4x8xf32>")
    module.add(
        f"linalg.matmul ins(%x, %q : tensor<4x64xf32>, {kind}) outs(%init : tensor<4x8xf32>) -> tensor<4x8xf32>",
        "tensor<4x8xf32>",
        "product",
    )
    # Small integers times powers of two: every sum is exact in f32.
    check(tmp_path, module, [x, w])
