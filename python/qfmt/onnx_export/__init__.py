# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""MLIR (level real or encoded) to ONNX with QuantizeLinear and DequantizeLinear.

The modules:
  module      the file as qfmt-opt prints it, its operations and constants
  encoding    #qfmt.scaled <-> scale, zero point, axis and block_size
  graph       the ONNX graph under construction: names, nodes, initializers
  arithmetic  bodies of linalg operations, one node an operation
  operations  the table: one function an operation of @main
What ONNX cannot say is a UserError that names the operation.
"""

from pathlib import Path

import onnx

from qfmt.errors import UserError


def export_onnx(path: Path | bytes) -> onnx.ModelProto:
    """The network in @main of an MLIR file (or its bytes) as a checked model.

    Compute may be what qfmt import and qfmt quantize --level encoded write. The
    opset is the smallest of 21 to 25 that has all element types. Raises UserError,
    whose text begins with the path if there is one.
    """
    from qfmt.onnx_export import module, operations

    try:
        with module.read(path) as main:
            return operations.build_model(main)
    except UserError as error:
        if isinstance(path, bytes) or str(error).startswith(str(path)):
            raise
        raise UserError(f"{path}: {error}") from error
