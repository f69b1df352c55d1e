# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`qfmt quantize`: an fp32 network (ONNX, or MLIR) to an integer-only one."""

import argparse
import re
import tempfile
from pathlib import Path

from qfmt.cli_network import (
    add_output_option,
    add_quantization_options,
    add_source_options,
    collect_quantization,
    read_network,
)


def add_parser(subparsers) -> None:
    parser = subparsers.add_parser(
        "quantize",
        help="turn an fp32 network into an integer-only one",
        description="Read an fp32 network (an ONNX file, or MLIR: linalg on tensors or "
        "TOSA, with a function @main), calibrate it on samples, quantize weights "
        "per output channel and activations per tensor, and rewrite it to integer-only "
        "arithmetic. Writes MLIR bytecode for `qfmt run` and qfmt-run.",
    )
    add_source_options(parser)
    parser.add_argument(
        "--weights",
        metavar="FORMAT",
        default="i8",
        help="i2 to i16, another number format (f8E4M3FN), a name that `qfmt formats` lists "
        "(mxfp4), an encoding, or f32; formats other than integers need --level encoded",
    )
    parser.add_argument(
        "--round-weights",
        choices=["nearest", "gptq", "learned", "stochastic"],
        default="nearest",
        help="gptq: weights make up for the rounding of others, by the second moments of the "
        "calibration data; learned: from there on, codes that change results least; "
        "stochastic: up or down by chance",
    )
    parser.add_argument(
        "--seed", type=int, help="what --round-weights stochastic draws by, 0 and up"
    )
    parser.add_argument(
        "--correct-biases",
        action="store_true",
        help="take what errors of weights add on average, over the calibration data, out of "
        "the biases of layers",
    )
    parser.add_argument(
        "--rewrite",
        metavar="NAME[,OPTION=VALUE...]",
        action="append",
        default=[],
        help="before anything is quantized, change channels without changing the network "
        "(docs/Channels.md): smooth-quant, suppress-outliers, ...; several in this order",
    )
    add_quantization_options(
        parser, "as --weights, of what products with constant weights read", default="i8"
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
    add_output_option(parser, ".mlirbc")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    from qfmt import pipeline
    from qfmt.errors import UserError
    from qfmt.files import write_whole
    from qfmt.rewrites import Rewrite, rewrite_channels

    rewrites = [Rewrite.parse(text) for text in args.rewrite]
    real = rewrite_channels(read_network(args), args.calibration, rewrites)
    module = encode(args, pipeline.observe(real))
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


def encode(args: argparse.Namespace, observed: bytes) -> bytes:
    """Calibrates and quantizes."""
    from qfmt import pipeline
    from qfmt.errors import UserError

    options = {"weights": args.weights, **collect_quantization(args)}
    if args.seed is not None and args.round_weights != "stochastic":
        raise UserError("--seed: only with --round-weights stochastic")
    if args.seed is not None and not 0 <= args.seed < 2**64:
        raise UserError(f"--seed: 0 to 2^64 - 1, found {args.seed}")
    if args.round_weights != "nearest":
        options |= {"round_weights": args.round_weights, "seed": args.seed}
    if args.round_weights not in ("gptq", "learned") and not args.correct_biases:
        return pipeline.encode(pipeline.annotate(observed, args.calibration), **options)
    with tempfile.TemporaryDirectory() as folder:
        moments = Path(folder) / "moments.npz"
        annotated = pipeline.annotate(observed, args.calibration, moments)
        return pipeline.encode(
            annotated, moments=moments, correct_biases=args.correct_biases, **options
        )
