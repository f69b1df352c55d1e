# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Constants, and operations that move elements."""

import numpy as np
from iree.compiler import ir

from qfmt.errors import UserError
from qfmt.onnx_export.exporter import (
    Exporter,
    Filled,
    Repeated,
    constant,
    integers,
    shape_of,
)


def empty(e: Exporter, op: ir.Operation) -> None:
    e.values[op.results[0]] = Filled(None, shape_of(op.results[0].type))


def fill(e: Exporter, op: ir.Operation) -> None:
    value = e.array(op.operands[0])
    if value is None:
        raise UserError(f"{op.name}: fills with a value that is no constant")
    e.values[op.results[0]] = Filled(float(value), shape_of(op.results[0].type))


def broadcast(e: Exporter, op: ir.Operation) -> None:
    dims = integers(op.attributes["dimensions"])
    e.values[op.results[0]] = Repeated(op.operands[0], dims, shape_of(op.results[0].type))


def reshape(e: Exporter, op: ir.Operation) -> None:
    shape = e.graph.shape(shape_of(op.results[0].type))
    e.set(op, e.graph.node("Reshape", [e.read(op.operands[0]), shape]))


def transpose(e: Exporter, op: ir.Operation) -> None:
    perm = integers(op.attributes["permutation"])
    e.set(op, e.graph.node("Transpose", [e.read(op.operands[0])], perm=perm))


def concat(e: Exporter, op: ir.Operation) -> None:
    axis = ir.IntegerAttr(op.attributes["dim"]).value
    e.set(op, e.graph.node("Concat", [e.read(v) for v in op.operands], axis=axis))


def _static(op: ir.Operation, *names: str) -> list[list[int]]:
    if len(op.operands) != 1:
        raise UserError(
            f"{op.name}: has sizes or offsets that are computed; only constants are "
            "exported"
        )
    return [integers(op.attributes[name]) for name in names]


def extract(e: Exporter, op: ir.Operation) -> None:
    offsets, sizes, strides = _static(op, "static_offsets", "static_sizes", "static_strides")
    if len(shape_of(op.results[0].type)) != len(sizes):
        raise UserError(f"{op.name}: drops dimensions, which is not exported")
    ends = [o + (s - 1) * t + 1 for o, s, t in zip(offsets, sizes, strides)]
    axes = list(range(len(sizes)))
    parameters = [e.graph.shape(v) for v in (offsets, ends, axes, strides)]
    e.set(op, e.graph.node("Slice", [e.read(op.operands[0]), *parameters]))


def pad(e: Exporter, op: ir.Operation) -> None:
    low, high = _static(op, "static_low", "static_high")
    (end,) = [inner.operation for inner in op.regions[0].blocks[0].operations][-1:]
    if end.operands[0] not in e.values:
        _require_constant(e, end.operands[0], op)
    value = e.graph.constant(e.array(end.operands[0]).astype(np.float32), "pad_value")
    pads = e.graph.shape([*low, *high])
    e.set(op, e.graph.node("Pad", [e.read(op.operands[0]), pads, value]))


def _require_constant(e: Exporter, value: ir.Value, op: ir.Operation) -> None:
    owner = value.owner
    if isinstance(owner, ir.Block) or owner.name != "arith.constant":
        raise UserError(f"{op.name}: pads with a value that is no constant")
    constant(e, owner)


def same(e: Exporter, op: ir.Operation) -> None:
    e.values[op.results[0]] = e.values[op.operands[0]]
