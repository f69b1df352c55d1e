# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Weights that are mapped from bytecode stream through quantization: memory stays near their size."""

import os
import subprocess
from pathlib import Path

import pytest

from qfmt.tools import find_tool

# 256 MiB, and 1 GiB with check.sh --full.
COUNT = 64 if os.environ.get("QFMT_FULL") else 16
ROWS, COLUMNS = 2048, 2048
FLOAT_BYTES = COUNT * ROWS * COLUMNS * 4


def peak_memory(command: list[str | Path]) -> int:
    """Bytes of resident memory at most, mapped files included."""
    process = subprocess.Popen(list(map(str, command)), stderr=subprocess.PIPE)
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, errors.decode()
    return usage.ru_maxrss * 1024


@pytest.fixture(scope="module")
def network(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "network.mlirbc"
    subprocess.run(
        [find_tool("qfmt-make-weights"), f"--count={COUNT}", f"--rows={ROWS}", f"--columns={COLUMNS}", "-o", path],
        check=True,
    )
    assert path.stat().st_size > FLOAT_BYTES
    yield path
    path.unlink()


def test_weights_stream(network, tmp_path):
    quantized = tmp_path / "quantized.mlirbc"
    command = [
        find_tool("qfmt-opt"), network, "--qfmt-quantize-weights=format=int8", "--qfmt-encode-constants",
        "--emit-bytecode", "-o", quantized,
    ]  # fmt: skip
    peak = peak_memory(command)
    # One byte and a 2048th of 4 for an element.
    size = quantized.stat().st_size
    assert FLOAT_BYTES / 4 < size < FLOAT_BYTES / 4 * 1.01
    # What an empty module takes counts, but would drown out small weights.
    empty = tmp_path / "empty.mlir"
    empty.write_text("module {}")
    base = peak_memory([find_tool("qfmt-opt"), empty, "-o", os.devnull])
    print(f"peak {peak / FLOAT_BYTES:.2f} of the f32 bytes; the tool alone {base / 2**20:.0f} MiB")
    assert peak - (0 if FLOAT_BYTES >= 2**30 else base) <= 2.2 * FLOAT_BYTES
