# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The scalar body of an element-wise linalg operation, one ONNX node an operation.

Comparisons keep what MLIR says of NaN: `ugt` is true for one, so it is the negation
of LessOrEqual. What depends on places and constants alone is computed here.
"""

from collections.abc import Callable

import numpy as np
from iree.compiler import ir

from qfmt.errors import UserError
from qfmt.onnx_export.graph import Graph

# One node of the same operands.
SAME = {
    "arith.addf": "Add", "arith.subf": "Sub", "arith.mulf": "Mul", "arith.divf": "Div",
    "arith.maximumf": "Max", "arith.minimumf": "Min", "arith.negf": "Neg",
    "math.absf": "Abs", "math.ceil": "Ceil", "math.cos": "Cos", "math.erf": "Erf",
    "math.exp": "Exp", "math.floor": "Floor", "math.log": "Log", "math.powf": "Pow",
    "math.roundeven": "Round", "math.sin": "Sin", "math.sqrt": "Sqrt", "math.tanh": "Tanh",
    "arith.select": "Where",
}  # fmt: skip
# arith.cmpf: the node, and whether its outcome is negated.
_COMPARISONS = {
    1: ("Equal", False), 2: ("Greater", False), 3: ("GreaterOrEqual", False),
    4: ("Less", False), 5: ("LessOrEqual", False),
    9: ("LessOrEqual", True), 10: ("Less", True), 11: ("GreaterOrEqual", True),
    12: ("Greater", True), 13: ("Equal", True),
}  # fmt: skip
_UGT, _OGT, _UGE, _OGE = 9, 2, 10, 3


# What places (linalg.index) and integers go through.
_FOLDS = {
    "arith.addi": np.add, "arith.subi": np.subtract, "arith.muli": np.multiply,
    "arith.maxsi": np.maximum, "arith.minsi": np.minimum,
    "arith.index_cast": lambda x: x, "arith.extsi": lambda x: x, "arith.trunci": lambda x: x,
    "arith.sitofp": lambda x: np.asarray(x, np.float32),
    "arith.truncf": lambda x: np.asarray(x, np.float32),
    "arith.addf": np.add, "arith.subf": np.subtract, "arith.mulf": np.multiply,
    "arith.divf": np.divide, "arith.select": np.where,
}  # fmt: skip
_INTEGER_COMPARISONS = {
    0: np.equal, 1: np.not_equal, 2: np.less, 3: np.less_equal, 4: np.greater,
    5: np.greater_equal,
}  # fmt: skip


def fold(operation: ir.Operation, operands: list[np.ndarray]) -> np.ndarray | None:
    """The result on known numbers; None if it is not computed here."""
    if operation.name in _FOLDS:
        with np.errstate(all="ignore"):  # beyond f32 is an infinity
            return np.asarray(_FOLDS[operation.name](*operands))
    if operation.name == "arith.cmpi":
        predicate = ir.IntegerAttr(operation.attributes["predicate"]).value
        if predicate in _INTEGER_COMPARISONS:
            return _INTEGER_COMPARISONS[predicate](*operands)
    return None


def evaluate(
    graph: Graph, body: ir.Block, arguments: list[str], shape: list[int], outer: Callable
) -> str:
    """The node output of what the body yields, over loops of `shape`.

    `outer` gives a value from outside of the body, as an array or a name.
    """
    known: dict[ir.Value, str | np.ndarray] = dict(zip(body.arguments, arguments))

    def read(value: ir.Value) -> str | np.ndarray:
        if value not in known:
            known[value] = outer(value)
        return known[value]

    def name(value: str | np.ndarray) -> str:
        return value if isinstance(value, str) else graph.constant(value)

    for operation in body.operations:
        operation = operation.operation
        if operation.name == "linalg.yield":
            return name(read(operation.operands[0]))
        if operation.name == "linalg.index":
            known[operation.results[0]] = _places(operation, shape)
            continue
        if operation.name == "arith.constant":
            read(operation.results[0])
            continue
        operands = [read(value) for value in operation.operands]
        result = None
        if not any(isinstance(operand, str) for operand in operands):
            result = fold(operation, operands)
        if result is None:
            result = _node(graph, operation, [name(operand) for operand in operands])
        known[operation.results[0]] = result
    raise UserError("a linalg operation has a body without linalg.yield")


def _places(operation: ir.Operation, shape: list[int]) -> np.ndarray:
    dim = ir.IntegerAttr(operation.attributes["dim"]).value
    sizes = [size if d == dim else 1 for d, size in enumerate(shape)]
    return np.arange(shape[dim]).reshape(sizes)


def _node(graph: Graph, operation: ir.Operation, operands: list[str]) -> str:
    if operation.name == "arith.select":
        if relu := _relu(graph, operation):
            return graph.node("Relu", [operands[relu]])
    if operation.name in SAME:
        return graph.node(SAME[operation.name], operands)
    if operation.name == "math.rsqrt":
        return graph.node("Reciprocal", [graph.node("Sqrt", operands)])
    if operation.name == "arith.cmpf":
        predicate = ir.IntegerAttr(operation.attributes["predicate"]).value
        if predicate in _COMPARISONS:
            op_type, negated = _COMPARISONS[predicate]
            outcome = graph.node(op_type, operands)
            return graph.node("Not", [outcome]) if negated else outcome
    raise UserError(f"{operation.name}: has no counterpart in ONNX that is exported")


def _relu(graph: Graph, select: ir.Operation) -> int | None:
    """1, the operand x, of select(x > 0, x, 0); Relu of a NaN is one, as here."""
    condition, x, zero = select.operands
    compare = condition.owner
    if isinstance(compare, ir.Block) or compare.name != "arith.cmpf":
        return None
    predicate = ir.IntegerAttr(compare.attributes["predicate"]).value
    same = list(compare.operands) == [x, zero]
    return 1 if same and predicate in (_UGT, _UGE) and is_zero(zero) else None


def is_zero(value: ir.Value) -> bool:
    """True for the constant scalar 0.0."""
    owner = value.owner
    if isinstance(owner, ir.Block) or owner.name != "arith.constant":
        return False
    attribute = owner.attributes["value"]
    return isinstance(attribute, ir.FloatAttr) and attribute.value == 0 and not np.signbit(
        attribute.value
    )
