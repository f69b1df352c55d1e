# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""ONNX (fp32, with quantize/dequantize pairs or without) to MLIR bytecode.

The steps, each one module:
  load       file -> checked ModelProto, functions inlined
  supported  every node against the table of operators; one complete refusal
  shapes     symbolic dimensions bound, shapes inferred, all static f32
  quantized  QuantizeLinear and DequantizeLinear cut out, to be put in again
  normalize  nodes that torch-mlir lowers badly or wrongly, in terms of others
  torch_mlir torch-mlir's ONNX path -> linalg on tensors
  finish     the function the rest of qfmt expects: @main, dense_resource
"""

from pathlib import Path


def import_onnx(path: Path, dims: dict[str, int]) -> bytes:
    """The MLIR bytecode of the network in `path`.

    `dims` gives sizes of symbolic dimensions by name. The module has one public
    `func.func @main` on ranked static f32 tensors, one argument a graph input
    and one result a graph output, in the file's order, their ONNX names in
    `qfmt.name`. A quantized input or output is an encoded tensor with scale 1.
    Raises UserError.
    """
    from qfmt.onnx_import import (
        finish,
        load,
        normalize,
        quantized,
        shapes,
        supported,
        torch_mlir,
    )

    model = load.load(path)
    supported.check(model, path)
    model = shapes.bind_and_infer(model, dims, path)
    plan = quantized.cut(model, path)
    lowered = torch_mlir.lower(normalize.normalize(model), path)
    return finish.finish(lowered, plan)
