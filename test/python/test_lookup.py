# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""qfmt.lookup: compiled code and the reference evaluator against NumPy indexing,
for indices of every width and tables of every size up to 65536 entries."""

from pathlib import Path

import numpy as np
import pytest

from qfmt.tools import run_tool

FLOATS = {"f16": np.float16, "f32": np.float32, "f64": np.float64}


def run(tmp_path: Path, text: str, value, engine):
    source = tmp_path / "main.mlir"
    source.write_text(text)
    np.save(tmp_path / "in.npy", value)
    run_tool(
        "qfmt-run",
        source,
        f"--engine={engine}",
        "--entry=main",
        f"--inputs={tmp_path / 'in.npy'}",
        f"--outputs={tmp_path / 'out.npy'}",
    )
    return np.load(tmp_path / "out.npy")


def make_table(random, element, size):
    """The values, and how MLIR spells them."""
    if element in FLOATS:
        values = random.normal(size=size).astype(FLOATS[element])
        return values, f'dense<"0x{values.tobytes().hex().upper()}">'
    width = int(element[1:])
    values = random.integers(-(1 << (width - 1)), 1 << (width - 1), size)
    if width == 1:
        return values, f"dense<[{', '.join('true' if v else 'false' for v in values)}]>"
    return values, f"dense<[{', '.join(map(str, values))}]>"


@pytest.mark.parametrize("element", ["f16", "f32", "f64", "i1", "i3", "i4", "i8", "i12", "i32"])
@pytest.mark.parametrize(
    "width, size",
    [(1, 2), (2, 3), (3, 8), (4, 16), (5, 17), (6, 64), (8, 200), (8, 256), (9, 512), (12, 300), (16, 65536), (32, 65536)],
)
def test_lookup(tmp_path, element, width, size):
    random = np.random.default_rng(width * 100003 + size)
    values, table = make_table(random, element, size)
    # i1 and odd widths go out as i32, which a program cannot mistake.
    result = element if element in FLOATS else "i32"
    widen = element not in (*FLOATS, "i32")
    extend = f"%e = arith.extsi %y : tensor<7x53x{element}> to tensor<7x53xi32>" if widen else ""
    index = "" if width == 32 else f"%n = arith.trunci %x : tensor<7x53xi32> to tensor<7x53xi{width}>"
    text = f"""
func.func @main(%x: tensor<7x53xi32>) -> tensor<7x53x{result}> {{
  {index}
  %y = qfmt.lookup %{"n" if index else "x"} in {table} : tensor<{size}x{element}>
       : tensor<7x53xi{width}> to tensor<7x53x{element}>
  {extend}
  return %{"e" if widen else "y"} : tensor<7x53x{result}>
}}
"""
    indices = random.integers(0, size, (7, 53)).astype(np.int32)
    indices[0, :2] = 0, size - 1
    for engine in ("jit", "reference"):
        found = run(tmp_path, text, indices, engine)
        assert (found == values[indices]).all(), engine
