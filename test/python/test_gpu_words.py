# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Weights of few bits where there are no tensor cores: codes in words of 32 bits, odd sizes, batches. Scales are powers of two and
activations so small that every sum is exact, so that exact arithmetic, the reference evaluator, the code for CPUs, the simulator and
a Vulkan device have the same results in any order, bit for bit."""

import math
import re
import subprocess
from dataclasses import dataclass

import numpy as np
import pytest

from qfmt.tools import find_tool

E2M1 = [0, 0.5, 1, 1.5, 2, 3, 4, 6, -0.0, -0.5, -1, -1.5, -2, -3, -4, -6]


@dataclass(frozen=True)
class Weights:
    """A format, the numbers that its codes stand for, and how codes are stored: their bits, and the entries of the table, if there is
    one, where activations are bytes and where they are f16."""

    element: str
    scale: str
    block: int  # 0: one scale for all
    numbers: tuple
    bits: int
    entries: tuple = (0, 0)


FORMATS = {
    "int4_g32": Weights("i4", "f16", 32, tuple(range(-8, 8)), 4),
    "int4_g128": Weights("i4", "f16", 128, tuple(range(-8, 8)), 4),
    "int3_g32": Weights("i3", "f16", 32, tuple(range(-4, 4)), 4),
    "int2_g16": Weights("i2", "f16", 16, (-2, -1, 0, 1), 2),
    "ternary": Weights("!qfmt.int<i2, -1, 1>", "f32", 0, (-1, 0, 1), 2),
    "ternary_g64": Weights("!qfmt.int<i2, -1, 1>", "f16", 64, (-1, 0, 1), 2),
    "signs_g32": Weights("i4", "f16", 32, (-1, 1), 1, (2, 2)),
    "mxfp4": Weights("f4E2M1FN", "f8E8M0FNU", 32, tuple(E2M1), 4, (15, 0)),
    "nvfp4": Weights("f4E2M1FN", "#qfmt.scaled<f8E4M3FN, scale = f32>", 16, tuple(E2M1), 4, (15, 0)),
    "three_g32": Weights("i8", "f16", 32, (-100, 3, 120), 2, (3, 3)),
    "odd_g32": Weights("i8", "f16", 32, (-11, -9, -7, -5, -3, -1, 1, 3, 5, 7, 9, 11), 4, (12, 12)),
}
ROWS, SIZES = 3, [(40, 64), (33, 95), (128, 17), (29, 257)]  # columns, terms
KINDS = ["i8", "f16"]


class Product:
    """activations (batches x rows x terms) times weights (columns x terms, the same for all batches or not)."""

    def __init__(self, name: str, columns: int, terms: int, kind: str, batches: int = 0):
        self.weights, self.n, self.k, self.kind, self.batches = FORMATS[name], columns, terms, kind, batches
        rng = np.random.default_rng(columns + terms)
        batch = (batches,) if batches else ()
        self.choices = rng.integers(0, len(self.weights.numbers), (*batch, columns, terms))
        self.numbers = np.array(self.weights.numbers)[self.choices]
        self.block = self.weights.block or terms
        self.make_scales(rng, batch)
        self.x = rng.integers(-8, 9, (*batch, ROWS, terms)).astype(np.int8 if kind == "i8" else np.float16)
        self.row_scales = np.exp2(rng.integers(-2, 2, (*batch, ROWS, 1))).astype(np.float32)

    def make_scales(self, rng, batch):
        exponents = rng.integers(-2, 2, (*batch, self.n, math.ceil(self.k / self.block)))
        self.outer = 1
        if self.weights.scale == "f32":
            exponents = np.full((*([1] * len(batch)), 1, 1), -2)
        self.scale_values = np.exp2(exponents)
        if self.weights.scale == "f16":
            self.scales = self.scale_values.astype(np.float16)
        elif self.weights.scale == "f32":
            self.scales = self.scale_values.astype(np.float32)
        elif self.weights.scale == "f8E8M0FNU":
            self.scales = (exponents + 127).astype(np.uint8)
        else:
            self.scales = ((exponents + 7) << 3).astype(np.uint8)
            self.outer = 0.5

    def compute(self) -> np.ndarray:
        scales = np.repeat(np.broadcast_to(self.scale_values, (*self.numbers.shape[:-1], self.scale_values.shape[-1])), self.block, -1)
        w = self.numbers * scales[..., : self.k] * self.outer
        x = self.x * (self.row_scales if self.kind == "i8" else 1.0)
        return (x.astype(np.float64) @ np.swapaxes(w, -1, -2)).astype(np.float32)

    def get_codes(self) -> np.ndarray:
        """One a byte."""
        if self.weights.element.startswith("f4"):
            return self.choices.astype(np.uint8)
        width = 2 if "i2" in self.weights.element else int(self.weights.element[1:])
        return (self.numbers & ((1 << width) - 1)).astype(np.uint8)

    def get_constants(self) -> list[tuple[str, np.ndarray]]:
        element = "i2" if "i2" in self.weights.element else self.weights.element
        scale = "f8E4M3FN" if self.weights.scale.startswith("#") else self.weights.scale
        constants = [(element, self.get_codes()), (scale, self.scales)]
        if self.outer != 1:
            constants.append(("f32", np.full([1] * self.scales.ndim, self.outer, np.float32)))
        return [(f"tensor<{'x'.join(map(str, data.shape))}x{type_}>", data) for type_, data in constants]

    def emit(self) -> str:
        batch, ones, loops = (f"{self.batches}x", "1, ", "b, ") if self.batches else ("", "", "")
        block = f"block = [{ones}1, {self.weights.block}], " if self.weights.block else ""
        encoded = f"tensor<{batch}{self.n}x{self.k}xf32, #qfmt.scaled<{self.weights.element}, {block}scale = {self.weights.scale}>>"
        plain, out = (f"tensor<{batch}{ROWS}x{size}xf32>" for size in (self.k, self.n))
        lines, names, types = [], [], []
        for i, (type_, data) in enumerate(self.get_constants()):
            lines.append(f'%c{i} = arith.constant dense<"0x{data.tobytes().hex()}"> : {type_}')
            names.append(f"%c{i}")
            types.append(type_)
        x = plain.replace("f32", self.kind)
        arguments = f"%x: {x}"
        if self.kind == "i8":
            scales = f"tensor<{batch}{ROWS}x1xf32>"
            arguments += f", %s: {scales}"
            plain = f"{plain[:-1]}, #qfmt.scaled<i8, block = [{ones}1, *], scale = f32>>"
            lines.append(f"%a = qfmt.assemble %x, %s : {x}, {scales} to {plain}")
        else:
            lines.append(f"%a = arith.extf %x : {x} to {plain}")
        maps = ", ".join(f"affine_map<({loops}m, n, k) -> ({loops}{dims})>" for dims in ("m, k", "n, k", "m, n"))
        body = "\n  ".join(lines)
        return f"""func.func @main({arguments}) -> {out} {{
  {body}
  %w = qfmt.assemble {", ".join(names)} : {", ".join(types)} to {encoded}
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : {out}
  %i = linalg.fill ins(%zero : f32) outs(%e : {out}) -> {out}
  %r = linalg.{"batch_" if self.batches else ""}matmul indexing_maps = [{maps}] ins(%a, %w : {plain}, {encoded}) outs(%i : {out}) -> {out}
  return %r : {out}
}}
"""


def run(folder, product: Product, *options: str) -> np.ndarray:
    names = ["x", "s"][: 2 if product.kind == "i8" else 1]
    for name, value in zip(names, [product.x, product.row_scales]):
        np.save(folder / f"{name}.npy", value)
    (folder / "main.mlir").write_text(product.emit())
    inputs = ",".join(str(folder / f"{name}.npy") for name in names)
    command = [find_tool("qfmt-run"), folder / "main.mlir", f"--inputs={inputs}", f"--outputs={folder / 'y.npy'}", *options]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode == 77:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stderr
    return np.load(folder / "y.npy")


DEVICES = ["--gpu=sim --gpu-chip=sm_75", "--gpu=sim --gpu-chip=sm_50", "--gpu=vulkan --gpu-chip=vulkan1.1", "--gpu=vulkan --gpu-chip=vulkan1.3"]
# Each format and kind of activations with one of the sizes, all sizes with some of them.
CASES = [(name, kind, SIZES[(i + 2 * j) % len(SIZES)], 0) for i, name in enumerate(FORMATS) for j, kind in enumerate(KINDS)]
CASES += [("int4_g32", "i8", (19, 65), 2), ("int4_g32", "f16", (19, 65), 2), ("ternary_g64", "i8", (33, 95), 3), ("mxfp4", "f16", (33, 96), 2)]
names = pytest.mark.parametrize("name,kind,size,batches", CASES, ids=lambda value: "x".join(map(str, value)) if isinstance(value, tuple) else value)


@names
def test_results(tmp_path, name, kind, size, batches):
    product = Product(name, *size, kind, batches)
    expected = product.compute()
    for options in ("--engine=reference", "--engine=jit", *DEVICES[::3]):
        np.testing.assert_array_equal(run(tmp_path, product, *options.split()), expected, options)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_sizes(tmp_path, device, size):
    for name in ("int3_g32", "mxfp4"):
        product = Product(name, *size, "i8")
        np.testing.assert_array_equal(run(tmp_path, product, *device.split()), product.compute())


@names
def test_constants_are_words(tmp_path, name, kind, size, batches):
    """Rows of codes, filled up to whole words, are what the device gets."""
    product = Product(name, *size, kind, batches)
    (tmp_path / "main.mlir").write_text(product.emit())
    options = ["--qfmt-compile-for-gpu=runtime=sim chip=sm_75", "--remark-policy=all", "--remarks-filter-passed=qfmt-constants-to-words"]
    done = subprocess.run([find_tool("qfmt-opt"), tmp_path / "main.mlir", *options, "-o", tmp_path / "out.mlir"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    entries = product.weights.entries[KINDS.index(kind)]
    found = re.findall(r"Bits=(\d+), BytesAfter=(\d+), .*TableEntries=(\d+)", done.stderr)
    # Zeros that fill up groups are in the table, too.
    numbers = {(product.weights.bits, entries), (product.weights.bits, entries + (entries > 0))}
    least, most = product.numbers.size * product.weights.bits / 8, product.numbers.size * 3 / 4
    assert any((int(b), int(t)) in numbers and least <= int(size) <= most for b, size, t in found), done.stderr


def emit_kernels(folder, *options: str) -> bytes:
    """What is loaded of a product of f16, whose weights are the only bytes."""
    (folder / "main.mlir").write_text(Product("int4_g32", 48, 96, "f16").emit())
    command = [find_tool("qfmt-run"), folder / "main.mlir", *options, "--emit=kernels", "-o", folder / "kernels"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return (folder / "kernels").read_bytes()


@pytest.mark.parametrize("options,loads", [("--gpu=cuda --gpu-chip=sm_75", r"ld\.global\S*"), ("--gpu=rocm", r"(?:global|flat)_load_\w+")])
def test_kernels_load_no_bytes(tmp_path, options, loads):
    text = emit_kernels(tmp_path, *options.split()).decode()
    kinds = set(re.findall(loads, text))
    assert kinds
    assert not [kind for kind in kinds if re.search(r"[usb]8|byte", kind)], kinds


def test_vulkan_needs_no_storage_of_bytes(tmp_path):
    words = np.frombuffer(emit_kernels(tmp_path, "--gpu=vulkan"), np.uint32)
    capabilities = {int(words[i + 1]) for i in np.flatnonzero(words[:100] == 0x20011)}  # OpCapability, at the beginning.
    assert 1 in capabilities  # Shader
    assert not capabilities & {4448, 4449}  # (UniformAnd)StorageBuffer8BitAccess
