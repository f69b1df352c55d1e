# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The numbers of lib/Support against ml_dtypes.

qfmt-dump-codes (unittests/Support) prints our code tables and encodes f32 bit
patterns. Compared are the value of every code of every type that ml_dtypes
has, the conversion of every code of at most 8 bits to every such type, and
random f32.

Where ml_dtypes does something else on purpose:
- Overflow. Its 8-bit floats give infinity, or NaN where they have none, which is
  OverflowMode::Infinity here; its 4- and 6-bit floats have neither and saturate, as
  ours do in the same mode.
- Signs of NaN, and NaN converted to a type without NaN (-0 there, +0 here): NaN
  results are compared as NaN, NaN inputs are left out for types without NaN.
- float8_e8m0fnu turns zero and every negative value into NaN; here zero, and what
  rounds to it, becomes the smallest code in every mode (an all-zero block needs a
  scale). And ml_dtypes (0.5.4, 0.6.0) does not round subnormal f32 to nearest:
  6.1e-39 becomes 2^-126 although 2^-127 = 5.9e-39 is nearer. Inputs below 2^-126
  in magnitude are left out for this type; the GoogleTests cover them.
- int2, int4, uint2 and uint4 take floats like C casts: truncation and wrapping.
"""

import os
import subprocess
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

BUILD = Path(os.environ.get("QFMT_BUILD_DIR", Path(__file__).parents[2] / "build"))

FLOATS = {
    "f4E2M1FN": ml_dtypes.float4_e2m1fn,
    "f6E2M3FN": ml_dtypes.float6_e2m3fn,
    "f6E3M2FN": ml_dtypes.float6_e3m2fn,
    "f8E3M4": ml_dtypes.float8_e3m4,
    "f8E4M3": ml_dtypes.float8_e4m3,
    "f8E4M3FN": ml_dtypes.float8_e4m3fn,
    "f8E4M3FNUZ": ml_dtypes.float8_e4m3fnuz,
    "f8E4M3B11FNUZ": ml_dtypes.float8_e4m3b11fnuz,
    "f8E5M2": ml_dtypes.float8_e5m2,
    "f8E5M2FNUZ": ml_dtypes.float8_e5m2fnuz,
    "f8E8M0FNU": ml_dtypes.float8_e8m0fnu,
}
WIDE_FLOATS = {"f16": np.float16, "bf16": ml_dtypes.bfloat16}
INTEGERS = {
    "i2": ml_dtypes.int2,
    "i4": ml_dtypes.int4,
    "i8": np.int8,
    "ui2": ml_dtypes.uint2,
    "ui4": ml_dtypes.uint4,
    "ui8": np.uint8,
}
WITHOUT_NAN = {"f4E2M1FN", "f6E2M3FN", "f6E3M2FN"}


def run_dump_codes(*arguments, stdin=""):
    return subprocess.run(
        [BUILD / "bin" / "qfmt-dump-codes", *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        check=True,
    ).stdout


@pytest.fixture(scope="module")
def tables():
    """name -> float32 value of each code; every value is exact in f32."""
    result = {}
    for line in run_dump_codes().splitlines():
        name, code, value = line.split()
        result.setdefault(name, []).append(float.fromhex(value))
        assert len(result[name]) == int(code) + 1
    for name, values in result.items():
        exact = np.array(values, dtype=np.float64)
        with np.errstate(invalid="ignore"):
            result[name] = exact.astype(np.float32)
        assert same(result[name].astype(np.float64), exact).all(), name
    return result


def same(a, b):
    """Equal, NaN equal to NaN, -0 different from +0."""
    return (np.isnan(a) & np.isnan(b)) | ((a == b) & (np.signbit(a) == np.signbit(b)))


def encode(values, names, rounding, overflow):
    """Our codes, one column a format."""
    bits = values.view(np.uint32)
    text = run_dump_codes(
        "--encode", rounding, overflow, *names, stdin="\n".join(f"{b:08x}" for b in bits)
    )
    return np.array([line.split() for line in text.splitlines()], dtype=np.uint64)


def every_code(dtype, width):
    storage = np.uint8 if width <= 8 else np.uint16
    codes = np.arange(2**width).astype(storage)
    # int2 and int4 are stored sign-extended in a byte.
    if np.dtype(dtype) in (np.dtype(ml_dtypes.int4), np.dtype(ml_dtypes.int2)):
        half = 2 ** (width - 1)
        codes = (codes.astype(np.int16) - (codes >= half) * 2 * half).astype(np.int8)
    return codes.view(dtype)


@pytest.mark.parametrize("name", list(FLOATS) + list(INTEGERS))
def test_every_code_has_the_same_value(tables, name):
    dtype = {**FLOATS, **INTEGERS}[name]
    ours = tables[name]
    theirs = every_code(dtype, int(np.log2(len(ours)))).astype(np.float32)
    wrong = ~same(ours, theirs)
    assert not wrong.any(), (np.flatnonzero(wrong), ours[wrong], theirs[wrong])


def check_floats(values, names, decoded):
    codes = encode(values, names, "half-even", "infinity")
    for column, name in enumerate(names):
        dtype = {**FLOATS, **WIDE_FLOATS}[name]
        keep = np.ones(len(values), dtype=bool)
        if name in WITHOUT_NAN:
            keep &= ~np.isnan(values)
        if name == "f8E8M0FNU":
            keep &= ~(np.abs(values) < 2.0**-126)
        assert keep.sum() > 0.9 * len(values)
        with np.errstate(over="ignore", invalid="ignore"):
            theirs = values.astype(dtype).astype(np.float32)
        ours = decoded(name, codes[:, column])
        wrong = keep & ~same(ours, theirs)
        assert not wrong.any(), (name, values[wrong][:9], ours[wrong][:9], theirs[wrong][:9])


def check_integers(values, names, tables):
    # A C cast of NaN, infinity or anything beyond the intermediate int is undefined.
    values = values[np.isfinite(values) & (np.abs(values) < 2**31)]
    codes = encode(values, names, "toward-zero", "wrap")
    for column, name in enumerate(names):
        theirs = values.astype(np.int64).astype(INTEGERS[name]).astype(np.float32)
        ours = tables[name][codes[:, column]]
        wrong = ours != theirs
        assert not wrong.any(), (name, values[wrong][:9], ours[wrong][:9], theirs[wrong][:9])


def test_conversion_of_every_code_to_every_type(tables):
    # All sources at once: conversion sees the value only.
    values = np.unique(np.concatenate(list(tables.values())))
    values = np.concatenate([values, np.float32([-0.0])])
    assert len(values) > 1000
    check_floats(values, list(FLOATS), lambda name, codes: tables[name][codes])
    check_integers(values, list(INTEGERS), tables)


def hard_floats(count):
    """Random f32 bit patterns, and short mantissas near the formats' ranges so
    that ties, subnormals and overflow are frequent."""
    random = np.random.default_rng(5)
    bits = random.integers(0, 2**32, count, dtype=np.uint32)
    short = bits & np.uint32(0xFFFF0000)
    near = random.integers(127 - 28, 127 + 20, count).astype(np.uint32) << 23
    mixed = (bits & np.uint32(0x807F8000)) | near
    ulp_off = mixed + random.integers(0, 2, count).astype(np.uint32)
    return np.concatenate([bits, short, mixed, ulp_off, ulp_off - 1]).view(np.float32)


def test_random_floats(tables):
    values = hard_floats(20000)
    check_floats(values, list(FLOATS), lambda name, codes: tables[name][codes])
    check_integers(values, list(INTEGERS), tables)
    check_floats(
        values,
        list(WIDE_FLOATS),
        lambda name, codes: codes.astype(np.uint16).view(WIDE_FLOATS[name]).astype(np.float32),
    )


def test_unknown_format_is_refused():
    with pytest.raises(subprocess.CalledProcessError) as error:
        run_dump_codes("--encode", "half-even", "saturate", "f7")
    assert "unknown format 'f7'" in error.value.stderr
