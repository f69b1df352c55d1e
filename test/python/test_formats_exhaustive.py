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
from test_format_lowering import ROUNDINGS, Module, check, every_boundary, run, to_codes, width
from test_numerics import FLOATS, INTEGERS, WIDE_FLOATS, WITHOUT_NAN, every_code, same

BUILD = Path(os.environ.get("QFMT_BUILD_DIR", Path(__file__).parents[2] / "build"))
# What the default run does; fewer would mean that formats or points got lost.
MIN_FORMATS, MIN_FUNCTIONS, MIN_ENCODED, MIN_DECODED = 690, 12_000, 50_000_000, 1_300_000
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
    processors = os.cpu_count() or 1
    # Some take longer than others.
    shards = 4 * processors
    options = ["--full"] if FULL else []
    with ThreadPoolExecutor(processors) as pool:
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


ALL_ROUNDINGS = [*ROUNDINGS, "half_down", "half_toward_zero"]
OVERFLOWS = ["saturate", "infinity", "zero", "saturate_symmetric"]


@pytest.mark.parametrize("number_format", [
    "i4", "ui8", "!qfmt.int<i8, -127, 127>", "!qfmt.int<ui4, 0, 14>", "!qfmt.ternary"])  # fmt: skip
def test_zero_points(tmp_path, number_format):
    """Added before rounding by convert, after it by quantize. The reals next to a half are where a sum may round twice."""
    halves = np.arange(-20, 20, 0.5, dtype=np.float32)
    huge = np.array([np.inf, -np.inf, np.nan, 1e30, -1e30, 1e-40, -1e-40], np.float32)
    around = [np.nextafter(halves, np.float32(99)), np.nextafter(halves, np.float32(-99)), np.arange(-300, 300, 0.25)]
    values = np.concatenate([*around, huge]).astype(np.float32)
    plain = f"tensor<{len(values)}xf32>"
    source = plain[:-1] + ", #qfmt.scaled<f32>>"
    module = Module(q=source, x=plain)
    for suffix in ["", ", zero_point = 1", ", scale = 0.3, zero_point = 1"]:
        target = plain[:-1] + f", #qfmt.scaled<{number_format}{suffix}>>"
        # An exact quotient by 0.3 has more bits than f64; without saturation all count.
        wraps = number_format in ("i4", "ui8") and "0.3" not in suffix
        for rounding in ALL_ROUNDINGS:
            for overflow in OVERFLOWS + ["wrap"] * wraps:
                modes = f"rounding = {rounding} overflow = {overflow}"
                module.add(f"qfmt.convert %q {modes} : {source} to {target}", target, f"convert {target} {modes}")
                module.add(f"qfmt.quantize %x {modes} : {plain} to {target}", target, f"quantize {target} {modes}")
    check(tmp_path, module, [values, values])


@pytest.mark.parametrize("number_format", [
    "!qfmt.codebook<[-1.0, -0.25, 0.0, 0.25, 1.0]>", "!qfmt.codebook<[-3.0, -1.0, 1.0, 3.0]>", "!qfmt.power<4, 0.5>",
    "!qfmt.khot<6, 2>", "!qfmt.fixed<8, 4>", "!qfmt.fixed<5, 7>", "!qfmt.float<2, 1, negative_zero = 5.0>",
    "!qfmt.float<4, 3, no_subnormals>", "!qfmt.ternary", "!qfmt.float<8, 3, bias = 130, specials = ieee>"])  # fmt: skip
def test_convert_to_every_kind(tmp_path, number_format):
    """The quotient of exact values is rounded once, and on the right side of every step."""
    source = "tensor<256xf32, #qfmt.scaled<i8, scale = 0.3>>"
    module, counts = Module(q=source), []
    for suffix, parts in [("", 1), (", scale = 0.7", 1), (", scale = 0.5", 1), (", block = [16], scale = f32", 2)]:
        target = f"tensor<256xf32, #qfmt.scaled<{number_format}{suffix}>>"
        wraps = "fixed" in number_format and "block" not in suffix
        for rounding in ALL_ROUNDINGS:
            for overflow in OVERFLOWS + ["wrap"] * wraps:
                modes = f"rounding = {rounding} overflow = {overflow}"
                module.add(f"qfmt.convert %q {modes} : {source} to {target}", target, f"{target} {modes}")
                counts.append(parts)
    check(tmp_path, module, [np.arange(-128, 128).astype(np.int8)], counts)


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
