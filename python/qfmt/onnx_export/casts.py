# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Operations of qfmt: QuantizeLinear, DequantizeLinear, and codes."""

import re

import numpy as np
from iree.compiler import ir

from qfmt.errors import UserError
from qfmt.onnx_export import encoding
from qfmt.onnx_export.encoding import Encoding
from qfmt.onnx_export.exporter import Constant, Exporter, Tensor, element_type


def quantize(e: Exporter, op: ir.Operation) -> None:
    encoded = encoding.read(op.results[0].type, op.name)
    real, *given = op.operands
    options = {name: str(op.attributes[name]) for name in op.attributes}
    if len(given) != encoded.constituents():
        raise UserError(
            f"{op.name}: chooses scales at run time, which QuantizeLinear takes; give "
            "them or calibrate"
        )
    for name in ("rounding", "stochastic_seed"):
        if name in options and "half_even" not in options[name]:
            raise UserError(
                f"{op.name}: has {name} = {_word(options[name])}; QuantizeLinear "
                "rounds half to even"
            )
    overflow = _word(options.get("overflow", "saturate"))
    nan = _word(options.get("nan", "zero"))
    if overflow not in ("saturate", "infinity"):
        raise UserError(f"{op.name}: has overflow = {overflow}; QuantizeLinear saturates")
    attributes = {}
    if encoded.format.startswith("f8"):
        if nan != "propagate":
            raise UserError(
                f"{op.name}: has nan = {nan}, but QuantizeLinear to {encoded.format} "
                "is nan = propagate"
            )
        attributes["saturate"] = int(overflow == "saturate")
    scale, zero = e.parameters(op, encoded, given)
    known = e.make_encoded(encoded, None, scale, zero)
    x = e.read(real)
    if encoded.is_narrow:
        x = _limit(e, encoded, x, scale, zero)
    inputs = [x, known.scale, known.zero_point]
    if not known.zero_point:
        attributes["output_dtype"] = encoded.element
    known.codes = e.graph.node("QuantizeLinear", inputs, **known.attributes, **attributes)
    e.values[op.results[0]] = known


def _limit(e: Exporter, encoded: Encoding, x: str, scale: np.ndarray, zero: np.ndarray) -> str:
    """x between the lowest and the largest code, of which the type of ONNX has more.

    A real bound (code - zero) * scale is off by at most one rounding, and its
    quotient by the scale by two: far less than the half that changes a code.
    """
    for code, op_type in ((encoded.low, "Max"), (encoded.high, "Min")):
        bound = ((code - zero.astype(np.float32)) * scale).astype(np.float32)
        for dim, block in enumerate(encoded.block):
            if bound.ndim and bound.shape[dim] > 1 and block and block > 1:
                bound = bound.take(np.arange(encoded.shape[dim]) // block, dim)
        x = e.graph.node(op_type, [x, e.graph.constant(bound, "bound")])
    return x


def _word(text: str) -> str:
    """floor of #qfmt<rounding floor>, or the number of an integer attribute."""
    return re.split(r"[ <]", text.rstrip(">"))[-1] if "#" in text else text.split(" ")[0]


def dequantize(e: Exporter, op: ir.Operation) -> None:
    e.values[op.results[0]] = Tensor(e.read(op.operands[0]))


def assemble(e: Exporter, op: ir.Operation) -> None:
    encoded = encoding.read(op.results[0].type, op.name)
    payload, *given = op.operands
    scale, zero = e.parameters(op, encoded, given)
    array = e.array(payload)
    if array is not None:
        codes = e.graph.constant(encoding.read_codes(array, encoded), "codes")
    else:
        codes = e.read(payload)
        source = e.values[payload]
        element = getattr(source, "element", None) or element_type(payload.type, op.name)
        if element != encoded.element:
            raise UserError(
                f"{op.name}: reads codes of {payload.type} that come at run time as "
                f"{encoded.format}; only their own type is exported"
            )
    e.values[op.results[0]] = e.make_encoded(encoded, codes, scale, zero)


def constituents(e: Exporter, op: ir.Operation) -> None:
    known = e.values[op.operands[0]]
    tensor = Tensor(e.codes(op.operands[0], op.name))
    tensor.element = known.encoding.element
    e.values[op.results[0]] = tensor
    if len(op.results) > 1:
        source = op.operands[0].owner
        given = list(source.operands)[1:]
        for result, value in zip(list(op.results)[1:], given):
            e.values[result] = e.values[value]


def unpack(e: Exporter, op: ir.Operation) -> None:
    """Codes of a constant that lie in bytes without gaps."""
    data = e.array(op.operands[0])
    type = ir.RankedTensorType(op.results[0].type)
    width = int(str(type.element_type)[1:])
    if data is None:
        raise UserError(f"{op.name}: unpacks codes that come at run time")
    data, count = data.astype(np.uint8), int(np.prod(type.shape))
    if "packing" in op.attributes and "base3" in str(op.attributes["packing"]):
        powers = 3 ** np.arange(4, -1, -1)
        codes = (data[:, None] // powers % 3).astype(np.int64).reshape(-1)[:count] - 1
    else:
        bits = np.unpackbits(data, bitorder="little")[: count * width].reshape(count, width)
        codes = (bits.astype(np.int64) << np.arange(width)).sum(1)
        codes -= (codes >= 1 << (width - 1)) * (1 << width)
    e.values[op.results[0]] = Constant(codes.reshape(type.shape))
