# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Linalg from torch-mlir -> the module the rest of qfmt expects.

Names of inputs and outputs become `qfmt.name` on @main's arguments and
results; constant tensors become dense_resource; transposes of constants are
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
