# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`qfmt sensitivity`: damages are those of the definition, found once, and moments explain them."""

import json

import numpy as np
import onnx
import pytest
from onnx_models import model, node, weight

from qfmt import cli, execute, pipeline, sensitivity
from qfmt.errors import UserError
from qfmt.onnx_import import import_onnx
from qfmt.sensitivity import divergence, split_choices, squared_error

SAMPLES = 8


def samples(*shape: int) -> np.ndarray:
    return np.random.default_rng(7).standard_normal((SAMPLES, *shape)).astype(np.float32)


def two_layers() -> onnx.ModelProto:
    return model(
        [node("MatMul", "x a", "h"), node("Relu", "h", "r"), node("MatMul", "r b")],
        {"x": (1, 12)},
        {"a": weight(12, 8), "b": weight(8, 5, seed=1)},
    )


@pytest.fixture
def command(tmp_path, capsys):
    """Runs the command: (exit status, stderr, JSON that it wrote)."""

    def run(source: onnx.ModelProto, data: np.ndarray, *options: str):
        path, calibration = tmp_path / "model.onnx", tmp_path / "calibration.npz"
        onnx.save(source, path)
        np.savez(calibration, x=data)
        output = tmp_path / "damage.json"
        status = cli.main(
            ["sensitivity", str(path), "--calibration", str(calibration)]
            + ["--cache", str(tmp_path / "cache"), "-o", str(output), *options]
        )
        written = json.loads(output.read_text()) if output.exists() else None
        return status, capsys.readouterr().err, written

    return run


def round_weights(weights: np.ndarray, bits: int) -> np.ndarray:
    """[inputs, outputs] with one scale an output, as qfmt-quantize rounds them."""
    largest = np.abs(weights).max(axis=0, keepdims=True)
    scale = (largest / (2 ** (bits - 1) - 1)).astype(np.float32)
    return np.rint(weights / scale) * scale


# --- Without running anything -----------------------------------------------------


@pytest.mark.parametrize(
    "words, choices",
    [
        (["i4/i8,i8"], ["i4/i8", "i8/i8"]),
        (["i4", "mxfp4/mxfp8"], ["i4/i4", "mxfp4/mxfp8"]),
        (["#qfmt.scaled<i4, scale = f16>/f32, nf4/f32"], ["#qfmt.scaled<i4, scale = f16>/f32", "nf4/f32"]),
    ],
)
def test_choices_are_split_outside_of_brackets(words, choices):
    assert split_choices(words) == choices


@pytest.mark.parametrize("words", [["i4,,i8"], ["i4", "i4/i4"], ["#qfmt.scaled<i4"], [""]])
def test_wrong_lists_of_choices_are_refused(words):
    with pytest.raises(UserError):
        split_choices(words)


def test_losses():
    a = np.array([[[1.0, 2.0, 3.0]], [[0.0, 0.0, 0.0]]], np.float32)
    b = np.array([[[1.0, 2.0, 5.0]], [[1.0, 1.0, 1.0]]], np.float32)
    assert squared_error([a], [b]) == pytest.approx((4 + 3) / 2)
    p, q = np.exp(a) / np.exp(a).sum(-1, keepdims=True), np.exp(b) / np.exp(b).sum(-1, keepdims=True)
    assert divergence([a], [b]) == pytest.approx((p * np.log(p / q)).sum() / 2)
    assert divergence([a], [a]) == 0


# --- Damage -----------------------------------------------------------------------


def test_damage_of_weights_is_that_of_the_definition(command):
    """The second layer is the last: its damage has a closed form."""
    x = samples(12)
    status, errors, table = command(two_layers(), x, "--candidates", "i3/f32", "i8/f32", "f32")
    assert (status, errors) == (0, "")
    hidden = np.maximum(x @ weight(12, 8), 0).astype(np.float64)
    b = weight(8, 5, seed=1)
    for bits in (3, 8):
        change = hidden @ (round_weights(b, bits) - b)
        expected = (change**2).sum(axis=-1).mean()
        assert table["matmul.1"][f"i{bits}/f32"] == pytest.approx(expected, rel=1e-3)
    assert table["matmul.0"]["f32/f32"] == table["matmul.1"]["f32/f32"] == 0
    assert table["matmul.0"]["i3/f32"] > table["matmul.0"]["i8/f32"] > 0


def test_formats_of_data_and_blocks_count(command):
    status, errors, table = command(
        two_layers(), samples(12), "--candidates", "f32/i2", "f32/i8", "mxfp4/f32", "mxfp8/mxfp8"
    )
    assert (status, errors) == (0, "")
    for damages in table.values():
        assert damages["f32/i2"] > damages["f32/i8"] > 0
        assert damages["mxfp4/f32"] > damages["mxfp8/mxfp8"] > 0


def test_divergence_and_other_surroundings(command):
    choices = ["--candidates", "i2/f32", "i4/f32"]
    _, _, plain = command(two_layers(), samples(12), *choices)
    _, _, kl = command(two_layers(), samples(12), *choices, "--loss", "kl")
    _, _, around = command(two_layers(), samples(12), *choices, "--around", "i4/f32")
    assert kl != plain and kl["matmul.1"]["i2/f32"] > kl["matmul.1"]["i4/f32"] > 0
    # No layer changes.
    assert around["matmul.0"]["i4/f32"] == around["matmul.1"]["i4/f32"] == 0
    assert around["matmul.0"]["i2/f32"] > 0


def test_fewer_samples(command):
    choices = ["--candidates", "i2/f32"]
    _, _, whole = command(two_layers(), samples(12), *choices)
    _, _, some = command(two_layers(), samples(12), *choices, "--samples", "3")
    assert whole != some


def test_damage_of_pairs_is_what_the_sum_lacks(command):
    x = samples(12)
    status, errors, table = command(two_layers(), x, "--candidates", "i2/f32", "i4/f32", "f32", "--pairs")
    assert (status, errors) == (0, "")
    terms = {tuple(term["formats"]): term for term in table.pop("pairwise")}
    # Nothing is beyond the sum where one layer stays as it is.
    assert len(terms) == 4 and "f32/f32" not in sum(terms, ())

    def results(a, b):
        return np.maximum(x @ a, 0).astype(np.float64) @ b

    a, b = weight(12, 8), weight(8, 5, seed=1)
    for formats, term in terms.items():
        assert term["layers"] == ["matmul.0", "matmul.1"]
        first, second = (int(format_[1]) for format_ in formats)
        change = results(round_weights(a, first), round_weights(b, second)) - results(a, b)
        together = term["damage"] + sum(table[n][f] for n, f in zip(term["layers"], formats))
        assert together == pytest.approx((change**2).sum(axis=-1).mean(), rel=1e-3)
    # Around other formats: the increase over these.
    _, _, around = command(two_layers(), x, "--candidates", "i2/f32", "i4/f32", "--pairs", "--around", "i4/f32")
    ((term,),) = [around["pairwise"]]
    assert term["formats"] == ["i2/f32", "i2/f32"]
    both = terms["i2/f32", "i2/f32"]["damage"] + sum(table[n]["i2/f32"] for n in table)
    ground = terms["i4/f32", "i4/f32"]["damage"] + sum(table[n]["i4/f32"] for n in table)
    alone = sum(around[n]["i2/f32"] for n in table)
    assert term["damage"] + alone == pytest.approx(both - ground, rel=1e-6)


def test_neighbours_are_found_through_what_is_no_layer(tmp_path):
    source = model(
        [
            node("MatMul", "x a", "h"),
            node("Relu", "h", "r"),
            node("MatMul", "r b", "s"),
            node("MatMul", "r c", "t"),
            node("Add", "s t", "u"),
            node("MatMul", "u d"),
        ],
        {"x": (1, 6)},
        {name: weight(6, 6, seed=seed) for seed, name in enumerate("abcd")},
    )
    onnx.save(source, tmp_path / "model.onnx")
    real = import_onnx(tmp_path / "model.onnx", {})
    names = [f"matmul.{i}" for i in range(4)]
    assert pipeline.list_layers(real) == names
    assert pipeline.list_neighbours(real) == [
        (names[0], names[1]),
        (names[0], names[2]),
        (names[1], names[3]),
        (names[2], names[3]),
    ]


# --- Interruption -----------------------------------------------------------------


def test_a_killed_run_continues(command, monkeypatch, tmp_path):
    choices = ["--candidates", "i2/f32", "i4/f32"]
    original, calls = execute.run, []

    def run(*arguments, **options):
        calls.append(arguments)
        # After the results in f32 and two damages.
        if len(calls) >= 4:
            raise KeyboardInterrupt
        return original(*arguments, **options)

    monkeypatch.setattr(execute, "run", run)
    with pytest.raises(KeyboardInterrupt):
        command(two_layers(), samples(12), *choices)
    monkeypatch.setattr(execute, "run", original)
    _, _, expected = command(two_layers(), samples(12), *choices, "--cache", str(tmp_path / "fresh"))
    calls.clear()
    monkeypatch.setattr(sensitivity.execute, "run", lambda *a, **o: calls.append(a) or original(*a, **o))
    status, errors, table = command(two_layers(), samples(12), *choices)
    assert (status, errors) == (0, "") and table == expected
    # The results in f32 once more, and the two damages that were missing.
    assert len(calls) == 3


# --- Moments ----------------------------------------------------------------------


def windows(x: np.ndarray, size: int, stride: int, dilation: int, pad: int) -> np.ndarray:
    """[samples, channels, positions, size * size] of x [samples, channels, rows, columns]."""
    x = np.pad(x.astype(np.float64), ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    reach = dilation * (size - 1) + 1
    view = np.lib.stride_tricks.sliding_window_view(x, (reach, reach), axis=(2, 3))
    view = view[:, :, ::stride, ::stride, ::dilation, ::dilation]
    return view.reshape(*x.shape[:2], -1, size * size)


def moments_of(rows: np.ndarray) -> np.ndarray:
    """Sum over positions, mean over samples, of rows [samples, positions, depth]."""
    return np.einsum("spi,spj->ij", rows, rows) / len(rows)


@pytest.fixture
def moments(command, tmp_path):
    def run(source, data):
        path = tmp_path / "moments.npz"
        status, errors, _ = command(source, data, "--candidates", "f32", "--moments", str(path))
        assert (status, errors) == (0, "")
        with np.load(path) as arrays:
            # test_channel_statistics.py looks at the rest.
            layers = {name.removesuffix(".mean") for name in arrays.files if name.endswith(".mean")}
            return {name: arrays[name] for name in layers}

    return run


def test_moments_of_matrix_products(moments):
    x = samples(12)
    found = moments(two_layers(), x.reshape(SAMPLES, 1, 12))
    x = x.astype(np.float64)
    hidden = np.maximum(x @ weight(12, 8), 0)
    assert found["matmul.0"].shape == (12, 12)
    np.testing.assert_allclose(found["matmul.0"], x.T @ x / SAMPLES, rtol=1e-12)
    np.testing.assert_allclose(found["matmul.1"], hidden.T @ hidden / SAMPLES, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("stride, dilation, pad", [(1, 1, 0), (2, 1, 1), (1, 2, 2), (3, 2, 1)])
def test_moments_of_convolutions_are_those_of_windows(moments, stride, dilation, pad):
    x = samples(1, 3, 9, 9)
    source = model(
        node("Conv", "x w", strides=[stride] * 2, dilations=[dilation] * 2, pads=[pad] * 4),
        {"x": (1, 3, 9, 9)},
        {"w": weight(4, 3, 3, 3)},
    )
    (found,) = moments(source, x).values()
    # [samples, positions, channels, window]: the order of the weights' dimensions.
    rows = windows(x[:, 0], 3, stride, dilation, pad).transpose(0, 2, 1, 3)
    np.testing.assert_allclose(found, moments_of(rows.reshape(*rows.shape[:2], -1)), rtol=1e-9)


def test_moments_of_depthwise_convolutions_are_by_channel(moments):
    x = samples(1, 4, 6, 6)
    source = model(
        node("Conv", "x w", group=4, pads=[1] * 4), {"x": (1, 4, 6, 6)}, {"w": weight(4, 1, 3, 3)}
    )
    (found,) = moments(source, x).values()
    rows = windows(x[:, 0], 3, 1, 1, 1)
    expected = [moments_of(rows[:, channel]) for channel in range(4)]
    np.testing.assert_allclose(found, np.array(expected), rtol=1e-9)


# --- Refusals ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "options, message",
    [
        (["--candidates", "i99/i8"], "i99"),
        (["--candidates", "i4", "--samples", "0"], "--samples"),
        (["--candidates", "i4", "--jobs", "0"], "--jobs"),
        (["--candidates", "i4,i4"], "twice"),
    ],
)
def test_refusals(command, options, message):
    status, errors, table = command(two_layers(), samples(12), *options)
    assert status == 1 and message in errors and table is None


def test_missing_calibration_data(tmp_path, capsys):
    path = tmp_path / "model.onnx"
    onnx.save(two_layers(), path)
    arguments = ["sensitivity", str(path), "--calibration", str(tmp_path / "none.npz")]
    assert cli.main([*arguments, "--candidates", "i4", "-o", str(tmp_path / "out.json")]) == 1
    assert "no such file" in capsys.readouterr().err
