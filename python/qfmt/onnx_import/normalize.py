# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""f32 ONNX nodes -> nodes that torch-mlir lowers as the passes read them best.

  MatMul, 2-d right    a product of 2-d tensors between reshapes, with the bias that is
                       added to it: torch-mlir repeats the weight for every batch
  Pow, whole exponent  multiplications: torch-mlir's math.fpowi has no lowering
  Gelu, tanh           its definition: torch-mlir takes 0.797724 for sqrt(2 / pi)
  Reciprocal           1 / x: torch-mlir checks the element type at run time
  LayerNormalization   a bias of zeros where it has none

In: a model with the shape of every tensor in value_info. Out: the same, as a copy.
A node that takes another's place keeps its name, the location in the IR.
"""

import numpy as np
import onnx
from onnx import helper, numpy_helper

# Beyond that many factors the products' rounding errors add up to more than powf's.
MAX_EXPONENT = 8


def normalize(model: onnx.ModelProto) -> onnx.ModelProto:
    rewriter = _Rewriter(model)
    rewriter.run()
    changed = onnx.ModelProto()
    changed.CopyFrom(model)
    for field, values in [
        ("node", rewriter.nodes),
        ("initializer", [*model.graph.initializer, *rewriter.initializers]),
    ]:
        del getattr(changed.graph, field)[:]
        getattr(changed.graph, field).extend(values)
    return onnx.shape_inference.infer_shapes(changed, strict_mode=True, data_prop=True)


class _Rewriter:
    def __init__(self, model: onnx.ModelProto):
        graph = model.graph
        self.old = list(graph.node)
        self.constants = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
        self.shapes = {name: list(a.shape) for name, a in self.constants.items()}
        for value in [*graph.input, *graph.value_info, *graph.output]:
            dims = value.type.tensor_type.shape.dim
            self.shapes[value.name] = [d.dim_value for d in dims]
        self.uses = {value.name: 1 for value in graph.output}
        for name in (name for node in self.old for name in node.input):
            self.uses[name] = self.uses.get(name, 0) + 1
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self.absorbed: set[str] = set()  # outputs of nodes that are part of another

    def run(self) -> None:
        rules = {
            "MatMul": self._product,
            "Pow": self._power,
            "Gelu": self._gelu,
            "Reciprocal": self._reciprocal,
            "LayerNormalization": self._layer_norm,
        }
        for node in self.old:
            if node.output[0] in self.absorbed:
                continue
            rule = rules.get(node.op_type)
            if rule is None or not rule(node):
                self.nodes.append(node)

    # Every rule writes nodes in place of one and returns true, or returns false.

    def _product(self, node: onnx.NodeProto) -> bool:
        left, right = node.input
        shape = self.shapes[left]
        if len(shape) < 3 or len(self.shapes[right]) != 2:
            return False
        inputs, outputs = self.shapes[right]
        rows = int(np.prod(shape[:-1]))
        given = [self._reshape(node, left, "rows", [rows, inputs]), right]
        bias = self._bias(node, outputs)
        result = node.output[0]
        if bias is not None:
            constant, sum_node = bias
            given.append(constant)
            result = sum_node.output[0]
            self.absorbed.add(result)
        kind = "MatMul" if bias is None else "Gemm"
        product = self._add(node, kind, given, "product")
        self._reshape(node, product, "result", [*shape[:-1], outputs], result)
        return True

    def _bias(self, node: onnx.NodeProto, outputs: int) -> tuple[str, onnx.NodeProto] | None:
        """The constant that is added to nothing but this product, and the Add."""
        if self.uses.get(node.output[0]) != 1:
            return None
        for user in self.old:
            if user.op_type == "Add" and node.output[0] in user.input:
                (other,) = [name for name in user.input if name != node.output[0]]
                if other in self.constants and self.shapes[other] == [outputs]:
                    return other, user
        return None

    def _power(self, node: onnx.NodeProto) -> bool:
        x, exponent = node.input[0], self.constants[node.input[1]].item()
        count = int(exponent)
        if count != exponent:
            return False
        product = x
        for factor in range(2, count + 1):
            last = node.output[0] if factor == count else ""
            product = self._add(node, "Mul", [product, x], f"power{factor}", last)
        if count == 1:
            self._add(node, "Identity", [x], "power1", node.output[0])
        return True

    def _gelu(self, node: onnx.NodeProto) -> bool:
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        if attributes.get("approximate", b"none") != b"tanh":
            return False
        x = node.input[0]

        def scaled(kind: str, operand: str, number: float, label: str) -> str:
            return self._add(node, kind, [operand, self._number(node, number, label)], label)

        cube = self._add(node, "Mul", [x, x], "square")
        cube = self._add(node, "Mul", [cube, x], "cube")
        inner = self._add(node, "Add", [x, scaled("Mul", cube, 0.044715, "cubic")], "sum")
        inner = scaled("Mul", inner, (2 / np.pi) ** 0.5, "inner")
        inner = self._add(node, "Tanh", [inner], "tanh")
        inner = scaled("Mul", scaled("Add", inner, 1, "raised"), 0.5, "share")
        self._add(node, "Mul", [x, inner], "gelu", node.output[0])
        return True

    def _reciprocal(self, node: onnx.NodeProto) -> bool:
        one = self._number(node, 1, "one")
        self._add(node, "Div", [one, node.input[0]], "quotient", node.output[0])
        return True

    def _layer_norm(self, node: onnx.NodeProto) -> bool:
        if len(node.input) > 2 and node.input[2]:
            return False
        zeros = np.zeros(self.shapes[node.input[1]], np.float32)
        changed = onnx.NodeProto()
        changed.CopyFrom(node)
        del changed.input[2:]
        changed.input.append(self._constant(node, zeros, "bias"))
        self.nodes.append(changed)
        return True

    # Building blocks. Tensors are named after the old node's result: unique names.

    def _name(self, node: onnx.NodeProto, label: str) -> str:
        return f"qfmt.{node.output[0]}.{label}"

    def _add(
        self, node: onnx.NodeProto, kind: str, inputs: list[str], label: str, output: str = ""
    ) -> str:
        output = output or self._name(node, label)
        self.nodes.append(helper.make_node(kind, inputs, [output], node.name))
        return output

    def _constant(self, node: onnx.NodeProto, value: np.ndarray, label: str) -> str:
        name = self._name(node, f"{label}.constant")
        self.initializers.append(numpy_helper.from_array(value, name))
        return name

    def _number(self, node: onnx.NodeProto, value: float, label: str) -> str:
        return self._constant(node, np.array(value, np.float32), label)

    def _reshape(
        self, node: onnx.NodeProto, x: str, label: str, shape: list[int], output: str = ""
    ) -> str:
        to = self._constant(node, np.array(shape, np.int64), label)
        return self._add(node, "Reshape", [x, to], label, output)
