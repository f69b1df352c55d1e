# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs MLIR files for the tests: with a stock mlir-opt, and with qfmt-run."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from qfmt.errors import UserError
from qfmt.tools import find_tool, run_tool


def stock_mlir_opt(path: Path, *options: str) -> str:
    """The file as LLVM's own mlir-opt prints it; it verifies the module too."""
    tool = shutil.which("mlir-opt-22") or "/usr/lib/llvm-22/bin/mlir-opt"
    done = subprocess.run(
        # qfmt.name is an attribute of a dialect that mlir-opt does not know.
        [tool, "--allow-unregistered-dialect", *options, str(path)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def run_text(tmp_path: Path, text: str, inputs, count: int, engine: str = "jit", passes=()) -> list[np.ndarray]:
    """The results of @main of `text` after `passes`."""
    source = tmp_path / "main.mlir"
    source.write_text(text)
    if passes:
        source.write_bytes(run_tool("qfmt-opt", source, *passes))
    return run_mlir(source, inputs, count, f"--engine={engine}")


def run_mlir(path: Path, inputs: list[np.ndarray], count: int, *options: str) -> list[np.ndarray]:
    """The `count` results of @main on `inputs`; skips if qfmt-run is not built."""
    try:
        find_tool("qfmt-run")
    except UserError as error:
        pytest.skip(str(error))
    files = []
    for index, value in enumerate(inputs):
        files.append(path.parent / f"in{index}.npy")
        np.save(files[-1], value)
    results = [path.parent / f"out{index}.npy" for index in range(count)]
    run_tool(
        "qfmt-run",
        path,
        "--entry=main",
        *options,
        *(["--inputs=" + ",".join(map(str, files))] if files else []),
        "--outputs=" + ",".join(map(str, results)),
    )
    return [np.load(result) for result in results]
