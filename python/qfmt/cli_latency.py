# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`qfmt latency`: milliseconds of each layer in each format, on this machine."""

import argparse
import json
from pathlib import Path


def add_parser(subparsers) -> None:
    from qfmt.cli_sensitivity import add_network_options

    parser = subparsers.add_parser(
        "latency",
        help="time layers in formats on this machine",
        description="Compile and time each layer of a network in each candidate format, and "
        "write milliseconds: JSON, as `qfmt assign --latency-table` reads it. Times that are "
        "known are not taken again.",
    )
    add_network_options(parser)
    parser.add_argument(
        "--candidates",
        nargs="+",
        required=True,
        metavar="W/A",
        help="formats of weights and data: i4/i8 i8 mxfp4/mxfp8",
    )
    parser.add_argument("--level", choices=["encoded", "integer"], default="encoded")
    parser.add_argument(
        "-o", dest="output", type=Path, required=True, help="the .json file to write"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    from qfmt import latency
    from qfmt.cache import Cache
    from qfmt.cli_sensitivity import observe
    from qfmt.files import write_whole
    from qfmt.sensitivity import split_choices

    candidates = split_choices(args.candidates)
    table = latency.measure(observe(args), candidates, Cache(args.cache), level=args.level)
    write_whole(args.output, (json.dumps(table, indent=1) + "\n").encode())
