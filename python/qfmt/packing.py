# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Packed storage of numpy arrays of codes: docs/spec.md, section 8."""

import numpy as np

from qfmt.errors import UserError

# Weights of the five ternary digits of a byte.
POWERS = 3 ** np.arange(4, -1, -1)


def packed_size(count: int, width: int, *, base3: bool = False) -> int:
    """The bytes of `count` codes."""
    return -(-count // 5) if base3 else -(-count * width // 8)


def pack(codes: np.ndarray, width: int, *, base3: bool = False) -> np.ndarray:
    """Codes of 1 to 8 bits as a 1-D array of bytes, row by row without gaps.

    Signed codes are two's complement; bits above `width` are ignored. With
    `base3` the codes are -1, 0 and 1, five of which take a byte.
    """
    flat = np.asarray(codes).astype(np.int64).reshape(-1)
    if base3:
        if flat.size and (flat.min() < -1 or flat.max() > 1):
            raise UserError("base 3 has the digits -1, 0 and 1 only")
        digits = np.zeros(packed_size(flat.size, 2, base3=True) * 5, np.int64)
        digits[: flat.size] = flat + 1
        return (digits.reshape(-1, 5) @ POWERS).astype(np.uint8)
    bits = (flat[:, np.newaxis] >> np.arange(width)) & 1
    return np.packbits(bits.astype(np.uint8).reshape(-1), bitorder="little")


def unpack(
    data: np.ndarray,
    shape: tuple[int, ...],
    width: int,
    *,
    signed: bool = True,
    base3: bool = False,
) -> np.ndarray:
    """The inverse of `pack`: int8 codes, or uint8 ones if not `signed`."""
    data = np.asarray(data).astype(np.uint8).reshape(-1)
    count = int(np.prod(shape, dtype=np.int64))
    wanted = packed_size(count, width, base3=base3)
    if data.size != wanted:
        raise UserError(f"{count} codes take {wanted} bytes, found {data.size}")
    if base3:
        digits = data[:, np.newaxis] // POWERS % 3
        return (digits.reshape(-1)[:count].astype(np.int8) - 1).reshape(shape)
    bits = np.unpackbits(data, bitorder="little")[: count * width]
    codes = bits.reshape(count, width).astype(np.int64) @ (1 << np.arange(width))
    if signed:
        codes -= (codes >> (width - 1) & 1) << width
    return codes.astype(np.int8 if signed else np.uint8).reshape(shape)
