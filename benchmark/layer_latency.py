#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Do the latencies of single layers predict that of the whole network?

Times each layer of a network in each candidate format (`qfmt latency`) and the whole
network with all layers in the first candidate: what the layers do not explain there is
taken as the time of everything else. Then predicts the network in the other formats,
and in mixtures of them, and times these.

Prints a table, and the largest error in percent. Wants a machine that does nothing else.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "python"))

from qfmt import latency, pipeline  # noqa: E402
from qfmt.cache import Cache  # noqa: E402
from qfmt.cli_network import add_network_options, observe  # noqa: E402
from qfmt.errors import UserError  # noqa: E402
from qfmt.sensitivity import split_choices  # noqa: E402


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add_network_options(parser)
    parser.add_argument("--candidates", nargs="+", default=["i8/i8", "i4/i8", "mxfp4/i8"])
    parser.add_argument("--level", choices=["encoded", "integer"], default="encoded")
    parser.add_argument("--mixtures", type=int, default=4, help="networks in mixed formats")
    return parser.parse_args()


def main() -> int:
    arguments = parse_arguments()
    candidates = split_choices(arguments.candidates)
    observed = observe(arguments)
    table = latency.measure(observed, candidates, Cache(arguments.cache), level=arguments.level)
    layers = list(table)

    def measured(choices: dict[str, str]) -> float:
        assigned = pipeline.set_formats(observed, choices)
        return latency.time_module(latency.compile_level(assigned, arguments.level, {}))

    def explained(choices: dict[str, str]) -> float:
        return sum(table[layer][choices[layer]] for layer in layers)

    base = dict.fromkeys(layers, candidates[0])
    rest = measured(base) - explained(base)
    print(f"layers in {candidates[0]}: {explained(base):.4f} ms, everything else {rest:.4f} ms")
    networks = {choice: dict.fromkeys(layers, choice) for choice in candidates}
    random = np.random.default_rng(0)
    for number in range(arguments.mixtures):
        picked = random.integers(len(candidates), size=len(layers))
        networks[f"mixture {number}"] = {
            layer: candidates[index] for layer, index in zip(layers, picked)
        }
    worst = 0.0
    for name, choices in networks.items():
        predicted, found = rest + explained(choices), measured(choices)
        error = 100 * (predicted - found) / found
        worst = max(worst, abs(error))
        print(f"{name:<24} predicted {predicted:.4f} ms, measured {found:.4f} ms ({error:+.1f} %)")
    print(f"largest error: {worst:.1f} %")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
