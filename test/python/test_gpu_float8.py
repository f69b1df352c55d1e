# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Products of fp8 by wgmma on the simulator, from tensors with formats: odd sizes, both formats, scales of all kinds, constant
and other right factors, results of several types. Bit for bit what a model computes that adds up in the order of docs/Gpu.md,
and within the bound that stands there what exact arithmetic gives."""

from dataclasses import dataclass

import numpy as np
import pytest
from ptx_tools import check_assembled
from run_tools import run_mlir

from qfmt.tools import run_tool

TIER = ("--gpu=sim", "--gpu-chip=sm_90a", "--gpu-tier=wgmma")
PART = 128


def decode(codes: np.ndarray, element: str) -> np.ndarray:
    """Numbers of codes that are no NaN and no infinity."""
    bits, bias = (2, 15) if element == "f8E5M2" else (3, 7)
    magnitude = codes.astype(np.int64) & 0x7F
    exponent, mantissa = magnitude >> bits, magnitude & ((1 << bits) - 1)
    value = np.where(
        exponent == 0, mantissa * 2.0 ** (1 - bias - bits), ((1 << bits) + mantissa) * 2.0 ** (exponent - bias - bits)
    )
    return np.where(codes & 0x80, -value, value).astype(np.float32)


def make_codes(rng, shape, element: str) -> np.ndarray:
    most = 0x7B if element == "f8E5M2" else 0x7E
    return (rng.integers(0, most + 1, shape) | rng.integers(0, 2, shape) << 7).astype(np.uint8)


@dataclass(frozen=True)
class Product:
    """m x k times the transposed n x k, or k x n; scales of rows, or one for all."""

    m: int
    n: int
    k: int
    lhs: str = "f8E4M3FN"
    rhs: str = "f8E4M3FN"
    is_constant: bool = True
    is_transposed: bool = True
    per_row: bool = True
    bias: bool = False
    out: str = "f32"

    def make(self, seed: int):
        rng = np.random.default_rng(seed)
        rows = self.m if self.per_row else 1
        columns = self.n if self.per_row else 1
        x = make_codes(rng, (self.m, self.k), self.lhs)
        w = make_codes(rng, (self.n, self.k), self.rhs)
        # Results fit f16.
        xs = (2.0**-8 * (1 + rng.random((rows, 1)))).astype(np.float32)
        ws = (2.0 ** (-16 if self.rhs == "f8E5M2" else -8) * (1 + rng.random((columns, 1)))).astype(np.float32)
        if self.lhs == "f8E5M2":
            xs *= np.float32(2.0**-8)
        return x, xs, w, ws, rng.standard_normal(self.n).astype(np.float32)

    def emit(self, w, ws, bias) -> str:
        m = "?" if self.m % 2 else self.m
        n, k = self.n, self.k
        scale, one = f"tensor<{m if self.per_row else 1}x1xf32>", "block = [1, *], " if self.per_row else ""
        shape, turned = (f"{n}x{k}", "n, k") if self.is_transposed else (f"{k}x{n}", "k, n")
        wide = ("block = [1, *], " if self.is_transposed else "block = [*, 1], ") if self.per_row else ""
        count = n if self.per_row else 1
        ws_type = f"tensor<{count}x1xf32>" if self.is_transposed else f"tensor<1x{count}xf32>"
        x_type = f"tensor<{m}x{k}xf32, #qfmt.scaled<{self.lhs}, {one}scale = f32>>"
        w_type = f"tensor<{shape}xf32, #qfmt.scaled<{self.rhs}, {wide}scale = f32>>"
        stored = w if self.is_transposed else np.ascontiguousarray(w.T)
        weights = f'%w = arith.constant dense<"0x{stored.tobytes().hex()}"> : tensor<{shape}x{self.rhs}>'
        argument = "" if self.is_constant else f", %w: tensor<{shape}x{self.rhs}>"
        plain = f"tensor<{m}x{n}xf32>"
        start = "linalg.fill ins(%zero : f32)"
        if self.bias:
            start = f"linalg.broadcast ins(%bias : tensor<{n}xf32>)"
        init = f"%i = {start} outs(%e : {plain})" + (" dimensions = [0]" if self.bias else f" -> {plain}")
        convert, result, out = "", "%r", plain
        if self.out == "i8":
            form = '#qfmt.scaled<f8E4M3FN, scale = f32>'
            convert = f"""%one = arith.constant dense<0.5> : tensor<1x1xf32>
  %q = qfmt.quantize %r given(%one : tensor<1x1xf32>) : {plain} to tensor<{m}x{n}xf32, {form}>
  %y, %s = qfmt.constituents %q : tensor<{m}x{n}xf32, {form}> to tensor<{m}x{n}xf8E4M3FN>, tensor<1x1xf32>"""
            result, out = "%y", f"tensor<{m}x{n}xf8E4M3FN>"
        elif self.out != "f32":
            out = f"tensor<{m}x{n}x{self.out}>"
            convert, result = f"%y = arith.truncf %r : {plain} to {out}", "%y"
        return f"""func.func @main(%x: tensor<{m}x{k}x{self.lhs}>, %xs: {scale}{argument}) -> {out} {{
  {weights if self.is_constant else ""}
  %ws = arith.constant dense<"0x{ws.tobytes().hex()}"> : {ws_type}
  %bias = arith.constant dense<"0x{bias.tobytes().hex()}"> : tensor<{n}xf32>
  %xe = qfmt.assemble %x, %xs : tensor<{m}x{k}x{self.lhs}>, {scale} to {x_type}
  %we = qfmt.assemble %w, %ws : tensor<{shape}x{self.rhs}>, {ws_type} to {w_type}
  %zero = arith.constant 0.0 : f32
  %c0 = arith.constant 0 : index
  %rows = tensor.dim %x, %c0 : tensor<{m}x{k}x{self.lhs}>
  %e = tensor.empty({"%rows" if m == "?" else ""}) : {plain}
  {init}
  %r = linalg.matmul
    indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> ({turned})>, affine_map<(m, n, k) -> (m, n)>]
    ins(%xe, %we : {x_type}, {w_type}) outs(%i : {plain}) -> {plain}
  {convert}
  return {result} : {out}
}}
"""

    def compute(self, x, xs, w, ws, bias) -> np.ndarray:
        """In the order of the kernel."""
        a, b = decode(x, self.lhs), decode(w, self.rhs)
        total = np.zeros((self.m, self.n), np.float32)
        for first in range(0, self.k, PART):
            part = np.zeros_like(total)
            for k in range(first, min(first + PART, self.k)):
                part = part + a[:, k, None] * b[None, :, k]
            total = total + part
        total = total * ws.reshape(1, -1) * xs
        return bias + total if self.bias else total

    def check_bound(self, result, x, xs, w, ws, bias):
        a, b = (decode(codes, e).astype(np.float64) * s for codes, e, s in ((x, self.lhs, xs), (w, self.rhs, ws)))
        exact, magnitude = a @ b.T, abs(a) @ abs(b).T
        if self.bias:
            exact, magnitude = exact + bias, magnitude + abs(bias)
        roundings = min(self.k, PART) + -(-self.k // PART) + 3
        assert (abs(result - exact) <= roundings * 2.0**-24 * magnitude).all()


def check(tmp_path, product: Product):
    x, xs, w, ws, bias = product.make(seed=product.m + product.n + product.k)
    path = tmp_path / "main.mlir"
    path.write_text(product.emit(w, ws, bias))
    inputs = [x, xs]
    if not product.is_constant:
        inputs.append(w if product.is_transposed else np.ascontiguousarray(w.T))
    result = run_mlir(path, inputs, 1, *TIER)[0]
    expected = product.compute(x, xs, w, ws, bias)
    product.check_bound(expected, x, xs, w, ws, bias)
    if product.out == "f16":
        expected = expected.astype(np.float16)
    elif product.out == "bf16":
        bits = expected.view(np.uint32)
        expected = ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype(np.uint16)
        result = result.view(np.uint16)
    elif product.out == "i8":
        # The CPU rounds the same sums.
        source, sums = tmp_path / "quantize.mlir", expected
        form = "#qfmt.scaled<f8E4M3FN, scale = f32>"
        kind = f"{product.m}x{product.n}"
        source.write_text(f"""func.func @main(%r: tensor<{kind}xf32>) -> tensor<{kind}xf8E4M3FN> {{
  %one = arith.constant dense<0.5> : tensor<1x1xf32>
  %q = qfmt.quantize %r given(%one : tensor<1x1xf32>) : tensor<{kind}xf32> to tensor<{kind}xf32, {form}>
  %y, %s = qfmt.constituents %q : tensor<{kind}xf32, {form}> to tensor<{kind}xf8E4M3FN>, tensor<1x1xf32>
  return %y : tensor<{kind}xf8E4M3FN>
}}
""")
        expected = run_mlir(source, [sums], 1)[0]
    np.testing.assert_array_equal(result.view(f"u{result.itemsize}"), expected.view(f"u{expected.itemsize}"))
    return path


SIZES = [1, 3, 17, 31, 33, 63, 65, 127]
FORMATS = [(a, b) for a in ("f8E4M3FN", "f8E5M2") for b in ("f8E4M3FN", "f8E5M2")]


@pytest.mark.parametrize("i", range(len(SIZES)))
@pytest.mark.parametrize("step", (1, 3, 5))
def test_odd_sizes(tmp_path, i, step):
    """Each size in each dimension; rows that tensor maps cannot describe are copied first."""
    m, n, k = SIZES[i], SIZES[(i + step) % 8], SIZES[(3 * i + step) % 8]
    lhs, rhs = FORMATS[(i + step) % 4]
    check(tmp_path, Product(m, n, k, lhs, rhs, is_constant=i % 2 == 0, is_transposed=i % 3 != 0, per_row=step != 3))


@pytest.mark.parametrize("formats", FORMATS, ids="x".join)
@pytest.mark.parametrize("out", ("f32", "f16", "bf16", "i8"))
def test_results(tmp_path, formats, out):
    check(tmp_path, Product(66, 40, 400, *formats, bias=True, out=out))


@pytest.mark.parametrize("is_transposed", (False, True))
@pytest.mark.parametrize("k", (272, 385))
def test_two_variables(tmp_path, k, is_transposed):
    check(tmp_path, Product(70, 48, k, is_constant=False, is_transposed=is_transposed))


def test_one_kernel(tmp_path):
    """Scales, bias and conversion are computed with the sums in registers; without the tier sums have their own order."""
    product = Product(64, 64, 256, bias=True, out="f16")
    _, _, w, ws, bias = product.make(seed=1)
    source, ptx = tmp_path / "main.mlir", tmp_path / "main.ptx"
    source.write_text(product.emit(w, ws, bias))
    run_tool("qfmt-run", source, "--gpu=cuda", *TIER[1:], "--emit=kernels", "-o", ptx)
    text = ptx.read_text()
    assert text.count(".visible .entry") == 1
    assert "k32.f32.e4m3.e4m3" in text
    run_tool("qfmt-run", source, "--gpu=cuda", TIER[1], "--emit=kernels", "-o", ptx)
    assert "mma" not in ptx.read_text()
    check_assembled(text, "sm_90a", tmp_path)
