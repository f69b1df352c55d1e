#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Makes the cases that benchmark/gpu/run.sh verifies and times on a machine with an NVIDIA GPU; needs none itself.

    benchmark/gpu/cases.py [--only REGEX] [--divide N] OUTPUT

Each case is a program that qfmt-run compiles for its chip and runs with libqfmt_record.so in the place of a runtime
(Recorder.cpp), and what must come out: integers as the CPU computes them, bit for bit; floats as NumPy does in 64 bits, within
the bound of a sum of K products in any order, K 2^-24 times the sum of magnitudes. Activations and, where their order in memory allows,
weights are random data that RandomData.h makes again. --divide makes sizes N times smaller, to try it out.

A case that cannot be made is reported, and the exit status is 1. The environment variable QFMT_BIN_DIR names the
directory of qfmt-run, default build/bin.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(Path(__file__).resolve().parent))
import random_data  # noqa: E402

# Every element of f32 after one rounding, relative.
HALF_ULP = 2.0**-24


@dataclass
class Case:
    name: str
    chip: str
    text: str
    inputs: list[np.ndarray]
    # Lines of case.txt that say what it is compared with.
    targets: list[str]
    multiplications: float
    # Of weights, which it reads once.
    num_bytes: float = 0
    rotates: bool = False
    # Expected values and bounds as f32; without them the CPU's bits are expected.
    floats: tuple[np.ndarray, np.ndarray] | None = None
    # Of products, as --gpu-tier has it.
    tier: str = "auto"


# ------------------------------------------------------------------------------------------------------------------
# Programs
# ------------------------------------------------------------------------------------------------------------------


def resources(**arrays):
    """A module's end, with the bytes of constants."""
    align = "40000000"
    blobs = ",\n".join(f'      {name}: "0x{align}{array.tobytes().hex().upper()}"' for name, array in arrays.items())
    return "{-#\n  dialect_resources: {\n    builtin: {\n" + blobs + "\n    }\n  }\n#-}\n"


def constant(name, kind):
    return f"%{name} = arith.constant dense_resource<{name}> : {kind}"


# To f32; the columns of %w are contiguous.
MATMUL = """
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<{m}x{n}xf32>
  %init = linalg.fill ins(%zero : f32) outs(%e : tensor<{m}x{n}xf32>) -> tensor<{m}x{n}xf32>
  %y = linalg.matmul
    indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>]
    ins({x}, {w} : {x_type}, {w_type}) outs(%init : tensor<{m}x{n}xf32>) -> tensor<{m}x{n}xf32>
"""


def int8_product(chip, least, m, n, k):
    """Bytes by bytes, bias, requantization to bytes; the columns of the weights are contiguous."""
    w = random_data.random_bytes(2, n * k).view(np.int8)
    bias = np.arange(n, dtype=np.int32) % 1000 - 500
    # Sums of K products have a standard deviation of 5.5e3 sqrt(K); so that of results is 40.
    multiplier = np.full(n, round(40 / (5.5e3 * k**0.5) * 2**40), np.int32)
    text = f"""
func.func @main(%x: tensor<{m}x{k}xi8>) -> tensor<{m}x{n}xi8> {{
  {constant("w", f"tensor<{n}x{k}xi8>")}
  {constant("bias", f"tensor<{n}xi32>")}
  {constant("multiplier", f"tensor<{n}xi32>")}
  %shift = arith.constant dense<40> : tensor<{n}xi32>
  %e = tensor.empty() : tensor<{m}x{n}xi32>
  %init = linalg.broadcast ins(%bias : tensor<{n}xi32>) outs(%e : tensor<{m}x{n}xi32>) dimensions = [0]
  %y = linalg.matmul
    indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>]
    ins(%x, %w : tensor<{m}x{k}xi8>, tensor<{n}x{k}xi8>) outs(%init : tensor<{m}x{n}xi32>) -> tensor<{m}x{n}xi32>
  %qe = tensor.empty() : tensor<{m}x{n}xi8>
  %q = linalg.generic {{
      indexing_maps = [affine_map<(m, n) -> (m, n)>, affine_map<(m, n) -> (n)>, affine_map<(m, n) -> (n)>,
                       affine_map<(m, n) -> (m, n)>],
      iterator_types = ["parallel", "parallel"]}}
    ins(%y, %multiplier, %shift : tensor<{m}x{n}xi32>, tensor<{n}xi32>, tensor<{n}xi32>)
    outs(%qe : tensor<{m}x{n}xi8>) {{
  ^bb0(%a: i32, %f: i32, %r: i32, %o: i8):
    %scaled = qfmt.dyadic_scale %a, %f, %r : i32, i32, i32 to i32
    %low = arith.constant -128 : i32
    %high = arith.constant 127 : i32
    %max = arith.maxsi %scaled, %low : i32
    %min = arith.minsi %max, %high : i32
    %t = arith.trunci %min : i32 to i8
    linalg.yield %t : i8
  }} -> tensor<{m}x{n}xi8>
  return %q : tensor<{m}x{n}xi8>
}}
"""
    x = random_data.random_bytes(1, m * k).view(np.int8).reshape(m, k)
    return Case(f"int8_{m}x{n}x{k}_{chip}", chip, text + resources(w=w, bias=bias, multiplier=multiplier), [x],
                [f"int8 {m} {n} {k} {least}"], m * n * k, tier="wgmma" if chip == "sm_90a" else "mma")


def int8_convolution(chip, images, size, channels, outputs, window):
    """Bytes by bytes, channels last, with a border of zeros around each image, requantization to bytes. There is nothing in cublasLt to compare it
    with but the product of the same size."""
    border = window // 2
    padded = size + 2 * border
    k = window * window * channels
    w = random_data.random_bytes(2, outputs * k).view(np.int8)
    x_type, p_type = f"tensor<{images}x{size}x{size}x{channels}xi8>", f"tensor<{images}x{padded}x{padded}x{channels}xi8>"
    y_type, q_type = (f"tensor<{images}x{size}x{size}x{outputs}x{kind}>" for kind in ("i32", "i8"))
    w_type = f"tensor<{outputs}x{window}x{window}x{channels}xi8>"
    multiplier = round(40 / (5.5e3 * k**0.5) * 2**40)
    parallel = ", ".join(['"parallel"'] * 4)
    text = f"""
func.func @main(%x: {x_type}) -> {q_type} {{
  {constant("w", w_type)}
  %code = arith.constant 0 : i8
  %p = tensor.pad %x low[0, {border}, {border}, 0] high[0, {border}, {border}, 0] {{
  ^bb0(%a: index, %b: index, %c: index, %d: index):
    tensor.yield %code : i8
  }} : {x_type} to {p_type}
  %zero = arith.constant 0 : i32
  %e = tensor.empty() : {y_type}
  %init = linalg.fill ins(%zero : i32) outs(%e : {y_type}) -> {y_type}
  %y = linalg.generic {{
      indexing_maps = [affine_map<(n, h, v, f, i, j, c) -> (n, h + i, v + j, c)>, affine_map<(n, h, v, f, i, j, c) -> (f, i, j, c)>,
                       affine_map<(n, h, v, f, i, j, c) -> (n, h, v, f)>],
      iterator_types = [{parallel}, "reduction", "reduction", "reduction"]}}
    ins(%p, %w : {p_type}, {w_type}) outs(%init : {y_type}) {{
  ^bb0(%a: i8, %b: i8, %s: i32):
    %a32 = arith.extsi %a : i8 to i32
    %b32 = arith.extsi %b : i8 to i32
    %t = arith.muli %a32, %b32 : i32
    %u = arith.addi %s, %t : i32
    linalg.yield %u : i32
  }} -> {y_type}
  %qe = tensor.empty() : {q_type}
  %q = linalg.generic {{
      indexing_maps = [affine_map<(n, h, v, f) -> (n, h, v, f)>, affine_map<(n, h, v, f) -> (n, h, v, f)>], iterator_types = [{parallel}]}}
    ins(%y : {y_type}) outs(%qe : {q_type}) {{
  ^bb0(%a: i32, %o: i8):
    %multiplier = arith.constant {multiplier} : i32
    %shift = arith.constant 40 : i32
    %scaled = qfmt.dyadic_scale %a, %multiplier, %shift : i32, i32, i32 to i32
    %low = arith.constant -128 : i32
    %high = arith.constant 127 : i32
    %max = arith.maxsi %scaled, %low : i32
    %min = arith.minsi %max, %high : i32
    %t = arith.trunci %min : i32 to i8
    linalg.yield %t : i8
  }} -> {q_type}
  return %q : {q_type}
}}
"""
    x = random_data.random_bytes(1, images * size * size * channels).view(np.int8).reshape(images, size, size, channels)
    m = images * size * size
    return Case(f"conv{window}_{channels}_{outputs}_{size}_{chip}", chip, text + resources(w=w), [x],
                [f"int8 {m} {outputs} {k} 0"], m * outputs * k)


def decode_e4m3(codes):
    magnitude = codes.astype(np.int64) & 0x7F
    exponent, mantissa = magnitude >> 3, magnitude & 7
    value = np.where(exponent == 0, mantissa * 2.0**-9, (8 + mantissa) * 2.0 ** (exponent - 10.0))
    return np.where(codes & 0x80, -value, value)


def sum_bound(x, w):
    """Of sums of products x w^T in f32, in any order."""
    return (x.shape[1] + 4) * HALF_ULP * (np.abs(x) @ np.abs(w).T)


def fp8_product(chip, least, m, n, k):
    """e4m3 by e4m3 to f32, by wgmma in parts of 128 terms. Tensor cores keep 13 bits below the largest of the terms that they
    add, and add 32 at a time."""
    form = "#qfmt.scaled<f8E4M3FN, scale = f32>"
    text = f"""
func.func @main(%x: tensor<{m}x{k}xf8E4M3FN>) -> tensor<{m}x{n}xf32> {{
  {constant("w", f"tensor<{n}x{k}xf8E4M3FN>")}
  %one = arith.constant dense<1.0> : tensor<1x1xf32>
  %xe = qfmt.assemble %x, %one : tensor<{m}x{k}xf8E4M3FN>, tensor<1x1xf32> to tensor<{m}x{k}xf32, {form}>
  %we = qfmt.assemble %w, %one : tensor<{n}x{k}xf8E4M3FN>, tensor<1x1xf32> to tensor<{n}x{k}xf32, {form}>
  {MATMUL.format(m=m, n=n, k=k, x="%xe", w="%we", x_type=f"tensor<{m}x{k}xf32, {form}>", w_type=f"tensor<{n}x{k}xf32, {form}>")}
  return %y : tensor<{m}x{n}xf32>
}}
"""
    x = random_data.e4m3(1, m * k).reshape(m, k)
    w = random_data.e4m3(2, n * k).reshape(n, k)
    rows = decode_e4m3(x[:16]), decode_e4m3(w)
    bound = 2.0**-12 * (np.abs(rows[0]) @ np.abs(rows[1]).T)
    return Case(f"fp8_{m}x{n}x{k}_{chip}", chip, text + resources(w=w), [x], [f"fp8 {m} {n} {k} {least}"], m * n * k,
                floats=(rows[0] @ rows[1].T, bound), tier="wgmma")


# MXFP4's magnitudes.
E2M1 = np.array([0, 0.5, 1, 1.5, 2, 3, 4, 6])


@dataclass
class Weights:
    """What qfmt.assemble makes weights of, N x K."""

    form: str
    types: list[str]
    arrays: dict[str, np.ndarray]
    real: np.ndarray
    num_bytes: float


def int4_weights(n, k):
    """i4 in groups of 128 with a scale of f16."""
    codes = (random_data.random_bytes(2, n * k).reshape(n, k) & 15).astype(np.int8)
    codes[codes > 7] -= 16
    scales = (2.0**-6 * (1 + random_data.words(3, n * k // 128) % 1024 / 1024.0)).astype(np.float16).reshape(n, k // 128)
    real = codes * np.repeat(scales.astype(np.float64), 128, axis=1)
    return Weights("#qfmt.scaled<i4, block = [1, 128], scale = f16>", [f"tensor<{n}x{k}xi4>", f"tensor<{n}x{k // 128}xf16>"],
                   {"codes": codes.view(np.uint8) & 15, "scales": scales}, real, n * k / 2 + scales.nbytes)


def mxfp4_weights(n, k):
    """f4E2M1FN in blocks of 32 with a power of two."""
    codes = random_data.random_bytes(2, n * k).reshape(n, k) & 15
    scales = (120 + random_data.random_bytes(3, n * k // 32) % 4).astype(np.uint8).reshape(n, k // 32)
    real = np.where(codes & 8, -1.0, 1.0) * E2M1[codes & 7] * np.repeat(2.0 ** (scales - 127.0), 32, axis=1)
    return Weights("#qfmt.scaled<f4E2M1FN, block = [1, 32], scale = f8E8M0FNU>",
                   [f"tensor<{n}x{k}xf4E2M1FN>", f"tensor<{n}x{k // 32}xf8E8M0FNU>"], {"codes": codes, "scales": scales}, real,
                   n * k / 2 + scales.nbytes)


def low_bit_product(name, chip, targets, weights, m, n, k):
    """bf16 by weights of few bits, to f32."""
    w = weights(n, k)
    names = ", ".join(f"%{name}" for name in w.arrays)
    constants = "\n  ".join(constant(name, kind) for name, kind in zip(w.arrays, w.types))
    text = f"""
func.func @main(%x: tensor<{m}x{k}xbf16>) -> tensor<{m}x{n}xf32> {{
  {constants}
  %w = qfmt.assemble {names} : {", ".join(w.types)} to tensor<{n}x{k}xf32, {w.form}>
  {MATMUL.format(m=m, n=n, k=k, x="%x", w="%w", x_type=f"tensor<{m}x{k}xbf16>", w_type=f"tensor<{n}x{k}xf32, {w.form}>")}
  return %y : tensor<{m}x{n}xf32>
}}
"""
    x = random_data.bf16(1, m * k).reshape(m, k)
    real = (x.astype(np.uint32) << 16).view(np.float32).astype(np.float64)
    bound = sum_bound(real, w.real)
    return Case(f"{name}_{m}x{n}x{k}_{chip}", chip, text + resources(**w.arrays), [x], targets, m * n * k, w.num_bytes,
                rotates=True, floats=(real @ w.real.T, bound))


def make_cases(divide):
    """Functions that make each case, by name: the arrays are large."""
    d = divide
    big, wide, deep = 4096 // d, 8192 // d, 1024 // d
    for chip, least in (("sm_90a", 0.75), ("sm_90", 0.55), ("sm_80", 0)):
        yield f"int8_{big}_{chip}", lambda c=chip, r=least: int8_product(c, r, big, big, big)
        yield f"int8_{wide}_{chip}", lambda c=chip, r=least: int8_product(c, r, wide, wide, deep)
        # Images x places, channels in and out, window: of a network of residual blocks.
        for images, size, channels, outputs, window in ((32, 56, 64, 64, 3), (64, 14, 256, 256, 3), (32, 56, 64, 256, 1)):
            images = max(1, images // d)
            yield (f"conv{window}_{channels}_{outputs}_{size}_{chip}",
                   lambda c=chip, *, a=(images, size, channels, outputs, window): int8_convolution(c, *a))
    yield "fp8_cube", lambda: fp8_product("sm_90a", 0.75, big, big, big)
    yield "fp8_wide", lambda: fp8_product("sm_90a", 0.75, wide, wide, deep)
    # So that all cases together stay below 64 MiB.
    most = wide * 7 // 8 // 128 * 128
    yield "w4a16_gemv", lambda: low_bit_product("w4a16", "sm_90a", ["copy 0.8", f"bf16 {wide} 1 {most} 0"], int4_weights, 1,
                                                wide, most)
    yield "mxfp4_gemv", lambda: low_bit_product("mxfp4", "sm_90a", ["copy 0.8", f"bf16 {wide} 1 {big} 0"], mxfp4_weights, 1,
                                                wide, big)
    yield "w4a16_gemm", lambda: low_bit_product("w4a16", "sm_90a", [f"bf16 {big} 16 {big} 3"], int4_weights, 16, big, big)


# ------------------------------------------------------------------------------------------------------------------
# Recording
# ------------------------------------------------------------------------------------------------------------------


class Failed(Exception):
    """Why a case cannot be made."""


def run_program(tool, source, inputs, output, *options, env=None):
    command = [str(tool), str(source), f"--inputs={','.join(map(str, inputs))}", f"--outputs={output}", *options]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **(env or {})})
    if done.returncode != 0:
        raise Failed(done.stderr.strip() or f"qfmt-run exits with {done.returncode}")


def record(case, tool, recorder, directory):
    """Writes the case to `directory`."""
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch) / "main.mlir"
        source.write_text(case.text)
        inputs = []
        for i, array in enumerate(case.inputs):
            inputs.append(Path(scratch) / f"input{i}.npy")
            np.save(inputs[-1], array)
        lines = [f"work {case.multiplications} {case.num_bytes}"] + [f"target {t}" for t in case.targets]
        if case.rotates:
            lines.append("rotate")
        if case.floats is None:
            output = Path(scratch) / "cpu.npy"
            run_program(tool, source, inputs, output)
            lines.append(f"hash 0 {random_data.hash_data(np.load(output))}")
        else:
            values, bounds = (np.ascontiguousarray(a, np.float32).reshape(-1) for a in case.floats)
            (directory / "check.bin").write_bytes(values.tobytes() + bounds.tobytes())
            lines.append(f"near 0 0 {values.size} 0")
        run_program(tool, source, inputs, Path(scratch) / "gpu.npy", "--gpu=cuda", f"--gpu-chip={case.chip}",
                    f"--gpu-tier={case.tier}", f"--gpu-library={recorder}", env={"QFMT_RECORD_TO": str(directory), "QFMT_RECORD_CHIP": case.chip})
    (directory / "case.txt").write_text("\n".join(lines) + "\n")


def make(name, create, tool, recorder, output):
    """Whether the case could be made."""
    directory = output / name
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    try:
        record(create(), tool, recorder, directory)
    except Failed as why:
        shutil.rmtree(directory)
        print(f"{name}: {why}", file=sys.stderr)
        return False
    size = sum(file.stat().st_size for file in directory.iterdir())
    print(f"{name}: {size / 2**20:.1f} MiB")
    return True


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path, metavar="OUTPUT")
    parser.add_argument("--only", default="", metavar="REGEX", help="cases whose name it matches")
    parser.add_argument("--divide", type=int, default=1, metavar="N", help="sizes so many times smaller")
    parser.add_argument("--recorder", type=Path, default=ROOT / "build/benchmark/libqfmt_record.so")
    options = parser.parse_args()
    tool = Path(os.environ.get("QFMT_BIN_DIR", ROOT / "build/bin")) / "qfmt-run"
    for needed in (tool, options.recorder):
        if not needed.exists():
            parser.error(f"{needed} is not built")
    made = [make(name, create, tool, options.recorder, options.output)
            for name, create in make_cases(options.divide) if re.search(options.only, name)]
    if not made:
        parser.error(f"no case matches '{options.only}'")
    return 0 if all(made) else 1


if __name__ == "__main__":
    sys.exit(main())
