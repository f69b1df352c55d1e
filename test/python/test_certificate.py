# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The error bounds that qfmt-integerize states are true and not loose.

Non-linear layers as torch-mlir decomposes them, made integer-only, against
real arithmetic on the same codes. Element-wise functions are tried with every
code, by `qfmt-run --check-bound`. For functions of rows numpy looks for the
worst rows, starting from random, constant, one-hot and alternating ones and
climbing hills; `qfmt-run --check-bound` must find the same for the worst of them.

`python test_certificate.py` prints the figures of every case, and with FIRST LAST
those of random formats and sizes instead, one of each function a seed.
"""

import json
import math
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "python"))
from qfmt.tools import run_tool  # noqa: E402

MAPS = """#id = affine_map<(r, c) -> (r, c)>
#row = affine_map<(r, c) -> (r, 0)>
#top = affine_map<(r, c) -> (r)>
#col = affine_map<(r, c) -> (c)>
"""


@dataclass
class Format:
    bits: int
    scale: float
    signed: bool = True
    zero: int = 0

    def __post_init__(self):
        self.scale = float(np.float32(self.scale))
        self.low = -(1 << (self.bits - 1)) if self.signed else 0
        self.high = self.low + (1 << self.bits) - 1
        self.dtype = f"{'i' if self.signed else 'u'}{self.bits // 8}"

    def attr(self):
        sign = "" if self.signed else "u"
        return f"#qfmt.scaled<{sign}i{self.bits}, scale = {self.scale:.12e}, zero_point = {self.zero}>"


class Body:
    """Text of linalg operations on tensors of R x C, and of constants."""

    def __init__(self, rows, columns):
        self.shape = f"tensor<{rows}x{columns}xf32>"
        self.narrow = f"tensor<{rows}x1xf32>"
        self.lines = [f"%wide = tensor.empty() : {self.shape}", f"%thin = tensor.empty() : {self.narrow}"]
        self.constants = {}
        self.types = {}

    def constant(self, value):
        text = value if isinstance(value, str) else f"{float(np.float32(value)):.9e}"
        if text not in self.constants:
            self.constants[text] = f"%k{len(self.constants)}"
            self.lines.append(f"{self.constants[text]} = arith.constant {text} : f32")
        return self.constants[text]

    def vector(self, values):
        name = f"%v{len(self.lines)}"
        text = ", ".join(f"{float(v):.9e}" for v in values)
        self.types[name] = (f"tensor<{len(values)}xf32>", "#col")
        self.lines.append(f"{name} = arith.constant dense<[{text}]> : {self.types[name][0]}")
        return name

    def map(self, inputs, *ops, narrow=False):
        """Element-wise; each op is `name` of all operands or (name, operand, ...),
        where operands are %0, %1, ... the inputs, %p the result before, and
        constants."""
        return self._generic(inputs, ops, ["#id"], self.narrow if narrow else self.shape,
                             "%thin" if narrow else "%wide", '"parallel", "parallel"')

    def reduce(self, value, op, start):
        """Along rows."""
        init = f"%i{len(self.lines)}"
        self.lines.append(f"{init} = linalg.fill ins({self.constant(start)} : f32) outs(%thin : {self.narrow}) "
                          f"-> {self.narrow}")
        return self._generic([value], [(op, "%0", "%out")], ["#row"], self.narrow, init, '"parallel", "reduction"')

    def _generic(self, inputs, ops, last, type, out, iterators):
        types = [self.types[v] for v in inputs]
        args, body, before = [], [], None
        for k in range(len(inputs)):
            args.append(f"%a{k}: f32")
        for n, (op, *operands) in enumerate(ops):
            values = []
            for operand in operands:
                if isinstance(operand, str) and operand.startswith("%"):
                    values.append(before if operand == "%p" else
                                  "%out" if operand == "%out" else f"%a{operand[1:]}")
                else:
                    values.append(self.constant(operand))
            body.append(f"  %s{n} = {op} {', '.join(values)} : f32")
            before = f"%s{n}"
        name = f"%t{len(self.lines)}"
        maps = ", ".join([m for _, m in types] + last)
        self.lines.append(
            f"{name} = linalg.generic {{indexing_maps = [{maps}], iterator_types = [{iterators}]}} "
            f"ins({', '.join(inputs)} : {', '.join(t for t, _ in types)}) outs({out} : {type}) {{\n"
            f"^bb0({', '.join(args)}, %out: f32):\n" + "\n".join(body)
            + f"\n  linalg.yield {before} : f32\n}} -> {type}")
        self.types[name] = (type, "#row" if type == self.narrow else "#id")
        return name


def module(build, rows, columns, source, result):
    """@main from codes of `source` to codes of `result`."""
    body = Body(rows, columns)
    x = f"tensor<{rows}x{columns}xf32, {source.attr()}>"
    y = f"tensor<{rows}x{columns}xf32, {result.attr()}>"
    body.types["%x"] = (x, "#id")
    value = build(body, "%x", columns)
    lines = "\n".join(body.lines)
    return (f"{MAPS}func.func @main(%x: {x}) -> {y} {{\n{lines}\n"
            f"%q = qfmt.quantize {value} : {body.shape} to {y}\nreturn %q : {y}\n}}\n")


# The functions, as torch-mlir writes them.

ROOT2 = float(np.float32(math.sqrt(2)))
ROOT2PI = float(np.float32(math.sqrt(2 / math.pi)))
CUBIC = float(np.float32(0.044715))
EPS = float(np.float32(1e-5))
LOG2E = float(np.float32(math.log2(math.e)))


def gelu_erf(b, x, _):
    cdf = b.map([x], ("arith.divf", "%0", ROOT2), ("math.erf", "%p"), ("arith.addf", "%p", 1.0))
    return b.map([x, cdf], ("arith.mulf", "%0", "%1"), ("arith.mulf", "%p", 0.5))


def gelu_tanh(b, x, _):
    cubic = b.map([x], ("arith.mulf", "%0", "%0"), ("arith.mulf", "%p", "%0"), ("arith.mulf", "%p", CUBIC))
    inner = b.map([x, cubic], ("arith.addf", "%0", "%1"), ("arith.mulf", "%p", ROOT2PI), ("math.tanh", "%p"),
                  ("arith.addf", "%p", 1.0))
    return b.map([x, inner], ("arith.mulf", "%0", 0.5), ("arith.mulf", "%p", "%1"))


def silu(b, x, _):
    sigmoid = b.map([x], ("arith.negf", "%0"), ("math.exp", "%p"), ("arith.addf", "%p", 1.0), ("arith.divf", 1.0, "%p"))
    return b.map([sigmoid, x], ("arith.mulf", "%0", "%1"))


def tanh(b, x, _):
    return b.map([x], ("math.tanh", "%0"))


def softmax(b, x, _):
    top = b.reduce(x, "arith.maximumf", "0xFF800000")
    exp = b.map([b.map([x, top], ("arith.subf", "%0", "%1"))], ("math.exp", "%0"))
    return b.map([exp, b.reduce(exp, "arith.addf", 0.0)], ("arith.divf", "%0", "%1"))


def affine(columns):
    """Weight and bias of a norm, as f32."""
    rng = np.random.default_rng(columns)
    return (np.float32(rng.uniform(0.3, 1.2, columns)).astype(float),
            np.float32(rng.uniform(-0.3, 0.3, columns)).astype(float))


def rsqrt_of_mean(b, squares, columns):
    mean = b.map([b.reduce(squares, "arith.addf", 0.0)], ("arith.divf", "%0", float(columns)), narrow=True)
    shifted = b.map([mean], ("arith.addf", "%0", EPS), narrow=True)
    return b.map([shifted], ("math.rsqrt", "%0"), narrow=True)


def layer_norm(b, x, columns):
    weight, bias = affine(columns)
    mean = b.map([b.reduce(x, "arith.addf", 0.0)], ("arith.divf", "%0", float(columns)), narrow=True)
    centered = b.map([x, mean], ("arith.subf", "%0", "%1"))
    scale = rsqrt_of_mean(b, b.map([centered], ("arith.mulf", "%0", "%0")), columns)
    normal = b.map([centered, scale], ("arith.mulf", "%0", "%1"))
    scaled = b.map([normal, b.vector(weight)], ("arith.mulf", "%0", "%1"))
    return b.map([scaled, b.vector(bias)], ("arith.addf", "%0", "%1"))


def rms_norm(b, x, columns, square=("arith.mulf", "%0", "%0")):
    scale = rsqrt_of_mean(b, b.map([x], square), columns)
    normal = b.map([x, scale], ("arith.mulf", "%0", "%1"))
    return b.map([normal, b.vector(affine(columns)[0])], ("arith.mulf", "%0", "%1"))


def rms_norm_of_powers(b, x, columns):
    return rms_norm(b, x, columns, square=("math.powf", "%0", 2.0))


def softmax_base2(b, x, _):
    """As flash attention has it."""
    top = b.reduce(x, "arith.maximumf", "0xFF800000")
    exp = b.map([x, top], ("arith.subf", "%0", "%1"), ("arith.mulf", "%p", LOG2E), ("math.exp2", "%p"))
    return b.map([exp, b.reduce(exp, "arith.addf", 0.0)], ("arith.divf", "%0", "%1"))


def softmin(b, x, _):
    least = b.reduce(x, "arith.minimumf", "0x7F800000")
    exp = b.map([least, x], ("arith.subf", "%0", "%1"), ("math.exp", "%p"))
    return b.map([exp, b.reduce(exp, "arith.addf", 0.0)], ("arith.divf", "%0", "%1"))


def layer_norm_of_moments(b, x, columns):
    """As Flax has it: the variance is the mean square less the squared mean."""
    weight, bias = affine(columns)
    mean = b.map([b.reduce(x, "arith.addf", 0.0)], ("arith.divf", "%0", float(columns)), narrow=True)
    square = b.map([b.reduce(b.map([x], ("arith.mulf", "%0", "%0")), "arith.addf", 0.0)],
                   ("arith.divf", "%0", float(columns)), narrow=True)
    variance = b.map([b.map([mean], ("arith.mulf", "%0", "%0"), narrow=True), square],
                     ("arith.subf", "%1", "%0"), ("arith.maximumf", "%p", 0.0), narrow=True)
    scale = b.map([variance], ("arith.addf", "%0", EPS), ("math.rsqrt", "%p"), narrow=True)
    normal = b.map([x, mean, scale], ("arith.subf", "%0", "%1"), ("arith.mulf", "%p", "%2"))
    return b.map([normal, b.vector(weight), b.vector(bias)], ("arith.mulf", "%0", "%1"), ("arith.addf", "%p", "%2"))


def shifts(columns):
    """What is added to rows so that they are no multiples of their scale."""
    return np.float32(np.random.default_rng(columns + 1).uniform(-1, 1, columns)).astype(float)


def shifted(norm):
    return lambda b, x, columns: norm(b, b.map([x, b.vector(shifts(columns))], ("arith.addf", "%0", "%1")), columns)


def l2_norm(b, x, _):
    """As torch-mlir decomposes it."""
    square = b.map([x], ("math.absf", "%0"), ("math.powf", "%p", 2.0))
    norm = b.map([b.reduce(square, "arith.addf", 0.0)], ("math.powf", "%0", 0.5), ("arith.maximumf", "%p", 1e-12),
                 narrow=True)
    return b.map([x, norm], ("arith.divf", "%0", "%1"))


ELEMENTWISE = {f.__name__: f for f in (gelu_erf, gelu_tanh, silu, tanh)}


# Those of rows in numpy, too.


def real_softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def real_layer_norm(x):
    weight, bias = affine(x.shape[-1])
    d = x - x.mean(-1, keepdims=True)
    return d / np.sqrt((d * d).mean(-1, keepdims=True) + EPS) * weight + bias


def real_rms_norm(x):
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + EPS) * affine(x.shape[-1])[0]


def real_softmax_base2(x):
    e = np.exp2((x - x.max(-1, keepdims=True)) * LOG2E)
    return e / e.sum(-1, keepdims=True)


def real_l2_norm(x):
    return x / np.maximum(np.sqrt((x * x).sum(-1, keepdims=True)), float(np.float32(1e-12)))


def real_shifted(norm):
    return lambda x: norm(x + shifts(x.shape[-1]))


ROWS = {
    "softmax": (softmax, real_softmax),
    "layer_norm": (layer_norm, real_layer_norm),
    "rms_norm": (rms_norm, real_rms_norm),
    "rms_norm_of_powers": (rms_norm_of_powers, real_rms_norm),
    "softmax_base2": (softmax_base2, real_softmax_base2),
    "softmin": (softmin, lambda x: real_softmax(-x)),
    "layer_norm_of_moments": (layer_norm_of_moments, real_layer_norm),
    "shifted_layer_norm": (shifted(layer_norm), real_shifted(real_layer_norm)),
    "shifted_rms_norm": (shifted(rms_norm), real_shifted(real_rms_norm)),
    "l2_norm": (l2_norm, real_l2_norm),
}


@dataclass
class Errors:
    """In steps of the result: the bound, the worst error, and how far a code was
    from the correctly rounded one."""

    bound: float
    worst: float
    codes: float

    def check(self, looseness, result):
        assert self.worst <= self.bound * (1 + 1e-9)
        assert self.bound <= looseness * self.worst
        if result.bits == 8:
            assert self.codes <= 1

    def __str__(self):
        ratio = self.bound / self.worst if self.worst else math.inf
        return f"worst {self.worst:.4f}, bound {self.bound:.4f}, ratio {ratio:.2f}, codes {self.codes:.0f}"


def check_bound(source, inputs, step):
    """What qfmt-run says of the only region of the module `source`."""
    x, out = source.parent / "x.npy", source.parent / "bound.json"
    np.save(x, inputs)
    run_tool("qfmt-run", source, "--check-bound", "--samples", f"--inputs={x}", f"--bound-json={out}")
    (region,) = json.loads(out.read_text())
    assert region["elements"] == inputs.size
    return Errors(region["bound"] / step, region["worst_error"] / step, region["codes_off"])


def elementwise(path, name, source, result):
    """The errors at all codes."""
    side = 1 << (source.bits // 2)
    text = path / "encoded.mlir"
    text.write_text(module(ELEMENTWISE[name], side, side, source, result))
    codes = np.arange(source.low, source.high + 1).astype(source.dtype).reshape(1, side, side)
    return check_bound(text, codes, result.scale)


class RowSearch:
    """Looks for the rows with the largest errors."""

    ROWS = 16

    def __init__(self, path, name, columns, source, result):
        build, self.real = ROWS[name]
        self.path, self.source, self.result = path, source, result
        self.columns = columns
        self.encoded = path / "encoded.mlir"
        self.encoded.write_text(module(build, self.ROWS, columns, source, result))
        self.integer = path / "integer.mlir"
        text = run_tool("qfmt-opt", self.encoded, "--pass-pipeline=builtin.module(qfmt-integerize{float-wrapper=false},"
                                                  "qfmt-decompose,qfmt-verify-integer-only)")
        self.integer.write_bytes(text)
        self.worst_input = None
        bounds = re.findall(rb"qfmt.error_bound = ([0-9.eE+-]+)", text)
        assert len(bounds) == 1, bounds
        self.errors = Errors(float(bounds[0]) / result.scale, 0.0, 0.0)

    def try_rows(self, rows):
        """The largest error of each row."""
        x, y = self.path / "x.npy", self.path / "y.npy"
        codes = rows.astype(self.source.dtype).reshape(-1, self.ROWS, self.columns)
        np.save(x, codes)
        run_tool("qfmt-run", self.integer, "--samples", f"--inputs={x}", f"--outputs={y}")
        # Decomposed, the codes have no sign.
        found = np.load(y).view(self.result.dtype).astype(float)
        real = self.real((codes.astype(float) - self.source.zero) * self.source.scale)
        real = np.clip(real / self.result.scale + self.result.zero, self.result.low, self.result.high)
        error = np.abs(found - real)
        self.errors.codes = max(self.errors.codes, np.abs(found - np.rint(real)).max())
        if error.max() > self.errors.worst:
            self.errors.worst = float(error.max())
            self.worst_input = codes[error.reshape(len(codes), -1).max(-1).argmax()]
        return error.reshape(len(rows), -1).max(-1)

    def climb(self, seed, rounds=5, count=1024, kept=32):
        rng = np.random.default_rng(seed)
        rows = first_rows(rng, count, self.columns, self.source)
        best, best_error = rows[:0], np.zeros(0)
        for _ in range(rounds):
            error = self.try_rows(rows)
            rows, error = np.concatenate([best, rows]), np.concatenate([best_error, error])
            order = np.argsort(-error, kind="stable")[:kept]
            best, best_error = rows[order], error[order]
            rows = np.array([mutated(rng, best[k % kept], self.source) for k in range(count)])
        self.check_worst()
        return self.errors

    def check_worst(self):
        """qfmt-run finds the same error in the worst input."""
        found = check_bound(self.encoded, self.worst_input[None], self.result.scale)
        assert math.isclose(found.bound, self.errors.bound, rel_tol=1e-9)
        assert math.isclose(found.worst, self.errors.worst, rel_tol=1e-5, abs_tol=1e-6)


def first_rows(rng, count, columns, source):
    """Random rows of many amplitudes, constant, one-hot and alternating ones."""
    low, high = source.low, source.high

    def one(kind):
        # Amplitudes from one code to all of them.
        size = int(2 ** rng.uniform(0, source.bits))
        center = int(rng.integers(low, high + 1)) if rng.integers(2) else 0
        if kind == 0:
            row = center + rng.integers(-size, size + 1, columns)
        elif kind == 1:
            row = np.full(columns, center + size)
        elif kind == 2:
            row = np.full(columns, center)
            row[rng.integers(columns)] += size if rng.integers(2) else -size
        elif kind == 3:
            row = center + np.where(np.arange(columns) % 2, size, -size)
        elif kind == 4:
            row = rng.choice([low, high], columns)
        else:
            row = center + np.rint(rng.normal(size=columns) * size / 3)
        return np.clip(row, low, high)

    return np.array([one(k % 6) for k in range(count)]).astype(int)


def mutated(rng, row, source):
    row = row.copy()
    kind = rng.integers(5)
    if kind == 0:
        return np.clip(row + rng.integers(-2, 3), source.low, source.high)
    places = rng.choice(len(row), size=min(len(row), int(2 ** rng.integers(0, 6))), replace=False)
    if kind == 1:
        row[places] = row[rng.integers(len(row))]
    elif kind == 2:
        row[places] = rng.integers(source.low, source.high + 1)
    elif kind == 3:
        row[places] += rng.integers(-3, 4, len(places))
    else:
        row[places] += int(rng.normal() * 2 ** rng.uniform(0, source.bits - 1))
    return np.clip(row, source.low, source.high)


def elementwise_formats(name, bits, result_bits):
    """Around where the functions bend, from -8 to 8."""
    largest = 1.0 if name == "tanh" else 8.0
    return (Format(bits, 8.0 / (1 << (bits - 1)) * 0.97),
            Format(result_bits, largest / (1 << (result_bits - 1)) * 1.01))


def row_formats(name, bits, result_bits):
    source = Format(bits, 0.05 if bits == 8 else 0.0004)
    if name.startswith("soft"):
        return source, Format(result_bits, 2.0**-result_bits, signed=False)
    if name == "l2_norm":
        return source, Format(result_bits, 1.0 / (1 << (result_bits - 1)))
    return source, Format(result_bits, 6.0 / (1 << (result_bits - 1)))


ELEMENTWISE_CASES = [(name, i, o) for name in ELEMENTWISE for i in (8, 16) for o in (8, 16)]
ROW_CASES = [(name, i, o, n) for name in ROWS for i, o, n in [(8, 8, 128), (8, 16, 16), (16, 8, 16), (16, 16, 128)]]


@pytest.mark.parametrize("name, bits, result_bits", ELEMENTWISE_CASES)
def test_elementwise(tmp_path, name, bits, result_bits):
    source, result = elementwise_formats(name, bits, result_bits)
    elementwise(tmp_path, name, source, result).check(8, result)


@pytest.mark.parametrize("name, bits, result_bits, columns", ROW_CASES)
def test_rows(tmp_path, name, bits, result_bits, columns):
    source, result = row_formats(name, bits, result_bits)
    RowSearch(tmp_path, name, columns, source, result).climb(0).check(16, result)


def random_format(rng, largest, bits):
    """A range of about `largest` with any zero point."""
    format = Format(bits, 1.0, bool(rng.integers(2)))
    if rng.integers(2):
        format.zero = int(rng.integers(format.low, format.high + 1))
    reach = max(format.high - format.zero, format.zero - format.low)
    format.scale = float(np.float32(largest / reach))
    return format


def show(*arguments, run):
    import tempfile
    import time
    import traceback

    with tempfile.TemporaryDirectory() as path:
        start = time.time()
        try:
            text = run(Path(path))
        except Exception as failure:  # the table goes on
            text = "FAILED " + (str(failure).strip() or traceback.format_exc())[:600]
        print(*arguments, ":", text, f"({time.time() - start:.1f} s)", flush=True)


def main():
    if len(sys.argv) == 3:
        for seed in range(int(sys.argv[1]), int(sys.argv[2])):
            rng = np.random.default_rng(seed)
            bits, result_bits = rng.choice([8, 16], 2)
            source = random_format(rng, 2 ** rng.uniform(-3, 5), bits)
            result = random_format(rng, 2 ** rng.uniform(-3, 4), result_bits)
            columns = int(rng.integers(1, 129))
            for name in ELEMENTWISE:
                show(seed, name, source, result, run=lambda path: elementwise(path, name, source, result))
            for name in ROWS:
                show(seed, name, columns, source, result,
                     run=lambda path: RowSearch(path, name, columns, source, result).climb(seed))
        return
    for arguments in ELEMENTWISE_CASES:
        show(*arguments, run=lambda path: elementwise(path, arguments[0], *elementwise_formats(*arguments)))
    for name, bits, result_bits, columns in ROW_CASES:
        show(name, bits, result_bits, columns,
             run=lambda path: RowSearch(path, name, columns, *row_formats(name, bits, result_bits)).climb(0))


if __name__ == "__main__":
    main()
