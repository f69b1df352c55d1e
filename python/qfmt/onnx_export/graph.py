# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The ONNX graph under construction."""

import numpy as np
import onnx
from onnx import helper, numpy_helper

from qfmt.onnx_export.encoding import MIN_OPSET


class Graph:
    def __init__(self):
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self.opset = MIN_OPSET
        self._taken: set[str] = set()
        self._known: dict[tuple, str] = {}

    def reserve(self, name: str) -> str:
        """`name`, or one like it that nothing has."""
        unique, count = name, 0
        while unique in self._taken:
            count += 1
            unique = f"{name}_{count}"
        self._taken.add(unique)
        return unique

    def constant(self, value: np.ndarray, name: str = "constant") -> str:
        """An initializer; equal small ones are one."""
        value = np.ascontiguousarray(value).reshape(np.shape(value))
        key = (value.dtype.str, str(value.dtype), value.shape, value.tobytes())
        if value.size <= 64 and key in self._known:
            return self._known[key]
        tensor = numpy_helper.from_array(value, self.reserve(name))
        self.initializers.append(tensor)
        self._known[key] = tensor.name
        return tensor.name

    def node(self, op_type: str, inputs: list[str], **attributes) -> str:
        """The output of a new node."""
        output = self.reserve(op_type.lower())
        while inputs and not inputs[-1]:
            inputs = inputs[:-1]
        self.nodes.append(helper.make_node(op_type, inputs, [output], output, **attributes))
        return output

    def shape(self, sizes: list[int]) -> str:
        return self.constant(np.array(sizes, np.int64), "shape")

    def output(self, source: str, name: str) -> None:
        """Makes the tensor `source` known as the output `name`."""
        self.nodes.append(helper.make_node("Identity", [source], [name], name))

    def _drop_unused(self, outputs: list) -> None:
        used = {value.name for value in outputs}
        kept = []
        for node in reversed(self.nodes):
            if used & set(node.output):
                used |= set(node.input)
                kept.append(node)
        self.nodes = kept[::-1]
        self.initializers = [t for t in self.initializers if t.name in used]

    def _drop_identities(self) -> None:
        """Lets nodes that only an output reads have its name."""
        readers: dict[str, int] = {}
        for node in self.nodes:
            for name in node.input:
                readers[name] = readers.get(name, 0) + 1
        makers = {node.output[0]: node for node in self.nodes}
        kept = []
        for node in self.nodes:
            source = node.input[0] if node.op_type == "Identity" else ""
            if readers.get(source) == 1 and source in makers:
                makers[source].output[0] = node.output[0]
            else:
                kept.append(node)
        self.nodes = kept

    def model(self, inputs: list, outputs: list) -> onnx.ModelProto:
        self._drop_unused(outputs)
        self._drop_identities()
        graph = helper.make_graph(self.nodes, "main", inputs, outputs, self.initializers)
        opset = [helper.make_opsetid("", self.opset)]
        model = helper.make_model(
            graph,
            opset_imports=opset,
            producer_name="qfmt",
            ir_version=helper.find_min_ir_version_for(opset),
        )
        onnx.checker.check_model(model, full_check=True)
        return model
