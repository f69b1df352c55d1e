# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Scale rules, given constituents and stochastic rounding (spec C24, C34 to C36).

Compiled code against the reference, bit for bit, and both against models in numpy that share nothing with them.
"""

import numpy as np
import pytest
from run_tools import run_mlir, run_text
from test_format_lowering import ASYMMETRIC, BLOCKED, Module, add_quantize, block_values, check, run, to_logical

CODEBOOK = "!qfmt.codebook<[-8.0, -2.5, -1.0, -0.25, 0.0, 0.25, 1.5, 6.0]>"
WITHOUT_ZERO = "!qfmt.codebook<[-3.0, -1.0, 1.0, 2.0]>"
FORMATS = [
    (f"#qfmt.scaled<{f}, block = [1, 8], scale = {scale}>", 2)
    for f, scale in [
        ("!qfmt.int<i8, -127, 127>", "f32"),
        ("!qfmt.int<i2, -1, 1>", "f16"),
        ("!qfmt.fixed<6, 3>", "f32"),
        ("!qfmt.ternary", "f8E8M0FNU"),
        (CODEBOOK, "bf16"),
        (WITHOUT_ZERO, "f8E8M0FNU"),
        ("f8E8M0FNU", "f32"),
    ]
]
TWO_LEVEL = [
    ("#qfmt.scaled<f4E2M1FN, block = [1, 16], scale = #qfmt.scaled<f8E4M3FN, scale = f32>>", 3),
    ("#qfmt.scaled<i4, block = [1, 8], scale = #qfmt.scaled<ui8, block = [2, 2], scale = f16>>", 3),
    (f"#qfmt.scaled<{CODEBOOK}, block = [1, 8], scale = #qfmt.scaled<f8E5M2, block = [4, *], scale = f8E8M0FNU>>", 3),
    (
        "#qfmt.scaled<f4E2M1FN, block = [1, 4], scale = #qfmt.scaled<ui4, block = [1, 4], "
        "scale = #qfmt.scaled<f8E4M3FN, scale = f32>>>",
        4,
    ),
]


def quantize(tmp_path, x: np.ndarray, encoding: str, count: int, modes: str, engine: str = "reference"):
    """The constituents of f32."""
    kind = f"tensor<{'x'.join(map(str, x.shape))}xf32>"
    module = Module(x=kind)
    add_quantize(module, "%x", kind, encoding, modes)
    path = tmp_path / "module.mlir"
    path.write_text(str(module))
    return run_mlir(path, [x], count, f"--engine={engine}")


def dequantize(tmp_path, x: np.ndarray, encoding: str, modes: str) -> np.ndarray:
    kind = f"tensor<{'x'.join(map(str, x.shape))}xf32>"
    encoded = kind[:-1] + f", {encoding}>"
    module = Module(x=kind)
    module.lines.append(f"  %q = qfmt.quantize %x {modes} : {kind} to {encoded}")
    module.add(f"qfmt.dequantize %q : {encoded} to {kind}", kind, encoding)
    path = tmp_path / "module.mlir"
    path.write_text(str(module))
    return run_mlir(path, [x], 1, "--engine=jit", "-O1")[0]


# ----------------------------------------------------------------------------------------------------------------------
# Compiled code against the reference


@pytest.mark.parametrize("rule", ["absmax", "floor_log2", "ceil_log2", "mse"])
@pytest.mark.parametrize("logical, columns", [("f32", 32), ("f32", 37), ("f16", 37), ("bf16", 13), ("f64", 37)])
def test_rules(tmp_path, logical, columns, rule):
    plain = f"tensor<14x{columns}x{logical}>"
    module, counts = Module(x=plain), []
    encodings = FORMATS if rule in ("absmax", "floor_log2") else BLOCKED + FORMATS
    for index, (encoding, count) in enumerate(encodings):
        modes = "rounding = toward_zero overflow = infinity" if index % 5 == 4 else ""
        add_quantize(module, "%x", plain, encoding, f"{modes} scale_rule = {rule}")
        counts.append(count)
    values = block_values((14, columns), columns + 2).astype(np.float64)
    if logical == "f64":
        values[7] *= 1e-310 / np.abs(values[7]).max()
        values[8] *= 1e300 / np.abs(values[8]).max()
    check(tmp_path, module, [to_logical(values, logical)], counts)


@pytest.mark.parametrize("logical, columns", [("f32", 32), ("f32", 37), ("f16", 37), ("f64", 37)])
def test_two_level(tmp_path, logical, columns):
    plain = f"tensor<14x{columns}x{logical}>"
    module, counts = Module(x=plain), []
    for encoding, count in TWO_LEVEL:
        add_quantize(module, "%x", plain, encoding, "scale_rule = two_level")
        counts.append(count)
    check(tmp_path, module, [to_logical(block_values((14, columns), 5).astype(np.float64), logical)], counts)


RUN_TIME_SCALES = [
    ("#qfmt.scaled<i4, block = [1, 8], scale = f32>", 2),
    ("#qfmt.scaled<f4E2M1FN, block = [1, *], scale = f8E8M0FNU>", 2),
    ("#qfmt.scaled<i8, scale = f32>", 2),
    ("#qfmt.select<[i4, ui4], block = [1, 8], scale = f32>", 3),
]


@pytest.mark.parametrize("rule", ["absmax", "floor_log2", "ceil_log2", "mse", "two_level"])
@pytest.mark.parametrize("shape", [(0, 32), (0, 37), (4, 0), (0, 0)])
def test_tensors_without_elements(tmp_path, shape, rule):
    """A block of no elements is one of zeros: its scale is 1 (C23), by any rule; and no block has no scale."""
    plain = f"tensor<{shape[0]}x{shape[1]}xf32>"
    encodings = TWO_LEVEL[:1] if rule == "two_level" else RUN_TIME_SCALES
    if rule == "absmax":
        encodings = encodings + [("#qfmt.scaled<ui4, block = [1, 8], scale = f32, zero_point = ui4>", 3)]
    x = np.zeros(shape, np.float32)
    module, counts = Module(x=plain), []
    for encoding, count in encodings:
        add_quantize(module, "%x", plain, encoding, f"scale_rule = {rule}")
        counts.append(count)
    check(tmp_path, module, [x], counts)
    if rule == "two_level":
        return
    parts = run(tmp_path, module, [x], sum(counts), "jit")
    assert parts[1].shape == (shape[0], -(-shape[1] // 8))
    assert parts[3].shape == (shape[0], 1) and (parts[3] == 127).all()
    assert parts[5].shape == (1, 1) and parts[5][0, 0] == 1


# Encodings of scales whose code nearest to 1 is that of 0 beside large scales; in some no number, or just a negative one,
# is next to 0.
ZERO_SCALES = [
    ("#qfmt.scaled<i4, scale = f32>", 2),
    ("#qfmt.scaled<ui4, scale = f32, zero_point = 3>", 2),
    ("#qfmt.scaled<ui4, scale = f32, zero_point = 15>", 2),
    ("#qfmt.scaled<ui8, block = [1, *], scale = f32, zero_point = ui4>", 3),
    ("#qfmt.scaled<f4E2M1FN, block = [1, *], scale = f32>", 2),
    ("#qfmt.scaled<!qfmt.fixed<6, 3>, scale = f32>", 2),
    (f"#qfmt.scaled<{CODEBOOK}, block = [2, 2], scale = f32>", 2),
    ("#qfmt.scaled<!qfmt.codebook<[-2.0, -1.0, 0.0]>, block = [1, *], scale = f32>", 2),
    ("#qfmt.scaled<i1, scale = f32>", 2),
    ("#qfmt.select<[f4E2M1FN, !qfmt.float<2, 1, negative_zero = 5.0>], block = [1, *], scale = f32>", 3),
]


@pytest.mark.parametrize("number_format", ["f8E5M2", "f8E4M3FNUZ", "i8", "ui8"])
def test_zero_blocks_beside_large_ones(tmp_path, number_format):
    """They read as zeros, and no scale of theirs is 0 (C23): 0 / 0 would be the NaN that the format has."""
    x = np.zeros((14, 32), np.float32)
    x[:, 8:] = block_values((14, 24), 4)
    zero_point = ", zero_point = ui8" if number_format == "ui8" else ""
    module, counts = Module(x="tensor<14x32xf32>"), []
    for scale, count in ZERO_SCALES:
        encoding = f"#qfmt.scaled<{number_format}, block = [1, 8], scale = {scale}{zero_point}>"
        encoded = f"tensor<14x32xf32, {encoding}>"
        add_quantize(module, "%x", "tensor<14x32xf32>", encoding, "overflow = infinity nan = propagate")
        counts.append(count + 1 + bool(zero_point))
        name = f"%again{len(counts)}"
        module.lines.append(
            f"  {name} = qfmt.quantize %x overflow = infinity nan = propagate : tensor<14x32xf32> to {encoded}"
        )
        module.add(f"qfmt.dequantize {name} : {encoded} to tensor<14x32xf32>", "tensor<14x32xf32>", encoding)
        counts.append(1)
    check(tmp_path, module, [x], counts)
    outputs = run(tmp_path, module, [x], sum(counts), "jit")
    for i, (scale, _) in enumerate(ZERO_SCALES):
        read = outputs[sum(counts[: 2 * i + 1])]
        np.testing.assert_array_equal(read[:, :8], 0, scale)


def test_rules_of_convert(tmp_path):
    source = "tensor<16x64xf32, #qfmt.scaled<i8, block = [1, *], scale = f16>>"
    module, counts = Module(x="tensor<16x64xf32>"), []
    module.lines.append(f"  %q = qfmt.quantize %x : tensor<16x64xf32> to {source}")
    for rule, (encoding, count) in [(r, e) for r in ("ceil_log2", "mse") for e in BLOCKED[3:10] + FORMATS] + [
        ("two_level", e) for e in TWO_LEVEL
    ]:
        kind = f"tensor<16x64xf32, {encoding}>"
        module.add(f"qfmt.convert %q scale_rule = {rule} : {source} to {kind}", kind, f"{encoding} {rule}")
        counts.append(count)
    check(tmp_path, module, [block_values((16, 64), 11)], counts)


def test_rules_on_dynamic_shapes(tmp_path):
    module = Module(x="tensor<14x37xf32>")
    module.lines.append("  %y = tensor.cast %x : tensor<14x37xf32> to tensor<?x?xf32>")
    for index, (modes, encoding) in enumerate(
        [
            ("scale_rule = mse", BLOCKED[4][0]),
            ("scale_rule = mse", FORMATS[5][0]),
            ("scale_rule = ceil_log2", BLOCKED[8][0]),
            ("scale_rule = two_level", TWO_LEVEL[0][0]),
            ("stochastic = 7", BLOCKED[4][0]),
            ("stochastic = 7", BLOCKED[8][0]),
        ]
    ):
        encoded = f"tensor<?x?xf32, {encoding}>"
        module.lines.append(f"  %q{index} = qfmt.quantize %y {modes} : tensor<?x?xf32> to {encoded}")
        module.lines.append(f"  %d{index} = qfmt.dequantize %q{index} : {encoded} to tensor<?x?xf32>")
        module.add(f"tensor.cast %d{index} : tensor<?x?xf32> to tensor<14x37xf32>", "tensor<14x37xf32>", modes)
    check(tmp_path, module, [block_values((14, 37), 3)])


@pytest.mark.parametrize("logical", ["f16", "f32", "f64"])
def test_given(tmp_path, logical):
    """Given scales are what they are: zero, negative, infinite and NaN ones follow the formula."""
    random = np.random.default_rng(8)
    scales = random.normal(0, 1, (8, 2)).astype(np.float32)
    scales[:6, 0] = [0, -0.0, np.inf, np.nan, -3, 1e-45]
    x = random.normal(0, 30, (8, 32))
    x[:, :4] = [0, np.inf, np.nan, -np.inf]
    plain = f"tensor<8x32x{logical}>"
    source = f"tensor<8x32x{logical}, #qfmt.scaled<i8, block = [*, 1], scale = f16>>"
    module = Module(x=plain, s="tensor<8x2xf32>", z="tensor<8x2xi8>")
    module.lines.append(f"  %q = qfmt.quantize %x : {plain} to {source}")
    counts = []
    for f in ["i8", "ui4", "f8E4M3FN", "f4E2M1FN", "bf16", CODEBOOK, "!qfmt.fixed<6, 3>"]:
        kind = f"tensor<8x32x{logical}, #qfmt.scaled<{f}, block = [1, 16], scale = f32>>"
        for modes in ["", "rounding = half_away overflow = infinity nan = propagate", "overflow = zero", "stochastic = 5"]:
            if logical == "f64" and modes.startswith("rounding") and f not in ("i8", "ui4"):
                continue
            module.add(f"qfmt.quantize %x given(%s : tensor<8x2xf32>) {modes} : {plain} to {kind}", kind, f"{f} {modes}")
            counts.append(2)
            if logical == "f32" and (f in ("i8", "ui4") or "rounding" not in modes and modes != "overflow = zero"):
                module.add(f"qfmt.convert %q given(%s : tensor<8x2xf32>) {modes} : {source} to {kind}", kind, f"{f} convert")
                counts.append(2)
    kind = f"tensor<8x32x{logical}, #qfmt.scaled<i8, block = [1, 16], scale = f32, zero_point = i8>>"
    for modes in ["", "overflow = zero", "overflow = wrap", "overflow = saturate_symmetric", "stochastic = 5"]:
        given = "given(%s, %z : tensor<8x2xf32>, tensor<8x2xi8>)"
        module.add(f"qfmt.quantize %x {given} {modes} : {plain} to {kind}", kind, f"zero point {modes}")
        counts.append(3)
    zeros = random.integers(-128, 128, (8, 2)).astype(np.int8)
    check(tmp_path, module, [to_logical(x, logical), scales, zeros], counts)


def test_given_nested(tmp_path):
    encoding, _ = TWO_LEVEL[0]
    kind = f"tensor<4x32xf32, {encoding}>"
    module = Module(x="tensor<4x32xf32>", s="tensor<4x2xf8E4M3FN>", t="tensor<1x1xf32>")
    given = "given(%s, %t : tensor<4x2xf8E4M3FN>, tensor<1x1xf32>)"
    module.add(f"qfmt.quantize %x {given} : tensor<4x32xf32> to {kind}", kind, encoding)
    random = np.random.default_rng(9)
    codes = random.integers(0, 256, (4, 2)).astype(np.uint8)
    check(tmp_path, module, [random.normal(0, 1, (4, 32)).astype(np.float32), codes, np.full((1, 1), 0.02, np.float32)], 3)


STATIC = [
    "#qfmt.scaled<i8, scale = 0.5>",
    "#qfmt.scaled<i4, scale = 0.75, zero_point = 3>",
    "#qfmt.scaled<ui8, scale = 0.1, zero_point = 77>",
    "#qfmt.scaled<!qfmt.int<i8, -100, 100>, scale = 0.3>",
    "#qfmt.scaled<i16, scale = 0.003>",
    "#qfmt.scaled<f8E4M3FN>",
    "#qfmt.scaled<f8E5M2, scale = 0.3>",
    "#qfmt.scaled<f8E8M0FNU>",
    "#qfmt.scaled<f4E2M1FN, scale = 0.5>",
    "#qfmt.scaled<!qfmt.float<3, 4>, scale = 3.0>",
    "#qfmt.scaled<bf16>",
    "#qfmt.scaled<f16, scale = 0.3>",
    "#qfmt.scaled<!qfmt.fixed<8, 4>, scale = 0.3>",
    "#qfmt.scaled<!qfmt.khot<6, 2>>",
    "#qfmt.scaled<!qfmt.ternary, scale = 1.5>",
    f"#qfmt.scaled<{CODEBOOK}>",
    f"#qfmt.scaled<{WITHOUT_ZERO}, scale = 2.0>",
]
SPECIALS = [0.0, -0.0, np.inf, -np.inf, np.nan, 1e-45, -1e-45, 3e38, -3e38, 0.25, -0.25, 1e-39, 2.0**-127]


@pytest.mark.parametrize("logical", ["f16", "bf16", "f32", "f64"])
def test_stochastic(tmp_path, logical):
    random = np.random.default_rng(12)
    x = random.normal(0, 6, 600) * 2.0 ** random.integers(-8, 4, 600)
    x[: len(SPECIALS)] = SPECIALS
    plain = f"tensor<20x30x{logical}>"
    module, counts = Module(x=plain), []
    for index, encoding in enumerate(STATIC):
        for modes in ["", "overflow = infinity nan = propagate", "overflow = zero", "overflow = saturate_symmetric"]:
            if logical != "f32" and modes:
                continue
            add_quantize(module, "%x", plain, encoding, f"stochastic = {index * 10**12 - 5} {modes}")
            counts.append(1)
        if encoding.startswith(("#qfmt.scaled<i", "#qfmt.scaled<ui", "#qfmt.scaled<!qfmt.fixed")):
            add_quantize(module, "%x", plain, encoding, "stochastic = 3 overflow = wrap")
            counts.append(1)
    for encoding, count in BLOCKED + (ASYMMETRIC if logical != "f64" else []) + FORMATS:
        add_quantize(module, "%x", plain, encoding, "stochastic = 77")
        counts.append(count)
    check(tmp_path, module, [to_logical(x.reshape(20, 30), logical)], counts)


def test_stochastic_convert(tmp_path):
    random = np.random.default_rng(13)
    module, counts, inputs = Module(), [], []
    for source, codes in [
        ("#qfmt.scaled<i8, scale = 0.3>", random.integers(-128, 128, (8, 48)).astype(np.int8)),
        ("#qfmt.scaled<f8E5M2, scale = 0.7>", random.integers(0, 256, (8, 48)).astype(np.uint8)),
    ]:
        from_type = f"tensor<8x48xf32, {source}>"
        name = f"q{len(inputs)}"
        module.arguments[name] = from_type
        inputs.append(codes)
        for target, count in [(encoding, 1) for encoding in STATIC] + BLOCKED + ASYMMETRIC + FORMATS:
            to_type = f"tensor<8x48xf32, {target}>"
            module.add(f"qfmt.convert %{name} stochastic = 21 : {from_type} to {to_type}", to_type, f"{source} to {target}")
            counts.append(count)
    check(tmp_path, module, inputs, counts)


# ----------------------------------------------------------------------------------------------------------------------
# Against numpy


def mix(x: np.ndarray) -> np.ndarray:
    x = np.atleast_1d(np.asarray(x, np.uint32)).copy()
    x ^= x >> np.uint32(16)
    x *= np.uint32(0x7FEB352D)
    x ^= x >> np.uint32(15)
    x *= np.uint32(0x846CA68B)
    return x ^ x >> np.uint32(16)


def thresholds(seed: int, count: int) -> np.ndarray:
    golden = np.uint32(0x9E3779B9)
    low, high = np.uint32(seed & 0xFFFFFFFF), np.uint32(seed >> 32 & 0xFFFFFFFF)
    with np.errstate(over="ignore"):
        first = mix(low ^ mix(high + golden))
        second = mix(high ^ mix(low + golden + golden))
        bits = mix(mix(np.arange(count, dtype=np.uint32) + first) ^ second)
    return bits / 2.0**32


@pytest.mark.parametrize("engine", ["reference", "jit"])
@pytest.mark.parametrize("seed", [0, 1, 0x123456789ABCDEF])
def test_stochastic_equals_the_model(tmp_path, engine, seed):
    x = np.random.default_rng(1).normal(0, 40, (7, 31)).astype(np.float32)
    q = (x / np.float32(0.3)).astype(np.float64)
    expected = np.clip(np.floor(q) + (q - np.floor(q) > thresholds(seed, q.size).reshape(q.shape)), -128, 127)
    (codes,) = quantize(tmp_path, x, "#qfmt.scaled<i8, scale = 0.3>", 1, f"stochastic = {seed}", engine)
    np.testing.assert_array_equal(codes, expected)
    # The element's number is that of the tensor, whatever the blocks.
    given = np.full((7, 31), 1.0, np.float32)
    given[:, 0] = 127
    x = np.clip(x, -120, 120) * (given == 1) + given * (given != 1)
    q = x.astype(np.float64)
    expected = np.floor(q) + (q - np.floor(q) > thresholds(seed, q.size).reshape(q.shape))
    codes, scales = quantize(tmp_path, x, "#qfmt.scaled<i8, block = [1, *], scale = f32>", 2, f"stochastic = {seed}", engine)
    assert (scales == 1).all()
    np.testing.assert_array_equal(codes, expected)


@pytest.mark.parametrize("encoding, below, above", [
    ("#qfmt.scaled<i8, scale = 0.5>", 1.0, 1.5),
    ("#qfmt.scaled<f4E2M1FN>", 3.0, 4.0),
    (f"#qfmt.scaled<{CODEBOOK}>", 1.5, 6.0),
    ("#qfmt.scaled<f8E5M2>", -2.0**-15, -2.0**-16),
])  # fmt: skip
def test_stochastic_rounding_is_unbiased(tmp_path, encoding, below, above):
    """The mean of n numbers is within 4 standard deviations of the number itself."""
    n = 1 << 16
    for part in [0.03125, 0.3, 0.5, 0.9]:
        x = np.float32(below + part * (above - below))
        part = (float(x) - below) / (above - below)
        y = dequantize(tmp_path, np.full((4, n // 4), x), encoding, "stochastic = 99")
        assert set(np.unique(y)) == {np.float32(below), np.float32(above)}
        share = (y == np.float32(above)).mean()
        assert abs(share - part) < 4 * np.sqrt(part * (1 - part) / n)


def test_seeds_are_independent(tmp_path):
    """Two seeds agree as often as chance has it; the same seed always."""
    x = np.full((256, 256), 0.5, np.float32)
    first, second, again = (
        quantize(tmp_path, x, "#qfmt.scaled<i8>", 1, f"stochastic = {seed}", "jit")[0].astype(bool) for seed in (1, 2, 1)
    )
    assert (first == again).all()
    assert abs((first == second).mean() - 0.5) < 4 * 0.5 / 256
    # Neighbours in the tensor do, too.
    assert abs((first[:, 1:] == first[:, :-1]).mean() - 0.5) < 4 * 0.5 / 255


def rows(seed: int, blocks: int, size: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    return (random.normal(0, 1, (blocks, size)) * 2.0 ** random.integers(-9, 9, (blocks, 1))).astype(np.float32)


@pytest.mark.parametrize("engine", ["reference", "jit"])
@pytest.mark.parametrize("f, target", [("i8", 127), ("f4E2M1FN", 6), (CODEBOOK, 8), ("!qfmt.fixed<6, 3>", 3.875)])
def test_ceil_log2_is_the_smallest_power_that_holds(tmp_path, engine, f, target):
    x = rows(3, 40, 16)
    x[0] = 0
    x[1], x[1, 0] = 0, target / 4  # exactly on the target
    x[2], x[2, 0] = 0, np.nextafter(np.float32(target / 4), np.float32(1e9))
    encoding = f"#qfmt.scaled<{f}, block = [1, *], scale = f32>"
    _, scales = quantize(tmp_path, x, encoding, 2, "scale_rule = ceil_log2", engine)
    largest = np.abs(x).max(axis=1, keepdims=True).astype(np.float64)
    mantissa, exponent = np.frexp(np.where(largest == 0, target, largest) / target)
    np.testing.assert_array_equal(scales, np.ldexp(1.0, np.where(mantissa == 0.5, exponent - 1, exponent)))
    assert scales[1] == 0.25 and scales[2] == 0.5


def squared_error(blocks: np.ndarray, codes: np.ndarray, scales: np.ndarray) -> np.ndarray:
    """Of f32, along the last axis; `scales` has 1 there."""
    exponent = np.frexp(np.abs(blocks).max(axis=-1, keepdims=True))[1] - 1
    unit = np.ldexp(np.float32(1), -np.clip(exponent, -127, 126))
    squares = (blocks * unit - codes.astype(np.float32) * (scales * unit)) ** 2
    padding = -blocks.shape[-1] % 16
    parts = np.pad(squares, [(0, 0)] * (squares.ndim - 1) + [(0, padding)])
    parts = parts.reshape(*squares.shape[:-1], -1, 16)
    sums = np.zeros_like(parts[..., 0, :])
    for i in range(parts.shape[-2]):
        sums += parts[..., i, :]
    assert sums.dtype == np.float32
    for half in (8, 4, 2, 1):
        sums = sums[..., :half] + sums[..., half:]
    return sums[..., 0]


@pytest.mark.parametrize("engine", ["reference", "jit"])
@pytest.mark.parametrize("bits, scale_type, size", [(4, np.float32, 8), (3, np.float16, 8), (4, np.float32, 40)])
def test_mse_is_the_best_candidate(tmp_path, engine, bits, scale_type, size):
    x = rows(4, 60, 3 * size)
    x[0] = 0
    if scale_type is np.float32:
        x[1:4] *= np.array([[1e30], [1e-30], [1e-40]], np.float32)
    scale = {np.float32: "f32", np.float16: "f16"}[scale_type]
    encoding = f"#qfmt.scaled<i{bits}, block = [1, {size}], scale = {scale}>"
    codes, scales = quantize(tmp_path, x, encoding, 2, "scale_rule = mse", engine)
    largest = 2 ** (bits - 1) - 1
    blocks = x.reshape(60, 3, size)
    whole = np.abs(blocks).max(axis=2).astype(np.float64) / largest
    best, best_scale = np.full(whole.shape, np.inf), None
    for k in range(80, 15, -1):
        s = (whole * (k / 64)).astype(scale_type)
        s[s == 0] = 1
        wide = s.astype(np.float32)[..., None]
        q = np.clip(np.rint(blocks / wide), -largest - 1, largest)
        error = squared_error(blocks, q, wide)
        better = error < best
        best_scale = s if best_scale is None else np.where(better, s, best_scale)
        best = np.where(better, error, best)
    np.testing.assert_array_equal(scales, best_scale)
    wide = best_scale.astype(np.float32)[..., None]
    np.testing.assert_array_equal(codes.reshape(60, 3, size), np.clip(np.rint(blocks / wide), -largest - 1, largest))


def test_mse_is_no_worse_than_absmax(tmp_path):
    x = rows(5, 32, 128)
    for f in ["i4", "f4E2M1FN", CODEBOOK]:
        encoding = f"#qfmt.scaled<{f}, block = [1, 32], scale = f32>"
        errors = []
        for rule in ("absmax", "mse"):
            y = dequantize(tmp_path, x, encoding, f"scale_rule = {rule}")
            difference = (x.astype(np.float64) - y).reshape(32, 4, 32)
            errors.append((difference**2).sum(axis=2))
        # Reading rounds the values to f32 once more.
        assert (errors[1] <= errors[0] * (1 + 1e-5)).all() and errors[1].sum() < 0.99 * errors[0].sum()


def e4m3(values: np.ndarray) -> np.ndarray:
    """Nearest value of f8E4M3FN, ties to even, saturating."""
    v = np.minimum(values.astype(np.float64), 448)
    exponent = np.maximum(np.frexp(v)[1] - 1, -6)
    return np.minimum(np.ldexp(np.rint(np.ldexp(v, 3 - exponent)), exponent - 3), 448)


@pytest.mark.parametrize("engine", ["reference", "jit"])
def test_two_level_is_the_nvfp4_recipe(tmp_path, engine):
    """s2 = max |x| / (448 * 6), scales of blocks in f8E4M3FN, elements against the scale that is stored."""
    x = rows(6, 12, 64)
    codes, scales, outer = quantize(tmp_path, x, TWO_LEVEL[0][0], 3, "scale_rule = two_level", engine)
    s2 = np.float32(np.abs(x).max().astype(np.float64) / (448 * 6))
    assert outer.item() == s2
    blocks = x.reshape(12, 4, 16)
    ideal = (np.abs(blocks).max(axis=2) / np.float32(6)).astype(np.float32)
    wanted = e4m3(ideal / s2)
    stored = np.where(scales >> 3 == 0, (scales & 7) * 2.0**-9, (8 + (scales & 7)) * 2.0 ** ((scales >> 3) - 10.0))
    # No block here is so small that its scale would become 0.
    assert (wanted > 0).all()
    np.testing.assert_array_equal(stored, wanted)
    values = np.array([0, 0.5, 1, 1.5, 2, 3, 4, 6])
    q = blocks / (stored[..., None] * s2.astype(np.float64))
    magnitude = values[codes.reshape(12, 4, 16) & 7]
    nearest = np.abs(np.abs(q)[..., None] - values).min(axis=-1)
    np.testing.assert_allclose(np.abs(np.abs(q) - magnitude), nearest, atol=1e-5)


# ----------------------------------------------------------------------------------------------------------------------
# Published formats


def signed(codes: np.ndarray, bits: int) -> np.ndarray:
    """Two's complement codes, which arrays hold as unsigned numbers."""
    return (codes.astype(np.int64) + 2 ** (bits - 1)) % 2**bits - 2 ** (bits - 1)


@pytest.mark.parametrize("engine", ["reference", "jit"])
def test_dynamic_fixed_point(tmp_path, engine):
    """DFP-16: E = floor(log2 max|f|) - 14, I = f / 2^E rounded half to even and clipped to +-32767."""
    x = rows(7, 50, 20)
    x[0] = [1.9999999] + [0.3] * 19
    encoding = "#qfmt.scaled<!qfmt.int<i16, -32767, 32767>, block = [1, *], scale = f8E8M0FNU>"
    codes, scales = quantize(tmp_path, x, encoding, 2, "scale_rule = floor_log2", engine)
    codes = signed(codes, 16)
    largest = np.abs(x).max(axis=1, keepdims=True)
    exponent = np.frexp(largest)[1] - 1 - 14
    np.testing.assert_array_equal(scales, exponent + 127)
    exact = x.astype(np.float64) * 2.0**-exponent
    np.testing.assert_array_equal(codes, np.clip(np.rint(exact), -32767, 32767))
    error = np.abs(exact - codes)
    assert (error[np.abs(exact) <= 32767.5] <= 0.5).all() and error.max() <= 1
    assert (np.abs(x - codes * 2.0**exponent) <= 2.0**-15 * largest).all()


@pytest.mark.parametrize("bits", [4, 6, 8])
def test_block_floating_point(tmp_path, bits):
    """BFP12, BFP14, BFP16: e = floor(log2 max|x|), step 2^(e - (p - 2)), symmetric codes."""
    x = rows(8, 30, 64)
    limit = 2 ** (bits - 1) - 1
    encoding = f"#qfmt.scaled<!qfmt.int<i{bits}, -{limit}, {limit}>, block = [1, 16], scale = f8E8M0FNU>"
    codes, scales = quantize(tmp_path, x, encoding, 2, "scale_rule = floor_log2", "jit")
    blocks = x.reshape(30, 4, 16).astype(np.float64)
    exponent = np.frexp(np.abs(blocks).max(axis=2))[1] - 1 - (bits - 2)
    np.testing.assert_array_equal(scales, exponent + 127)
    expected = np.clip(np.rint(blocks * 2.0 ** -exponent[..., None]), -limit, limit)
    np.testing.assert_array_equal(signed(codes, bits).reshape(30, 4, 16), expected)


def test_mx_saturates_the_largest_elements(tmp_path):
    """max |x| / s lies in [4, 8), and f4E2M1FN ends at 6."""
    x = np.array([[7.5, 6.5, 5.0, -7.9], [3.9, 1.0, -0.3, 0.2]], np.float32)
    y = dequantize(tmp_path, x, "#qfmt.scaled<f4E2M1FN, block = [1, *], scale = f8E8M0FNU>", "scale_rule = floor_log2")
    np.testing.assert_array_equal(y, [[6, 6, 4, -6], [3, 1, -0.25, 0.25]])


PUBLISHED = {
    # Mean squared error on N(0, 1), relative to the mean square; half to even, as the tables were made.
    "BFP12, 16": ("!qfmt.int<i4, -7, 7>, block = [1, 16], scale = f8E8M0FNU", "floor_log2", 0.013694, 0.02),
    "BFP12, 64": ("!qfmt.int<i4, -7, 7>, block = [1, 64], scale = f8E8M0FNU", "floor_log2", 0.020323, 0.02),
    "BFP16, 32": ("!qfmt.int<i8, -127, 127>, block = [1, 32], scale = f8E8M0FNU", "floor_log2", 0.0000682, 0.02),
    "MXFP4": ("f4E2M1FN, block = [1, 32], scale = f8E8M0FNU", "floor_log2", 0.013231, 0.02),
    "MXFP6 E2M3": ("f6E2M3FN, block = [1, 32], scale = f8E8M0FNU", "floor_log2", 0.000804, 0.02),
    "MXFP8 E5M2": ("f8E5M2, block = [1, 32], scale = f8E8M0FNU", "floor_log2", 0.002910, 0.02),
    "NVFP4": ("f4E2M1FN, block = [1, 16], scale = #qfmt.scaled<f8E4M3FN, scale = f32>", "two_level", 0.009053, 0.01),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_errors(tmp_path, name):
    encoding, rule, expected, tolerance = PUBLISHED[name]
    x = np.random.default_rng(2024).standard_normal((4096, 256)).astype(np.float32)
    y = dequantize(tmp_path, x, f"#qfmt.scaled<{encoding}>", f"scale_rule = {rule}")
    error = ((x.astype(np.float64) - y) ** 2).sum() / (x.astype(np.float64) ** 2).sum()
    assert error == pytest.approx(expected, rel=tolerance)


@pytest.mark.parametrize("columns", [5, 65, 100])
@pytest.mark.parametrize(
    "scale", ["bf16", "f16", "f32", "f8E4M3FN", "f8E5M2", "!qfmt.float<8, 5, specials = ieee>"]
)
def test_negative_scales_keep_their_sign(tmp_path, scale, columns):
    """Scales that are read at run time, in vectors and in what is left over."""
    attribute = f"#qfmt.scaled<i8, block = [1, *], scale = {scale}>"
    tensor = f"tensor<2x{columns}xf32, {attribute}>"
    real = f"tensor<2x{columns}xf32>"
    grid = "tensor<2x1xf32>"
    text = f"""
func.func @main(%c: {real}, %s: {grid}) -> {real} {{
  %e = qfmt.quantize %s : {grid} to tensor<2x1xf32, #qfmt.scaled<{scale}>>
  %p = qfmt.constituents %e : tensor<2x1xf32, #qfmt.scaled<{scale}>> to STORED
  %q = qfmt.quantize %c given(%p : STORED) : {real} to {tensor}
  %y = qfmt.dequantize %q : {tensor} to {real}
  return %y : {real}
}}
"""
    stored = scale if not scale.startswith("!") else "i14"
    text = text.replace("STORED", f"tensor<2x1x{stored}>")
    values = np.random.default_rng(1).uniform(-300, 300, (2, columns)).astype(np.float32)
    scales = np.array([[-3.0], [2.5]], np.float32)
    for engine in "reference", "jit":
        (found,) = run_text(tmp_path, text, [values, scales], 1, engine)
        expected = np.clip(np.rint(values / scales), -128, 127) * scales
        np.testing.assert_array_equal(found, expected, err_msg=engine)
