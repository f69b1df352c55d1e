# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`qfmt report`: why layers got their formats, as HTML with pictures inside."""

import argparse
import json
from pathlib import Path


def add_parser(subparsers) -> None:
    parser = subparsers.add_parser(
        "report",
        help="show why layers got their formats",
        description="Draw what `qfmt assign --report FILE.json` or qfmt-assign-formats{report="
        "FILE.json} has written: one HTML file. The front over the budget is there only with "
        "the former.",
    )
    parser.add_argument("input", type=Path, help="the .json file")
    parser.add_argument(
        "-o", dest="output", type=Path, required=True, help="the .html file to write"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    from qfmt.assignment import sweep
    from qfmt.assignment_report import render
    from qfmt.errors import UserError
    from qfmt.files import write_whole

    try:
        content = json.loads(args.input.read_text())
    except OSError as error:
        raise UserError(f"{args.input}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise UserError(f"{args.input}: no JSON: {error}") from error
    front, cost = None, "bytes"
    if isinstance(content, dict) and "problem" in content:
        cost = content["cost"]
        front = sweep(content["problem"], cost)
        content = content["report"]
    if not isinstance(content, dict) or "layers" not in content:
        raise UserError(f"{args.input}: no report of formats by layer")
    write_whole(args.output, render(content, front, cost).encode())
