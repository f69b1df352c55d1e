# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""MiniLM-L6 for a fixed number of tokens, as an ONNX file.

Input "words" f32 [1, tokens, 384]: the tokens' rows of the table of word
embeddings. The look-up is the caller's: a copy of rows, of floats or of the codes
of a quantized table alike. Input "padding" f32 [1, tokens]: 1 for positions after
the sentence's end, else 0. Output "embedding" f32 [1, 384], of length 1.

Six encoder blocks, each norm after its residual sum, over words, positions and the
type of a first sentence; then the sum over the sentence's tokens (the original
takes their mean, which points in the same direction), divided by its length.
"""

from pathlib import Path

import numpy as np
from onnx_layers import Graph

WIDTH, HEADS, BLOCKS = 384, 12, 6
EPSILON = 1e-12
# What is subtracted from the score of a token that is padding. The original takes
# the largest float; exp(-64) < 2e-28 as well is nothing in f32, and needs no range
# that leaves no bits for the other scores.
MASKED = 64


def linear(tensors: dict[str, np.ndarray], name: str) -> tuple[np.ndarray, np.ndarray]:
    """Weight [inputs, outputs] and bias of a linear layer."""
    return tensors[f"{name}.weight"].T, tensors[f"{name}.bias"]


def norm(tensors: dict[str, np.ndarray], name: str) -> tuple[np.ndarray, np.ndarray]:
    return tensors[f"{name}.weight"], tensors[f"{name}.bias"]


def write_onnx(tensors: dict[str, np.ndarray], tokens: int, path: Path) -> None:
    """`tensors`: the checkpoint's, by their names there."""
    graph = Graph("minilm")
    words = graph.input("words", [1, tokens, WIDTH])
    padding = graph.input("padding", [1, tokens])

    mask = graph.with_constant("Mul", padding, "mask", MASKED)
    mask = graph.reshape(mask, "mask.row", [1, 1, 1, tokens])
    x = embed(graph, tensors, words, tokens)
    for i in range(BLOCKS):
        x = encoder_block(graph, tensors, i, x, mask, tokens)

    one = graph.weight("one", np.float32(1))
    kept = graph.node("Sub", [one, padding], "kept")
    kept = graph.reshape(kept, "kept.row", [1, 1, tokens])
    x = graph.node("MatMul", [kept, x], "pool")
    x = graph.reshape(x, "pool.row", [1, WIDTH])
    graph.output(normalize(graph, x), "embedding", [1, WIDTH])
    graph.save(path)


def embed(graph: Graph, tensors: dict[str, np.ndarray], words: str, tokens: int) -> str:
    table = "embeddings.position_embeddings.weight"
    first = tensors["embeddings.token_type_embeddings.weight"][0]
    places = graph.weight("positions", (tensors[table][:tokens] + first)[None])
    x = graph.node("Add", [words, places], "embeddings.sum")
    name = "embeddings.LayerNorm"
    return graph.layer_norm(x, name, *norm(tensors, name), EPSILON)


def encoder_block(
    graph: Graph,
    tensors: dict[str, np.ndarray],
    index: int,
    x: str,
    mask: str,
    tokens: int,
) -> str:
    name = f"encoder.layer.{index}"
    weights = {
        part: linear(tensors, f"{name}.attention.self.{part}")
        for part in ("query", "key", "value")
    }
    weights["output"] = linear(tensors, f"{name}.attention.output.dense")
    shape = (tokens, HEADS, WIDTH // HEADS)
    y = graph.attention(x, f"{name}.attention", shape, weights, mask)
    x = add_and_norm(graph, tensors, f"{name}.attention.output", x, y)

    expand, contract = f"{name}.intermediate.dense", f"{name}.output.dense"
    y = graph.linear(x, expand, *linear(tensors, expand))
    y = graph.gelu(y, f"{name}.gelu")
    y = graph.linear(y, contract, *linear(tensors, contract))
    return add_and_norm(graph, tensors, f"{name}.output", x, y)


def add_and_norm(
    graph: Graph, tensors: dict[str, np.ndarray], name: str, x: str, y: str
) -> str:
    x = graph.node("Add", [x, y], f"{name}.residual")
    name = f"{name}.LayerNorm"
    return graph.layer_norm(x, name, *norm(tensors, name), EPSILON)


def normalize(graph: Graph, x: str) -> str:
    """x [1, n] divided by its length."""
    squares = graph.node("Mul", [x, x], "norm.squares")
    axes = graph.weight("norm.axes", np.array([1]), np.int64)
    length = graph.node("ReduceSum", [squares, axes], "norm.sum", keepdims=1)
    length = graph.node("Sqrt", [length], "norm.length")
    return graph.node("Div", [x, length], "norm")
