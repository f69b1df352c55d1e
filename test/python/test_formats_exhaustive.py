# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Every number format, every code, every rounding step: compiled code, the reference evaluator, and ml_dtypes.

qfmt-check-formats (unittests/Transforms) compares compiled code with the reference evaluator for all formats of at most 10
bits and the named ones of at most 16, and some codes of others; with QFMT_FULL=1 for all codes of all formats. Here its
processes are started, one a processor, and what it says it did is checked. Then compiled code is compared with ml_dtypes.
"""

import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from test_format_lowering import Module, every_boundary, run, to_codes, width
from test_numerics import FLOATS, INTEGERS, WIDE_FLOATS, WITHOUT_NAN, every_code, same

BUILD = Path(os.environ.get("QFMT_BUILD_DIR", Path(__file__).parents[2] / "build"))
# What the default run does; fewer would mean that formats or points got lost.
MIN_FORMATS, MIN_FUNCTIONS, MIN_ENCODED, MIN_DECODED = 600, 20000, 40_000_000, 2_000_000
CHECK = BUILD / "bin" / "qfmt-check-formats"
FULL = os.environ.get("QFMT_FULL", "0") not in ("", "0")
SUMMARY = re.compile(
    r"(\d+) formats \((\d+) spellings refused\), (\d+) functions, (\d+) reals encoded, (\d+) codes decoded, "
    r"(\d+) modules failed, (\d+) differences\n$"
)


def check_formats(*arguments: str) -> tuple[int, ...]:
    done = subprocess.run([CHECK, *arguments], capture_output=True, text=True)
    match = SUMMARY.search(done.stdout)
    assert match, (done.stdout[-2000:], done.stderr[-2000:])
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    return tuple(map(int, match.groups()))


def test_every_code_and_step():
    shards = os.cpu_count() or 1
    options = ["--full"] if FULL else []
    with ThreadPoolExecutor(shards) as pool:
        results = list(pool.map(lambda i: check_formats(*options, f"--shard={i}", f"--shards={shards}"), range(shards)))
    formats, functions, encoded, decoded, failed, differences = (
        sum(column) for i, column in enumerate(zip(*results)) if i != 1
    )
    print(f"{formats} formats, {functions} functions, {encoded} reals encoded, {decoded} codes decoded")
    assert failed == 0 and differences == 0
    assert formats >= MIN_FORMATS and functions >= MIN_FUNCTIONS
    assert encoded >= MIN_ENCODED and decoded >= MIN_DECODED


def test_a_type_that_is_no_format():
    done = subprocess.run([CHECK, "!qfmt.float<9, 1>"], capture_output=True, text=True)
    assert done.returncode == 1 and "not a number format" in done.stderr


@pytest.fixture(scope="module")
def boundaries(tmp_path_factory):
    return every_boundary(tmp_path_factory.mktemp("boundaries"), list(FLOATS) + list(INTEGERS))


def test_compiled_decoding_is_that_of_ml_dtypes(tmp_path):
    module, inputs = Module(), []
    dtypes = {**FLOATS, **WIDE_FLOATS, **INTEGERS}
    for i, name in enumerate(dtypes):
        n = 2 ** width(name)
        kind = f"tensor<{n}xf32, #qfmt.scaled<{name}>>"
        module.arguments[f"q{i}"] = kind
        module.add(f"qfmt.dequantize %q{i} : {kind} to tensor<{n}xf32>", f"tensor<{n}xf32>", name)
        inputs.append(to_codes(np.arange(n), name))
    found = run(tmp_path, module, inputs, len(inputs), "jit")
    for (name, dtype), values in zip(dtypes.items(), found):
        theirs = every_code(dtype, width(name)).astype(np.float32)
        wrong = ~same(values, theirs)
        assert not wrong.any(), (name, np.flatnonzero(wrong), values[wrong], theirs[wrong])


def test_compiled_encoding_is_that_of_ml_dtypes(tmp_path, boundaries):
    """Half to even, overflow to infinity; test_numerics.py says where ml_dtypes does something else."""
    plain = f"tensor<{len(boundaries)}xf32>"
    module = Module(x=plain)
    dtypes = {**FLOATS, **WIDE_FLOATS}
    for i, name in enumerate(dtypes):
        encoded = f"tensor<{len(boundaries)}xf32, #qfmt.scaled<{name}>>"
        module.lines.append(f"  %q{i} = qfmt.quantize %x overflow = infinity nan = propagate : {plain} to {encoded}")
        module.add(f"qfmt.dequantize %q{i} : {encoded} to {plain}", plain, name)
    found = run(tmp_path, module, [boundaries], len(dtypes), "jit")
    for (name, dtype), values in zip(dtypes.items(), found):
        keep = np.ones(len(boundaries), dtype=bool)
        if name in WITHOUT_NAN:
            keep &= ~np.isnan(boundaries)
        if name == "f8E8M0FNU":
            keep &= ~(np.abs(boundaries) < 2.0**-126) & ~(boundaries < 0)
        assert keep.sum() > 0.4 * len(boundaries)
        with np.errstate(over="ignore", invalid="ignore"):
            theirs = boundaries.astype(dtype).astype(np.float32)
        wrong = keep & ~same(values, theirs)
        assert not wrong.any(), (name, boundaries[wrong][:9], values[wrong][:9], theirs[wrong][:9])
