# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The rewrites of channels that look at weights or at blocks: equalization, K-sort, sorted and rotated
channels, on blocks of transformers. Functions stay the same, and what is to get better does."""

import re
import subprocess
from pathlib import Path

import numpy as np
import onnx
import pytest
from attention_models import TOKENS, Block, rotary_scores

from qfmt import execute, pipeline
from qfmt.onnx_import import import_onnx
from qfmt.tools import find_tool, run_tool

FACTORS = np.exp2(4 * np.random.default_rng(7).random(64))
KEY_FACTORS = np.exp2(4 * np.random.default_rng(8).random(32))
NETWORKS = {
    "heads": Block(key_factors=KEY_FACTORS, hidden_factors=FACTORS),
    "groups": Block(heads=4, key_factors=KEY_FACTORS, hidden_factors=FACTORS),
    "gated": Block(heads=4, key_factors=KEY_FACTORS, gated=True, bias=False, hidden_factors=FACTORS),
    "halves": rotary_scores("halves", KEY_FACTORS),
    "neighbours": rotary_scores("neighbours", KEY_FACTORS),
}
PERMUTATIONS = {"qfmt-sort-keys": {"block": 4}, "qfmt-sort-channels": {"block": 8}}
PASSES = PERMUTATIONS | {"qfmt-equalize-weights": {}, "qfmt-rotate-channels": {}}


class Network:
    def __init__(self, folder: Path, name: str):
        self.folder = folder
        source = NETWORKS[name]
        if isinstance(source, str):
            self.real, width = pipeline.run_passes(source.encode(), []), 24
            shape = (TOKENS, width)
        else:
            # Weights must not depend on what was built before.
            source.random = np.random.default_rng(4)
            onnx.save(source.model(), folder / "model.onnx")
            self.real, width = import_onnx(folder / "model.onnx", {}), source.width
            shape = (1, TOKENS, width)
        self.data = np.random.default_rng(9).standard_normal((40, *shape)).astype(np.float32)
        self.data[..., [3, 17]] *= 30
        np.save(folder / "data.npy", self.data)
        self.moments = folder / "moments.npz"
        pipeline.annotate(pipeline.observe(self.real), folder / "data.npy", self.moments)

    def change(self, name: str, module: bytes | None = None, **options) -> tuple[bytes, str]:
        """Module and diagnostics of a pass, which proves the function to be the same."""
        options = {"verify_equivalence": "true", **options}
        done = subprocess.run(
            [
                find_tool("qfmt-opt"),
                "-",
                "--mlir-print-op-on-diagnostic=false",
                f"--pass-pipeline=builtin.module({pipeline.pass_with(name, **options)})",
                "--emit-bytecode",
            ],
            input=module or self.real,
            capture_output=True,
        )
        # Excerpts of bytecode among them.
        said = done.stderr.decode(errors="replace")
        assert done.returncode == 0, said
        return done.stdout, said

    def run(self, module: bytes) -> np.ndarray:
        path = self.folder / "module.mlirbc"
        path.write_bytes(module)
        return execute.run(path, "main", [self.data])[0][0].astype(np.float64)

    def weights(self, module: bytes) -> dict[str, np.ndarray]:
        """By the name of the layer without a suffix of the rewriter's."""
        path = self.folder / "module.mlirbc"
        path.write_bytes(module)
        text = run_tool("qfmt-opt", path).decode()
        shapes = dict(re.findall(r"dense_resource<([\w.]+)> : tensor<([\dx]+)xf32>", text))
        found = {}
        for name, digits in re.findall(r'([\w.]+): "0x([0-9A-Fa-f]+)"', text):
            # Behind four bytes that say how it is aligned.
            values = np.frombuffer(bytes.fromhex(digits)[4:], np.float32)
            if name in shapes and ".weight" in name:
                found[name.split(".weight")[0]] = values.reshape([int(n) for n in shapes[name].split("x")])
        return found

    def get_error(self, module: bytes, weights: str, activations: str) -> float:
        """Of the results of the network in these formats, mean squares."""
        annotated = pipeline.annotate(pipeline.observe(module), self.folder / "data.npy")
        encoded = pipeline.encode(annotated, weights=weights, activations=activations, wide_activations="f32")
        return np.mean((self.run(encoded) - self.run(self.real)) ** 2)


@pytest.fixture
def network(tmp_path):
    return lambda name: Network(tmp_path, name)


def count_rewrites(said: str) -> int:
    return len(re.findall(r"channels, folded into \d+ operations", said))


def factors(said: str) -> list[float]:
    return [float(number) for number in re.findall(r"errors of keys by a factor of ([\d.e+-]+)", said)]


@pytest.mark.parametrize("name", PASSES)
@pytest.mark.parametrize("source", NETWORKS)
def test_function_stays(network, source, name):
    net = network(source)
    module, said = net.change(name, **PASSES[name])
    found, exact = net.run(module), net.run(net.real)
    assert np.abs(found - exact).max() <= 1e-5 * np.abs(exact).max()
    if count_rewrites(said):
        (difference,) = re.findall(r"equivalent: ([\d.e+-]+) of the largest", said)
        assert float(difference) < 1e-12
    if name != "qfmt-rotate-channels":
        assert "added" not in said


@pytest.mark.parametrize("source", ["heads", "groups", "gated"])
def test_keys_descend_and_queries_follow(network, source):
    net = network(source)
    old, new = net.weights(net.real), net.weights(net.change("qfmt-sort-keys", block=4)[0])
    size, group = NETWORKS[source].size, NETWORKS[source].heads // NETWORKS[source].key_heads
    for head in range(NETWORKS[source].key_heads):
        mine = slice(head * size, (head + 1) * size)
        order = np.argsort(-np.linalg.norm(old["key"][:, mine], axis=0))
        assert np.array_equal(new["key"][:, mine], old["key"][:, mine][:, order])
        for query in range(head * group, (head + 1) * group):
            mine = slice(query * size, (query + 1) * size)
            assert np.array_equal(new["query"][:, mine], old["query"][:, mine][:, order])
    others = {name for name in old if name not in ("key", "query")}
    assert others and all(np.array_equal(new[name], old[name]) for name in others)


@pytest.mark.parametrize("source", ["groups", "halves"])
def test_sorted_keys_stay(network, source):
    net = network(source)
    for by in ("weights", "data"):
        module, said = net.change("qfmt-sort-keys", block=4, by=by, moments=net.moments)
        (gain,) = factors(said)
        assert 0 < gain < 1 and count_rewrites(said) == 1
    # As long as a head: nothing to gain.
    _, said = net.change("qfmt-sort-keys", block=16)
    assert count_rewrites(said) == 0 and "would be rounded no better" in said


def test_sorting_twice(network):
    net = network("heads")
    for name, options in PERMUTATIONS.items():
        module, said = net.change(name, **options)
        assert count_rewrites(said) >= 1
        _, said = net.change(name, module, **options)
        assert count_rewrites(said) == 0


def test_format_of_keys(network):
    """The errors of BFP12 itself, as qfmt-quantize would make them."""
    net = network("heads")
    bfp12 = "#qfmt.scaled<!qfmt.int<i4, -7, 7>, block = [1, 4], scale = f8E8M0FNU>"
    _, said = net.change("qfmt-sort-keys", by="data", moments=net.moments, format=bfp12)
    (gain,) = factors(said)
    assert 0 < gain < 0.95


@pytest.mark.parametrize("source", ["halves", "neighbours"])
def test_rotary_pairs_may_be_torn_apart(network, source):
    """With gathers every order is possible: one takes the place of what turns pairs."""
    net = network(source)
    torn, paired = (net.change("qfmt-sort-keys", block=4, gather=gather)[1] for gather in ("true", "false"))
    assert count_rewrites(torn) == count_rewrites(paired) == 1
    assert factors(torn)[0] < factors(paired)[0]


def test_residual_stream_is_sorted_once(network):
    net = network("heads")
    old = net.weights(net.real)
    module, said = net.change("qfmt-sort-channels", block=8)
    new = net.weights(module)
    # What reads norms 1, 2 and 3: all in the same order of rows.
    reading = ("query", "key", "value", "up", "head")
    order = [next(j for j in range(32) if sorted(old["head"][j]) == sorted(row)) for row in new["head"]]
    assert order != list(range(32))
    for name in reading:
        assert np.array_equal(np.sort(new[name], axis=1), np.sort(old[name][order], axis=1))
    # And what is added to it, columns.
    for name in ("embed", "output", "down"):
        assert np.array_equal(np.sort(new[name], axis=0), np.sort(old[name][:, order], axis=0))


def test_sorted_channels_help_blocks(network):
    net = network("heads")
    encoding = "#qfmt.scaled<i8, block = [1, 16], scale = f16>"
    module, said = net.change("qfmt-sort-channels", moments=net.moments, format=encoding)
    assert count_rewrites(said) >= 1
    after = net.get_error(module, "f32", encoding)
    assert after < 0.95 * net.get_error(net.real, "f32", encoding)


@pytest.mark.parametrize("source", ["heads", "gated"])
def test_weights_reach_equally_far(network, source):
    net = network(source)
    module, said = net.change("qfmt-equalize-weights")
    weights = net.weights(module)
    up, down = np.abs(weights["up"]).max(axis=0), np.abs(weights["down"]).max(axis=1)
    np.testing.assert_allclose(up, down, rtol=1e-6)
    before = net.weights(net.real)
    product = np.abs(before["up"]).max(axis=0) * np.abs(before["down"]).max(axis=1)
    np.testing.assert_allclose(up, np.sqrt(product), rtol=1e-6)
    # Equal ranges are not touched again.
    assert count_rewrites(net.change("qfmt-equalize-weights", module)[1]) == 0
    assert net.get_error(module, "int8_tensor", "f32") < 0.75 * net.get_error(net.real, "int8_tensor", "f32")


def test_powers_of_two_change_no_bit(network):
    net = network("heads")
    module, said = net.change("qfmt-equalize-weights", power_of_two="true")
    assert count_rewrites(said) >= 1
    assert np.array_equal(net.run(module), net.run(net.real))


def test_rotation_helps_outliers(network):
    net = network("heads")
    module, said = net.change("qfmt-rotate-channels", moments=net.moments, format="int4_g32")
    # Values of a head, by the layers on both sides; the others at run time.
    assert re.search(r"output.*rotation of 32 channels, folded into 3 operations\n", said)
    assert net.get_error(module, "f32", "int4_g32") < 0.7 * net.get_error(net.real, "f32", "int4_g32")


def test_rotation_stays_away_where_it_does_not_help(network):
    """Floats have an exponent for each value: what has no outliers is rounded as well without."""
    net = network("heads")
    _, said = net.change("qfmt-rotate-channels", moments=net.moments, format="f8E4M3FN")
    stay = re.findall(r"its data stay, as a rotation would change their squared rounding errors by a factor of ([\d.e+-]+)", said)
    assert stay and all(float(factor) >= 1 for factor in stay)


def test_rotation_without_run_time(network):
    net = network("heads")
    module, said = net.change("qfmt-rotate-channels", materialize="false")
    assert count_rewrites(said) == 1 and "added" not in said
    assert said.count("is refused") >= 3
