# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs functions of MLIR modules on numpy arrays through qfmt-run."""

import json
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from qfmt.errors import UserError
from qfmt.tools import failure_text, find_tool, run_tool


@dataclass
class Buffer:
    """One array that a function takes or returns."""

    name: str
    dtype: np.dtype
    shape: tuple[int, ...]


@dataclass
class Signature:
    """The arrays of a function; an encoded tensor counts as its constituents."""

    inputs: list[Buffer]
    outputs: list[Buffer]


def read_signature(module: Path, entry: str) -> Signature:
    """UserError if the module has no such function."""
    text = run_tool("qfmt-run", module, f"--entry={entry}", "--print-signature")
    described = json.loads(text)

    def buffers(key: str) -> list[Buffer]:
        return [
            Buffer(b["name"], np.dtype(b["dtype"]), tuple(b["shape"]))
            for b in described[key]
        ]

    return Signature(buffers("inputs"), buffers("outputs"))


def run(
    module: Path,
    entry: str,
    inputs: list[np.ndarray],
    *,
    engine: str = "jit",
    progress: bool = False,
) -> tuple[list[np.ndarray], float]:
    """Calls `entry` once for every index of the inputs' first axis.

    The inputs are arrays [samples, shape of the argument] of the argument's
    dtype. Returns the results, stacked alike, and the median milliseconds of a
    call.
    """
    signature = read_signature(module, entry)
    with tempfile.TemporaryDirectory() as folder:
        ins = [Path(folder) / f"in{i}.npy" for i in range(len(inputs))]
        outs = [Path(folder) / f"out{i}.npy" for i in range(len(signature.outputs))]
        times = Path(folder) / "time.json"
        for path, array in zip(ins, inputs):
            np.save(path, np.ascontiguousarray(array))
        command = [
            str(find_tool("qfmt-run")),
            str(module),
            f"--entry={entry}",
            f"--engine={engine}",
            "--samples",
            f"--inputs={','.join(map(str, ins))}",
            f"--outputs={','.join(map(str, outs))}",
            f"--time-json={times}",
        ]
        if progress:
            # Progress goes to stderr as it happens; so do diagnostics.
            done = subprocess.run(
                command + ["--progress"], stdout=subprocess.DEVNULL, check=False
            )
            if done.returncode != 0:
                raise UserError(f"qfmt-run failed with status {done.returncode}")
        else:
            done = subprocess.run(command, capture_output=True, check=False)
            if done.returncode != 0:
                raise UserError(failure_text("qfmt-run", done))
        results = [np.load(path) for path in outs]
        return results, json.loads(times.read_text())["ms_per_call"]
