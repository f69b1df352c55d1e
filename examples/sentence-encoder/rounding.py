#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What rounding the weights of MiniLM-L6 to int4_g32 does to each of its layers.

For each of the 36 linear layers the mean squared error of its results, summed over them:
rounded to nearest, by GPTQ and by coordinate descent. The table adds up layers of a kind.

Without the weights and without a network connection it says so and does nothing.
Exit status 1 if GPTQ loses more than nearest in some layer, or coordinate descent more
than GPTQ.
"""

import argparse
import re
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "shared"), str(HERE.parents[1] / "python")]

import checkpoint  # noqa: E402
import network  # noqa: E402
from channels import Calibrated, save, with_remarks  # noqa: E402
from levels import conclude, say  # noqa: E402
from model import Model  # noqa: E402
from qfmt import pipeline  # noqa: E402
from qfmt.errors import UserError  # noqa: E402

TOKENS = 32
# Of an encoder block, in the order of the program.
KINDS = ["query", "key", "value", "output", "intermediate", "contraction"]
METHODS = ["nearest", "gptq", "learned"]
LOSSES = re.compile(
    r"with a loss of (?P<gptq>\S+) by gptq and of (?P<learned>\S+) learned, "
    r"of (?P<nearest>\S+) to nearest"
)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--json", type=Path, help="also write the losses of all layers here")
    parser.add_argument("--weights", default="int4_g32", help="their format (int4_g32)")
    return parser.parse_args()


def measure(calibrated: Calibrated, weights: str) -> list[dict[str, float]]:
    """The losses of each layer, in the order of the program."""
    _, remarks = with_remarks(
        calibrated.observed,
        pipeline.pass_with(
            "qfmt-quantize", weights=weights, activations="f32", encode_weights="false"
        ),
        pipeline.pass_with(
            "qfmt-round-weights", method="learned", moments=calibrated.moments
        ),
    )
    found = [LOSSES.search(line) for line in remarks]
    return [
        {method: float(losses[method]) for method in METHODS} for losses in found if losses
    ]


def check(layers: list[dict[str, float]]) -> list[str]:
    complaints = []
    for number, layer in enumerate(layers):
        name = f"{KINDS[number % len(KINDS)]} of block {number // len(KINDS)}"
        if layer["gptq"] > layer["nearest"]:
            complaints.append(f"{name}: GPTQ loses more than rounding to nearest")
        if layer["learned"] > layer["gptq"]:
            complaints.append(f"{name}: coordinate descent loses more than GPTQ")
    if len(layers) != len(KINDS) * network.BLOCKS:
        complaints.append(f"{len(layers)} layers were rounded")
    return complaints


def print_table(layers: list[dict[str, float]]) -> None:
    print(f"{'':<14}" + "".join(f"{method:>10}" for method in METHODS))
    for number, kind in enumerate([*KINDS, "all"]):
        chosen = layers if kind == "all" else layers[number :: len(KINDS)]
        sums = (sum(layer[method] for layer in chosen) for method in METHODS)
        print(f"{kind:<14}" + "".join(f"{total:>10.4g}" for total in sums))


def main():
    arguments = parse_arguments()
    try:
        model = Model()
    except checkpoint.Unavailable as reason:
        print(f"skipped: {reason}")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        data = save(model.calibration_data(TOKENS), Path(folder) / "calibration.npz")
        say("calibrating, rounding weights")
        layers = measure(
            Calibrated(model.at_level_real(TOKENS), data, folder), arguments.weights
        )
    print_table(layers)
    return conclude(layers, arguments.json, check(layers))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
