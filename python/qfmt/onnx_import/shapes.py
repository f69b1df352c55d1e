# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Binds symbolic dimensions and infers the shape of every tensor.

In: a model whose operators are supported. Out: a copy in which every tensor
is static and f32 (shape parameters excepted), types in value_info. Refuses
what does not become so.
"""

from pathlib import Path

import onnx
from onnx import TensorProto

from qfmt.errors import UserError
from qfmt.onnx_import.quantized import quantized_tensors
from qfmt.onnx_import.supported import OPERATORS


def bind_and_infer(
    model: onnx.ModelProto, dims: dict[str, int], path: Path
) -> onnx.ModelProto:
    """`dims`: sizes by name. A leading dimension without one becomes 1."""
    bound = onnx.ModelProto()
    bound.CopyFrom(model)
    _bind(bound.graph, dims, path)
    declared = {value.name: _shape(value) for value in bound.graph.output}
    # What the file says about shapes inside is not needed and may name
    # dimensions that now have a size.
    del bound.graph.value_info[:]
    _forget_output_shapes(bound.graph)
    try:
        bound = onnx.shape_inference.infer_shapes(
            bound, check_type=True, strict_mode=True, data_prop=True
        )
    except onnx.shape_inference.InferenceError as error:
        text = " ".join(str(error).split())
        raise UserError(f"{path}: shape inference failed: {text}") from error
    _check_tensors(bound.graph, path)
    _check_declared(bound.graph, declared, path)
    return bound


def _forget_output_shapes(graph: onnx.GraphProto) -> None:
    """Leaves the shapes of outputs to inference.

    Inference does not fill in an output that is a graph input or an initializer;
    it takes the shape from this very place. Such an output gets it here.
    """
    known = {value.name: value.type for value in graph.input}
    known |= {
        tensor.name: onnx.helper.make_tensor_type_proto(tensor.data_type, tensor.dims)
        for tensor in graph.initializer
    }
    for output in graph.output:
        if output.name in known:
            output.type.CopyFrom(known[output.name])
        else:
            output.type.tensor_type.ClearField("shape")


def _shape(value: onnx.ValueInfoProto) -> list[int | str] | None:
    """Sizes, names, and "?" for a dimension with neither; None without rank."""
    tensor = value.type.tensor_type
    if not tensor.HasField("shape"):
        return None
    return [
        d.dim_value if d.HasField("dim_value") else d.dim_param or "?"
        for d in tensor.shape.dim
    ]


def _bind(graph: onnx.GraphProto, dims: dict[str, int], path: Path) -> None:
    _check_inputs(graph, path)
    shapes = {value.name: _shape(value) for value in graph.input}
    names = {d for shape in shapes.values() for d in shape if isinstance(d, str)}
    names.discard("?")
    if unknown := sorted(set(dims) - names):
        raise UserError(
            f"{path}: --dim {unknown[0]}: no input has a dimension of this name; "
            f"there is {_spell_names(names)}"
        )
    sizes = {s[0]: 1 for s in shapes.values() if s and isinstance(s[0], str)} | dims
    unnamed_batch = 1
    missing = []
    for value in graph.input:
        for axis, dim in enumerate(value.type.tensor_type.shape.dim):
            if dim.HasField("dim_value"):
                continue
            if dim.dim_param in sizes:
                dim.dim_value = sizes[dim.dim_param]
            elif axis == 0:
                dim.dim_value = unnamed_batch
            elif dim.dim_param:
                missing.append(
                    f"input '{value.name}' dimension {axis}: '{dim.dim_param}'; "
                    f"give --dim {dim.dim_param}=SIZE"
                )
            else:
                missing.append(
                    f"input '{value.name}' dimension {axis} has neither size nor name; "
                    "set it in the model"
                )
    if missing:
        raise UserError("\n  ".join([f"{path}: dimensions without a size:", *missing]))
    # A dimension of an output that has an input's name has its size.
    for value in graph.output:
        for dim in value.type.tensor_type.shape.dim:
            if dim.dim_param in sizes:
                dim.dim_value = sizes[dim.dim_param]


def _spell_names(names: set[str]) -> str:
    return ", ".join(f"'{name}'" for name in sorted(names)) if names else "none"


def _check_inputs(graph: onnx.GraphProto, path: Path) -> None:
    for value in graph.input:
        if value.type.WhichOneof("value") != "tensor_type":
            raise UserError(f"{path}: input '{value.name}' is not a tensor")
        if _shape(value) is None:
            raise UserError(
                f"{path}: input '{value.name}' has no rank; set its shape in the model"
            )
    if not graph.output:
        raise UserError(f"{path}: the graph has no output")


def _check_tensors(graph: onnx.GraphProto, path: Path) -> None:
    """Every tensor computed or computed with is f32, static and not empty.

    Of quantized tensors the element type is checked in quantized.py.
    """
    quantized = quantized_tensors(graph)
    parameters = {
        node.input[index]
        for node in graph.node
        for index in OPERATORS[node.op_type].parameters
        if index < len(node.input)
    }
    problems = []
    for value in [*graph.input, *graph.value_info, *graph.output]:
        element = value.type.tensor_type.elem_type
        if value.name in quantized:
            element = TensorProto.FLOAT
        problems += _tensor_problems(value.name, element, _shape(value))
    used = {name for node in graph.node for name in _data_inputs(node)}
    used |= {value.name for value in graph.output}
    for tensor in graph.initializer:
        if tensor.name in used or tensor.name not in parameters:
            element = TensorProto.FLOAT if tensor.name in quantized else tensor.data_type
            problems += _tensor_problems(tensor.name, element, list(tensor.dims))
    if problems:
        lines = dict.fromkeys(problems)  # an output may stand in value_info too
        raise UserError("\n  ".join([f"{path}: tensors not supported:", *lines]))


def _data_inputs(node: onnx.NodeProto) -> list[str]:
    parameters = OPERATORS[node.op_type].parameters
    return [name for i, name in enumerate(node.input) if i not in parameters]


def _tensor_problems(name: str, element: int, shape: list | None) -> list[str]:
    problems = []
    if element != TensorProto.FLOAT:
        spelled = TensorProto.DataType.Name(element).lower()
        problems.append(f"'{name}' has element type {spelled}; only float (f32) is read")
    if shape is None or any(isinstance(d, str) for d in shape):
        problems.append(f"'{name}' has no static shape: found {_spell_shape(shape)}")
    elif any(d < 1 for d in shape):
        problems.append(
            f"'{name}' has shape {_spell_shape(shape)}; every size must be at least 1"
        )
    return problems


def _spell_shape(shape: list | None) -> str:
    return "no rank" if shape is None else "x".join(map(str, shape)) or "a scalar"


def _check_declared(graph: onnx.GraphProto, declared: dict, path: Path) -> None:
    """A size the file states for an output is the inferred one."""
    for value in graph.output:
        inferred, stated = _shape(value), declared[value.name]
        if stated is None:
            continue
        same_rank = len(stated) == len(inferred)
        if not same_rank or any(
            isinstance(s, int) and s != i for s, i in zip(stated, inferred)
        ):
            raise UserError(
                f"{path}: output '{value.name}' is declared {_spell_shape(stated)} "
                f"but has shape {_spell_shape(inferred)}"
            )
