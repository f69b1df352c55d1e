# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The table of operations that are exported."""

import onnx

from qfmt.onnx_export import arithmetic, casts, exporter, generic, moves, products
from qfmt.onnx_export.exporter import Exporter
from qfmt.onnx_export.module import Main


def build_model(main: Main) -> onnx.ModelProto:
    return Exporter(main, OPERATIONS).run()


OPERATIONS = {
    **{name: generic.elementwise for name in [*arithmetic.SAME, "arith.truncf"]},
    "arith.constant": exporter.constant,
    "linalg.batch_matmul": products.matmul,
    "linalg.broadcast": moves.broadcast,
    "linalg.conv_1d_ncw_fcw": products.conv,
    "linalg.conv_2d_nchw_fchw": products.conv,
    "linalg.conv_2d_ngchw_gfchw": products.grouped,
    "linalg.depthwise_conv_1d_ncw_cw": products.depthwise,
    "linalg.depthwise_conv_2d_nchw_chw": products.depthwise,
    "linalg.dot": products.matmul,
    "linalg.fill": moves.fill,
    "linalg.generic": generic.generic,
    "linalg.matmul": products.matmul,
    "linalg.matvec": products.matmul,
    "linalg.pooling_nchw_max": products.max_pool,
    "linalg.pooling_nchw_sum": products.sum_pool,
    "linalg.transpose": moves.transpose,
    "linalg.vecmat": products.matmul,
    "qfmt.assemble": casts.assemble,
    "qfmt.constituents": casts.constituents,
    "qfmt.dequantize": casts.dequantize,
    "qfmt.observe": moves.same,
    "qfmt.quantize": casts.quantize,
    "qfmt.unpack": casts.unpack,
    "tensor.cast": moves.same,
    "tensor.collapse_shape": moves.reshape,
    "tensor.concat": moves.concat,
    "tensor.empty": moves.empty,
    "tensor.expand_shape": moves.reshape,
    "tensor.extract_slice": moves.extract,
    "tensor.pad": moves.pad,
}
