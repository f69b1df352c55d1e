# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Families of formats in qfmt-assign-formats: every member against numpy, and against published errors."""

import numpy as np
import pytest
from test_assign_formats import PRODUCT, assign, dense, network
from test_methods import agrees, gaussians

from qfmt.tools import run_tool


def damages(tmp_path, weights: np.ndarray, *options: str) -> tuple[str, dict[str, float]]:
    """What the only layer gets, and the damage of each candidate's weights."""
    depth, outputs = weights.shape
    text = PRODUCT.format(weights=dense(weights))
    text = text.replace("x64xf32", f"x{depth}xf32").replace("64x20", f"{depth}x{outputs}").replace("x20xf32", f"x{outputs}xf32")
    _, report = assign(tmp_path, text, *options)
    layer = report["layers"][0]
    return layer["format"].split("/")[0], {c["format"].split("/")[0]: c["damage"] for c in layer["candidates"]}


def minifloat_values(exponent: int, mantissa: int) -> np.ndarray:
    """Of all codes in their order, sign and all, no special codes."""
    e, m = np.divmod(np.arange(2 ** (exponent + mantissa)), 2**mantissa)
    bias = 2 ** (exponent - 1) - 1
    return np.where(e == 0, m * 2.0 ** (1 - bias - mantissa), (1 + m * 2.0**-mantissa) * 2.0 ** (e - bias))


def round_to_values(x: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Magnitudes to the nearest of ascending values, ties to the even code."""
    above = np.clip(np.searchsorted(values, np.abs(x)), 1, len(values) - 1)
    low, high = values[above - 1], values[above]
    down, up = np.abs(x) - low, high - np.abs(x)
    takes_high = (up < down) | ((up == down) & (above % 2 == 0))
    return np.sign(x) * np.where(takes_high, high, low)


def minifloat_round_trip(weights: np.ndarray, exponent: int, mantissa: int, clip: float = 1) -> np.ndarray:
    """One scale of f32 a column; quotients and products are those of f32."""
    values = minifloat_values(exponent, mantissa)
    ratio = np.abs(weights).max(axis=0).astype(np.float64) / values[-1]
    scales = (ratio * clip).astype(np.float32)
    return np.float32(round_to_values(weights / scales, values)) * scales


def spell_float(exponent: int, mantissa: int) -> str:
    """What MLIR has a type for is spelled as there."""
    builtins = {(2, 1): "f4E2M1FN", (2, 3): "f6E2M3FN", (3, 2): "f6E3M2FN"}
    return builtins.get((exponent, mantissa), f"!qfmt.float<{exponent}, {mantissa}>")


def squared_error(x: np.ndarray, y: np.ndarray) -> float:
    return float(((x.astype(np.float64) - y) ** 2).sum())


@pytest.mark.parametrize("bits", range(3, 9))
@pytest.mark.parametrize("tails", ["uniform", "normal", "heavy"])
def test_float_search(tmp_path, bits, tails):
    rng = np.random.default_rng(bits)
    make = {"uniform": lambda s: rng.uniform(-1, 1, s), "normal": rng.standard_normal, "heavy": lambda s: rng.standard_t(2, s)}
    weights = make[tails]((64, 20)).astype(np.float32)
    chosen, found = damages(tmp_path, weights, f"candidates=float<{bits}>/f32")
    splits = [(e, bits - 1 - e) for e in range(1, min(bits - 1, 5) + 1)]
    expected = {spell_float(*split): squared_error(weights, minifloat_round_trip(weights, *split)) for split in splits}
    assert list(found) == list(expected)
    for name, error in expected.items():
        assert found[name] == pytest.approx(error, rel=1e-6), name
    assert found[chosen] == min(found.values())


@pytest.mark.parametrize("bits", [4, 6])
def test_float_and_clip_search(tmp_path, bits):
    """Of each column the clipping value with the least error, and of the layer the split: exactly the joint search."""
    weights = np.random.default_rng(1).standard_t(3, (64, 20)).astype(np.float32)
    chosen, found = damages(tmp_path, weights, f"candidates=float<{bits}>/f32,float<{bits}>:mse/f32")
    for exponent in range(1, min(bits - 1, 5) + 1):
        split = exponent, bits - 1 - exponent
        clips = [minifloat_round_trip(weights, *split, clip=k / 64) for k in range(80, 15, -1)]
        best = np.min([((weights - trip.astype(np.float64)) ** 2).sum(axis=0) for trip in clips], axis=0).sum()
        assert found[f"{spell_float(*split)}:mse"] == pytest.approx(best, rel=1e-5)
        assert found[f"{spell_float(*split)}:mse"] <= found[spell_float(*split)]
    assert chosen.endswith(":mse") and found[chosen] == min(found.values())


def test_moments_choose_among_members(tmp_path):
    """The best member for the outputs need not be the best for the weights."""
    rng = np.random.default_rng(3)
    weights = rng.uniform(-1, 1, (64, 20)).astype(np.float32)
    # What carries weight is small and needs exponents; the rest is uniform.
    weights[:8] *= 2.0 ** -rng.integers(3, 9, (8, 1))
    data = rng.standard_normal((200, 64)) * np.where(np.arange(64) < 8, 300, 1)
    moments = data.T @ data
    np.savez(tmp_path / "moments.npz", conv=moments)
    by_weights, _ = damages(tmp_path, weights, "candidates=float<4>/f32")
    options = "damage=moments", f"damage-file={tmp_path / 'moments.npz'}"
    by_outputs, found = damages(tmp_path, weights, "candidates=float<4>/f32", *options)
    for exponent in (1, 2, 3):
        error = weights - minifloat_round_trip(weights, exponent, 3 - exponent).astype(np.float64)
        expected = np.einsum("io,ij,jo->", error, moments, error)
        assert found[spell_float(exponent, 3 - exponent)] == pytest.approx(expected, rel=1e-5)
    assert found[by_outputs] == min(found.values())
    assert by_outputs != by_weights


@pytest.fixture(scope="module")
def groups() -> np.ndarray:
    """Normal samples, 128 a column: a scale a channel is one for a group of 128."""
    return np.ascontiguousarray(gaussians(2**19).reshape(-1, 128).T.astype(np.float32))


# Normalized errors in groups of 128: of powers by exponent, FP4 and BitMoD.
POWERS = {
    4: {1.0: ".013759", 0.8: ".011713", 0.7: ".011881", 0.6: ".012866", 0.5: ".015036", 0.4: ".019426"},
    3: {1.0: ".074931", 0.8: ".063699", 0.7: ".064688", 0.6: ".070550", 0.5: ".083227"},
}


@pytest.mark.parametrize("bits", POWERS)
def test_power_search_on_normal_samples(tmp_path, groups, bits):
    """The published errors, and their optimum near 0.75."""
    chosen, found = damages(tmp_path, groups, f"candidates=power<{bits}>/f32")
    energy = float((groups.astype(np.float64) ** 2).sum())
    largest = 2 ** (bits - 1) - 1
    errors = {1.0: found[f"!qfmt.int<i{bits}, {-largest}, {largest}>"]}
    errors |= {float(name.split(",")[1][:-1]): error for name, error in found.items() if name.startswith("!qfmt.power")}
    assert list(errors) == [k / 20 for k in range(20, 4, -1)]
    for exponent, printed in POWERS[bits].items():
        assert agrees(errors[exponent] / energy, printed, 0.01), exponent
    best = min(errors, key=errors.get)
    assert 0.7 <= best <= 0.8
    assert found[chosen] == errors[best]


def test_datatype_of_blocks_beside_families(tmp_path, groups):
    """A format for each block is a candidate like any other: the best of the published ones with 4 bits."""
    chosen, found = damages(tmp_path, groups, "candidates=float<4>/f32,power<4>/f32,bitmod4/f32")
    energy = float((groups.astype(np.float64) ** 2).sum())
    assert agrees(found["f4E2M1FN"] / energy, ".011867", 0.01)
    assert agrees(found["bitmod4"] / energy, ".009596", 0.01)
    assert chosen == "bitmod4"


@pytest.mark.parametrize("bits", [4, 6, 8, 12])
def test_binary_point_search(tmp_path, bits):
    """Against all binary points; layers of different ranges get different ones."""
    rng = np.random.default_rng(bits)
    weights = [(rng.standard_t(4, (64, 32)) * factor).astype(np.float32) for factor in (0.02, 0.7, 0.3)]
    weights[2] = np.ascontiguousarray(weights[2].reshape(32, 64))
    weights = [weights[0], weights[2], weights[1]]
    _, report = assign(tmp_path, network(weights), f"candidates=fixed<{bits}>/f32")
    points = []
    for w, layer in zip(weights, report["layers"], strict=True):
        errors = {}
        for integer in range(-16, 17):
            step = 2.0 ** (integer - bits)
            codes = np.clip(np.rint(w.astype(np.float64) / step), -(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
            errors[integer] = squared_error(w, codes * step)
        best = min(errors, key=errors.get)
        points.append(best)
        encoding = f"!qfmt.fixed<{bits}, {best}>" if best != bits else f"i{bits}"
        assert layer["format"] == f"#qfmt.scaled<{encoding}>/f32"
        assert layer["damage"] == pytest.approx(errors[best], rel=1e-12)
    assert points[0] < points[1] < points[2]


def observed(weights: list[np.ndarray], data: list[np.ndarray]) -> str:
    """The network with statistics of `data` where its layers read."""
    text = network(weights)
    for i, values in enumerate(data):
        values = values.astype(np.float64)
        reach = np.abs(values).max()
        counts, _ = np.histogram(values, 2048, (-reach, reach))
        statistics = f"<min = {float(values.min())!r}, max = {float(values.max())!r}, count = {values.size}, histogram = {counts.tolist()}>"
        begin = text.index(f'"o{i}" statistics = ') + len(f'"o{i}" statistics = ')
        text = text[:begin] + statistics + text[text.index(" :", begin) :]
    return text


def test_families_of_data(tmp_path):
    """Each layer's data gets the format with the least error on the samples that were seen, with the best clipping value."""
    rng = np.random.default_rng(19)
    weights = [rng.standard_normal(shape).astype(np.float32) for shape in [(16, 16)] * 4]
    data = [rng.uniform(-1, 1, 40000), rng.standard_normal(40000), rng.standard_t(2.2, 40000), 9 * rng.uniform(-1, 1, 40000)]
    _, report = assign(tmp_path, observed(weights, data), "candidates=i8/float<6>")
    chosen = []
    for values, layer in zip(data, report["layers"], strict=True):
        errors = {}
        for exponent in range(1, 6):
            levels = minifloat_values(exponent, 5 - exponent)
            scales = np.abs(values).max() / levels[-1] * np.arange(1, 129) / 128
            errors[spell_float(exponent, 5 - exponent)] = min(
                squared_error(values, round_to_values(values / s, levels) * s) for s in scales
            )
        chosen.append(layer["format"].removeprefix("i8/"))
        assert errors[chosen[-1]] <= 1.01 * min(errors.values())
    assert chosen[0] == chosen[3] == "!qfmt.float<1, 4>" and chosen[2] != chosen[0]
    _, report = assign(tmp_path, observed(weights, data), "candidates=fixed<6>/fixed<6>")
    for values, layer in zip(data, report["layers"], strict=True):
        errors = {}
        for integer in range(-8, 12):
            step = 2.0 ** (integer - 6)
            errors[integer] = squared_error(values, np.clip(np.rint(values / step), -32, 31) * step)
        best = min(errors, key=errors.get)
        expected = f"!qfmt.fixed<6, {best}>" if best != 6 else "i6"
        assert layer["format"].split("/")[1] == f"#qfmt.scaled<{expected}>"


def test_chosen_members_quantize_and_run(tmp_path):
    """What is chosen goes on to codes, of every family and with a scale rule."""
    rng = np.random.default_rng(9)
    weights = [rng.standard_t(3, shape).astype(np.float32) for shape in [(32, 16), (16, 24), (24, 8)]]
    for family in ["float<4>:mse", "power<4>", "fixed<6>", "i4:mse"]:
        text, report = assign(tmp_path, network(weights), f"candidates={family}/i8")
        (tmp_path / "assigned.mlir").write_text(text)
        out = run_tool("qfmt-opt", tmp_path / "assigned.mlir", "--qfmt-quantize", "--qfmt-encode-constants").decode()
        for layer in report["layers"]:
            number = layer["format"].split("/")[0].split(":")[0].removeprefix("#qfmt.scaled<")
            assert number.split(">")[0] in out
        assert "qfmt.assemble" in out
