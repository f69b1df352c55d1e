# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Options that commands which quantize or measure a network have in common.

Each `add_..._options` has its counterpart here that reads what was given.
"""

import argparse
from pathlib import Path


def add_source_options(parser: argparse.ArgumentParser) -> None:
    """The network, and the samples that calibrate it."""
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
    add_dim_option(parser)


def read_network(args: argparse.Namespace) -> bytes:
    """The network at level real; UserError also if there is no calibration data."""
    from qfmt import pipeline
    from qfmt.cli_import import collect_dims
    from qfmt.errors import UserError
    from qfmt.onnx_import import import_onnx

    # Before the import, which takes a while.
    if not args.calibration.is_file():
        raise UserError(f"{args.calibration}: no such file")
    if args.model.suffix not in (".mlir", ".mlirbc"):
        return import_onnx(args.model, collect_dims(args.dims))
    if args.dims:
        raise UserError("--dim: only for ONNX files; sizes in MLIR are what they are")
    return pipeline.read_mlir(args.model)


def add_network_options(parser: argparse.ArgumentParser) -> None:
    """The network, its samples, and where results are kept."""
    add_source_options(parser)
    parser.add_argument(
        "--cache", type=Path, help="folder for results (default: ~/.cache/qfmt)"
    )


def observe(args: argparse.Namespace) -> bytes:
    """The network at level observed, with statistics; from the cache if it is there."""
    from qfmt import pipeline
    from qfmt.cache import Cache, make_key, tool_version

    module = read_network(args)
    cache = Cache(args.cache)
    key = make_key("observed", module, args.calibration.read_bytes(), tool_version())
    observed = cache.find(key)
    if observed is None:
        observed = pipeline.annotate(pipeline.observe(module), args.calibration)
        cache.store(key, observed)
    return observed


def add_candidates_option(parser: argparse.ArgumentParser) -> None:
    """Read by sensitivity.split_choices."""
    parser.add_argument(
        "--candidates",
        nargs="+",
        required=True,
        metavar="W/A",
        help="formats of weights and data: i4/i8 i8 mxfp4/mxfp8",
    )


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
    parser.add_argument(
        "--pairs",
        action="store_true",
        help="also try neighbouring layers together: what they do beyond the sum of both",
    )
    parser.add_argument("--jobs", type=int, default=1, help="networks to run at a time")


def read_inputs(args: argparse.Namespace, observed: bytes):
    """All samples, an array for each argument."""
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


def add_quantization_options(parser, activations: str, default: str | None = None) -> None:
    """`activations` says what --activations is; None leaves an option to the pass."""
    parser.add_argument("--activations", metavar="FORMAT", default=default, help=activations)
    parser.add_argument(
        "--wide-activations",
        metavar="FORMAT",
        help="number format of tensors that not only products with constant weights read "
        "(residual sums, attention, norms, results): i2 to i16, or f32; default: as --activations",
    )
    parser.add_argument(
        "--method",
        choices=["minmax", "percentile", "mse"],
        help="how the range of a tensor follows from the calibration data (default: minmax)",
    )
    parser.add_argument(
        "--percentile", type=float, help="share of the values inside the range, in percent"
    )
    parser.add_argument(
        "--input-format",
        metavar="FORMAT:SCALE",
        help="format in which the inputs enter, ui8:0.00392156862745098 for pixels",
    )


def collect_quantization(args: argparse.Namespace) -> dict[str, object]:
    """As pipeline.encode takes it."""
    return {
        "activations": args.activations,
        "wide_activations": args.wide_activations,
        "calibration": args.method,
        "percentile": args.percentile,
        "input_format": args.input_format,
    }


def add_output_option(parser: argparse.ArgumentParser, suffix: str) -> None:
    parser.add_argument(
        "-o", dest="output", type=Path, required=True, help=f"the {suffix} file to write"
    )
