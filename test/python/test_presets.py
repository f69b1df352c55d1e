# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Weights in every format that has a name: qfmt-quantize-weights and qfmt-encode-constants against the reference."""

import json
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from qfmt.cli_formats import list_formats
from qfmt.tools import find_tool, run_tool

# Tables are learned from data; a pass on constants alone has none.
NEEDS_TABLES = {"aqlm", "aqlm_1x16"}
ROWS, COLUMNS = 19, 200


def presets() -> list[dict]:
    return [entry for entry in list_formats() if entry["name"] not in NEEDS_TABLES]


def literal(values: np.ndarray) -> str:
    """A dense f32 constant by its bits, which keeps NaN and -0."""
    return f'dense<"0x{values.astype("<f4").tobytes().hex().upper()}"> : tensor<{ROWS}x{COLUMNS}xf32>'


@pytest.fixture(scope="module")
def weights() -> np.ndarray:
    """Partial last blocks; rows of zeros, of denormals, of one large value, with NaN and infinities."""
    rng = np.random.default_rng(7)
    values = rng.standard_normal((ROWS, COLUMNS)).astype(np.float32)
    values[1] = 0
    values[2] *= np.float32(1e-40)
    values[3, 5] = 1e6
    values[4, 100] = np.nan
    values[5, :3] = [np.inf, -np.inf, np.nan]
    values[6] = np.round(values[6])
    values[7] *= np.float32(1e30)
    return values


def run_reference(module: str, tmp_path: Path, tag: str) -> np.ndarray:
    source, out = tmp_path / f"{tag}.mlir", tmp_path / f"{tag}.npy"
    source.write_text(module)
    run_tool("qfmt-run", source, "--engine=reference", f"--outputs={out}")
    return np.load(out)


@pytest.mark.parametrize("entry", presets(), ids=lambda entry: entry["name"])
def test_encoded_constants(entry, weights, tmp_path):
    """Constants that the pass encodes read as what the reference makes of the operation itself."""
    kind = f"tensor<{ROWS}x{COLUMNS}xf32, {entry['encoding']}>"
    plain = f"tensor<{ROWS}x{COLUMNS}xf32>"
    module = f"""func.func @main() -> {plain} {{
  %w = arith.constant {literal(weights)}
  %q = qfmt.quantize %w rounding = {entry["rounding"]} scale_rule = {entry["scale_rule"]} : {plain} to {kind}
  %x = qfmt.dequantize %q : {kind} to {plain}
  return %x : {plain}
}}
"""
    expected = run_reference(module, tmp_path, "expected")
    encoded = run_tool("qfmt-opt", "-", "--qfmt-encode-constants", stdin=module.encode()).decode()
    assert "qfmt.quantize" not in encoded and "qfmt.assemble" in encoded
    found = run_reference(encoded, tmp_path, "found")
    np.testing.assert_array_equal(found.view(np.uint32), expected.view(np.uint32))


@pytest.mark.parametrize("entry", presets(), ids=lambda entry: entry["name"])
def test_weights_of_a_matrix_product(entry, weights, tmp_path):
    """The pass chooses the encoding that the list shows, for weights whose rows are summed up."""
    module = f"""
#x = affine_map<(m, n, k) -> (m, k)>
#w = affine_map<(m, n, k) -> (n, k)>
#r = affine_map<(m, n, k) -> (m, n)>
func.func @main(%x: tensor<2x{COLUMNS}xf32>, %y: tensor<2x{ROWS}xf32>) -> tensor<2x{ROWS}xf32> {{
  %w = arith.constant {literal(weights)}
  %r = linalg.generic {{indexing_maps = [#x, #w, #r], iterator_types = ["parallel", "parallel", "reduction"]}}
      ins(%x, %w : tensor<2x{COLUMNS}xf32>, tensor<{ROWS}x{COLUMNS}xf32>) outs(%y : tensor<2x{ROWS}xf32>) {{
  ^bb0(%p: f32, %q: f32, %acc: f32):
    %m = arith.mulf %p, %q : f32
    %s = arith.addf %acc, %m : f32
    linalg.yield %s : f32
  }} -> tensor<2x{ROWS}xf32>
  return %r : tensor<2x{ROWS}xf32>
}}
"""
    quantized = run_tool(
        "qfmt-opt", "-", f"--qfmt-quantize-weights=format={entry['name']}", stdin=module.encode()
    ).decode()
    # Aliases of attributes and types expanded by a round trip through the generic printer would hide them.
    wanted = subprocess.run(
        [find_tool("qfmt-opt"), "-"],
        input=f"func.func private @f(tensor<{ROWS}x{COLUMNS}xf32, {entry['encoding']}>)",
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    alias = re.search(r"^(#\w+) = (#qfmt.*)$", wanted, flags=re.MULTILINE)
    assert alias.group(2) in quantized
    assert "qfmt.quantize" in quantized


def test_pieces_of_a_large_constant(tmp_path):
    """More elements than one piece: every piece and the shorter last one lie where they belong."""
    rows, columns = 1029, 513
    rng = np.random.default_rng(3)
    values = rng.standard_normal((rows, columns)).astype(np.float32)
    kind = f"tensor<{rows}x{columns}xf32, #qfmt.scaled<i8, block = [4, 32], scale = f16>>"
    plain = f"tensor<{rows}x{columns}xf32>"
    module = f"""func.func @main() -> {plain} {{
  %w = arith.constant dense_resource<w> : {plain}
  %q = qfmt.quantize %w : {plain} to {kind}
  %x = qfmt.dequantize %q : {kind} to {plain}
  return %x : {plain}
}}
{{-#
  dialect_resources: {{ builtin: {{ w: "0x04000000{values.tobytes().hex().upper()}" }} }}
#-}}
"""
    expected = run_reference(module, tmp_path, "expected")
    encoded = run_tool("qfmt-opt", "-", "--qfmt-encode-constants", stdin=module.encode()).decode()
    assert "w.payload" in encoded and "qfmt.quantize" not in encoded
    found = run_reference(encoded, tmp_path, "found")
    np.testing.assert_array_equal(found.view(np.uint32), expected.view(np.uint32))


def test_picture(tmp_path):
    """`qfmt formats --plot` draws; docs/formats.svg shows every format that has levels."""
    from qfmt.cli import main

    assert main(["formats", "--plot", str(tmp_path / "formats.svg")]) == 0
    assert (tmp_path / "formats.svg").stat().st_size > 10_000
    assert main(["formats", "--plot", str(tmp_path / "formats.txt")]) == 1
    assert main(["formats", "--plot", str(tmp_path / "missing" / "formats.svg")]) == 1
    assert not (tmp_path / "formats.txt").exists()
    drawn = (Path(__file__).parents[2] / "docs" / "formats.svg").read_text()
    for entry in list_formats():
        if entry["levels"]:
            assert f"<!-- {entry['name']} " in drawn, f"docs/formats.svg lacks {entry['name']}; draw it again"


def test_list_agrees_with_json():
    text = run_tool("qfmt-opt", "--list-formats").decode()
    for entry in json.loads(run_tool("qfmt-opt", "--list-formats=json")):
        row = re.search(rf"^{entry['name']} +([0-9.]+) ", text, flags=re.MULTILINE)
        assert float(row.group(1)) == pytest.approx(entry["bits_per_element"], abs=1e-4)
