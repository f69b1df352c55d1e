# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""arith.scaling_extf and scaling_truncf: our numbers, ml_dtypes' and upstream's expansion."""

import ml_dtypes
import numpy as np
import pytest
from run_tools import run_mlir

from qfmt.pipeline import run_passes

FORMATS = {
    "f4E2M1FN": ml_dtypes.float4_e2m1fn,
    "f6E2M3FN": ml_dtypes.float6_e2m3fn,
    "f8E4M3FN": ml_dtypes.float8_e4m3fn,
    "f8E5M2": ml_dtypes.float8_e5m2,
}
FORWARD = ["convert-arith-scaling-to-qfmt"]
# One dimension more and less on the way: scales for whole rows become blocks.
ROUND_TRIP = [*FORWARD, "convert-qfmt-to-arith-scaling", *FORWARD]


def run(tmp_path, text: str, inputs: list, count: int, passes: list[str]) -> list[np.ndarray]:
    source, path = tmp_path / "source.mlir", tmp_path / "converted.mlirbc"
    source.write_text(text)
    path.write_bytes(run_passes(source, passes))
    return run_mlir(path, inputs, count)


def extf(format: str) -> str:
    return f"""
func.func @main(%x: tensor<5x256x{format}>, %s: tensor<5xf8E8M0FNU>) -> tensor<5x256xf32> {{
  %e = tensor.empty() : tensor<5x256xf8E8M0FNU>
  %t = linalg.broadcast ins(%s : tensor<5xf8E8M0FNU>) outs(%e : tensor<5x256xf8E8M0FNU>) dimensions = [1]
  %y = arith.scaling_extf %x, %t : tensor<5x256x{format}>, tensor<5x256xf8E8M0FNU> to tensor<5x256xf32>
  return %y : tensor<5x256xf32>
}}
"""


def truncf(format: str) -> str:
    return f"""
func.func @main(%x: tensor<5x256xf32>, %s: tensor<5xf8E8M0FNU>) -> tensor<5x256x{format}> {{
  %e = tensor.empty() : tensor<5x256xf8E8M0FNU>
  %t = linalg.broadcast ins(%s : tensor<5xf8E8M0FNU>) outs(%e : tensor<5x256xf8E8M0FNU>) dimensions = [1]
  %y = arith.scaling_truncf %x, %t : tensor<5x256xf32>, tensor<5x256xf8E8M0FNU> to tensor<5x256x{format}>
  return %y : tensor<5x256x{format}>
}}
"""


SCALES = np.array([0, 127, 130, 100, 200], np.uint8)


@pytest.mark.parametrize("passes", [FORWARD, ROUND_TRIP], ids=["forward", "round-trip"])
@pytest.mark.parametrize("format", FORMATS)
def test_extf(format, passes, tmp_path):
    """Every code under five scales."""
    kind = FORMATS[format]
    mask = (1 << int(format[1])) - 1
    codes = np.tile(np.arange(256, dtype=np.uint8) & mask, (5, 1))
    (result,) = run(tmp_path, extf(format), [codes, SCALES], 1, passes)
    scale = np.ldexp(1.0, SCALES.astype(int) - 127)[:, None]
    with np.errstate(over="ignore"):
        expected = (codes.view(kind).astype(np.float64) * scale).astype(np.float32)
    np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("passes", [FORWARD, ROUND_TRIP], ids=["forward", "round-trip"])
@pytest.mark.parametrize("format", FORMATS)
def test_truncf(format, passes, tmp_path):
    kind = FORMATS[format]
    largest = float(ml_dtypes.finfo(kind).max)
    scale = np.ldexp(1.0, SCALES.astype(int) - 127)[:, None]
    x = np.random.default_rng(4).standard_normal((5, 256)) * largest / 2
    x[:, :6] = [largest, largest * 1.02, largest * 1.1, -largest * 4, 0, -0.0]
    x = (x * scale).astype(np.float32)
    (result,) = run(tmp_path, truncf(format), [x, SCALES], 1, passes)
    expected = (x / scale).astype(np.float32).astype(kind)
    np.testing.assert_array_equal(result.view(kind).astype(np.float32), expected.astype(np.float32))


def test_upstream_expansion_of_extf_agrees(tmp_path):
    """What arith-expand writes, run as it is, for scales that f32 holds without subnormals."""
    codes = np.tile(np.arange(256, dtype=np.uint8) & 15, (5, 1))
    scales = np.array([1, 127, 130, 100, 200], np.uint8)
    (ours,) = run(tmp_path, extf("f4E2M1FN"), [codes, scales], 1, FORWARD)
    expand = "func.func(arith-expand{include-f8e8m0 include-f4e2m1})"
    (upstream,) = run(tmp_path, extf("f4E2M1FN"), [codes, scales], 1, [expand])
    np.testing.assert_array_equal(ours, upstream)
