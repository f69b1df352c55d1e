# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A block of a transformer as exporters write it, with what tests of channel rewrites look for."""

import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnx

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "examples" / "shared"))

from onnx_layers import Graph  # noqa: E402

TOKENS = 6


@dataclass
class Block:
    """Norm, attention, residual sum, norm, feed-forward layers, residual sum, behind a linear layer."""

    width: int = 32
    heads: int = 2
    size: int = 16
    # Of keys and values; queries share them in equal groups.
    key_heads: int = 2
    gated: bool = False
    bias: bool = True
    hidden: int = 64
    # Factors of the channels of keys, [key_heads * size], and of the hidden layer.
    key_factors: np.ndarray | None = None
    hidden_factors: np.ndarray | None = None
    random: np.random.Generator = field(default_factory=lambda: np.random.default_rng(4))

    def weights(self, inputs: int, outputs: int, factors: np.ndarray | None) -> np.ndarray:
        found = self.random.standard_normal((inputs, outputs)) / inputs**0.5
        return (found if factors is None else found * factors).astype(np.float32)

    def linear(self, graph: Graph, x: str, name: str, inputs: int, outputs: int, factors=None) -> str:
        weights = self.weights(inputs, outputs, factors)
        if not self.bias:
            return graph.node("MatMul", [x, graph.weight(f"{name}.weight", weights)], name)
        bias = 0.1 * self.random.standard_normal(outputs).astype(np.float32)
        return graph.linear(x, name, weights, bias if factors is None else bias * factors)

    def heads_of(self, graph: Graph, x: str, name: str, heads: int) -> str:
        """[1, heads, tokens, size]."""
        x = graph.reshape(x, f"{name}.split", [1, TOKENS, heads, self.size])
        return graph.node("Transpose", [x], f"{name}.heads", perm=[0, 2, 1, 3])

    def repeat(self, graph: Graph, x: str, name: str) -> str:
        """Every head of keys or values once for each head of queries."""
        groups = self.heads // self.key_heads
        if groups == 1:
            return x
        x = graph.reshape(x, f"{name}.one", [1, self.key_heads, 1, TOKENS, self.size])
        # The importer knows no Expand.
        ones = graph.weight(f"{name}.many", np.ones((1, 1, groups, 1, 1)))
        x = graph.node("Mul", [x, ones], f"{name}.expanded")
        return graph.reshape(x, f"{name}.all", [1, self.heads, TOKENS, self.size])

    def attention(self, graph: Graph, x: str) -> str:
        parts = {}
        for part, heads in (("query", self.heads), ("key", self.key_heads), ("value", self.key_heads)):
            factors = self.key_factors if part == "key" else None
            y = self.linear(graph, x, part, self.width, heads * self.size, factors)
            y = self.heads_of(graph, y, part, heads)
            parts[part] = y if part == "query" else self.repeat(graph, y, part)
        key = graph.node("Transpose", [parts["key"]], "key.turned", perm=[0, 1, 3, 2])
        scores = graph.node("MatMul", [parts["query"], key], "products")
        scores = graph.with_constant("Mul", scores, "scores", self.size**-0.5 / 8)
        shares = graph.node("Softmax", [scores], "softmax", axis=-1)
        mixed = graph.node("MatMul", [shares, parts["value"]], "mix")
        mixed = graph.node("Transpose", [mixed], "mixed", perm=[0, 2, 1, 3])
        mixed = graph.reshape(mixed, "join", [1, TOKENS, self.heads * self.size])
        return self.linear(graph, mixed, "output", self.heads * self.size, self.width)

    def feed_forward(self, graph: Graph, x: str) -> str:
        up = self.linear(graph, x, "up", self.width, self.hidden, self.hidden_factors)
        if self.gated:
            gate = self.linear(graph, x, "gate", self.width, self.hidden)
            gate = graph.node("Mul", [gate, graph.node("Sigmoid", [gate], "sigmoid")], "silu")
            up = graph.node("Mul", [gate, up], "gated")
        else:
            up = graph.node("Relu", [up], "relu")
        return self.linear(graph, up, "down", self.hidden, self.width)

    def norm(self, graph: Graph, x: str, name: str) -> str:
        weights = 1 + 0.5 * self.random.random(self.width)
        return graph.layer_norm(x, name, weights, 0.1 * weights, 1e-5)

    def model(self) -> onnx.ModelProto:
        """From "x" [1, tokens, width] to "y" of the same shape."""
        graph = Graph("block")
        x = graph.input("x", [1, TOKENS, self.width])
        x = self.linear(graph, x, "embed", self.width, self.width)
        x = graph.node("Add", [x, self.attention(graph, self.norm(graph, x, "norm1"))], "residual1")
        x = graph.node("Add", [x, self.feed_forward(graph, self.norm(graph, x, "norm2"))], "residual2")
        x = self.linear(graph, self.norm(graph, x, "norm3"), "head", self.width, self.width)
        graph.output(x, "y", [1, TOKENS, self.width])
        return graph.model()


def constant(values: np.ndarray) -> str:
    values = np.asarray(values, np.float32)
    shape = "x".join(map(str, values.shape))
    return f'arith.constant dense<"0x{values.tobytes().hex().upper()}"> : tensor<{shape}xf32>'


def elementwise(result: str, body: str, inputs: list[tuple[str, str, str]], shape: str, rank: int) -> str:
    """`inputs` are values, their types and which loops index them."""
    loops = ", ".join(f"d{i}" for i in range(rank))
    maps = [f"affine_map<({loops}) -> ({index})>" for _, _, index in inputs]
    maps.append(f"affine_map<({loops}) -> ({loops})>")
    arguments = ", ".join(f"%a{i}: f32" for i in range(len(inputs)))
    values, types = (", ".join(column) for column in list(zip(*inputs))[:2])
    return f"""
  {result} = linalg.generic {{indexing_maps = [{", ".join(maps)}],
      iterator_types = [{", ".join(['"parallel"'] * rank)}]}}
      ins({values} : {types}) outs({result}_e : tensor<{shape}xf32>) {{
  ^bb0({arguments}, %o: f32):
    %r = {body}
    linalg.yield %r : f32
  }} -> tensor<{shape}xf32>"""


def rotary_scores(pairs: str, key_factors: np.ndarray, heads: int = 2, size: int = 16) -> str:
    """Attention's scores as MLIR, with a rotary embedding of queries and keys whose `pairs` are "halves" or
    "neighbours"; the factors are those of the keys' channels."""
    random = np.random.default_rng(5)
    half, width = size // 2, heads * size
    wide, whole = f"{heads}x{TOKENS}x{size}", f"{TOKENS}x{width}"
    angles = np.arange(TOKENS)[:, None] * 100.0 ** (-np.arange(half) / half)
    angles = np.concatenate([angles] * 2, axis=1) if pairs == "halves" else np.repeat(angles, 2, axis=1)
    text = f"""
func.func @main(%x: tensor<{TOKENS}x24xf32>) -> tensor<{heads}x{TOKENS}x{TOKENS}xf32> {{
  %zero = arith.constant 0.0 : f32
  %cos = {constant(np.cos(angles))}
  %sin = {constant(np.sin(angles))}
  %empty = tensor.empty() : tensor<{whole}xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<{whole}xf32>) -> tensor<{whole}xf32>"""
    for name, factors in (("q", np.ones(width)), ("k", key_factors)):
        weights, bias = random.standard_normal((24, width)) * factors, random.standard_normal(width) * factors
        text += f"""
  %{name}_w = {constant(weights)}
  %{name}_b = {constant(bias)}
  %{name}_m = linalg.matmul {{qfmt.layer = "{name}"}} ins(%x, %{name}_w : tensor<{TOKENS}x24xf32>, tensor<24x{width}xf32>)
      outs(%init : tensor<{whole}xf32>) -> tensor<{whole}xf32>
  %{name}_a_e = tensor.empty() : tensor<{whole}xf32>"""
        rows = [(f"%{name}_m", f"tensor<{whole}xf32>", "d0, d1"), (f"%{name}_b", f"tensor<{width}xf32>", "d1")]
        text += elementwise(f"%{name}_a", "arith.addf %a0, %a1 : f32", rows, whole, 2)
        text += f"""
  %{name}_s = tensor.expand_shape %{name}_a [[0], [1, 2]] output_shape [{TOKENS}, {heads}, {size}]
      : tensor<{whole}xf32> into tensor<{TOKENS}x{heads}x{size}xf32>
  %{name}_te = tensor.empty() : tensor<{wide}xf32>
  %{name} = linalg.transpose ins(%{name}_s : tensor<{TOKENS}x{heads}x{size}xf32>) outs(%{name}_te : tensor<{wide}xf32>)
      permutation = [1, 0, 2]"""
        text += rotate(f"%{name}", pairs, heads, size)
    text += f"""
  %s_e = tensor.empty() : tensor<{heads}x{TOKENS}x{TOKENS}xf32>
  %s_i = linalg.fill ins(%zero : f32) outs(%s_e : tensor<{heads}x{TOKENS}x{TOKENS}xf32>) -> tensor<{heads}x{TOKENS}x{TOKENS}xf32>
  %s = linalg.generic {{indexing_maps = [affine_map<(b, i, j, c) -> (b, i, c)>, affine_map<(b, i, j, c) -> (b, j, c)>,
      affine_map<(b, i, j, c) -> (b, i, j)>], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}}
      ins(%q_r, %k_r : tensor<{wide}xf32>, tensor<{wide}xf32>) outs(%s_i : tensor<{heads}x{TOKENS}x{TOKENS}xf32>) {{
  ^bb0(%a: f32, %b: f32, %o: f32):
    %p = arith.mulf %a, %b : f32
    %t = arith.addf %o, %p : f32
    linalg.yield %t : f32
  }} -> tensor<{heads}x{TOKENS}x{TOKENS}xf32>
  return %s : tensor<{heads}x{TOKENS}x{TOKENS}xf32>
}}
"""
    return text


def rotate(x: str, pairs: str, heads: int, size: int) -> str:
    """`x`_r = x * cos + turned(x) * sin, of x [heads, tokens, size]."""
    half, wide = size // 2, f"{heads}x{TOKENS}x{size}"
    if pairs == "halves":
        shape, part, dim = wide, f"{heads}x{TOKENS}x{half}", 2
        source, begins, sizes = x, ("0, 0, 0", f"0, 0, {half}"), f"{heads}, {TOKENS}, {half}"
    else:
        shape, part, dim = f"{heads}x{TOKENS}x{half}x2", f"{heads}x{TOKENS}x{half}x1", 3
        source, begins, sizes = f"{x}_p", ("0, 0, 0, 0", "0, 0, 0, 1"), f"{heads}, {TOKENS}, {half}, 1"
    rank, ones = dim + 1, ", ".join(["1"] * (dim + 1))
    text = ""
    if pairs != "halves":
        text += f"""
  {x}_p = tensor.expand_shape {x} [[0], [1], [2, 3]] output_shape [{heads}, {TOKENS}, {half}, 2]
      : tensor<{wide}xf32> into tensor<{shape}xf32>"""
    for name, begin in zip("fg", begins):
        text += f"""
  {x}_{name} = tensor.extract_slice {source}[{begin}] [{sizes}] [{ones}] : tensor<{shape}xf32> to tensor<{part}xf32>"""
    text += f"""
  {x}_n_e = tensor.empty() : tensor<{part}xf32>"""
    index = ", ".join(f"d{i}" for i in range(rank))
    text += elementwise(f"{x}_n", "arith.negf %a0 : f32", [(f"{x}_g", f"tensor<{part}xf32>", index)], part, rank)
    text += f"""
  {x}_h = tensor.concat dim({dim}) {x}_n, {x}_f : (tensor<{part}xf32>, tensor<{part}xf32>) -> tensor<{shape}xf32>"""
    turned = f"{x}_h"
    if pairs != "halves":
        turned = f"{x}_j"
        text += f"""
  {turned} = tensor.collapse_shape {x}_h [[0], [1], [2, 3]] : tensor<{shape}xf32> into tensor<{wide}xf32>"""
    for name, value, table in (("c", x, "%cos"), ("t", turned, "%sin")):
        text += f"""
  {x}_{name}_e = tensor.empty() : tensor<{wide}xf32>"""
        inputs = [(value, f"tensor<{wide}xf32>", "d0, d1, d2"), (table, f"tensor<{TOKENS}x{size}xf32>", "d1, d2")]
        text += elementwise(f"{x}_{name}", "arith.mulf %a0, %a1 : f32", inputs, wide, 3)
    text += f"""
  {x}_r_e = tensor.empty() : tensor<{wide}xf32>"""
    inputs = [(f"{x}_{name}", f"tensor<{wide}xf32>", "d0, d1, d2") for name in "ct"]
    return text + elementwise(f"{x}_r", "arith.addf %a0, %a1 : f32", inputs, wide, 3)
