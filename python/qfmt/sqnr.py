# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Signal-to-quantization-noise ratio, layer by layer."""

from pathlib import Path

import numpy as np

# Above this only the rounding of f32 (relative 2^-24, 144 dB) is left.
EXACT_DB = 120.0


def sqnr(real: np.ndarray, quantized: np.ndarray) -> float:
    """10 log10(sum x^2 / sum (x' - x)^2) in dB; infinity if they are equal."""
    x = real.astype(np.float64)
    noise = np.sum((quantized.astype(np.float64) - x) ** 2)
    signal = np.sum(x**2)
    if noise == 0:
        return float("inf")
    return float(10 * np.log10(signal / noise)) if signal else float("-inf")


def draw(layers: list[tuple[str, float]], path: Path, title: str) -> None:
    """A bar for every (layer, dB), in network order, as a picture at `path`."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    names = [name for name, _ in layers]
    # What differs by f32 rounding alone counts as exact; its bar is as long as
    # the longest of the others.
    noisy = [db for _, db in layers if db < EXACT_DB]
    longest = max(noisy, default=1.0)
    figure, axes = pyplot.subplots(figsize=(8, 0.35 * len(names) + 1.5))
    bars = axes.barh(names, [min(db, longest) for _, db in layers], color="#4878a8")
    axes.bar_label(
        bars,
        [f"{db:.1f}" if db < EXACT_DB else "exact" for _, db in layers],
        padding=3,
    )
    axes.invert_yaxis()
    axes.set_xlim(0, longest * 1.15)
    axes.set_xlabel("signal-to-quantization-noise ratio [dB]")
    axes.set_title(title)
    axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
    pyplot.close(figure)
