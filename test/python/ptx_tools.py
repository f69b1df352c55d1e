# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What ptxas says of kernels, for the tests that make PTX."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

PTXAS = shutil.which("ptxas") or shutil.which("ptxas", path="/usr/local/cuda/bin")
CHIPS = ["sm_80", "sm_90", "sm_90a"]


def check_assembled(ptx: str, chip: str, folder: Path):
    """Made for `chip`; nothing is spilled or emulated by a function, and no wgmma waits for the one before it (C7510, C7514)."""
    assert f".target {chip}\n" in ptx
    if PTXAS is None:
        pytest.skip("there is no ptxas")
    source, code = folder / "kernel.ptx", folder / "kernel.cubin"
    source.write_text(ptx)
    done = subprocess.run([PTXAS, f"-arch={chip}", "-v", source, "-o", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    spills = re.findall(r"(\d+) bytes spill stores, (\d+) bytes spill loads", done.stderr)
    assert len(spills) >= ptx.count(".visible .entry") > 0, done.stderr
    assert set(spills) == {("0", "0")}, done.stderr
    assert not re.search(r"warning|C75\d\d|serializ", done.stderr, re.IGNORECASE), done.stderr
    assert b"__cuda_sm" not in code.read_bytes()
