# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`qfmt sensitivity`: what formats of one layer at a time do to a network's results."""

import argparse
import json
from pathlib import Path


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
    parser.add_argument(
        "--candidates",
        nargs="+",
        required=True,
        metavar="W/A",
        help="formats of weights and data: i4/i8 i8 mxfp4/mxfp8",
    )
    parser.add_argument(
        "--moments",
        type=Path,
        metavar="FILE.npz",
        help="also write the second moments of what each layer reads",
    )
    parser.add_argument(
        "-o", dest="output", type=Path, required=True, help="the .json file to write"
    )
    parser.set_defaults(run=run)


def add_network_options(parser: argparse.ArgumentParser) -> None:
    """The network, its samples, and where results are kept."""
    from qfmt.cli_import import add_dim_option

    parser.add_argument(
        "model", type=Path, help="an fp32 network: an ONNX file, or MLIR (.mlir, .mlirbc)"
    )
    parser.add_argument(
        "--calibration",
        type=Path,
        required=True,
        help=".npz with one array per graph input, samples along the first axis",
    )
    parser.add_argument(
        "--cache", type=Path, help="folder for results (default: ~/.cache/qfmt)"
    )
    add_dim_option(parser)


def add_measuring_options(parser: argparse.ArgumentParser) -> None:
    """How damage is measured by running the network."""
    parser.add_argument(
        "--samples", type=int, metavar="N", help="run only the first N samples"
    )
    parser.add_argument(
        "--loss",
        choices=["mse", "kl"],
        default="mse",
        help="squared error of the results, or divergence of their softmax",
    )
    parser.add_argument(
        "--around",
        default="f32",
        metavar="W/A",
        help="formats of the layers that are not tried (default: f32)",
    )
    parser.add_argument("--jobs", type=int, default=1, help="networks to run at a time")


def run(args: argparse.Namespace) -> None:
    from qfmt.files import write_whole
    from qfmt.sensitivity import split_choices

    candidates = split_choices(args.candidates)
    observed = observe(args)
    table = measure(args, observed, candidates)
    if args.moments:
        write_whole(args.moments, second_moments(args, observed))
    write_whole(args.output, (json.dumps(table, indent=1) + "\n").encode())


def observe(args: argparse.Namespace) -> bytes:
    """The network at level observed, with statistics; from the cache if it is there."""
    from qfmt import pipeline
    from qfmt.cache import Cache, make_key, tool_version
    from qfmt.cli_quantize import read_network
    from qfmt.errors import UserError

    if not args.calibration.is_file():
        raise UserError(f"{args.calibration}: no such file")
    module = read_network(args)
    cache = Cache(args.cache)
    key = make_key("observed", module, args.calibration.read_bytes(), tool_version())
    observed = cache.find(key)
    if observed is None:
        observed = pipeline.annotate(pipeline.observe(module), args.calibration)
        cache.store(key, observed)
    return observed


def measure(args: argparse.Namespace, observed: bytes, candidates: list[str]):
    """Damage by layer and candidate."""
    from qfmt import sensitivity
    from qfmt.cache import Cache

    inputs = [array[: args.samples] for array in read_inputs(args, observed)]
    experiment = sensitivity.Experiment(observed, inputs, Cache(args.cache))
    return sensitivity.measure(
        experiment,
        candidates,
        loss=args.loss,
        around=sensitivity.spell_out(args.around),
        jobs=args.jobs,
    )


def read_inputs(args: argparse.Namespace, observed: bytes):
    """The samples, an array for each argument."""
    import tempfile

    from qfmt import execute
    from qfmt.arrays import load_npz, to_samples
    from qfmt.errors import UserError

    if args.samples is not None and args.samples < 1:
        raise UserError(f"--samples: at least one is needed, found {args.samples}")
    if args.jobs < 1:
        raise UserError(f"--jobs: at least one is needed, found {args.jobs}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "observed.mlirbc"
        path.write_bytes(observed)
        wanted = execute.read_signature(path, "main").inputs
    return to_samples(load_npz(args.calibration), wanted, args.calibration)


def second_moments(args: argparse.Namespace, observed: bytes) -> bytes:
    """The .npz file that qfmt-assign-formats{damage=moments} reads."""
    import tempfile

    from qfmt import pipeline

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "moments.npz"
        pipeline.annotate(observed, args.calibration, moments=path)
        return path.read_bytes()
