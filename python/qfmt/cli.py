# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`python -m qfmt COMMAND ...`: picks the subcommand and reports errors.

Every subcommand is a module with `add_parser(subparsers)`, which sets the
default `run` to a function of the parsed arguments. A new subcommand is one
module `cli_<name>.py` and one entry in `COMMANDS`. The modules import what
they need (onnx, numpy, ...) inside `run`, so that one command does not pay for
the imports of another.
"""

import argparse
import sys

from qfmt import (
    __version__,
    cli_advise,
    cli_assign,
    cli_export,
    cli_formats,
    cli_import,
    cli_latency,
    cli_quantize,
    cli_report,
    cli_run,
    cli_sensitivity,
)
from qfmt.errors import UserError

COMMANDS = [
    cli_import,
    cli_quantize,
    cli_run,
    cli_export,
    cli_formats,
    cli_sensitivity,
    cli_latency,
    cli_assign,
    cli_report,
    cli_advise,
]


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="qfmt", description=__doc__.split("\n")[0])
    parser.add_argument("--version", action="version", version=__version__)
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add_parser(subparsers)
    return parser


def main(argv: list[str] | None = None) -> int:
    """Runs one command. 0: done, 1: bad input (said on stderr), 2: bad usage."""
    args = build_parser().parse_args(argv)
    try:
        args.run(args)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0
