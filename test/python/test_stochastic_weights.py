# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""--round-weights stochastic: by the seed alone, a neighbour of each weight, right on average."""

import subprocess
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx_models import model, node, weight

from qfmt import cli, execute, pipeline
from qfmt.onnx_import import import_onnx
from qfmt.tools import find_tool

DEPTH, ROWS, LAYERS = 48, 12, 8


@pytest.fixture
def rounded(tmp_path):
    """The weights [DEPTH, ROWS] as a seed rounds them in several layers, [LAYERS, DEPTH, ROWS]."""
    # Times powers of two, and divided by them afterwards: no two layers share a constant.
    names = [chr(ord("a") + i) for i in range(LAYERS)]
    source = model(
        [node("MatMul", f"x {name}", f"y{name}") for name in names],
        {"x": (DEPTH, DEPTH)},
        {name: weight(DEPTH, ROWS) * np.float32(2**i) for i, name in enumerate(names)},
        outputs={f"y{name}": None for name in names},
    )
    onnx.save(source, tmp_path / "model.onnx")
    data = tmp_path / "data.npz"
    identity = np.eye(DEPTH, dtype=np.float32)[None]
    np.savez(data, x=identity)
    annotated = pipeline.annotate(pipeline.observe(import_onnx(tmp_path / "model.onnx", {})), data)

    def run(seed: int | None, weights: str = "i4") -> np.ndarray:
        options = {} if seed is None else {"round_weights": "stochastic", "seed": seed}
        path = tmp_path / "module.mlirbc"
        path.write_bytes(pipeline.encode(annotated, weights=weights, activations="f32", **options))
        found = execute.run(path, "main", [identity])[0]
        return np.array([layer[0].astype(np.float64) / 2**i for i, layer in enumerate(found)])

    return run


def test_a_neighbour_of_each_weight_by_the_seed(rounded):
    first, again, other, nearest = rounded(1), rounded(1), rounded(2), rounded(None)
    assert np.array_equal(first, again)
    assert not np.array_equal(first[0], other[0]) and not np.array_equal(first[0], nearest[0])
    real = weight(DEPTH, ROWS).astype(np.float64)
    step = np.abs(real).max(axis=0) / 7
    assert (np.abs(first[0] - real) < step * (1 + 1e-6)).all()
    assert (np.abs(first[0] - real) > 0.51 * step).any()


def test_layers_draw_on_their_own(rounded):
    assert len({layer.tobytes() for layer in rounded(1)}) == LAYERS


@pytest.mark.parametrize("weights", ["i4", "nf4"])
def test_right_on_average(rounded, weights):
    found = np.concatenate([rounded(seed, weights) for seed in range(5)])
    real = weight(DEPTH, ROWS).astype(np.float64)
    # The errors of an element are bounded by its steps, so that their mean is normal enough: 6 of its
    # deviations, of each of 576 elements.
    spread = found.std(axis=0) / np.sqrt(len(found))
    largest = np.abs(real).max()
    assert (np.abs(found.mean(axis=0) - real) <= 6 * spread + 0.02 * largest).all()
    # Of all elements together: the mean of 576 * 40 draws, while nearest has errors of its own.
    total = (found.mean(axis=0) - real).mean()
    assert abs(total) < 5 * np.sqrt((spread**2).sum()) / real.size + 1e-6
    nearest = np.abs(rounded(None, weights)[0] - real)
    assert np.abs(found.mean(axis=0) - real).mean() < 0.4 * nearest.mean()


def test_encodings_that_do_not_round_at_random_are_named(tmp_path):
    text = f"""
func.func @main(%x: tensor<1x2xf32> {{qfmt.name = "x"}}) -> tensor<1x2xf32> {{
  %w = arith.constant dense<[[1.0, 2.2], [3.1, 4.4]]> : tensor<2x2xf32>
  %zero = arith.constant dense<0.0> : tensor<1x2xf32>
  %q = qfmt.quantize %w rounding = floor : tensor<2x2xf32> to tensor<2x2xf32, #qfmt.scaled<i4, scale = 0.5>>
  %y = linalg.matmul ins(%x, %q : tensor<1x2xf32>, tensor<2x2xf32, #qfmt.scaled<i4, scale = 0.5>>)
    outs(%zero : tensor<1x2xf32>) -> tensor<1x2xf32>
  return %y : tensor<1x2xf32>
}}"""
    done = run_pass(text, "qfmt-round-weights-at-random")
    assert "remark: weights are rounded to nearest: the layer has no name" in done.stderr
    named = text.replace("linalg.matmul", 'linalg.matmul {qfmt.layer = "fc"}')
    done = run_pass(named.replace("rounding = floor", ""), "qfmt-round-weights-at-random{seed=7}")
    assert "stochastic = " in done.stdout and "qfmt.layer" not in done.stdout and not done.stderr


def run_pass(text: str, name: str) -> subprocess.CompletedProcess:
    command = [find_tool("qfmt-opt"), "-", f"--pass-pipeline=builtin.module({name})"]
    return subprocess.run(
        [*command, "--mlir-print-op-on-diagnostic=false"], input=text, capture_output=True, text=True, check=True
    )


def quantize(tmp_path: Path, *options: str) -> int:
    onnx.save(model(node("MatMul", "x a"), {"x": (1, 12)}, {"a": weight(12, 5)}), tmp_path / "model.onnx")
    np.savez(tmp_path / "data.npz", x=np.random.default_rng(0).normal(size=(4, 1, 12)).astype(np.float32))
    return cli.main(
        ["quantize", str(tmp_path / "model.onnx"), "--calibration", str(tmp_path / "data.npz")]
        + ["--weights", "i4", "-o", str(tmp_path / "out.mlirbc"), *options]
    )


def test_command(tmp_path):
    results = []
    for options in (["--seed", "1"], ["--seed", "1"], ["--seed", "2"], []):
        assert quantize(tmp_path, "--round-weights", "stochastic", *options) == 0
        x = np.random.default_rng(1).normal(size=(4, 1, 12)).astype(np.float32)
        results.append(execute.run(tmp_path / "out.mlirbc", "main_f32", [x])[0][0])
    assert np.array_equal(results[0], results[1]) and not np.array_equal(results[0], results[2])


@pytest.mark.parametrize(
    "options, message",
    [
        (["--seed", "1"], "--seed: only with --round-weights stochastic"),
        (["--round-weights", "stochastic", "--seed", "-1"], "--seed: 0 to 2^64 - 1, found -1"),
    ],
)
def test_refusals(tmp_path, capsys, options, message):
    assert quantize(tmp_path, *options) == 1
    assert message in capsys.readouterr().err
