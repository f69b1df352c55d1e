# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""PTX of products on tensor cores: the instructions that it is to have, for every block, and what ptxas says of it where it is
there: nothing spilled, nothing emulated."""

import re
import subprocess

import pytest
from ptx_tools import CHIPS, check_assembled

from qfmt.tools import find_tool

BLOCKS = [(128, 256), (128, 128), (64, 128), (64, 64), (32, 128), (32, 64), (16, 128), (16, 64), (16, 32)]
WGMMA_BLOCKS = [(128, 256), (128, 128), (64, 256), (64, 128), (128, 64), (64, 64), (64, 32), (64, 16)]

TO_KERNELS = (
    "qfmt-set-gpu-target{{chip={chip}}},one-shot-bufferize{{bufferize-function-boundaries "
    "function-boundary-type-conversion=identity-layout-map}},canonicalize,qfmt-products-to-kernels{{tier={tier} "
    "block-rows={rows} block-columns={columns}}},canonicalize,cse,gpu-launch-sink-index-computations,gpu-kernel-outlining,"
    "canonicalize,cse"
)
TO_PTX = (
    "qfmt-attach-gpu-target,gpu.module(convert-scf-to-cf,convert-gpu-to-nvvm{use-bare-ptr-memref-call-conv},convert-nvvm-to-llvm,"
    "canonicalize,cse,reconcile-unrealized-casts),gpu-module-to-binary{format=isa}"
)

# Requantization by a number a column in 64 bits, and an addend: much to do while all sums are in registers.
BODY = """
  ^bb0(%s: i32, %b: i32, %m: i32, %h: i8, %a: i8):
    %0 = arith.addi %s, %b : i32
    %1 = arith.extsi %0 : i32 to i64
    %2 = arith.extsi %m : i32 to i64
    %3 = arith.extui %h : i8 to i64
    %4 = arith.muli %1, %2 : i64
    %5 = arith.shrsi %4, %3 : i64
    %6 = arith.trunci %5 : i64 to i32
    %7 = arith.extsi %a : i8 to i32
    %8 = arith.addi %6, %7 : i32
    %lo = arith.constant -128 : i32
    %hi = arith.constant 127 : i32
    %9 = arith.maxsi %8, %lo : i32
    %10 = arith.minsi %9, %hi : i32
    %11 = arith.trunci %10 : i32 to i8
    qfmt_gpu.yield %11 : i8
"""


def make_product(m: str, n: int, k: int) -> str:
    padded = (k + 15) // 16 * 16
    out = f"tensor<{m}x{n}xi8>"
    return f"""
func.func @main(%x: tensor<{m}x{k}xi8>, %w: tensor<{n}x{padded}xi8>, %xb: tensor<{n}xi32>, %xm: tensor<{n}xi32>,
                %xh: tensor<{n}xi8>, %xa: {out}, %out: {out}) -> {out} {{
  %r = qfmt_gpu.product %x * %w unsigned with %xb, %xm, %xh, %xa : tensor<{n}xi32>, tensor<{n}xi32>, tensor<{n}xi8>, {out}
    maps [affine_map<(m, n) -> (n)>, affine_map<(m, n) -> (n)>, affine_map<(m, n) -> (n)>, affine_map<(m, n) -> (m, n)>]
    into %out {{{BODY}
  }} : tensor<{m}x{k}xi8>, tensor<{n}x{padded}xi8>, {out} -> {out}
  return %r : {out}
}}
"""


# Scales of rows and columns, bias, and rounding.
FLOAT8_BODY = """
  ^bb0(%s: f32, %c: f32, %r: f32, %b: f32):
    %0 = arith.mulf %s, %c : f32
    %1 = arith.mulf %0, %r : f32
    %2 = arith.addf %1, %b : f32
    %3 = arith.truncf %2 : f32 to f16
    qfmt_gpu.yield %3 : f16
"""


def make_float8_product(m: str, n: int, k: int) -> str:
    out = f"tensor<{m}x{n}xf16>"
    return f"""
func.func @main(%x: tensor<{m}x{k}xi8>, %w: tensor<{n}x{k}xi8>, %xc: tensor<{n}xf32>, %xs: tensor<{m}xf32>,
                %xb: tensor<{n}xf32>, %out: {out}) -> {out} {{
  %r = qfmt_gpu.product %x as f8E4M3FN * %w as f8E5M2 with %xc, %xs, %xb : tensor<{n}xf32>, tensor<{m}xf32>, tensor<{n}xf32>
    maps [affine_map<(m, n) -> (n)>, affine_map<(m, n) -> (m)>, affine_map<(m, n) -> (n)>]
    into %out {{{FLOAT8_BODY}
  }} : tensor<{m}x{k}xi8>, tensor<{n}x{k}xi8>, {out} -> {out}
  return %r : {out}
}}
"""


def make_ptx(text: str, chip: str, rows: int, columns: int, tier: str = "mma") -> str:
    pipeline = TO_KERNELS.format(chip=chip, rows=rows, columns=columns, tier=tier) + "," + TO_PTX
    command = [find_tool("qfmt-opt"), f"--pass-pipeline=builtin.module({pipeline})"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (code,) = re.findall(r'assembly = "(.*?)"', done.stdout, re.DOTALL)
    return re.sub(r"\\([0-9A-F]{2})", lambda match: chr(int(match[1], 16)), code).rstrip("\0")


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: f"{block[0]}x{block[1]}")
@pytest.mark.parametrize("sizes", [("4096", 1024, 4096), ("?", 1000, 300), ("77", 33, 17)], ids=["whole", "tails", "odd"])
@pytest.mark.parametrize("chip", CHIPS)
def test_ptx(tmp_path, chip, block, sizes):
    if block == (128, 256) and sizes[0] != "4096":
        pytest.skip("is chosen for whole blocks only")
    ptx = make_ptx(make_product(*sizes), chip, *block)
    assert "mma.sync.aligned.m16n8k32.row.col.s32.s8.u8.s32" in ptx
    assert "ldmatrix.sync.aligned.m8n8.x4.shared.b16" in ptx
    assert "cp.async.cg.shared.global" in ptx
    assert "satfinite" not in ptx
    assert ".extern .func" not in ptx
    check_assembled(ptx, chip, tmp_path)


def make_variable_product(rows: int, n: int, k: int, element: str, order: str) -> str:
    """Two batches, with initial values and a residual."""
    width = {"": f"{n}x{k}", "by_terms": f"{k}x{n}", "bits 4": f"{n}x{k // 2}", "by_terms bits 4": f"{k}x{n // 2}"}[order]
    sums = "i64" if element == "i16" else "i32"
    lhs, rhs, out = f"tensor<{rows}x{k}x{element}>", f"tensor<2x{width}x{element}>", f"tensor<{rows}x{n}xi16>"
    return f"""
func.func @main(%x: {lhs}, %y: {rhs}, %a: {out}, %out: {out}) -> {out} {{
  %r = qfmt_gpu.product %x * %y {order} with %a : {out} maps [affine_map<(m, n) -> (m, n)>] into %out {{
  ^bb0(%s: {sums}, %b: i16):
    %0 = arith.extsi %b : i16 to {sums}
    %1 = arith.addi %s, %0 : {sums}
    %c9 = arith.constant 9 : {sums}
    %2 = arith.shrsi %1, %c9 : {sums}
    %3 = arith.trunci %2 : {sums} to i16
    qfmt_gpu.yield %3 : i16
  }} : {lhs}, {rhs}, {out} -> {out}
  return %r : {out}
}}
"""


@pytest.mark.parametrize("order", ["", "by_terms", "bits 4", "by_terms bits 4"], ids=lambda order: order or "by_columns")
@pytest.mark.parametrize("element", ["i8", "i16"])
@pytest.mark.parametrize("sizes", [(2048, 512, 1024), (154, 66, 90)], ids=["whole", "odd"])
@pytest.mark.parametrize("chip", CHIPS)
def test_variable_ptx(tmp_path, chip, order, element, sizes):
    if element == "i16" and "bits" in order:
        pytest.skip("codes of 4 bits are multiplied by bytes")
    ptx = make_ptx(make_variable_product(*sizes, element, order), chip, 0, 0)
    assert "mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32" in ptx
    assert ("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16" in ptx) == ("by_terms" in order)
    check_assembled(ptx, chip, tmp_path)


@pytest.mark.parametrize("block", WGMMA_BLOCKS, ids=lambda block: f"{block[0]}x{block[1]}")
@pytest.mark.parametrize("sizes", [("4096", 1024, 4096), ("?", 1000, 304), ("77", 33, 16)], ids=["whole", "tails", "odd"])
def test_wgmma_ptx(tmp_path, block, sizes):
    ptx = make_ptx(make_product(*sizes), "sm_90a", *block, tier="wgmma")
    assert f"wgmma.mma_async.sync.aligned.m64n{block[1]}k32.s32.s8.u8 " in ptx
    assert "cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes" in ptx
    assert len(re.findall(r"fence\.proxy\.tensormap::generic\.acquire\.sys", ptx)) == 2
    assert "satfinite" not in ptx
    check_assembled(ptx, "sm_90a", tmp_path)


@pytest.mark.parametrize("block", WGMMA_BLOCKS, ids=lambda block: f"{block[0]}x{block[1]}")
@pytest.mark.parametrize("sizes", [("4096", 1024, 4096), ("?", 1000, 304), ("77", 33, 16)], ids=["whole", "tails", "odd"])
def test_float8_ptx(tmp_path, block, sizes):
    """At most 128 columns at a time; each part of 128 terms, four instructions, begins at 0 and is awaited."""
    ptx = make_ptx(make_float8_product(*sizes), "sm_90a", *block, tier="wgmma")
    columns = min(block[1], 128)
    products = re.findall(r"setp\.ne\.b32 p, ([01]), 0;\s*wgmma\.mma_async\.sync\.aligned\.m64n(\d+)k32\.f32\.e4m3\.e5m2 ", ptx)
    # LLVM unrolls loops of few parts.
    count = len(products) // 4
    assert count > 0 and count % (block[1] // columns) == 0
    assert products == [(starts, str(columns)) for _ in range(count) for starts in "0111"]
    assert len(re.findall(r"wgmma\.wait_group\.sync\.aligned\s+0;", ptx)) == count
    assert ".extern .func" not in ptx
    check_assembled(ptx, "sm_90a", tmp_path)


def test_wide_stores():
    ptx = make_ptx(make_product("4096", 1024, 4096), "sm_80", 128, 256)
    assert len(re.findall(r"st\.global\.v4\.b32", ptx)) == 8
    assert not re.findall(r"st\.global\.b8", ptx)
