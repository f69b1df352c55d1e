# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What is known of the values of @main while it is exported.

A value is a constant, an ONNX tensor, a tensor that is broadcast or filled, or an
encoded tensor with its codes. Nodes are made when something reads it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import onnx
from iree.compiler import ir
from onnx import TensorProto, helper

from qfmt.errors import UserError
from qfmt.onnx_export import encoding
from qfmt.onnx_export.encoding import Encoding
from qfmt.onnx_export.graph import Graph
from qfmt.onnx_export.module import Main


@dataclass
class Constant:
    array: np.ndarray


@dataclass
class Tensor:
    """The output of a node or an input, plain."""

    name: str


@dataclass
class Filled:
    """tensor.empty (value None) or linalg.fill with a constant."""

    value: float | None
    shape: list[int]


@dataclass
class Repeated:
    """linalg.broadcast of `source` along `dims`."""

    source: ir.Value
    dims: list[int]
    shape: list[int]


@dataclass
class Encoded:
    encoding: Encoding
    codes: str | None  # None: known as reals only
    scale: str
    zero_point: str
    attributes: dict
    reals: str | None = None


class Exporter:
    def __init__(self, main: Main, operations: dict[str, Callable]):
        self.main, self.operations = main, operations
        self.graph = Graph()
        self.values: dict[ir.Value, object] = {}

    def run(self) -> onnx.ModelProto:
        arguments = list(self.main.block.arguments)
        names = self.main.names("arg_attrs", len(arguments), "input")
        inputs = [self._input(a, n) for a, n in zip(arguments, names)]
        *body, end = [op.operation for op in self.main.block.operations]
        for operation in body:
            if operation.name not in self.operations:
                raise UserError(f"{operation.name}: is not exported to ONNX")
            self.operations[operation.name](self, operation)
        results = list(end.operands)
        names = self.main.names("res_attrs", len(results), "output")
        outputs = [self._output(v, n) for v, n in zip(results, names)]
        return self.graph.model(inputs, outputs)

    def _input(self, argument: ir.Value, name: str) -> onnx.ValueInfoProto:
        name = self.graph.reserve(name)
        encoded = encoding.read(argument.type, f"argument '{name}'")
        if encoded is None:
            self.values[argument] = Tensor(name)
            element = element_type(argument.type, f"argument '{name}'")
            return helper.make_tensor_value_info(name, element, shape_of(argument.type))
        if not encoded.is_static:
            raise UserError(
                f"argument '{name}': has scales that come at run time; give them to "
                "the network as constants"
            )
        self.values[argument] = self._static(encoded, name)
        return helper.make_tensor_value_info(name, encoded.element, encoded.shape)

    def _output(self, value: ir.Value, name: str) -> onnx.ValueInfoProto:
        name = self.graph.reserve(name)
        where = f"result '{name}'"
        known = self.values[value]
        if isinstance(known, Encoded):
            if not known.encoding.is_static:
                raise UserError(
                    f"{where}: has scales that are no part of its type; return its "
                    "constituents"
                )
            source, element = self.codes(value, where), known.encoding.element
        else:
            source, element = self.read(value), element_type(value.type, where)
        # An output may be an input, a constant or another output.
        self.graph.output(source, name)
        return helper.make_tensor_value_info(name, element, shape_of(value.type))

    # What operations ask

    def read(self, value: ir.Value) -> str:
        """The ONNX tensor of a value; of an encoded one, its reals."""
        if value not in self.values:
            self._outer(value)
        known = self.values[value]
        if isinstance(known, Constant):
            array = known.array
            return self.graph.constant(array)
        if isinstance(known, Filled):
            array = np.full(known.shape, known.value or 0, np.float32)
            return self.graph.constant(array, "fill")
        if isinstance(known, Repeated):
            return self._repeat(known)
        if isinstance(known, Encoded):
            if known.reals is None:
                inputs = [known.codes, known.scale, known.zero_point]
                known.reals = self.graph.node("DequantizeLinear", inputs, **known.attributes)
            return known.reals
        return known.name

    def _outer(self, value: ir.Value) -> None:
        """A constant in the body of an operation."""
        owner = value.owner
        if isinstance(owner, ir.Block) or owner.name != "arith.constant":
            raise UserError(f"{owner}: is not exported to ONNX")
        constant(self, owner)

    def _repeat(self, known: Repeated) -> str:
        shape = [1 if d in known.dims else s for d, s in enumerate(known.shape)]
        source = self.read(known.source)
        source = self.graph.node("Reshape", [source, self.graph.shape(shape)])
        return self.graph.node("Expand", [source, self.graph.shape(known.shape)])

    def known(self, value: ir.Value) -> str | np.ndarray:
        """A constant's numbers, else a tensor's name."""
        if value not in self.values:
            self._outer(value)
        array = self.array(value)
        return self.read(value) if array is None else array

    def array(self, value: ir.Value) -> np.ndarray | None:
        known = self.values[value]
        if isinstance(known, Constant):
            return known.array
        if isinstance(known, Filled):
            return np.full(known.shape, known.value or 0, np.float32)
        return None

    def codes(self, value: ir.Value, where: str) -> str:
        known = self.values[value]
        if known.codes is None:
            raise UserError(
                f"{where}: needs the codes of a tensor that was moved; put "
                "qfmt.quantize before it"
            )
        return known.codes

    def set(self, operation: ir.Operation, name: str) -> None:
        """Gives the operation's result a tensor, as reals if its type is encoded."""
        result = operation.results[0]
        encoded = encoding.read(result.type, operation.name)
        if encoded is None:
            self.values[result] = Tensor(name)
        else:
            self.values[result] = Encoded(encoded, None, "", "", {}, name)

    # Encoded tensors

    def _static(self, encoded: Encoding, codes: str) -> Encoded:
        return self.make_encoded(encoded, codes, np.float32(encoded.scale), encoded.zero_point)

    def make_encoded(self, encoded: Encoding, codes: str, scale, zero) -> Encoded:
        scale, attributes = encoding.layout(encoded, np.asarray(scale, np.float32))
        self.graph.opset = max(self.graph.opset, encoded.opset)
        # Without a zero point the type of the codes is an attribute.
        zero_name = ""
        if np.any(zero):
            zero = np.asarray(zero)
            if zero.size != 1:
                zero, _ = encoding.layout(encoded, zero)
            zero = np.broadcast_to(zero.reshape(()) if zero.size == 1 else zero, scale.shape)
            zero_name = self.graph.constant(zero.astype(encoded.kind), "zero_point")
        scale_name = self.graph.constant(scale, "scale")
        return Encoded(encoded, codes, scale_name, zero_name, attributes)

    def parameters(self, operation: ir.Operation, encoded: Encoding, given: list):
        """The scale and the zero point of an encoded tensor, as arrays."""
        arrays = [self.array(value) for value in given]
        if any(array is None for array in arrays):
            raise UserError(
                f"{operation.name}: has scales or zero points that are computed at "
                "run time; only constants are exported"
            )
        scale, zero = encoded.scale, encoded.zero_point
        if isinstance(scale, str):
            scale = arrays.pop(0)
            if scale.dtype.kind == "i":
                raise UserError(
                    f"{operation.name}: has scales in {encoded.scale}; only builtin "
                    "floats are exported"
                )
        if isinstance(zero, str):
            zero = encoding.read_codes(arrays.pop(0), encoded).astype(np.int64)
        return np.asarray(scale).astype(np.float32), np.asarray(zero)


def shape_of(type: ir.Type) -> list[int]:
    return list(ir.RankedTensorType(type).shape)


def element_type(type: ir.Type, where: str) -> int:
    element = str(ir.RankedTensorType(type).element_type)
    known = {
        "f32": TensorProto.FLOAT, "i8": TensorProto.INT8, "i16": TensorProto.INT16,
        "i4": TensorProto.INT4, "i32": TensorProto.INT32, "i64": TensorProto.INT64,
        "i1": TensorProto.BOOL,
    }  # fmt: skip
    if element not in known:
        raise UserError(f"{where}: has elements of {element}, which are not exported")
    return known[element]


def integers(attribute: ir.Attribute) -> list[int]:
    """The numbers of array<i64: ...>, [...] or dense<...>."""
    if isinstance(attribute, ir.ArrayAttr):
        return [ir.IntegerAttr(a).value for a in attribute]
    if isinstance(attribute, ir.DenseIntElementsAttr):
        return list(attribute)
    return list(attribute)


def constant(e: Exporter, op: ir.Operation) -> None:
    e.values[op.results[0]] = Constant(e.main.array(op.attributes["value"]))
