# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compares `posit-check --print` (examples/custom-format) on stdin with posits of 8 bits written from the standard.

Codes are strings of bits here. A code is decoded field by field; a real becomes the string that it has with no end and is
then cut and rounded as a binary number, half to even. Nothing of it looks like the C++ code, which searches for a code
whose value is near.
"""

import math
import sys
from fractions import Fraction

WIDTH = 8
NAR = "1" + "0" * (WIDTH - 1)


def negate(bits: str) -> str:
    return format(-int(bits, 2) % 2 ** len(bits), f"0{len(bits)}b")


def decode(bits: str, exponent_bits: int) -> Fraction | None:
    """None for NaR."""
    if "1" not in bits:
        return Fraction(0)
    if bits == NAR:
        return None
    if bits[0] == "1":
        return -decode(negate(bits), exponent_bits)
    body = bits[1:]
    run = len(body) - len(body.lstrip(body[0]))
    regime = run - 1 if body[0] == "1" else -run
    rest = body[run + 1 :]
    exponent = int(rest[:exponent_bits].ljust(exponent_bits, "0") or "0", 2)
    fraction = rest[exponent_bits:]
    return Fraction(2) ** (regime * 2**exponent_bits + exponent) * (1 + Fraction(int(fraction or "0", 2), 2 ** len(fraction)))


def encode(x: Fraction, exponent_bits: int) -> str:
    """Half to even, of a finite real."""
    if x == 0:
        return "0" * WIDTH
    if x < 0:
        return negate(encode(-x, exponent_bits))
    scale = 0
    while x >= Fraction(2) ** (scale + 1):
        scale += 1
    while x < Fraction(2) ** scale:
        scale -= 1
    regime, exponent = divmod(scale, 2**exponent_bits)
    bits = "0" + ("1" * (regime + 1) + "0" if regime >= 0 else "0" * -regime + "1")
    bits += format(exponent, f"0{exponent_bits}b") if exponent_bits else ""
    rest = x / Fraction(2) ** scale - 1
    while rest > 0:
        rest *= 2
        bits += "1" if rest >= 1 else "0"
        rest -= rest >= 1
    bits = bits.ljust(WIDTH, "0")
    kept, tail = bits[:WIDTH], bits[WIDTH:]
    code = int(kept, 2)
    if tail.startswith("1") and ("1" in tail[1:] or code % 2 == 1):
        code += 1
    # Neither 0 nor NaR.
    return format(min(max(code, 1), 2 ** (WIDTH - 1) - 1), f"0{WIDTH}b")


def main() -> int:
    counts = {"decode": 0, "encode": 0}
    wrong = 0
    for line in sys.stdin:
        kind, exponent_bits, *rest = line.split()
        counts[kind] += 1
        if kind == "decode":
            expected = decode(format(int(rest[0]), f"0{WIDTH}b"), int(exponent_bits))
            value = float.fromhex(rest[1])
            right = math.isnan(value) if expected is None else expected == Fraction(value)
        else:
            x = float.fromhex(rest[0])
            if math.isnan(x):
                expected = "0" * WIDTH
            elif math.isinf(x):
                # Saturation is qfmt's; the standard makes it NaR.
                expected = "0" + "1" * (WIDTH - 1) if x > 0 else "1" + "0" * (WIDTH - 2) + "1"
            else:
                expected = encode(Fraction(x), int(exponent_bits))
            right = int(expected, 2) == int(rest[1])
        if not right:
            wrong += 1
            if wrong < 10:
                print(f"{line.strip()}: expected {expected}")
    print(f"{counts['decode']} codes and {counts['encode']} reals, {wrong} wrong")
    return wrong != 0


if __name__ == "__main__":
    sys.exit(main())
