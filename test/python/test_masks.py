# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Additive masks of attention, integer-only: as constants, selected, computed from
truth values; of minus infinity, the lowest float, -1e9 and -1e4.

A softmax of masked scores between quantized tensors has its certificate, and an
attention with a causal mask goes from f32 to integers by `qfmt quantize`.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "python"))
from qfmt.errors import UserError  # noqa: E402
from qfmt.tools import run_tool  # noqa: E402

N = 8
LOWEST = "-3.40282347E+38"
INFINITE = "0xFF800000"
SIZES = {"infinity": INFINITE, "lowest": LOWEST, "1e9": "-1.0e9", "1e4": "-1.0e4"}
SCALE = float(np.float32(0.0005))
STEP = 2.0**-8

MAPS = """#id = affine_map<(r, c) -> (r, c)>
#row = affine_map<(r, c) -> (r, 0)>
#col = affine_map<(r, c) -> (c)>
"""
SHAPE = f"tensor<{N}x{N}xf32>"


def generic(name, inputs, lines, out=("%wide", SHAPE, "#id"), iterators="parallel", result="f32"):
    """An element-wise operation; inputs are (value, type, map), lines the body on
    %a0, %a1, ... and %out, the last of them named %y."""
    value, type, map = out
    ins = f"ins({', '.join(i[0] for i in inputs)} : {', '.join(i[1] for i in inputs)}) " if inputs else ""
    maps = ", ".join([i[2] for i in inputs] + [map])
    elements = [re.search(r"x(f32|i\d+)[,>]", i[1]).group(1) for i in inputs]
    args = ", ".join([f"%a{k}: {e}" for k, e in enumerate(elements)] + [f"%out: {result}"])
    body = "\n  ".join(lines)
    return (f'{name} = linalg.generic {{indexing_maps = [{maps}], iterator_types = ["parallel", "{iterators}"]}} '
            f"{ins}outs({value} : {type}) {{\n^bb0({args}):\n  {body}\n  linalg.yield %y : {result}\n}} -> {type}\n")


def softmax(value):
    """As torch-mlir decomposes it."""
    thin = f"tensor<{N}x1xf32>"
    s, m = (value, SHAPE, "#id"), ("%top", thin, "#row")
    return (f"%low = arith.constant {INFINITE} : f32\n%zero = arith.constant 0.0 : f32\n%thin = tensor.empty() : {thin}\n"
            f"%low_row = linalg.fill ins(%low : f32) outs(%thin : {thin}) -> {thin}\n"
            f"%zero_row = linalg.fill ins(%zero : f32) outs(%thin : {thin}) -> {thin}\n"
            + generic("%top", [s], ["%y = arith.maximumf %a0, %out : f32"], ("%low_row", thin, "#row"), "reduction")
            + generic("%distance", [s, m], ["%y = arith.subf %a0, %a1 : f32"])
            + generic("%exp", [("%distance", SHAPE, "#id")], ["%y = math.exp %a0 : f32"])
            + generic("%sum", [("%exp", SHAPE, "#id")], ["%y = arith.addf %a0, %out : f32"],
                      ("%zero_row", thin, "#row"), "reduction")
            + generic("%p", [("%exp", SHAPE, "#id"), ("%sum", thin, "#row")], ["%y = arith.divf %a0, %a1 : f32"]))


def fused_softmax(mask_lines, inputs):
    """The mask is applied again in every operation that reads scores."""
    thin = f"tensor<{N}x1xf32>"
    top = (f"%top", thin, "#row")
    k = len(inputs)
    again = mask_lines[:-1] + [mask_lines[-1].replace("%y =", "%s =")]
    exp = again + [f"%d = arith.subf %s, %a{k} : f32", "%e = math.exp %d : f32"]
    return (f"%low = arith.constant {INFINITE} : f32\n%zero = arith.constant 0.0 : f32\n%thin = tensor.empty() : {thin}\n"
            f"%low_row = linalg.fill ins(%low : f32) outs(%thin : {thin}) -> {thin}\n"
            f"%zero_row = linalg.fill ins(%zero : f32) outs(%thin : {thin}) -> {thin}\n"
            + generic("%top", inputs, again + ["%y = arith.maximumf %s, %out : f32"], ("%low_row", thin, "#row"), "reduction")
            + generic("%sum", [*inputs, top], exp + ["%y = arith.addf %e, %out : f32"], ("%zero_row", thin, "#row"), "reduction")
            + generic("%p", [*inputs, top, ("%sum", thin, "#row")], exp + [f"%y = arith.divf %e, %a{k + 1} : f32"]))


CAUSAL = np.triu(np.ones((N, N), bool), 1)


def literal(values):
    return "[" + ", ".join("[" + ", ".join(row) + "]" for row in values) + "]"


def constant(size, mask=CAUSAL):
    """scores + constant."""
    text = literal([[size if m else "0.0" for m in row] for row in mask])
    return (f"%mask = arith.constant dense<{text}> : {SHAPE}\n", [("%mask", SHAPE, "#id")],
            ["%y = arith.addf %a0, %a1 : f32"])


def selected_constant(size):
    """masked_fill by a constant of truth values."""
    text = literal([[str(bool(m)).lower() for m in row] for row in CAUSAL])
    return (f"%fill = arith.constant {size} : f32\n%mask = arith.constant dense<{text}> : tensor<{N}x{N}xi1>\n",
            [("%mask", f"tensor<{N}x{N}xi1>", "#id")], ["%y = arith.select %a1, %fill, %a0 : f32"])


def positions(size):
    """Selected by the positions themselves."""
    return (f"%fill = arith.constant {size} : f32\n", [],
            ["%i = linalg.index 0 : index", "%j = linalg.index 1 : index", "%si = arith.index_cast %i : index to i64",
             "%sj = arith.index_cast %j : index to i64", "%in = arith.cmpi sle, %sj, %si : i64",
             "%y = arith.select %in, %a0, %fill : f32"])


def selected(size):
    """masked_fill by an argument."""
    return (f"%fill = arith.constant {size} : f32\n", [("%m", "tensor<8xi1>", "#col")],
            ["%y = arith.select %a1, %a0, %fill : f32"])


def selected_by_integers(size):
    return (f"%fill = arith.constant {size} : f32\n%nought = arith.constant 0 : i64\n", [("%m", "tensor<8xi64>", "#col")],
            ["%in = arith.cmpi ne, %a1, %nought : i64", "%y = arith.select %in, %a0, %fill : f32"])


def computed(size):
    """(1 - m) * size, as BERT's exporters have it."""
    return (f"%size = arith.constant {size} : f32\n%one = arith.constant 1.0 : f32\n", [("%m", "tensor<8xi1>", "#col")],
            ["%f = arith.uitofp %a1 : i1 to f32", "%g = arith.subf %one, %f : f32", "%h = arith.mulf %g, %size : f32",
             "%y = arith.addf %a0, %h : f32"])


def chosen(size):
    """where(m, 0, size), then added."""
    return (f"%size = arith.constant {size} : f32\n%none = arith.constant 0.0 : f32\n", [("%m", "tensor<8xi1>", "#col")],
            ["%h = arith.select %a1, %none, %size : f32", "%y = arith.addf %a0, %h : f32"])


def inverted(size):
    """(1 - m).masked_fill(1 - m != 0, size), as transformers has it."""
    return (f"%size = arith.constant {size} : f32\n%one = arith.constant 1.0 : f32\n%none = arith.constant 0.0 : f32\n",
            [("%m", "tensor<8xi1>", "#col")],
            ["%f = arith.uitofp %a1 : i1 to f32", "%g = arith.subf %one, %f : f32", "%p = arith.cmpf une, %g, %none : f32",
             "%h = arith.select %p, %size, %g : f32", "%y = arith.addf %a0, %h : f32"])


def multiplied(size, scale, inverted=True):
    """(1 - m) * size, or m * size, of a quantized m."""
    lines = ["%g = arith.subf %one, %a1 : f32", "%h = arith.mulf %g, %size : f32"]
    if not inverted:
        lines = ["%h = arith.mulf %a1, %size : f32"]
    return (f"%size = arith.constant {size} : f32\n%one = arith.constant 1.0 : f32\n",
            [("%m", f"tensor<8xf32, #qfmt.scaled<i8, scale = {float(np.float32(scale)):.12e}>>", "#col")],
            [*lines, "%y = arith.addf %a0, %h : f32"])


KINDS = {f.__name__: f for f in (constant, selected_constant, positions, selected, selected_by_integers, computed, chosen, inverted)}
# 0 * infinity is NaN.
CASES = [(kind, size) for kind in KINDS for size in SIZES if (kind, size) != ("computed", "infinity")]


class Case:
    """softmax(mask(x)), x codes of i16, m an argument if the kind has one."""

    def __init__(self, path, parts, fused=False, arguments=None):
        before, inputs, lines = parts
        x = f"tensor<{N}x{N}xf32, #qfmt.scaled<i16, scale = {SCALE:.12e}>>"
        y = f"tensor<{N}x{N}xf32, #qfmt.scaled<ui8, scale = {STEP:.12e}>>"
        self.mask_type = next((i[1] for i in inputs if i[0] == "%m"), None)
        mask = f", %m: {self.mask_type}" if self.mask_type else ""
        inputs = [("%x", x, "#id"), *inputs]
        if fused:
            body = fused_softmax(lines, inputs)
        else:
            body = generic("%s", inputs, lines) + softmax("%s")
        self.encoded = path / "encoded.mlir"
        self.encoded.write_text(f"{MAPS}func.func @main(%x: {x}{mask}) -> {y} {{\n{before}%wide = tensor.empty() : {SHAPE}\n{body}"
                                f"%q = qfmt.quantize %p : {SHAPE} to {y}\nreturn %q : {y}\n}}\n")
        self.path = path
        self.integer = path / "integer.mlir"

    def integerize(self):
        text = run_tool("qfmt-opt", self.encoded,
                        "--pass-pipeline=builtin.module(qfmt-integerize{float-wrapper=false},qfmt-decompose,"
                        "qfmt-verify-integer-only)")
        self.integer.write_bytes(text)
        return text.decode()

    def mask_dtype(self):
        return bool if "xi1>" in self.mask_type else np.int64 if "xi64>" in self.mask_type else np.int8

    def inputs(self, codes, masks):
        np.save(self.path / "x.npy", codes.astype("i2"))
        paths = [str(self.path / "x.npy")]
        if self.mask_type:
            np.save(self.path / "m.npy", masks.astype(self.mask_dtype()))
            paths.append(str(self.path / "m.npy"))
        return "--inputs=" + ",".join(paths)

    def run(self, codes, masks, engine):
        out = self.path / "y.npy"
        run_tool("qfmt-run", self.integer, "--samples", self.inputs(codes, masks), f"--outputs={out}", f"--engine={engine}")
        return np.load(out).view("u1").astype(float) * STEP

    def check_bound(self, codes, masks):
        out = self.path / "bound.json"
        run_tool("qfmt-run", self.encoded, "--check-bound", "--samples", self.inputs(codes, masks), f"--bound-json={out}")
        (region,) = json.loads(out.read_text())
        return region


def samples(rng, count=64):
    """Codes of many amplitudes, and masks with one element at least."""
    size = 2 ** rng.uniform(0, 15, (count, 1, 1))
    codes = np.clip(rng.normal(size=(count, N, N)) * size, -32768, 32767).astype("i2")
    codes[:4] = rng.choice([-32768, 32767], (4, N, N))
    masks = rng.integers(0, 2, (count, N)).astype(bool)
    masks[np.arange(count), rng.integers(0, N, count)] = True
    return codes, masks


def real_softmax(scores, masked):
    e = np.where(masked, 0, np.exp(scores - np.where(masked, -np.inf, scores).max(-1, keepdims=True)))
    return e / e.sum(-1, keepdims=True)


@pytest.mark.parametrize("fused", [False, True], ids=["steps", "fused"])
@pytest.mark.parametrize("kind, size", CASES)
def test_softmax(tmp_path, kind, size, fused):
    case = Case(tmp_path, KINDS[kind](SIZES[size]), fused)
    text = case.integerize()
    codes, masks = samples(np.random.default_rng(3))
    found = case.run(codes, masks, "jit")
    assert np.array_equal(found, case.run(codes, masks, "reference"))
    masked = ~masks[:, None, :] if case.mask_type else CAUSAL[None]
    expected = np.clip(real_softmax(codes * SCALE, masked), 0, 255 * STEP)
    error = np.abs(found - expected).max() / STEP
    bound = float(re.search(r"qfmt.error_bound = ([0-9.eE+-]+)", text).group(1)) / STEP
    assert error <= bound < 0.6
    assert not found[np.broadcast_to(masked, found.shape)].any()
    region = case.check_bound(codes, masks)
    assert region["bound"] <= 16 * region["worst_error"]
    # No score needs more than 32 bits for its mask: the first with 64 are the
    # reciprocals of the sums.
    assert "tensor<8x8xi64>" not in text[: text.index("tensor<8x1xi64>")]


@pytest.mark.parametrize("kind", ["selected", "computed", "chosen"])
@pytest.mark.parametrize("size", ["lowest", "1e9"])
def test_rows_that_are_masked_altogether(tmp_path, kind, size):
    """What is selected, and what the lowest float is added to, is one number: 1/n
    each. -1e9 is subtracted from all: the softmax of the scores."""
    case = Case(tmp_path, KINDS[kind](SIZES[size]))
    case.integerize()
    codes, masks = samples(np.random.default_rng(4), 8)
    masks[:] = False
    found = case.run(codes, masks, "jit")
    uniform = size == "lowest" or kind == "selected"
    expected = np.full(found.shape, 1 / N) if uniform else real_softmax(codes * SCALE, masks[:, None])
    assert np.abs(found - np.clip(expected, 0, 255 * STEP)).max() <= 0.6 * STEP
    case.check_bound(codes, masks)


@pytest.mark.parametrize("size", [LOWEST, "-1.0e9"])
@pytest.mark.parametrize("factor", ["1.44269502", "0.5"])
def test_temperature_after_the_maximum(tmp_path, size, factor):
    """exp2(c (s - max s)), as flash attention has it."""
    case = Case(tmp_path, constant(size))
    text = case.encoded.read_text()
    assert text.count("math.exp %a0") == 1
    case.encoded.write_text(text.replace(
        "%y = math.exp %a0 : f32",
        f"%factor = arith.constant {factor} : f32\n  %c = arith.mulf %a0, %factor : f32\n  %y = math.exp2 %c : f32"))
    case.integerize()
    codes, masks = samples(np.random.default_rng(9))
    expected = np.clip(real_softmax(codes * SCALE * float(np.float32(factor)) * np.log(2), CAUSAL[None]), 0, 255 * STEP)
    assert np.abs(case.run(codes, masks, "jit") - expected).max() <= 0.6 * STEP
    region = case.check_bound(codes, masks)
    assert region["bound"] <= 0.6 * STEP and region["bound"] <= 16 * region["worst_error"]


# The 1 of 1 / 127 is not 1; beside the lowest float the rest would matter.
MULTIPLIED = [("1e9", 1 / 127, True), ("1e9", 1 / 127, False), ("1e9", 1.0, True), ("lowest", 1.0, True),
              ("lowest", 0.5, False), ("1e4", 1 / 127, True)]


@pytest.mark.parametrize("size, scale, inverted", MULTIPLIED)
def test_quantized_masks(tmp_path, size, scale, inverted):
    case = Case(tmp_path, multiplied(SIZES[size], scale, inverted))
    case.integerize()
    codes, masks = samples(np.random.default_rng(6))
    masked = ~masks[:, None, :]
    levels = (masked[:, 0] != inverted) * round(1 / scale)
    found = case.run(codes, levels, "jit")
    assert np.array_equal(found, case.run(codes, levels, "reference"))
    expected = np.clip(real_softmax(codes * SCALE, masked), 0, 255 * STEP)
    assert np.abs(found - expected).max() <= 0.6 * STEP
    assert not found[np.broadcast_to(masked, found.shape)].any()
    region = case.check_bound(codes, levels)
    assert region["bound"] <= 0.6 * STEP and region["bound"] <= 16 * region["worst_error"]
    # Any codes: of a row, those that are masked least compete.
    case.check_bound(codes, np.random.default_rng(7).integers(-128, 128, masks.shape))


def test_masks_of_integers(tmp_path):
    parts = (f"%size = arith.constant {LOWEST} : f32\n", [("%m", "tensor<8xi8>", "#col")],
             ["%f = arith.sitofp %a1 : i8 to f32", "%h = arith.mulf %f, %size : f32", "%y = arith.addf %a0, %h : f32"])
    case = Case(tmp_path, parts)
    case.integerize()
    codes, masks = samples(np.random.default_rng(8))
    expected = np.clip(real_softmax(codes * SCALE, ~masks[:, None]), 0, 255 * STEP)
    assert np.abs(case.run(codes, ~masks, "jit") - expected).max() <= 0.6 * STEP
    case.check_bound(codes, ~masks)
    case.check_bound(codes, np.zeros_like(masks))
    case.check_bound(codes, np.ones_like(masks))


def test_two_masks(tmp_path):
    """A causal one, then one of an argument, with an element left in every row."""
    text = literal([[LOWEST if m else "0.0" for m in row] for row in CAUSAL])
    parts = (f"%mask = arith.constant dense<{text}> : {SHAPE}\n%size = arith.constant {LOWEST} : f32\n"
             "%none = arith.constant 0.0 : f32\n",
             [("%mask", SHAPE, "#id"), ("%m", "tensor<8xi1>", "#col")],
             ["%c = arith.addf %a0, %a1 : f32", "%h = arith.select %a2, %none, %size : f32", "%y = arith.addf %c, %h : f32"])
    case = Case(tmp_path, parts)
    case.integerize()
    codes, masks = samples(np.random.default_rng(5))
    masks[:, 0] = True
    found = case.run(codes, masks, "jit")
    expected = np.clip(real_softmax(codes * SCALE, ~masks[:, None] | CAUSAL), 0, 255 * STEP)
    assert np.abs(found - expected).max() <= 0.6 * STEP


def test_bias_of_positions(tmp_path):
    """A constant that holds more than the mask."""
    bias = [[LOWEST if m else f"{-0.25 * (r - c):.2f}" for c, m in enumerate(row)] for r, row in enumerate(CAUSAL)]
    parts = (f"%mask = arith.constant dense<{literal(bias)}> : {SHAPE}\n", [("%mask", SHAPE, "#id")],
             ["%y = arith.addf %a0, %a1 : f32"])
    case = Case(tmp_path, parts)
    case.integerize()
    codes, masks = samples(np.random.default_rng(6))
    case.check_bound(codes, masks)
    distance = np.subtract.outer(np.arange(N), np.arange(N)) * 0.25
    expected = np.clip(real_softmax(codes * SCALE - distance, CAUSAL[None]), 0, 255 * STEP)
    assert np.abs(case.run(codes, masks, "jit") - expected).max() <= 0.6 * STEP


@pytest.mark.parametrize("bound", [LOWEST, "-1.0e9"])
def test_maximum_with_the_mask(tmp_path, bound):
    """Models keep sums of masks at the lowest float, which changes nothing. A
    maximum with -1e9 would make what is masked larger than it is."""
    before, inputs, lines = constant(LOWEST)
    parts = (before + f"%least = arith.constant {bound} : f32\n", inputs,
             [lines[0].replace("%y", "%s"), "%y = arith.maximumf %s, %least : f32"])
    case = Case(tmp_path, parts)
    if bound != LOWEST:
        with pytest.raises(UserError, match="reads scores to which a mask was added"):
            case.integerize()
        return
    case.integerize()
    case.check_bound(*samples(np.random.default_rng(9)))


def attention(path, rng, size, is_argument=False, tokens=N, width=16):
    """x -> softmax(q k^T / 4 + mask) v, as f32 linalg with constant weights; the
    mask is causal, or one of columns computed from an argument."""
    weights = {n: np.float32(rng.normal(size=(width, width)) / 3) for n in "qkv"}
    mask = literal([[size if m else "0.0" for m in row] for row in CAUSAL])
    x, w = f"tensor<{tokens}x{width}xf32>", f"tensor<{width}x{width}xf32>"
    lines = [f"%wide = tensor.empty() : {SHAPE}", "%nought = arith.constant 0.0 : f32",
             f"%deep = tensor.empty() : {x}", f"%zero_x = linalg.fill ins(%nought : f32) outs(%deep : {x}) -> {x}",
             f"%zero_s = linalg.fill ins(%nought : f32) outs(%wide : {SHAPE}) -> {SHAPE}"]
    for n, values in weights.items():
        text = literal([[f"{v:.9e}" for v in row] for row in values])
        lines.append(f"%w{n} = arith.constant dense<{text}> : {w}")
        lines.append(f"%{n} = linalg.matmul ins(%x, %w{n} : {x}, {w}) outs(%zero_x : {x}) -> {x}")
    lines += [f"%turned = tensor.empty() : tensor<{width}x{tokens}xf32>",
              f"%kt = linalg.transpose ins(%k : {x}) outs(%turned : tensor<{width}x{tokens}xf32>) permutation = [1, 0]",
              f"%qk = linalg.matmul ins(%q, %kt : {x}, tensor<{width}x{tokens}xf32>) outs(%zero_s : {SHAPE}) -> {SHAPE}",
              "%quarter = arith.constant 0.25 : f32"]
    masked = ("%mask", SHAPE, "#id")
    if is_argument:
        masked = ("%mask", f"tensor<{tokens}xf32>", "#col")
        lines += [f"%size = arith.constant {size} : f32", "%one = arith.constant 1.0 : f32", f"%e = tensor.empty() : tensor<{tokens}xf32>",
                  "%mask = linalg.generic {indexing_maps = [affine_map<(c) -> (c)>, affine_map<(c) -> (c)>], iterator_types = "
                  f'["parallel"]}} ins(%m : tensor<{tokens}xi1>) outs(%e : tensor<{tokens}xf32>) {{',
                  "^bb0(%a: i1, %o: f32):", "%f = arith.uitofp %a : i1 to f32", "%g = arith.subf %one, %f : f32",
                  "%h = arith.mulf %g, %size : f32", "linalg.yield %h : f32", f"}} -> tensor<{tokens}xf32>"]
    else:
        lines.append(f"%mask = arith.constant dense<{mask}> : {SHAPE}")
    body = "\n".join(lines) + "\n" + generic("%scaled", [("%qk", SHAPE, "#id")], ["%y = arith.mulf %a0, %quarter : f32"])
    body += generic("%s", [("%scaled", SHAPE, "#id"), masked], ["%y = arith.addf %a0, %a1 : f32"])
    body += softmax("%s")
    body += f"%y = linalg.matmul ins(%p, %v : {SHAPE}, {x}) outs(%zero_x : {x}) -> {x}\n"
    argument = f", %m: tensor<{tokens}xi1>" if is_argument else ""
    path.write_text(f"{MAPS}func.func @main(%x: {x}{argument}) -> {x} {{\n{body}return %y : {x}\n}}\n")

    def real(inputs, masked):
        q, k, v = (inputs @ weights[n] for n in "qkv")
        return real_softmax(q @ np.swapaxes(k, -1, -2) * 0.25, masked) @ v

    return real


def qfmt(*arguments):
    done = subprocess.run([sys.executable, "-m", "qfmt", *map(str, arguments)], capture_output=True, text=True,
                          cwd=Path(__file__).resolve().parents[2] / "python")
    assert done.returncode == 0, done.stderr


ATTENTIONS = [(size, False) for size in SIZES] + [("lowest", True), ("1e9", True), ("1e4", True)]


@pytest.mark.parametrize("size, is_argument", ATTENTIONS)
def test_attention(tmp_path, size, is_argument):
    """From f32 to integers: the mask does not spoil the range of the scores."""
    rng = np.random.default_rng(7)
    source = tmp_path / "attention.mlir"
    real = attention(source, rng, SIZES[size], is_argument)
    samples = np.float32(rng.normal(size=(64, N, 16)))
    masks = rng.integers(0, 2, (64, N)).astype(bool)
    masks[:, 0] = True
    arrays = [samples, masks] if is_argument else [samples]
    np.savez(tmp_path / "samples.npz", *arrays)
    options = ["--calibration", tmp_path / "samples.npz", "--wide-activations", "i16"]
    qfmt("quantize", source, *options, "-o", tmp_path / "integer.mlirbc")
    qfmt("quantize", source, *options, "--level", "encoded", "-o", tmp_path / "encoded.mlirbc")

    paths = []
    for k, array in enumerate(arrays):
        paths.append(str(tmp_path / f"x{k}.npy"))
        np.save(paths[-1], array[:16])
    inputs = "--inputs=" + ",".join(paths)
    found = []
    for engine in ("jit", "reference"):
        run_tool("qfmt-run", tmp_path / "integer.mlirbc", "--entry=main_f32", "--samples", inputs,
                 f"--outputs={tmp_path / 'y.npy'}", f"--engine={engine}")
        found.append(np.load(tmp_path / "y.npy"))
    assert np.array_equal(*found)
    masked = ~masks[:16, None] if is_argument else CAUSAL[None]
    expected = real(samples[:16].astype(float), masked)
    assert np.linalg.norm(found[0] - expected) < 0.02 * np.linalg.norm(expected)
    run_tool("qfmt-run", tmp_path / "encoded.mlirbc", "--check-bound", "--samples", inputs)


@pytest.mark.parametrize("size", [LOWEST, "-1.0e30", "-1.0e9"])
def test_constants_that_mask_rows_altogether(tmp_path, size):
    """As those of run-time data: 1/n, or the softmax of the scores."""
    mask = CAUSAL.copy()
    mask[3] = True
    for rows in (mask, np.ones_like(mask)):
        case = Case(tmp_path, constant(size, rows))
        case.integerize()
        codes, masks = samples(np.random.default_rng(7), 8)
        found = case.run(codes, masks, "jit")
        scores = codes[:, 3] * (SCALE if size == "-1.0e9" else 0)
        expected = real_softmax(scores, np.zeros_like(scores, bool))
        assert np.abs(found[:, 3] - np.clip(expected, 0, 255 * STEP)).max() <= 0.6 * STEP
        case.check_bound(codes, masks)


# Products of two such tensors are multiples of 9e-10: -1.5 is beyond 2^30 of
# them, and no mask.
FINE = float(np.float32(3e-5))
BIAS = "[0.0, 0.0, -1.5, 0.0, 0.25, 0.0, -0.5, 0.0]"


def check_fine(path, arguments, body, out_scale, unsigned=False, result="%s", seed=8):
    """The region of `body` on i16 tensors %x0, %x1, ... of these scales."""
    types = [f"tensor<{N}x{N}xf32, #qfmt.scaled<i16, scale = {scale:.12e}>>" for scale in arguments]
    y = f"tensor<{N}x{N}xf32, #qfmt.scaled<{'ui8' if unsigned else 'i16'}, scale = {out_scale:.12e}>>"
    network = path / "fine.mlir"
    names = ", ".join(f"%x{k}: {t}" for k, t in enumerate(types))
    network.write_text(f"{MAPS}func.func @main({names}) -> {y} {{\n%wide = tensor.empty() : {SHAPE}\n{body(types)}"
                       f"%q = qfmt.quantize {result} : {SHAPE} to {y}\nreturn %q : {y}\n}}\n")
    rng = np.random.default_rng(seed)
    paths = []
    for k in range(len(types)):
        paths.append(str(path / f"x{k}.npy"))
        np.save(paths[-1], rng.integers(-32768, 32768, (64, N, N)).astype("i2"))
    bounds = path / "bound.json"
    run_tool("qfmt-run", network, "--check-bound", "--samples", "--inputs=" + ",".join(paths), f"--bound-json={bounds}")
    (region,) = json.loads(bounds.read_text())
    assert region["bound"] < 0.6 * out_scale


FINE_SCORES = {
    "constant": (f"%b = arith.constant dense<{BIAS}> : tensor<8xf32>\n", [("%b", "tensor<8xf32>", "#col")],
                 ["%y = arith.addf %p, %a2 : f32"]),
    "subtracted": (f"%b = arith.constant dense<[{', '.join(['1.5', '0.0'] * 4)}]> : tensor<8xf32>\n",
                   [("%b", "tensor<8xf32>", "#col")], ["%y = arith.subf %p, %a2 : f32"]),
    "selected": ("%b = arith.constant -1.5 : f32\n%n = arith.constant 0.0 : f32\n", [],
                 ["%c = arith.cmpf ogt, %a0, %n : f32", "%y = arith.select %c, %p, %b : f32"]),
    "computed": ("%b = arith.constant -1.5 : f32\n%n = arith.constant 0.0 : f32\n", [],
                 ["%c = arith.cmpf ogt, %a0, %n : f32", "%h = arith.select %c, %n, %b : f32", "%y = arith.addf %p, %h : f32"]),
    # Masks of two sizes would be refused.
    "two sizes": (f"%b = arith.constant dense<[{', '.join(['-1.5', '-2.5', '0.0', '0.0'] * 2)}]> : tensor<8xf32>\n",
                  [("%b", "tensor<8xf32>", "#col")], ["%y = arith.addf %p, %a2 : f32"]),
}


@pytest.mark.parametrize("read", ["quantized", "softmax"])
@pytest.mark.parametrize("kind", FINE_SCORES)
def test_ordinary_constants_at_fine_scales(tmp_path, kind, read):
    before, inputs, lines = FINE_SCORES[kind]

    def body(types):
        scores = generic("%s", [("%x0", types[0], "#id"), ("%x1", types[1], "#id"), *inputs],
                         ["%p = arith.mulf %a0, %a1 : f32", *lines])
        return before + scores + (softmax("%s") if read == "softmax" else "")

    if read == "softmax":
        check_fine(tmp_path, [FINE, FINE], body, STEP, True, "%p")
    else:
        check_fine(tmp_path, [FINE, FINE], body, 1e-4)


@pytest.mark.parametrize("size", [LOWEST, "-1.0e4", "-40.0", "-33.0"])
def test_masks_at_fine_scales(tmp_path, size):
    """Of products between -1 and 1, -40 is a mask, -33 none."""
    def body(types):
        before, inputs, _ = constant(size)
        return before + generic("%s", [("%x0", types[0], "#id"), ("%x1", types[1], "#id"), *inputs],
                                ["%p = arith.mulf %a0, %a1 : f32", "%y = arith.addf %p, %a2 : f32"]) + softmax("%s")
    check_fine(tmp_path, [FINE, FINE], body, STEP, True, "%p")


def test_wide_constants_that_are_no_masks(tmp_path):
    """-40 is far below all products, but the sum is multiplied: a number like others."""
    def body(types):
        return ("%b = arith.constant dense<[0.0, -40.0, 0.0, 0.0, 0.0, 0.0, -40.0, 0.0]> : tensor<8xf32>\n"
                + generic("%s", [("%x0", types[0], "#id"), ("%x1", types[1], "#id"), ("%b", "tensor<8xf32>", "#col")],
                          ["%p = arith.mulf %a0, %a1 : f32", "%t = arith.addf %p, %a2 : f32", "%y = arith.mulf %t, %a0 : f32"]))
    check_fine(tmp_path, [FINE, FINE], body, 2e-3)


def test_wide_constants_that_do_not_saturate(tmp_path):
    def body(types):
        return ("%b = arith.constant dense<[0.0, -40.0, 0.0, 0.0, 0.0, 0.0, -50.0, 0.0]> : tensor<8xf32>\n"
                + generic("%s", [("%x0", types[0], "#id"), ("%x1", types[1], "#id"), ("%b", "tensor<8xf32>", "#col")],
                          ["%p = arith.mulf %a0, %a1 : f32", "%y = arith.addf %p, %a2 : f32"]))
    check_fine(tmp_path, [FINE, FINE], body, 2e-3)


@pytest.mark.parametrize("beta", [BIAS, "[" + ", ".join(["0.0", "-0.03"] * 4) + "]"])
def test_layer_norm_with_negative_bias(tmp_path, beta):
    def body(types):
        x, thin = ("%x0", types[0], "#id"), f"tensor<{N}x1xf32>"
        total, squares = ("%total", thin, "#row"), ("%squares", thin, "#row")
        centre = ["%mean = arith.divf %a1, %n : f32", "%d = arith.subf %a0, %mean : f32"]
        gamma = ", ".join(f"{0.5 + k / 8}" for k in range(N))
        return (f"%thin = tensor.empty() : {thin}\n%zero = arith.constant 0.0 : f32\n%n = arith.constant {N}.0 : f32\n"
                "%eps = arith.constant 1.0e-5 : f32\n"
                f"%gamma = arith.constant dense<[{gamma}]> : tensor<8xf32>\n%beta = arith.constant dense<{beta}> : tensor<8xf32>\n"
                f"%zeros = linalg.fill ins(%zero : f32) outs(%thin : {thin}) -> {thin}\n"
                + generic("%total", [x], ["%y = arith.addf %a0, %out : f32"], ("%zeros", thin, "#row"), "reduction")
                + generic("%square", [x, total], [*centre, "%y = arith.mulf %d, %d : f32"])
                + generic("%squares", [("%square", SHAPE, "#id")], ["%y = arith.addf %a0, %out : f32"],
                          ("%zeros", thin, "#row"), "reduction")
                + generic("%s", [x, total, squares, ("%gamma", "tensor<8xf32>", "#col"), ("%beta", "tensor<8xf32>", "#col")],
                          [*centre, "%v = arith.divf %a2, %n : f32", "%w = arith.addf %v, %eps : f32",
                           "%r = math.rsqrt %w : f32", "%h = arith.mulf %d, %r : f32", "%g = arith.mulf %h, %a3 : f32",
                           "%y = arith.addf %g, %a4 : f32"]))
    check_fine(tmp_path, [SCALE], body, 2e-4)


REFUSED = {
    "is NaN after softmax": constant(INFINITE, (np.arange(N) == 3)[:, None].repeat(N, 1)),
    "masks of two sizes": (
        f"%mask = arith.constant dense<[[{INFINITE}, {LOWEST}, 0., 0., 0., 0., 0., 0.]]> : tensor<1x8xf32>\n",
        [("%mask", "tensor<1x8xf32>", "affine_map<(r, c) -> (0, c)>")], ["%y = arith.addf %a0, %a1 : f32"]),
    "is 0 for no code of the tensor": multiplied(LOWEST, 1 / 127),
    "reads scores to which a mask was added": (
        *constant(LOWEST)[:2], ["%s = arith.addf %a0, %a1 : f32", "%y = arith.mulf %s, %s : f32"]),
}


@pytest.mark.parametrize("message", REFUSED)
def test_refused(tmp_path, message):
    case = Case(tmp_path, REFUSED[message])
    with pytest.raises(UserError, match=message):
        case.integerize()
