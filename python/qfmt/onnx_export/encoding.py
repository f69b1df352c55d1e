# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""#qfmt.scaled in ONNX's terms: an element type, and how scales are laid out."""

import re
from dataclasses import dataclass

import ml_dtypes
import numpy as np
from iree.compiler import ir
from onnx import TensorProto

from qfmt.errors import UserError

# Integer types by their range, narrowest first.
_INTEGERS = [
    (TensorProto.INT2, ml_dtypes.int2, -2, 1),
    (TensorProto.UINT2, ml_dtypes.uint2, 0, 3),
    (TensorProto.INT4, ml_dtypes.int4, -8, 7),
    (TensorProto.UINT4, ml_dtypes.uint4, 0, 15),
    (TensorProto.INT8, np.int8, -128, 127),
    (TensorProto.UINT8, np.uint8, 0, 255),
    (TensorProto.INT16, np.int16, -(2**15), 2**15 - 1),
    (TensorProto.UINT16, np.uint16, 0, 2**16 - 1),
]
_FLOATS = {
    "f8E4M3FN": (TensorProto.FLOAT8E4M3FN, ml_dtypes.float8_e4m3fn),
    "f8E4M3FNUZ": (TensorProto.FLOAT8E4M3FNUZ, ml_dtypes.float8_e4m3fnuz),
    "f8E5M2": (TensorProto.FLOAT8E5M2, ml_dtypes.float8_e5m2),
    "f8E5M2FNUZ": (TensorProto.FLOAT8E5M2FNUZ, ml_dtypes.float8_e5m2fnuz),
    "f4E2M1FN": (TensorProto.FLOAT4E2M1, ml_dtypes.float4_e2m1fn),
}
# The first opset in which the casts have a type.
_OPSETS = {TensorProto.FLOAT4E2M1: 23, TensorProto.INT2: 25, TensorProto.UINT2: 25}
MIN_OPSET = 21


@dataclass
class Encoding:
    """A tensor type's encoding."""

    shape: list[int]
    format: str
    element: int  # TensorProto.DataType of the codes
    kind: type  # of their numpy array
    low: float  # what codes may be made; the type may have more
    high: float
    block: list[int | None]  # None: the whole dimension
    scale: float | str  # static, or the format of a constituent
    zero_point: int | str

    @property
    def is_static(self) -> bool:
        return not isinstance(self.scale, str) and not isinstance(self.zero_point, str)

    @property
    def is_integer(self) -> bool:
        return self.format not in _FLOATS

    @property
    def is_narrow(self) -> bool:
        """True if the type of the codes has values that quantize does not make."""
        return self.is_integer and (self.low, self.high) != next(
            (low, high) for element, _, low, high in _INTEGERS if element == self.element
        )

    @property
    def opset(self) -> int:
        return _OPSETS.get(self.element, MIN_OPSET)

    def constituents(self) -> int:
        """How many there are after the payload."""
        return isinstance(self.scale, str) + isinstance(self.zero_point, str)


def read(type: ir.Type, where: str) -> Encoding | None:
    """The encoding of a tensor type, None if it has none; UserError on what ONNX lacks."""
    try:
        tensor = ir.RankedTensorType(type)
    except ValueError:
        return None
    if tensor.encoding is None:
        return None
    text = str(tensor.encoding)
    name, _, body = text.partition("<")
    if name != "#qfmt.scaled":
        raise UserError(
            f"{where}: has the tensor format {text}; ONNX has scaled codes only"
        )
    if str(tensor.element_type) != "f32":
        raise UserError(
            f"{where}: has the logical type {tensor.element_type}; only f32 is exported"
        )
    format, *fields = _fields(body[:-1])
    given = dict(re.split(r"\s*=\s*", field, maxsplit=1) for field in fields)
    element, kind, low, high = _element(format, where)
    shape = list(tensor.shape)
    block = [None] * len(shape)
    if "block" in given:
        block = [None if b == "*" else int(b) for b in _fields(given["block"].strip("[]"))]
    scale = given.get("scale", "1.0")
    if scale.startswith("#"):
        raise UserError(
            f"{where}: has scales that are themselves encoded; ONNX has plain ones"
        )
    zero = given.get("zero_point", "0")
    return Encoding(
        shape, format, element, kind, low, high, block,
        _number(scale), int(zero) if re.fullmatch(r"-?\d+", zero) else zero,
    )  # fmt: skip


def _number(text: str) -> float | str:
    """A static scale, rounded to f32, in which it is read; or a format."""
    if re.fullmatch(r"0x[0-9A-Fa-f]{16}", text):
        return float(np.float32(np.frombuffer(bytes.fromhex(text[2:]), ">f8")[0]))
    return float(np.float32(text)) if re.match(r"[-\d]", text) else text


def _fields(text: str) -> list[str]:
    """Splits at the commas outside of brackets."""
    fields, depth = [""], 0
    for character in text:
        depth += (character in "<[(") - (character in ">])")
        if character == "," and depth == 0:
            fields.append("")
        else:
            fields[-1] += character
    return [field.strip() for field in fields]


def _element(format: str, where: str) -> tuple:
    """The type of the codes and the range of their values."""
    if format in _FLOATS:
        element, kind = _FLOATS[format]
        largest = float(ml_dtypes.finfo(kind).max)
        return element, kind, -largest, largest
    if format == "!qfmt.ternary":
        low, high = -1, 1
    elif match := re.fullmatch(r"!qfmt\.int<u?i\d+, (-?\d+), (-?\d+)>", format):
        low, high = map(int, match.groups())
    elif match := re.fullmatch(r"(u?)i(\d+)", format):
        width = int(match[2])
        low = 0 if match[1] else -(2 ** (width - 1))
        high = low + 2**width - 1
    else:
        raise UserError(
            f"{where}: has the number format {format}, for which ONNX has no type"
        )
    for element, kind, lowest, largest in _INTEGERS:
        # Two bits need opset 25, which little reads: only for a format of just these values.
        is_new = _OPSETS.get(element, 0) > 23
        if lowest <= low and high <= largest and (not is_new or (low, high) == (lowest, largest)):
            return element, kind, low, high
    raise UserError(f"{where}: has the number format {format}, for which ONNX has no type")


def read_codes(codes: np.ndarray, encoding: Encoding) -> np.ndarray:
    """A constant payload in the type of ONNX."""
    if encoding.format in _FLOATS:
        return codes
    if encoding.low >= 0:
        codes = codes & ((1 << _width(encoding.format)) - 1)
    return codes.astype(encoding.kind)


def _width(format: str) -> int:
    return int(re.search(r"i(\d+)", format)[1]) if "i" in format else 2


def layout(encoding: Encoding, values: np.ndarray) -> tuple[np.ndarray, dict]:
    """Scales or zero points of the block grid as ONNX has them, and the attributes.

    ONNX has one number, one for each index of an axis, or blocks along one axis and
    a number for each index of all others, for which they are repeated.
    """
    if values.size == 1:
        return values.reshape(()), {}
    axes = [dim for dim, block in enumerate(encoding.block) if block is not None]
    if len(axes) == 1 and encoding.block[axes[0]] == 1:
        return values.reshape(-1), {"axis": axes[0]}
    sizes = [block or size for block, size in zip(encoding.block, encoding.shape)]
    axis = max(range(len(sizes)), key=lambda dim: sizes[dim])
    for dim, size in enumerate(sizes):
        if dim != axis and size > 1:
            index = np.arange(encoding.shape[dim]) // size
            values = values.take(index, dim)
    return values, {"axis": axis, "block_size": sizes[axis]}
