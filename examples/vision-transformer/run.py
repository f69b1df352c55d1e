#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A vision transformer from ONNX to integer-only machine code.

Imports vision_transformer.onnx, calibrates it on training images, quantizes it
(8 bits where a product with constant weights reads, 16 bits elsewhere; pixels enter
as ui8 with scale 1/255), makes it integer-only, compiles it, runs the test images,
and prints one table.

Exit status 1 if compiled code and reference evaluator differ, or the code for two
targets, if a float operation
is left, or if more than 0.5 points of accuracy are lost on the whole test set.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path[:0] = [
    str(HERE.parent / "fashion-mnist"),
    str(HERE.parent / "shared"),
    str(HERE.parents[1] / "python"),
]

import data  # noqa: E402
from images import PIXEL_FORMAT, accuracy, to_floats  # noqa: E402
from levels import (  # noqa: E402
    Levels,
    add_targets,
    compare_targets,
    conclude,
    constant_bytes,
    count_float_ops,
    find_differences,
    print_table,
    say,
)
from qfmt import execute  # noqa: E402
from qfmt.errors import UserError  # noqa: E402
from qfmt.onnx_import import import_onnx  # noqa: E402

ALLOWED_LOSS = 0.5
ENCODE = {
    "weights": "i8",
    "activations": "i8",
    "wide_activations": "i16",
    "input_format": PIXEL_FORMAT,
}


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--json", type=Path, help="also write the figures here")
    parser.add_argument(
        "--images", type=int, default=10000, help="test images to run (default: all)"
    )
    parser.add_argument(
        "--calibration-images",
        type=int,
        default=512,
        help="training images whose values set the ranges",
    )
    parser.add_argument(
        "--reference-images",
        type=int,
        default=64,
        help="images on which compiled code is compared with the reference evaluator",
    )
    parser.add_argument(
        "--float-only", action="store_true", help="stop after the accuracy in fp32"
    )
    add_targets(parser)
    return parser.parse_args()


def measure_float(real, pixels, labels):
    (logits,), milliseconds = execute.run(real, "main", [to_floats(pixels)], progress="fp32")
    return {
        "images": len(pixels),
        "fp32_accuracy": accuracy(logits, labels),
        "fp32_bytes": constant_bytes(real),
        "fp32_ms": milliseconds,
    }


def measure_integer(levels, pixels, labels, arguments):
    (codes,), milliseconds = execute.run(
        levels.integer, "main", [pixels], progress="integer"
    )
    some = min(arguments.reference_images, len(pixels))
    say(f"comparing with the reference evaluator on {some} images")
    (expected,), _ = execute.run(levels.integer, "main", [pixels[:some]], engine="reference")
    difference = np.abs(codes[:some].astype(np.int64) - expected).max(initial=0)
    return {
        "reference_images": some,
        "integer_accuracy": accuracy(codes, labels),
        "integer_bytes": constant_bytes(levels.integer),
        "integer_ms": milliseconds,
        "float_ops_left": count_float_ops(levels.integer),
        "max_reference_difference": int(difference),
        "target_differences": compare_targets(
            levels.integer, [pixels], codes, arguments.targets
        ),
    }


def table(figures):
    rows = [
        ("test images", f"{figures['images']}"),
        ("fp32 accuracy", f"{figures['fp32_accuracy']:.2f} %"),
        ("fp32 constants", f"{figures['fp32_bytes']} bytes"),
        ("fp32 time an image", f"{figures['fp32_ms']:.3f} ms"),
    ]
    if "integer_accuracy" in figures:
        rows += [
            ("integer accuracy", f"{figures['integer_accuracy']:.2f} %"),
            ("integer constants", f"{figures['integer_bytes']} bytes"),
            ("integer time an image", f"{figures['integer_ms']:.3f} ms"),
            ("float operations and types left", f"{figures['float_ops_left']}"),
            (
                f"compiled - reference, {figures['reference_images']} images",
                f"{figures['max_reference_difference']}",
            ),
        ]
        rows += [
            (f"compiled - for {name}, all images", f"{difference}")
            for name, difference in figures["target_differences"].items()
        ]
    return rows


def check(figures):
    """What the table must not say; one line a complaint."""
    complaints = find_differences(figures)
    loss = figures["fp32_accuracy"] - figures.get("integer_accuracy", np.inf)
    if figures["images"] == 10000 and loss > ALLOWED_LOSS:
        complaints.append(f"integer arithmetic loses {loss:.2f} points of accuracy")
    return complaints


def main():
    arguments = parse_arguments()
    pixels = data.load_images("test")[: arguments.images, np.newaxis]
    labels = data.load_labels("test")[: arguments.images]
    with tempfile.TemporaryDirectory() as folder:
        say("importing the ONNX file")
        real = import_onnx(HERE / "vision_transformer.onnx", {})
        path = Path(folder) / "float.mlirbc"
        path.write_bytes(real)
        say(f"running {len(pixels)} test images, compiled")
        figures = measure_float(path, pixels, labels)
        if not arguments.float_only:
            calibration = data.load_images("train")[: arguments.calibration_images]
            levels = Levels(folder, real, {"image": to_floats(calibration)}, ENCODE)
            say(f"running {len(pixels)} test images, integer-only")
            figures |= measure_integer(levels, pixels, labels, arguments)
    print_table(table(figures))
    return conclude(figures, arguments.json, check(figures))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (UserError, data.DatasetError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
