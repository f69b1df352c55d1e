# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Random single layers at level encoded, made integer-only and compared.

Each case is one layer between quantized tensors with random shapes, formats,
scales and zero points. Compiled integer code equals the reference evaluator on
the same IR in every code; level encoded, which computes with reals on the same
codes, differs by at most one code.

`python test_integerize_fuzz.py FIRST LAST` tries the cases of other seeds, one
process each, and names those that fail.
"""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "python"))
from qfmt.errors import UserError  # noqa: E402
from qfmt.tools import find_tool  # noqa: E402


class Format:
    """A static integer format: `bits`, signed or not, scale and zero point."""

    def __init__(self, rng, scale=None, bits=None, symmetric=False):
        self.bits = bits or int(rng.choice([2, 3, 4, 7, 8, 8, 8, 12, 16]))
        self.unsigned = bool(rng.integers(2)) and not symmetric
        self.low = 0 if self.unsigned else -(1 << (self.bits - 1))
        self.high = self.low + (1 << self.bits) - 1
        self.scale = float(np.float32(scale or np.exp(rng.uniform(-6, 3))))
        self.zero = 0
        if not symmetric and rng.integers(2):
            self.zero = int(rng.integers(self.low, self.high + 1))
            if rng.integers(4) == 0:
                self.zero = int(rng.choice([self.low, self.high]))

    def attr(self):
        sign = "u" if self.unsigned else ""
        return (f"#qfmt.scaled<{sign}i{self.bits}, scale = {self.scale:.9e}, "
                f"zero_point = {self.zero}>")

    def largest(self):
        """The largest magnitude of a real of this format."""
        return self.scale * max(self.high - self.zero, self.zero - self.low)

    def codes(self, rng, shape):
        codes = rng.integers(self.low, self.high + 1, size=shape)
        # Extremes matter and are rare in 16 bits.
        codes[rng.random(size=shape) < 0.1] = self.low
        codes[rng.random(size=shape) < 0.1] = self.high
        kind = ("u" if self.unsigned else "i") + ("1" if self.bits <= 8 else "2")
        return codes.astype(kind)


def tensor(shape, element="f32", attr=None):
    dims = "x".join([*map(str, shape), element])
    return f"tensor<{dims}{', ' + attr if attr else ''}>"


def literal(values):
    """An array as the text of a dense attribute."""
    if values.ndim == 0:
        value = values.item()
        return str(value) if isinstance(value, int) else f"{value:.9e}"
    return "[" + ", ".join(literal(np.asarray(v)) for v in values) + "]"


class Layer:
    """Builds the text of one layer; names of its values start with `prefix`."""

    def __init__(self, rng, prefix):
        self.rng, self.prefix, self.count = rng, prefix, 0
        self.lines, self.arguments, self.results = [], [], []

    def name(self):
        self.count += 1
        return f"%{self.prefix}_{self.count}"

    def emit(self, text):
        name = self.name()
        self.lines.append(f"{name} = {text}")
        return name

    def argument(self, shape, format=None):
        """An encoded argument, as (name, type, format)."""
        format = format or Format(self.rng)
        name = self.name()
        type = tensor(shape, attr=format.attr())
        self.arguments.append((name, type, format.codes(self.rng, shape)))
        return name, type, format

    def constant(self, values, element="f32"):
        values = np.asarray(values)
        type = tensor(values.shape, element)
        return self.emit(f"arith.constant dense<{literal(values)}> : {type}"), type

    def scalar(self, value):
        if value in ("-inf", "inf"):
            value = {"-inf": "0xFF800000", "inf": "0x7F800000"}[value]
            return self.emit(f"arith.constant {value} : f32")
        return self.emit(f"arith.constant {float(np.float32(value)):.9e} : f32")

    def weights(self, shape, channel=None):
        """Constant codes with a scale for each index along `channel`: (name,
        type, largest scale, bits)."""
        bits = int(self.rng.choice([2, 4, 8, 8]))
        codes = self.rng.integers(-(1 << (bits - 1)), 1 << (bits - 1), size=shape)
        name, type = self.constant(codes, f"i{bits}")
        if channel is None:
            scale = float(np.float32(np.exp(self.rng.uniform(-4, 1))))
            attr = f"#qfmt.scaled<i{bits}, scale = {scale:.9e}>"
            result = tensor(shape, attr=attr)
            return self.emit(f"qfmt.assemble {name} : {type} to {result}"), result, scale, bits
        grid = [size if d == channel else 1 for d, size in enumerate(shape)]
        scales = np.exp(self.rng.uniform(-3, 1, size=grid)).astype("f4")
        s, stype = self.constant(scales)
        block = ", ".join("1" if d == channel else "*" for d in range(len(shape)))
        result = tensor(shape, attr=f"#qfmt.scaled<i{bits}, block = [{block}], scale = f32>")
        return (self.emit(f"qfmt.assemble {name}, {s} : {type}, {stype} to {result}"), result,
                float(scales.max()), bits)

    def empty(self, shape):
        return self.emit(f"tensor.empty() : {tensor(shape)}")

    def fill(self, shape, value):
        scalar, empty = self.scalar(value), self.empty(shape)
        return self.emit(f"linalg.fill ins({scalar} : f32) outs({empty} : {tensor(shape)}) -> {tensor(shape)}")

    def generic(self, maps, iterators, inputs, outs, shapes, body):
        """linalg.generic; inputs are (name, type), outs names of f32 tensors; the body reads %i0.. and %o0.."""
        args = [f"%i{k}: f32" for k in range(len(inputs))] + [f"%o{k}: f32" for k in range(len(outs))]
        types = ", ".join(tensor(s) for s in shapes)
        ins = f"ins({', '.join(n for n, _ in inputs)} : {', '.join(t for _, t in inputs)}) " if inputs else ""
        text = (f"linalg.generic {{indexing_maps = [{', '.join(f'affine_map<{m}>' for m in maps)}], "
                f"iterator_types = [{', '.join(chr(34) + i + chr(34) for i in iterators)}]}} {ins}"
                f"outs({', '.join(outs)} : {types}) {{\n^bb0({', '.join(args)}):\n"
                + "\n".join(body) + f"\n}} -> {'(' + types + ')' if len(outs) > 1 else types}")
        if len(outs) == 1:
            return self.emit(text)
        name = self.name()
        self.lines.append(f"{name}:{len(outs)} = {text}")
        return [f"{name}#{k}" for k in range(len(outs))]

    def result(self, value, shape, largest, finest=0.0):
        """Quantizes `value`, which is at most `largest`, to a format with a scale
        not below `finest`."""
        format = Format(self.rng)
        steps = 1 << (format.bits - 1)
        format.scale = max(largest / steps * float(np.exp(self.rng.uniform(-1.5, 1))), finest)
        format.scale = float(np.float32(format.scale * 1.000001))
        type = tensor(shape, attr=format.attr())
        rounding = self.rng.choice(["", "", "", " rounding = half_away", " rounding = half_up"])
        name = self.emit(f"qfmt.quantize {value}{rounding} : {tensor(shape)} to {type}")
        self.results.append((name, type))


def shape_of(rng, rank, low=1, high=6):
    return [int(n) for n in rng.integers(low, high, size=rank)]


def dims(rank):
    return [f"d{i}" for i in range(rank)]


def elementwise(layer, rng):
    """A binary operation with permuted and broadcast operands."""
    op = rng.choice(["addf", "subf", "mulf", "maximumf", "minimumf", "maxnumf"])
    rank = int(rng.integers(0, 4))
    shape = shape_of(rng, rank)
    order = [int(d) for d in rng.permutation(rank)]
    loops = ", ".join(dims(rank))
    a = layer.argument(shape)
    other = [shape[d] for d in order]
    b = layer.argument(other)
    if op != "mulf":
        # Apart by at most 2^10, or one of them does not matter.
        b_format = b[2]
        b_format.scale = float(np.float32(a[2].scale * np.exp(rng.uniform(-5, 5))))
        layer.arguments[-1] = (b[0], tensor(other, attr=b_format.attr()), layer.arguments[-1][2])
        b = (b[0], layer.arguments[-1][1], b_format)
    maps = [f"({loops}) -> ({loops})", f"({loops}) -> ({', '.join(f'd{d}' for d in order)})", f"({loops}) -> ({loops})"]
    value = layer.generic(maps, ["parallel"] * rank, [a[:2], b[:2]], [layer.empty(shape)], [shape],
                          [f"%r = arith.{op} %i0, %i1 : f32", "linalg.yield %r : f32"])
    la, lb = a[2].largest(), b[2].largest()
    layer.result(value, shape, la * lb if op == "mulf" else la + lb)


def clamp(layer, rng):
    """relu, a clamp and a selection, written in the ways of importers."""
    shape = shape_of(rng, int(rng.integers(0, 4)))
    loops = ", ".join(dims(len(shape)))
    a = layer.argument(shape)
    low = layer.scalar(-a[2].largest() * rng.uniform(0, 1.2) * rng.integers(0, 2))
    high = layer.scalar(rng.choice(["inf", a[2].largest() * rng.uniform(0, 1.2)]))
    body = [
        [f"%c = arith.cmpf ugt, %i0, {low} : f32", f"%r = arith.select %c, %i0, {low} : f32"],
        [f"%l = arith.maximumf {low}, %i0 : f32", f"%r = arith.minimumf %l, {high} : f32"],
        [f"%c = arith.cmpf olt, %i0, {low} : f32", f"%s = arith.select %c, {low}, %i0 : f32",
         f"%d = arith.cmpf ogt, %s, {high} : f32", f"%r = arith.select %d, {high}, %s : f32"],
        [f"%n = arith.negf %i0 : f32", f"%c = arith.cmpf ult, %n, {low} : f32",
         f"%r = arith.select %c, %i0, %n : f32"],
        ["%r = math.absf %i0 : f32"],
    ][rng.integers(5)]
    value = layer.generic([f"({loops}) -> ({loops})"] * 2, ["parallel"] * len(shape), [a[:2]],
                          [layer.empty(shape)], [shape], [*body, "linalg.yield %r : f32"])
    layer.result(value, shape, a[2].largest())


def affine(layer, rng):
    """v * c + d with constants along a dimension, of both signs or with zeros; two results."""
    shape = shape_of(rng, 3)
    a = layer.argument(shape)
    factor = rng.normal(size=shape[1]).astype("f4")
    kind = rng.integers(3)
    if kind == 0:
        factor[rng.integers(shape[1])] = 0
    elif kind == 1:
        factor = -np.abs(factor)
    offset = (rng.normal(size=shape[1]) * a[2].largest()).astype("f4")
    c, d = layer.constant(factor), layer.constant(offset)
    maps = ["(a, b, c) -> (a, b, c)", "(a, b, c) -> (b)", "(a, b, c) -> (b)"] + ["(a, b, c) -> (a, b, c)"] * 2
    first, second = layer.generic(
        maps, ["parallel"] * 3, [a[:2], c, d], [layer.empty(shape), layer.empty(shape)], [shape, shape],
        ["%m = arith.mulf %i0, %i1 : f32", "%s = arith.addf %m, %i2 : f32",
         "%t = arith.subf %i2, %i0 : f32", "linalg.yield %s, %t : f32, f32"])
    largest = a[2].largest()
    layer.result(first, shape, largest * float(np.abs(factor).max()) + float(np.abs(offset).max()))
    layer.result(second, shape, largest + float(np.abs(offset).max()))


def bias_or_zero(layer, rng, shape, channel, largest):
    """An initial value: 0, or a bias along `channel`."""
    if rng.integers(2):
        return layer.fill(shape, 0.0), 0.0
    bias = (rng.normal(size=shape[channel]) * largest * 0.2).astype("f4")
    b, type = layer.constant(bias)
    others = [d for d in range(len(shape)) if d != channel]
    return layer.emit(f"linalg.broadcast ins({b} : {type}) outs({layer.empty(shape)} : {tensor(shape)}) "
                      f"dimensions = {others}"), float(np.abs(bias).max())


def product(layer, rng, op, attrs, a, w, shape, channel, summands):
    """A named operation that adds up `summands` products, and its quantization."""
    scale = a[2].scale * w[2]
    largest = a[2].largest() * w[2] * (1 << (w[3] - 1)) * summands
    typical = largest / np.sqrt(summands)
    init, bias = bias_or_zero(layer, rng, shape, channel, typical)
    value = layer.emit(f"linalg.{op} {attrs}ins({a[0]}, {w[0]} : {a[1]}, {w[1]}) "
                       f"outs({init} : {tensor(shape)}) -> {tensor(shape)}")
    layer.result(value, shape, typical + bias, scale)


def matmul(layer, rng):
    m, k, n = shape_of(rng, 3, 1, 12)
    a = layer.argument([m, k])
    w = layer.weights([k, n], rng.choice([None, 1]))
    product(layer, rng, "matmul", "", a, w, [m, n], 1, k)


def matmul_input_scales(layer, rng):
    """Weights with one scale for each index of the reduced dimension."""
    m, k, n = shape_of(rng, 3, 1, 12)
    a = layer.argument([m, k], Format(rng, bits=int(rng.choice([4, 8]))))
    w = layer.weights([k, n], 0)
    product(layer, rng, "matmul", "", a, w, [m, n], 1, k)


def matmul_activations(layer, rng):
    """Two activations; sometimes an encoded tensor is the initial value."""
    b, m, k, n = shape_of(rng, 4, 1, 8)
    x = layer.argument([b, m, k], Format(rng, bits=int(rng.choice([4, 8, 12]))))
    y = layer.argument([b, k, n], Format(rng, bits=int(rng.choice([4, 8, 12, 16]))))
    shape = [b, m, n]
    largest = x[2].largest() * y[2].largest() * k
    init, start = layer.fill(shape, 0.0), 0.0
    if rng.integers(2):
        z = layer.argument(shape, Format(rng, bits=8, scale=largest / 300))
        init = layer.emit(f"qfmt.dequantize {z[0]} : {z[1]} to {tensor(shape)}")
        start = z[2].largest()
    value = layer.emit(f"linalg.batch_matmul ins({x[0]}, {y[0]} : {x[1]}, {y[1]}) "
                       f"outs({init} : {tensor(shape)}) -> {tensor(shape)}")
    layer.result(value, shape, largest / np.sqrt(k) + start, x[2].scale * y[2].scale)


def window(rng):
    kernel, stride, dilation = shape_of(rng, 2, 1, 4), shape_of(rng, 2, 1, 3), shape_of(rng, 2, 1, 3)
    out = shape_of(rng, 2, 1, 4)
    size = [(o - 1) * s + (k - 1) * d + 1 for o, s, k, d in zip(out, stride, kernel, dilation)]
    attrs = (f"{{dilations = dense<{dilation}> : vector<2xi64>, strides = dense<{stride}> : vector<2xi64>}} ")
    return kernel, size, out, attrs


def convolution(layer, rng):
    kernel, size, out, attrs = window(rng)
    n, c, f, g = shape_of(rng, 4, 1, 4)
    window_size = kernel[0] * kernel[1]
    kind = rng.integers(5)
    a_format = Format(rng)
    if kind == 0:
        a = layer.argument([n, c, *size], a_format)
        w = layer.weights([f, c, *kernel], rng.choice([None, 0]))
        product(layer, rng, "conv_2d_nchw_fchw", attrs, a, w, [n, f, *out], 1, c * window_size)
    elif kind == 1:
        a = layer.argument([n, *size, c], a_format)
        w = layer.weights([*kernel, c, f], rng.choice([None, 3]))
        product(layer, rng, "conv_2d_nhwc_hwcf", attrs, a, w, [n, *out, f], 3, c * window_size)
    elif kind == 2:
        a = layer.argument([n, *size, c], a_format)
        w = layer.weights([*kernel, c, f], rng.choice([None, 2, 3]))
        product(layer, rng, "depthwise_conv_2d_nhwc_hwcm", attrs, a, w, [n, *out, c, f], 4, window_size)
    elif kind == 3:
        a = layer.argument([n, c, *size], a_format)
        w = layer.weights([c, *kernel], rng.choice([None, 0]))
        product(layer, rng, "depthwise_conv_2d_nchw_chw", attrs, a, w, [n, c, *out], 1, window_size)
    else:
        a = layer.argument([n, g, c, *size], a_format)
        w = layer.weights([g, f, c, *kernel], rng.choice([None, 1]))
        product(layer, rng, "conv_2d_ngchw_gfchw", attrs, a, w, [n, g, f, *out], 2, c * window_size)


def pooling(layer, rng):
    kernel, size, out, attrs = window(rng)
    n, c = shape_of(rng, 2, 1, 4)
    kind = rng.choice(["nchw_max", "nchw_sum", "nhwc_min", "nhwc_max", "nhwc_sum"])
    nchw = kind.startswith("nchw")
    a = layer.argument([n, c, *size] if nchw else [n, *size, c])
    shape = [n, c, *out] if nchw else [n, *out, c]
    start = {"max": rng.choice(["-inf", -3.4028234e38, 0.0]), "min": rng.choice(["inf", 3.4028234e38]), "sum": 0.0}[kind[-3:]]
    init, win = layer.fill(shape, start), layer.empty(kernel)
    value = layer.emit(f"linalg.pooling_{kind} {attrs}ins({a[0]}, {win} : {a[1]}, {tensor(kernel)}) "
                       f"outs({init} : {tensor(shape)}) -> {tensor(shape)}")
    largest = a[2].largest()
    if kind.endswith("sum"):
        area = layer.scalar(kernel[0] * kernel[1])
        identity = "(a, b, c, d) -> (a, b, c, d)"
        value = layer.generic([identity, identity], ["parallel"] * 4, [(value, tensor(shape))], [layer.empty(shape)],
                              [shape], [f"%r = arith.divf %i0, {area} : f32", "linalg.yield %r : f32"])
    layer.result(value, shape, largest)


def reduction(layer, rng):
    """Over a dimension in the middle, with transposed operand and result."""
    shape = shape_of(rng, 4)
    kind, start = {0: ("addf", 0.0), 1: ("maximumf", "-inf"), 2: ("minimumf", "inf")}[int(rng.integers(3))]
    a = layer.argument([shape[d] for d in (2, 0, 3, 1)])
    result = [shape[3], shape[0]]
    value = layer.generic(["(a, b, c, d) -> (c, a, d, b)", "(a, b, c, d) -> (d, a)"],
                          ["parallel", "reduction", "reduction", "parallel"], [a[:2]], [layer.fill(result, start)],
                          [result], [f"%r = arith.{kind} %o0, %i0 : f32", "linalg.yield %r : f32"])
    layer.result(value, result, a[2].largest() * (shape[1] * shape[2] if kind == "addf" else 1))


def moves(layer, rng):
    """pad, reshape, transpose, concat and slice of codes, then another format."""
    format = Format(rng)
    n, c, h, w = shape_of(rng, 4, 2, 5)
    a = layer.argument([n, c, h, w], format)
    b = layer.argument([n, c, h, w], format)
    attr = format.attr()
    total = [n, c + c, h, w]
    value = layer.emit(f"tensor.concat dim(1) {a[0]}, {b[0]} : ({a[1]}, {b[1]}) -> {tensor(total, attr=attr)}")
    # A value that has a code: scale * k may not be exact in f32, 0 is.
    code = int(rng.integers(format.low, format.high + 1))
    exact = np.float32(format.scale * (code - format.zero))
    padding = layer.scalar(exact if float(exact) == format.scale * (code - format.zero) else 0.0)
    padded = [n, c + c + 1, h, w + 3]
    value = layer.emit(f"tensor.pad {value} low[0, 1, 0, 1] high[0, 0, 0, 2] {{\n"
                       f"^bb0(%a: index, %b: index, %c: index, %d: index):\ntensor.yield {padding} : f32\n}} : "
                       f"{tensor(total, attr=attr)} to {tensor(padded, attr=attr)}")
    flat = [n, padded[1] * h, padded[3]]
    value = layer.emit(f"tensor.collapse_shape {value} [[0], [1, 2], [3]] : {tensor(padded, attr=attr)} into "
                       f"{tensor(flat, attr=attr)}")
    value = layer.emit(f"tensor.extract_slice {value}[0, 1, 0] [{n}, {flat[1] - 1}, {flat[2]}] [1, 1, 1] : "
                       f"{tensor(flat, attr=attr)} to {tensor([n, flat[1] - 1, flat[2]], attr=attr)}")
    flat[1] -= 1
    swapped = [flat[2], flat[0], flat[1]]
    real = layer.generic(["(a, b, c) -> (a, b, c)", "(a, b, c) -> (c, a, b)"], ["parallel"] * 3,
                         [(value, tensor(flat, attr=attr))], [layer.empty(swapped)], [swapped],
                         ["linalg.yield %i0 : f32"])
    if rng.integers(2):
        # The encoded tensor is transposed, and read after that.
        into = tensor(swapped, attr=attr)
        moved = layer.emit(f"linalg.transpose ins({value} : {tensor(flat, attr=attr)}) "
                           f"outs({layer.emit(f'tensor.empty() : {into}')} : {into}) permutation = [2, 0, 1]")
        layer.results.append((moved, into))
        real = layer.emit(f"qfmt.dequantize {moved} : {into} to {tensor(swapped)}")
    layer.result(real, swapped, format.largest())


def conversion(layer, rng):
    shape = shape_of(rng, int(rng.integers(0, 3)))
    a = layer.argument(shape)
    to = Format(rng)
    to.scale = float(np.float32(a[2].scale * rng.choice([0.5, 2.0, 1.0, 0.37, 11.0])))
    type = tensor(shape, attr=to.attr())
    layer.results.append((layer.emit(f"qfmt.convert {a[0]} : {a[1]} to {type}"), type))


KINDS = [elementwise, clamp, affine, matmul, matmul_input_scales, matmul_activations, convolution, convolution,
         pooling, reduction, moves, conversion]


def make_layer(seed, index):
    rng = np.random.default_rng([seed, index])
    layer = Layer(rng, f"l{index}")
    layer.kind = KINDS[index % len(KINDS)]
    layer.kind(layer, rng)
    return layer


def make_module(layers):
    arguments = ", ".join(f"{n}: {t}" for layer in layers for n, t, _ in layer.arguments)
    results = [r for layer in layers for r in layer.results]
    types = ", ".join(t for _, t in results)
    body = "\n".join(line for layer in layers for line in layer.lines)
    return (f"func.func @main({arguments}) -> ({types}) {{\n{body}\n"
            f"return {', '.join(n for n, _ in results)} : {types}\n}}\n")


def run(path, engine, inputs, count):
    outputs = [path.with_suffix(f".{engine}.{k}.npy") for k in range(count)]
    done = subprocess.run(
        [find_tool("qfmt-run"), path, "--entry=main", f"--engine={engine}", "-O=1",
         "--inputs=" + ",".join(map(str, inputs)), "--outputs=" + ",".join(map(str, outputs))],
        capture_output=True, text=True)
    assert done.returncode == 0, f"{path} --engine={engine}: {done.stderr}"
    return [np.load(output) for output in outputs]


def compare(layers, directory):
    """Runs the layers at both levels and asserts what the file's head says."""
    encoded, integer = directory / "encoded.mlir", directory / "integer.mlir"
    encoded.write_text(make_module(layers))
    done = subprocess.run(
        [find_tool("qfmt-opt"), encoded, "-o", integer,
         "--pass-pipeline=builtin.module(qfmt-verify-level{level=encoded},"
         "qfmt-integerize{float-wrapper=false accumulator-bits=64},qfmt-verify-level{level=integer})"],
        capture_output=True, text=True)
    assert done.returncode == 0, f"{encoded}: {done.stderr}"
    inputs = []
    for layer in layers:
        for _, _, codes in layer.arguments:
            inputs.append(directory / f"in{len(inputs)}.npy")
            np.save(inputs[-1], codes)
    owners = [(layer, k) for layer in layers for k in range(len(layer.results))]
    real = run(encoded, "reference", inputs, len(owners))
    exact = run(integer, "reference", inputs, len(owners))
    compiled = run(integer, "jit", inputs, len(owners))
    for (layer, k), r, e, c in zip(owners, real, exact, compiled):
        what = f"{layer.kind.__name__}, result {k} of {layer.prefix} in {encoded}"
        assert np.array_equal(e, c), f"{what}: compiled code differs from the reference"
        difference = np.abs(r.astype("i4") - e.astype("i4"))
        assert difference.max(initial=0) <= 1, f"{what}: codes differ by {difference.max()}"


@pytest.mark.parametrize("batch", range(4))
def test_random_layers(tmp_path, batch):
    try:
        find_tool("qfmt-run")
    except UserError as error:
        pytest.skip(str(error))
    size = len(KINDS)
    compare([make_layer(22, batch * size + k) for k in range(size)], tmp_path)


def explore(first, last):
    import tempfile

    for index in range(first, last):
        directory = Path(tempfile.mkdtemp(prefix=f"fuzz{index}-"))
        try:
            compare([make_layer(99, index)], directory)
        except AssertionError as error:
            print(f"case {index}: {str(error)[:600]}", flush=True)


if __name__ == "__main__":
    explore(int(sys.argv[1]), int(sys.argv[2]))
