#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What rewrites of channels and rounding of weights give MiniLM-L6 in 8 and 4 bits.

Its linear layers are quantized, all else stays f32:

    W8A8        weights i8 with a scale an output channel, data i8 with a static scale a tensor
    W4A8        weights int4_g32, data as above
    W4A4 mxfp4  both in MXFP4, the data's scales at run time
    W4A4 int4   both in int4_g32, the same

as they are, with each rewrite of channels, with each rounding of weights, and with chains
of these. Calibrates on calibration.txt; the table holds 1 - the mean cosine similarity of
the embeddings of sentences.txt to those of the network in f32.

Without the weights and without a network connection it says so and does nothing.
Exit status 1 if the table lacks what it must show (IMPROVES and A_THIRD below).
"""

import argparse
import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "shared"), str(HERE.parents[1] / "python")]

import checkpoint  # noqa: E402
from channels import Calibrated, save  # noqa: E402
from levels import conclude, say  # noqa: E402
from model import Model, cosines, look_up  # noqa: E402
from qfmt import execute, pipeline  # noqa: E402
from qfmt.errors import UserError  # noqa: E402

TOKENS = 32

FORMATS = {
    "W8A8": {"weights": "i8", "activations": "i8"},
    "W4A8": {"weights": "int4_g32", "activations": "i8"},
    "W4A4 mxfp4": {"weights": "mxfp4", "activations": "mxfp4"},
    "W4A4 int4": {"weights": "int4_g32", "activations": "int4_g32"},
}

SAME = {"weights": "weights", "activations": "activations"}
# The pass, which of its options is told which of the formats, and further options.
REWRITES = {
    "OS+": ("qfmt-suppress-outliers", SAME, {}),
    "SmoothQuant": ("qfmt-smooth-quant", SAME, {"alpha": 0.8}),
    "AWQ": ("qfmt-scale-by-activations", {"weights": "weights"}, {}),
    "exponents": ("qfmt-shift-exponents", {"weights": "weights"}, {}),
    "equalize": ("qfmt-equalize-weights", {}, {}),
    "sort": ("qfmt-sort-channels", {"format": "activations"}, {}),
    "sort keys": ("qfmt-sort-keys", {}, {"by": "data"}),
    "Hadamard": ("qfmt-rotate-channels", {"format": "activations"}, {}),
}
WITHOUT_STATISTICS = ["equalize"]
# Scales of weights that make the squares of their errors least.
SCALES = "mse"
ROUNDINGS = ["gptq", "learned"]

CHAINS = [
    "plain",
    *REWRITES,
    SCALES,
    *ROUNDINGS,
    "mse, gptq",
    "OS+, gptq",
    "SmoothQuant, gptq",
    "OS+, mse, gptq",
    "SmoothQuant, mse, gptq",
    "SmoothQuant, mse, learned",
    "Hadamard, gptq",
    "Hadamard, mse, gptq",
]
# (Formats, chain): is better than plain.
IMPROVES = [
    ("W8A8", "OS+"),
    ("W8A8", "SmoothQuant"),
    ("W4A8", "gptq"),
    ("W4A8", "learned"),
]
# (Formats, chain): loses at most a third of what plain loses.
A_THIRD = ("W4A8", "SmoothQuant, mse, gptq")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--json", type=Path, help="also write the figures here")
    parser.add_argument(
        "--required", action="store_true", help="only what the table must show (5 minutes)"
    )
    parser.add_argument("--formats", nargs="*", choices=list(FORMATS), default=list(FORMATS))
    parser.add_argument("--chains", nargs="*", default=CHAINS, help='such as "OS+, gptq"')
    return parser.parse_args()


class Experiment:
    """The network in f32, and what chains make of it; none is rewritten twice."""

    def __init__(self, model: Model, folder: str):
        self.folder = Path(folder)
        data = save(model.calibration_data(TOKENS), self.folder / "calibration.npz")
        self.networks = {"": Calibrated(model.at_level_real(TOKENS), data, folder)}
        numbers, padding = model.inputs(model.read("sentences.txt"), TOKENS)
        self.inputs = [look_up(model.table, numbers), padding]
        self.exact = self.embed(self.networks[""].real)

    def embed(self, module: bytes) -> np.ndarray:
        with tempfile.NamedTemporaryFile(suffix=".mlirbc", dir=self.folder) as file:
            file.write(module)
            file.flush()
            (embedded,), _ = execute.run(Path(file.name), "main", self.inputs)
        return embedded[:, 0].astype(np.float64)

    def rewrite(self, steps: list[str], formats: dict[str, str]) -> Calibrated:
        network, done = self.networks[""], ""
        for step in steps:
            name, asks, options = REWRITES[step]
            options = options | {option: formats[side] for option, side in asks.items()}
            # Passes that are not told formats do the same for all.
            done += pipeline.pass_with(name, **options)
            if done not in self.networks:
                if step not in WITHOUT_STATISTICS:
                    options["moments"] = network.moments
                self.networks[done] = network.rewritten(name, **options)
            network = self.networks[done]
        return network

    def loss(self, chain: str, formats: dict[str, str]) -> float:
        """1 - mean cosine similarity to f32."""
        steps = [] if chain == "plain" else chain.split(", ")
        options = {}
        if SCALES in steps:
            formats = formats | {"weights": f"{formats['weights']}:{SCALES}"}
        network = self.rewrite([step for step in steps if step in REWRITES], formats)
        if steps and steps[-1] in ROUNDINGS:
            options = {"round_weights": steps[-1], "moments": network.moments}
        encoded = pipeline.encode(
            network.observed, **options, **formats, wide_activations="f32"
        )
        return 1 - float(cosines(self.embed(encoded), self.exact).mean())


Table = dict[str, dict[str, float]]


def fill(experiment: Experiment, cells: list[tuple[str, str]]) -> Table:
    """Rows by formats, columns by chains."""
    table = {}

    def fill_row(formats: str) -> None:
        for chain in (chain for row, chain in cells if row == formats):
            start = time.monotonic()
            found = experiment.loss(chain, FORMATS[formats])
            table[formats][chain] = found
            say(f"{formats}, {chain}: {found:.5f} ({time.monotonic() - start:.0f} s)")

    # All begin there.
    _ = experiment.networks[""].moments
    for formats, _ in cells:
        table.setdefault(formats, {})
    # The tools are processes of their own; nearly all that they do is sequential.
    with ThreadPoolExecutor(min(2, os.cpu_count())) as pool:
        for _ in pool.map(fill_row, table):
            pass
    return table


def check(table: Table) -> list[str]:
    """What the table lacks of what it must show; cells that are not there lack nothing."""
    complaints = []

    def compare(formats: str, chain: str, share: float, complaint: str) -> None:
        row = table.get(formats, {})
        if {"plain", chain} <= row.keys() and not row[chain] < share * row["plain"]:
            complaints.append(f"{formats}: {chain} {complaint}")

    for formats, chain in IMPROVES:
        compare(formats, chain, 1, "is no better than plain")
    compare(*A_THIRD, 1 / 3, "loses more than a third of what plain loses")
    return complaints


def choose_cells(arguments) -> list[tuple[str, str]]:
    if not arguments.required:
        return [(f, chain) for f in arguments.formats for chain in arguments.chains]
    required = [*IMPROVES, A_THIRD]
    return [(formats, "plain") for formats in dict(required)] + required


def print_table(table: Table) -> None:
    chains = list(dict.fromkeys(chain for row in table.values() for chain in row))
    width = max(map(len, chains))
    print(" " * width + "".join(f"{formats:>12}" for formats in table))
    for chain in chains:
        cells = (row.get(chain) for row in table.values())
        shown = (f"{'':>12}" if cell is None else f"{cell:>12.5f}" for cell in cells)
        print(f"{chain:<{width}}" + "".join(shown))


def main():
    arguments = parse_arguments()
    try:
        model = Model()
    except checkpoint.Unavailable as reason:
        print(f"skipped: {reason}")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        table = fill(Experiment(model, folder), choose_cells(arguments))
    print_table(table)
    return conclude(table, arguments.json, check(table))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
