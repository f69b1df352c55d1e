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

# Below 13 many operators change between attributes and inputs; above 22 nothing
# has been tested. Exporters write 13 to 20 by default.
MIN_OPSET, MAX_OPSET = 13, 22


@dataclass
class Node:
    """A node with its attributes and constant inputs read."""

    proto: onnx.NodeProto
    constants: dict[str, np.ndarray]
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


OPERATORS = {
    "Add": Operator(),
    "AveragePool": Operator(),
    "BatchNormalization": Operator(_batch_norm_problem),
    "Clip": Operator(parameters=(1, 2)),
    "Concat": Operator(),
    "Conv": Operator(),
    "Dropout": Operator(_dropout_problem, parameters=(1, 2)),
    "Flatten": Operator(),
    "Gemm": Operator(),
    "GlobalAveragePool": Operator(),
    "Identity": Operator(),
    "MatMul": Operator(),
    "MaxPool": Operator(_pool_problem),
    "Mul": Operator(),
    "Pad": Operator(_pad_problem, parameters=(1, 2, 3)),
    "ReduceMean": Operator(parameters=(1,)),
    "Relu": Operator(),
    "Reshape": Operator(parameters=(1,)),
    "Sub": Operator(),
    "Transpose": Operator(),
}


def check(model: onnx.ModelProto, path: Path) -> None:
    """Raises UserError with the list of all nodes that are not supported."""
    opset = next((o.version for o in model.opset_import if o.domain == ""), None)
    constants = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    problems = []
    if opset is not None and not MIN_OPSET <= opset <= MAX_OPSET:
        problems.append(
            f"opset {opset} is not supported (only {MIN_OPSET} to {MAX_OPSET} are); "
            "onnx.version_converter.convert_version changes it"
        )
    for proto in model.graph.node:
        text = _operator_problem(proto) or _form_problem(Node(proto, constants))
        if text:
            problems.append(_line(proto, text))
    problems += [
        f"sparse initializer '{tensor.values.name}' is not supported"
        for tensor in model.graph.sparse_initializer
    ]
    _refuse(problems, path)


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
