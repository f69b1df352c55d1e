# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Rewrites of the channels of a whole network: the vision transformer of the examples.

Its norms stand in front of its layers, so that constants absorb whatever has an
effect on channels, but for rotations and for shifts behind attention.
"""

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from qfmt import execute, pipeline
from qfmt.onnx_import import import_onnx
from qfmt.tools import find_tool, run_tool

NETWORK = Path(__file__).parents[2] / "examples/vision-transformer/vision_transformer.onnx"
LAYERS = 19


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """The network at level real, images, and statistics of what its layers read."""
    folder = tmp_path_factory.mktemp("network")
    real = import_onnx(NETWORK, {})
    random = np.random.default_rng(0)
    # Blurred noise, of all shades.
    images = random.random((24, 1, 35, 35)).astype(np.float32)
    images = np.lib.stride_tricks.sliding_window_view(images, (8, 8), (2, 3)).mean((-1, -2))
    images = images[:, None].astype(np.float32)
    np.savez(folder / "images.npz", image=images)
    moments = folder / "moments.npz"
    pipeline.annotate(pipeline.observe(real), folder / "images.npz", moments)
    path = folder / "real.mlirbc"
    path.write_bytes(real)
    return path, images, moments


def rewrite(network, name: str, folder: Path, **options) -> tuple[Path, str]:
    """The rewritten network, and what the pass has said."""
    real, _, moments = network
    options |= {"verify_equivalence": "true"}
    if name != "equalize-weights":
        options["moments"] = moments
    output = folder / "rewritten.mlirbc"
    done = subprocess.run(
        [find_tool("qfmt-opt"), real, "--mlir-print-op-on-diagnostic=false"]
        + [f"--pass-pipeline=builtin.module({pipeline.pass_with('qfmt-' + name, **options)})"]
        + ["--emit-bytecode", "--qfmt-statistics", "-o", output],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return output, done.stderr


def count(said: str, what: str) -> int:
    found = re.search(rf"(\d+) qfmt-channel-rewrites\s+- {what}", said)
    return int(found.group(1)) if found else 0


CHANGED, FOLDED = "Tensors whose channels were changed", "Operations that absorbed a change"
ADDED = "Operations added that change channels at run time"


@pytest.mark.parametrize(
    "name, options, least",
    [
        ("smooth-quant", {"activations": "i4"}, 6),
        ("suppress-outliers", {"activations": "i4", "shift": "false"}, 6),
        ("scale-by-activations", {"weights": "int4_g32"}, 6),
        ("shift-exponents", {}, 3),
        ("equalize-weights", {}, 3),
        ("sort-channels", {"format": "mxfp4"}, 1),
    ],
)
def test_constants_absorb_everything(network, tmp_path, name, options, least):
    rewritten, said = rewrite(network, name, tmp_path, **options)
    assert count(said, CHANGED) >= least, said
    assert count(said, FOLDED) >= 2 * count(said, CHANGED)
    assert count(said, ADDED) == 0, said
    # Not one operation more.
    operations = [
        run_tool("qfmt-opt", path, "--mlir-elide-resource-strings-if-larger=8").count(b"linalg.generic")
        for path in (network[0], rewritten)
    ]
    assert operations[0] == operations[1]
    compare(network, rewritten)


def test_rotations_are_added_behind_norms(network, tmp_path):
    rewritten, said = rewrite(network, "rotate-channels", tmp_path, format="i4")
    assert 0 < count(said, ADDED) <= LAYERS
    compare(network, rewritten)


def test_nothing_is_added_where_that_is_not_allowed(network, tmp_path):
    rewritten, said = rewrite(
        network, "rotate-channels", tmp_path, format="i4", materialize="false"
    )
    assert count(said, ADDED) == 0
    compare(network, rewritten)


def compare(network, rewritten: Path) -> None:
    """Both in f32: rounding differs, nothing else."""
    real, images, _ = network
    (before,), _ = execute.run(real, "main", [images])
    (after,), _ = execute.run(rewritten, "main", [images])
    assert np.abs(before - after).max() <= 1e-4 * np.abs(before).max()
