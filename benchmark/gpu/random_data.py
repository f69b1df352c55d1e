# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The numbers of RandomData.h, which need not be carried to the machine with the GPU."""

import numpy as np


def words(seed, count):
    """`count` 64-bit words of the sequence `seed`: splitmix64."""
    z = np.uint64(seed << 40) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def random_bytes(seed, count):
    return words(seed, -(-count // 8)).view(np.uint8)[:count]


def e4m3(seed, count):
    """Bytes that are finite as f8E4M3FN."""
    data = random_bytes(seed, count)
    return data - ((data & 0x7F) == 0x7F).astype(np.uint8)


def f32(seed, count):
    """Multiples of 2^-23 in [-1, 1)."""
    mantissas = (words(seed, count) >> np.uint64(40)).astype(np.int64)
    return ((mantissas - (1 << 23)) / float(1 << 23)).astype(np.float32)


def bf16(seed, count):
    """The upper halves of the bits of f32."""
    return (f32(seed, count).view(np.uint32) >> 16).astype(np.uint16)


def hash_data(data):
    """The sum of its 64-bit words, the last one padded with zeros, each times a random odd number, modulo 2^64."""
    raw = np.ascontiguousarray(data).view(np.uint8).reshape(-1)
    padded = np.zeros(-(-raw.size // 8) * 8, np.uint8)
    padded[: raw.size] = raw
    factors = words(0, padded.size // 8) | np.uint64(1)
    return int((padded.view(np.uint64) * factors).sum(dtype=np.uint64))
