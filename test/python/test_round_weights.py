# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""qfmt-round-weights: its codes against GPTQ as NumPy computes it, losses row by row, all kinds of
number formats, groups, zero points and layouts."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from run_tools import run_mlir

from qfmt.errors import UserError
from qfmt.tools import run_tool

PASSES = "builtin.module(qfmt-round-weights{{method={method} moments={moments} {options}}},qfmt-encode-constants)"


def make_layer(rows: int, depth: int, seed: int = 0):
    """Weights [rows, depth] and the second moments of correlated data."""
    random = np.random.default_rng(seed)
    weights = random.normal(size=(rows, depth)).astype(np.float32)
    mixing = random.normal(size=(depth, depth)) * (1 + np.arange(depth) % 3)
    data = random.normal(size=(4 * depth, depth)) @ mixing
    return weights, data.T @ data / len(data)


def floats(array: np.ndarray) -> str:
    return f'dense<"0x{array.astype(np.float32).tobytes().hex().upper()}">'


def matmul(weights: np.ndarray, encoding: str, rule: str = "", constants: str = "") -> str:
    """What the layer computes from the identity: its weights, [depth, rows]. `rule` may name `constants`."""
    rows, depth = weights.shape
    return f"""
func.func @main(%x: tensor<{depth}x{depth}xf32>) -> tensor<{depth}x{rows}xf32> {{
  %w = arith.constant {floats(weights)} : tensor<{rows}x{depth}xf32>{constants}
  %q = qfmt.quantize %w {rule} : tensor<{rows}x{depth}xf32> to tensor<{rows}x{depth}xf32, {encoding}>
  %zero = arith.constant dense<0.0> : tensor<{depth}x{rows}xf32>
  %y = linalg.generic {{
    indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>],
    iterator_types = ["parallel", "parallel", "reduction"], qfmt.layer = "fc"}}
    ins(%x, %q : tensor<{depth}x{depth}xf32>, tensor<{rows}x{depth}xf32, {encoding}>)
    outs(%zero : tensor<{depth}x{rows}xf32>) {{
  ^bb0(%a: f32, %b: f32, %s: f32):
    %p = arith.mulf %a, %b : f32
    %t = arith.addf %s, %p : f32
    linalg.yield %t : f32
  }} -> tensor<{depth}x{rows}xf32>
  return %y : tensor<{depth}x{rows}xf32>
}}
"""


def round_weights(tmp_path: Path, text: str, moments, method: str, size: int, options: str = "") -> np.ndarray:
    """What the network computes from the identity after the pass; without it if `method` is nearest."""
    source = tmp_path / "main.mlir"
    source.write_text(text)
    np.savez(tmp_path / "moments.npz", **moments)
    if method != "nearest":
        passes = PASSES.format(method=method, moments=tmp_path / "moments.npz", options=options)
        source.write_bytes(run_tool("qfmt-opt", source, f"--pass-pipeline={passes}"))
        assert b"qfmt.quantize" not in source.read_bytes()
    return run_mlir(source, [np.eye(size, dtype=np.float32)], 1)[0]


def get_losses(weights: np.ndarray, rounded: np.ndarray, moments: np.ndarray) -> np.ndarray:
    errors = rounded.astype(np.float64) - weights
    return np.einsum("ri,ij,rj->r", errors, moments, errors)


def gptq(weights: np.ndarray, scales: np.ndarray, levels: np.ndarray, moments: np.ndarray) -> np.ndarray:
    """With scales [rows, 1] that are given; columns by falling moments."""
    depth = len(moments)
    order = np.argsort(-np.diag(moments), kind="stable")
    damped = moments + 0.01 * np.mean(np.diag(moments)) * np.eye(depth)
    upper = np.linalg.cholesky(np.linalg.inv(damped[np.ix_(order, order)])).T
    rest = weights[:, order].astype(np.float64)
    rounded = np.empty_like(rest)
    values = (levels[None, :] * scales).astype(np.float32).astype(np.float64)
    for i in range(depth):
        nearest = np.argmin(np.abs(values - rest[:, i : i + 1]), axis=1)
        rounded[:, i] = np.take_along_axis(values, nearest[:, None], axis=1)[:, 0]
        error = (rest[:, i] - rounded[:, i]) / upper[i, i]
        rest[:, i:] -= error[:, None] * upper[i, i:]
    result = np.empty_like(rounded)
    result[:, order] = rounded
    return result


FP4 = np.array([0, 0.5, 1, 1.5, 2, 3, 4, 6])


@pytest.mark.parametrize(
    "number, levels",
    [
        ("i4", np.arange(-8, 8)),
        ("i2", np.arange(-2, 2)),
        ("i8", np.arange(-128, 128)),
        ("f4E2M1FN", np.unique(np.concatenate([FP4, -FP4]))),
    ],
)
def test_equals_numpy(tmp_path, number, levels):
    weights, moments = make_layer(12, 48)
    text = matmul(weights, f"#qfmt.scaled<{number}, block = [1, *], scale = f32>")
    nearest = round_weights(tmp_path, text, {"fc": moments}, "nearest", 48).T
    found = round_weights(tmp_path, text, {"fc": moments}, "gptq", 48).T
    largest = np.abs(weights).max(axis=1, keepdims=True)
    target = 127 if number == "i8" else {"i4": 7, "i2": 1, "f4E2M1FN": 6}[number]
    expected = gptq(weights, largest / np.float32(target), levels.astype(np.float64), moments)
    losses = get_losses(weights, nearest, moments), get_losses(weights, expected, moments)
    assert losses[1].sum() < 0.8 * losses[0].sum()
    better = np.where((losses[1] < losses[0])[:, None], expected, nearest)
    assert np.array_equal(found, better.astype(np.float32))


def test_rows_keep_what_loses_less(tmp_path):
    # Dimensions that have little in common: some rows lose by GPTQ.
    weights, moments = make_layer(64, 24, seed=2)
    moments = 0.8 * np.diag(np.diag(moments)) + 0.2 * moments
    text = matmul(weights, "#qfmt.scaled<i4, block = [1, *], scale = f32>")
    nearest = get_losses(weights, round_weights(tmp_path, text, {"fc": moments}, "nearest", 24).T, moments)
    scales = np.abs(weights).max(axis=1, keepdims=True) / np.float32(7)
    alone = get_losses(weights, gptq(weights, scales, np.arange(-8.0, 8), moments), moments)
    assert (alone > nearest * 1.001).any() and (alone < nearest * 0.999).any()
    found = get_losses(weights, round_weights(tmp_path, text, {"fc": moments}, "gptq", 24).T, moments)
    assert np.allclose(found, np.minimum(alone, nearest), rtol=1e-6)


# Its -0 is 3, -3, 6 or -6.
BITMOD = (
    "#qfmt.select<[!qfmt.float<2, 0, negative_zero = 3.0>, !qfmt.float<2, 0, negative_zero = -3.0>, "
    "!qfmt.float<2, 0, negative_zero = 6.0>, !qfmt.float<2, 0, negative_zero = -6.0>], block = [1, 16], scale = {}>"
)
ENCODINGS = [
    ("#qfmt.scaled<i4, block = [1, 16], scale = f16>", ""),
    ("#qfmt.scaled<i4, block = [1, 16], scale = f16, zero_point = i4>", ""),
    ("#qfmt.scaled<ui3, block = [1, *], scale = f32, zero_point = ui3>", ""),
    ("#qfmt.scaled<i4, scale = 0.5>", ""),
    ("#qfmt.scaled<i4, block = [4, 12], scale = f32>", ""),
    ("#qfmt.scaled<f4E2M1FN, block = [1, 32], scale = f8E8M0FNU>", "scale_rule = floor_log2"),
    ("#qfmt.scaled<f4E2M1FN, block = [1, 16], scale = #qfmt.scaled<f8E4M3FN, scale = f32>>", "scale_rule = two_level"),
    ("#qfmt.scaled<!qfmt.codebook<[-1.0, -0.5, -0.25, -0.125, 0.0, 0.125, 0.375, 1.0]>, block = [1, 16], scale = f32>", ""),
    ("#qfmt.scaled<!qfmt.fixed<5, 2>>", ""),
    ("#qfmt.scaled<!qfmt.ternary, block = [1, *], scale = f32>", ""),
    ("#qfmt.scaled<!qfmt.float<2, 2>, block = [1, 16], scale = f32>", "scale_rule = mse"),
    ("#qfmt.select<[i4, f4E2M1FN], block = [1, 16], scale = f32>", ""),
    ("#qfmt.select<[i4, f4E2M1FN], block = [4, 12], scale = f32>", ""),
    ("#qfmt.select<[!qfmt.int<ui4, 0, 14>, !qfmt.fixed<4, 2>], block = [1, 12], scale = 0.25>", ""),
    (BITMOD.format("f16"), ""),
    (BITMOD.format("#qfmt.scaled<ui8, block = [1, *], scale = f16>"), ""),
]


@pytest.mark.parametrize("encoding, rule", ENCODINGS)
def test_no_row_loses_more(tmp_path, encoding, rule):
    weights, moments = make_layer(16, 70, seed=3)
    text = matmul(weights, encoding, rule)
    losses = {
        method: get_losses(weights, round_weights(tmp_path, text, {"fc": moments}, method, 70).T, moments)
        for method in ("nearest", "gptq", "learned")
    }
    assert (losses["gptq"] <= losses["nearest"] * (1 + 1e-6)).all()
    assert (losses["learned"] <= losses["gptq"] * (1 + 1e-6)).all()
    assert losses["gptq"].sum() < 0.9 * losses["nearest"].sum()
    assert losses["learned"].sum() < losses["gptq"].sum()
    print(encoding, *(f"{method} {rows.sum() / losses['nearest'].sum():.3f}" for method, rows in losses.items()))


def test_groups_get_scales_of_their_own(tmp_path):
    # What the first groups lose has to be made up for by the others, whose weights outgrow the scales
    # that they began with.
    weights, moments = make_layer(8, 64, seed=5)
    before, after = (
        encoded_scales(tmp_path, weights, moments, passes)
        for passes in ("qfmt-encode-constants", ROUND.format(moments=tmp_path / "moments.npz"))
    )
    assert np.array_equal(before[:, 0], after[:, 0]) and not np.array_equal(before, after)


ROUND = "qfmt-round-weights{{moments={moments}}}"


def encoded_scales(tmp_path: Path, weights: np.ndarray, moments: np.ndarray, passes: str) -> np.ndarray:
    source = tmp_path / "main.mlir"
    source.write_text(matmul(weights, "#qfmt.scaled<i3, block = [1, 16], scale = f32>"))
    np.savez(tmp_path / "moments.npz", fc=moments)
    text = run_tool("qfmt-opt", source, f"--pass-pipeline=builtin.module({passes})").decode()
    rows, depth = weights.shape
    found = re.search(rf"arith.constant dense<(\[.*\])> : tensor<{rows}x{depth // 16}xf32>", text)
    return np.array(json.loads(found[1]))


def test_depthwise_convolution(tmp_path):
    channels = 6
    random = np.random.default_rng(1)
    weights = random.normal(size=(3, 3, channels)).astype(np.float32)
    data = random.normal(size=(channels, 50, 9)) @ random.normal(size=(9, 9))
    moments = np.einsum("cni,cnj->cij", data, data) / 50
    encoding = "#qfmt.scaled<i3, block = [*, *, 1], scale = f32>"
    # The image of one pixel that is 1 and 0 around it: its results are the weights, upside down.
    text = f"""
func.func @main(%x: tensor<9x9xf32>) -> tensor<1x3x3x{channels}xf32> {{
  %w = arith.constant {floats(weights)} : tensor<3x3x{channels}xf32>
  %q = qfmt.quantize %w : tensor<3x3x{channels}xf32> to tensor<3x3x{channels}xf32, {encoding}>
  %one = arith.constant dense<1.0> : tensor<1x1x1x{channels}xf32>
  %f0 = arith.constant 0.0 : f32
  %image = tensor.pad %one low[0, 2, 2, 0] high[0, 2, 2, 0] {{
  ^bb0(%i: index, %j: index, %k: index, %l: index):
    tensor.yield %f0 : f32
  }} : tensor<1x1x1x{channels}xf32> to tensor<1x5x5x{channels}xf32>
  %zero = arith.constant dense<0.0> : tensor<1x3x3x{channels}xf32>
  %y = linalg.depthwise_conv_2d_nhwc_hwc {{dilations = dense<1> : vector<2xi64>, strides = dense<1> : vector<2xi64>, qfmt.layer = "dw"}}
    ins(%image, %q : tensor<1x5x5x{channels}xf32>, tensor<3x3x{channels}xf32, {encoding}>)
    outs(%zero : tensor<1x3x3x{channels}xf32>) -> tensor<1x3x3x{channels}xf32>
  return %y : tensor<1x3x3x{channels}xf32>
}}
"""

    def get_channel_losses(method):
        found = round_weights(tmp_path, text, {"dw": moments}, method, 9)[0, ::-1, ::-1]
        errors = (found.astype(np.float64) - weights).reshape(9, channels).T
        return np.einsum("ci,cij,cj->c", errors, moments, errors)

    nearest, learned = get_channel_losses("nearest"), get_channel_losses("learned")
    assert (learned <= nearest * (1 + 1e-6)).all()
    assert learned.sum() < nearest.sum()


def test_weights_behind_moves(tmp_path):
    weights, moments = make_layer(6, 16)
    encoding = "#qfmt.scaled<i4, block = [1, *], scale = f32>"
    text = matmul(weights, encoding)
    transposed = f"""
  %wt = arith.constant {floats(weights.T)} : tensor<16x6xf32>
  %e = tensor.empty() : tensor<6x16xf32>
  %w = linalg.transpose ins(%wt : tensor<16x6xf32>) outs(%e : tensor<6x16xf32>) permutation = [1, 0]"""
    start, end = text.index("\n  %w"), text.index("\n  %q")
    expected, found = (
        round_weights(tmp_path, module, {"fc": moments}, "gptq", 16)
        for module in (text, text[:start] + transposed + text[end:])
    )
    assert np.array_equal(expected, found)


def test_given_scales_stay(tmp_path):
    weights, moments = make_layer(4, 16)
    source = tmp_path / "main.mlir"
    scales = "\n  %scales = arith.constant dense<0.5> : tensor<4x1xf32>"
    rule = "given(%scales : tensor<4x1xf32>)"
    source.write_text(matmul(weights, "#qfmt.scaled<i4, block = [1, *], scale = f32>", rule, scales))
    np.savez(tmp_path / "moments.npz", fc=moments)
    passes = f"builtin.module(qfmt-round-weights{{moments={tmp_path / 'moments.npz'}}})"
    assert b"qfmt.quantize" in run_tool("qfmt-opt", source, f"--pass-pipeline={passes}")


@pytest.mark.parametrize(
    "moments, message",
    [
        ({"other": np.eye(16)}, "of which .* has no moments; it has those of other"),
        ({"fc": np.eye(8)}, r"have the shape \[8, 8\]; they have \[16, 16\]"),
        ({"fc": -np.eye(16)}, "not positive definite"),
        ({"fc": np.full((16, 16), np.nan)}, "NaN or infinite"),
    ],
)
def test_wrong_moments(tmp_path, moments, message):
    weights, _ = make_layer(4, 16)
    source = tmp_path / "main.mlir"
    source.write_text(matmul(weights, "#qfmt.scaled<i4, block = [1, *], scale = f32>"))
    np.savez(tmp_path / "moments.npz", **moments)
    passes = f"builtin.module(qfmt-round-weights{{moments={tmp_path / 'moments.npz'}}})"
    with pytest.raises(UserError, match=message):
        run_tool("qfmt-opt", source, f"--pass-pipeline={passes}")
