# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A format per layer on a trained network, and formats other than integers on the command line."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest

from qfmt import cli, execute, pipeline
from qfmt.errors import UserError
from qfmt.onnx_import import import_onnx
from qfmt.tools import run_tool

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "examples" / "fashion-mnist"), str(ROOT / "examples" / "shared")]

import data  # noqa: E402
from images import accuracy, to_floats  # noqa: E402

NETWORK = ROOT / "examples" / "fashion-mnist" / "fashion_mnist.onnx"
LAYER = re.compile(r"linalg\.(?:conv|depthwise_conv|matmul)\w* ")


@pytest.fixture(scope="module", autouse=True)
def data_set():
    """Skips where the data set is not installed; a damaged one is a failure."""
    try:
        data.load_labels("test")
    except data.DatasetError as error:
        if "no such file" not in str(error):
            raise
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def calibration(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("data") / "calibration.npz"
    np.savez(path, image=to_floats(data.load_images("train")[:64]))
    return path


@pytest.fixture(scope="module")
def observed(calibration) -> str:
    """The network with statistics, as text."""
    module = pipeline.annotate(pipeline.observe(import_onnx(NETWORK, {})), calibration)
    return run_tool("qfmt-opt", "-", stdin=module).decode()


@pytest.fixture(scope="module")
def images() -> tuple[np.ndarray, np.ndarray]:
    """Each as a batch of 1, and their classes."""
    return to_floats(data.load_images("test")[:256])[:, None], data.load_labels("test")[:256]


def assign(observed: str, formats: list[str]) -> bytes:
    """The layers with these formats in turn, as many as there are."""
    lines = []
    count = 0
    for line in observed.splitlines():
        if LAYER.search(line):
            mark = f'qfmt.assigned = "{formats[count % len(formats)]}"'
            count += 1
            if " {" in line.partition(" ins(")[0]:
                line = line.replace(" {", f" {{{mark}, ", 1)
            else:
                line = line.replace(" ins(", f" {{{mark}}} ins(", 1)
        lines.append(line)
    assert count >= len(formats)
    return "\n".join(lines).encode()


def encode(observed: str, formats: list[str], path: Path, **options) -> Path:
    path.write_bytes(pipeline.encode(assign(observed, formats), **options))
    return path


def run(module: Path, entry: str, images: np.ndarray, engine: str = "jit") -> np.ndarray:
    (result,), _ = execute.run(module, entry, [images], engine=engine)
    return result


def test_integers_and_floats_side_by_side(observed, images, tmp_path):
    """Every kind of format in one network: about as good as fp32, the same in both engines."""
    pixels, labels = images
    formats = ["i8/i8", "mxfp4/mxfp8", "f8E4M3FN", "i4/i8", "nf4/f32", "mxfp8", "f32"]
    module = encode(observed, formats, tmp_path / "mixed.mlirbc")
    real = tmp_path / "real.mlirbc"
    real.write_bytes(import_onnx(NETWORK, {}))
    found = run(module, "main", pixels)
    assert accuracy(found, labels) >= accuracy(run(real, "main", pixels), labels) - 2
    expected = run(module, "main", pixels[:1], engine="reference")
    np.testing.assert_array_equal(found[:1], expected)


@pytest.mark.parametrize(
    "formats, least",
    [
        (["i8/i8", "i4/i8", "i6/i8"], 85),
        # Four levels without training are few.
        (["i8/i8", "i4/i8", "i4/i4", "i8/i8", "i2/i8"], 30),
    ],
)
def test_integers_of_several_widths_stay_integer_only(
    formats, least, observed, images, tmp_path
):
    """From 2 to 8 bits; no float is left, and both engines agree."""
    pixels, labels = images
    module = encode(observed, formats, tmp_path / "encoded.mlirbc")
    integer = pipeline.integerize(module.read_bytes())
    pipeline.verify_integer_only(integer)
    path = tmp_path / "integer.mlirbc"
    path.write_bytes(integer)
    found = run(path, "main_f32", pixels)
    np.testing.assert_array_equal(
        found[:4], run(path, "main_f32", pixels[:4], engine="reference")
    )
    # The same codes with real arithmetic: a step here and there.
    reals = run(module, "main", pixels)
    agreeing = found.argmax(axis=-1) == reals.argmax(axis=-1)
    assert agreeing.mean() >= 0.97
    assert accuracy(found, labels) >= least


def test_default_is_for_layers_without_their_own(observed, tmp_path):
    module = encode(observed, ["i4/i8"], tmp_path / "a.mlirbc", weights="i2", activations="i8")
    by_option = tmp_path / "b.mlirbc"
    by_option.write_bytes(pipeline.encode(observed.encode(), weights="i4", activations="i8"))
    texts = [run_tool("qfmt-opt", path) for path in (module, by_option)]
    assert texts[0] == texts[1]


def quantize(calibration: Path, output: Path, *options: str) -> int:
    return cli.main(
        ["quantize", str(NETWORK), "--calibration", str(calibration)]
        + ["-o", str(output), *options]
    )


@pytest.mark.parametrize(
    "weights, activations",
    [
        ("mxfp4", "mxfp8"),
        ("nvfp4", "f8E4M3FN"),
        ("nf4", "f32"),
        ("#qfmt.scaled<i8, scale = f16>", "bf16"),
    ],
)
def test_command_line_takes_any_format(
    weights, activations, calibration, images, tmp_path, capsys
):
    pixels, labels = images
    output = tmp_path / "network.mlirbc"
    options = [f"--weights={weights}", f"--activations={activations}", "--level=encoded"]
    assert (quantize(calibration, output, *options), capsys.readouterr().err) == (0, "")
    assert accuracy(run(output, "main", pixels), labels) >= 80


def test_float_formats_are_no_integer_arithmetic(calibration, tmp_path, capsys):
    output = tmp_path / "network.mlirbc"
    assert quantize(calibration, output, "--weights=mxfp4") == 1
    errors = capsys.readouterr().err
    assert "integer arithmetic needs an integer format" in errors
    assert "--level encoded" in errors
    assert not output.exists()


def test_layer_says_which_formats_there_are(observed):
    with pytest.raises(UserError, match="qfmt.assigned: 'mxfp5' is no format"):
        pipeline.encode(assign(observed, ["mxfp5"]))
