#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""One table of ratios from the JSON of qfmt-benchmark-cpu and networks.py, with what each has to reach.

    benchmark/cpu/table.py cpu.json networks.json

With --benchmark_repetitions=N --benchmark_enable_random_interleaving=true each repetition runs every benchmark once, so
that the ratio of two is taken within a repetition. A row has the median and the lower quartile of the N ratios. A
target is reached if the median is at least the target and the lower quartile at least 0.95 of it; with `--strict`, the
exit status is 1 if one is not. The last column is the ratio of the machine's peak to the peer: more cannot be reached,
whatever the target says. Where a peer has several forms of a case, the one with the best median counts. Cases of which
the file has no figures have no row; those with a target are counted below the table. Rows of peers' own figures, and of
the limits, come with --all.
"""

import argparse
import json
import statistics
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass

# The lower quartile may lie this much below the target.
QUARTILE = 0.95


@dataclass
class Target:
    """`case` against `peer`, both the beginnings of benchmarks' names, by `figure`."""

    case: str
    peer: str
    least: float
    stretch: float | None = None
    figure: str = "GMAC/s"
    # No row if there are figures of this, or none of that.
    unless: str | None = None
    needs: str | None = None

    def applies(self, rates):
        return self.unless not in rates and (self.needs is None or self.needs in rates)


VNNI, TILES = "peak/vpdpbusd512", "peak/tdpbusd"
READ = "read/16MiB"
READ_SMALL = "read/8MiB"


def product_targets():
    """int8 products: oneDNN, AMX where the machine has it, else VNNI."""
    sizes = {
        "128x768x768": (1.15, 1.3, 0.58, 0.66, 0.92, 0.95),
        "128x768x3072": (1.05, 1.2, 0.42, 0.50, 0.92, 0.95),
        "512x4096x4096": (1.0, 1.2, 0.35, 0.42, 0.65, 0.80),
        "2048x2048x2048": (1.05, 1.2, 0.36, 0.42, 0.65, 0.80),
    }
    for size, (peer, more, tiles, more_tiles, vnni, more_vnni) in sizes.items():
        for sign in ("u8", "s8"):
            yield Target(f"qfmt/{size}/{sign}/host", f"onednn/{size}/{sign}", peer, more)
            yield Target(f"qfmt/{size}/{sign}/host", TILES, tiles, more_tiles)
            yield Target(f"qfmt/{size}/{sign}/host", VNNI, vnni, more_vnni, unless=TILES)
            yield Target(f"qfmt/{size}/{sign}/vnni", VNNI, vnni, more_vnni, needs=TILES)
            yield Target(f"qfmt/{size}/{sign}/avx2", "peak/vpmaddwd256", 0)
    for sign in ("u8", "s8"):
        yield Target(f"qfmt/1x4096x4096/{sign}/host", READ, 0.90, 0.97, "GB/s")
        yield Target(f"qfmt/1x4096x4096/{sign}/host", f"onednn/1x4096x4096/{sign}", 0)


def convolution_targets():
    for name, least, stretch in (
        ("3x3-64@56", 1.0, 1.1),
        ("3x3-256@14", 1.0, 1.1),
        ("1x1-64-256@56", 1.1, 1.5),
        ("depthwise-3x3-192@28", 1.1, 1.5),
    ):
        yield Target(f"qfmt/conv/{name}/nhwc", f"onednn/conv/{name}", least, stretch)
        # With the channels moved to the end and back, which oneDNN's caller has done.
        yield Target(f"qfmt/conv/{name}/nchw", f"onednn/conv/{name}", 0)


@dataclass
class Weights:
    """Weights of few bits, and ggml's format of as many; what each has to reach, 0 for nothing."""

    name: str
    ggml: str | None = None
    # One row to reading the weights, and its stretch; to ggml.
    read: tuple[float, float | None] = (0, None)
    gemv: float = 0
    # 512 rows to ggml, and its stretch.
    gemm: tuple[float, float | None] = (0, None)


NEAR = (0.90, 0.97)
WEIGHTS = [
    Weights("int8", "q8_0", NEAR, 1.0),
    Weights("int4_g32", "q4_0", NEAR, 1.0, (2.5, 4)),
    Weights("int4_g128", "q4_K", NEAR, 0, (3.5, 5)),
    Weights("uint4_g128", "q4_K"),
    Weights("int3_g128", "q3_K"),
    Weights("int2_g64", "q2_K"),
    Weights("ternary_2bit", "tq2_0", NEAR, 2.0, (6, 12)),
    Weights("mxfp4", "mxfp4", NEAR, 1.5, (4, 8)),
    Weights("nvfp4", "nvfp4", NEAR, 3.0, (8, 15)),
    Weights("mxfp8"),
    Weights("nf4", "iq4_nl", NEAR),
    Weights("bitmod4"),
    Weights("aqlm"),
]


def scaled_targets():
    """Weights of few bits: the bandwidth of the level-3 cache, and ggml."""
    for weights in WEIGHTS:
        name = weights.name
        # A buffer of about the size of the weights.
        read = READ if name in ("int8", "mxfp8") else READ_SMALL
        yield Target(f"qfmt/gemv/{name}", read, *weights.read, "GB/s")
        if weights.ggml:
            yield Target(f"qfmt/gemv/{name}", f"ggml/gemv/{weights.ggml}/", weights.gemv)
            yield Target(f"qfmt/gemm/{name}", f"ggml/gemm/{weights.ggml}/", *weights.gemm)
        # No target of its own: how far from what the instruction allows.
        yield Target(f"qfmt/gemm/{name}", VNNI, 0)


def narrow_targets():
    """Integer-only products whose weights have four or two bits. No targets of their own."""
    for bits in (4, 2):
        for sign in ("u8", "s8"):
            yield Target(f"qfmt/1x4096x4096/{sign}_i{bits}/host", READ_SMALL, 0, figure="GB/s")
            yield Target(f"qfmt/1x4096x4096/{sign}_i{bits}/host", f"qfmt/1x4096x4096/{sign}/host", 0)
            yield Target(f"qfmt/512x4096x4096/{sign}_i{bits}/host", VNNI, 0)


def float_targets():
    """The same weights, activations in f32: the rate of reading, and of multiplications and additions."""
    for name in (*(weights.name for weights in WEIGHTS), "f32"):
        read = READ if name in ("int8", "mxfp8", "f32") else READ_SMALL
        yield Target(f"float/gemv/{name}", read, 0, figure="GB/s")
        yield Target(f"float/gemm/{name}", "peak/mulps512+addps512", 0)


def network_targets():
    for name in ("fashion-mnist", "vision-transformer", "minilm-128"):
        yield Target(f"qfmt/{name}", f"onnxruntime/{name}/", 1.2, 2.0, "1/s")


def thread_targets():
    """Two threads against two copies of the loop; found by their names, whatever the case."""
    for size in ("128x768x768", "128x768x3072", "512x4096x4096", "2048x2048x2048"):
        for sign in ("u8", "s8"):
            yield Target(f"qfmt/{size}/{sign}/2threads", f"{VNNI}/2threads", 0.9)
    for sign in ("u8", "s8"):
        yield Target(f"qfmt/1x4096x4096/{sign}/2threads", f"{READ}/2threads", 0.85, figure="GB/s")
    for weights in WEIGHTS:
        if weights.read == NEAR:
            yield Target(f"qfmt/gemv/{weights.name}/2threads", f"{READ}/2threads", 0.85, figure="GB/s")


TARGETS = [
    *product_targets(),
    *convolution_targets(),
    *scaled_targets(),
    *narrow_targets(),
    *float_targets(),
    *network_targets(),
    *thread_targets(),
]


class Figures:
    """Figures of benchmarks by name, figure and repetition."""

    SUFFIXES = ("/process_time", "/real_time")

    def __init__(self, paths):
        self.rates = defaultdict(lambda: defaultdict(dict))
        for path in paths:
            with open(path) as file:
                for run in json.load(file)["benchmarks"]:
                    self.add(run)

    def add(self, run):
        if run["run_type"] != "iteration" or run.get("error_occurred"):
            return
        name = run["run_name"]
        for suffix in self.SUFFIXES:
            name = name.removesuffix(suffix)
        repetition = run.get("repetition_index", 0)
        by_figure = self.rates[name]
        for figure in ("GMAC/s", "GB/s"):
            if figure in run:
                by_figure[figure][repetition] = run[figure]
        by_figure["1/s"][repetition] = 1 / run["cpu_time"]

    def find(self, name, figure):
        """Figures by repetition of the benchmark of that name, or, if it ends in '/', of the best that begins so."""
        names = [other for other in self.rates if other.startswith(name)] if name.endswith("/") else [name]
        found = [(n, self.rates[n][figure]) for n in names if n in self.rates and self.rates[n].get(figure)]
        if not found:
            return name, {}
        return max(found, key=lambda item: statistics.median(item[1].values()))


@dataclass
class Row:
    target: Target
    peer: str
    figure: float
    median: float
    quartile: float
    # What the ratio would be at the peak of the instructions; 0 if that says nothing.
    limit: float

    def reached(self, least):
        return self.median >= least and self.quartile >= QUARTILE * least

    def cells(self):
        def mark(least):
            return f"{least:g} {'yes' if self.reached(least) else 'no'}" if least else ""

        target = self.target
        figure = "" if target.figure == "1/s" else f"{self.figure:.1f} {target.figure}"
        if target.figure == "1/s":
            figure = f"{1 / self.figure:.0f} us"
        ratios = (f"{self.median:.3f}", f"{self.quartile:.3f}")
        limit = f"{self.limit:.2f}" if self.limit else ""
        return [target.case, figure, self.peer, *ratios, mark(target.least), mark(target.stretch), limit]


def lower_quartile(ordered):
    return ordered[len(ordered) // 4]


def find_ratios(rates, others):
    """Of repetitions that both have, in order of size."""
    return sorted(rate / others[i] for i, rate in rates.items() if i in others)


def find_limit(figures, target, theirs):
    """The ratio of the machine's peak to a peer's rate."""
    if target.figure != "GMAC/s" or target.peer.startswith("peak/") or target.case.endswith("/2threads"):
        return 0
    _, peak = figures.find(TILES if TILES in figures.rates else VNNI, "GMAC/s")
    ratios = find_ratios(peak, theirs)
    return statistics.median(ratios) if ratios else 0


def compare(figures, target):
    """None where there are no figures."""
    if not target.applies(figures.rates):
        return None
    _, ours = figures.find(target.case, target.figure)
    peer, theirs = figures.find(target.peer, target.figure)
    ratios = find_ratios(ours, theirs)
    if not ratios:
        return None
    return Row(
        target,
        peer,
        statistics.median(ours.values()),
        statistics.median(ratios),
        lower_quartile(ratios),
        find_limit(figures, target, theirs),
    )


def print_rows(header, rows):
    print(f"| {' | '.join(header)} |")
    print("|" + "---|" * len(header))
    for row in rows:
        print(f"| {' | '.join(row)} |")


def print_all(figures):
    rows = []
    for name, by_figure in figures.rates.items():
        for figure, rates in by_figure.items():
            if figure != "1/s" or len(by_figure) == 1:
                value = statistics.median(rates.values())
                shown = f"{1 / value:.1f} us" if figure == "1/s" else f"{value:.1f} {figure}"
                rows.append([name, shown, str(len(rates))])
    print_rows(["case", "median", "repetitions"], rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("json", nargs="+")
    parser.add_argument("--all", action="store_true", help="also print every figure by itself")
    parser.add_argument("--strict", action="store_true", help="exit status 1 if a target is not reached")
    arguments = parser.parse_args()
    figures = Figures(arguments.json)
    rows, unmeasured = [], Counter()
    for target in TARGETS:
        if row := compare(figures, target):
            rows.append(row)
        elif target.least and target.applies(figures.rates):
            unmeasured[target.peer] += 1
    header = ["case", "ours", "against", "ratio", "lower quartile", "target", "stretch", "at the peak"]
    print_rows(header, [row.cells() for row in rows])
    if unmeasured:
        print(f"\nTargets without figures: {', '.join(f'{n} against {peer}' for peer, n in unmeasured.items())}.")
    if arguments.all:
        print()
        print_all(figures)
    missed = [row for row in rows if row.target.least and not row.reached(row.target.least)]
    return 1 if arguments.strict and missed else 0


if __name__ == "__main__":
    sys.exit(main())
