# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`qfmt formats`: the formats that have names, as a table or as a picture."""

import argparse
import json
from pathlib import Path


def add_parser(subparsers) -> None:
    parser = subparsers.add_parser(
        "formats",
        help="list the formats that have names",
        description="Print the formats that have names: bits per element, levels, range, "
        "encoding. With --plot, draw the levels of each on a number line.",
    )
    parser.add_argument(
        "--plot", type=Path, metavar="FILE", help="draw to an .svg, .png or .pdf instead"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    from qfmt.tools import run_tool

    if args.plot is None:
        print(run_tool("qfmt-opt", "--list-formats").decode(), end="")
        return
    draw(list_formats(), args.plot)


def list_formats() -> list[dict]:
    """What `qfmt-opt --list-formats=json` says: a dictionary a format with
    name, summary, encoding, scale_rule, rounding, bits_per_element (scales and
    tables included) and levels (all values of a code, ascending, unscaled)."""
    from qfmt.tools import run_tool

    return json.loads(run_tool("qfmt-opt", "--list-formats=json"))


def draw(formats: list[dict], path: Path) -> None:
    """One line a format, scaled so that its largest magnitude is 1."""
    from qfmt.errors import UserError

    if path.suffix not in (".svg", ".png", ".pdf"):
        raise UserError(f"--plot: {path} should end in .svg, .png or .pdf")
    if not path.resolve().parent.is_dir():
        raise UserError(f"--plot: {path.parent}: no such folder")
    import matplotlib

    matplotlib.use("Agg")
    # The same file from the same formats.
    matplotlib.rcParams["svg.hashsalt"] = "qfmt"
    from matplotlib import pyplot

    rows = [entry for entry in formats if entry["levels"]]
    figure, axes = pyplot.subplots(figsize=(10, 0.3 * len(rows) + 1))
    for line, entry in enumerate(rows):
        levels = entry["levels"]
        largest = max(abs(levels[0]), abs(levels[-1]))
        # More marks than these are a grey bar anyway.
        shown = levels[:: max(1, len(levels) // 160)]
        axes.plot(
            [level / largest for level in shown],
            [line] * len(shown),
            "|",
            markersize=11,
            markeredgewidth=0.7,
            color="black",
        )
    axes.set_yticks(range(len(rows)))
    axes.set_yticklabels(
        [f"{entry['name']}  {entry['bits_per_element']:.4g} b" for entry in rows]
    )
    axes.invert_yaxis()
    axes.set_xlim(-1.03, 1.03)
    axes.set_xlabel("level / largest magnitude")
    axes.tick_params(length=0)
    for side in ("top", "left", "right"):
        axes.spines[side].set_visible(False)
    figure.tight_layout()
    metadata = {"Date": None} if path.suffix == ".svg" else None
    figure.savefig(path, metadata=metadata)
    pyplot.close(figure)
