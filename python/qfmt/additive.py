# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Learns the scales and tables that `qfmt.quantize ... given(...)` to #qfmt.additive takes, from weights alone.

As AQLM without calibration data: rows are divided by their norms, the tables begin as k-means of the residuals and are then
improved in turn with the codes. All is deterministic. What comes out has the types of

    #qfmt.additive<codebooks = K, bits = B, group = [1, g], table = f16, block = [1, *], scale = f16>
"""

from dataclasses import dataclass

import numpy as np

from .errors import UserError

# Distances to so many vectors at once: 64 MiB with tables of 2^12 entries.
CHUNK = 2048
KMEANS_ITERATIONS = 30


@dataclass
class Additive:
    """`scales`: [rows, 1]; `tables`: [K, 2^B, 1, g]; both float16. `error`: sum of squares over that of the weights."""

    scales: np.ndarray
    tables: np.ndarray
    error: float


def nearest(vectors: np.ndarray, table: np.ndarray) -> np.ndarray:
    """For each vector the first entry at the smallest distance."""
    half_norms = (table**2).sum(axis=1) / 2
    codes = np.empty(len(vectors), np.int64)
    for start in range(0, len(vectors), CHUNK):
        chunk = slice(start, start + CHUNK)
        codes[chunk] = np.argmin(half_norms - vectors[chunk] @ table.T, axis=1)
    return codes


def means(vectors: np.ndarray, codes: np.ndarray, before: np.ndarray) -> np.ndarray:
    """The mean of the vectors of each code; an entry that no vector has stays."""
    counts = np.bincount(codes, minlength=len(before))
    sums = np.stack([np.bincount(codes, weights=column, minlength=len(before)) for column in vectors.T], axis=1)
    return np.where(counts[:, None] > 0, sums / np.maximum(counts, 1)[:, None], before)


def kmeans(vectors: np.ndarray, entries: int, random: np.random.Generator) -> np.ndarray:
    chosen = random.choice(len(vectors), entries, replace=len(vectors) < entries)
    table = vectors[np.sort(chosen)]
    codes = None
    for _ in range(KMEANS_ITERATIONS):
        before, codes = codes, nearest(vectors, table)
        if before is not None and np.array_equal(before, codes):
            break
        table = means(vectors, codes, table)
    return table


def learn(weights: np.ndarray, codebooks: int, bits: int, group: int, tolerance: float = 0.01, seed: int = 0) -> Additive:
    """Stops when a round makes the error smaller by less than `tolerance`, relatively."""
    if weights.ndim != 2 or weights.shape[1] % group != 0:
        raise UserError(f"weights of rows and columns in whole groups of {group} are needed, found shape {weights.shape}")
    if not np.isfinite(weights).all():
        raise UserError("weights have values that are not finite")
    if weights.size == 0 or not 1 <= codebooks <= 16 or not 1 <= bits <= 16 or group < 1:
        raise UserError("1 to 16 codebooks of 1 to 16 bits, and weights, are needed")
    weights = weights.astype(np.float64)
    scales = np.linalg.norm(weights, axis=1, keepdims=True)
    scales = np.minimum(scales, np.finfo(np.float16).max).astype(np.float16)
    scales[scales == 0] = 1
    vectors = (weights / scales.astype(np.float64)).reshape(-1, group)

    random = np.random.default_rng(seed)
    tables, codes, residual = [], [], vectors
    for _ in range(codebooks):
        tables.append(kmeans(residual, 2**bits, random))
        codes.append(nearest(residual, tables[-1]))
        residual = residual - tables[-1][codes[-1]]
    best = (residual**2).sum()
    while True:
        for k, table in enumerate(tables):
            target = residual + table[codes[k]]
            tables[k] = means(target, codes[k], table)
            codes[k] = nearest(target, tables[k])
            residual = target - tables[k][codes[k]]
        error = (residual**2).sum()
        if not error < best * (1 - tolerance):
            break
        best = error
    stored = np.stack(tables).astype(np.float16).reshape(codebooks, 2**bits, 1, group)
    decoded = sum(table[code, 0].astype(np.float64) for table, code in zip(stored, codes)).reshape(weights.shape)
    squares = ((decoded * scales.astype(np.float64) - weights) ** 2).sum()
    return Additive(scales, stored, float(squares / max((weights**2).sum(), np.finfo(np.float64).tiny)))
