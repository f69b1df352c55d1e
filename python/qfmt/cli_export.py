# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`qfmt export`: MLIR at level real or encoded to ONNX."""

import argparse
from pathlib import Path


def add_parser(subparsers) -> None:
    parser = subparsers.add_parser(
        "export",
        help="turn MLIR at level real or encoded into an ONNX file",
        description="Turn a network that qfmt import or qfmt quantize --level encoded has "
        "written into an ONNX file with QuantizeLinear and DequantizeLinear. What ONNX "
        "cannot say is refused.",
    )
    parser.add_argument("model", type=Path, help="MLIR (.mlir text, .mlirbc bytecode)")
    parser.add_argument(
        "-o", dest="output", type=Path, required=True, help="the .onnx file to write"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    from qfmt.files import write_whole
    from qfmt.onnx_export import export_onnx

    write_whole(args.output, export_onnx(args.model).SerializeToString())
