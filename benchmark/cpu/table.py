#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Ratios of qfmt-benchmark-cpu's JSON: each product against the peak of the instruction that it uses, and against oneDNN.

With --benchmark_repetitions=N --benchmark_enable_random_interleaving=true each repetition runs every benchmark once, so that the ratio
of two is taken within a repetition. Printed are the median and the lower quartile of the N ratios.
"""

import argparse
import collections
import json
import statistics

PEAKS = {"host": "peak/vpdpbusd512", "avx2": "peak/vpmaddwd256"}


def read_rates(path):
    """GMAC/s by benchmark and repetition."""
    rates = collections.defaultdict(dict)
    with open(path) as file:
        for run in json.load(file)["benchmarks"]:
            if run["run_type"] == "iteration" and not run.get("error_occurred"):
                name = run["run_name"].removesuffix("/process_time")
                rates[name][run.get("repetition_index", 0)] = run["GMAC/s"]
    return rates


def compare(rates, name, other):
    """Median and lower quartile of name / other, or dashes."""
    ratios = sorted(rate / rates[other][i] for i, rate in rates[name].items() if i in rates.get(other, {}))
    if not ratios:
        return "-", "-"
    quartile = ratios[len(ratios) // 4]
    return f"{statistics.median(ratios):.3f}", f"{quartile:.3f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("json")
    rates = read_rates(parser.parse_args().json)
    print("| product | GMAC/s | of the peak | lower quartile | to oneDNN | lower quartile |")
    print("|---|---|---|---|---|---|")
    for name, by_repetition in rates.items():
        median = statistics.median(by_repetition.values())
        kind, *parts = name.split("/")
        if kind == "peak":
            print(f"| {name} | {median:.1f} | | | | |")
        if kind != "qfmt":
            continue
        size, sign, target = parts
        peak = compare(rates, name, PEAKS[target])
        peer = compare(rates, name, f"onednn/{size}/{sign}") if target == "host" else ("", "")
        print(f"| {size} {sign} {target} | {median:.1f} | {peak[0]} | {peak[1]} | {peer[0]} | {peer[1]} |")


if __name__ == "__main__":
    main()
