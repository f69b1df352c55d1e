# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""MiniLM-L6 in numpy and f64, straight from its definition, to check the network by.

Takes the tokens of one sentence, without padding; shares nothing with network.py.
"""

import math
from collections.abc import Callable

import numpy as np

HEADS, BLOCKS = 12, 6

_erf = np.vectorize(math.erf)


def embed(
    tensors: dict[str, np.ndarray],
    tokens: list[int],
    see: Callable[[str, np.ndarray], None] | None = None,
) -> np.ndarray:
    """The embedding of length 1, f64 [384].

    `see` is given the name and the input [tokens, inputs] of every linear layer.
    """

    def linear(x: np.ndarray, name: str) -> np.ndarray:
        if see:
            see(name, x)
        weight = tensors[f"{name}.weight"].astype(np.float64)
        return x @ weight.T + tensors[f"{name}.bias"]

    def norm(x: np.ndarray, name: str) -> np.ndarray:
        mean = x.mean(axis=1, keepdims=True)
        x = (x - mean) / np.sqrt(x.var(axis=1, keepdims=True) + 1e-12)
        name = f"{name}.LayerNorm"
        return x * tensors[f"{name}.weight"] + tensors[f"{name}.bias"]

    def attention(x: np.ndarray, name: str) -> np.ndarray:
        q, k, v = (
            np.split(linear(x, f"{name}.self.{part}"), HEADS, axis=1)
            for part in ("query", "key", "value")
        )
        mixed = []
        for head in range(HEADS):
            scores = np.exp(q[head] @ k[head].T / math.sqrt(q[head].shape[1]))
            mixed.append(scores / scores.sum(axis=1, keepdims=True) @ v[head])
        return linear(np.concatenate(mixed, axis=1), f"{name}.output.dense")

    table = "embeddings.{}_embeddings.weight"
    x = tensors[table.format("word")][tokens].astype(np.float64)
    x += tensors[table.format("position")][: len(tokens)]
    x += tensors[table.format("token_type")][0]
    x = norm(x, "embeddings")
    for i in range(BLOCKS):
        name = f"encoder.layer.{i}"
        x = norm(x + attention(x, f"{name}.attention"), f"{name}.attention.output")
        hidden = linear(x, f"{name}.intermediate.dense")
        hidden *= 0.5 + 0.5 * _erf(hidden / math.sqrt(2))
        x = norm(x + linear(hidden, f"{name}.output.dense"), f"{name}.output")
    mean = x.mean(axis=0)
    return mean / np.linalg.norm(mean)
