# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Makes and prints the .npy files of lit tests, without numpy.

npy.py make FILE DTYPE SHAPE VALUE...   DTYPE as in the header (<f4, |i1, ...), SHAPE as 2x3 (or 'scalar');
                                        values repeat until the array is full
npy.py print FILE                       prints dtype, shape and values
npy.py near A B BOUND                   exit status 1 if shapes differ or a value by more than BOUND
"""
import ast
import struct
import sys

CODES = {"f2": "e", "f4": "f", "f8": "d", "i1": "b", "i2": "h", "i4": "i", "i8": "q",
         "u1": "B", "u2": "H", "u4": "I", "u8": "Q", "b1": "?"}


def make(path, dtype, shape, *values):
    shape = tuple(int(d) for d in shape.split("x")) if shape != "scalar" else ()
    count = 1
    for size in shape:
        count *= size
    parse = float if dtype[1] == "f" else int
    data = [parse(values[i % len(values)]) for i in range(count)]
    header = repr({"descr": dtype, "fortran_order": False, "shape": shape}).encode()
    header += b" " * (63 - (len(header) + 10) % 64) + b"\n"
    with open(path, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header)
        file.write(struct.pack("<%d%s" % (count, CODES[dtype[1:]]), *data))


def read(path):
    with open(path, "rb") as file:
        raw = file.read()
    assert raw[:6] == b"\x93NUMPY" and raw[6] in (1, 2), "not an .npy file"
    start = 10 if raw[6] == 1 else 12
    length = struct.unpack("<H" if raw[6] == 1 else "<I", raw[8:start])[0]
    header = ast.literal_eval(raw[start:start + length].decode())
    assert (start + length) % 64 == 0, "the data of an .npy file is aligned to 64 bytes"
    code = CODES[header["descr"][1:]]
    body = raw[start + length:]
    return header, struct.unpack("<%d%s" % (len(body) // struct.calcsize(code), code), body)


def show(path):
    header, values = read(path)
    print(header["descr"], header["shape"], *["%g" % v for v in values])


def near(first, second, bound):
    (header_a, a), (header_b, b) = read(first), read(second)
    assert header_a["shape"] == header_b["shape"], "the shapes differ"
    for index, (x, y) in enumerate(zip(a, b)):
        # Written so that a NaN is not near.
        if not abs(x - y) <= float(bound):
            sys.exit("value %d: %g and %g" % (index, x, y))


{"make": make, "print": show, "near": near}[sys.argv[1]](*sys.argv[2:])
