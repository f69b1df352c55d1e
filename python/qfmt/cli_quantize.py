# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`qfmt quantize`: an fp32 network (ONNX, or MLIR) to an integer-only one."""

import argparse
import re
from pathlib import Path

from qfmt.cli_import import add_dim_option


def add_parser(subparsers) -> None:
    parser = subparsers.add_parser(
        "quantize",
        help="turn an fp32 network into an integer-only one",
        description="Read an fp32 network (an ONNX file, or MLIR: linalg on tensors or "
        "TOSA, with a function @main), calibrate it on samples, quantize weights "
        "per output channel and activations per tensor, and rewrite it to integer-only "
        "arithmetic. Writes MLIR bytecode for `qfmt run` and qfmt-run.",
    )
    parser.add_argument(
        "model", type=Path, help="an ONNX file, or MLIR (.mlir text, .mlirbc bytecode)"
    )
    parser.add_argument(
        "--calibration",
        type=Path,
        required=True,
        help=".npz with one array per graph input, samples along the first axis",
    )
    parser.add_argument(
        "--weights",
        metavar="FORMAT",
        default="i8",
        help="i2 to i16, another number format (f8E4M3FN), a name that `qfmt formats` lists "
        "(mxfp4), an encoding, or f32; formats other than integers need --level encoded",
    )
    parser.add_argument(
        "--activations",
        metavar="FORMAT",
        default="i8",
        help="as --weights, of what products with constant weights read",
    )
    parser.add_argument(
        "--wide-activations",
        metavar="FORMAT",
        help="number format of tensors that not only products with constant weights read "
        "(residual sums, attention, norms, results): i2 to i16, default: as --activations",
    )
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
        "--compat",
        choices=["tflite", "onnx", "tosa", "tosa-double-round", "hawq"],
        help="requantize, add and average as this framework does; see docs/IntegerOnly.md",
    )
    parser.add_argument(
        "--functions",
        choices=["minimax", "ibert"],
        default="minimax",
        help="ibert: softmax, GELU and layer norm with the larger errors of I-BERT's kernels",
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
    add_dim_option(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    from qfmt import pipeline
    from qfmt.errors import UserError
    from qfmt.files import write_whole

    # Before the import, which takes a while.
    if not args.calibration.is_file():
        raise UserError(f"{args.calibration}: no such file")
    module = read_network(args)
    module = pipeline.annotate(pipeline.observe(module), args.calibration)
    module = pipeline.encode(
        module,
        weights=args.weights,
        activations=args.activations,
        wide_activations=args.wide_activations,
        calibration=args.method,
        percentile=args.percentile,
        input_format=args.input_format,
    )
    if args.level == "integer":
        try:
            module = pipeline.integerize(
                module,
                accumulator_bits=args.accumulator_bits,
                compat=args.compat,
                functions=args.functions,
            )
        except UserError as error:
            if all(re.fullmatch(r"i\d+", f) for f in (args.weights, args.activations)):
                raise
            hint = "--level encoded keeps real arithmetic, which has every format"
            raise UserError(f"{error}\n{hint}") from error
        pipeline.verify_integer_only(module)
    write_whole(args.output, pipeline.pack_constants(module))


def read_network(args: argparse.Namespace) -> bytes:
    """The network at level real."""
    from qfmt import pipeline
    from qfmt.cli_import import collect_dims
    from qfmt.errors import UserError
    from qfmt.onnx_import import import_onnx

    if args.model.suffix not in (".mlir", ".mlirbc"):
        return import_onnx(args.model, collect_dims(args.dims))
    if args.dims:
        raise UserError("--dim: only for ONNX files; sizes in MLIR are what they are")
    return pipeline.read_mlir(args.model)
