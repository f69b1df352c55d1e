# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Several precisions of a network in one module, from one master of its weights (Double Rounding)."""

import json
import re

import numpy as np
import pytest
from run_tools import run_mlir
from test_assign_formats import network
from test_bit_switching import shifted

from qfmt.tools import run_tool

SIZES = [48, 40, 33, 21]
VARIANTS = {"i8": 8, "i6": 6, "i4": 4, "i2": 2}
ENGINES = ["jit", "reference"]


@pytest.fixture(scope="module")
def weights() -> list[np.ndarray]:
    rng = np.random.default_rng(14)
    return [(0.3 * rng.standard_normal(shape)).astype(np.float32) for shape in zip(SIZES, SIZES[1:])]


@pytest.fixture(scope="module")
def inputs() -> np.ndarray:
    return np.random.default_rng(15).uniform(-2.2, 2.2, (1, SIZES[0])).astype(np.float32)


def precisions(tmp_path, weights, variants: str, *passes: str) -> str:
    source = tmp_path / "network.mlir"
    source.write_text(network(weights))
    options = f"--qfmt-clone-precisions=variants={variants}", "--qfmt-quantize", *passes
    return run_tool("qfmt-opt", source, *options).decode()


def master(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Codes of i8 and one scale of f32 a column."""
    scales = (np.abs(values).max(axis=0, keepdims=True).astype(np.float64) / 127).astype(np.float32)
    return np.clip(np.rint(values / scales), -128, 127).astype(np.int64), scales


def rounded_network(weights, widths: list[int], data: list[int]) -> str:
    """@main at level encoded, of weights that numpy has rounded twice; `data` are the bits of what each layer reads, and of the result."""
    scales = [float(np.float32(np.float64(2) / (2 ** (bits - 1) - 1))) for bits in data]
    encoding = [f"#qfmt.scaled<i{bits}, scale = {scale!r}>" for bits, scale in zip(data, scales)]
    shapes = [len(w) for w in weights] + [weights[-1].shape[1]]
    lines = [f"func.func @main(%x: tensor<1x{shapes[0]}xf32>) -> tensor<1x{shapes[-1]}xf32> {{"]
    value = "%x"
    for i, (w, width) in enumerate(zip(weights, widths)):
        rows, columns = w.shape
        codes, factors = master(w)
        if width < 8:
            codes, factors = shifted(codes, width), factors * np.float32(2 ** (8 - width))
        plain, result = f"tensor<1x{rows}xf32>", f"tensor<1x{columns}xf32>"
        read = f"tensor<1x{rows}xf32, {encoding[i]}>"
        encoded = f"tensor<{rows}x{columns}xf32, #qfmt.scaled<i{width}, block = [*, 1], scale = f32>>"
        parts = f"tensor<{rows}x{columns}xi{width}>, tensor<1x{columns}xf32>"
        factors = factors.astype("<f4").tobytes().hex().upper()
        lines += [
            f"  %q{i} = qfmt.quantize {value} : {plain} to {read}",
            f"  %codes{i} = arith.constant dense<{codes.tolist()}> : tensor<{rows}x{columns}xi{width}>",
            f'  %scales{i} = arith.constant dense<"0x{factors}"> : tensor<1x{columns}xf32>',
            f"  %w{i} = qfmt.assemble %codes{i}, %scales{i} : {parts} to {encoded}",
            f"  %init{i} = arith.constant dense<0.0> : {result}",
            f"  %y{i} = linalg.matmul ins(%q{i}, %w{i} : {read}, {encoded}) outs(%init{i} : {result}) -> {result}",
        ]
        value = f"%y{i}"
    plain, last = f"tensor<1x{shapes[-1]}xf32>", f"tensor<1x{shapes[-1]}xf32, {encoding[-1]}>"
    lines += [f"  %q = qfmt.quantize {value} : {plain} to {last}", f"  %r = qfmt.dequantize %q : {last} to {plain}"]
    return "\n".join([*lines, f"  return %r : {plain}", "}"])


def run(path, entry: str, inputs: np.ndarray, *options: str) -> np.ndarray:
    np.save(path.parent / "in.npy", inputs)
    out = path.parent / f"{entry}.npy"
    run_tool("qfmt-run", path, f"--entry={entry}", *options, f"--inputs={path.parent / 'in.npy'}", f"--outputs={out}")
    return np.load(out)


@pytest.mark.parametrize("engine", ENGINES)
def test_every_precision_is_a_network_of_weights_rounded_twice(tmp_path, weights, inputs, engine):
    variants = ",".join(f"{name}={'i8' if bits == 8 else f'i{bits}@i8/i8'}" for name, bits in VARIANTS.items())
    path = tmp_path / "precisions.mlir"
    path.write_text(precisions(tmp_path, weights, variants))
    results = {}
    for name, bits in VARIANTS.items():
        single = tmp_path / f"{name}.mlir"
        single.write_text(rounded_network(weights, [bits] * 3, [8] * 4))
        results[name] = run(path, f"main_{name}", inputs, f"--engine={engine}")
        np.testing.assert_array_equal(results[name], run_mlir(single, [inputs], 1, f"--engine={engine}")[0])
    assert all(len(np.unique(r)) > 4 for r in results.values())
    assert not np.array_equal(results["i8"], results["i4"])


@pytest.mark.parametrize("engine", ENGINES)
def test_precisions_on_integers(tmp_path, weights, inputs, engine):
    """The integer networks of all functions are those of the networks that were rounded before; data has other bits, too."""
    variants = "i8=i8,i4=i4@i8/i4"
    path = tmp_path / "precisions.mlir"
    path.write_text(precisions(tmp_path, weights, variants, "--qfmt-integerize"))
    assert "arith.shrsi" in path.read_text()
    run_tool("qfmt-opt", path, "--qfmt-decompose", "--qfmt-verify-integer-only", "-o", "/dev/null")
    for name, bits, data in [("i8", 8, [8, 8, 8, 8]), ("i4", 4, [4, 4, 4, 8])]:
        single = tmp_path / f"{name}.mlir"
        single.write_text(rounded_network(weights, [bits] * 3, data))
        single.write_bytes(run_tool("qfmt-opt", single, "--qfmt-integerize"))
        codes = np.clip(np.rint(inputs / np.float32(2 / (2 ** (data[0] - 1) - 1))), -(2 ** (data[0] - 1)), 2 ** (data[0] - 1) - 1)
        found = run(path, f"main_{name}", codes.astype(np.int8), f"--engine={engine}")
        np.testing.assert_array_equal(found, run_mlir(single, [codes.astype(np.int8)], 1, f"--engine={engine}")[0])
        assert len(np.unique(found)) > 4


def test_assigned_precisions(tmp_path, weights, inputs):
    """A precision for each budget, as qfmt-assign-formats chooses them, with the damage of weights that were rounded twice."""
    source = tmp_path / "network.mlir"
    source.write_text(network(weights))
    variants, formats = [], {}
    for share in (0, 40, 70, 100):
        report = tmp_path / f"{share}.json"
        options = f"candidates=i4@i8/i8,i6@i8/i8,i8/i8 budget-bit-operations={share}% report={report}"
        run_tool("qfmt-opt", source, f"--qfmt-assign-formats={options}", "-o", "/dev/null")
        layers = json.loads(report.read_text())["layers"]
        formats[share] = [int(re.match(r"i(\d)", layer["format"])[1]) for layer in layers]
        for layer, w in zip(layers, weights, strict=True):
            for candidate in layer["candidates"]:
                bits = int(re.match(r"i(\d)", candidate["format"])[1])
                codes, scales = master(w)
                rounded = codes if bits == 8 else shifted(codes, bits) * 2 ** (8 - bits)
                error = w.astype(np.float64) - (rounded * scales.astype(np.float64)).astype(np.float32)
                assert candidate["damage"] == pytest.approx((error**2).sum(), rel=1e-9)
                assert candidate["costs"]["bytes"] == w.size + 4 * w.shape[1]
        variants.append(f"share{share}={report}")
    assert formats[0] == [4, 4, 4] and formats[100] == [8, 8, 8]
    assert len({tuple(f) for f in formats.values()}) == 4
    path = tmp_path / "precisions.mlir"
    path.write_text(precisions(tmp_path, weights, ",".join(variants)))
    for share, widths in formats.items():
        single = tmp_path / f"{share}.mlir"
        single.write_text(rounded_network(weights, widths, [8] * 4))
        np.testing.assert_array_equal(run(path, f"main_share{share}", inputs), run_mlir(single, [inputs], 1)[0])


def test_codes_are_stored_once(tmp_path, weights):
    """One resource a layer in the module; compiled code has no room for a second copy beside the scales of each function and padding."""
    variants = "i8=i8,i6=i6@i8/i8,i4=i4@i8/i8,i3=i3@i8/i8"
    text = precisions(tmp_path, weights, variants)
    used = re.findall(r"dense_resource<([\w.]*codes\w*)> : tensor<[\dx]+xi8>", text)
    assert len(used) == 4 * len(weights) and len(set(used)) == len(weights)
    path = tmp_path / "precisions.mlir"
    path.write_text(text)
    lowered = run_tool("qfmt-opt", path, "--qfmt-compile").decode()
    blob = re.search(r'weights[\w.]*: "0x([0-9A-Fa-f]+)"', lowered)
    size = len(blob[1]) // 2 - 4
    # Packed weights have columns in blocks of 16.
    columns = [-(-w.shape[1] // 16) * 16 for w in weights]
    codes = sum(w.shape[0] * n for w, n in zip(weights, columns))
    scales = 4 * len(VARIANTS) * sum(columns)
    assert codes + scales <= size < scales + 1.5 * codes
