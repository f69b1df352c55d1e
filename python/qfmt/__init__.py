# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Command line and Python side of qfmt; the compiler itself is C++."""

__version__ = "0.1.0"


def export_onnx(path):
    """The network in an MLIR file as an ONNX model: see qfmt.onnx_export."""
    from qfmt.onnx_export import export_onnx as export

    return export(path)
