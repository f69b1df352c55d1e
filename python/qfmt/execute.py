# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs functions of MLIR modules on numpy arrays through qfmt-run."""

import json
import re
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
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
    # What the bytes hold, if they are packed codes (qfmt.packing): format, shape.
    packed: tuple[str, tuple[int, ...]] | None = None


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
            Buffer(
                b["name"],
                np.dtype(b["dtype"]),
                tuple(b["shape"]),
                (b["packed"]["format"], tuple(b["packed"]["shape"]))
                if "packed" in b
                else None,
            )
            for b in described[key]
        ]

    return Signature(buffers("inputs"), buffers("outputs"))


def run(
    module: Path,
    entry: str,
    inputs: list[np.ndarray],
    *,
    engine: str = "jit",
    progress: str | None = None,
    threads: int | str = 1,
    options: Sequence[str] = (),
) -> tuple[list[np.ndarray], float]:
    """Calls `entry` once for every index of the inputs' first axis.

    The inputs are arrays [samples, shape of the argument] of the argument's
    dtype. Returns the results, stacked alike, and the median milliseconds of a
    call. `progress` is the label of a progress bar on a terminal's stderr. Loops of
    compiled code are divided among up to `threads` threads, or with "auto" as many as
    there are processors; results do not change.
    `options` are more options of qfmt-run, such as -O=0.
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
            f"--time-json={times}",
            *([f"--threads={threads}"] if threads != 1 else []),
            *options,
        ]
        # An empty list would be one empty name.
        if ins:
            command.append(f"--inputs={','.join(map(str, ins))}")
        if outs:
            command.append(f"--outputs={','.join(map(str, outs))}")
        if progress and inputs:
            done = run_with_bar(command + ["--progress"], progress, len(inputs[0]))
        else:
            done = subprocess.run(command, capture_output=True, check=False)
        if done.returncode != 0:
            raise UserError(failure_text("qfmt-run", done))
        results = [np.load(path) for path in outs]
        return results, json.loads(times.read_text())["ms_per_call"]


def run_with_bar(
    command: list[str], label: str, samples: int
) -> subprocess.CompletedProcess:
    """Runs qfmt-run --progress, whose `done/total` lines become a progress bar.

    What else it writes to stderr is kept for its diagnostics.
    """
    from tqdm import tqdm

    said = []
    # disable=None: no bar where stderr is no terminal.
    with (
        subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, bufsize=0
        ) as process,
        tqdm(total=samples, desc=label, unit="image", disable=None) as bar,
    ):
        # Progress lines end in a carriage return, not in a new line.
        for text in read_pieces(process.stderr):
            if found := re.fullmatch(rb"(\d+)/\d+", text.strip()):
                bar.update(int(found.group(1)) - bar.n)
            else:
                said.append(text)
    return subprocess.CompletedProcess(
        command, process.returncode, b"", b"".join(said)
    )


def read_pieces(stream) -> Iterator[bytes]:
    """What a stream gives, cut after every carriage return and new line."""
    rest = b""
    while chunk := stream.read(4096):
        *pieces, rest = re.split(rb"(?<=[\r\n])", rest + chunk)
        yield from pieces
    if rest:
        yield rest
