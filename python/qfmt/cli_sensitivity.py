# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`qfmt sensitivity`: what formats of one layer at a time do to a network's results."""

import argparse
import json
from pathlib import Path

from qfmt.cli_network import (
    add_candidates_option,
    add_measuring_options,
    add_network_options,
    add_output_option,
    observe,
    read_inputs,
)


def add_parser(subparsers) -> None:
    parser = subparsers.add_parser(
        "sensitivity",
        help="measure what formats of single layers do to a network's results",
        description="Run a network on samples with the formats of one layer changed, for "
        "each layer and each candidate, and write how far its results are from those in "
        "f32: JSON, as qfmt-assign-formats{damage=measured} reads it. Finished runs are "
        "kept: the same command continues after an interruption.",
    )
    add_network_options(parser)
    add_measuring_options(parser)
    add_candidates_option(parser)
    parser.add_argument(
        "--moments",
        type=Path,
        metavar="FILE.npz",
        help="also write the second moments of what each layer reads",
    )
    add_output_option(parser, ".json")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    from qfmt.files import write_whole
    from qfmt.sensitivity import split_choices

    candidates = split_choices(args.candidates)
    observed = observe(args)
    table = measure(args, observed, candidates)
    if args.moments:
        write_whole(args.moments, second_moments(args, observed))
    write_whole(args.output, (json.dumps(table, indent=1) + "\n").encode())


def measure(args: argparse.Namespace, observed: bytes, candidates: list[str]):
    """Damage by layer and candidate, and of pairs if they are asked for."""
    from qfmt import pipeline, sensitivity
    from qfmt.cache import Cache

    inputs = [array[: args.samples] for array in read_inputs(args, observed)]
    experiment = sensitivity.Experiment(observed, inputs, Cache(args.cache))
    options = {
        "loss": args.loss,
        "around": sensitivity.spell_out(args.around),
        "jobs": args.jobs,
    }
    table = sensitivity.measure(experiment, candidates, **options)
    if not args.pairs:
        return table
    pairs = pipeline.list_neighbours(observed)
    return table | {
        "pairwise": sensitivity.measure_pairs(experiment, table, pairs, **options)
    }


def second_moments(args: argparse.Namespace, observed: bytes) -> bytes:
    """The .npz file that qfmt-assign-formats{damage=moments} reads."""
    import tempfile

    from qfmt import pipeline

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "moments.npz"
        pipeline.annotate(observed, args.calibration, moments=path)
        return path.read_bytes()
