# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Named operations of linalg: products, convolutions, pools."""

import numpy as np
from iree.compiler import ir

from qfmt.errors import UserError
from qfmt.onnx_export import generic
from qfmt.onnx_export.exporter import Exporter, Filled, Repeated, integers, shape_of
from qfmt.onnx_export.generic import add_init, map_results


def _channel_bias(e: Exporter, init: ir.Value) -> str | None:
    """"" for no bias, the name of a vector along dimension 1, or None: neither."""
    known = e.values[init]
    if isinstance(known, Filled) and not known.value:
        return ""
    if isinstance(known, Repeated):
        rest = [d for d in range(len(known.shape)) if d not in known.dims]
        if rest == [1]:
            return e.read(known.source)
    return None


def _window(op: ir.Operation) -> dict:
    return {key: integers(op.attributes[key]) for key in ("strides", "dilations")}


def _trim(e: Exporter, op: ir.Operation, x: str, sizes: list[int], window: list[int]) -> str:
    """x without what no window reads, in which ONNX would find one window more."""
    count = len(window)
    outputs = shape_of(op.results[0].type)[-count:]
    attributes = _window(op)
    needed = [
        (o - 1) * s + d * (k - 1) + 1
        for o, s, d, k in zip(outputs, attributes["strides"], attributes["dilations"], window)
    ]
    if all(size - n < s for size, n, s in zip(sizes[-count:], needed, attributes["strides"])):
        return x
    axes = list(range(len(sizes) - count, len(sizes)))
    parameters = [e.graph.shape(v) for v in ([0] * count, needed, axes)]
    return e.graph.node("Slice", [x, *parameters])


def _convolve(e: Exporter, op: ir.Operation, x: str, w: str, init: ir.Value, **extra) -> str:
    bias = _channel_bias(e, init)
    inputs = [x, w] + ([bias] if bias else [])
    result = e.graph.node("Conv", inputs, **_window(op), **extra)
    return result if bias is not None else e.graph.node("Add", [result, e.read(init)])


def conv(e: Exporter, op: ir.Operation) -> None:
    x, w, init = op.operands
    image = _trim(e, op, e.read(x), shape_of(x.type), shape_of(w.type)[2:])
    e.set(op, _convolve(e, op, image, e.read(w), init))


def depthwise(e: Exporter, op: ir.Operation) -> None:
    x, w, init = op.operands
    channels, *window = shape_of(w.type)
    shape = e.graph.shape([channels, 1, *window])
    weights = e.graph.node("Reshape", [e.read(w), shape])
    image = _trim(e, op, e.read(x), shape_of(x.type), window)
    e.set(op, _convolve(e, op, image, weights, init, group=channels))


def grouped(e: Exporter, op: ir.Operation) -> None:
    """N x G x C x H x W by G x F x C x KH x KW."""
    x, w, init = op.operands
    n, g, c, *size = shape_of(x.type)
    _, f, _, *window = shape_of(w.type)
    images = e.graph.node("Reshape", [e.read(x), e.graph.shape([n, g * c, *size])])
    images = _trim(e, op, images, [n, g * c, *size], window)
    weights = e.graph.node("Reshape", [e.read(w), e.graph.shape([g * f, c, *window])])
    result = e.graph.node("Conv", [images, weights], **_window(op), group=g)
    shape = shape_of(op.results[0].type)
    result = e.graph.node("Reshape", [result, e.graph.shape(shape)])
    known = e.values[init]
    if not (isinstance(known, Filled) and not known.value):
        result = e.graph.node("Add", [result, e.read(init)])
    e.set(op, result)


def matmul(e: Exporter, op: ir.Operation) -> None:
    a, b, init = op.operands
    if "indexing_maps" in op.attributes and not _is_plain_product(op):
        return generic.generic(e, op)
    result = e.graph.node("MatMul", [e.read(a), e.read(b)])
    e.set(op, add_init(e, result, init))


def _is_plain_product(op: ir.Operation) -> bool:
    maps = [map_results(m) for m in op.attributes["indexing_maps"]]
    batch = ["d0"] if op.name == "linalg.batch_matmul" else []
    m, n, k = [f"d{i + len(batch)}" for i in range(3)]
    return maps == [[*batch, m, k], [*batch, k, n], [*batch, m, n]]


def max_pool(e: Exporter, op: ir.Operation) -> None:
    x, window, init = op.operands
    known = e.values[init]
    lowest = float(np.finfo(np.float32).min)
    if not (isinstance(known, Filled) and known.value is not None and known.value <= lowest):
        raise UserError(f"{op.name}: starts from another value than the lowest")
    kernel = shape_of(window.type)
    image = _trim(e, op, e.read(x), shape_of(x.type), kernel)
    e.set(op, e.graph.node("MaxPool", [image], kernel_shape=kernel, **_window(op)))


def sum_pool(e: Exporter, op: ir.Operation) -> None:
    """A sum over windows is a convolution with ones; over all, a sum."""
    x, window, init = op.operands
    shape, kernel = shape_of(x.type), shape_of(window.type)
    if shape[2:] == kernel:
        axes = e.graph.shape(list(range(2, len(shape))))
        result = e.graph.node("ReduceSum", [e.read(x), axes], keepdims=1)
    else:
        ones = e.graph.constant(np.ones([shape[1], 1, *kernel], np.float32), "ones")
        image = _trim(e, op, e.read(x), shape, kernel)
        result = e.graph.node("Conv", [image, ones], **_window(op), group=shape[1])
    e.set(op, add_init(e, result, init))
