# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""QuantizeLinear and DequantizeLinear, which torch-mlir does not see.

`cut` takes these nodes out of a graph: what they read becomes an output of the
graph, what they give becomes an input, and the rest computes in f32. After the
rest has been lowered, `stitch` puts `qfmt.quantize` and `qfmt.dequantize` where
the nodes were.

A quantized tensor (an ONNX tensor of integers or small floats) is an encoded
tensor. At the borders of the graph it has scale 1: the integers themselves, of
which ONNX says nothing more. DequantizeLinear of a constant int32 tensor, a bias,
is carried out here, as ONNX defines it: no number format has 32 bits.
"""

import struct
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnx
from iree.compiler import ir
from onnx import TensorProto, numpy_helper

from qfmt.errors import UserError

QUANTIZE, DEQUANTIZE = "QuantizeLinear", "DequantizeLinear"

FORMATS = {
    TensorProto.INT2: "i2",
    TensorProto.INT4: "i4",
    TensorProto.INT8: "i8",
    TensorProto.INT16: "i16",
    TensorProto.UINT2: "ui2",
    TensorProto.UINT4: "ui4",
    TensorProto.UINT8: "ui8",
    TensorProto.UINT16: "ui16",
    TensorProto.FLOAT4E2M1: "f4E2M1FN",
    TensorProto.FLOAT8E4M3FN: "f8E4M3FN",
    TensorProto.FLOAT8E4M3FNUZ: "f8E4M3FNUZ",
    TensorProto.FLOAT8E5M2: "f8E5M2",
    TensorProto.FLOAT8E5M2FNUZ: "f8E5M2FNUZ",
}
_SCALE_FORMATS = {TensorProto.FLOAT: "f32", TensorProto.FLOAT8E8M0: "f8E8M0FNU"}


def is_quantized_cast(node: onnx.NodeProto) -> bool:
    return node.domain == "" and node.op_type in (QUANTIZE, DEQUANTIZE)


def quantized_tensors(graph: onnx.GraphProto) -> set[str]:
    """The names of the tensors that these nodes give and take."""
    names = {node.output[0] for node in graph.node if node.op_type == QUANTIZE}
    return names | {node.input[0] for node in graph.node if node.op_type == DEQUANTIZE}


@dataclass
class Encoding:
    """How the codes of one tensor are read. Arrays have the tensor's rank, or none."""

    format: str
    shape: list[int]
    scale: np.ndarray  # f32 or float8_e8m0fnu, one entry a block
    zero_point: np.ndarray | None  # None where there is none or all are 0
    block: list[int | str] | None  # None: one block

    @property
    def is_static(self) -> bool:
        """True if all is in the type, which takes a positive scale."""
        return self.block is None and bool(self.scale > 0)

    def type(self) -> str:
        parts = [self.format]
        if self.is_static:
            parts.append(f"scale = {_exact(float(self.scale))}")
            if self.zero_point is not None:
                parts.append(f"zero_point = {int(self.zero_point)}")
        else:
            if self.block is not None:
                parts.append(f"block = [{', '.join(map(str, self.block))}]")
            parts.append(f"scale = {_SCALE_FORMATS[_element(self.scale)]}")
            if self.zero_point is not None:
                parts.append(f"zero_point = {self.format}")
        return _encoded(self.shape, ", ".join(parts))

    def parameters(self) -> list[tuple[np.ndarray, str]]:
        """The constituents after the payload: arrays and their formats."""
        if self.is_static:
            return []
        grid = self.scale.shape if self.block else (1,) * len(self.shape)
        given = [(self.scale.reshape(grid), _SCALE_FORMATS[_element(self.scale)])]
        if self.zero_point is not None:
            given.append((self.zero_point.reshape(grid), self.format))
        return given


def _element(array: np.ndarray) -> int:
    return onnx.helper.np_dtype_to_tensor_dtype(array.dtype)


def _exact(value: float) -> str:
    return f"0x{struct.pack('>d', value).hex().upper()}"


def _encoded(shape: list[int], parameters: str) -> str:
    return f"tensor<{''.join(f'{d}x' for d in shape)}f32, #qfmt.scaled<{parameters}>>"


@dataclass
class Cast:
    """One node that was cut out."""

    name: str
    quantizes: bool
    source: str
    target: str
    encoding: Encoding
    saturate: bool = True


@dataclass
class Plan:
    """What `stitch` needs to know."""

    graph: onnx.GraphProto  # before the cut
    casts: list[Cast] = field(default_factory=list)  # in an order of execution
    constants: dict[str, np.ndarray] = field(default_factory=dict)
    elements: dict[str, int] = field(default_factory=dict)
    shapes: dict[str, list[int]] = field(default_factory=dict)
    inputs: list[str] = field(default_factory=list)  # of the graph that is left
    outputs: list[str] = field(default_factory=list)


#
# Reading the nodes
#


class _Refusal(Exception):
    """What is wrong with a node."""


def cut(model: onnx.ModelProto, path: Path) -> Plan:
    """Takes the casts out of `model`, whose shapes are static and inferred.

    Raises UserError with the list of all nodes that cannot be said.
    """
    graph = onnx.GraphProto()
    graph.CopyFrom(model.graph)
    plan = Plan(graph)
    plan.constants = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
    for value in [*graph.input, *graph.value_info, *graph.output]:
        plan.elements[value.name] = value.type.tensor_type.elem_type
        dims = value.type.tensor_type.shape.dim
        plan.shapes[value.name] = [d.dim_value for d in dims]
    for tensor in graph.initializer:
        plan.elements[tensor.name] = tensor.data_type
        plan.shapes[tensor.name] = list(tensor.dims)

    problems = _misused(graph)
    folded = []
    for node in filter(is_quantized_cast, graph.node):
        try:
            if plan.elements[node.input[0]] == TensorProto.INT32:
                folded.append(_fold_int32(node, plan))
            else:
                plan.casts.append(_read(node, plan))
        except _Refusal as refusal:
            problems.append(f"{node.op_type} (node '{node.name}'): {refusal}")
    if problems:
        raise UserError("\n  ".join([f"{path}: not supported:", *problems]))
    _cut_graph(model.graph, plan, folded)
    return plan


def _misused(graph: onnx.GraphProto) -> list[str]:
    names = quantized_tensors(graph)
    return [
        f"{node.op_type} (node '{node.name}'): reads the quantized tensor '{name}'; "
        f"put {DEQUANTIZE} before it"
        for node in graph.node
        if not is_quantized_cast(node)
        for name in node.input
        if name in names
    ]


def _attributes(node: onnx.NodeProto) -> dict:
    return {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}


def _fold_int32(node: onnx.NodeProto, plan: Plan) -> onnx.TensorProto:
    if node.input[0] not in plan.constants:
        raise _Refusal(
            f"dequantizes the int32 tensor '{node.input[0]}', which is no constant; "
            "number formats have at most 16 bits"
        )
    encoding = _encoding(node, node.input[0], plan, "")
    codes = plan.constants[node.input[0]].astype(np.float32)
    if encoding.zero_point is not None:
        codes = codes - _per_element(encoding.zero_point, encoding)
    value = codes * _per_element(encoding.scale, encoding)
    return numpy_helper.from_array(value.astype(np.float32), node.output[0])


def _per_element(values: np.ndarray, encoding: Encoding) -> np.ndarray:
    if encoding.block is None:
        return values
    values = values.astype(np.float32)
    for dim, (size, block) in enumerate(zip(encoding.shape, encoding.block)):
        if block != "*":
            index = np.arange(size) // block
            values = values.take(index, dim)
    return values


def _read(node: onnx.NodeProto, plan: Plan) -> Cast:
    quantizes = node.op_type == QUANTIZE
    name = node.output[0] if quantizes else node.input[0]
    element = plan.elements[name]
    if element not in FORMATS:
        spelled = TensorProto.DataType.Name(element).lower()
        raise _Refusal(f"'{name}' has element type {spelled}, which is no number format")
    attributes = _attributes(node)
    computed = attributes.get("precision", 0) or TensorProto.FLOAT
    if computed != TensorProto.FLOAT:
        spelled = TensorProto.DataType.Name(computed).lower()
        raise _Refusal(f"precision {spelled} is not supported; only float is")
    encoding = _encoding(node, name, plan, FORMATS[element])
    if quantizes and not (encoding.scale.astype(np.float32) > 0).all():
        raise _Refusal(f"scale '{node.input[1]}' is not positive")
    saturate = bool(attributes.get("saturate", 1))
    return Cast(node.name, quantizes, node.input[0], node.output[0], encoding, saturate)


def _encoding(node: onnx.NodeProto, name: str, plan: Plan, format: str) -> Encoding:
    """The scale, zero point and blocks of the node's quantized tensor `name`."""
    shape = plan.shapes[name]
    scale = plan.constants[node.input[1]]
    if _element(scale) not in _SCALE_FORMATS:
        raise _Refusal(
            f"scale '{node.input[1]}' has element type {scale.dtype}; "
            "only float and float8e8m0 are read"
        )
    if not np.isfinite(scale.astype(np.float32)).all():
        raise _Refusal(f"scale '{node.input[1]}' is not finite")
    has_zero = len(node.input) > 2 and node.input[2] != ""
    zero = plan.constants[node.input[2]] if has_zero else None
    if zero is not None and zero.shape != scale.shape:
        raise _Refusal(
            f"scale '{node.input[1]}' and zero point '{node.input[2]}' have different shapes"
        )
    if zero is not None and not zero.astype(np.float32).any():
        zero = None
    if zero is not None and (format.startswith("f") or not _is_integer(zero)):
        raise _Refusal(f"zero point '{node.input[2]}' of a float format is not 0")
    if scale.size == 1:
        if zero is not None:
            zero = zero.reshape(())
        return Encoding(format, shape, scale.reshape(()), zero, None)
    block = _block(node, shape, scale)
    grid = [1 if b == "*" else -(-d // b) for d, b in zip(shape, block)]
    # Blocks have the tensor's rank, one scale an entry of the axis has one dimension.
    expected = [d for d in grid if d != 1] if "*" in block else grid
    if list(scale.shape) not in (grid, expected or [1]):
        raise _Refusal(
            f"scale '{node.input[1]}' has shape {'x'.join(map(str, scale.shape))}, but a "
            f"tensor of {'x'.join(map(str, shape))} has {'x'.join(map(str, grid))} blocks"
        )
    if zero is not None:
        zero = zero.reshape(grid)
    return Encoding(format, shape, scale.reshape(grid), zero, block)


def _is_integer(array: np.ndarray) -> bool:
    element = _element(array)
    return element == TensorProto.INT32 or "i" in FORMATS.get(element, "f")


def _block(node: onnx.NodeProto, shape: list[int], scale: np.ndarray) -> list[int | str]:
    attributes = _attributes(node)
    axis, size = attributes.get("axis", 1), attributes.get("block_size", 0)
    if not -len(shape) <= axis < len(shape):
        raise _Refusal(f"axis {axis} is beyond a tensor of rank {len(shape)}")
    if size:
        return [size if dim == axis % len(shape) else 1 for dim in range(len(shape))]
    if scale.ndim != 1:
        raise _Refusal(f"scale '{node.input[1]}' of rank {scale.ndim} needs a block_size")
    return [1 if dim == axis % len(shape) else "*" for dim in range(len(shape))]


def _cut_graph(graph: onnx.GraphProto, plan: Plan, folded: list) -> None:
    """Leaves the f32 part in `graph`."""
    quantized = quantized_tensors(graph)
    kept = [node for node in graph.node if not is_quantized_cast(node)]
    inputs = [value for value in graph.input if value.name not in quantized]
    outputs = [value for value in graph.output if value.name not in quantized]

    def f32(name: str) -> onnx.ValueInfoProto:
        return onnx.helper.make_tensor_value_info(
            name, TensorProto.FLOAT, plan.shapes[name]
        )

    for cast in plan.casts:
        if not cast.quantizes:
            inputs.append(f32(cast.target))
        elif cast.source not in [value.name for value in outputs]:
            outputs.append(f32(cast.source))

    used = {name for node in kept for name in node.input} | {v.name for v in outputs}
    initializers = [*graph.initializer, *folded]
    for field_name, values in [
        ("node", kept),
        ("input", inputs),
        ("output", outputs),
        ("initializer", [t for t in initializers if t.name in used]),
        ("value_info", [v for v in graph.value_info if v.name not in quantized]),
    ]:
        values = [type(value).FromString(value.SerializeToString()) for value in values]
        del getattr(graph, field_name)[:]
        getattr(graph, field_name).extend(values)
    plan.inputs = [value.name for value in inputs]
    plan.outputs = [value.name for value in outputs]


#
# Putting qfmt operations in
#


def stitch(main: ir.Operation, plan: Plan) -> None:
    """Rewrites @main, the lowered rest, to the function of the whole graph."""
    if plan.casts:
        _Stitcher(main, plan).run()


class _Stitcher:
    def __init__(self, main: ir.Operation, plan: Plan):
        self.main, self.plan = main, plan
        self.block = main.regions[0].blocks[0]
        self.end = list(self.block.operations)[-1].operation
        # Encoded tensors by name, each with its encoding's type.
        self.encoded: dict[str, ir.Value] = {}

    def run(self) -> None:
        old_arguments = list(self.block.arguments)
        arguments = dict(zip(self.plan.inputs, old_arguments, strict=True))
        with ir.InsertionPoint(self.end), self.end.location:
            for value in self.plan.graph.input:
                self._add_input(value.name, arguments)
            for cast in self.plan.casts:
                with ir.Location.name(cast.name):
                    if cast.quantizes:
                        self.encoded[cast.target] = self._quantize(cast)
                    else:
                        arguments[cast.target].replace_all_uses_with(self._dequantize(cast))
            self._return()
        for index in reversed(range(len(old_arguments))):
            self.block.erase_argument(index)
        self._set_type()
        _sort(self.block)

    def _add_input(self, name: str, old: dict[str, ir.Value]) -> None:
        if name in old:
            old[name].replace_all_uses_with(
                self.block.add_argument(old[name].type, self.end.location)
            )
            return
        border = ir.Type.parse(self._border(name))
        self.encoded[name] = self.block.add_argument(border, self.end.location)

    def _border(self, name: str) -> str:
        return _encoded(self.plan.shapes[name], FORMATS[self.plan.elements[name]])

    def _quantize(self, cast: Cast) -> ir.Value:
        real = self.end.operands[self.plan.outputs.index(cast.source)]
        attributes = {}
        if cast.encoding.format.startswith("f"):
            attributes["nan"] = ir.Attribute.parse("#qfmt<nan propagate>")
            if not cast.saturate:
                attributes["overflow"] = ir.Attribute.parse("#qfmt<overflow infinity>")
        given = self._constants(cast.encoding)
        return _create("qfmt.quantize", [real, *given], cast.encoding.type(), attributes)

    def _constants(self, encoding: Encoding) -> list[ir.Value]:
        return [_constant(*parameter) for parameter in encoding.parameters()]

    def _dequantize(self, cast: Cast) -> ir.Value:
        encoded = self._read_as(cast.source, cast.encoding)
        shape = self.plan.shapes[cast.target]
        plain = f"tensor<{''.join(f'{d}x' for d in shape)}f32>"
        return _create("qfmt.dequantize", [encoded], plain)

    def _read_as(self, name: str, encoding: Encoding) -> ir.Value:
        """The codes of the tensor `name`, read by `encoding`."""
        known = self.encoded.get(name)
        if known is not None and self._quantizer_agrees(name, encoding):
            return known
        if known is not None:
            codes = self._codes(name)
        else:
            codes = _constant(self.plan.constants[name], encoding.format)
        return _create(
            "qfmt.assemble", [codes, *self._constants(encoding)], encoding.type()
        )

    def _quantizer_agrees(self, name: str, encoding: Encoding) -> bool:
        """True if the encoded tensor has this type and these scales."""
        for cast in self.plan.casts:
            if cast.quantizes and cast.target == name:
                made = cast.encoding
                same = made.type() == encoding.type()
                return same and all(
                    np.array_equal(a, b)
                    for (a, _), (b, _) in zip(made.parameters(), encoding.parameters())
                )
        return False

    def _codes(self, name: str) -> ir.Value:
        """The payload of an encoded tensor."""
        for cast in self.plan.casts:
            if cast.quantizes and cast.target == name:
                parameters = cast.encoding.parameters()
                break
        else:
            parameters = []
        format = FORMATS[self.plan.elements[name]]
        types = [_storage(self.plan.shapes[name], format)]
        types += [_storage(list(array.shape), format) for array, format in parameters]
        operation = ir.Operation.create(
            "qfmt.constituents",
            results=[ir.Type.parse(t) for t in types],
            operands=[self.encoded[name]],
        )
        return operation.results[0]

    def _return(self) -> None:
        values = []
        for value in self.plan.graph.output:
            if value.name in self.plan.outputs:
                values.append(self.end.operands[self.plan.outputs.index(value.name)])
            else:
                values.append(self._output(value.name))
        old = self.end
        self.end = ir.Operation.create("func.return", operands=values)
        old.erase()

    def _output(self, name: str) -> ir.Value:
        border = self._border(name)
        if name not in self.encoded:  # a constant
            codes = _constant(self.plan.constants[name], FORMATS[self.plan.elements[name]])
        elif self.encoded[name].type == ir.Type.parse(border):
            return self.encoded[name]
        else:
            codes = self._codes(name)
        return _create("qfmt.assemble", [codes], border)

    def _set_type(self) -> None:
        inputs = [argument.type for argument in self.block.arguments]
        results = [operand.type for operand in self.end.operands]
        type = ir.FunctionType.get(inputs, results)
        self.main.attributes["function_type"] = ir.TypeAttr.get(type)


def _create(name: str, operands: list, result: str, attributes: dict | None = None):
    return ir.Operation.create(
        name, results=[ir.Type.parse(result)], operands=operands, attributes=attributes or {}
    ).result


def _width(format: str) -> int:
    digits = format.lstrip("uif").partition("E")[0]
    return int(digits)


def _storage(shape: list[int], format: str) -> str:
    element = format if format.startswith("f") else f"i{_width(format)}"
    return f"tensor<{''.join(f'{d}x' for d in shape)}{element}>"


def _constant(value: np.ndarray, format: str) -> ir.Value:
    """Codes or scales as a constant of the format's storage type."""
    type = ir.Type.parse(_storage(list(value.shape), format))
    attribute = _constant_attribute(value, format, type)
    return ir.Operation.create(
        "arith.constant", results=[type], attributes={"value": attribute}
    ).result


# LLVM 22 folds nothing that reads a resource, so only what is large is one.
_DENSE_ELEMENTS = 64


def _constant_attribute(value: np.ndarray, format: str, type: ir.Type) -> ir.Attribute:
    data = _bytes(value, format)
    if value.size > _DENSE_ELEMENTS and format in ("i8", "ui8", "i16", "ui16", "f32"):
        return ir.DenseResourceElementsAttr.get_from_buffer(
            np.frombuffer(data, np.uint8), "codes", type, alignment=16
        )
    # One element as bytes is a splat.
    return ir.Attribute.parse(f'dense<"0x{data.hex().upper()}"> : {type}')


def _bytes(value: np.ndarray, format: str) -> bytes:
    """Little endian; codes narrower than a byte take one each, high bits 0."""
    value = np.ascontiguousarray(value)
    if format == "f32":
        return value.astype("<f4").tobytes()
    width = _width(format)
    if format.startswith("f"):
        codes = value.view(np.uint8)
    else:
        codes = value.astype(np.int64)
    codes = codes & ((1 << width) - 1)
    return codes.astype("<u2" if width > 8 else "u1").tobytes()


def _sort(block: ir.Block) -> None:
    """Puts every operation after those whose results it reads."""
    operations = [op.operation for op in block.operations]
    end = operations.pop()
    place = {}
    for index, operation in enumerate(operations):
        for result in operation.results:
            place[result] = index
    needs = [_reads(operation, place) for operation in operations]
    done = [False] * len(operations)

    def emit(start: int) -> None:
        # Without recursion: chains are as long as networks are deep.
        stack = [start]
        while stack:
            index = stack[-1]
            missing = [need for need in needs[index] if not done[need]]
            if missing:
                stack += reversed(missing)
                continue
            stack.pop()
            if not done[index]:
                done[index] = True
                operations[index].move_before(end)

    for index in range(len(operations)):
        emit(index)


def _reads(operation: ir.Operation, place: dict) -> list[int]:
    """The operations of the block that this one reads, in nested regions, too."""
    found = {}

    def visit(inner: ir.Operation) -> ir.WalkResult:
        for operand in inner.operands:
            if operand in place:
                found[place[operand]] = None
        return ir.WalkResult.ADVANCE

    operation.walk(visit)
    return list(found)
