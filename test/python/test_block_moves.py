# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Moves of encoded tensors with scales at run time (spec C45, C46): they move in whole blocks, compiled and by the reference.

What a moved tensor reads as is what the same move of the read tensor is.
"""

import numpy as np
import pytest
from run_tools import run_text
from test_format_lowering import block_values

ENCODINGS = {
    "rows": "#qfmt.scaled<i8, block = [1, *], scale = f32>",
    "mxfp4": "#qfmt.scaled<f4E2M1FN, block = [1, 32], scale = f8E8M0FNU>",
    "asymmetric": "#qfmt.scaled<ui4, block = [2, 32], scale = f16, zero_point = ui4>",
    "nested": "#qfmt.scaled<i4, block = [1, 16], scale = #qfmt.scaled<ui8, block = [2, 2], scale = f16>>",
    "select": "#qfmt.select<[i4, f4E2M1FN], block = [2, 8], scale = f32>",
    "square": "#qfmt.scaled<i4, block = [16, 16], scale = f32>",
    "tensor": "#qfmt.scaled<i8, scale = f32>",
}
ROWS, COLUMNS = 14, 80


def tensor(rows, columns, name):
    return f"tensor<{rows}x{columns}xf32, {ENCODINGS[name]}>"


def check(tmp_path, name, shape, moves, expected):
    """`moves` make %r of %q, the tensor in the encoding. `expected` makes it of what %q reads as."""
    whole, result = tensor(ROWS, COLUMNS, name), f"tensor<{'x'.join(map(str, shape))}xf32"
    text = f"""
func.func @main(%x: tensor<{ROWS}x{COLUMNS}xf32>) -> (tensor<{ROWS}x{COLUMNS}xf32>, {result}>) {{
  %q = qfmt.quantize %x : tensor<{ROWS}x{COLUMNS}xf32> to {whole}
  {moves}
  %read = qfmt.dequantize %q : {whole} to tensor<{ROWS}x{COLUMNS}xf32>
  %moved = qfmt.dequantize %r : {result}, {ENCODINGS[name]}> to {result}>
  return %read, %moved : tensor<{ROWS}x{COLUMNS}xf32>, {result}>
}}
"""
    x = block_values((ROWS, COLUMNS), 3)
    outputs = {engine: run_text(tmp_path, text, [x], 2, engine) for engine in ("reference", "jit")}
    for engine, (read, moved) in outputs.items():
        np.testing.assert_array_equal(moved, expected(read), err_msg=engine)
    for a, b in zip(*outputs.values()):
        np.testing.assert_array_equal(a.view(np.uint32), b.view(np.uint32))


SLICES = {
    "rows": [(3, 5, 0, 80), (13, 1, 0, 80)],
    "mxfp4": [(3, 5, 32, 32), (0, 14, 32, 48), (7, 1, 64, 16)],
    "asymmetric": [(2, 4, 32, 48), (6, 8, 0, 32)],
    "nested": [(2, 4, 32, 32), (4, 10, 32, 48), (0, 2, 64, 16)],
    "select": [(2, 4, 8, 24), (12, 2, 72, 8)],
    "tensor": [(0, 14, 0, 80)],
}


@pytest.mark.parametrize("name, box", [(name, box) for name, boxes in SLICES.items() for box in boxes])
def test_slices(tmp_path, name, box):
    row, rows, column, columns = box
    moves = (
        f"%r = tensor.extract_slice %q[{row}, {column}] [{rows}, {columns}] [1, 1] : "
        f"{tensor(ROWS, COLUMNS, name)} to {tensor(rows, columns, name)}"
    )
    check(tmp_path, name, (rows, columns), moves, lambda x: x[row : row + rows, column : column + columns])


def test_rows_at_run_time(tmp_path):
    """Where blocks have one element, any slice will do."""
    whole, part = tensor(ROWS, COLUMNS, "mxfp4"), tensor(4, 32, "mxfp4")
    moves = f"""%i = arith.constant 5 : index
  %s = arith.constant 2 : index
  %r = tensor.extract_slice %q[%i, 32] [4, 32] [%s, 1] : {whole} to {part}"""
    check(tmp_path, "mxfp4", (4, 32), moves, lambda x: x[5:13:2, 32:64])


@pytest.mark.parametrize("name", ["rows", "mxfp4", "asymmetric", "nested", "select"])
def test_inserted_slices(tmp_path, name):
    """The two halves change place."""
    columns = COLUMNS if name == "rows" else 64
    part = tensor(6, columns, name)
    whole = tensor(ROWS, COLUMNS, name)
    moves = f"""%a = tensor.extract_slice %q[0, 0] [6, {columns}] [1, 1] : {whole} to {part}
  %b = tensor.extract_slice %q[6, 0] [6, {columns}] [1, 1] : {whole} to {part}
  %1 = tensor.insert_slice %b into %q[0, 0] [6, {columns}] [1, 1] : {part} into {whole}
  %r = tensor.insert_slice %a into %1[6, 0] [6, {columns}] [1, 1] : {part} into {whole}"""

    def swap(x):
        y = x.copy()
        y[:6, :columns], y[6:12, :columns] = x[6:12, :columns], x[:6, :columns]
        return y

    check(tmp_path, name, (ROWS, COLUMNS), moves, swap)


@pytest.mark.parametrize("name, dim", [("rows", 0), ("mxfp4", 0), ("mxfp4", 1), ("asymmetric", 1), ("nested", 1), ("select", 0)])
def test_concat(tmp_path, name, dim):
    """The first part ends at a block boundary, the last one where it wants."""
    cut = ((6, COLUMNS), (ROWS, 64))[dim]
    shape = (ROWS + 6, COLUMNS) if dim == 0 else (ROWS, COLUMNS + 64)
    whole, part = tensor(ROWS, COLUMNS, name), tensor(*cut, name)
    moves = f"""%a = tensor.extract_slice %q[0, 0] [{cut[0]}, {cut[1]}] [1, 1] : {whole} to {part}
  %r = tensor.concat dim({dim}) %a, %q : ({part}, {whole}) -> {tensor(*shape, name)}"""
    check(tmp_path, name, shape, moves, lambda x: np.concatenate([x[: cut[0], : cut[1]], x], dim))


@pytest.mark.parametrize("name", ["square", "tensor"])
def test_transposition(tmp_path, name):
    result = tensor(COLUMNS, ROWS, name)
    moves = f"""%e = tensor.empty() : {result}
  %r = linalg.transpose ins(%q : {tensor(ROWS, COLUMNS, name)}) outs(%e : {result}) permutation = [1, 0]"""
    check(tmp_path, name, (COLUMNS, ROWS), moves, np.transpose)


def test_reshapes(tmp_path):
    """One scale for the tensor is one in any shape."""
    one = f"tensor<{ROWS * COLUMNS}xf32, {ENCODINGS['tensor']}>"
    two = tensor(ROWS, COLUMNS, "tensor")
    shape = (7, 2, COLUMNS)
    three = f"tensor<7x2x{COLUMNS}xf32, {ENCODINGS['tensor']}>"
    moves = f"""%1 = tensor.collapse_shape %q [[0, 1]] : {two} into {one}
  %2 = tensor.expand_shape %1 [[0, 1]] output_shape [{ROWS}, {COLUMNS}] : {one} into {two}
  %r = tensor.expand_shape %2 [[0, 1], [2]] output_shape [7, 2, {COLUMNS}] : {two} into {three}"""
    check(tmp_path, "tensor", shape, moves, lambda x: x.reshape(shape))


def test_sizes_at_run_time(tmp_path):
    """An empty tensor of the encoded type has as many scales as its sizes need."""
    whole, open_ = tensor(ROWS, COLUMNS, "square"), tensor("?", "?", "square")
    moves = f"""%m = arith.constant {ROWS} : index
  %n = arith.constant {COLUMNS} : index
  %c = tensor.cast %q : {whole} to {open_}
  %e = tensor.empty(%n, %m) : {open_}
  %t = linalg.transpose ins(%c : {open_}) outs(%e : {open_}) permutation = [1, 0]
  %r = tensor.cast %t : {open_} to {tensor(COLUMNS, ROWS, "square")}"""
    check(tmp_path, "square", (COLUMNS, ROWS), moves, np.transpose)
