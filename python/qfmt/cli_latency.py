# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`qfmt latency`: milliseconds of each layer in each format, on this machine."""

import argparse
import json

from qfmt.cli_network import (
    add_candidates_option,
    add_network_options,
    add_output_option,
    observe,
)


def add_parser(subparsers) -> None:
    parser = subparsers.add_parser(
        "latency",
        help="time layers in formats on this machine",
        description="Compile and time each layer of a network in each candidate format, and "
        "write milliseconds: JSON, as `qfmt assign --latency-table` reads it. Times that are "
        "known are not taken again.",
    )
    add_network_options(parser)
    add_candidates_option(parser)
    parser.add_argument("--level", choices=["encoded", "integer"], default="encoded")
    add_output_option(parser, ".json")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    from qfmt import latency
    from qfmt.cache import Cache
    from qfmt.files import write_whole
    from qfmt.sensitivity import split_choices

    candidates = split_choices(args.candidates)
    table = latency.measure(observe(args), candidates, Cache(args.cache), level=args.level)
    write_whole(args.output, (json.dumps(table, indent=1) + "\n").encode())
