# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Images of bytes as a network's input, and how well it classifies them."""

import numpy as np

# Pixels / 255, as qfmt-quantize's option input-format spells it.
PIXEL_FORMAT = "ui8:0.00392156862745098"


def to_floats(images: np.ndarray) -> np.ndarray:
    """uint8 pixels as f32, 0.0 to 1.0."""
    return (images / np.float32(255)).astype(np.float32)


def accuracy(outputs: np.ndarray, labels: np.ndarray) -> float:
    """Percent of images whose largest output (the first, if several) is the label."""
    best = outputs.reshape(len(labels), -1).argmax(axis=1)
    return 100 * float(np.mean(best == labels))
