# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Small ONNX models for the tests: one case an operator and form of it."""

from dataclasses import dataclass, field

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 17


def weight(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def positive(*shape: int) -> np.ndarray:
    return np.abs(weight(*shape, seed=5)) + np.float32(0.5)


def ints(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


def node(op_type: str, inputs: str, outputs: str = "y", **attributes):
    """A node; inputs and outputs are names separated by blanks, "_" is omitted."""

    def names(text: str) -> list[str]:
        return ["" if name == "_" else name for name in text.split()]

    return helper.make_node(
        op_type, names(inputs), names(outputs), f"{op_type.lower()}_node", **attributes
    )


def model(
    nodes,
    inputs: dict[str, tuple],
    constants: dict[str, np.ndarray] | None = None,
    outputs: dict[str, tuple | None] | None = None,
    opset: int = OPSET,
    element: int = TensorProto.FLOAT,
    domains: tuple[str, ...] = (),
) -> onnx.ModelProto:
    """A model of `nodes` (one or a list).

    Outputs default to "y"; a shape None is inferred, as the checker wants one.
    """
    nodes = [nodes] if isinstance(nodes, onnx.NodeProto) else nodes

    def values(shapes: dict) -> list:
        return [
            helper.make_tensor_value_info(name, element, shape)
            for name, shape in shapes.items()
        ]

    graph = helper.make_graph(
        nodes,
        "graph",
        values(inputs),
        values(outputs or {"y": None}),
        [numpy_helper.from_array(v, k) for k, v in (constants or {}).items()],
    )
    opsets = [helper.make_opsetid("", opset)]
    opsets += [helper.make_opsetid(domain, 1) for domain in domains]
    made = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    inferred = onnx.shape_inference.infer_shapes(made, data_prop=True)
    for output, found in zip(made.graph.output, inferred.graph.output):
        output.CopyFrom(found)
    return made


@dataclass
class Case:
    """An operator in one form; `opsets` are those in which the form exists."""

    name: str
    nodes: onnx.NodeProto | list
    inputs: dict[str, tuple]
    constants: dict[str, np.ndarray] = field(default_factory=dict)
    outputs: dict[str, tuple | None] | None = None
    opsets: tuple[int, int] = (13, 25)
    # What to give the reference instead, where it is wrong on `nodes`, and the
    # first opset in which it is right.
    same_as: onnx.NodeProto | None = None
    reference_from: int = 13

    def reference_model(self, opset: int) -> onnx.ModelProto:
        nodes = self.same_as or self.nodes
        opset = max(opset, self.reference_from)
        return model(nodes, self.inputs, self.constants, self.outputs, opset)

    def model(self, opset: int) -> onnx.ModelProto:
        return model(self.nodes, self.inputs, self.constants, self.outputs, opset)


IMAGE = {"x": (1, 4, 9, 8)}
ROWS = {"x": (3, 5)}
BATCH_NORM = {"s": positive(4), "b": weight(4), "m": weight(4, seed=2), "v": positive(4)}

CASES = [
    Case("add", node("Add", "x z"), {"x": (2, 3, 4), "z": (2, 3, 4)}),
    Case("add-broadcast", node("Add", "x z"), {"x": (2, 3, 4), "z": (3, 1)}),
    Case("add-constant", node("Add", "x c"), ROWS, {"c": weight(5)}),
    Case("sub", node("Sub", "x z"), {"x": (2, 3), "z": (2, 3)}),
    Case("sub-from-constant", node("Sub", "c x"), ROWS, {"c": weight(1)}),
    Case("mul", node("Mul", "x z"), {"x": (2, 3), "z": (2, 3)}),
    Case("mul-scalar", node("Mul", "x c"), ROWS, {"c": np.float32(0.5).reshape(())}),
    Case("abs", node("Abs", "x"), ROWS),
    Case("neg", node("Neg", "x"), ROWS),
    Case("floor", node("Floor", "x"), ROWS),
    Case("min", node("Min", "x z"), {"x": (2, 3), "z": (3,)}),
    Case("max", node("Max", "x z c"), {"x": (2, 3), "z": (2, 3)}, {"c": weight(3)}),
    Case("div", node("Div", "x c"), ROWS, {"c": positive(5)}),
    Case("div-by-value", [node("Exp", "z", "e"), node("Div", "x e")], {"x": (2, 3), "z": (3,)}),
    Case("reciprocal", [node("Exp", "x", "e"), node("Reciprocal", "e")], ROWS),
    Case("exp", node("Exp", "x"), ROWS),
    Case("log", [node("Exp", "x", "e"), node("Log", "e")], ROWS),
    Case("sqrt", [node("Abs", "x", "a"), node("Sqrt", "a")], ROWS),
    Case("erf", node("Erf", "x"), ROWS),
    Case("tanh", node("Tanh", "x"), ROWS),
    Case("sigmoid", node("Sigmoid", "x"), ROWS),
    Case("pow-square", node("Pow", "x c"), ROWS, {"c": np.float32(2).reshape(())}),
    Case(
        "pow-fraction",
        [node("Abs", "x", "a"), node("Pow", "a c")],
        ROWS,
        {"c": np.float32(0.5).reshape(())},
    ),
    Case("pow-cube", node("Pow", "x c"), ROWS, {"c": np.float32(3).reshape(1)}),
    Case("pow-identity", node("Pow", "x c"), ROWS, {"c": np.float32(1).reshape(())}),
    Case("gelu", node("Gelu", "x"), ROWS, opsets=(20, 25)),
    Case("gelu-tanh", node("Gelu", "x", approximate="tanh"), ROWS, opsets=(20, 25)),
    Case("softmax", node("Softmax", "x"), {"x": (2, 3, 5)}),
    Case("softmax-middle", node("Softmax", "x", axis=1), {"x": (2, 3, 5)}),
    Case(
        "layer-norm",
        node("LayerNormalization", "x s b", epsilon=1e-3),
        {"x": (2, 3, 5)},
        {"s": positive(5), "b": weight(5)},
        opsets=(17, 25),
    ),
    Case(
        "layer-norm-two-axes",
        node("LayerNormalization", "x s b", axis=1),
        {"x": (2, 3, 5)},
        {"s": positive(3, 5), "b": weight(3, 5)},
        opsets=(17, 25),
    ),
    Case(
        "layer-norm-without-bias",
        node("LayerNormalization", "x s"),
        {"x": (2, 3, 5)},
        {"s": positive(5)},
        opsets=(17, 25),
    ),
    Case("reduce-sum", node("ReduceSum", "x axes"), IMAGE, {"axes": ints(1, 3)}),
    Case("reduce-sum-all", node("ReduceSum", "x", keepdims=0), IMAGE),
    Case(
        "reduce-max", node("ReduceMax", "x", axes=[1, 3]), IMAGE, opsets=(13, 17)
    ),
    Case(
        "reduce-max-input",
        node("ReduceMax", "x axes", keepdims=0),
        IMAGE,
        {"axes": ints(-1)},
        opsets=(18, 25),
    ),
    Case("relu", node("Relu", "x"), IMAGE),
    Case(
        "clip",
        node("Clip", "x lo hi"),
        IMAGE,
        {"lo": np.float32(-0.5).reshape(()), "hi": np.float32(0.75).reshape(())},
    ),
    Case(
        "clip-crossed",
        node("Clip", "x lo hi"),
        ROWS,
        {"lo": np.float32(1).reshape(()), "hi": np.float32(-1).reshape(())},
    ),
    Case("clip-above", node("Clip", "x _ hi"), ROWS, {"hi": np.float32(0.1).reshape(())}),
    Case("clip-below", node("Clip", "x lo"), ROWS, {"lo": np.float32(0.1).reshape(())}),
    Case("conv", node("Conv", "x w"), IMAGE, {"w": weight(6, 4, 3, 3)}),
    Case(
        "conv-bias-pads-strides",
        node("Conv", "x w b", pads=[1, 2, 0, 1], strides=[2, 3]),
        IMAGE,
        {"w": weight(6, 4, 3, 2), "b": weight(6)},
    ),
    Case(
        "conv-dilations",
        node("Conv", "x w", pads=[2, 2, 2, 2], dilations=[2, 2]),
        IMAGE,
        {"w": weight(6, 4, 3, 3)},
    ),
    Case(
        "conv-same-upper",
        node("Conv", "x w", auto_pad="SAME_UPPER", strides=[2, 2]),
        IMAGE,
        {"w": weight(6, 4, 3, 3)},
    ),
    Case(
        "conv-same-lower",
        node("Conv", "x w", auto_pad="SAME_LOWER", strides=[2, 2]),
        IMAGE,
        {"w": weight(6, 4, 3, 3)},
    ),
    Case(
        "conv-same-lower-uneven",
        node("Conv", "x w", auto_pad="SAME_LOWER", strides=[2, 1]),
        IMAGE,
        {"w": weight(6, 4, 2, 4)},
        # onnx 1.20's reference computes another shape
        same_as=node("Conv", "x w", pads=[1, 2, 0, 1], strides=[2, 1]),
    ),
    Case(
        "conv-valid",
        node("Conv", "x w", auto_pad="VALID"),
        IMAGE,
        {"w": weight(6, 4, 3, 3)},
        same_as=node("Conv", "x w"),  # onnx 1.20's reference pads here
    ),
    Case(
        "conv-groups",
        node("Conv", "x w b", group=2, pads=[1, 1, 1, 1]),
        IMAGE,
        {"w": weight(6, 2, 3, 3), "b": weight(6)},
    ),
    Case(
        "conv-depthwise",
        node("Conv", "x w b", group=4, pads=[1, 1, 1, 1], strides=[2, 2]),
        IMAGE,
        {"w": weight(4, 1, 3, 3), "b": weight(4)},
    ),
    Case(
        "conv-depthwise-multiplier",
        node("Conv", "x w", group=4),
        IMAGE,
        {"w": weight(8, 1, 3, 3)},
    ),
    Case(
        "conv-1d",
        node("Conv", "x w b", pads=[1, 1]),
        {"x": (1, 4, 9)},
        {"w": weight(6, 4, 3), "b": weight(6)},
    ),
    Case(
        "conv-weight-is-input",
        node("Conv", "x w"),
        {"x": (1, 4, 9, 8), "w": (6, 4, 3, 3)},
    ),
    Case(
        "conv-batch",
        node("Conv", "x w", pads=[1, 1, 1, 1]),
        {"x": (3, 4, 9, 8)},
        {"w": weight(6, 4, 3, 3)},
    ),
    # onnx 1.20's reference mixes in the batch's own statistics before opset 14,
    # where a node with one output is in test mode.
    Case(
        "batch-norm",
        node("BatchNormalization", "x s b m v"),
        IMAGE,
        BATCH_NORM,
        reference_from=15,
    ),
    Case(
        "batch-norm-epsilon",
        node("BatchNormalization", "x s b m v", epsilon=0.25),
        IMAGE,
        BATCH_NORM,
        reference_from=15,
    ),
    Case(
        "max-pool",
        node("MaxPool", "x", kernel_shape=[2, 2], strides=[2, 2]),
        IMAGE,
    ),
    Case(
        "max-pool-pads",
        node("MaxPool", "x", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]),
        IMAGE,
    ),
    Case(
        "max-pool-uneven-pads",
        node("MaxPool", "x", kernel_shape=[3, 2], strides=[2, 2], pads=[1, 0, 0, 1]),
        IMAGE,
    ),
    Case(
        "max-pool-same-upper",
        node("MaxPool", "x", kernel_shape=[3, 3], strides=[2, 2], auto_pad="SAME_UPPER"),
        IMAGE,
    ),
    Case(
        "max-pool-same-lower",
        node("MaxPool", "x", kernel_shape=[3, 2], strides=[2, 2], auto_pad="SAME_LOWER"),
        IMAGE,
        # onnx 1.20's reference computes another shape
        same_as=node("MaxPool", "x", kernel_shape=[3, 2], strides=[2, 2], pads=[1, 0, 1, 0]),
    ),
    Case(
        "max-pool-ceil",
        node("MaxPool", "x", kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1),
        IMAGE,
    ),
    Case(
        "max-pool-dilations",
        node("MaxPool", "x", kernel_shape=[2, 2], dilations=[2, 2]),
        IMAGE,
    ),
    Case(
        "average-pool",
        node("AveragePool", "x", kernel_shape=[3, 2], strides=[2, 2]),
        IMAGE,
    ),
    Case(
        "average-pool-pads",
        node("AveragePool", "x", kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        IMAGE,
    ),
    Case(
        "average-pool-uneven-pads",
        node("AveragePool", "x", kernel_shape=[3, 3], pads=[1, 0, 0, 1]),
        IMAGE,
    ),
    Case(
        "average-pool-count-pads",
        node(
            "AveragePool", "x", kernel_shape=[3, 3], pads=[1, 1, 1, 1],
            count_include_pad=1,
        ),
        IMAGE,
    ),  # fmt: skip
    Case(
        "average-pool-ceil",
        node("AveragePool", "x", kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1),
        IMAGE,
    ),
    Case(
        "average-pool-same-upper",
        node("AveragePool", "x", kernel_shape=[2, 2], auto_pad="SAME_UPPER"),
        IMAGE,
    ),
    Case(
        "average-pool-ceil-pads",
        node(
            "AveragePool", "x", kernel_shape=[3, 3], strides=[2, 3], pads=[1, 0, 1, 0],
            ceil_mode=1,
        ),
        IMAGE,
    ),  # fmt: skip
    Case("global-average-pool", node("GlobalAveragePool", "x"), IMAGE),
    Case(
        "reduce-mean-attribute",
        node("ReduceMean", "x", axes=[2, 3], keepdims=0),
        IMAGE,
        opsets=(13, 17),
    ),
    Case("reduce-mean-all", node("ReduceMean", "x", keepdims=0), IMAGE),
    Case(
        "reduce-mean-negative-axis",
        node("ReduceMean", "x", axes=[-1]),
        IMAGE,
        opsets=(13, 17),
    ),
    Case(
        "reduce-mean-input",
        node("ReduceMean", "x axes", keepdims=1),
        IMAGE,
        {"axes": ints(2, 3)},
        opsets=(18, 25),
    ),
    Case(
        "reduce-mean-noop",
        node("ReduceMean", "x", noop_with_empty_axes=1),
        IMAGE,
        opsets=(18, 25),
    ),
    Case("gemm", node("Gemm", "x w"), ROWS, {"w": weight(5, 4)}),
    Case(
        "gemm-trans-b-bias",
        node("Gemm", "x w b", transB=1),
        ROWS,
        {"w": weight(4, 5), "b": weight(4)},
    ),
    Case(
        "gemm-trans-a-alpha-beta",
        node("Gemm", "x w b", transA=1, alpha=0.5, beta=2.0),
        ROWS,
        {"w": weight(3, 4), "b": weight(5, 1)},
    ),
    Case("matmul", node("MatMul", "x w"), ROWS, {"w": weight(5, 4)}),
    Case("matmul-activations", node("MatMul", "x z"), {"x": (3, 5), "z": (5, 2)}),
    Case("matmul-batch", node("MatMul", "x z"), {"x": (2, 3, 5), "z": (2, 5, 4)}),
    Case("matmul-batch-weight", node("MatMul", "x w"), {"x": (2, 3, 5)}, {"w": weight(5, 4)}),
    Case(
        "matmul-weight-bias",
        [node("MatMul", "x w", "p"), node("Add", "b p")],
        {"x": (2, 2, 3, 5)},
        {"w": weight(5, 4), "b": weight(4)},
    ),
    Case(
        "matmul-weight-bias-shared",
        [node("MatMul", "x w", "p"), node("Add", "p b", "s"), node("Mul", "s p")],
        {"x": (2, 3, 5)},
        {"w": weight(5, 4), "b": weight(4)},
    ),
    Case("matmul-vector", node("MatMul", "x w"), {"x": (5,)}, {"w": weight(5, 4)}),
    Case("matmul-vectors", node("MatMul", "x z"), {"x": (5,), "z": (5,)}),
    Case("matmul-broadcast", node("MatMul", "x z"), {"x": (2, 1, 3, 5), "z": (4, 5, 2)}),
    Case("flatten", node("Flatten", "x"), {"x": (2, 3, 4)}),
    Case("flatten-axis", node("Flatten", "x", axis=2), {"x": (2, 3, 4)}),
    Case("flatten-axis-0", node("Flatten", "x", axis=0), {"x": (2, 3, 4)}),
    Case("reshape", node("Reshape", "x shape"), {"x": (2, 6)}, {"shape": ints(3, 4)}),
    Case(
        "reshape-zero-and-minus-one",
        node("Reshape", "x shape"),
        {"x": (2, 3, 4)},
        {"shape": ints(0, -1)},
    ),
    Case("reshape-to-scalar", node("Reshape", "x s"), {"x": (1, 1)}, {"s": ints()}),
    Case("reshape-scalar", node("Reshape", "x s"), {"x": ()}, {"s": ints(1, 1)}),
    Case("reshape-of-constant", [node("Reshape", "w shape", "v"), node("Add", "x v")],
         {"x": (2, 3)}, {"w": weight(6), "shape": ints(2, 3)}),  # fmt: skip
    Case(
        "quantize-dequantize",
        [node("QuantizeLinear", "x s z", "q"), node("DequantizeLinear", "q s z")],
        ROWS,
        {"s": np.float32(0.1).reshape(()), "z": np.array(3, np.int8)},
        reference_from=19,
    ),
    Case("transpose", node("Transpose", "x", perm=[0, 2, 3, 1]), IMAGE),
    Case("transpose-default", node("Transpose", "x"), {"x": (2, 3, 4)}),
    Case(
        "transpose-of-constant",
        [node("Transpose", "w", "v", perm=[1, 0]), node("MatMul", "x v")],
        ROWS,
        {"w": weight(4, 5)},
    ),
    Case(
        "transpose-of-conv-weight",
        [node("Transpose", "w", "v", perm=[3, 2, 0, 1]), node("Conv", "x v")],
        IMAGE,
        {"w": weight(3, 3, 4, 6)},
    ),
    Case("concat", node("Concat", "x z", axis=1), {"x": (2, 3), "z": (2, 4)}),
    Case("concat-constant", node("Concat", "x c x", axis=-1), ROWS, {"c": weight(3, 2)}),
    Case("pad", node("Pad", "x pads"), ROWS, {"pads": ints(1, 0, 0, 2)}),
    Case(
        "pad-value",
        node("Pad", "x pads value"),
        ROWS,
        {"pads": ints(0, 1, 2, 0), "value": np.float32(1.5).reshape(())},
    ),
    Case(
        "pad-axes",
        node("Pad", "x pads _ axes"),
        IMAGE,
        {"pads": ints(1, 2, 0, 1), "axes": ints(3, 2)},
        opsets=(18, 25),
    ),
    Case("identity", node("Identity", "x"), ROWS),
    Case("identity-of-constant", [node("Identity", "w", "v"), node("Add", "x v")],
         ROWS, {"w": weight(3, 5)}),  # fmt: skip
    Case("dropout", node("Dropout", "x"), ROWS),
    Case("dropout-ratio", node("Dropout", "x ratio"), ROWS, {"ratio": np.array(0.5, np.float32)}),
    Case(
        "constant-tensor",
        [
            node("Constant", "", "c", value=numpy_helper.from_array(weight(3, 5))),
            node("Add", "x c"),
        ],
        ROWS,
    ),
    Case(
        "constant-float",
        [node("Constant", "", "c", value_float=2.5), node("Mul", "x c")],
        ROWS,
    ),
    Case(
        "constant-ints",
        [node("Constant", "", "s", value_ints=[5, 3]), node("Reshape", "x s")],
        ROWS,
    ),
    Case("constants-only", node("Add", "w w"), {}, {"w": weight(3)}),
    Case("output-is-constant", node("Relu", "x"), ROWS, {"w": weight(3)},
         outputs={"y": None, "w": (3,)}),  # fmt: skip
    Case("output-is-input", node("Relu", "x"), ROWS, outputs={"y": None, "x": (3, 5)}),
    Case(
        "two-outputs",
        [node("Relu", "x", "r"), node("Add", "r x")],
        ROWS,
        outputs={"y": None, "r": None},
    ),
]
