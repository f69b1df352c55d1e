# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Published figures of formats, computed with compiled quantize and dequantize.

docs/Methods.md says which figure comes from which publication, and which other tests have the rest. Errors are normalized mean
squares, sum (x' - x)^2 / sum x^2, of N(0, 1). The samples are those with which the figures were computed, so every printed digit
must agree; with other samples they would within 1 %, or 2 % where scales are powers of two.
"""

import functools
import json
import math
from decimal import Decimal

import numpy as np
import pytest
from run_tools import run_mlir

from qfmt.errors import UserError
from qfmt.tools import run_tool


def agrees(found: float, printed: str, relative: float = 0) -> bool:
    """To all printed digits, or else within a fraction of the printed number."""
    expected = Decimal(printed)
    half_unit = Decimal(5).scaleb(expected.as_tuple().exponent - 1)
    return abs(Decimal(float(found)) - expected) <= expected * Decimal(relative) + half_unit


def nmse(x: np.ndarray, decoded: np.ndarray) -> float:
    x = x.astype(np.float64)
    return float(((decoded - x) ** 2).sum() / (x**2).sum())


def read_back(tmp_path, x: np.ndarray, encoding: str, attributes: str = "") -> np.ndarray:
    """x quantized and dequantized by compiled code."""
    plain = f"tensor<{x.shape[0]}x{x.shape[1]}xf32>"
    encoded = f"{plain[:-1]}, {encoding}>"
    path = tmp_path / "module.mlir"
    path.write_text(f"""
func.func @main(%x: {plain}) -> {plain} {{
  %q = qfmt.quantize %x {attributes} : {plain} to {encoded}
  %y = qfmt.dequantize %q : {encoded} to {plain}
  return %y : {plain}
}}
""")
    return run_mlir(path, [x], 1)[0]


def xorshift(count: int, lanes: int = 4096) -> np.ndarray:
    """The first states of xorshift64 (13, 7, 17) after 0x9E3779B97F4A7C15, in `lanes` pieces that are computed side by side."""

    def advance(states: np.ndarray) -> None:
        states ^= states << np.uint64(13)
        states ^= states >> np.uint64(7)
        states ^= states << np.uint64(17)

    length = count // lanes
    # A step is linear over bits: what a piece makes of each single bit says where the next piece begins.
    places = np.arange(64, dtype=np.uint64)
    images = np.uint64(1) << places
    for _ in range(length):
        advance(images)
    starts = [np.uint64(0x9E3779B97F4A7C15)]
    while len(starts) < lanes:
        starts.append(np.bitwise_xor.reduce(images[(starts[-1] >> places & np.uint64(1)).astype(bool)]))
    states, found = np.array(starts), np.empty((length, lanes), np.uint64)
    for row in found:
        advance(states)
        row[:] = states
    return found.T.ravel()


def gaussians(count: int) -> np.ndarray:
    """N(0, 1), two uniform numbers a sample."""
    uniform = ((xorshift(2 * count) >> np.uint64(11)) + 0.5) / 2**53
    return np.sqrt(-2 * np.log(uniform[::2])) * np.cos(2 * np.pi * uniform[1::2])


@pytest.fixture(scope="module")
def normals() -> np.ndarray:
    return gaussians(2**22).reshape(-1, 128).astype(np.float32)


def test_samples():
    state, mask, expected = 0x9E3779B97F4A7C15, 2**64 - 1, []
    for _ in range(16384):
        state ^= state << 13 & mask
        state ^= state >> 7
        state ^= state << 17 & mask
        expected.append(state)
    np.testing.assert_array_equal(xorshift(16384), np.array(expected, np.uint64))


@functools.cache
def presets() -> dict[str, dict]:
    return {entry["name"]: entry for entry in json.loads(run_tool("qfmt-opt", "--list-formats=json"))}


def read_back_preset(tmp_path, x: np.ndarray, name: str) -> np.ndarray:
    entry = presets()[name]
    modes = f"rounding = {entry['rounding']} scale_rule = {entry['scale_rule']}"
    return read_back(tmp_path, x, entry["encoding"], modes)


def check_constituents(*tensors: tuple[int, int, str, list[str]]) -> None:
    """Fails unless tensors of these sizes and encodings consist of tensors of these types."""
    lines, arguments = [], []
    for index, (rows, columns, encoding, types) in enumerate(tensors):
        kind = f"tensor<{rows}x{columns}xf32, {encoding}>"
        arguments.append(f"%x{index}: {kind}")
        names = f"%y{index}:{len(types)}"
        lines.append(f"  {names} = qfmt.constituents %x{index} : {kind} to {', '.join(types)}\n")
    module = f"func.func @main({', '.join(arguments)}) {{\n{''.join(lines)}  return\n}}\n"
    run_tool("qfmt-opt", "-", stdin=module.encode())


# ----------------------------------------------------------------------------------------------------------------------
# AQLM for code models: Giagnorio et al., 2025. Sizes of single models are in unittests/IR/TensorFormatsTest.cpp.

# Hidden size, inner size, layers, vocabulary, columns of keys and values.
CODE_MODELS = [
    (4096, 11008, 32, 32016, 4096),
    (5120, 13824, 40, 32016, 5120),
    (8192, 22016, 48, 32000, 1024),
    (2048, 5504, 24, 32256, 2048),
    (4096, 11008, 32, 32256, 4096),
    (7168, 19200, 62, 32256, 1024),
]


@pytest.mark.parametrize("codebooks, bits, printed", [(4, 15, "43.9"), (2, 15, "70.04"), (2, 12, "71.8"), (1, 15, "83.1")])
def test_mean_saving_of_additive(codebooks, bits, printed):
    """Against float16, with codes in 16 bits each, embeddings and output in float16; in percent."""
    encoding = f"#qfmt.additive<codebooks = {codebooks}, bits = {bits}, group = [1, 8], table = f16, block = [1, *], scale = f16>"
    savings = []
    for hidden, inner, layers, vocabulary, keys in CODE_MODELS:
        matrices = {(hidden, hidden): 2, (keys, hidden): 2, (inner, hidden): 2, (hidden, inner): 1}
        if keys == hidden:
            matrices[hidden, hidden] = 4
        tensors, size, half = [], 2 * vocabulary * hidden * 16, 2 * vocabulary * hidden * 16
        for (rows, columns), count in matrices.items():
            codes, tables = (rows, columns // 8, codebooks), (codebooks, 2**bits, 1, 8)
            types = [f"i{bits}", "f16", "f16"]
            shapes = [codes, (rows, 1), tables]
            names = [f"tensor<{'x'.join(map(str, shape))}x{kind}>" for shape, kind in zip(shapes, types)]
            tensors.append((rows, columns, encoding, names))
            size += layers * count * 16 * sum(map(math.prod, shapes))
            half += layers * count * 16 * rows * columns
        check_constituents(*tensors)
        savings.append(1 - size / half)
    assert agrees(100 * np.mean(savings), printed)


# ----------------------------------------------------------------------------------------------------------------------
# Dynamic fixed point: Das et al., ICLR 2018


def narrow(bits: int) -> str:
    return f"!qfmt.int<i{bits}, -{2 ** (bits - 1) - 1}, {2 ** (bits - 1) - 1}>"


@pytest.mark.parametrize(
    "bits, length",
    [((16, 16), 2), ((15, 15), 8), ((14, 14), 32), ((13, 13), 128), ((12, 12), 512), ((8, 8), 133144), ((16, 8), 516)],
)
def test_safe_chain_length(tmp_path, bits, length):
    """So many products of two widths fit 32 bits, and no more: the integer pass accepts and refuses accordingly."""

    def integerize(terms: int) -> None:
        # Stored codes may lie outside of a narrow range; what is converted to it saturates.
        shapes = f"1x{terms}", f"{terms}x1"
        a, b = (f"tensor<{shape}xf32, #qfmt.scaled<i{p}>>" for shape, p in zip(shapes, bits))
        c, d = (f"tensor<{shape}xf32, #qfmt.scaled<{narrow(p)}>>" for shape, p in zip(shapes, bits))
        path = tmp_path / "module.mlir"
        path.write_text(f"""
func.func @main(%a: {a}, %b: {b}) -> tensor<1x1xf32, #qfmt.scaled<i16>> {{
  %zero = arith.constant dense<0.0> : tensor<1x1xf32>
  %c = qfmt.convert %a : {a} to {c}
  %d = qfmt.convert %b : {b} to {d}
  %0 = linalg.matmul ins(%c, %d : {c}, {d}) outs(%zero : tensor<1x1xf32>) -> tensor<1x1xf32>
  %1 = qfmt.quantize %0 : tensor<1x1xf32> to tensor<1x1xf32, #qfmt.scaled<i16>>
  return %1 : tensor<1x1xf32, #qfmt.scaled<i16>>
}}
""")
        run_tool("qfmt-opt", path, "--qfmt-integerize=accumulator-bits=32")

    integerize(length)
    with pytest.raises(UserError, match="accumulator may overflow"):
        integerize(length + 1)


def test_dfp16_round_trip(tmp_path):
    """Half a step, which is at most 2^-15 of the largest magnitude; a whole one next to a power of two, which clips."""
    x = np.random.default_rng(10).standard_normal((512, 64)).astype(np.float32)
    tensors = [x, x * np.float32(1e-20), x * np.float32(3e30), np.full((8, 8), np.nextafter(np.float32(4), np.float32(0)))]
    for values in tensors:
        decoded = read_back_preset(tmp_path, values, "dfp16").astype(np.float64)
        largest = float(np.abs(values).max())
        step = 2.0 ** (np.floor(np.log2(largest)) - 14)
        error = np.abs(decoded - values)
        assert error.max() <= 2**-15 * largest
        assert error[np.abs(values) <= 32767.5 * step].max(initial=0) <= step / 2
        np.testing.assert_array_equal(decoded, np.clip(np.rint(values / step), -32767, 32767) * step)


def chained_product(tmp_path, x: np.ndarray, y: np.ndarray, bits: int, length: int):
    """The codes of x and y with one exponent each, and their product from 32-bit sums of `length` terms."""
    (rows, terms), (_, columns), chains = x.shape, y.shape, x.shape[1] // length
    scale = f"#qfmt.scaled<{narrow(bits)}, scale = f8E8M0FNU>"
    a, b = f"{rows}x{terms}x", f"{terms}x{columns}x"
    path = tmp_path / "module.mlir"
    path.write_text(f"""
#a = affine_map<(m, n, c, l) -> (m, c, l)>
#b = affine_map<(m, n, c, l) -> (c, l, n)>
#partial = affine_map<(m, n, c, l) -> (m, n, c)>
#each = affine_map<(m, n, c) -> (m, n, c)>
#sum = affine_map<(m, n, c) -> (m, n)>
!partials = tensor<{rows}x{columns}x{chains}xi32>
!sums = tensor<{rows}x{columns}xi64>
func.func @main(%x: tensor<{a}f32>, %y: tensor<{b}f32>) -> (!sums, tensor<{a}i{bits}>, tensor<{b}i{bits}>) {{
  %p = qfmt.quantize %x scale_rule = floor_log2 : tensor<{a}f32> to tensor<{a}f32, {scale}>
  %q = qfmt.quantize %y scale_rule = floor_log2 : tensor<{b}f32> to tensor<{b}f32, {scale}>
  %i, %ei = qfmt.constituents %p : tensor<{a}f32, {scale}> to tensor<{a}i{bits}>, tensor<1x1xf8E8M0FNU>
  %j, %ej = qfmt.constituents %q : tensor<{b}f32, {scale}> to tensor<{b}i{bits}>, tensor<1x1xf8E8M0FNU>
  %ic = tensor.expand_shape %i [[0], [1, 2]] output_shape [{rows}, {chains}, {length}]
      : tensor<{a}i{bits}> into tensor<{rows}x{chains}x{length}xi{bits}>
  %jc = tensor.expand_shape %j [[0, 1], [2]] output_shape [{chains}, {length}, {columns}]
      : tensor<{b}i{bits}> into tensor<{chains}x{length}x{columns}xi{bits}>
  %zero = arith.constant dense<0> : !partials
  %partial = linalg.generic {{indexing_maps = [#a, #b, #partial], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}}
      ins(%ic, %jc : tensor<{rows}x{chains}x{length}xi{bits}>, tensor<{chains}x{length}x{columns}xi{bits}>) outs(%zero : !partials) {{
  ^bb0(%u: i{bits}, %v: i{bits}, %acc: i32):
    %u32 = arith.extsi %u : i{bits} to i32
    %v32 = arith.extsi %v : i{bits} to i32
    %product = arith.muli %u32, %v32 : i32
    %next = arith.addi %acc, %product : i32
    linalg.yield %next : i32
  }} -> !partials
  %none = arith.constant dense<0> : !sums
  %sum = linalg.generic {{indexing_maps = [#each, #sum], iterator_types = ["parallel", "parallel", "reduction"]}}
      ins(%partial : !partials) outs(%none : !sums) {{
  ^bb0(%u: i32, %acc: i64):
    %u64 = arith.extsi %u : i32 to i64
    %next = arith.addi %acc, %u64 : i64
    linalg.yield %next : i64
  }} -> !sums
  return %sum, %i, %j : !sums, tensor<{a}i{bits}>, tensor<{b}i{bits}>
}}
""")
    return run_mlir(path, [x, y], 3)


@pytest.mark.parametrize("bits, length", [(16, 2), (15, 8), (14, 32)])
def test_chained_matmul(tmp_path, bits, length):
    """Exact with chains of the safe length, whatever the codes; not with longer ones, so the bound is the largest."""
    terms = length * (length + 1)
    random = np.random.default_rng(bits)
    x, y = random.standard_normal((6, terms)).astype(np.float32), random.standard_normal((terms, 5)).astype(np.float32)
    # Codes at the end of their range.
    x[0], y[:, 0], y[:, 1] = 5, 5, -5
    x[1] = np.where(np.arange(terms) % 2, 5, -5)
    x, y = (np.clip(v, -np.nextafter(np.float32(4), np.float32(0)), np.nextafter(np.float32(4), np.float32(0))) for v in (x, y))
    found, i, j = chained_product(tmp_path, x, y, bits, length)
    assert i.max() == j.max() == 2 ** (bits - 1) - 1
    exact = i.astype(np.int64) @ j.astype(np.int64)
    np.testing.assert_array_equal(found, exact)
    longer, _, _ = chained_product(tmp_path, x, y, bits, length + 1)
    assert (longer[0, :2] != exact[0, :2]).all()


# ----------------------------------------------------------------------------------------------------------------------
# Ternary weights: Kaushal et al., Spectra, 2024

TERNARY = {"five in a byte": "!qfmt.ternary", "two bits each": "!qfmt.int<i2, -1, 1>"}


@pytest.mark.parametrize("number_format", TERNARY.values(), ids=TERNARY)
def test_ternary_absmean(tmp_path, normals, number_format):
    """The scale is the mean magnitude, given to the operation. 1.0680 is the best scale to read the same codes with.

    The figures are those of the distribution, which samples approach.
    """
    kind = f"tensor<32768x128xf32, #qfmt.scaled<{number_format}, scale = f32>>"
    path = tmp_path / "module.mlir"
    path.write_text(f"""
func.func @main(%x: tensor<32768x128xf32>, %scale: tensor<1x1xf32>, %best: tensor<1x1xf32>)
    -> (tensor<32768x128xi2>, tensor<32768x128xf32>, tensor<32768x128xf32>) {{
  %q = qfmt.quantize %x given(%scale : tensor<1x1xf32>) : tensor<32768x128xf32> to {kind}
  %codes, %s = qfmt.constituents %q : {kind} to tensor<32768x128xi2>, tensor<1x1xf32>
  %y = qfmt.dequantize %q : {kind} to tensor<32768x128xf32>
  %r = qfmt.assemble %codes, %best : tensor<32768x128xi2>, tensor<1x1xf32> to {kind}
  %z = qfmt.dequantize %r : {kind} to tensor<32768x128xf32>
  return %codes, %y, %z : tensor<32768x128xi2>, tensor<32768x128xf32>, tensor<32768x128xf32>
}}
""")
    scale = np.float32(1e-5 + np.abs(normals.astype(np.float64)).mean())
    assert agrees(scale, "0.797885", 0.01)
    codes, decoded, best = run_mlir(path, [normals, np.full((1, 1), scale), np.full((1, 1), np.float32(1.0680))], 3)
    quotient = normals / scale
    np.testing.assert_array_equal(codes, np.rint(np.clip(quotient, -1, 1)))
    assert np.abs(quotient[codes == 0]).max() <= 0.5 < np.abs(quotient[codes != 0]).min()
    assert agrees(np.mean(codes == 0), "0.310064", 0.01)
    assert agrees(nmse(normals, decoded), "0.263382", 0.01)
    assert agrees(nmse(normals, best), "0.213042", 0.01)


# Hidden size, size of the gated layer, layers; 10^9 bits with float16, log2 3 bits, five in a byte, and two bits.
SPECTRA = {
    "830M": ((1536, 4096, 24), ("13.34", "3.549", "3.560", "3.831")),
    "1.1B": ((1792, 5120, 24), ("18.39", "4.420", "4.435", "4.822")),
    "2.4B": ((2304, 7680, 30), ("39.38", "7.243", "7.276", "8.168")),
    "3.9B": ((3072, 9216, 30), ("63.83", "10.779", "10.834", "12.306")),
}
VOCABULARY = 50304


def matrix_bits(shape: tuple[int, int], packing: str) -> int:
    """The bits that a ternary matrix takes in packed storage; the verifier of qfmt.pack knows them."""
    rows, columns = shape
    wanted = f"tensor<{rows}x{columns}xi2>"
    size = -(-rows * columns // (5 if packing == "base3" else 4))
    for count, accepted in ((size, True), (size - 1, False)):
        module = f"""
func.func @main(%codes: {wanted}) -> tensor<{count}xi8> {{
  %bytes = qfmt.pack %codes packing = {packing} : {wanted} to tensor<{count}xi8>
  return %bytes : tensor<{count}xi8>
}}
"""
        if accepted:
            run_tool("qfmt-opt", "-", stdin=module.encode())
        else:
            with pytest.raises(UserError):
                run_tool("qfmt-opt", "-", stdin=module.encode())
    return 8 * size


@pytest.mark.parametrize("sizes, printed", SPECTRA.values(), ids=SPECTRA)
def test_ternary_model_sizes(sizes, printed):
    """Matrices are ternary, embeddings and output float16; the few scales of a matrix do not show."""
    hidden, gated, layers = sizes
    embeddings = 16 * 2 * VOCABULARY * hidden
    square, long = (hidden, hidden), (hidden, gated)
    linear = layers * (4 * hidden**2 + 3 * hidden * gated)
    found = [
        16 * linear,
        np.log2(3) * linear,
        layers * (4 * matrix_bits(square, "base3") + 3 * matrix_bits(long, "base3")),
        layers * (4 * matrix_bits(square, "bits") + 3 * matrix_bits(long, "bits")),
    ]
    assert [agrees((bits + embeddings) / 1e9, p) for bits, p in zip(found, printed)] == [True] * 4
    assert found[2] == pytest.approx(presets()["ternary"]["bits_per_element"] * linear, rel=1e-4)


def test_largest_ternary_model_is_smaller_than_smallest_of_floats():
    hidden, gated, layers = SPECTRA["3.9B"][0]
    ternary = layers * (4 * matrix_bits((hidden, hidden), "base3") + 3 * matrix_bits((hidden, gated), "base3"))
    hidden_830, gated_830, layers_830 = SPECTRA["830M"][0]
    floats = 16 * layers_830 * (4 * hidden_830**2 + 3 * hidden_830 * gated_830)
    assert ternary + 32 * VOCABULARY * hidden < floats + 32 * VOCABULARY * hidden_830


# ----------------------------------------------------------------------------------------------------------------------
# Powers: Yvinec et al., PowerQuant, ICLR 2023, and NUPES, 2023


POWERS = [
    (bits, exponent, printed)
    for bits, row in {
        4: ".013759 .011713 .011881 .012866 .015036 .019426",
        3: ".074931 .063699 .064688 .070550 .083227",
        8: "4.2e-5 3.6e-5 3.6e-5 3.9e-5 4.5e-5",
    }.items()
    for exponent, printed in zip([1.0, 0.8, 0.7, 0.6, 0.5, 0.4], row.split())
]


def group_of_128(number_format: str) -> str:
    return f"#qfmt.scaled<{number_format}, block = [1, 128], scale = f32>"


def power(bits: int, exponent: float) -> str:
    """The power 1 is spelled as the integers that it is."""
    largest = 2 ** (bits - 1) - 1
    return f"!qfmt.int<i{bits}, {-largest}, {largest}>" if exponent == 1 else f"!qfmt.power<{bits}, {exponent}>"


@pytest.mark.parametrize("bits, exponent, printed", POWERS)
def test_power(tmp_path, normals, bits, exponent, printed):
    decoded = read_back(tmp_path, normals, group_of_128(power(bits, exponent)))
    assert agrees(nmse(normals, decoded), printed)


@pytest.mark.parametrize("bits", [3, 4, 8])
def test_power_of_one_is_uniform(tmp_path, normals, bits):
    power_of_one = read_back(tmp_path, normals, group_of_128(power(bits, 1.0)))
    uniform = read_back(tmp_path, normals, group_of_128(f"i{bits}"))
    np.testing.assert_array_equal(power_of_one.view(np.uint32), uniform.view(np.uint32))
    groups = normals.reshape(-1, 128)
    scale = np.abs(groups).max(axis=1, keepdims=True) / np.float32(2 ** (bits - 1) - 1)
    by_hand = np.clip(np.rint(groups / scale), -(2 ** (bits - 1)), 2 ** (bits - 1) - 1) * scale
    np.testing.assert_array_equal(power_of_one, by_hand)


# ----------------------------------------------------------------------------------------------------------------------
# Block floating point: Trukhanov and Soloveychik, 2024

BFP = {
    12: (4, {16: (".013694", 4.5), 32: (".017557", 4.25), 64: (".020323", 4.125), 128: (".021298", 4.0625)}),
    14: (6, {16: (".000845", 6.5), 32: (".001092", 6.25), 64: (".001269", 6.125), 128: (".001331", 6.0625)}),
    16: (8, {16: (".0000527", 8.5), 32: (".0000682", 8.25), 64: (".0000793", 8.125), 128: (".0000832", 8.0625)}),
}
BFP_ROWS = [
    pytest.param(mantissa, block, *row, id=f"BFP{name}-{block}")
    for name, (mantissa, rows) in BFP.items()
    for block, row in rows.items()
]


def bfp(mantissa: int, block: int) -> str:
    return f"#qfmt.scaled<{narrow(mantissa)}, block = [1, {block}], scale = f8E8M0FNU>"


@pytest.mark.parametrize("mantissa, block, printed, bits", BFP_ROWS)
def test_block_floating_point(tmp_path, normals, mantissa, block, printed, bits):
    decoded = read_back(tmp_path, normals, bfp(mantissa, block), "scale_rule = floor_log2")
    assert agrees(nmse(normals, decoded), printed)


@pytest.mark.parametrize("mantissa, block, printed, bits", BFP_ROWS)
def test_bits_of_block_floating_point(mantissa, block, printed, bits):
    rows, columns = 64, 256
    types = [f"tensor<{rows}x{columns}xi{mantissa}>", f"tensor<{rows}x{columns // block}xf8E8M0FNU>"]
    check_constituents((rows, columns, bfp(mantissa, block), types))
    assert bits == mantissa + 8 / block


@pytest.mark.parametrize("name, bits", [("bfp12", 4.125), ("bfp14", 6.125), ("bfp16", 8.125)])
def test_bits_of_presets_of_block_floating_point(name, bits):
    assert presets()[name]["bits_per_element"] == bits


KEY_SCALES = np.where(np.arange(128) % 32 == 5, 16, 1)


@pytest.fixture(scope="module")
def keys() -> np.ndarray:
    """4096 keys of 128 channels, four of which are 16 times as large."""
    return (gaussians(4096 * 128).reshape(4096, 128) * KEY_SCALES).astype(np.float32)


@pytest.mark.parametrize(
    "block, unsorted, in_order",
    [(16, ".024674", ".015882"), (32, ".046151", ".026636"), (64, ".067945", ".047490"), (128, ".088826", ".088826")],
)
def test_sorted_channels(tmp_path, keys, block, unsorted, in_order):
    """Large channels side by side lose less, but in blocks that hold all channels."""
    order = np.argsort(-KEY_SCALES, kind="stable")
    permuted = np.ascontiguousarray(keys[:, order])
    encoding = bfp(4, block)
    plain = read_back(tmp_path, keys, encoding, "scale_rule = floor_log2")
    decoded = read_back(tmp_path, permuted, encoding, "scale_rule = floor_log2")
    assert agrees(nmse(keys, plain), unsorted)
    assert agrees(nmse(permuted, decoded), in_order)
    if block == 128:
        np.testing.assert_array_equal(plain[:, order], decoded)


# ----------------------------------------------------------------------------------------------------------------------
# OCP Microscaling Formats 1.0, and NVFP4

# Published error, the same in dB.
MICROSCALING = [
    ("mxfp4", ".013231", "18.78"),
    ("mxfp6", ".000804", "30.95"),
    ("mxfp6_e3m2", ".002910", "25.36"),
    ("mxfp8", ".000861", "30.65"),
    ("mxfp8_e5m2", ".002910", "25.36"),
    ("mxint8", ".0000682", "41.66"),
    ("nvfp4", ".009053", "20.43"),
]


@pytest.mark.parametrize("name, printed, ratio", MICROSCALING)
def test_microscaling(tmp_path, normals, name, printed, ratio):
    # The scales of nvfp4 depend on the largest magnitude of all.
    assert agrees(np.abs(normals).max(), "5.5507")
    error = nmse(normals, read_back_preset(tmp_path, normals, name))
    assert agrees(error, printed)
    assert agrees(-10 * np.log10(error), ratio)


# Payload, exponent of the largest value, largest and smallest positive value, bits an element.
ELEMENTS = [
    ("mxfp8_e5m2", "f8E5M2", 15, 57344, 2**-16, 8.25),
    ("mxfp8", "f8E4M3FN", 8, 448, 2**-9, 8.25),
    ("mxfp6_e3m2", "f6E3M2FN", 4, 28, 0.0625, 6.25),
    ("mxfp6", "f6E2M3FN", 2, 7.5, 0.125, 6.25),
    ("mxfp4", "f4E2M1FN", 2, 6, 0.5, 4.25),
    ("mxint8", "i8", 0, 1.984375, 2**-6, 8.25),
]


@pytest.mark.parametrize("name, payload, exponent, largest, smallest, bits", ELEMENTS)
def test_elements_of_microscaling(name, payload, exponent, largest, smallest, bits):
    entry = presets()[name]
    assert entry["levels"][-1] == largest
    assert min(level for level in entry["levels"] if level > 0) == smallest
    assert entry["bits_per_element"] == bits


def test_bits_of_nvfp4():
    # And one f32 for the whole tensor.
    assert presets()["nvfp4"]["bits_per_element"] == pytest.approx(4.5, rel=1e-5)


@pytest.mark.parametrize("name, payload, exponent, largest, smallest, bits", ELEMENTS)
def test_scales_of_microscaling(tmp_path, normals, name, payload, exponent, largest, smallest, bits):
    """floor(log2 max) less the exponent of the largest value. So that may saturate. A block of zeros reads as zeros."""
    x = normals[:64] * np.float32(2) ** np.arange(-32, 32, dtype=np.float32)[:, None]
    x[5:7] = 0
    x[6, 3] = (2 - 2**-10) * 2.0**exponent
    kind = f"tensor<64x128xf32, {presets()[name]['encoding']}>"
    path = tmp_path / "module.mlir"
    path.write_text(f"""
func.func @main(%x: tensor<64x128xf32>) -> (tensor<64x4xf8E8M0FNU>, tensor<64x128xf32>) {{
  %q = qfmt.quantize %x scale_rule = floor_log2 : tensor<64x128xf32> to {kind}
  %codes, %scales = qfmt.constituents %q : {kind} to tensor<64x128x{payload}>, tensor<64x4xf8E8M0FNU>
  %y = qfmt.dequantize %q : {kind} to tensor<64x128xf32>
  return %scales, %y : tensor<64x4xf8E8M0FNU>, tensor<64x128xf32>
}}
""")
    scales, decoded = run_mlir(path, [x], 2)
    magnitudes = np.abs(x.reshape(64, 4, 32)).max(axis=2)
    # frexp has significands below 1.
    expected = np.where(magnitudes == 0, 127, np.frexp(magnitudes)[1] - 1 - exponent + 127)
    np.testing.assert_array_equal(scales, expected)
    assert not decoded[5].any()
    assert decoded[6, 3] == largest
