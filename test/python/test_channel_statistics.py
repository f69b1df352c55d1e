# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What qfmt-annotate{moments=FILE} writes beside the second moments: means, ranges, magnitudes and
rows, against NumPy."""

import numpy as np
import onnx
import pytest
from onnx_models import model, node, weight

from qfmt import pipeline
from qfmt.errors import UserError
from qfmt.onnx_import import import_onnx

STATISTICS = ("mean", "min", "max", "magnitude", "rows")


def samples(count: int, *shape: int) -> np.ndarray:
    """With a mean of its own in each place, so that a wrong order or divisor shows."""
    random = np.random.default_rng(11)
    return (random.standard_normal((count, *shape)) + random.standard_normal(shape)).astype(np.float32)


@pytest.fixture
def annotate(tmp_path):
    def run(source: onnx.ModelProto | bytes, data: np.ndarray, **options) -> dict[str, np.ndarray]:
        if not isinstance(source, bytes):
            onnx.save(source, tmp_path / "model.onnx")
            source = pipeline.observe(import_onnx(tmp_path / "model.onnx", {}))
        np.savez(tmp_path / "data.npz", x=data)
        path = tmp_path / "moments.npz"
        options = {"data": tmp_path / "data.npz", "moments": path, **options}
        pipeline.run_passes(source, [pipeline.pass_with("qfmt-annotate", **options)])
        with np.load(path) as arrays:
            return {name: arrays[name] for name in arrays.files}

    return run


def only_layer(found: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    (layer,) = (name for name in found if f"{name}.mean" in found)
    assert set(found) == {layer} | {f"{layer}.{statistic}" for statistic in STATISTICS}
    return {statistic: found[f"{layer}.{statistic}"] for statistic in STATISTICS}


def check(found: dict[str, np.ndarray], vectors: np.ndarray) -> None:
    """Against all that was read, [..., vectors, depth]."""
    wide = vectors.astype(np.float64)
    np.testing.assert_allclose(found["mean"], wide.mean(axis=-2), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found["magnitude"], np.abs(wide).mean(axis=-2), rtol=1e-9)
    assert np.array_equal(found["min"], wide.min(axis=-2))
    assert np.array_equal(found["max"], wide.max(axis=-2))
    assert all(found[name].dtype == np.float64 for name in STATISTICS[:-1])
    assert found["rows"].dtype == np.float32


def windows(images: np.ndarray, size: int) -> np.ndarray:
    """[samples, channels, h, w] to [samples * positions, channels, size * size]."""
    views = np.lib.stride_tricks.sliding_window_view(images, (size, size), axis=(2, 3))
    count, channels = images.shape[:2]
    return views.transpose(0, 2, 3, 1, 4, 5).reshape(-1, channels, size * size)


def test_matrix_product(annotate):
    x = samples(9, 5, 12)
    source = model(node("MatMul", "x a"), {"x": (5, 12)}, {"a": weight(12, 8)})
    found = only_layer(annotate(source, x))
    vectors = x.reshape(45, 12)
    check(found, vectors)
    # There are fewer than 256: all are kept, in order.
    assert np.array_equal(found["rows"], vectors)


# The last time, none wait when the samples end.
@pytest.mark.parametrize("count", [70, 64])
def test_of_more_vectors_than_wait_at_once(annotate, count):
    x = samples(count, 8, 12)
    source = model(node("MatMul", "x a"), {"x": (8, 12)}, {"a": weight(12, 8)})
    arrays = annotate(source, x)
    found = only_layer(arrays)
    check(found, x.reshape(-1, 12))
    assert found["rows"].shape == (256, 12)
    wide = x.reshape(-1, 12).astype(np.float64)
    np.testing.assert_allclose(arrays["matmul.0"], wide.T @ wide / count, rtol=1e-12, atol=1e-12)


def test_convolution_reads_windows_and_padding(annotate):
    x = samples(4, 1, 3, 6, 6)
    source = model(node("Conv", "x w", pads=[1] * 4), {"x": (1, 3, 6, 6)}, {"w": weight(4, 3, 3, 3)})
    found = only_layer(annotate(source, x))
    padded = np.pad(x[:, 0], [(0, 0), (0, 0), (1, 1), (1, 1)])
    vectors = windows(padded, 3).reshape(-1, 27)
    check(found, vectors)
    assert np.array_equal(found["rows"], vectors)


def test_depthwise_convolution_has_groups(annotate):
    x = samples(4, 1, 5, 6, 6)
    source = model(node("Conv", "x w", group=5), {"x": (1, 5, 6, 6)}, {"w": weight(5, 1, 3, 3)})
    found = only_layer(annotate(source, x, rows=7))
    vectors = windows(x[:, 0], 3).transpose(1, 0, 2)
    check(found, vectors)
    assert found["rows"].shape == (5, 7, 9)
    # The same positions in all groups.
    positions = [
        {int(np.flatnonzero((vectors[group] == row).all(axis=-1))[0]) for row in found["rows"][group]}
        for group in range(5)
    ]
    assert len(positions[0]) == 7 and all(others == positions[0] for others in positions)


def test_rows_are_drawn_evenly(annotate):
    # The first channel says which of 20000 vectors a row is.
    count, kept = 20000, 2000
    x = samples(count, 3)
    x[:, 0] = np.arange(count)
    source = model(node("MatMul", "x a"), {"x": (1, 3)}, {"a": weight(3, 2)})
    rows = annotate(source, x.reshape(count, 1, 3), rows=kept)["matmul.0.rows"]
    indices = rows[:, 0].astype(int)
    assert np.array_equal(rows, x[indices]) and len(set(indices)) == kept
    # 20 bins of 100 expected: chi-square of 19 degrees of freedom is above 43.8 once in 1000.
    bins = np.bincount(indices * 20 // count, minlength=20)
    assert ((bins - 100) ** 2 / 100).sum() < 43.8
    again = annotate(source, x.reshape(count, 1, 3), rows=kept)["matmul.0.rows"]
    assert np.array_equal(rows, again)


def test_no_rows(annotate):
    source = model(node("MatMul", "x a"), {"x": (1, 3)}, {"a": weight(3, 2)})
    assert annotate(source, samples(4, 1, 3), rows=0)["matmul.0.rows"].shape == (0, 3)


def test_too_many_rows(annotate):
    source = model(node("MatMul", "x a"), {"x": (1, 3)}, {"a": weight(3, 2)})
    with pytest.raises(UserError, match="option 'rows' is 0 to 1048576, found 1048577"):
        annotate(source, samples(4, 1, 3), rows=2**20 + 1)


def two_layers(first: str, second: str) -> bytes:
    def layer(name, data):
        return f"""linalg.matmul {{qfmt.layer = "{name}"}} ins({data}, %w : tensor<1x2xf32>, tensor<2x2xf32>)
          outs(%zero : tensor<1x2xf32>) -> tensor<1x2xf32>"""

    return f"""
func.func @main(%x: tensor<1x2xf32> {{qfmt.name = "x"}}) -> tensor<1x2xf32> {{
  %o = qfmt.observe %x "x" : tensor<1x2xf32>
  %w = arith.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
  %zero = arith.constant dense<0.0> : tensor<1x2xf32>
  %y = {layer(first, "%o")}
  %z = {layer(second, "%y")}
  return %z : tensor<1x2xf32>
}}""".encode()


def test_a_layer_called_as_a_statistic_is_none(annotate):
    found = annotate(two_layers("a", "b.mean"), samples(4, 1, 2))
    assert found["b.mean"].shape == (2, 2) and found["b.mean.mean"].shape == (2,)


def test_a_name_that_means_two_arrays(annotate):
    with pytest.raises(UserError, match="the layer 'a.mean' has the name of a statistic of 'a'; rename"):
        annotate(two_layers("a", "a.mean"), samples(4, 1, 2))


def test_readers_of_moments_pass_statistics_by(annotate, tmp_path):
    source = two_layers("a", "b")
    annotate(source, samples(4, 1, 2))
    with pytest.raises(UserError, match=r"it has those of a, b\n"):
        pipeline.run_passes(
            source.replace(b'"b"', b'"c"'),
            [
                pipeline.pass_with(
                    "qfmt-assign-formats",
                    candidates="i8,i4",
                    damage="moments",
                    damage_file=tmp_path / "moments.npz",
                )
            ],
        )
