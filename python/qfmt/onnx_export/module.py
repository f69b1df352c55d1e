# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Reads a module with operations of qfmt, which the MLIR of the Python side does not know.

qfmt-opt prints it in the generic form. There the inherent attributes of unknown
operations stand in <{ }>, out of reach; they are moved to the plain ones.
"""

import contextlib
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

import ml_dtypes
import numpy as np
from iree.compiler import ir

from qfmt.errors import UserError
from qfmt.tools import run_tool

_FLOATS = {
    "f32": np.float32,
    "f16": np.float16,
    "bf16": ml_dtypes.bfloat16,
    "f8E4M3FN": ml_dtypes.float8_e4m3fn,
    "f8E4M3FNUZ": ml_dtypes.float8_e4m3fnuz,
    "f8E5M2": ml_dtypes.float8_e5m2,
    "f8E5M2FNUZ": ml_dtypes.float8_e5m2fnuz,
    "f8E8M0FNU": ml_dtypes.float8_e8m0fnu,
    "f6E2M3FN": ml_dtypes.float6_e2m3fn,
    "f6E3M2FN": ml_dtypes.float6_e3m2fn,
    "f4E2M1FN": ml_dtypes.float4_e2m1fn,
}


@dataclass
class Main:
    """@main of a module, and the data of its resources."""

    function: ir.Operation
    resources: dict[str, bytes]

    @property
    def block(self) -> ir.Block:
        return self.function.regions[0].blocks[0]

    def names(self, kind: str, count: int, default: str) -> list[str]:
        """The ONNX names of arguments ("arg_attrs") or results ("res_attrs")."""
        found = [f"{default}{i}" for i in range(count)]
        if kind in self.function.attributes:
            for index, attributes in enumerate(self.function.attributes[kind]):
                if "qfmt.name" in attributes:
                    found[index] = ir.StringAttr(attributes["qfmt.name"]).value
        return found

    def array(self, attribute: ir.Attribute) -> np.ndarray:
        """A constant's numbers: floats in their type, integers as int64."""
        if isinstance(attribute, ir.FloatAttr):
            return np.array(attribute.value, _FLOATS.get(str(attribute.type), np.float64))
        if isinstance(attribute, ir.IntegerAttr):
            return np.array(attribute.value, np.int64)
        type = ir.RankedTensorType(attribute.type)
        element = str(type.element_type)
        text = str(attribute)
        if text.startswith("dense_resource<"):
            key = re.match(r'dense_resource<"?([^">]*)"?>', text)[1]
            return _from_bytes(self.resources[key], element).reshape(type.shape)
        if element == "f32":
            return np.array(ir.DenseFPElementsAttr(attribute), np.float32)
        return _from_text(text, element, type.shape)


def _from_bytes(data: bytes, element: str) -> np.ndarray:
    if element in _FLOATS:
        return np.frombuffer(data, _FLOATS[element])
    width = int(element.lstrip("i"))
    values = np.frombuffer(data, f"<i{max(1, width // 8)}").astype(np.int64)
    sign = 1 << (width - 1)  # of codes narrower than their byte
    return ((values & (2 * sign - 1)) ^ sign) - sign if width < 8 else values


def _from_text(text: str, element: str, shape: list[int]) -> np.ndarray:
    """dense<...> as printed: numbers that read back exactly, or bytes."""
    body = text[text.index("<") + 1 : text.rindex("> : ")]
    if body.startswith('"0x'):
        return _from_bytes(bytes.fromhex(body[3:-1]), element).reshape(shape)
    words = re.findall(r"[-+\w.]+", body)
    if element in _FLOATS:
        values = np.array([_number(word, np.dtype(_FLOATS[element])) for word in words])
    elif element in ("f64", "i1"):
        values = np.array([float(w) if element == "f64" else w == "true" for w in words])
    else:
        values = np.array([int(word) for word in words], np.int64)
    # One word is a splat.
    return np.broadcast_to(values.reshape(shape if len(words) > 1 else [1] * len(shape)), shape)


def _number(word: str, kind: np.dtype) -> np.generic:
    if word.startswith("0x"):
        return np.frombuffer(int(word, 16).to_bytes(kind.itemsize, "little"), kind)[0]
    return kind.type(float(word))


@contextlib.contextmanager
def read(path: Path | bytes):
    """The file's @main, for as long as the context lasts."""
    text, resources = _split(_generic(path))
    with ir.Context() as context, ir.Location.unknown():
        context.allow_unregistered_dialects = True
        try:
            module = ir.Module.parse(text)
        except ir.MLIRError as error:
            raise UserError(f"cannot be exported: {error}") from error
        for operation in module.body.operations:
            name = operation.attributes["sym_name"]
            if ir.StringAttr(name).value == "main":
                yield Main(operation.operation, resources)
                return
    raise UserError("there is no function @main to export")


def _generic(path: Path | bytes) -> str:
    with tempfile.TemporaryDirectory() as folder:
        if isinstance(path, bytes):
            (Path(folder) / "module.mlirbc").write_bytes(path)
            path = Path(folder) / "module.mlirbc"
        if not path.is_file():
            raise UserError("no such file")
        # Nothing exports the index of a maximum, which nothing reads.
        options = "--qfmt-erase-unused-results", "--mlir-print-op-generic"
        return run_tool("qfmt-opt", path, *options).decode()


def _split(text: str) -> tuple[str, dict[str, bytes]]:
    """The module with plain attributes on qfmt's operations, and the resources' data."""
    code, mark, trailer = text.partition("\n{-#")
    lines = []
    for line in code.split("\n"):
        if '"qfmt.' in line:
            line = re.sub(r"\) <\{(.*?)\}> ", r") {\1} ", line)
            line = re.sub(r"\) <\{(.*?)\}>", r") {\1}", line)
        lines.append(line)
    resources = {}
    for key, data in re.findall(r'^\s*"?([^":\n]*)"?: "0x([0-9A-Fa-f]*)"', trailer, re.MULTILINE):
        # The first four bytes are the alignment.
        resources[key] = bytes.fromhex(data)[4:]
    return "\n".join(lines) + (mark + trailer if mark else ""), resources
