# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""File -> ModelProto that passed onnx.checker, in one plain form.

The plain form: local functions inlined, domain "ai.onnx" spelled "", every
node named, initializers and constants as raw_data with a name of their own.
Does not look at shapes.
"""

from pathlib import Path

import numpy as np
import onnx
import onnx.inliner
from google.protobuf.message import DecodeError
from onnx import numpy_helper

from qfmt.errors import UserError
from qfmt.onnx_import import supported


def load(path: Path) -> onnx.ModelProto:
    model = _read(path)
    _normalize_domains(model)
    try:
        onnx.checker.check_model(model)
    except (onnx.checker.ValidationError, ValueError) as error:
        # An operator that ONNX does not know fails the check, too; then the list
        # of all of them says more than the checker's word on the first.
        supported.check_operators(model, path)
        # The checker's text ends in a dump of the node after its first line.
        raise UserError(
            f"{path}: not a valid ONNX model: {str(error).strip().splitlines()[0]}"
        ) from error
    if model.functions:
        model = onnx.inliner.inline_local_functions(model)
    _name_nodes(model.graph)
    _normalize_constants(model.graph)
    return model


def _read(path: Path) -> onnx.ModelProto:
    try:
        # The format is said, or the file's extension would choose it.
        model = onnx.load(path, format="protobuf")
    except OSError as error:
        raise UserError(f"{path}: cannot read: {error.strerror or error}") from error
    except DecodeError as error:
        raise UserError(f"{path}: not an ONNX file, or a truncated one") from error
    except onnx.checker.ValidationError as error:  # a missing external data file
        raise UserError(f"{path}: {str(error).strip().splitlines()[0]}") from error
    # Protobuf reads an empty file, and some text files, as a model without fields.
    if not model.HasField("graph"):
        raise UserError(f"{path}: not an ONNX file (it holds no graph)")
    return model


def _normalize_domains(model: onnx.ModelProto) -> None:
    for holder in [*model.opset_import, *model.graph.node]:
        if holder.domain == "ai.onnx":
            holder.domain = ""


def _name_nodes(graph: onnx.GraphProto) -> None:
    """Names nodes without a name, for diagnostics and MLIR locations."""
    for index, node in enumerate(graph.node):
        if not node.name:
            node.name = f"{node.op_type}_{index}"


def _normalize_constants(graph: onnx.GraphProto) -> None:
    """Constant nodes become initializers, all of them with raw_data.

    Old exporters keep data in the typed fields and list initializers as graph
    inputs too; both forms end here. Sparse tensors are left for `supported`.
    """
    kept = []
    for node in graph.node:
        value = _constant_value(node)
        if value is None:
            kept.append(node)
        else:
            graph.initializer.append(numpy_helper.from_array(value, node.output[0]))
    del graph.node[:]
    graph.node.extend(kept)

    for tensor in graph.initializer:
        if not tensor.HasField("raw_data"):
            tensor.CopyFrom(
                numpy_helper.from_array(numpy_helper.to_array(tensor), tensor.name)
            )

    initialized = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in initialized]
    del graph.input[:]
    graph.input.extend(inputs)


def _constant_value(node: onnx.NodeProto) -> np.ndarray | None:
    """The value of a Constant node; None for other nodes and sparse or text values."""
    if node.op_type != "Constant" or node.domain != "" or len(node.attribute) != 1:
        return None
    attribute = node.attribute[0]
    value = onnx.helper.get_attribute_value(attribute)
    match attribute.name:
        case "value":
            return numpy_helper.to_array(value)
        case "value_float" | "value_floats":
            return np.asarray(value, np.float32)
        case "value_int" | "value_ints":
            return np.asarray(value, np.int64)
    return None
