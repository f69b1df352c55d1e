#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Trains the example network on Fashion-MNIST and writes it as an fp32 ONNX file.

Input:  the data set, through data.py.
Output: an ONNX file with one input "image" f32 [1, 1, 28, 28], pixels / 255, and
        one output "logits" f32 [1, 10]. Batch norm is left as nodes of its own
        (in inference form), so that folding it is the compiler's job.
Exit:   0 when the network keeps all three limits below, 1 when it does not (no
        file is written then), 2 when the data set cannot be read.

Nothing here knows about quantization: no fake quantization, no clipping of
ranges. Needs PyTorch and onnx (Debian: python3-torch, python3-onnx).
"""

import argparse
import collections
import os
import sys
import time

import numpy as np
import onnx
import torch
from torch import nn
import torch.nn.functional as F

import data

MIN_ACCURACY = 91.5  # percent of the 10 000 test images
MAX_MACS = 5_000_000  # multiply-accumulates an image
MAX_BYTES = 2_000_000  # ONNX file

ALLOWED_OPS = {
    "Conv",
    "BatchNormalization",
    "Relu",
    "Add",
    "MaxPool",
    "GlobalAveragePool",
    "Flatten",
    "Gemm",
}

HERE = os.path.dirname(os.path.abspath(__file__))


def conv_bn(inputs, outputs, size, groups=1):
    """Convolution that keeps the image size, without bias (batch norm has one)."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, padding=size // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
    )


class Residual(nn.Module):
    """relu(x + body(x)); body keeps the shape and ends in a batch norm."""

    def __init__(self, *body):
        super().__init__()
        self.body = nn.Sequential(*body)

    def forward(self, x):
        return F.relu(x + self.body(x))


def separable(channels):
    """Residual block of a depthwise 3x3 and a pointwise convolution."""
    return Residual(
        conv_bn(channels, channels, 3, groups=channels),
        nn.ReLU(),
        conv_bn(channels, channels, 1),
    )


def make_network():
    """The network, with the image size and MMAC of each stage."""
    return nn.Sequential(
        conv_bn(1, 16, 3),  # 28x28, 0.11
        nn.ReLU(),
        nn.MaxPool2d(2),
        conv_bn(16, 32, 3),  # 14x14, 0.90
        nn.ReLU(),
        separable(32),  # 14x14, 0.26
        nn.MaxPool2d(2),
        conv_bn(32, 64, 3),  # 7x7, 0.90
        nn.ReLU(),
        separable(64),  # 7x7, 0.23
        Residual(conv_bn(64, 64, 3)),  # 7x7, 1.81
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(64, 10),
    )


def count_macs(network):
    """Multiply-accumulates of the convolutions and the linear layer, one image."""
    total = 0

    def add(module, _, output):
        nonlocal total
        # weight[0] is the filter of one output element.
        total += output.numel() * module.weight[0].numel()

    hooks = [
        module.register_forward_hook(add)
        for module in network.modules()
        if isinstance(module, (nn.Conv2d, nn.Linear))
    ]
    network.eval()
    with torch.no_grad():
        network(torch.zeros(1, 1, 28, 28))
    for hook in hooks:
        hook.remove()
    return total


def as_input(pixels):
    """uint8 pixels as the network's input: 0.0 to 1.0."""
    return torch.from_numpy(pixels).float() / 255


def augment(images, generator, max_shift=2):
    """Mirrors every second image or so, and shifts each by up to `max_shift`."""
    n, _, height, width = images.shape
    padded = F.pad(images, [max_shift] * 4)
    offset = torch.randint(0, 2 * max_shift + 1, (2, n, 1), generator=generator)
    rows = offset[0] + torch.arange(height)
    columns = offset[1] + torch.arange(width)
    mirrored = torch.rand(n, 1, generator=generator) < 0.5
    columns = torch.where(mirrored, columns.flip(1), columns)
    image = torch.arange(n)[:, None, None]
    return padded[image, 0, rows[:, :, None], columns[:, None, :]].unsqueeze(1)


def train(network, images, labels, epochs, batch, generator):
    """SGD with Nesterov momentum on a one-cycle schedule, smoothed labels."""
    steps = len(images) // batch
    decayed = [p for p in network.parameters() if p.dim() > 1]
    others = [p for p in network.parameters() if p.dim() <= 1]
    optimizer = torch.optim.SGD(
        [{"params": decayed, "weight_decay": 5e-4}, {"params": others}],
        lr=0.1,
        momentum=0.9,
        nesterov=True,
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=0.3, total_steps=epochs * steps, pct_start=0.2
    )
    network.train()
    for epoch in range(epochs):
        start, losses = time.time(), 0.0
        order = torch.randperm(len(images), generator=generator)
        for step in range(steps):
            chosen = order[step * batch : (step + 1) * batch]
            optimizer.zero_grad(set_to_none=True)
            logits = network(augment(images[chosen], generator))
            loss = F.cross_entropy(logits, labels[chosen], label_smoothing=0.05)
            loss.backward()
            optimizer.step()
            schedule.step()
            losses += loss.item()
        print(
            f"epoch {epoch + 1:2}/{epochs}: loss {losses / steps:.4f}, "
            f"{time.time() - start:.0f} s",
            flush=True,
        )


def measure_accuracy(network, images, labels):
    """Percent of `images` whose largest logit is the label's."""
    network.eval()
    with torch.no_grad():
        right = sum(
            (network(x).argmax(1) == y).sum().item()
            for x, y in zip(images.split(500), labels.split(500))
        )
    return 100 * right / len(images)


def export(network, path):
    """Writes `network` with batch norm as inference nodes of their own."""
    network.eval()
    torch.onnx.export(
        network,
        torch.zeros(1, 1, 28, 28),
        path,
        input_names=["image"],
        output_names=["logits"],
        opset_version=17,
        # EVAL would fold batch norm into the convolutions.
        training=torch.onnx.TrainingMode.PRESERVE,
        do_constant_folding=False,
    )
    model = onnx.load(path)
    inline_identities(model.graph)
    onnx.checker.check_model(model, full_check=True)
    check_graph(model.graph)
    onnx.save(model, path)
    return model


def inline_identities(graph):
    """Gives shared initializers to their users directly.

    The exporter stores equal initializers once, and reads the others through
    Identity nodes.
    """
    source = {n.output[0]: n.input[0] for n in graph.node if n.op_type == "Identity"}
    kept = [n for n in graph.node if n.op_type != "Identity"]
    for node in kept:
        for i, name in enumerate(node.input):
            while name in source:
                name = source[name]
            node.input[i] = name
    del graph.node[:]
    graph.node.extend(kept)


def check_graph(graph):
    """Fails when the graph is not of the plain form that this example promises."""
    for node in graph.node:
        if node.op_type not in ALLOWED_OPS:
            raise RuntimeError(f"{node.name}: the exporter wrote a {node.op_type}")
        if node.op_type == "BatchNormalization":
            training = [a.i for a in node.attribute if a.name == "training_mode"]
            if any(training) or len(node.output) != 1:
                raise RuntimeError(f"{node.name}: batch norm in training form")
    for tensor in graph.initializer:
        if tensor.data_type != onnx.TensorProto.FLOAT:
            raise RuntimeError(f"{tensor.name}: initializer is not fp32")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--seed", type=int, default=1)
    # The number of threads changes the order of summation, so it is fixed too.
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--output", default=os.path.join(HERE, "fashion_mnist.onnx"))
    args = parser.parse_args()

    torch.set_num_threads(args.threads)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(args.seed)
    generator = torch.Generator().manual_seed(args.seed)

    try:
        train_images = as_input(data.load_images("train"))
        train_labels = torch.from_numpy(data.load_labels("train").astype(np.int64))
        test_images = as_input(data.load_images("test"))
        test_labels = torch.from_numpy(data.load_labels("test").astype(np.int64))
    except data.DatasetError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2

    network = make_network()
    macs = count_macs(network)
    parameters = sum(p.numel() for p in network.parameters())
    print(f"{macs / 1e6:.2f} MMAC an image, {parameters} parameters", flush=True)
    train(network, train_images, train_labels, args.epochs, args.batch, generator)
    accuracy = measure_accuracy(network, test_images, test_labels)

    # Written under another name first: no file is left behind by a failed run.
    partial = args.output + ".partial"
    try:
        model = export(network, partial)
        size = os.path.getsize(partial)
        kinds = collections.Counter(node.op_type for node in model.graph.node)
        print(f"nodes:    {', '.join(f'{n} {k}' for k, n in sorted(kinds.items()))}")
        print(f"accuracy: {accuracy:.2f} % (at least {MIN_ACCURACY} %)")
        print(f"work:     {macs / 1e6:.2f} MMAC an image (at most {MAX_MACS / 1e6:.0f})")
        print(f"file:     {size} bytes (at most {MAX_BYTES})")
        if accuracy < MIN_ACCURACY or macs > MAX_MACS or size > MAX_BYTES:
            print("error: a limit is not kept; nothing written", file=sys.stderr)
            return 1
        os.replace(partial, args.output)
    finally:
        if os.path.exists(partial):
            os.remove(partial)
    return 0


if __name__ == "__main__":
    sys.exit(main())
