# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Integer-only attention whose keys and values are arguments with packed codes of few bits: the simulator's output is that of the
code for CPUs and of the reference evaluator, and products read the packed bytes where they can."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from ptx_tools import CHIPS, check_assembled
from run_tools import run_mlir, run_text
from test_gpu import needs_library
from test_packing import tensor

from qfmt import packing
from qfmt.tools import find_tool, run_tool

FULL = "affine_map<(h, i, j) -> (h, i, j)>"
ROWS = "affine_map<(h, i, j) -> (h, i)>"


@dataclass
class Attention:
    heads: int
    queries: int
    tokens: int
    channels: int
    keys: str = "i4"
    values: str = "i4"
    shares: str = "ui8, scale = 0.00390625"

    def shape(self, *sizes: int) -> str:
        return tensor((self.heads, *sizes), "f32")

    def encoded(self, sizes: tuple[int, ...], scaled: str) -> str:
        return f"{self.shape(*sizes)[:-1]}, #qfmt.scaled<{scaled}>>"

    def generic(self, name: str, body: str, inputs: list[tuple[str, str]], init: str, is_sum: bool = False) -> str:
        """`inputs` are values of scores' or of rows' shape with their types."""
        out = self.shape(self.queries) if is_sum else self.shape(self.queries, self.tokens)
        maps = [FULL if f"x{self.queries}x{self.tokens}x" in type_ else ROWS for _, type_ in inputs]
        maps.append(ROWS if is_sum else FULL)
        names, types = (", ".join(column) for column in zip(*inputs))
        arguments = ", ".join(f"%a{i}: f32" for i in range(len(inputs)))
        last = '"reduction"' if is_sum else '"parallel"'
        return f"""
  {name} = linalg.generic {{indexing_maps = [{", ".join(maps)}], iterator_types = ["parallel", "parallel", {last}]}}
      ins({names} : {types}) outs({init} : {out}) {{
  ^bb0({arguments}, %o: f32):
{body}
    linalg.yield %r : f32
  }} -> {out}"""

    def softmax(self, scores: str) -> str:
        full, rows = self.shape(self.queries, self.tokens), self.shape(self.queries)
        return "".join([
            self.generic("%max", "    %r = arith.maximumf %o, %a0 : f32", [("%scores", scores)], "%least", True),
            self.generic("%exp", "    %d = arith.subf %a0, %a1 : f32\n    %r = math.exp %d : f32",
                         [("%scores", scores), ("%max", rows)], "%e"),
            self.generic("%sum", "    %r = arith.addf %o, %a0 : f32", [("%exp", full)], "%none", True),
            self.generic("%quotients", "    %r = arith.divf %a0, %a1 : f32", [("%exp", full), ("%sum", rows)], "%e"),
        ])  # fmt: skip

    def real(self) -> str:
        """softmax(q k^T / sqrt(channels)) v in float, with arguments and intermediate tensors that have formats."""
        queries, tokens = (self.queries, self.channels), (self.tokens, self.channels)
        square, rows, full = (self.queries, self.tokens), self.shape(self.queries), self.shape(self.queries, self.tokens)
        q, y = (self.encoded(queries, f"i8, scale = {scale}") for scale in (0.03, 0.02))
        k, v = self.encoded(tokens, f"{self.keys}, scale = 0.2"), self.encoded(tokens, f"{self.values}, scale = 0.1")
        scores, shares = self.encoded(square, "i8, scale = 0.04"), self.encoded(square, self.shares)
        mixed = self.shape(*queries)
        return f"""
func.func @main(%q: {q}, %k: {k}, %v: {v}) -> {y} {{
  %zero = arith.constant 0.0 : f32
  %lowest = arith.constant 0xFF800000 : f32
  %factor = arith.constant {self.channels**-0.5:.8f} : f32
  %e = tensor.empty() : {full}
  %er = tensor.empty() : {rows}
  %em = tensor.empty() : {mixed}
  %zeros = linalg.fill ins(%zero : f32) outs(%e : {full}) -> {full}
  %none = linalg.fill ins(%zero : f32) outs(%er : {rows}) -> {rows}
  %least = linalg.fill ins(%lowest : f32) outs(%er : {rows}) -> {rows}
  %start = linalg.fill ins(%zero : f32) outs(%em : {mixed}) -> {mixed}
  %products = linalg.batch_matmul indexing_maps = [affine_map<(h, i, j, c) -> (h, i, c)>, affine_map<(h, i, j, c) -> (h, j, c)>,
      affine_map<(h, i, j, c) -> (h, i, j)>] ins(%q, %k : {q}, {k}) outs(%zeros : {full}) -> {full}
{self.generic("%scaled", "    %r = arith.mulf %a0, %factor : f32", [("%products", full)], "%e")}
  %scores = qfmt.quantize %scaled : {full} to {scores}
{self.softmax(scores)}
  %shares = qfmt.quantize %quotients : {full} to {shares}
  %mixed = linalg.batch_matmul ins(%shares, %v : {shares}, {v}) outs(%start : {mixed}) -> {mixed}
  %y = qfmt.quantize %mixed : {mixed} to {y}
  return %y : {y}
}}
"""

    def write_integers(self, path: Path) -> None:
        """Integer-only, with packed arguments, and without the function on floats beside it."""
        path.write_text(self.real())
        options = ["--qfmt-integerize", "--qfmt-pack-storage=boundaries", "--symbol-privatize=exclude=main", "--symbol-dce"]
        path.write_bytes(run_tool("qfmt-opt", path, *options))

    def make_inputs(self) -> list[np.ndarray]:
        """All codes of queries, and bytes with all pairs of codes."""
        random = np.random.default_rng(5)
        inputs = [random.integers(-128, 128, (self.heads, self.queries, self.channels))]
        for format_ in (self.keys, self.values):
            codes = self.heads * self.tokens * self.channels
            inputs.append(random.integers(-128, 128, packing.packed_size(codes, int(format_.lstrip("ui")))))
        return [array.astype(np.int8) for array in inputs]


def compile_for_gpu(path: Path, *options: str) -> subprocess.CompletedProcess:
    command = [find_tool("qfmt-opt"), path, "--qfmt-compile-for-gpu=runtime=sim chip=sm_80", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done


def find_products(path: Path) -> list[str]:
    """What the products on tensor cores say of their right factors, and `unpack` for each kernel that unpacks codes."""
    done = compile_for_gpu(path, "--mlir-print-ir-after=qfmt-fuse-variable-products", "-o", "/dev/null")
    text = done.stderr
    found = re.findall(r"qfmt_gpu\.product %\w+(?: unsigned)? \* %\w+ ?(.*?) ?(?:with|into)", text)
    used = [name for name in re.findall(r"(%\w+) = qfmt_gpu\.unpack", text) if len(re.findall(rf"{name}\b", text)) > 1]
    return found + ["unpack"] * len(used)


ATTENTION = [
    (Attention(2, 5, 12, 8), ["bits 4", "by_terms bits 4"]),
    (Attention(3, 17, 33, 14, keys="ui4", values="ui4"), ["unsigned bits 4", "unsigned by_terms bits 4"]),
    (Attention(2, 37, 65, 40, keys="i4", values="ui4"), ["bits 4", "unsigned by_terms bits 4"]),
    (Attention(1, 1, 1, 2), ["bits 4", "by_terms bits 4"]),
    # Several parts of terms, and blocks that are not full.
    (Attention(2, 70, 150, 272), ["bits 4", "by_terms bits 4"]),
    # Rows do not begin at whole bytes.
    (Attention(3, 5, 7, 7), ["", "by_terms", "unpack", "unpack"]),
    # Codes of other widths, in one byte and in two.
    (Attention(2, 5, 9, 6, keys="i2", values="i3"), ["", "by_terms", "unpack", "unpack"]),
    (Attention(2, 5, 9, 6, keys="ui5", values="i6"), ["unsigned", "by_terms", "unpack", "unpack"]),
]


@pytest.mark.parametrize("attention, products", ATTENTION, ids=lambda value: str(vars(value)) if isinstance(value, Attention) else "")
def test_attention(tmp_path, attention, products):
    needs_library("sim")
    path = tmp_path / "attention.mlir"
    attention.write_integers(path)
    inputs = attention.make_inputs()
    (expected,) = run_mlir(path, inputs, 1)
    assert expected.shape == (attention.heads, attention.queries, attention.channels)
    # The numbers say something.
    assert len(np.unique(expected)) > min(12, expected.size // 2)
    for option in ("--engine=reference", "--gpu=sim"):
        (found,) = run_mlir(path, inputs, 1, option)
        np.testing.assert_array_equal(found, expected, option)
    assert find_products(path) == products


def test_other_chips(tmp_path):
    """Without tensor cores kernels unpack the codes."""
    needs_library("sim")
    path = tmp_path / "attention.mlir"
    attention = Attention(2, 5, 12, 8)
    attention.write_integers(path)
    inputs = attention.make_inputs()
    (expected,) = run_mlir(path, inputs, 1)
    for option in ("--gpu-tier=portable", "--gpu-chip=sm_75"):
        (found,) = run_mlir(path, inputs, 1, "--gpu=sim", option)
        np.testing.assert_array_equal(found, expected, option)


def test_shares_of_16_bits(tmp_path):
    """No instruction multiplies them by codes of 4 bits, so that a kernel of loops does."""
    needs_library("sim")
    path = tmp_path / "attention.mlir"
    attention = Attention(2, 5, 12, 8, shares="ui16, scale = 1.52587890625e-05")
    attention.write_integers(path)
    inputs = attention.make_inputs()
    (expected,) = run_mlir(path, inputs, 1)
    (found,) = run_mlir(path, inputs, 1, "--gpu=sim")
    np.testing.assert_array_equal(found, expected)
    assert find_products(path) == ["bits 4", "unpack"]


@pytest.mark.parametrize("chip", CHIPS)
def test_ptx(tmp_path, chip):
    path = tmp_path / "attention.mlir"
    for attention, _ in (ATTENTION[1], ATTENTION[4]):
        attention.write_integers(path)
        code = tmp_path / "kernels.ptx"
        run_tool("qfmt-run", path, "--gpu=cuda", f"--gpu-chip={chip}", "--emit=kernels", "-o", code)
        ptx = code.read_text()
        right = "u8" if attention.keys == "ui4" else "s8"
        for left in ("s8", "u8"):
            assert f"mma.sync.aligned.m16n8k32.row.col.s32.{left}.{right}.s32" in ptx
        check_assembled(ptx, chip, tmp_path)


SHAPES = [(1,), (7,), (9,), (33,), (5, 7), (3, 1, 11), (320,), (643,)]


@pytest.mark.parametrize("width, base3", [(width, False) for width in range(1, 8)] + [(2, True)])
def test_unpack(tmp_path, width, base3):
    """Every byte has a meaning in base 3; bits behind the last code have none."""
    needs_library("sim")
    sizes = [packing.packed_size(int(np.prod(shape)), width, base3=base3) for shape in SHAPES]
    data = [(np.arange(size) * 7 % 256).astype(np.uint8) for size in sizes]
    packed, codes = [tensor((size,), "i8") for size in sizes], [tensor(shape, f"i{width}") for shape in SHAPES]
    how = "packing = base3 " if base3 else ""
    lines = [f"  %c{i} = qfmt.unpack %b{i} {how}: {b} to {c}" for i, (b, c) in enumerate(zip(packed, codes))]
    arguments = ", ".join(f"%b{i}: {b}" for i, b in enumerate(packed))
    results = ", ".join(f"%c{i}" for i in range(len(codes)))
    types = ", ".join(codes)
    text = f"func.func @main({arguments}) -> ({types}) {{\n" + "\n".join(lines) + f"\n  return {results} : {types}\n}}\n"
    inputs = [d.view(np.int8) for d in data]
    expected = run_text(tmp_path, text, inputs, len(SHAPES))
    found = run_mlir(tmp_path / "main.mlir", inputs, len(SHAPES), "--gpu=sim")
    for shape, bytes_, e, f in zip(SHAPES, data, expected, found):
        np.testing.assert_array_equal(f, e, str(shape))
        codes = packing.unpack(bytes_, shape, width, base3=base3)
        np.testing.assert_array_equal(f.astype(np.int64) % (1 << width), codes.astype(np.int64) % (1 << width), str(shape))
