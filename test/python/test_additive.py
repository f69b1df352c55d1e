# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""#qfmt.additive: against a model in numpy, and compiled code against the reference."""

import numpy as np
import pytest
from run_tools import run_mlir
from test_format_lowering import Module, check, to_logical

ENGINES = ["jit", "reference"]
SWEEPS = 4


def aqlm(codebooks: int, bits: int, group: str = "[1, 8]", suffix: str = ", block = [1, *], scale = f16") -> str:
    return f"#qfmt.additive<codebooks = {codebooks}, bits = {bits}, group = {group}, table = f16{suffix}>"


def make_tables(codebooks: int, bits: int, group: tuple[int, ...], seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    tables = random.standard_normal((codebooks, 2**bits, *group))
    # Later tables are finer, as those that were learned on residuals.
    return (tables / 3.0 ** np.arange(codebooks).reshape(-1, *[1] * (1 + len(group)))).astype(np.float16)


def make_codes(shape: tuple[int, ...], bits: int, seed: int) -> np.ndarray:
    codes = np.random.default_rng(seed).integers(0, 2**bits, shape)
    return codes.astype(np.uint8 if bits <= 8 else np.uint16)


# ----------------------------------------------------------------------------------------------------------------------
# Reading


def decode(codes: np.ndarray, scales: np.ndarray, tables: np.ndarray) -> np.ndarray:
    """[rows, groups, K] codes, one scale a row: exact in the 64 bits of an x86 long double, rounded once to f32."""
    groups = sum(tables[k, codes[..., k], 0].astype(np.longdouble) for k in range(tables.shape[0]))
    values = groups.reshape(codes.shape[0], -1) * scales.astype(np.longdouble)
    return values.astype(np.float32)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("codebooks, bits", [(1, 4), (1, 16), (2, 8), (2, 12), (4, 15), (8, 8)])
def test_reads_as_aqlm(tmp_path, engine, codebooks, bits):
    kind = f"tensor<16x64xf32, {aqlm(codebooks, bits)}>"
    path = tmp_path / "module.mlir"
    path.write_text(f"""
func.func @main(%w: {kind}) -> tensor<16x64xf32> {{
  %0 = qfmt.dequantize %w : {kind} to tensor<16x64xf32>
  return %0 : tensor<16x64xf32>
}}
""")
    codes = make_codes((16, 8, codebooks), bits, seed=codebooks)
    tables = make_tables(codebooks, bits, (1, 8), seed=bits)
    scales = np.random.default_rng(3).uniform(0.01, 3, (16, 1)).astype(np.float16)
    (decoded,) = run_mlir(path, [codes, scales, tables], 1, f"--engine={engine}")
    np.testing.assert_array_equal(decoded, decode(codes, scales, tables))


def split_into_halves(total: int, count: int) -> list[float]:
    """Numbers of float16 that add up to total * 2^-24."""
    entries = []
    for _ in range(count):
        part = min(total, 65504 << 24)
        drop = max(part.bit_length() - 11, 0)
        part = part >> drop << drop
        entries.append(part * 2.0**-24)
        total -= part
    assert total == 0
    return entries


@pytest.mark.parametrize("engine", ENGINES)
def test_the_sum_is_rounded_once(tmp_path, engine):
    """A sum of eight entries of 43 bits times a scale of 11 bits is just above the middle of two f32, and so close to it
    that f64, one bit too short, cannot tell: rounded there first, the tie would go to the lower, even one."""
    kind = "tensor<1x1xf32, " + aqlm(8, 1, "[1, 1]") + ">"
    path = tmp_path / "module.mlir"
    path.write_text(f"""
func.func @main(%w: {kind}) -> tensor<1x1xf32> {{
  %0 = qfmt.dequantize %w : {kind} to tensor<1x1xf32>
  return %0 : tensor<1x1xf32>
}}
""")
    for scale in (2047, 2045, 2039):
        # total * scale = high * 2^30 + 2^29 + 1 with an even number high, and 54 bits.
        total = (2**29 + 1) * pow(scale, -1, 2**30) % 2**30 + (2**53 // scale >> 30 << 30)
        while (total * scale).bit_length() < 54 or (total * scale >> 30) % 2:
            total += 2**30
        exact = total * scale
        high = exact >> 30
        assert exact == (high << 30) + 2**29 + 1 and high.bit_length() == 24
        assert np.float32(float(total) * float(scale)) == np.float32(high * 2.0**30)
        tables = np.zeros((8, 2, 1, 1), np.float16)
        tables[:, 0, 0, 0] = split_into_halves(total, 8)
        inputs = [np.zeros((1, 1, 8), np.uint8), np.array([[scale]], np.float16), tables]
        (decoded,) = run_mlir(path, inputs, 1, f"--engine={engine}")
        assert decoded == np.float32((high + 1) * 2.0 ** (30 - 24))


@pytest.mark.parametrize("logical", ["f16", "bf16", "f32", "f64"])
def test_reads_as_the_reference(tmp_path, logical):
    """Groups in both dimensions, blocks of several groups with a partial last one, static scales, other tables."""
    encodings = {
        aqlm(2, 4, "[2, 4]", ", block = [2, *], scale = f16"): ((4, 5, 2), 4, (2, 2, 4), [((4, 1), np.float16)]),
        aqlm(3, 4, "[1, 4]", ", block = [3, 8], scale = f32"): ((8, 5, 3), 4, (3, 1, 4), [((3, 3), np.float32)]),
        aqlm(2, 3, "[8, 20]", ""): ((1, 1, 2), 3, (2, 8, 20), []),
        aqlm(1, 4, "[1, 1]", ", block = [1, 7], scale = f16"): ((8, 20, 1), 4, (1, 1, 1), [((8, 3), np.float16)]),
        aqlm(1, 4, "[4, 1]", ", scale = 0.3"): ((2, 20, 1), 4, (1, 4, 1), []),
    }
    plain = f"tensor<8x20x{logical}>"
    module, inputs = Module(), []
    for index, (encoding, (codes, bits, (books, *group), scales)) in enumerate(encodings.items()):
        module.arguments[f"w{index}"] = kind = f"{plain[:-1]}, {encoding}>"
        module.add(f"qfmt.dequantize %w{index} : {kind} to {plain}", plain, encoding)
        inputs.append(make_codes(codes, bits, seed=index))
        inputs += [np.random.default_rng(index).uniform(0.1, 2, shape).astype(dtype) for shape, dtype in scales]
        inputs.append(make_tables(books, bits, tuple(group), seed=index))
    check(tmp_path, module, inputs, bfloat=logical == "bf16")


# ----------------------------------------------------------------------------------------------------------------------
# Encoding


def search(x: np.ndarray, scale: float, tables: np.ndarray) -> list[int]:
    """The codes of one group. f64, one rounding an operation, in the order of the specification."""
    tables = tables.reshape(*tables.shape[:2], -1).astype(np.float64)
    parts = np.float64(scale) * tables

    def find(table: int, residual: np.ndarray) -> int:
        errors = np.cumsum((residual - parts[table]) ** 2, axis=1)[:, -1]
        return int(np.argmin(errors))

    codes: list[int] = []
    for k in range(len(tables)):
        residual = x.copy()
        for j in range(k):
            residual = residual - parts[j, codes[j]]
        codes.append(find(k, residual))
    for _ in range(SWEEPS if len(tables) > 1 else 0):
        for k in range(len(tables)):
            residual = x.copy()
            for j in range(len(tables)):
                if j != k:
                    residual = residual - parts[j, codes[j]]
            codes[k] = find(k, residual)
    return codes


def quantize_module(kind: str, plain: str, scales: str, tables: str) -> str:
    return f"""
func.func @main(%x: {plain}, %s: {scales}, %t: {tables}) -> ({kind}) {{
  %0 = qfmt.quantize %x given(%s, %t : {scales}, {tables}) : {plain} to {kind}
  return %0 : {kind}
}}
"""


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("codebooks, bits", [(1, 8), (2, 5), (3, 4)])
def test_search(tmp_path, engine, codebooks, bits):
    random = np.random.default_rng(codebooks)
    x = random.standard_normal((8, 32)).astype(np.float32)
    x[2] = 0
    tables = make_tables(codebooks, bits, (1, 4), seed=7)
    tables[0, 3] = tables[0, 5]  # equal vectors: the first is taken
    scales = random.uniform(0.3, 2, (8, 1)).astype(np.float16)
    kind = f"tensor<8x32xf32, {aqlm(codebooks, bits, '[1, 4]')}>"
    path = tmp_path / "module.mlir"
    path.write_text(
        quantize_module(kind, "tensor<8x32xf32>", "tensor<8x1xf16>", f"tensor<{codebooks}x{2**bits}x1x4xf16>")
    )
    codes, given_scales, given_tables = run_mlir(path, [x, scales, tables], 3, f"--engine={engine}")
    expected = np.array(
        [
            [search(group.astype(np.float64), float(scale[0]), tables) for group in row.reshape(-1, 4)]
            for row, scale in zip(x, scales)
        ]
    )
    np.testing.assert_array_equal(codes, expected)
    np.testing.assert_array_equal(given_scales, scales)
    np.testing.assert_array_equal(given_tables, tables)


def test_sweeps_do_not_make_it_worse():
    """What the search ends with is at least as near as what the greedy first pass finds, and often nearer."""
    random = np.random.default_rng(1)
    tables = random.standard_normal((3, 16, 1, 4)).astype(np.float16)
    parts = tables.reshape(3, 16, 4).astype(np.float64)
    better = 0
    for x in random.standard_normal((200, 4)):
        greedy, residual = [], x
        for k in range(3):
            greedy.append(int(np.argmin(((residual - parts[k]) ** 2).sum(axis=1))))
            residual = residual - parts[k, greedy[k]]
        best = x - sum(parts[k, c] for k, c in enumerate(search(x, 1.0, tables)))
        assert (best**2).sum() <= (residual**2).sum() * (1 + 1e-12)
        better += (best**2).sum() < (residual**2).sum() * (1 - 1e-9)
    assert better > 20


@pytest.mark.parametrize("logical", ["f16", "bf16", "f32", "f64"])
def test_encodes_as_the_reference(tmp_path, logical):
    random = np.random.default_rng(11)
    x = random.standard_normal((8, 20)) * 2
    x[1] = 0
    x[2, 3], x[3, 4], x[3, 5], x[4, :] = np.nan, np.inf, -np.inf, 1e-7
    plain = f"tensor<8x20x{logical}>"
    cases = [
        (aqlm(2, 4, "[2, 4]", ", block = [2, *], scale = f16"), 2, 4, (2, 4), (4, 1)),
        (aqlm(1, 5, "[1, 4]", ", block = [3, 8], scale = f16"), 1, 5, (1, 4), (3, 3)),
        (aqlm(1, 4, "[1, 1]", ", block = [1, 7], scale = f16"), 1, 4, (1, 1), (8, 3)),
    ]
    module, inputs, counts = Module(x=plain), [to_logical(x, logical)], []
    for index, (encoding, books, bits, group, grid) in enumerate(cases):
        scales = f"tensor<{grid[0]}x{grid[1]}xf16>"
        tables = f"tensor<{books}x{2**bits}x{group[0]}x{group[1]}xf16>"
        module.arguments |= {f"s{index}": scales, f"t{index}": tables}
        inputs += [random.uniform(0.1, 2, grid).astype(np.float16), make_tables(books, bits, group, seed=index)]
        kind = f"{plain[:-1]}, {encoding}>"
        module.add(
            f"qfmt.quantize %x given(%s{index}, %t{index} : {scales}, {tables}) : {plain} to {kind}", kind, encoding
        )
        counts.append(3)
    check(tmp_path, module, inputs, counts)


def test_converts_from_and_to(tmp_path):
    random = np.random.default_rng(12)
    x = random.standard_normal((8, 16)).astype(np.float32)
    additive = f"tensor<8x16xf32, {aqlm(2, 4, '[1, 4]')}>"
    rows = "tensor<8x16xf32, #qfmt.scaled<i8, block = [1, *], scale = f16>>"
    module = Module(x="tensor<8x16xf32>", s="tensor<8x1xf16>", t="tensor<2x16x1x4xf16>")
    given = "given(%s, %t : tensor<8x1xf16>, tensor<2x16x1x4xf16>)"
    first = module.add(f"qfmt.quantize %x {given} : tensor<8x16xf32> to {additive}", additive, "quantize")
    second = module.add(f"qfmt.convert {first} : {additive} to {rows}", rows, "to scaled")
    module.add(f"qfmt.convert {second} {given} : {rows} to {additive}", additive, "from scaled")
    scales = random.uniform(0.3, 2, (8, 1)).astype(np.float16)
    check(tmp_path, module, [x, scales, make_tables(2, 4, (1, 4), seed=1)], [3, 2, 3])


@pytest.mark.parametrize("engine", ENGINES)
def test_learned_scalar_codebook(tmp_path, engine):
    """One table of numbers: the nearest one, the lower index where two are as near."""
    kind = f"tensor<4x6xf32, {aqlm(1, 2, '[1, 1]', '')}>"
    path = tmp_path / "module.mlir"
    path.write_text(f"""
func.func @main(%x: tensor<4x6xf32>, %t: tensor<1x4x1x1xf16>) -> ({kind}, tensor<4x6xf32>) {{
  %q = qfmt.quantize %x given(%t : tensor<1x4x1x1xf16>) : tensor<4x6xf32> to {kind}
  %y = qfmt.dequantize %q : {kind} to tensor<4x6xf32>
  return %q, %y : {kind}, tensor<4x6xf32>
}}
""")
    table = np.array([-1, 3, 0.5, -0.25], np.float16)
    x = np.linspace(-2, 4, 24).astype(np.float32).reshape(4, 6)
    x[0, 0], x[1, 1] = 1.75, np.nan  # between 3 and 0.5
    codes, _, decoded = run_mlir(path, [x, table.reshape(1, 4, 1, 1)], 3, f"--engine={engine}")
    distances = np.abs(np.nan_to_num(x)[..., None] - table.astype(np.float32))
    expected = np.argmin(distances, axis=-1)
    np.testing.assert_array_equal(codes[..., 0], expected)
    np.testing.assert_array_equal(decoded, table[expected].astype(np.float32))


@pytest.mark.parametrize("engine", ENGINES)
def test_dynamic_rows(tmp_path, engine):
    kind = f"tensor<?x64xf32, {aqlm(2, 8)}>"
    path = tmp_path / "module.mlir"
    path.write_text(f"""
func.func @main(%c: tensor<?x8x2xi8>, %s: tensor<?x1xf16>, %t: tensor<2x256x1x8xf16>) -> tensor<?x64xf32> {{
  %w = qfmt.assemble %c, %s, %t : tensor<?x8x2xi8>, tensor<?x1xf16>, tensor<2x256x1x8xf16> to {kind}
  %0 = qfmt.dequantize %w : {kind} to tensor<?x64xf32>
  return %0 : tensor<?x64xf32>
}}
""")
    codes = make_codes((5, 8, 2), 8, seed=1)
    tables = make_tables(2, 8, (1, 8), seed=2)
    scales = np.random.default_rng(3).uniform(0.01, 3, (5, 1)).astype(np.float16)
    (decoded,) = run_mlir(path, [codes.view(np.int8), scales, tables], 1, f"--engine={engine}")
    np.testing.assert_array_equal(decoded, decode(codes, scales, tables))
