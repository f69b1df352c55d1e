# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Bias correction: on calibration data, results of a layer are right on average, whatever its format,
its layout, its bias, and whoever has chosen the codes."""

import re
import subprocess
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx_models import model, node, weight

from qfmt import cli, execute, pipeline
from qfmt.errors import UserError
from qfmt.onnx_import import import_onnx
from qfmt.tools import find_tool, run_tool

SAMPLES = 40


def skewed(*shape: int) -> np.ndarray:
    """Data whose mean is not 0, in each place another."""
    random = np.random.default_rng(3)
    noise = random.standard_normal((SAMPLES, *shape))
    return (noise + 2 * random.standard_normal(shape)).astype(np.float32)


class Network:
    def __init__(self, folder: Path, source: onnx.ModelProto | bytes, data: np.ndarray):
        self.folder, self.data = folder, data
        if not isinstance(source, bytes):
            onnx.save(source, folder / "model.onnx")
            source = import_onnx(folder / "model.onnx", {})
        self.real = source
        np.savez(folder / "data.npz", x=data)
        self.moments = folder / "moments.npz"
        self.annotated = pipeline.annotate(pipeline.observe(source), folder / "data.npz", self.moments)

    def encode(self, **options) -> bytes:
        options = {"activations": "f32", **options}
        return pipeline.encode(self.annotated, moments=self.moments, **options)

    def run(self, module: bytes, entry: str = "main") -> np.ndarray:
        path = self.folder / "module.mlirbc"
        path.write_bytes(module)
        return execute.run(path, entry, [self.data])[0][0].astype(np.float64)

    def mean_errors(self, channel: int, **options) -> np.ndarray:
        """By channel, over all samples and positions."""
        errors = self.run(self.encode(**options)) - self.run(self.real)
        return errors.mean(axis=tuple(i for i in range(errors.ndim) if i != channel % errors.ndim))


def matmul(bias: bool) -> tuple[onnx.ModelProto, np.ndarray, int]:
    nodes = [node("Gemm", "x a b") if bias else node("MatMul", "x a")]
    constants = {"a": weight(64, 10), **({"b": weight(10, seed=4)} if bias else {})}
    return model(nodes, {"x": (3, 64)}, constants), skewed(3, 64), -1


def convolution(bias: bool) -> tuple[onnx.ModelProto, np.ndarray, int]:
    constants = {"w": weight(4, 32, 3, 3), **({"b": weight(4, seed=4)} if bias else {})}
    source = model(
        node("Conv", "x w b" if bias else "x w", pads=[1] * 4, strides=[2, 2]), {"x": (1, 32, 7, 7)}, constants
    )
    return source, skewed(1, 32, 7, 7), 2


def depthwise() -> tuple[onnx.ModelProto, np.ndarray, int]:
    source = model(node("Conv", "x w b", group=32), {"x": (1, 32, 7, 7)}, {"w": weight(32, 1, 3, 3), "b": weight(32)})
    return source, skewed(1, 32, 7, 7), 2


def added_bias() -> tuple[onnx.ModelProto, np.ndarray, int]:
    """A reshape, which nothing is folded through, comes before the bias."""
    constants = {"a": weight(64, 10), "b": weight(10, 1, seed=4), "shape": np.array([10, 3], np.int64)}
    nodes = [node("MatMul", "x a", "h"), node("Reshape", "h shape", "r"), node("Add", "r b")]
    return model(nodes, {"x": (3, 64)}, constants), skewed(3, 64), 0


LAYERS = {
    "matmul": lambda: matmul(False),
    "gemm": lambda: matmul(True),
    "convolution": lambda: convolution(False),
    "convolution with bias": lambda: convolution(True),
    "depthwise": depthwise,
}


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("weights", ["i4", "i2", "f4E2M1FN", "i4@i8"])
def test_results_are_right_on_average(tmp_path, layer, weights):
    source, data, channel = LAYERS[layer]()
    network = Network(tmp_path, source, data)
    before = np.abs(network.mean_errors(channel, weights=weights)).max()
    after = np.abs(network.mean_errors(channel, weights=weights, correct_biases=True)).max()
    # Results of up to 100 in f32, and biases that are rounded to it.
    assert before > 0.02 and after < 1e-5


@pytest.mark.parametrize("weights", ["mxfp4", "nf4", "#qfmt.scaled<ui3, block = [32, 1], scale = f16, zero_point = ui3>"])
def test_block_formats(tmp_path, weights):
    source, data, channel = matmul(True)
    network = Network(tmp_path, source, data)
    before = np.abs(network.mean_errors(channel, weights=weights)).max()
    after = np.abs(network.mean_errors(channel, weights=weights, correct_biases=True)).max()
    assert before > 0.02 and after < 1e-5


@pytest.mark.parametrize("method", ["gptq", "learned", "stochastic"])
def test_of_codes_that_others_have_chosen(tmp_path, method):
    source, data, channel = convolution(True)
    network = Network(tmp_path, source, data)
    options = {"weights": "i3", "round_weights": method}
    before = np.abs(network.mean_errors(channel, **options)).max()
    after = np.abs(network.mean_errors(channel, correct_biases=True, **options)).max()
    assert before > 1e-3 and after < 1e-5
    assert after < before / 50


def test_codes_stay(tmp_path):
    """Weights that are encoded at once have the codes that they have without correction."""
    source, data, _ = matmul(True)
    network = Network(tmp_path, source, data)
    constants = []
    for correct in (False, True):
        text = run_tool("qfmt-opt", "-", stdin=network.encode(weights="i4", correct_biases=correct)).decode()
        assert "real_weights" not in text and "qfmt.layer" not in text
        constants.append(re.findall(r"arith.constant (dense.*tensor<64x10xi4>)", text))
    assert len(constants[0]) == 1 and constants[0] == constants[1]


def test_bias_after_a_reshape_stays(tmp_path):
    source, data, _ = added_bias()
    network = Network(tmp_path, source, data)
    errors = [
        (network.run(network.encode(weights="i3", correct_biases=correct)) - network.run(network.real)).reshape(-1, 10)
        for correct in (False, True)
    ]
    assert np.abs(errors[0].mean(axis=0)).max() > 0.02 and np.abs(errors[1].mean(axis=0)).max() < 1e-5


def test_real_weights_have_no_errors(tmp_path):
    source, data, channel = matmul(True)
    network = Network(tmp_path, source, data)
    assert np.array_equal(
        network.run(network.encode(weights="f32", correct_biases=True)), network.run(network.encode(weights="f32"))
    )


def test_integer_network_is_nearer(tmp_path):
    source, data, channel = matmul(True)
    network = Network(tmp_path, source, data)
    errors = []
    for correct in (False, True):
        encoded = network.encode(weights="i3", activations="i8", correct_biases=correct)
        errors.append(network.run(pipeline.integerize(encoded), "main_f32") - network.run(network.real))
    before, after = (np.abs(e.mean(axis=(0, 1))).max() for e in errors)
    # What is left are means of rounding to i8 steps.
    assert after < before / 4


# --- Layers that cannot be corrected, and bad input ---------------------------------


def accumulating(name: str = "fc") -> bytes:
    """A layer that adds to what another one computes."""
    return f"""
func.func @main(%x: tensor<1x2xf32> {{qfmt.name = "x"}}) -> tensor<1x2xf32> {{
  %o = qfmt.observe %x "x" : tensor<1x2xf32>
  %w = arith.constant dense<[[1.0, 2.2], [3.1, 4.4]]> : tensor<2x2xf32>
  %y = linalg.matmul {{qfmt.layer = "{name}"}} ins(%o, %w : tensor<1x2xf32>, tensor<2x2xf32>)
    outs(%o : tensor<1x2xf32>) -> tensor<1x2xf32>
  return %y : tensor<1x2xf32>
}}""".encode()


def passes(tmp_path: Path, source: bytes, data: np.ndarray, names: list[str]) -> str:
    """What the last of some passes say, of a network at level observed."""
    np.savez(tmp_path / "data.npz", x=data)
    annotated = pipeline.annotate(source, tmp_path / "data.npz", tmp_path / "moments.npz")
    path = tmp_path / "annotated.mlirbc"
    path.write_bytes(annotated)
    done = subprocess.run(
        [find_tool("qfmt-opt"), path, f"--pass-pipeline=builtin.module({','.join(names)})", "-o", "/dev/null"]
        + ["--mlir-print-op-on-diagnostic=false"],
        capture_output=True,
        text=True,
    )
    return done.stderr


CORRECT = ["qfmt-keep-weights", "qfmt-quantize{weights=i4}", "qfmt-correct-biases{moments=MOMENTS}"]


def test_a_tensor_computed_at_run_time_is_no_bias(tmp_path):
    steps = [step.replace("MOMENTS", str(tmp_path / "moments.npz")) for step in CORRECT]
    said = passes(tmp_path, accumulating(), skewed(1, 2), steps)
    assert "remark: its bias is not corrected: it adds to a tensor that is no f32 constant" in said


def test_layers_whose_weights_nobody_kept(tmp_path):
    steps = [step.replace("MOMENTS", str(tmp_path / "moments.npz")) for step in CORRECT[1:]]
    said = passes(tmp_path, accumulating(), skewed(1, 2), steps)
    assert "error: qfmt-correct-biases: finds no layer with 'qfmt.real_weights'; run qfmt-keep-weights" in said


def test_no_file(tmp_path):
    network = Network(tmp_path, *matmul(True)[:2])
    with pytest.raises(UserError, match="qfmt-correct-biases: option 'moments' is missing"):
        pipeline.encode(network.annotated, correct_biases=True)


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda arrays: arrays.pop("matmul.0.mean"), "'matmul.0.mean' in '.*' is missing; qfmt-annotate"),
        (lambda arrays: arrays.pop("matmul.0.rows"), "'matmul.0.rows' in '.*' is missing"),
        (lambda arrays: arrays.update({"matmul.0.mean": np.zeros(7)}), r"has the shape \[7\], where \[64\] follows"),
        (lambda arrays: arrays.update({"matmul.0.rows": np.zeros((3, 7))}), r"has the shape \[3, 7\], where \[n, 64\]"),
        (lambda arrays: arrays["matmul.0.mean"].__setitem__(5, np.nan), "'matmul.0.mean' .* has a NaN or an infinity"),
        (lambda arrays: arrays.update({"matmul.0.max": np.zeros(64, np.int32)}), "is of i4, not of f4 or f8"),
        (lambda arrays: arrays["matmul.0.max"].__setitem__(5, -50.0), "contradict each other at channel 5"),
    ],
)
def test_wrong_statistics(tmp_path, change, message):
    network = Network(tmp_path, *matmul(True)[:2])
    with np.load(network.moments) as file:
        arrays = {name: file[name] for name in file.files}
    change(arrays)
    np.savez(network.moments, **arrays)
    with pytest.raises(UserError, match=message):
        network.encode(weights="i4", correct_biases=True)


def test_command(tmp_path, capsys):
    source, data, channel = matmul(True)
    network = Network(tmp_path, source, data)
    output = tmp_path / "out.mlirbc"
    errors = []
    for options in ([], ["--correct-biases"]):
        status = cli.main(
            ["quantize", str(tmp_path / "model.onnx"), "--calibration", str(tmp_path / "data.npz")]
            + ["--weights", "i3", "--activations", "f32", "--level", "encoded", "-o", str(output), *options]
        )
        assert status == 0, capsys.readouterr().err
        found = execute.run(output, "main", [data])[0][0]
        errors.append(np.abs((found - network.run(network.real)).mean(axis=(0, 1))).max())
    assert errors[0] > 0.02 and errors[1] < 1e-5
