# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The main job on real input: Fashion-MNIST from ONNX to integer-only machine code.

Imports fashion_mnist.onnx, calibrates it on 512 training images, quantizes it to
int8 (pixels enter as ui8 with scale 1/255), makes it integer-only, compiles it,
runs the test images, and prints one table. Writes a picture of the signal-to-
quantization-noise ratio of every layer.

Exit status 1 if compiled code and reference evaluator differ, if a float operation
is left, or if int8 loses more than 0.3 points of accuracy on the whole test set.
"""

import argparse
import json
import re
import sys
import tempfile
from pathlib import Path

import data
import numpy as np

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "shared"), str(HERE.parents[1] / "python")]

from images import PIXEL_FORMAT, accuracy, to_floats  # noqa: E402
from levels import (  # noqa: E402
    Levels,
    constant_bytes,
    count_float_ops,
    encodings,
    find_differences,
    print_table,
    say,
)
from qfmt import execute, pipeline, sqnr  # noqa: E402
from qfmt.errors import UserError  # noqa: E402
from qfmt.onnx_import import import_onnx  # noqa: E402
from qfmt.tools import run_tool  # noqa: E402

CALIBRATION_IMAGES = 512
ALLOWED_LOSS = 0.3


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--json", type=Path, help="also write the figures here")
    parser.add_argument(
        "--images", type=int, default=10000, help="test images to run (default: all)"
    )
    parser.add_argument(
        "--reference-images",
        type=int,
        default=256,
        help="images on which compiled code is compared with the reference evaluator",
    )
    parser.add_argument("--weights", default="i8", help="number format of the weights")
    parser.add_argument("--activations", default="i8", help="... and of the activations")
    parser.add_argument(
        "--picture",
        type=Path,
        default=HERE.parents[1] / "build" / "fashion-mnist-sqnr.png",
        help="where the picture goes (default: build/fashion-mnist-sqnr.png)",
    )
    return parser.parse_args()


class LevelsWithLayers(Levels):
    """Also with every layer's result as a result of the network."""

    def __init__(self, folder, arguments):
        say("importing the ONNX file")
        real = import_onnx(HERE / "fashion_mnist.onnx", {})
        images = data.load_images("train")[:CALIBRATION_IMAGES]
        formats = {"weights": arguments.weights, "activations": arguments.activations}
        super().__init__(
            folder,
            real,
            {"image": to_floats(images)},
            {**formats, "input_format": PIXEL_FORMAT},
        )
        expose = ["qfmt-expose-intermediates"]
        self.observed_layers = self.write(
            "observed-layers", pipeline.run_passes(self.observed, expose)
        )
        self.integer_layers = self.make_integer(
            "integer-layers", pipeline.run_passes(self.encoded, expose)
        )


def name_formats(arguments):
    """int8, or weights and activations apart: i4/i8."""
    if arguments.weights == arguments.activations == "i8":
        return "int8"
    return f"{arguments.weights}/{arguments.activations}"


def compare_with_reference(levels, pixels, codes):
    """Compiled against evaluated integer level, and against the encoded level."""
    (expected,), _ = execute.run(
        levels.integer, "main", [pixels], engine="reference"
    )
    reference_difference = np.abs(codes.astype(np.int64) - expected).max()

    # The encoded level computes with reals on the same codes; its result is
    # dequantized, so that its codes are its values over the scale.
    (reals,), _ = execute.run(
        levels.encoded, "main", [to_floats(pixels)], engine="reference"
    )
    _, (result,) = encodings(levels.integer)
    real_codes = np.rint(reals.astype(np.float64) / result.scale).astype(np.int64)
    real_codes += result.zero_point
    lsb = np.abs(codes.astype(np.int64) - real_codes)
    return int(reference_difference), int(lsb.max()), 100 * float(np.mean(lsb != 0))


def layer_noise(levels, pixels):
    """(layer, SQNR in dB) for every quantized tensor, compiled integer code against fp32."""
    real, _ = execute.run(levels.observed_layers, "main", [to_floats(pixels)])
    integer, _ = execute.run(levels.integer_layers, "main_f32", [to_floats(pixels)])
    text = run_tool(
        "qfmt-opt", levels.observed, "--mlir-elide-resource-strings-if-larger=16"
    ).decode()
    names = re.findall(r'qfmt\.observe %\S+ "([^"]*)"', text)
    # The first result is the network's own.
    return [
        (name, sqnr.sqnr(a, b)) for name, a, b in zip(names, real[1:], integer[1:])
    ]


def table(figures, formats):
    return [
        ("test images", f"{figures['images']}"),
        ("fp32 accuracy", f"{figures['fp32_accuracy']:.2f} %"),
        (f"{formats} accuracy", f"{figures['int8_accuracy']:.2f} %"),
        ("fp32 constants", f"{figures['fp32_bytes']} bytes"),
        (f"{formats} constants", f"{figures['int8_bytes']} bytes"),
        ("fp32 time an image", f"{figures['fp32_ms']:.3f} ms"),
        (f"{formats} time an image", f"{figures['int8_ms']:.3f} ms"),
        ("float operations and types left", f"{figures['float_ops_left']}"),
        (
            f"compiled - reference, {figures['reference_images']} images",
            f"{figures['max_reference_difference']}",
        ),
        ("integer - real arithmetic, largest", f"{figures['max_lsb_difference']} LSB"),
        ("outputs that differ from real", f"{figures['differing_outputs']:.3f} %"),
    ]


def measure(levels, arguments):
    pixels = data.load_images("test")[: arguments.images]
    labels = data.load_labels("test")[: arguments.images]
    samples = pixels[:, np.newaxis]

    say(f"running {len(samples)} test images, compiled")
    (logits,), fp32_ms = execute.run(
        levels.real, "main", [to_floats(samples)], progress="fp32"
    )
    (codes,), int8_ms = execute.run(
        levels.integer, "main", [samples], progress="int8"
    )
    some = min(arguments.reference_images, len(samples))
    say(f"comparing with the reference evaluator on {some} images")
    reference, lsb, differing = compare_with_reference(
        levels, samples[:some], codes[:some]
    )
    return {
        "images": len(samples),
        "reference_images": some,
        "fp32_accuracy": accuracy(logits, labels),
        "int8_accuracy": accuracy(codes, labels),
        "fp32_bytes": constant_bytes(levels.real),
        "int8_bytes": constant_bytes(levels.integer),
        "fp32_ms": fp32_ms,
        "int8_ms": int8_ms,
        "float_ops_left": count_float_ops(levels.integer),
        "max_reference_difference": reference,
        "max_lsb_difference": lsb,
        "differing_outputs": differing,
    }


def check(figures, formats):
    """What the table must not say; one line a complaint."""
    complaints = find_differences(figures)
    loss = figures["fp32_accuracy"] - figures["int8_accuracy"]
    if figures["images"] == 10000 and formats == "int8" and loss > ALLOWED_LOSS:
        complaints.append(f"{formats} loses {loss:.2f} points of accuracy")
    return complaints


def main():
    arguments = parse_arguments()
    with tempfile.TemporaryDirectory() as folder:
        levels = LevelsWithLayers(folder, arguments)
        figures = measure(levels, arguments)
        say("signal-to-quantization-noise ratio of every layer")
        layers = layer_noise(levels, data.load_images("test")[:64, np.newaxis])
    formats = name_formats(arguments)
    print_table(table(figures, formats))
    sqnr.draw(layers, arguments.picture, f"Fashion-MNIST, {formats}")
    print(f"picture: {arguments.picture}")
    if arguments.json:
        # JSON has no infinity, the ratio of a layer without noise.
        figures["layer_sqnr_db"] = {
            name: db if np.isfinite(db) else None for name, db in layers
        }
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")
    complaints = check(figures, formats)
    for complaint in complaints:
        print(f"error: {complaint}", file=sys.stderr)
    return 1 if complaints else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (UserError, data.DatasetError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
