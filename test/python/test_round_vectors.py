# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""qfmt-round-weights on weights that are sums of vectors (#qfmt.additive) and on those whose blocks have one of several
number formats (#qfmt.select): losses row by row, and codes that no other vector would better."""

import json
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from run_tools import run_mlir, run_tool
from test_round_weights import BITMOD, get_losses, make_layer, matmul, round_weights

from qfmt.additive import learn
from qfmt.tools import find_tool

BITMOD_SCALES = ["f16", "#qfmt.scaled<ui8, block = [1, *], scale = f16>"]


def constant(name: str, array: np.ndarray, kind: str = "f16") -> str:
    shape = "x".join(map(str, array.shape))
    return f'\n  %{name} = arith.constant dense<"0x{array.tobytes().hex().upper()}"> : tensor<{shape}x{kind}>'


def make_text(
    weights: np.ndarray, codebooks: int, bits: int, group: int, moments: np.ndarray | None = None
) -> tuple[str, np.ndarray, np.ndarray]:
    """The layer, and its scales and tables."""
    learned = learn(weights, codebooks, bits, group, moments=moments)
    given = (
        f"given(%scales, %tables : tensor<{len(weights)}x1xf16>, tensor<{codebooks}x{2**bits}x1x{group}xf16>)",
        constant("scales", learned.scales) + constant("tables", learned.tables),
    )
    encoding = (
        f"#qfmt.additive<codebooks = {codebooks}, bits = {bits}, group = [1, {group}], table = f16, block = [1, *], scale = f16>"
    )
    return matmul(weights, encoding, *given), learned.scales, learned.tables


@pytest.mark.parametrize("codebooks, bits, group", [(2, 4, 4), (1, 6, 8), (3, 3, 2), (1, 3, 1)])
def test_no_row_loses_more(tmp_path, codebooks, bits, group):
    weights, moments = make_layer(24, 64, seed=3)
    text, *_ = make_text(weights, codebooks, bits, group)
    losses = {
        (method, beam): get_losses(
            weights, round_weights(tmp_path, text, {"fc": moments}, method, 64, f"beam={beam}").T, moments
        )
        for method, beam in [("nearest", 1), ("gptq", 1), ("learned", 1), ("gptq", 4), ("learned", 4)]
    }
    nearest = losses["nearest", 1]
    for beam in (1, 4):
        gptq, learned = losses["gptq", beam], losses["learned", beam]
        assert (gptq <= nearest * (1 + 1e-6)).all()
        assert (learned <= gptq * (1 + 1e-6)).all()
        assert gptq.sum() < 0.9 * nearest.sum()
        assert learned.sum() < 0.95 * gptq.sum()
    assert losses["learned", 4].sum() < losses["learned", 1].sum()


def test_tables_that_are_learned_from_data(tmp_path):
    weights, moments = make_layer(24, 64, seed=3)
    losses = [
        get_losses(weights, round_weights(tmp_path, text, {"fc": moments}, "learned", 64).T, moments).sum()
        for text, *_ in (make_text(weights, 2, 4, 4, given) for given in (None, moments))
    ]
    assert losses[1] < 0.9 * losses[0]


GIVEN = [
    # Scales that have scales, of codes that take a byte.
    ("f16", "block = [1, 16], scale = #qfmt.scaled<ui8, block = [1, *], scale = f16>", "8x4xui8", "8x1xf16"),
    ("f16", "block = [1, 16], scale = #qfmt.scaled<i8, block = [1, *], scale = f16>", "8x4xi8", "8x1xf16"),
    ("f32", "scale = 0.5"),
    ("bf16", "block = [1, *], scale = f8E4M3FN", "8x1xf8E4M3FN"),
]


@pytest.mark.parametrize("encoding", GIVEN)
def test_kinds_of_scales_and_tables(tmp_path, encoding):
    table, scaling, *given = encoding
    weights, moments = make_layer(8, 64, seed=6)
    random = np.random.default_rng(2)
    # All scales are 0.5. Scales that are all the same are stored once.
    values = {"ui8": "32", "i8": "32", "f8E4M3FN": "0.5", "f16": "0.015625" if len(given) == 2 else "0.5"}
    constants = "".join(
        f"\n  %g{index} = arith.constant dense<{values[kind.split('x')[-1]]}> : tensor<{kind.replace('ui', 'i')}>"
        for index, kind in enumerate(given)
    )
    entries = (random.normal(size=(1, 16, 1, 4)) * 1.5).astype(np.float32)
    bits = entries.view(np.uint32) >> 16 if table == "bf16" else entries
    stored = {"f32": entries, "f16": entries.astype(np.float16), "bf16": bits.astype(np.uint16)}[table]
    constants += constant("tables", stored, table)
    names = ", ".join([*(f"%g{index}" for index in range(len(given))), "%tables"])
    kinds = ", ".join(f"tensor<{kind.replace('ui', 'i')}>" for kind in [*given, f"1x16x1x4x{table}"])
    additive = f"#qfmt.additive<codebooks = 1, bits = 4, group = [1, 4], table = {table}, {scaling}>"
    text = matmul(weights, additive, f"given({names} : {kinds})", constants)
    nearest, learned = (
        get_losses(weights, round_weights(tmp_path, text, {"fc": moments}, method, 64).T, moments)
        for method in ("nearest", "learned")
    )
    assert (learned <= nearest * (1 + 1e-6)).all()
    assert learned.sum() < 0.8 * nearest.sum()


def test_no_other_vector_is_better(tmp_path):
    weights, moments = make_layer(8, 24, seed=4)
    text, scales, tables = make_text(weights, 1, 4, 4)
    found = round_weights(tmp_path, text, {"fc": moments}, "learned", 24, "beam=1").T
    vectors = tables[0, :, 0].astype(np.float64)
    losses = get_losses(weights, found, moments)
    for row in range(8):
        for first in range(0, 24, 4):
            group = found[row, first : first + 4]
            values = (scales[row].astype(np.float64) * vectors).astype(np.float32)
            assert (values == group).all(axis=1).any()
            changed = np.repeat(found[row : row + 1], len(values), axis=0)
            changed[:, first : first + 4] = values
            assert (get_losses(weights[row], changed, moments) >= losses[row] * (1 - 1e-6)).all()


def test_convolution(tmp_path):
    """Groups of input channels, or of channels and outputs: columns of a group lie apart, or in several rows."""
    outputs, channels = 8, 8
    random = np.random.default_rng(1)
    weights = random.normal(size=(outputs, channels, 2, 2)).astype(np.float32)
    data = random.normal(size=(500, channels * 4)) @ random.normal(size=(channels * 4, channels * 4))
    moments = data.T @ data / 500
    kinds = "tensor<8x8x2x2xf32>"
    for group in ([1, 4, 1, 1], [1, 1, 2, 2], [4, 1, 1, 1], [2, 2, 1, 1]):
        size = int(np.prod(group))
        tables = random.normal(size=(2, 8, *group)).astype(np.float16)
        tables[1] /= 3
        encoding = f"#qfmt.additive<codebooks = 2, bits = 3, group = {group}, table = f16>"
        shape = "x".join(map(str, tables.shape))
        # An image for each weight: its results are the weights.
        text = f"""
func.func @main(%x: tensor<32x{channels}x2x2xf32>) -> tensor<32x{outputs}x1x1xf32> {{
  %w = arith.constant dense<"0x{weights.tobytes().hex().upper()}"> : {kinds}{constant("tables", tables)}
  %q = qfmt.quantize %w given(%tables : tensor<{shape}xf16>) : {kinds} to tensor<8x8x2x2xf32, {encoding}>
  %zero = arith.constant dense<0.0> : tensor<32x{outputs}x1x1xf32>
  %y = linalg.conv_2d_nchw_fchw {{dilations = dense<1> : vector<2xi64>, strides = dense<1> : vector<2xi64>, qfmt.layer = "conv"}}
    ins(%x, %q : tensor<32x{channels}x2x2xf32>, tensor<8x8x2x2xf32, {encoding}>)
    outs(%zero : tensor<32x{outputs}x1x1xf32>) -> tensor<32x{outputs}x1x1xf32>
  return %y : tensor<32x{outputs}x1x1xf32>
}}
"""
        losses = {}
        for method in ("nearest", "gptq", "learned"):
            source = tmp_path / "main.mlir"
            source.write_text(text)
            np.savez(tmp_path / "moments.npz", conv=moments)
            if method != "nearest":
                passes = f"builtin.module(qfmt-round-weights{{method={method} moments={tmp_path / 'moments.npz'}}})"
                source.write_bytes(run_tool("qfmt-opt", source, f"--pass-pipeline={passes}"))
                assert b"qfmt.quantize" not in source.read_bytes()
            image = np.eye(32, dtype=np.float32).reshape(32, channels, 2, 2)
            found = run_mlir(source, [image], 1)[0].reshape(32, outputs).T
            rows = get_losses(weights.reshape(outputs, -1), found, moments)
            # Rows that share groups count together.
            losses[method] = rows.reshape(-1, group[0]).sum(axis=1)
        assert size == 4
        assert (losses["gptq"] <= losses["nearest"] * (1 + 1e-6)).all()
        assert (losses["learned"] <= losses["gptq"] * (1 + 1e-6)).all()
        assert losses["learned"].sum() < losses["nearest"].sum()


def get_remark(tmp_path: Path, text: str, moments: np.ndarray, options: str = "") -> tuple[str, bytes]:
    """What qfmt-round-weights says, and makes of the module."""
    source = tmp_path / "main.mlir"
    source.write_text(text)
    np.savez(tmp_path / "moments.npz", fc=moments)
    passes = f"builtin.module(qfmt-round-weights{{moments={tmp_path / 'moments.npz'} {options}}})"
    command = [find_tool("qfmt-opt"), source, f"--pass-pipeline={passes}"]
    done = subprocess.run(command, capture_output=True, check=True)
    return done.stderr.decode(), done.stdout


@pytest.mark.parametrize("kind", ["additive", *BITMOD_SCALES])
def test_remark_says_what_is_lost(tmp_path, kind):
    weights, moments = make_layer(16, 64, seed=8)
    text = make_text(weights, 2, 4, 4)[0] if kind == "additive" else matmul(weights, BITMOD.format(kind))
    remark, module = get_remark(tmp_path, text, moments, "method=learned")
    found = re.search(r"with a loss of (\S+) by gptq and of (\S+) learned, of (\S+) to nearest", remark)
    for method, said in zip(("gptq", "learned", "nearest"), found.groups()):
        rounded = round_weights(tmp_path, text, {"fc": moments}, method, 64).T
        assert np.isclose(float(said), get_losses(weights, rounded, moments).sum(), rtol=1e-5)


@pytest.mark.parametrize("scale", BITMOD_SCALES)
def test_blocks_choose_formats_and_scales(tmp_path, scale):
    weights, moments = make_layer(16, 64, seed=8)
    text = matmul(weights, BITMOD.format(scale))

    def read(passes: str) -> list[list]:
        """Scales, scales of scales, selectors."""
        source = tmp_path / "main.mlir"
        source.write_text(text)
        np.savez(tmp_path / "moments.npz", fc=moments)
        module = run_tool("qfmt-opt", source, f"--pass-pipeline=builtin.module({passes})").decode()
        return [json.loads(part) for part in re.findall(r"arith.constant dense<(\[.*\])> : tensor<16x[41]x", module)]

    before, after = (
        read(passes)
        for passes in (
            "qfmt-encode-constants",
            f"qfmt-round-weights{{moments={tmp_path / 'moments.npz'} method=learned}}",
        )
    )
    assert len(before) == len(after) == (2 if scale == "f16" else 3)
    assert before[0] != after[0] and before[-1] != after[-1]
    # Scales of scales stay.
    assert len(after) == 2 or before[1] == after[1]


def test_what_stays(tmp_path):
    weights, moments = make_layer(4, 16)
    text, _, tables = make_text(weights, 1, 2, 4)
    tables[0, 0, 0, 0] = np.inf
    infinite = constant("tables", tables)
    start, end = text.index("\n  %tables = "), text.index("\n  %q")
    remark, module = get_remark(tmp_path, text[:start] + infinite + text[end:], moments)
    assert "rounded to nearest: their scales or tables are not finite" in remark and b"qfmt.quantize" in module
    argument = text[:start] + text[end:]
    argument = argument.replace("@main(", "@main(%tables: tensor<1x4x1x4xf16>, ")
    remark, module = get_remark(tmp_path, argument, moments)
    assert "rounded to nearest: their scales and tables are no constants" in remark and b"qfmt.quantize" in module
