# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Linalg from torch-mlir -> the module the rest of qfmt expects.

Names of inputs and outputs become `qfmt.name` on @main's arguments and
results; results of linalg.generic that nothing reads go (torch-mlir computes the
place of a maximum with the maximum); constant tensors become dense_resource; transposes of constants are
carried out, so that a weight is a constant where it is used (LLVM 22 folds
nothing that reads a dense_resource); the operations of qfmt that were cut out are
put in. Fails if an operation of another dialect
or a dynamic tensor is left. Changes no number and no order of operations.
"""

import io
import re

import numpy as np
import onnx
from iree.compiler import ir

from qfmt.errors import UserError
from qfmt.onnx_import import quantized

_DIALECTS = {"builtin", "func", "linalg", "tensor", "arith", "math", "scf"}
# Bytecode with resources aligned to more than this can not be read from a small
# file: LLVM 22 reads files below 16 KiB into a buffer of this alignment, and the
# bytecode reader then refuses ("expected section alignment 64").
_ALIGNMENT = 16


def finish(bytecode: bytes, plan: quantized.Plan) -> bytes:
    with ir.Context() as context, ir.Location.unknown():
        context.allow_unregistered_dialects = True  # qfmt
        module = ir.Module.parse(bytecode).operation
        (main,) = module.regions[0].blocks[0].operations
        _check_contract(module)
        _drop_unused_results(main)
        _fold_constant_transposes(main)
        _move_constants_to_resources(main)
        quantized.stitch(main, plan)
        _name_interface(main, plan.graph)
        module.verify()
        result = io.BytesIO()
        module.write_bytecode(result)
    return result.getvalue()


def _check_contract(module: ir.Operation) -> None:
    """Only operations that qfmt reads, only static tensors."""
    left = {}

    def visit(operation: ir.Operation) -> ir.WalkResult:
        if operation.name.partition(".")[0] not in _DIALECTS:
            left[f"operation {operation.name} at {operation.location}"] = None
        for result in operation.results:
            if ir.ShapedType.isinstance(result.type):
                if not ir.ShapedType(result.type).has_static_shape:
                    left[f"{result.type} at {operation.location}"] = None
        return ir.WalkResult.ADVANCE

    module.walk(visit)
    if left:
        raise UserError("\n  ".join(["torch-mlir left what qfmt does not read:", *left]))


def _name_interface(main: ir.Operation, graph: onnx.GraphProto) -> None:
    def names(values) -> ir.ArrayAttr:
        return ir.ArrayAttr.get(
            [ir.DictAttr.get({"qfmt.name": ir.StringAttr.get(v.name)}) for v in values]
        )

    for name in list(main.attributes):
        if name.startswith("torch."):
            del main.attributes[name]
    main.attributes["arg_attrs"] = names(graph.input)
    main.attributes["res_attrs"] = names(graph.output)


def _operations(main: ir.Operation, name: str) -> list[ir.Operation]:
    found = []

    def visit(operation: ir.Operation) -> ir.WalkResult:
        if operation.name == name:
            found.append(operation)
        return ir.WalkResult.ADVANCE

    main.walk(visit)
    return found


def _drop_unused_results(main: ir.Operation) -> None:
    """Of linalg.generic, where the result is not what its body computes others from."""
    for generic in _operations(main, "linalg.generic"):
        unused = [
            index
            for index, result in enumerate(generic.results)
            if not _is_used(result) and _only_feeds_itself(generic, index)
        ]
        if unused and len(unused) < len(generic.results):
            _rebuild_without(generic, unused)


def _is_used(value: ir.Value) -> bool:
    return any(True for _ in value.uses)


def _only_feeds_itself(generic: ir.Operation, index: int) -> bool:
    """True if the argument of the result is used for nothing but the result."""
    block = generic.regions[0].blocks[0]
    *body, end = block.operations
    inputs = len(generic.operands) - len(generic.results)
    reached = {block.arguments[inputs + index]}
    for operation in body:
        if any(operand in reached for operand in operation.operands):
            reached.update(operation.results)
    others = [v for place, v in enumerate(end.operands) if place != index]
    return not any(value in reached for value in others)


def _rebuild_without(generic: ir.Operation, unused: list[int]) -> None:
    inputs = len(generic.operands) - len(generic.results)
    kept = [i for i in range(len(generic.results)) if i not in unused]
    places = [*range(inputs), *(inputs + i for i in kept)]
    attributes = {name: generic.attributes[name] for name in generic.attributes}
    maps = list(generic.attributes["indexing_maps"])
    attributes["indexing_maps"] = ir.ArrayAttr.get([maps[i] for i in places])
    attributes["operandSegmentSizes"] = ir.DenseI32ArrayAttr.get([inputs, len(kept)])
    with ir.InsertionPoint(generic), generic.location:
        rebuilt = ir.Operation.create(
            "linalg.generic",
            results=[generic.results[i].type for i in kept],
            operands=[generic.operands[i] for i in places],
            attributes=attributes,
            regions=1,
        )
    for place, index in enumerate(kept):
        generic.results[index].replace_all_uses_with(rebuilt.results[place])
    block = generic.regions[0].blocks[0]
    block.append_to(rebuilt.regions[0])
    _end_with(block, kept)
    for index in reversed(unused):
        block.erase_argument(inputs + index)
    starts = [generic.operands[inputs + i].owner for i in unused]
    generic.erase()
    for operation in starts:
        _erase_if_dead(operation)


def _end_with(block: ir.Block, kept: list[int]) -> None:
    """Yields only the `kept` values, and drops what was computed for the others."""
    *body, end = block.operations
    with ir.InsertionPoint(end), end.location:
        ir.Operation.create("linalg.yield", operands=[end.operands[i] for i in kept])
    end.operation.erase()
    for operation in reversed(body):
        if not any(_is_used(result) for result in operation.results):
            operation.operation.erase()


def _erase_if_dead(operation) -> None:
    """The operation and what only it read; all of them are without side effects."""
    if isinstance(operation, ir.Block) or any(_is_used(r) for r in operation.results):
        return
    read = [operand.owner for operand in operation.operands]
    operation.erase()
    for other in read:
        _erase_if_dead(other)


def _fold_constant_transposes(main: ir.Operation) -> None:
    for transpose in _operations(main, "linalg.transpose"):
        source = transpose.operands[0].owner
        if isinstance(source, ir.Block) or source.name != "arith.constant":
            continue
        order = list(transpose.attributes["permutation"])
        value = _array(source.attributes["value"]).transpose(order)
        with ir.InsertionPoint(source), source.location:
            folded = _constant(np.ascontiguousarray(value), transpose.results[0].type)
        transpose.results[0].replace_all_uses_with(folded)
        operands = [operand.owner for operand in transpose.operands]
        transpose.erase()
        for operand in operands:  # the constant, and the tensor.empty written to
            if not any(True for _ in operand.results[0].uses):
                operand.erase()


def _move_constants_to_resources(main: ir.Operation) -> None:
    """Splats stay as they are: one number, which folders can read."""
    for constant in _operations(main, "arith.constant"):
        value = constant.attributes["value"]
        if ir.DenseFPElementsAttr.isinstance(value):
            if not ir.DenseElementsAttr(value).is_splat:
                constant.attributes["value"] = _resource(
                    _array(value), value.type, constant.location
                )


def _array(value: ir.Attribute) -> np.ndarray:
    """The numbers of a dense or dense_resource f32 attribute."""
    return np.array(ir.DenseFPElementsAttr(value), dtype=np.float32)


def _constant(value: np.ndarray, type: ir.Type) -> ir.Value:
    attribute = ir.DenseElementsAttr.get(value, type=type)
    return ir.Operation.create(
        "arith.constant", results=[type], attributes={"value": attribute}
    ).result


def _resource(value: np.ndarray, type: ir.Type, location: ir.Location) -> ir.Attribute:
    return ir.DenseResourceElementsAttr.get_from_buffer(
        value, _resource_name(location), type, alignment=_ALIGNMENT
    )


def _resource_name(location: ir.Location) -> str:
    """The ONNX name of the weight, which torch-mlir carries as the location."""
    name = location.name_str if location.is_a_name() else ""
    return re.sub(r"[^\w.]", "_", name) or "constant"
