# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""math on bf16 and smaller floats: compiled for CPUs with and without conversions of bf16, for the simulated GPU, and the reference evaluator.

All codes; operations that are exact or rounded once are compared bit for bit, signs of zeros too, and NaNs as NaNs.
"""

import numpy as np
import pytest
from run_tools import run_mlir
from test_float_casts import SMALL, TYPES, assert_same, codes, decode

ENGINES = [["--engine=jit"], ["--engine=jit", "--mcpu=haswell"], ["--gpu=sim"]]
UNARY = ["absf", "sqrt", "floor", "ceil", "trunc", "round", "roundeven"]
# Factor and addend: a product by 1 + 2^-7 is a tie of bf16 now and then, one by 1.25 of smaller floats.
CONSTANTS = [(1.0, 0.0), (1.0078125, "tiny"), (1.0078125, "-tiny"), (1.25, "tiny"), (-1.25, "-tiny"), (3.0, "inf")]


def storage(kind: str) -> type:
    return np.uint16 if kind == "bf16" else np.uint8


def encode(value, kind: str, count: int) -> np.ndarray:
    """A number, the smallest one or the largest one of `kind`, `count` times."""
    numbers = decode(codes(kind), kind)
    if value == "inf":
        value = numbers[~np.isnan(numbers)].max()
    elif isinstance(value, str):
        value = numbers[numbers > 0].min() * (-1 if value[0] == "-" else 1)
    with np.errstate(all="ignore"):
        return np.full(count, value).astype(TYPES[kind]).view(storage(kind))


def mixed(kind: str, seed: int) -> np.ndarray:
    """The codes in another order, zero in the place of NaNs: the evaluator keeps no sign of these."""
    array = np.random.default_rng(seed).permutation(codes(kind))
    return np.where(np.isnan(decode(array, kind)), 0, array).astype(array.dtype)


def function(names: list[str], tensor: str, body: str, results: list[str], result_types: list[str]) -> str:
    arguments = ", ".join(f"{name}: {tensor}" for name in names)
    types = ", ".join(result_types)
    return f"func.func @main({arguments}) -> ({types}) {{\n{body}  return {', '.join(results)} : {types}\n}}\n"


def run_all(tmp_path, text: str, arrays: list[np.ndarray], count: int):
    """What the evaluator gives, and pairs of other engines' names and results."""
    path = tmp_path / "main.mlir"
    path.write_text(text)
    expected = run_mlir(path, arrays, count, "--engine=reference")
    return expected, [(" ".join(engine), run_mlir(path, arrays, count, *engine)) for engine in ENGINES]


@pytest.mark.parametrize("kind", ["bf16", *SMALL])
def test_exact_functions(kind, tmp_path):
    x = codes(kind)
    factors = [(encode(b, kind, len(x)), encode(c, kind, len(x))) for b, c in CONSTANTS]
    factors += [(mixed(kind, seed), mixed(kind, seed + 10)) for seed in range(3)]
    arrays = [x, mixed(kind, 20), *(array for pair in factors for array in pair)]
    names = ["%x", "%y", *(f"%{letter}{i}" for i in range(len(factors)) for letter in "bc")]
    tensor = f"tensor<{len(x)}x{kind}>"
    lines = [f"math.{name} %x" for name in UNARY] + ["math.copysign %x, %y"]
    lines += [f"math.fma %x, %b{i}, %c{i}" for i in range(len(factors))]
    body = "".join(f"  %r{i} = {line} : {tensor}\n" for i, line in enumerate(lines))
    text = function(names, tensor, body, [f"%r{i}" for i in range(len(lines))], [tensor] * len(lines))
    expected, others = run_all(tmp_path, text, arrays, len(lines))
    for engine, results in others:
        for line, found, wanted in zip(lines, results, expected):
            assert_same(decode(found, kind), decode(wanted, kind), decode(x, kind), f"{line}, {kind}, {engine}")


@pytest.mark.parametrize("kind", ["bf16", "f8E4M3FN", "f8E5M2FNUZ", "f8E8M0FNU", "f4E2M1FN"])
def test_classes(kind, tmp_path):
    x = codes(kind)
    tensor, bits = f"tensor<{len(x)}x{kind}>", f"tensor<{len(x)}xi1>"
    lines = ["isnan", "isfinite", "isnormal"]
    body = "".join(f"  %r{i} = math.{line} %x : {tensor}\n" for i, line in enumerate(lines))
    text = function(["%x"], tensor, body, [f"%r{i}" for i in range(3)], [bits] * 3)
    expected, others = run_all(tmp_path, text, [x], 3)
    for engine, results in others:
        for line, found, wanted in zip(lines, results, expected):
            np.testing.assert_array_equal(found, wanted, f"{line}, {kind}, {engine}")


@pytest.mark.parametrize("kind", ["bf16", "f8E5M2"])
def test_chains(kind, tmp_path):
    """Each operation rounds: what it makes is not passed on with more bits."""
    lines = [
        "%a = arith.addf %x, %y",
        "%b = arith.subf %a, %x",
        "%c = math.sqrt %y",
        "%d = math.floor %c",
        "%e = arith.mulf %c, %c",
        "%f = math.fma %c, %a, %b",
    ]
    x, y = mixed(kind, 1), mixed(kind, 2)
    tensor = f"tensor<{len(x)}x{kind}>"
    body = "".join(f"  {line} : {tensor}\n" for line in lines)
    results = ["%b", "%d", "%e", "%f"]
    text = function(["%x", "%y"], tensor, body, results, [tensor] * len(results))
    expected, others = run_all(tmp_path, text, [x, y], len(results))
    for engine, found in others:
        for name, array, wanted in zip(results, found, expected):
            assert_same(decode(array, kind), decode(wanted, kind), decode(x, kind), f"{name}, {kind}, {engine}")


@pytest.mark.parametrize("kind", ["bf16", "f8E4M3FN", "f8E5M2FNUZ", "f6E3M2FN"])
def test_functions_of_the_library(kind, tmp_path):
    """By way of f32: the next number at most, where the error of f32 crosses a tie."""
    x = codes(kind)
    lines = ["tanh", "exp", "cos", "erf", "sin", "atan"]
    x = x[np.abs(np.nan_to_num(decode(x, kind), posinf=0, neginf=0)) < 1e4]
    tensor = f"tensor<{len(x)}x{kind}>"
    body = "".join(f"  %r{i} = math.{line} %x : {tensor}\n" for i, line in enumerate(lines))
    text = function(["%x"], tensor, body, [f"%r{i}" for i in range(len(lines))], [tensor] * len(lines))
    expected, others = run_all(tmp_path, text, [x], len(lines))
    for engine, results in others:
        for line, found, wanted in zip(lines, results, expected):
            # Codes of one sign have the order of their numbers.
            far = np.abs(found.astype(np.int32) - wanted.astype(np.int32)) > 1
            found, wanted = decode(found, kind), decode(wanted, kind)
            far &= ~(np.isnan(found) & np.isnan(wanted))
            assert not far.any(), f"{line}, {kind}, {engine}: {decode(x, kind)[far][:5]}, {found[far][:5]}, {wanted[far][:5]}"
            assert (found != wanted).sum() - np.isnan(wanted).sum() <= len(x) // 500
