#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What it takes to compile a network: MiniLM-L6 for 128 words, stage by stage.

From the imported network, calibrated on the sentences of examples/sentence-encoder, to an object file of integer-only
code. Calibration runs the network and is no part of compilation; it has a row of its own and is not in the sum. Printed
are seconds that pass, seconds of CPU time and the largest resident memory of each stage's process; the slowest passes
of the last stage follow if `--passes` says how many. Writes the same as Google Benchmark does with --json.

    python benchmark/compile_time.py --json compile.json
"""

import argparse
import json
import multiprocessing
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "python")]
sys.path[:0] = [str(ROOT / "examples" / name) for name in ("sentence-encoder", "shared")]

from channels import save  # noqa: E402
from qfmt.pipeline import pass_with  # noqa: E402
from qfmt.tools import find_tool  # noqa: E402

# What the sum must not exceed on two cores.
SECONDS, MEGABYTES = 60, 2000
FORMATS = {"weights": "i8", "activations": "i8", "wide_activations": "i16"}
INTEGERIZE = ["qfmt-integerize", "canonicalize", "cse", pass_with("qfmt-verify-level", level="integer")]


@dataclass
class Stage:
    name: str
    wall: float
    cpu: float
    megabytes: float
    counts: bool = True


def run(name, command, counts=True):
    """Runs a command to its end."""
    with tempfile.TemporaryFile() as said:
        begin = time.perf_counter()
        process = subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL, stderr=said)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            said.seek(0)
            sys.exit(f"error: {name} failed with exit status {process.returncode}: {said.read().decode()}")
    seconds = time.perf_counter() - begin
    # Linux counts resident memory in KiB.
    return Stage(name, seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, counts)


def prepare(tokens, real, calibration):
    """Writes the network at level real, and calibration data. In a process of its own: a child's largest memory counts
    that of its parent when it began."""
    from model import Model

    model = Model()
    real.write_bytes(model.at_level_real(tokens))
    save(model.calibration_data(tokens), calibration)


def optimize(source, passes, result):
    """The command that runs passes on a module."""
    return [
        find_tool("qfmt-opt"),
        source,
        "--mlir-print-op-on-diagnostic=false",
        f"--pass-pipeline=builtin.module({','.join(passes)})",
        "--emit-bytecode",
        "-o",
        result,
    ]


def compile_stages(real, calibration, folder):
    """The stages from a module at level real to an object."""
    files = {name: folder / f"{name}.mlirbc" for name in ("observed", "annotated", "encoded", "integer")}
    smooth = pass_with("qfmt-smooth-quant", alpha=0.8, moments=folder / "moments.npz")
    observe = ["qfmt-erase-unused-results", "qfmt-fold-batch-norm", "qfmt-insert-observers"]
    annotate = pass_with("qfmt-annotate", data=calibration)
    moments = pass_with("qfmt-annotate", data=calibration, moments=folder / "moments.npz")
    plain, smoothed = folder / "plain.mlirbc", folder / "smoothed.mlirbc"
    yield run("calibration for SmoothQuant", optimize(real, [*observe, moments], plain), counts=False)
    yield run("qfmt-smooth-quant", optimize(real, [smooth], smoothed))
    yield run("observers", optimize(smoothed, observe, files["observed"]))
    yield run("calibration", optimize(files["observed"], [annotate], files["annotated"]), counts=False)
    quantize = [pass_with("qfmt-quantize", **FORMATS), "qfmt-encode-constants"]
    yield run("qfmt-quantize", optimize(files["annotated"], quantize, files["encoded"]))
    yield run("qfmt-integerize", optimize(files["encoded"], INTEGERIZE, files["integer"]))
    emit = [find_tool("qfmt-run"), files["integer"], "--emit=object", "-o", folder / "network.o"]
    yield run("code generation", emit)


def slowest_passes(module, count):
    """(seconds, name) of passes between the integer level and the LLVM dialect."""
    command = [find_tool("qfmt-opt"), module, "--qfmt-compile", "--mlir-timing", "--mlir-timing-display=list", "-o", os.devnull]
    said = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True).stderr
    rows = re.findall(r"^.*?([\d.]+) \([ \d.]+%\)  (\w+)$", said, re.MULTILINE)
    return [(float(seconds), name) for seconds, name in rows if name not in ("root", "Total")][:count]


def print_table(stages):
    rows = [(s.name if s.counts else f"({s.name})", s.wall, s.cpu, s.megabytes) for s in stages]
    counted = [s for s in stages if s.counts]
    largest = max(s.megabytes for s in counted)
    rows.append(("sum, largest memory", sum(s.wall for s in counted), sum(s.cpu for s in counted), largest))
    print("| stage | s | s of CPU | MB |\n|---|---|---|---|")
    for name, wall, cpu, megabytes in rows:
        print(f"| {name} | {wall:.1f} | {cpu:.1f} | {megabytes:.0f} |")
    print(f"| at most | {SECONDS} | | {MEGABYTES} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="also write the figures here")
    parser.add_argument("--tokens", type=int, default=128)
    parser.add_argument("--passes", type=int, default=0, help="print this many passes of code generation")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as path:
        folder = Path(path)
        real, calibration = folder / "real.mlirbc", folder / "data.npz"
        preparing = multiprocessing.get_context("spawn").Process(
            target=prepare, args=(arguments.tokens, real, calibration)
        )
        preparing.start()
        preparing.join()
        if preparing.exitcode != 0:
            sys.exit("error: the network could not be imported")
        stages = list(compile_stages(real, calibration, folder))
        passes = slowest_passes(folder / "integer.mlirbc", arguments.passes)
    print_table(stages)
    for seconds, name in passes:
        print(f"{seconds:8.2f} s  {name}")
    if arguments.json:
        benchmarks = [
            {
                "name": f"compile/{s.name}",
                "run_name": f"compile/{s.name}",
                "run_type": "iteration",
                "repetition_index": 0,
                "iterations": 1,
                "real_time": s.wall,
                "cpu_time": s.cpu,
                "time_unit": "s",
                "MB": s.megabytes,
            }
            for s in stages
        ]
        arguments.json.write_text(json.dumps({"context": {}, "benchmarks": benchmarks}, indent=1) + "\n")


if __name__ == "__main__":
    main()
