# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The rewrites of channels that choose by recorded data: functions stay the same, rounding loses less,
the identity is kept where nothing helps, and bad data is refused."""

import re
import subprocess
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx_models import model, node, positive, weight

from qfmt import execute, pipeline
from qfmt.onnx_import import import_onnx
from qfmt.tools import find_tool

SAMPLES = 30
# Of each pass the formats that it is for, and its options for them.
PASSES = {
    "qfmt-smooth-quant": ("i8", "i8", {}),
    "qfmt-suppress-outliers": ("i8", "i8", {}),
    "qfmt-scale-by-activations": ("int4_g32", "f32", {"weights": "int4_g32"}),
    "qfmt-shift-exponents": ("f4E2M1FN", "f4E2M1FN", {"weights": "f4E2M1FN", "format": "f4E2M1FN"}),
}


def outliers(size: int) -> np.ndarray:
    """A few channels that reach 40 times as far."""
    factors = np.ones(size, np.float32)
    factors[[3, size // 2]] = 40
    return factors


def pre_norm() -> tuple[onnx.ModelProto, np.ndarray]:
    """Layer norm, then two linear layers; one channel is 0 throughout, one lies off it."""
    scale, offset = positive(64) * outliers(64), weight(64, seed=3)
    scale[7] = offset[7] = 0
    offset[9] = -60
    source = model(
        [
            node("LayerNormalization", "x s o", "n"),
            node("MatMul", "n a", "h"),
            node("Add", "h p"),
            node("MatMul", "n b", "z"),
        ],
        {"x": (4, 64)},
        {"s": scale, "o": offset, "a": weight(64, 24), "p": weight(24, seed=5), "b": weight(64, 16, seed=6)},
        {"y": (4, 24), "z": (4, 16)},
    )
    return source, np.random.default_rng(1).standard_normal((SAMPLES, 4, 64)).astype(np.float32)


def relu() -> tuple[onnx.ModelProto, np.ndarray]:
    """Linear, relu, linear."""
    source = model(
        [
            node("Gemm", "x a p", "h"),
            node("Relu", "h", "r"),
            node("Gemm", "r b q"),
        ],
        {"x": (4, 32)},
        {
            "a": weight(32, 64) * outliers(64),
            "p": weight(64, seed=2),
            "b": weight(64, 16, seed=3) * positive(64)[:, None],
            "q": weight(16, seed=4),
        },
    )
    return source, np.random.default_rng(2).standard_normal((SAMPLES, 4, 32)).astype(np.float32)


def balanced() -> tuple[onnx.ModelProto, np.ndarray]:
    """All channels and all weights are alike."""
    signs = np.sign(weight(32, 8))
    data = np.sign(np.random.default_rng(3).standard_normal((SAMPLES, 4, 32))).astype(np.float32)
    constants = {"s": np.ones(32, np.float32), "a": signs}
    return model([node("Mul", "x s", "n"), node("MatMul", "n a")], {"x": (4, 32)}, constants), data


class Network:
    def __init__(self, folder: Path, source: onnx.ModelProto, data: np.ndarray):
        self.folder, self.data = folder, data
        onnx.save(source, folder / "model.onnx")
        self.real = import_onnx(folder / "model.onnx", {})
        np.savez(folder / "data.npz", x=data)
        self.moments = folder / "moments.npz"
        pipeline.annotate(pipeline.observe(self.real), folder / "data.npz", self.moments)

    def change(self, name: str, module: bytes | None = None, **options) -> tuple[int, bytes, str]:
        """Exit status, module and diagnostics of a pass."""
        options = {"moments": self.moments, "verify_equivalence": "true", **options}
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
            check=False,
        )
        return done.returncode, done.stdout, done.stderr.decode()

    def changed(self, name: str, **options) -> tuple[bytes, str]:
        status, module, said = self.change(name, **options)
        assert status == 0, said
        return module, said

    def run(self, module: bytes) -> list[np.ndarray]:
        path = self.folder / "module.mlirbc"
        path.write_bytes(module)
        return [result.astype(np.float64) for result in execute.run(path, "main", [self.data])[0]]

    def get_error(self, module: bytes, weights: str, activations: str) -> float:
        """Of the results of the network in these formats, mean squares."""
        annotated = pipeline.annotate(pipeline.observe(module), self.folder / "data.npz")
        encoded = pipeline.encode(annotated, weights=weights, activations=activations, wide_activations="f32")
        pairs = zip(self.run(encoded), self.run(self.real))
        return sum(np.mean((found - exact) ** 2) for found, exact in pairs)


@pytest.fixture
def network(tmp_path):
    return lambda make: Network(tmp_path, *make())


def count_rewrites(said: str) -> int:
    return len(re.findall(r"channels, folded into \d+ operations", said))


def materialized(said: str) -> bool:
    return "added that compute" in said


@pytest.mark.parametrize("make", [pre_norm, relu])
@pytest.mark.parametrize("name", PASSES)
def test_rounding_loses_less(network, name, make):
    weights, activations, options = PASSES[name]
    net = network(make)
    # All is folded: into the norm, the first linear layer and its bias.
    module, said = net.changed(name, materialize="false", **options)
    assert count_rewrites(said) >= 1
    assert not materialized(said), said
    for found, exact in zip(net.run(module), net.run(net.real)):
        if name == "qfmt-shift-exponents":
            assert np.array_equal(found, exact)
        assert np.abs(found - exact).max() < 1e-5 * np.abs(exact).max()
    before = net.get_error(net.real, weights, activations)
    after = net.get_error(module, weights, activations)
    assert after < 0.8 * before


@pytest.mark.parametrize("name", PASSES)
def test_identity_where_all_channels_are_alike(network, name):
    net = network(balanced)
    _, said = net.changed(name, **PASSES[name][2])
    assert "they stay" in said
    assert count_rewrites(said) == 0


@pytest.mark.parametrize("name", ["qfmt-smooth-quant", "qfmt-suppress-outliers"])
def test_identity_where_nothing_is_rounded(network, name):
    net = network(pre_norm)
    _, said = net.changed(name, weights="f32", activations="f32")
    assert "they stay" in said
    assert count_rewrites(said) == 0


def test_arguments_are_changed_at_run_time(network):
    net = network(relu)
    _, said = net.changed("qfmt-smooth-quant")
    assert count_rewrites(said) == 2 and materialized(said)
    _, said = net.changed("qfmt-smooth-quant", materialize="false")
    assert count_rewrites(said) == 1 and "is refused: " in said


def test_powers_of_two_change_no_bit(network):
    net = network(pre_norm)
    module, said = net.changed("qfmt-smooth-quant", power_of_two="true")
    assert count_rewrites(said) >= 1
    for found, exact in zip(net.run(module), net.run(net.real)):
        assert np.array_equal(found, exact)


def test_shifts_lessen_what_is_left(network):
    net = network(pre_norm)
    scaled, _ = net.changed("qfmt-suppress-outliers", shift="false")
    shifted, said = net.changed("qfmt-suppress-outliers")
    assert "shift" in said
    assert net.get_error(shifted, "i8", "i8") < net.get_error(scaled, "i8", "i8")


def offset() -> tuple[onnx.ModelProto, np.ndarray]:
    """An addition takes a shift, but no scale."""
    constants = {"c": np.where(np.arange(32) == 4, 100, 1).astype(np.float32), "a": weight(32, 8)}
    source = model([node("Add", "x c", "n"), node("MatMul", "n a")], {"x": (4, 32)}, constants)
    return source, np.random.default_rng(5).standard_normal((SAMPLES, 4, 32)).astype(np.float32)


def test_shifts_alone_where_scales_cost(network):
    net = network(offset)
    module, said = net.changed("qfmt-suppress-outliers", materialize="false")
    assert "suppress-outliers: shift of 32 channels, folded into 2 operations" in said
    assert net.get_error(module, "i8", "i8") < 0.1 * net.get_error(net.real, "i8", "i8")


def attention() -> tuple[onnx.ModelProto, np.ndarray]:
    """Values weighted by computed numbers take a scale, but no shift: nothing says that these add up to one."""
    constants = {"v": weight(16, 32) * outliers(32), "k": weight(16, 4, seed=1), "a": weight(32, 8, seed=2)}
    source = model(
        [
            node("MatMul", "x v", "values"),
            node("Add", "values c", "shifted"),
            node("MatMul", "x k", "scores"),
            node("Sigmoid", "scores", "weights"),
            node("MatMul", "weights shifted", "n"),
            node("MatMul", "n a"),
        ],
        {"x": (4, 16)},
        {**constants, "c": 50 * np.abs(weight(32, seed=3))},
    )
    return source, np.random.default_rng(6).standard_normal((SAMPLES, 4, 16)).astype(np.float32)


def test_scales_alone_where_shifts_cost(network):
    net = network(attention)
    _, said = net.changed("qfmt-suppress-outliers")
    (found,) = re.findall(r"suppress-outliers: (.*) of 32 channels, (.*)", said)
    assert found[0] == "scale" and "added" not in found[1]


def test_two_passes_after_each_other(network, tmp_path):
    """The second one needs data of its own."""
    net = network(pre_norm)
    module, _ = net.changed("qfmt-suppress-outliers")
    again = tmp_path / "again.npz"
    pipeline.annotate(pipeline.observe(module), tmp_path / "data.npz", again)
    options = PASSES["qfmt-scale-by-activations"][2]
    status, module, said = net.change("qfmt-scale-by-activations", module, moments=again, **options)
    assert status == 0, said
    for found, exact in zip(net.run(module), net.run(net.real)):
        assert np.abs(found - exact).max() < 1e-5 * np.abs(exact).max()


def convolution() -> tuple[onnx.ModelProto, np.ndarray]:
    """Windows: nine positions of each channel."""
    scale = outliers(16)[:, None, None]
    source = model(
        [node("Mul", "x s", "n"), node("Conv", "n w b", pads=[1] * 4)],
        {"x": (1, 16, 6, 6)},
        {"s": scale, "w": weight(8, 16, 3, 3), "b": weight(8)},
    )
    return source, np.random.default_rng(4).standard_normal((SAMPLES, 1, 16, 6, 6)).astype(np.float32)


@pytest.mark.parametrize("name", PASSES)
def test_convolution(network, name):
    weights, activations, options = PASSES[name]
    net = network(convolution)
    module, said = net.changed(name, **options)
    (found,), (exact,) = net.run(module), net.run(net.real)
    assert np.abs(found - exact).max() < 1e-5 * np.abs(exact).max()
    if "they stay" not in said:
        assert net.get_error(module, weights, activations) < net.get_error(net.real, weights, activations)


def damage(moments: Path, change) -> None:
    with np.load(moments) as arrays:
        kept = {name: arrays[name] for name in arrays.files}
    change(kept)
    np.savez(moments, **kept)


def drop(suffix: str):
    def change(arrays: dict) -> None:
        del arrays[next(name for name in arrays if name.endswith(suffix))]

    return change


def replace(suffix: str, make):
    def change(arrays: dict) -> None:
        name = next(name for name in arrays if name.endswith(suffix))
        arrays[name] = make(arrays[name])

    return change


BAD_DATA = {
    "a layer is missing": (drop(".max"), r"'matmul\.\d', .*is missing"),
    "too few channels": (replace(".min", lambda a: a[:-1]), r"has the shape \[63\], where \[64\]"),
    "a NaN": (replace(".mean", lambda a: np.where(a == a[0], np.nan, a)), "has a NaN or an infinity"),
    "no rows": (replace(".rows", lambda a: a[:0]), "no rows were recorded"),
    "min above max": (replace(".min", lambda a: a + 1000), "contradict each other"),
}


# All read it in one place.
@pytest.mark.parametrize(
    ("name", "case"),
    [("qfmt-smooth-quant", case) for case in BAD_DATA] + [(name, "a layer is missing") for name in PASSES],
)
def test_bad_data_is_refused(network, name, case):
    net = network(pre_norm)
    change, expected = BAD_DATA[case]
    damage(net.moments, change)
    status, module, said = net.change(name, **PASSES[name][2])
    assert status != 0 and module == b""
    assert re.search(f"error: .*{expected}", said), said


def test_weights_alone_need_no_rows(network):
    net = network(pre_norm)
    damage(net.moments, replace(".rows", lambda a: a[:0]))
    _, said = net.changed("qfmt-scale-by-activations")
    assert count_rewrites(said) == 1


def test_missing_second_moments_are_refused(network):
    net = network(pre_norm)
    damage(net.moments, lambda arrays: arrays.pop("matmul.1"))
    status, module, said = net.change("qfmt-scale-by-activations")
    assert status != 0 and module == b""
    assert "has no moments" in said
