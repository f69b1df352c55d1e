# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The Fashion-MNIST demonstration on a few images."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

DEMO = Path(__file__).resolve().parents[2] / "examples" / "fashion-mnist" / "demo.py"
sys.path.insert(0, str(DEMO.parent))

import data  # noqa: E402


@pytest.fixture(autouse=True)
def data_set():
    """Skips where the data set is not installed; a damaged one is a failure."""
    try:
        data.load_labels("test")
    except data.DatasetError as error:
        if "no such file" not in str(error):
            raise
        pytest.skip(str(error))


def test_demonstration_on_a_few_images(tmp_path):
    figures, picture = tmp_path / "figures.json", tmp_path / "sqnr.png"
    command = [sys.executable, str(DEMO), "--images", "64", "--reference-images", "32"]
    command += ["--json", str(figures), "--picture", str(picture)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr

    found = json.loads(figures.read_text())
    assert found["images"] == 64 and found["reference_images"] == 32
    assert found["float_ops_left"] == 0
    assert found["max_reference_difference"] == 0
    # The integer network computes with the same codes, so that rounding differs
    # in single steps; the accuracy is that of a trained network.
    assert 0 <= found["max_lsb_difference"] <= 2
    assert 80 <= found["int8_accuracy"] <= 100 and 80 <= found["fp32_accuracy"] <= 100
    # Weights take a quarter; biases and multipliers come on top.
    assert found["fp32_bytes"] / 4 < found["int8_bytes"] < found["fp32_bytes"] / 3
    assert found["fp32_ms"] > 0 and found["int8_ms"] > 0
    assert picture.read_bytes().startswith(b"\x89PNG")
    for name in ("fp32 accuracy", "int8 accuracy", "compiled - reference", "LSB"):
        assert name in done.stdout
    assert str(picture) in done.stdout


def test_missing_tools_are_an_error_not_a_traceback(tmp_path):
    done = subprocess.run(
        [sys.executable, str(DEMO), "--images", "1", "--picture", str(tmp_path / "p.png")],
        env={**os.environ, "QFMT_BIN_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "qfmt-opt is not in QFMT_BIN_DIR" in done.stderr
    assert not list(tmp_path.iterdir())
