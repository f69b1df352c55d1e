# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Learns the scales and tables that `qfmt.quantize ... given(...)` to #qfmt.additive takes.

As AQLM: rows are divided by their norms, the tables begin as k-means of the residuals and are then improved in turn with the
codes: for errors of the weights, or, with second moments H of what the layer reads, for errors of its results. Tables are
solved for instead of trained, and codes searched with a beam of one; qfmt-round-weights has wider ones. All is deterministic.
What comes out has the types of

    #qfmt.additive<codebooks = K, bits = B, group = [1, g], table = f16, block = [1, *], scale = f16>
"""

from dataclasses import dataclass

import numpy as np

from .errors import UserError

# Distances to so many vectors at once: 64 MiB with tables of 2^12 entries.
CHUNK = 2048
KMEANS_ITERATIONS = 30
# Steps of conjugate gradients for the tables of one round.
GRADIENTS = 20


@dataclass
class Additive:
    """`scales`: [rows, 1]; `tables`: [K, 2^B, 1, g]; both float16.

    `error`: sum of squares over that of the weights; with moments sum of d H d^T over the rows d, over that of the weights.
    """

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


class Sums:
    """Rows of weights as sums of vectors; `tables`: of each its vectors, `codes`: of each those of the groups."""

    def __init__(self, weights, scales, tables, codes):
        self.weights, self.scales, self.tables, self.codes = weights, scales, tables, codes
        self.group = tables[0].shape[1]

    def decode(self, tables: list[np.ndarray]) -> np.ndarray:
        sums = sum(table[codes] for table, codes in zip(tables, self.codes))
        return sums.reshape(self.weights.shape) * self.scales

    def gather(self, images: np.ndarray) -> list[np.ndarray]:
        """The transpose of `decode`: what changes of the tables do to the sum of `images` times the decoded weights."""
        groups = (images * self.scales).reshape(-1, self.group)
        return [
            np.stack([np.bincount(codes, weights=column, minlength=len(table)) for column in groups.T], axis=1)
            for table, codes in zip(self.tables, self.codes)
        ]

    def get_loss(self, moments: np.ndarray) -> float:
        errors = self.decode(self.tables) - self.weights
        return float(((errors @ moments) * errors).sum())

    def solve_tables(self, moments: np.ndarray) -> None:
        """Tables of the least loss with these codes, by conjugate gradients; vectors that no group has stay."""
        residual = self.gather((self.weights - self.decode(self.tables)) @ moments)
        direction = residual
        norm = first = sum((part**2).sum() for part in residual)
        for _ in range(GRADIENTS):
            if norm <= 1e-12 * first:
                break
            image = self.gather(self.decode(direction) @ moments)
            curvature = sum((a * b).sum() for a, b in zip(direction, image))
            if not curvature > 0:
                break
            step = norm / curvature
            self.tables = [table + step * part for table, part in zip(self.tables, direction)]
            residual = [part - step * change for part, change in zip(residual, image)]
            before, norm = norm, sum((part**2).sum() for part in residual)
            direction = [part + norm / before * old for part, old in zip(residual, direction)]

    def search_codes(self, moments: np.ndarray) -> None:
        """One sweep over all groups and tables: the best code while all others stay."""
        rows, depth = self.weights.shape
        codes = [part.reshape(rows, -1).copy() for part in self.codes]
        images = (self.decode(self.tables) - self.weights) @ moments
        for index, first in enumerate(range(0, depth, self.group)):
            columns = slice(first, first + self.group)
            part = moments[columns, columns]
            for table, chosen in zip(self.tables, codes):
                squares = ((table @ part) * table).sum(axis=1)
                now = table[chosen[:, index]] * self.scales
                # Halves of the losses, but for what no vector changes.
                rest = images[:, columns] - now @ part
                for start in range(0, rows, CHUNK):
                    chunk = slice(start, start + CHUNK)
                    losses = rest[chunk] @ table.T + self.scales[chunk] / 2 * squares
                    chosen[chunk, index] = np.argmin(losses, axis=1)
                changes = table[chosen[:, index]] * self.scales - now
                images += changes @ moments[columns]
        self.codes = [part.reshape(-1) for part in codes]


def learn_results(sums: Sums, moments: np.ndarray, tolerance: float) -> None:
    """Tables and codes in turn, by the loss under H."""
    best = sums.get_loss(moments)
    while True:
        before = sums.tables, sums.codes
        sums.solve_tables(moments)
        sums.search_codes(moments)
        loss = sums.get_loss(moments)
        if not loss < best:
            sums.tables, sums.codes = before
            break
        if not loss < best * (1 - tolerance):
            break
        best = loss


def check_moments(moments: np.ndarray, depth: int) -> np.ndarray:
    if moments.shape != (depth, depth):
        raise UserError(f"moments of shape [{depth}, {depth}] are needed, found {list(moments.shape)}")
    if not np.isfinite(moments).all():
        raise UserError("moments have values that are not finite")
    return moments.astype(np.float64)


def learn(
    weights: np.ndarray,
    codebooks: int,
    bits: int,
    group: int,
    tolerance: float = 0.01,
    seed: int = 0,
    moments: np.ndarray | None = None,
) -> Additive:
    """Stops when a round makes the error smaller by less than `tolerance`, relatively.

    `moments`: [columns, columns], as qfmt-annotate{moments=FILE} writes them for the layer.
    """
    if weights.ndim != 2 or weights.shape[1] % group != 0:
        raise UserError(f"weights of rows and columns in whole groups of {group} are needed, found shape {weights.shape}")
    if not np.isfinite(weights).all():
        raise UserError("weights have values that are not finite")
    if weights.size == 0 or not 1 <= codebooks <= 16 or not 1 <= bits <= 16 or group < 1:
        raise UserError("1 to 16 codebooks of 1 to 16 bits, and weights, are needed")
    weights = weights.astype(np.float64)
    if moments is not None:
        moments = check_moments(moments, weights.shape[1])
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
    if moments is not None:
        sums = Sums(weights, scales.astype(np.float64), tables, codes)
        learn_results(sums, moments, tolerance)
        tables, codes = sums.tables, sums.codes
    largest = float(np.finfo(np.float16).max)
    stored = np.clip(np.stack(tables), -largest, largest).astype(np.float16).reshape(codebooks, 2**bits, 1, group)
    decoded = sum(table[code, 0].astype(np.float64) for table, code in zip(stored, codes)).reshape(weights.shape)
    errors = decoded * scales.astype(np.float64) - weights
    squares, whole = (((part if moments is None else part @ moments) * part).sum() for part in (errors, weights))
    return Additive(scales, stored, float(squares / max(whole, np.finfo(np.float64).tiny)))
