# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""torch-mlir's ONNX path, as the iree-base-compiler wheel ships it.

In: a model with static f32 tensors. Out: MLIR bytecode in func, linalg,
tensor, arith and math, as torch-mlir emits it. The wheel is built from an LLVM
of the time release 22 branched, so LLVM 22 reads its bytecode.
"""

import io
import subprocess
from pathlib import Path

import onnx
from iree.compiler import ir
from iree.compiler.extras import onnx_importer
from iree.compiler.tools.binaries import find_tool

from qfmt.errors import UserError
from qfmt.tools import failure_text

_PIPELINE = (
    "builtin.module("
    # onnx.* -> torch.aten.* -> decomposed, shapes refined
    "torch-onnx-to-torch-backend-pipeline,"
    # torch -> linalg on tensors; fails if a torch op is left
    "torch-backend-to-linalg-on-tensors-backend-pipeline)"
)


def lower(model: onnx.ModelProto, path: Path) -> bytes:
    """Bytecode of the lowered module. UserError with its words if it fails."""
    # A process of its own: a crash in the lowering is an error here, not ours.
    done = subprocess.run(
        [find_tool("iree-opt"), f"--pass-pipeline={_PIPELINE}", "--emit-bytecode", "-"],
        input=_to_torch_onnx(model),
        capture_output=True,
    )
    if done.returncode != 0:
        # Its first line says it; notes with the IR around it follow.
        said = failure_text("iree-opt", done).partition("\n")[0]
        raise UserError(f"{path}: torch-mlir: {said.removeprefix('<unknown>:0: error: ')}")
    return done.stdout


def _raise_opset(model: onnx.ModelProto) -> None:
    """Opsets 13 and 14 are read as 15.

    torch-mlir knows BatchNormalization only from 15 on. What 14 and 15 changed in
    the operators of the table are types other than f32, and attributes
    (training_mode, allowzero) whose default is the older meaning.
    """
    for opset in model.opset_import:
        if opset.domain == "":
            opset.version = max(opset.version, 15)


def _to_torch_onnx(model: onnx.ModelProto) -> bytes:
    """One torch.operator "onnx.<Op>" a node; a node's name is its location."""
    _raise_opset(model)
    # The graph's name becomes the function's and may be anything.
    model.graph.name = "main"
    info = onnx_importer.ModelInfo(model)
    with ir.Context() as context:
        module = info.create_module(context).operation
        onnx_importer.NodeImporter.define_function(info.main_graph, module).import_all()
        bytecode = io.BytesIO()
        module.write_bytecode(bytecode)
    return bytecode.getvalue()
