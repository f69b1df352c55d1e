# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`qfmt quantize`: an fp32 ONNX file to an integer-only network."""

import argparse
from pathlib import Path

from qfmt.cli_import import parse_dim


def add_parser(subparsers) -> None:
    parser = subparsers.add_parser(
        "quantize",
        help="turn an fp32 ONNX file into an integer-only network",
        description="Import an fp32 ONNX file, calibrate it on samples, quantize weights "
        "per output channel and activations per tensor, and rewrite it to integer-only "
        "arithmetic. Writes MLIR bytecode for `qfmt run` and qfmt-run.",
    )
    parser.add_argument("model", type=Path, help="the ONNX file")
    parser.add_argument(
        "--calibration",
        type=Path,
        required=True,
        help=".npz with one array per graph input, samples along the first axis",
    )
    parser.add_argument("--weights", default="i8", help="number format, i2 to i16")
    parser.add_argument("--activations", default="i8", help="number format, i2 to i16")
    parser.add_argument(
        "--method",
        choices=["minmax", "percentile", "mse"],
        default="minmax",
        help="how the range of a tensor follows from the calibration data",
    )
    parser.add_argument(
        "--percentile", type=float, help="share of the values inside the range, in percent"
    )
    parser.add_argument(
        "--input-format",
        metavar="FORMAT:SCALE",
        help="format in which the inputs enter, ui8:0.00392156862745098 for pixels",
    )
    parser.add_argument(
        "--accumulator-bits", type=int, choices=[32, 64], help="width of accumulators"
    )
    parser.add_argument(
        "--level",
        choices=["encoded", "integer"],
        default="integer",
        help="where to stop: encoded keeps real arithmetic on the same codes",
    )
    parser.add_argument(
        "-o", dest="output", type=Path, required=True, help="the .mlirbc file to write"
    )
    parser.add_argument(
        "--dim",
        dest="dims",
        type=parse_dim,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="size of a symbolic dimension; may be given several times",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    from qfmt import pipeline
    from qfmt.cli_import import collect_dims
    from qfmt.files import write_whole
    from qfmt.onnx_import import import_onnx

    module = import_onnx(args.model, collect_dims(args.dims))
    module = pipeline.annotate(pipeline.observe(module), args.calibration)
    module = pipeline.encode(
        module,
        weights=args.weights,
        activations=args.activations,
        calibration=args.method,
        percentile=args.percentile,
        input_format=args.input_format,
    )
    if args.level == "integer":
        module = pipeline.integerize(module, accumulator_bits=args.accumulator_bits)
        pipeline.verify_integer_only(module)
    write_whole(args.output, module)
