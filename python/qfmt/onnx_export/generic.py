# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""linalg.generic: element-wise operations, reductions and contractions."""

import re

import numpy as np
from iree.compiler import ir

from qfmt.errors import UserError
from qfmt.onnx_export import arithmetic
from qfmt.onnx_export.exporter import Constant, Exporter, Filled, Repeated, shape_of


def add_init(e: Exporter, result: str, init: ir.Value) -> str:
    """Broadcasting of ONNX aligns the last dimensions, as a bias does."""
    known = e.values[init]
    if isinstance(known, Filled) and not known.value:
        return result
    if isinstance(known, Repeated):
        rank = len(known.shape)
        rest = [d for d in range(rank) if d not in known.dims]
        if rest == list(range(rank - len(rest), rank)):
            return e.graph.node("Add", [result, e.read(known.source)])
    return e.graph.node("Add", [result, e.read(init)])


def _loop(text: str, op: ir.Operation) -> int | None:
    if match := re.fullmatch(r"d(\d+)", text):
        return int(match[1])
    if text == "0":
        return None
    raise UserError(f"{op.name}: reads at {text}; only loops and 0 are exported")


def map_results(attribute: ir.Attribute) -> list[str]:
    """The results of affine_map<(d0, d1) -> (d0, d1)>."""
    inner = re.search(r"->\s*\((.*)\)>", str(attribute))[1]
    return [part.strip() for part in inner.split(",")] if inner.strip() else []


def _align(e: Exporter, value: ir.Value, loops: list, rank: int) -> str:
    """The operand with one dimension a loop, of size 1 where it does not move."""
    name, shape = e.read(value), _shape_or_scalar(value.type)
    used = [loop for loop in loops if loop is not None]
    if len(used) != len(set(used)):
        raise UserError("linalg.generic: reads a diagonal, which is not exported")
    if used != sorted(used):
        # Dimensions at 0 have size 1 and may stand anywhere.
        order = sorted(range(len(loops)), key=lambda d: (loops[d] is None, loops[d] or 0))
        name = e.graph.node("Transpose", [name], perm=order)
        loops, shape = [loops[d] for d in order], [shape[d] for d in order]
    sizes = [1] * rank
    for loop, size in zip(loops, shape):
        if loop is not None:
            sizes[loop] = size
    # Leading ones are what broadcasting adds.
    wanted = sizes
    while wanted and wanted[0] == 1 and len(wanted) > len(shape):
        wanted = wanted[1:]
    if wanted == shape:
        return name
    return e.graph.node("Reshape", [name, e.graph.shape(wanted)])


def _shape_or_scalar(type: ir.Type) -> list[int]:
    try:
        return shape_of(type)
    except ValueError:
        return []


def generic(e: Exporter, op: ir.Operation) -> None:
    if len(op.results) != 1:
        raise UserError(f"{op.name}: has {len(op.results)} results; one is exported")
    *inputs, init = op.operands
    *maps, output = [
        [_loop(r, op) for r in map_results(a)] for a in op.attributes["indexing_maps"]
    ]
    # A named operation with maps of its own is a product.
    named = "iterator_types" not in op.attributes
    reduces = named or "reduction" in str(op.attributes["iterator_types"])
    body = op.regions[0].blocks[0]
    if reduces:
        return _reduction(e, op, inputs, maps, output, init, body)
    rank = len(output)
    if output != list(range(rank)):
        raise UserError(f"{op.name}: writes transposed, which is not exported")
    if _uses(body.arguments[len(inputs)]):
        raise UserError(
            f"{op.name}: reads what it writes to; only sums and maxima are exported"
        )
    arguments = [_align(e, v, m, rank) for v, m in zip(inputs, maps)]
    shape = shape_of(op.results[0].type)
    result = arithmetic.evaluate(e.graph, body, arguments, shape, e.known)
    if not any(_full(v, m, shape) for v, m in zip(inputs, maps)):
        result = e.graph.node("Expand", [result, e.graph.shape(shape)])
    e.set(op, result)


def _full(value: ir.Value, loops: list, shape: list[int]) -> bool:
    """True if the operand alone has the result's shape."""
    sizes = dict(zip(loops, _shape_or_scalar(value.type)))
    return all(sizes.get(loop, 1) == size for loop, size in enumerate(shape))


def _uses(value: ir.Value) -> bool:
    return any(True for _ in value.uses)


def _reduction(e, op, inputs, maps, output, init, body) -> None:
    """A contraction is an Einsum; one input's sum, maximum or minimum a reduction."""
    operations = [inner.operation for inner in body.operations]
    names = [inner.name for inner in operations]
    accumulator = body.arguments[len(inputs)]
    if names == ["arith.mulf", "arith.addf", "linalg.yield"] and len(inputs) == 2:
        product, total, _ = operations
        if list(product.operands) == list(body.arguments)[:2] and set(total.operands) == {
            accumulator, product.results[0],
        }:  # fmt: skip
            return e.set(op, add_init(e, _einsum(e, op, inputs, maps, output), init))
    known = {
        "arith.addf": ("ReduceSum", 0.0),
        "arith.maximumf": ("ReduceMax", -np.inf),
        "arith.minimumf": ("ReduceMin", np.inf),
    }
    loops = len(maps[0])
    kept = [loop for loop in output if loop is not None]
    plain = len(inputs) == 1 and maps[0] == list(range(loops)) and kept == sorted(kept)
    if plain and len(names) == 2 and names[0] in known:
        op_type, identity = known[names[0]]
        start = e.values[init]
        whole = set(operations[0].operands) == {body.arguments[0], accumulator}
        if whole and isinstance(start, Filled) and start.value == identity:
            axes = e.graph.shape([loop for loop in range(loops) if loop not in output])
            result = e.graph.node(op_type, [e.read(inputs[0]), axes], keepdims=0)
            if None in output:
                shape = e.graph.shape(shape_of(op.results[0].type))
                result = e.graph.node("Reshape", [result, shape])
            return e.set(op, result)
    raise UserError(
        f"{op.name}: is a reduction that is not exported; sums, maxima and products "
        "are"
    )


def _einsum(e: Exporter, op: ir.Operation, inputs: list, maps: list, output: list) -> str:
    letters = "abcdefghijklmnopqrstuvwxyz"
    operands, terms = [], []
    for value, loops in zip(inputs, maps):
        name, shape = e.read(value), shape_of(value.type)
        if None in loops:
            kept = [s for s, loop in zip(shape, loops) if loop is not None]
            name = e.graph.node("Reshape", [name, e.graph.shape(kept)])
        operands.append(name)
        terms.append("".join(letters[loop] for loop in loops if loop is not None))
    equation = ",".join(terms) + "->" + "".join(letters[loop] for loop in output)
    return e.graph.node("Einsum", operands, equation=equation)


def elementwise(e: Exporter, op: ir.Operation) -> None:
    """An operation of arith or math on tensors, or on constants."""
    arrays = [e.array(value) for value in op.operands]
    if all(array is not None for array in arrays):
        result = arithmetic.fold(op, arrays)
        if result is not None:
            e.values[op.results[0]] = Constant(result)
            return
    if op.name not in arithmetic.SAME:
        raise UserError(f"{op.name}: is not exported to ONNX")
    operands = [e.read(value) for value in op.operands]
    e.set(op, e.graph.node(arithmetic.SAME[op.name], operands))
