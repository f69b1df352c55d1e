#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Trains a small vision transformer on Fashion-MNIST and writes it as an fp32 ONNX file.

Input:  the data set, through ../fashion-mnist/data.py.
Output: an ONNX file with one input "image" f32 [1, 1, 28, 28], pixels / 255, and
        one output "logits" f32 [1, 10].
Exit:   0 when the network keeps both limits below, 1 when it does not (no file is
        written then), 2 when the data set cannot be read.

Nothing here knows about quantization: no fake quantization, no clipping of
ranges. Needs JAX and onnx (PyPI).
"""

import argparse
import os
import sys
import time
from pathlib import Path

# One thread: the order of summation, and with it the weights, is then fixed.
os.environ.setdefault(
    "XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
)

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "fashion-mnist"), str(HERE.parent / "shared")]

import data  # noqa: E402
from onnx_layers import Graph  # noqa: E402

MIN_ACCURACY = 88.5  # percent of the 10 000 test images
MAX_BYTES = 1_000_000  # ONNX file

SIDE, PATCH = 28, 7
GRID = SIDE // PATCH
TOKENS = GRID * GRID
WIDTH, HEADS, BLOCKS, HIDDEN, CLASSES = 64, 4, 3, 128, 10
HEAD = WIDTH // HEADS
EPSILON = 1e-5

PROJECTIONS = ("query", "key", "value", "output")


def linear_shapes():
    """The linear layers: name -> (inputs, outputs)."""
    shapes = {"patch": (PATCH * PATCH, WIDTH)}
    for i in range(BLOCKS):
        for part in PROJECTIONS:
            shapes[f"block{i}.attention.{part}"] = (WIDTH, WIDTH)
        shapes[f"block{i}.expand"] = (WIDTH, HIDDEN)
        shapes[f"block{i}.contract"] = (HIDDEN, WIDTH)
    return {**shapes, "classify": (WIDTH, CLASSES)}


def norm_names():
    inner = [f"block{i}.norm{j}" for i in range(BLOCKS) for j in (1, 2)]
    return [*inner, "norm"]


def make_parameters(key):
    """name -> (weight, bias); "position" has no bias."""
    shapes = linear_shapes()
    keys = jax.random.split(key, len(shapes) + 1)
    parameters = {
        name: (jax.random.normal(k, shape) * shape[0] ** -0.5, jnp.zeros(shape[1]))
        for k, (name, shape) in zip(keys[1:], shapes.items())
    }
    for name in norm_names():
        parameters[name] = (jnp.ones(WIDTH), jnp.zeros(WIDTH))
    parameters["position"] = jax.random.normal(keys[0], (TOKENS, WIDTH)) * 0.02
    return parameters


def network(parameters, images):
    """Logits [n, 10] of images [n, 28, 28]."""
    n = len(images)

    def linear(x, name):
        weight, bias = parameters[name]
        return x @ weight + bias

    def norm(x, name):
        scale, shift = parameters[name]
        x = x - x.mean(-1, keepdims=True)
        return x * jax.lax.rsqrt((x * x).mean(-1, keepdims=True) + EPSILON) * scale + shift

    def attention(x, name):
        def heads(part):
            rows = linear(x, f"{name}.{part}").reshape(n, TOKENS, HEADS, HEAD)
            return rows.transpose(0, 2, 1, 3)

        scores = heads("query") @ heads("key").transpose(0, 1, 3, 2) * HEAD**-0.5
        mixed = jax.nn.softmax(scores, -1) @ heads("value")
        return linear(
            mixed.transpose(0, 2, 1, 3).reshape(n * TOKENS, WIDTH), f"{name}.output"
        )

    patches = images.reshape(n, GRID, PATCH, GRID, PATCH).transpose(0, 1, 3, 2, 4)
    x = linear(patches.reshape(n, TOKENS, PATCH * PATCH), "patch")
    # One matrix of all tokens: faster than one for each image.
    x = (x + parameters["position"]).reshape(n * TOKENS, WIDTH)
    for i in range(BLOCKS):
        block = f"block{i}"
        x = x + attention(norm(x, f"{block}.norm1"), f"{block}.attention")
        hidden = linear(norm(x, f"{block}.norm2"), f"{block}.expand")
        x = x + linear(jax.nn.gelu(hidden, approximate=False), f"{block}.contract")
    return linear(norm(x, "norm").reshape(n, TOKENS, WIDTH).mean(1), "classify")


def smoothed_loss(parameters, images, labels):
    logs = jax.nn.log_softmax(network(parameters, images))
    wanted = jax.nn.one_hot(labels, CLASSES) * 0.95 + 0.05 / CLASSES
    return -(wanted * logs).sum(-1).mean()


def learning_rate(step, steps, peak):
    """Linear warm-up over a tenth of the steps, then half a cosine."""
    warm = 0.1 * steps
    falling = 0.5 + 0.5 * jnp.cos(jnp.pi * (step - warm) / (steps - warm))
    return peak * jnp.minimum(step / warm, falling)


@jax.jit
def update(state, images, labels, rate):
    """One step of AdamW, weight decay on matrices only."""
    parameters, means, squares, step = state
    batch = images.astype(jnp.float32) / 255
    loss, slopes = jax.value_and_grad(smoothed_loss)(parameters, batch, labels)
    step = step + 1

    def move(p, m, s):
        ratio = (m / (1 - 0.9**step)) / (jnp.sqrt(s / (1 - 0.999**step)) + 1e-8)
        return p - rate * (ratio + (0.05 * p if p.ndim > 1 else 0))

    means = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, means, slopes)
    squares = jax.tree.map(lambda s, g: 0.999 * s + 0.001 * g * g, squares, slopes)
    return (jax.tree.map(move, parameters, means, squares), means, squares, step), loss


def train(parameters, images, labels, arguments):
    zeros = jax.tree.map(jnp.zeros_like, parameters)
    state = (parameters, zeros, zeros, 0)
    order = np.random.default_rng(arguments.seed)
    steps = len(images) // arguments.batch
    for epoch in range(arguments.epochs):
        start, losses = time.time(), 0.0
        shuffled = order.permutation(len(images))
        for step in range(steps):
            chosen = shuffled[step * arguments.batch :][: arguments.batch]
            done = epoch * steps + step
            rate = learning_rate(done, arguments.epochs * steps, arguments.rate)
            state, loss = update(state, images[chosen], labels[chosen], rate)
            losses += float(loss)
        print(
            f"epoch {epoch + 1:2}/{arguments.epochs}: loss {losses / steps:.4f}, "
            f"{time.time() - start:.0f} s",
            flush=True,
        )
    return state[0]


def measure_accuracy(parameters, images, labels):
    """Percent of `images` whose largest logit is the label's."""
    run = jax.jit(network)
    right = 0
    for start in range(0, len(images), 500):
        batch = images[start : start + 500].astype(np.float32) / 255
        right += (np.argmax(run(parameters, batch), 1) == labels[start : start + 500]).sum()
    return 100 * right / len(images)


def export(parameters, path):
    values = jax.tree.map(np.asarray, parameters)
    graph = Graph("vision_transformer")
    x = graph.input("image", [1, 1, SIDE, SIDE])
    weight, bias = values["patch"]
    weight = weight.T.reshape(WIDTH, 1, PATCH, PATCH)
    given = [x, graph.weight("patch.weight", weight), graph.weight("patch.bias", bias)]
    x = graph.node(
        "Conv", given, "patch", strides=[PATCH, PATCH], kernel_shape=[PATCH, PATCH]
    )
    x = graph.reshape(x, "patch.flatten", [1, WIDTH, TOKENS])
    x = graph.node("Transpose", [x], "patch.rows", perm=[0, 2, 1])
    position = graph.weight("position", values["position"][None])
    x = graph.node("Add", [x, position], "embedding")
    for i in range(BLOCKS):
        x = export_block(graph, f"block{i}", values, x)
    x = graph.layer_norm(x, "norm", *values["norm"], EPSILON)
    x = graph.node("ReduceMean", [x], "pool", axes=[1], keepdims=0)
    x = graph.linear(x, "classify", *values["classify"])
    graph.output(x, "logits", [1, CLASSES])
    graph.save(path)


def export_block(graph, name, values, x):
    """One encoder block: attention and two linear layers, each after a norm."""
    projections = {part: values[f"{name}.attention.{part}"] for part in PROJECTIONS}
    y = graph.layer_norm(x, f"{name}.norm1", *values[f"{name}.norm1"], EPSILON)
    y = graph.attention(y, f"{name}.attention", (TOKENS, HEADS, HEAD), projections)
    x = graph.node("Add", [x, y], f"{name}.residual1")
    y = graph.layer_norm(x, f"{name}.norm2", *values[f"{name}.norm2"], EPSILON)
    y = graph.linear(y, f"{name}.expand", *values[f"{name}.expand"])
    y = graph.gelu(y, f"{name}.gelu")
    y = graph.linear(y, f"{name}.contract", *values[f"{name}.contract"])
    return graph.node("Add", [x, y], f"{name}.residual2")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--epochs", type=int, default=14)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--rate", type=float, default=3e-3, help="peak learning rate")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", type=Path, default=HERE / "vision_transformer.onnx")
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    try:
        sets = {
            split: (data.load_images(split)[:, 0], data.load_labels(split))
            for split in ("train", "test")
        }
    except data.DatasetError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2

    parameters = make_parameters(jax.random.key(arguments.seed))
    count = sum(p.size for p in jax.tree.leaves(parameters))
    print(f"{count} parameters", flush=True)
    parameters = train(parameters, *sets["train"], arguments)
    accuracy = measure_accuracy(parameters, *sets["test"])

    # Written under another name first: no file is left behind by a failed run.
    partial = arguments.output.with_suffix(".partial")
    try:
        export(parameters, partial)
        size = partial.stat().st_size
        print(f"accuracy: {accuracy:.2f} % (at least {MIN_ACCURACY} %)")
        print(f"file:     {size} bytes (at most {MAX_BYTES})")
        if accuracy < MIN_ACCURACY or size > MAX_BYTES:
            print("error: a limit is not kept; nothing written", file=sys.stderr)
            return 1
        partial.replace(arguments.output)
    finally:
        partial.unlink(missing_ok=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
