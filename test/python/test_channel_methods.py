# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What publications say of rewrites of channels, by the passes: Outlier Suppression+ (Wei et al., 2023), LLM-FP4 (Liu et al., 2023),
K-sort (Trukhanov and Soloveychik, 2024)."""

import re
import subprocess

import numpy as np
import pytest
from run_tools import run_mlir
from test_methods import KEY_SCALES, agrees, bfp, gaussians, nmse, read_back

from qfmt import pipeline
from qfmt.tools import find_tool, run_tool


def floats(array: np.ndarray) -> str:
    return f'dense<"0x{array.astype(np.float32).tobytes().hex().upper()}">'


# ----------------------------------------------------------------------------------------------------------------------
# Two linear layers with biases: what the first gives, the second reads

ROWS = 4


def linear(number: int, x: str, weights: np.ndarray, bias: np.ndarray) -> str:
    depth, width = weights.shape
    result = f"tensor<{ROWS}x{width}xf32>"
    return f"""
  %w{number} = arith.constant {floats(weights)} : tensor<{depth}x{width}xf32>
  %b{number} = arith.constant {floats(bias)} : tensor<{width}xf32>
  %e{number} = tensor.empty() : {result}
  %f{number} = linalg.fill ins(%zero : f32) outs(%e{number} : {result}) -> {result}
  %m{number} = linalg.matmul ins({x}, %w{number} : tensor<{ROWS}x{depth}xf32>, tensor<{depth}x{width}xf32>) outs(%f{number} : {result}) -> {result}
  %y{number} = linalg.generic {{
    indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (j)>, affine_map<(i, j) -> (i, j)>],
    iterator_types = ["parallel", "parallel"]}}
    ins(%m{number}, %b{number} : {result}, tensor<{width}xf32>) outs(%e{number} : {result}) {{
  ^bb0(%a: f32, %b: f32, %o: f32):
    %s = arith.addf %a, %b : f32
    linalg.yield %s : f32
  }} -> {result}"""


def two_layers(first: np.ndarray, bias: np.ndarray, second: np.ndarray) -> str:
    depth, width = len(first), second.shape[1]
    return f"""
func.func @main(%x: tensor<{ROWS}x{depth}xf32>) -> tensor<{ROWS}x{width}xf32> {{
  %zero = arith.constant 0.0 : f32
  {linear(0, "%x", first, bias)}
  {linear(1, "%y0", second, np.arange(width))}
  return %y1 : tensor<{ROWS}x{width}xf32>
}}
"""


class Network:
    def __init__(self, tmp_path, text: str, samples: np.ndarray):
        self.folder, self.samples = tmp_path, samples.astype(np.float32)
        self.source = tmp_path / "network.mlir"
        self.source.write_text(text)
        np.save(tmp_path / "samples.npy", self.samples)

    def annotate(self, source) -> str:
        """As text; the file of statistics is `moments`."""
        self.moments = self.folder / "moments.npz"
        observed = pipeline.annotate(pipeline.observe(source), self.folder / "samples.npy", self.moments)
        return run_tool("qfmt-opt", "-", stdin=observed).decode()

    def rewrite(self, name: str, **options) -> str:
        """The rewritten network as text; `said` gets the remarks. What the first layer reads stays as it is."""
        self.annotate(self.source)
        given = {"moments": self.moments, "materialize": "false", "verify_equivalence": "true", **options}
        command = [str(find_tool("qfmt-opt")), str(self.source)]
        command.append(f"--pass-pipeline=builtin.module({pipeline.pass_with(name, **given)})")
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        self.said = done.stderr
        return done.stdout

    def run(self, text: str) -> np.ndarray:
        path = self.folder / "run.mlir"
        path.write_text(text)
        return np.stack([run_mlir(path, [sample], 1)[0] for sample in self.samples])


def ranges(observed: str) -> list[tuple[float, float]]:
    """Of all observed tensors, in the order of the program."""
    found = re.findall(r"min = (-?[\d.e+-]+)(?: : f64)?, max = (-?[\d.e+-]+)", observed)
    return [(float(low), float(high)) for low, high in found]


# ----------------------------------------------------------------------------------------------------------------------
# Outlier Suppression+

# The paper's example: channels from -97 to -58 and from 5.7 to 43.
LOW, HIGH = np.array([-97, 5.7]), np.array([-58, 43])


@pytest.fixture
def example(tmp_path) -> Network:
    random = np.random.default_rng(1)
    samples = random.uniform(LOW, HIGH, (32, ROWS, 2))
    samples[0, 0], samples[0, 1] = LOW, HIGH
    return Network(tmp_path, two_layers(np.eye(2), np.zeros(2), random.normal(size=(2, 8))), samples)


def test_shift_of_the_papers_example(example):
    """The tensor that the second layer reads reaches over 140, shifted over 39."""
    before = ranges(example.annotate(example.source))
    # A threshold beyond all values: no channel is scaled.
    shifted = example.rewrite("qfmt-suppress-outliers", least_threshold=1000)
    (example.folder / "shifted.mlir").write_text(shifted)
    after = ranges(example.annotate(example.folder / "shifted.mlir"))
    assert len(before) == len(after) == 3
    np.testing.assert_allclose(before[1], [-97, 43], rtol=1e-6)
    np.testing.assert_allclose(after[1], [-19.5, 19.5], rtol=1e-6)
    assert [round(high - low) for low, high in (before[1], after[1])] == [140, 39]
    # The second layer's bias makes up for it.
    np.testing.assert_allclose(after[2], before[2], rtol=1e-5, atol=1e-5)


def test_threshold_of_all_values_is_the_identity(example):
    """t = A gives s = 1: nothing changes."""
    kept = example.rewrite("qfmt-suppress-outliers", shift="false", least_threshold=1000)
    assert kept == run_tool("qfmt-opt", example.source).decode()


def test_search_never_loses_more_than_the_shift_alone(example):
    """It begins with t = A."""

    def get_loss(least_threshold) -> float:
        example.rewrite("qfmt-suppress-outliers", least_threshold=least_threshold)
        (found,) = re.findall(r"loses (\S+), and (\S+) with channels changed", example.said)
        assert float(found[1]) < float(found[0])
        return float(found[1])

    assert get_loss(1) <= get_loss(1000)


# ----------------------------------------------------------------------------------------------------------------------
# LLM-FP4


def test_shifts_of_exponents_are_exact(tmp_path):
    """Channels are at most 8 times as large (two exponent bits), and no bit of a result changes."""
    random = np.random.default_rng(2)
    sizes = np.exp2(random.uniform(-6, 0, 64))
    samples = random.normal(size=(16, ROWS, 64))
    network = Network(tmp_path, two_layers(np.diag(sizes), np.zeros(64), random.normal(size=(64, 16))), samples)
    changed = network.rewrite("qfmt-shift-exponents")
    np.testing.assert_array_equal(network.run(changed).view(np.uint32), network.run(network.source.read_text()).view(np.uint32))
    (diagonal,) = (m for m in constants(changed, "64x64") if np.count_nonzero(m) == 64)
    shifts = np.log2(np.diag(diagonal) / sizes.astype(np.float32))
    assert set(shifts) <= {0, 1, 2, 3}
    # The smaller a channel, the more it gets.
    by_size = shifts[np.argsort(np.abs(samples).max(axis=(0, 1)) * sizes)]
    assert (np.diff(by_size) <= 0).all() and by_size[0] >= by_size[-1] + 2


# ----------------------------------------------------------------------------------------------------------------------
# K-sort


def constants(text: str, shape: str) -> list[np.ndarray]:
    """Constants of f32, of this shape."""
    # Eight digits say how the bytes are aligned.
    resources = dict(re.findall(r'^ *([\w.]+): "0x.{8}([0-9A-F]+)"', text, re.MULTILINE))
    found = re.findall(rf'arith\.constant dense(?:_resource)?<"?([\w.]+)"?> : tensor<{shape}xf32>', text)
    sizes = [int(size) for size in shape.split("x")]
    return [
        np.frombuffer(bytes.fromhex(resources.get(name, name.removeprefix("0x"))), np.float32).reshape(sizes)
        for name in found
    ]


def scores(scales: np.ndarray) -> str:
    """Queries times keys of one head; the keys' weights are a diagonal."""
    channels = len(scales)
    rows, heads = f"tensor<{ROWS}x{channels}xf32>", f"tensor<{channels}x{channels}xf32>"
    queries = np.random.default_rng(3).normal(size=(channels, channels))
    return f"""
func.func @main(%x: {rows}) -> tensor<{ROWS}x{ROWS}xf32> {{
  %zero = arith.constant 0.0 : f32
  %wq = arith.constant {floats(queries)} : {heads}
  %wk = arith.constant {floats(np.diag(scales))} : {heads}
  %e = tensor.empty() : {rows}
  %f = linalg.fill ins(%zero : f32) outs(%e : {rows}) -> {rows}
  %q = linalg.matmul ins(%x, %wq : {rows}, {heads}) outs(%f : {rows}) -> {rows}
  %k = linalg.matmul ins(%x, %wk : {rows}, {heads}) outs(%f : {rows}) -> {rows}
  %te = tensor.empty() : tensor<{channels}x{ROWS}xf32>
  %t = linalg.transpose ins(%k : {rows}) outs(%te : tensor<{channels}x{ROWS}xf32>) permutation = [1, 0]
  %se = tensor.empty() : tensor<{ROWS}x{ROWS}xf32>
  %sf = linalg.fill ins(%zero : f32) outs(%se : tensor<{ROWS}x{ROWS}xf32>) -> tensor<{ROWS}x{ROWS}xf32>
  %s = linalg.matmul ins(%q, %t : {rows}, tensor<{channels}x{ROWS}xf32>) outs(%sf : tensor<{ROWS}x{ROWS}xf32>) -> tensor<{ROWS}x{ROWS}xf32>
  return %s : tensor<{ROWS}x{ROWS}xf32>
}}
"""


def sort_keys(tmp_path, scales: np.ndarray, block: int) -> np.ndarray:
    """Which channel each channel of the keys was."""
    path = tmp_path / "scores.mlir"
    path.write_text(scores(scales))
    passes = pipeline.pass_with("qfmt-sort-keys", block=block, verify_equivalence="true")
    text = run_tool("qfmt-opt", path, f"--pass-pipeline=builtin.module({passes})").decode()
    (weights,) = (m for m in constants(text, "128x128") if np.count_nonzero(m) == 128)
    order = weights.argmax(axis=0)
    np.testing.assert_array_equal(weights, np.diag(scales)[:, order])
    return order


# Channel scales 16 at every 32nd channel, or powers of two from 1 to 16 in disorder.
PATTERNS = {"A": KEY_SCALES, "B": np.exp2(4 * ((37 * np.arange(128)) % 128) / 127)}
PRINTED = {
    ("A", 16): (".024674", ".015882"),
    ("A", 32): (".046151", ".026636"),
    ("A", 64): (".067945", ".047490"),
    ("A", 128): (".088826", ".088826"),
}


@pytest.mark.parametrize("block", [16, 32, 64, 128])
@pytest.mark.parametrize("pattern", PATTERNS)
def test_sorted_keys_lose_less(tmp_path, pattern, block):
    """4096 keys of 128 channels in BFP12, in the order that the pass finds; it finds none where a block has all channels."""
    scales = PATTERNS[pattern].astype(np.float32)
    keys = (gaussians(4096 * 128).reshape(4096, 128) * scales).astype(np.float32)
    order = sort_keys(tmp_path, scales, block)
    permuted = np.ascontiguousarray(keys[:, order])
    plain, in_order = (
        nmse(k, read_back(tmp_path, k, bfp(4, block), "scale_rule = floor_log2")) for k in (keys, permuted)
    )
    if block == 128:
        assert np.array_equal(order, np.arange(128)) and in_order == plain
    else:
        assert in_order < 0.9 * plain
    if (pattern, block) in PRINTED:
        assert agrees(plain, PRINTED[pattern, block][0], 0.01)
        assert agrees(in_order, PRINTED[pattern, block][1], 0.01)


def test_scores_of_sorted_keys_are_the_same(tmp_path):
    """In double to 1e-12 by the pass itself; in float up to the order of sums."""
    text = scores(PATTERNS["B"])
    network = Network(tmp_path, text, np.random.default_rng(4).normal(size=(4, ROWS, 128)))
    changed = network.rewrite("qfmt-sort-keys")
    exact = network.run(text)
    assert changed != run_tool("qfmt-opt", network.source).decode()
    np.testing.assert_allclose(network.run(changed), exact, atol=1e-5 * np.abs(exact).max())
