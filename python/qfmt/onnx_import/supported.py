# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Which ONNX operators are imported, and the complete refusal of the others.

`check` looks at every node before anything is lowered and lists all that are
not supported, so that a user learns everything at once. An operator is one
row of `OPERATORS`: the inputs that must be constants (shapes, axes, bounds)
and a function that says what is wrong with a node, or nothing. A new operator
is a row here and a case in test/python/test_import.py.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

from qfmt.errors import UserError
from qfmt.onnx_import.normalize import MAX_EXPONENT

# Below 13 many operators change between attributes and inputs; above 25 nothing
# has been tested. Exporters write 13 to 20 by default.
MIN_OPSET, MAX_OPSET = 13, 25


@dataclass
class Node:
    """A node with what is known of its attributes and inputs."""

    proto: onnx.NodeProto
    constants: dict[str, np.ndarray]  # by the name of the tensor
    ranks: dict[str, int]  # by the name of the tensor, where inference finds one
    attributes: dict = field(init=False)

    def __post_init__(self):
        self.attributes = {
            attribute.name: onnx.helper.get_attribute_value(attribute)
            for attribute in self.proto.attribute
        }

    def attribute(self, name: str, default):
        value = self.attributes.get(name, default)
        return value.decode() if isinstance(value, bytes) else value

    def constant(self, index: int) -> np.ndarray | None:
        """The value of an input, if it is there and constant."""
        if index < len(self.proto.input):
            return self.constants.get(self.proto.input[index])
        return None

    def has_output(self, index: int) -> bool:
        return index < len(self.proto.output) and self.proto.output[index] != ""


def _nothing_to_object(node: Node) -> None:
    return None


@dataclass
class Operator:
    """One row: what an operator's node may look like."""

    problem: Callable[[Node], str | None] = _nothing_to_object
    parameters: tuple[int, ...] = ()  # inputs that must be constants


def _pool_problem(node: Node) -> str | None:
    if node.has_output(1):
        return "output Indices is not supported"
    pads = node.attribute("pads", [])
    half = len(pads) // 2
    if node.attribute("ceil_mode", 0) and pads[:half] != pads[half:]:
        # ONNX drops a window that starts in the end padding, torch-mlir keeps it.
        return "ceil_mode with different pads at begin and end is not supported"
    return None


def _average_pool_problem(node: Node) -> str | None:
    if any(d != 1 for d in node.attribute("dilations", [])):
        # torch-mlir counts the elements of a window as if it were dense.
        return "dilations are not supported"
    if node.attribute("ceil_mode", 0) and node.attribute("count_include_pad", 0):
        # torch-mlir also counts what ceil_mode adds beyond the padding.
        return "ceil_mode with count_include_pad is not supported"
    return _pool_problem(node)


def _gemm_problem(node: Node) -> str | None:
    has_c = len(node.proto.input) > 2 and node.proto.input[2] != ""
    if node.attribute("alpha", 1.0) != 1.0 and not has_c:
        return "alpha without input C is not supported"  # torch-mlir ignores it
    return None


def _matmul_problem(node: Node) -> str | None:
    ranks = [node.ranks.get(name, 0) for name in node.proto.input]
    if min(ranks) == 1 and max(ranks) > 2:
        return "a vector times a batch of matrices is not supported"
    return None


def _batch_norm_problem(node: Node) -> str | None:
    if node.attribute("training_mode", 0) or node.has_output(1):
        return "training mode is not supported; export the model in eval mode"
    return None


def _dropout_problem(node: Node) -> str | None:
    training = node.constant(2)
    if training is not None and training.any():
        return "training mode is not supported; export the model in eval mode"
    if node.has_output(1):
        return "output mask is not supported"
    return None


def _pad_problem(node: Node) -> str | None:
    mode = node.attribute("mode", "constant")
    if mode != "constant":
        return f"mode '{mode}' is not supported; only 'constant' is"
    pads = node.constant(1)
    if pads is not None and (pads < 0).any():
        return "negative pads (cropping) are not supported"
    return None


def _layer_norm_problem(node: Node) -> str | None:
    if node.has_output(1) or node.has_output(2):
        return "outputs Mean and InvStdDev are not supported"
    return None


def _pow_problem(node: Node) -> str | None:
    exponent = node.constant(1)
    if exponent is not None and exponent.size != 1:
        return "an exponent for each element is not supported; only one number is"
    if exponent is not None and exponent.item() == int(exponent.item()):
        if not 1 <= exponent.item() <= MAX_EXPONENT:
            return f"whole exponents are supported from 1 to {MAX_EXPONENT}"
    return None


OPERATORS = {
    "Abs": Operator(),
    "Add": Operator(),
    "AveragePool": Operator(_average_pool_problem),
    "BatchNormalization": Operator(_batch_norm_problem),
    "Clip": Operator(parameters=(1, 2)),
    "Concat": Operator(),
    "Conv": Operator(),
    "DequantizeLinear": Operator(parameters=(1, 2)),  # more in quantized.py
    "Div": Operator(),
    "Dropout": Operator(_dropout_problem, parameters=(1, 2)),
    "Erf": Operator(),
    "Exp": Operator(),
    "Flatten": Operator(),
    "Floor": Operator(),
    "Gelu": Operator(),
    "Gemm": Operator(_gemm_problem),
    "GlobalAveragePool": Operator(),
    "Identity": Operator(),
    "LayerNormalization": Operator(_layer_norm_problem),
    "Log": Operator(),
    "MatMul": Operator(_matmul_problem),
    "Max": Operator(),
    "MaxPool": Operator(_pool_problem),
    "Min": Operator(),
    "Mul": Operator(),
    "Neg": Operator(),
    "Pad": Operator(_pad_problem, parameters=(1, 2, 3)),
    "Pow": Operator(_pow_problem, parameters=(1,)),
    "QuantizeLinear": Operator(parameters=(1, 2)),  # more in quantized.py
    "Reciprocal": Operator(),
    "ReduceMax": Operator(parameters=(1,)),
    "ReduceMean": Operator(parameters=(1,)),
    "ReduceSum": Operator(parameters=(1,)),
    "Relu": Operator(),
    "Reshape": Operator(parameters=(1,)),
    "Sigmoid": Operator(),
    "Softmax": Operator(),
    "Sqrt": Operator(),
    "Sub": Operator(),
    "Tanh": Operator(),
    "Transpose": Operator(),
}


def check(model: onnx.ModelProto, path: Path) -> None:
    """Raises UserError with the list of all nodes that are not supported."""
    opset = next((o.version for o in model.opset_import if o.domain == ""), None)
    constants = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    ranks = _ranks(model)
    problems = []
    if opset is not None and not MIN_OPSET <= opset <= MAX_OPSET:
        problems.append(
            f"opset {opset} is not supported (only {MIN_OPSET} to {MAX_OPSET} are); "
            "onnx.version_converter.convert_version changes it"
        )
    for proto in model.graph.node:
        text = _operator_problem(proto) or _form_problem(Node(proto, constants, ranks))
        if text:
            problems.append(_line(proto, text))
    problems += [
        f"sparse initializer '{tensor.values.name}' is not supported"
        for tensor in model.graph.sparse_initializer
    ]
    _refuse(problems, path)


def _ranks(model: onnx.ModelProto) -> dict[str, int]:
    graph = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
    ranks = {tensor.name: len(tensor.dims) for tensor in graph.initializer}
    for value in [*graph.input, *graph.value_info, *graph.output]:
        if value.type.tensor_type.HasField("shape"):
            ranks[value.name] = len(value.type.tensor_type.shape.dim)
    return ranks


def check_operators(model: onnx.ModelProto, path: Path) -> None:
    """Like `check`, for a model that may be invalid: looks at operator names only."""
    functions = {(f.domain, f.name) for f in model.functions}
    known = functions | {("", "Constant")}  # removed before `check`
    _refuse(
        [
            _line(proto, text)
            for proto in model.graph.node
            if (proto.domain, proto.op_type) not in known
            if (text := _operator_problem(proto))
        ],
        path,
    )


def _refuse(problems: list[str], path: Path) -> None:
    if problems:
        raise UserError("\n  ".join([f"{path}: not supported:", *problems]))


def _line(proto: onnx.NodeProto, text: str) -> str:
    name = f"{proto.domain}.{proto.op_type}" if proto.domain else proto.op_type
    return f"{name} (node '{proto.name}'): {text}"


def _operator_problem(proto: onnx.NodeProto) -> str | None:
    if proto.domain != "" or proto.op_type not in OPERATORS:
        return "operator is not supported"
    return None


def _form_problem(node: Node) -> str | None:
    operator = OPERATORS[node.proto.op_type]
    for index in operator.parameters:
        if index < len(node.proto.input) and node.proto.input[index]:
            if node.constant(index) is None:
                return f"input {index} ('{node.proto.input[index]}') must be a constant"
    return operator.problem(node)
