# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes the layers of a transformer as ONNX nodes, as PyTorch's exporter would.

Opset 17, float32, static shapes. Layers are those of inference: no dropout. A
method adds nodes and returns the name of the tensor that they compute; the names
of weights and nodes begin with `name`. Nothing here checks shapes: `save` lets
onnx.checker do that, with shape inference.
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 17


class Graph:
    """An ONNX graph in the making."""

    def __init__(self, name: str):
        self.name = name
        self.nodes, self.weights = [], []
        self.inputs, self.outputs = [], []

    def input(self, name: str, shape: list[int]) -> str:
        self.inputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
        return name

    def output(self, tensor: str, name: str, shape: list[int]) -> None:
        self.node("Identity", [tensor], name, output=name)
        self.outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))

    def weight(self, name: str, value: np.ndarray, dtype: type = np.float32) -> str:
        array = np.ascontiguousarray(value, dtype)
        self.weights.append(numpy_helper.from_array(array, name))
        return name

    def node(
        self, kind: str, inputs: list[str], name: str, output: str = "", **attributes
    ) -> str:
        output = output or f"{name}.out"
        self.nodes.append(helper.make_node(kind, inputs, [output], name, **attributes))
        return output

    def with_constant(self, kind: str, x: str, name: str, value: float) -> str:
        """`kind` (Add, Mul, ...) of `x` and one number."""
        return self.node(kind, [x, self.weight(f"{name}.value", np.float32(value))], name)

    def reshape(self, x: str, name: str, shape: list[int]) -> str:
        to = self.weight(f"{name}.shape", np.array(shape), np.int64)
        return self.node("Reshape", [x, to], name)

    def linear(self, x: str, name: str, weight: np.ndarray, bias: np.ndarray) -> str:
        """x [..., inputs] times weight [inputs, outputs], plus bias [outputs]."""
        product = self.node(
            "MatMul", [x, self.weight(f"{name}.weight", weight)], f"{name}.matmul"
        )
        return self.node("Add", [product, self.weight(f"{name}.bias", bias)], name)

    def layer_norm(
        self, x: str, name: str, weight: np.ndarray, bias: np.ndarray, epsilon: float
    ) -> str:
        """Over the last dimension."""
        given = [x, self.weight(f"{name}.weight", weight), self.weight(f"{name}.bias", bias)]
        return self.node("LayerNormalization", given, name, axis=-1, epsilon=epsilon)

    def gelu(self, x: str, name: str) -> str:
        """x * (1 + erf(x / sqrt 2)) / 2; opset 17 has no Gelu."""
        inner = self.with_constant("Div", x, f"{name}.div", 2**0.5)
        inner = self.node("Erf", [inner], f"{name}.erf")
        inner = self.with_constant("Add", inner, f"{name}.add", 1)
        return self.with_constant(
            "Mul", self.node("Mul", [x, inner], f"{name}.mul"), name, 0.5
        )

    def attention(
        self,
        x: str,
        name: str,
        shape: tuple[int, int, int],
        weights: dict[str, tuple[np.ndarray, np.ndarray]],
        masked: str = "",
    ) -> str:
        """Multi-head self-attention of x [1, tokens, width].

        `shape` is (tokens, heads, width of a head); `weights` holds the linear
        layers "query", "key", "value" and "output". `masked`, if given, is a
        tensor that broadcasts to [1, heads, tokens, tokens] and is subtracted
        from the scores: 0, or a number so large that the token has no weight.
        """
        tokens, heads, size = shape

        def split(part: str, order: list[int]) -> str:
            given = self.linear(x, f"{name}.{part}", *weights[part])
            rows = self.reshape(given, f"{name}.{part}.split", [1, tokens, heads, size])
            return self.node("Transpose", [rows], f"{name}.{part}.heads", perm=order)

        query = split("query", [0, 2, 1, 3])
        key = split("key", [0, 2, 3, 1])
        value = split("value", [0, 2, 1, 3])
        scores = self.node("MatMul", [query, key], f"{name}.products")
        scores = self.with_constant("Mul", scores, f"{name}.scores", size**-0.5)
        if masked:
            scores = self.node("Sub", [scores, masked], f"{name}.masked")
        shares = self.node("Softmax", [scores], f"{name}.softmax", axis=-1)
        mixed = self.node("MatMul", [shares, value], f"{name}.mix")
        mixed = self.node("Transpose", [mixed], f"{name}.gather", perm=[0, 2, 1, 3])
        rows = self.reshape(mixed, f"{name}.join", [1, tokens, heads * size])
        return self.linear(rows, f"{name}.output", *weights["output"])

    def model(self) -> onnx.ModelProto:
        graph = helper.make_graph(
            self.nodes, self.name, self.inputs, self.outputs, self.weights
        )
        # IR version 8 is that of opset 17.
        return helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=8,
            producer_name="qfmt-examples",
        )

    def save(self, path: Path) -> None:
        model = self.model()
        onnx.checker.check_model(model, full_check=True)
        onnx.save(model, str(path))
