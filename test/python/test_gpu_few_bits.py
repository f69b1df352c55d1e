# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Products with weights of few bits on the simulator of GPUs, odd sizes and all kinds of codes: bit for bit what a model
computes that adds up in the order of the kernel, and within the bound of f32 sums what exact arithmetic gives."""

import math
from dataclasses import dataclass

import numpy as np
import pytest
from ptx_tools import CHIPS, check_assembled
from run_tools import run_mlir

from qfmt.tools import run_tool

E2M1 = [0, 0.5, 1, 1.5, 2, 3, 4, 6, -0.0, -0.5, -1, -1.5, -2, -3, -4, -6]
ODD_NUMBERS = [-11, -9, -7, -5, -3, -1, 1, 3, 5, 7, 9, 11]


@dataclass(frozen=True)
class Weights:
    """A format, the numbers of its codes as multiples of `unit`, and the bits that its codes get."""

    element: str
    scale: str
    block: int  # 0: one scale for all
    integers: tuple
    unit: float
    bits: int
    table: bool = False


FORMATS = {
    "int4_g32": Weights("i4", "f16", 32, tuple(range(-8, 8)), 1, 4),
    "int4_g128": Weights("i4", "f16", 128, tuple(range(-8, 8)), 1, 4),
    "int4_g48": Weights("i4", "f16", 48, tuple(range(-8, 8)), 1, 4),
    "int4_g24": Weights("i4", "f16", 24, tuple(range(-8, 8)), 1, 4),
    "mxfp4": Weights("f4E2M1FN", "f8E8M0FNU", 32, tuple(int(2 * v) for v in E2M1), 0.5, 4, True),
    "nvfp4": Weights("f4E2M1FN", "#qfmt.scaled<f8E4M3FN, scale = f32>", 16, tuple(int(2 * v) for v in E2M1), 0.5, 4, True),
    "ternary_g64": Weights("!qfmt.int<i2, -1, 1>", "f16", 64, (-1, 0, 1), 1, 2),
    "ternary": Weights("!qfmt.int<i2, -1, 1>", "f32", 0, (-1, 0, 1), 1, 2),
    "int6_g32": Weights("i6", "f16", 32, tuple(range(-32, 32)), 1, 8),
    "int8_g32": Weights("i8", "f16", 32, tuple(range(-128, 128)), 1, 8),
    "odd_g64": Weights("i8", "f16", 64, tuple(ODD_NUMBERS), 1, 4, True),
}


def get_codes(weights: Weights, numbers: np.ndarray, rng) -> np.ndarray:
    """One byte a code; zero has two codes in E2M1."""
    if weights.element.startswith("f4"):
        table = [int(2 * v) for v in E2M1]
        codes = np.array([table.index(n) for n in numbers.ravel()], np.uint8).reshape(numbers.shape)
        return np.where((codes == 0) & (rng.random(codes.shape) < 0.5), 8, codes).astype(np.uint8)
    width = 2 if "i2" in weights.element else int(weights.element[1:])
    return (numbers & ((1 << width) - 1)).astype(np.uint8)


class Product:
    """activations (m x k, f16, bf16 or bytes with a scale for each row) times weights (n x k)."""

    def __init__(self, name: str, m: int, n: int, k: int, kind: str, seed: int):
        self.weights, self.m, self.n, self.k, self.kind = FORMATS[name], m, n, k, kind
        rng = np.random.default_rng(seed)
        self.dynamic = m % 2 == 1
        self.block = self.weights.block or k
        self.groups = math.ceil(k / self.block)
        if self.groups == 1:
            self.block = k
        self.integers = rng.choice(np.array(self.weights.integers), (n, k))
        self.codes = get_codes(self.weights, self.integers, rng)
        self.make_scales(rng)
        if kind == "i8":
            self.x = rng.integers(-128, 128, (m, k)).astype(np.int8)
            # Powers of two, so that it does not matter when they are multiplied.
            self.row_scales = np.exp2(rng.integers(-6, 2, (m, 1))).astype(np.float32)
        else:
            self.x = rng.standard_normal((m, k)).astype(np.float16)
            if kind == "bf16":
                bits = self.x.astype(np.float32).view(np.uint32) & 0xFFFF0000
                self.x = bits.view(np.float32)
            self.row_scales = np.ones((m, 1), np.float32)

    def make_scales(self, rng):
        shape = (self.n, self.groups)
        scale = self.weights.scale
        self.outer = np.float32(1)
        if scale == "f16":
            self.scales = (0.01 + rng.random(shape)).astype(np.float16)
        elif scale == "f8E8M0FNU":
            self.scales = rng.integers(120, 130, shape).astype(np.uint8)
        elif scale == "f32":
            self.scales = np.array([[0.25]], np.float32)
        else:
            self.scales = rng.integers(0x20, 0x70, shape).astype(np.uint8)
            self.outer = np.float32(0.5)

    def get_scales(self) -> np.ndarray:
        """n x groups, of the integers."""
        scale = self.weights.scale
        if scale == "f8E8M0FNU":
            values = np.exp2(self.scales.astype(np.float64) - 127)
        elif scale.startswith("#"):
            exponent, mantissa = self.scales >> 3, self.scales & 7
            values = np.exp2(exponent.astype(np.float64) - 7) * (1 + mantissa / 8)
        else:
            values = np.broadcast_to(self.scales.astype(np.float64), (self.n, self.groups))
        return (values * self.weights.unit).astype(np.float32)

    # MLIR

    def emit(self, name: str) -> str:
        m, n, k, w = self.m, self.n, self.k, self.weights
        block = f"block = [1, {w.block}], " if w.block else ""
        encoded = f"tensor<{n}x{k}xf32, #qfmt.scaled<{w.element}, {block}scale = {w.scale}>>"
        element = "i2" if "i2" in w.element else w.element
        scale = "f8E4M3FN" if w.scale.startswith("#") else w.scale
        size = "x".join(map(str, self.scales.shape))
        constants = [(f"tensor<{n}x{k}x{element}>", self.codes), (f"tensor<{size}x{scale}>", self.scales)]
        if self.outer != 1:
            constants.append(("tensor<1x1xf32>", np.array([[self.outer]], np.float32)))
        lines, names, types = [], [], []
        for i, (type_, data) in enumerate(constants):
            lines.append(f'%c{i} = arith.constant dense<"0x{data.tobytes().hex()}"> : {type_}')
            names.append(f"%c{i}")
            types.append(type_)
        rows = "?" if self.dynamic else m
        plain = f"tensor<{rows}x{k}xf32>"
        if self.kind == "i8":
            arguments = f"%x: tensor<{rows}x{k}xi8>, %s: tensor<{rows}x1xf32>"
            type_ = f"tensor<{rows}x{k}xf32, #qfmt.scaled<i8, block = [1, *], scale = f32>>"
            lines.append(f"%a = qfmt.assemble %x, %s : tensor<{rows}x{k}xi8>, tensor<{rows}x1xf32> to {type_}")
        else:
            arguments = f"%x: tensor<{rows}x{k}x{self.kind}>"
            type_ = plain
            lines.append(f"%a = arith.extf %x : tensor<{rows}x{k}x{self.kind}> to {plain}")
        out = f"tensor<{rows}x{n}xf32>"
        body = "\n  ".join(lines)
        return f"""func.func @{name}({arguments}) -> {out} {{
  {body}
  %w = qfmt.assemble {", ".join(names)} : {", ".join(types)} to {encoded}
  %zero = arith.constant 0.0 : f32
  %c0i = arith.constant 0 : index
  %rows = tensor.dim %x, %c0i : tensor<{rows}x{k}x{self.kind}>
  %e = tensor.empty({"%rows" if self.dynamic else ""}) : {out}
  %i = linalg.fill ins(%zero : f32) outs(%e : {out}) -> {out}
  %r = linalg.matmul indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>]
    ins(%a, %w : {type_}, {encoded}) outs(%i : {out}) -> {out}
  return %r : {out}
}}
"""

    # The model

    def get_groups(self, matrix: np.ndarray) -> np.ndarray:
        """rows x groups x terms, the terms a multiple of 16, filled up with zeros."""
        padded = np.zeros((matrix.shape[0], self.groups * self.block), matrix.dtype)
        padded[:, : self.k] = matrix
        grouped = padded.reshape(matrix.shape[0], self.groups, self.block)
        return np.pad(grouped, ((0, 0), (0, 0), (0, -self.block % 16)))

    def get_step(self, step: int, lane_terms: int) -> list[int]:
        """The terms of a chunk of 16 floats in the order in which mma.sync has them."""
        order = []
        for pair in range(2):
            for lane in range(4):
                order += [lane * lane_terms + 4 * step + 2 * pair + i for i in range(2)]
        return order

    def add_floats(self, x: np.ndarray, w: np.ndarray, unit: int, sums: np.ndarray) -> np.ndarray:
        """`sums` and the products of terms of f32, each sum rounded."""
        for first in range(0, x.shape[1], unit):
            for step in range(unit // 16):
                for term in self.get_step(step, unit // 4):
                    products = x[:, first + term, None] * w[None, :, first + term]
                    sums = sums + products
        return sums

    def compute(self, warps: int) -> np.ndarray:
        x, w = self.get_groups(self.x), self.get_groups(self.integers)
        terms, scales = x.shape[2], self.get_scales()
        x, w = x.reshape(self.m, -1), w.reshape(self.n, -1)
        tile = 256 // self.weights.bits
        part = math.gcd(terms, tile)
        unit = min(part, 32)
        tiles = math.ceil(x.shape[1] / tile)
        has_scales = self.groups > 1
        partial = []
        for warp in range(min(warps, tiles)):
            sums = np.zeros((self.m, self.n), np.float32)
            for first in range(warp * tile, x.shape[1], tile * min(warps, tiles)):
                for begin in range(first, min(first + tile, x.shape[1]), part):
                    here = slice(begin, begin + part)
                    if self.kind == "i8":
                        number = (x[:, here].astype(np.int64) @ w[:, here].T.astype(np.int64)).astype(np.float32)
                    else:
                        start = np.zeros_like(sums) if has_scales else sums
                        number = self.add_floats(x[:, here].astype(np.float32), w[:, here].astype(np.float32), unit, start)
                    if has_scales:
                        number = number * scales[None, :, begin // terms]
                        sums = sums + number
                    else:
                        sums = sums + number if self.kind == "i8" else number
            partial.append(sums)
        total = partial[0]
        for sums in partial[1:]:
            total = total + sums
        if not has_scales:
            total = total * scales[None, :, 0]
        return total * self.outer * self.row_scales

    def check_bound(self, result: np.ndarray):
        w = self.get_groups(self.integers).astype(np.float64) * self.get_scales()[:, :, None].astype(np.float64)
        x = self.get_groups(self.x).astype(np.float64)
        factor = self.row_scales.astype(np.float64) * float(self.outer)
        exact = np.einsum("mgk,ngk->mn", x, w) * factor
        magnitude = np.einsum("mgk,ngk->mn", abs(x), abs(w)) * factor
        # Each product and each sum is rounded once.
        assert (abs(result - exact) <= (self.k + self.groups + 16) * 2.0**-24 * magnitude).all()


def run(tmp_path, product: Product) -> np.ndarray:
    path = tmp_path / "main.mlir"
    path.write_text(product.emit("main"))
    inputs = [product.x, product.row_scales] if product.kind == "i8" else [product.x]
    if product.kind == "bf16":
        inputs = [(product.x.view(np.uint32) >> 16).astype(np.uint16)]
    return run_mlir(path, inputs, 1, "--gpu=sim")[0]


SIZES = [(1, 17, 128), (3, 1, 31), (8, 33, 65), (10, 63, 192), (31, 31, 127), (32, 3, 288), (66, 65, 33), (127, 15, 63)]
# Each format and kind of activations with two of the sizes, all sizes with some of them.
CASES = [
    (name, kind, SIZES[(3 * i + j + step) % len(SIZES)])
    for i, name in enumerate(FORMATS)
    for j, kind in enumerate(("i8", "f16", "bf16"))
    for step in (0, 3)
]


@pytest.mark.parametrize("name,kind,size", CASES, ids=lambda value: "x".join(map(str, value)) if isinstance(value, tuple) else value)
def test_products(tmp_path, name, kind, size):
    m, n, k = size
    product = Product(name, m, n, k, kind, seed=m + n + k)
    result = run(tmp_path, product)
    product.check_bound(result)
    if kind == "bf16" and product.weights.bits == 8:
        return  # No kernel for tensor cores.
    # As the kernel has them: blocks for up to 8 rows, and, if their number is not known, for 64.
    rows = 8 if m <= 8 else 64 if product.dynamic else min(64, 1 << (m - 1).bit_length())
    warps = 8 // max(1, rows // 16)
    np.testing.assert_array_equal(result, product.compute(warps))


@pytest.mark.parametrize("kind", ("i8", "f16", "bf16"))
@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("chip", CHIPS)
def test_assembled(tmp_path, chip, name, kind):
    """Kernels for few and for many rows: no spills, nothing that a chip emulates."""
    product = Product(name, 65, 65, 288, kind, seed=1)
    source, ptx = tmp_path / "main.mlir", tmp_path / "main.ptx"
    source.write_text(product.emit("main"))
    run_tool("qfmt-run", source, "--entry=main", "--gpu=cuda", f"--gpu-chip={chip}", "--emit=kernels", "-o", ptx)
    text = ptx.read_text()
    if kind != "bf16" or product.weights.bits != 8:
        numbers = "s32.s8.s8.s32" if kind == "i8" else f"f32.{kind}.{kind}.f32"
        assert f"row.col.{numbers}" in text
        assert text.count(".visible .entry") >= 2
    check_assembled(text, chip, tmp_path)
