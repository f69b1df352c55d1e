# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A network before and after rewrites of its channels, and what calibration says of it.

Input:  a module at level real and calibration data.
Output: Calibrated, and another of it for each rewrite.
Errors: qfmt's UserError, with the diagnostics of the tools.
"""

import subprocess
import tempfile
from functools import cached_property
from pathlib import Path

import numpy as np
from qfmt import pipeline
from qfmt.errors import UserError
from qfmt.tools import failure_text, find_tool


class Calibrated:
    """Calibration runs when something is asked for that it finds."""

    def __init__(self, real: bytes, data: Path, folder: str | Path):
        """`data`: an .npz file as qfmt-annotate reads it; `folder` gets files."""
        self.real, self.data = real, data
        self.folder = Path(tempfile.mkdtemp(dir=folder))

    @cached_property
    def observed(self) -> bytes:
        """The network at level observed, with statistics."""
        return pipeline.annotate(pipeline.observe(self.real), self.data, self._moments)

    @property
    def moments(self) -> Path:
        """Statistics of what its layers read."""
        _ = self.observed
        return self._moments

    @property
    def _moments(self) -> Path:
        return self.folder / "moments.npz"

    def rewritten(self, rewrite: str, **options: object) -> "Calibrated":
        """The same function with other channels: of the pass its name and options."""
        done = pipeline.run_passes(self.real, [pipeline.pass_with(rewrite, **options)])
        return Calibrated(done, self.data, self.folder)


def save(data: dict[str, np.ndarray], path: Path) -> Path:
    """One array an argument, by its name, samples along the first axis."""
    np.savez(path, **data)
    return path


def with_remarks(module: bytes, *passes: str) -> tuple[bytes, list[str]]:
    """What the passes make of the module, and what they say about it, line by line."""
    command = [str(find_tool("qfmt-opt")), "-", "--emit-bytecode"]
    command += ["--mlir-print-op-on-diagnostic=false"]
    command += [f"--pass-pipeline=builtin.module({','.join(passes)})"]
    done = subprocess.run(command, input=module, capture_output=True)
    if done.returncode != 0:
        raise UserError(failure_text("qfmt-opt", done))
    said = done.stderr.decode().splitlines()
    return done.stdout, [line.partition("remark: ")[2] for line in said if "remark: " in line]
