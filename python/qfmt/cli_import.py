# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`qfmt import`: an fp32 ONNX file to linalg-on-tensors MLIR bytecode."""

import argparse
from pathlib import Path


def add_parser(subparsers) -> None:
    parser = subparsers.add_parser(
        "import",
        help="turn an fp32 ONNX file into MLIR bytecode",
        description="Turn an fp32 ONNX file into linalg-on-tensors MLIR bytecode "
        "with one public function @main. A symbolic leading dimension (the batch) "
        "becomes 1 unless --dim sets it.",
    )
    parser.add_argument("model", type=Path, help="the ONNX file")
    parser.add_argument(
        "-o", dest="output", type=Path, required=True, help="the .mlirbc file to write"
    )
    add_dim_option(parser)
    parser.set_defaults(run=run)


def add_dim_option(parser: argparse.ArgumentParser) -> None:
    """--dim NAME=VALUE, as every command that imports ONNX files takes it."""
    parser.add_argument(
        "--dim",
        dest="dims",
        type=parse_dim,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="size of a symbolic dimension; may be given several times",
    )


def parse_dim(text: str) -> tuple[str, int]:
    """`NAME=VALUE`, VALUE a positive decimal integer."""
    name, equals, value = text.rpartition("=")
    # isdecimal also takes digits of other scripts, which int() reads as well.
    if not equals or not name or not value.isdecimal() or int(value) == 0:
        raise argparse.ArgumentTypeError(
            f"expected NAME=VALUE with a positive integer VALUE, found '{text}'"
        )
    return name, int(value)


def collect_dims(given: list[tuple[str, int]]) -> dict[str, int]:
    """The sizes by name; UserError if one is given twice with different values."""
    from qfmt.errors import UserError

    dims: dict[str, int] = {}
    for name, value in given:
        if dims.setdefault(name, value) != value:
            raise UserError(f"--dim {name}: given twice, as {dims[name]} and {value}")
    return dims


def run(args: argparse.Namespace) -> None:
    from qfmt.files import write_whole
    from qfmt.onnx_import import import_onnx

    write_whole(args.output, import_onnx(args.model, collect_dims(args.dims)))
