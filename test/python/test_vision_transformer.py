# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The vision transformer of the examples; with QFMT_FULL on all test images."""

import json
import os
import subprocess
import sys
from pathlib import Path

import onnx
import pytest

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "vision-transformer"
sys.path.insert(0, str(EXAMPLE.parent / "fashion-mnist"))

import data  # noqa: E402

FULL = os.environ.get("QFMT_FULL", "0") not in ("", "0")


@pytest.fixture
def data_set():
    """Skips where the data set is not installed; a damaged one is a failure."""
    try:
        data.load_labels("test")
    except data.DatasetError as error:
        if "no such file" not in str(error):
            raise
        pytest.skip(str(error))


def run_example(tmp_path, *options):
    figures = tmp_path / "figures.json"
    command = [sys.executable, str(EXAMPLE / "run.py"), "--json", str(figures), *options]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(figures.read_text()), done.stdout


def test_network_is_that_of_the_readme():
    path = EXAMPLE / "vision_transformer.onnx"
    assert path.stat().st_size < 1_000_000
    kinds = [node.op_type for node in onnx.load(path).graph.node]
    assert kinds.count("Softmax") == kinds.count("Erf") == 3
    assert kinds.count("LayerNormalization") == 7
    assert kinds.count("Conv") == 1


def test_integer_network_classifies(data_set, tmp_path):
    """The example itself fails on float operations, and on all images on accuracy."""
    few = [] if FULL else ["--images", "200", "--calibration-images", "16"]
    few += [] if FULL else ["--reference-images", "1", "--targets", "O0"]
    found, printed = run_example(tmp_path, *few)
    assert found["float_ops_left"] == 0
    assert found["reference_images"] == (64 if FULL else 1)
    assert found["max_reference_difference"] == 0
    assert found["target_differences"]["O0"] == 0
    assert not any(found["target_differences"].values())
    if FULL:
        assert found["images"] == 10000
        assert found["fp32_accuracy"] - found["integer_accuracy"] <= 0.5
    else:
        # One image is half a point.
        assert 80 <= found["fp32_accuracy"] <= 95
        assert abs(found["fp32_accuracy"] - found["integer_accuracy"]) <= 2
    # Weights take a quarter; biases, multipliers and tables come on top.
    assert found["fp32_bytes"] / 4 < found["integer_bytes"] < found["fp32_bytes"]
    for name in ("fp32 accuracy", "integer accuracy", "compiled - reference"):
        assert name in printed
