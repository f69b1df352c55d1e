#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The keys of MiniLM-L6's attention in BFP12, before and after K-sort.

Keys are what the k-projection of each block gives, with its bias, of the sentences of
calibration.txt. They are stored as 4-bit mantissas with an 8-bit exponent for n channels
of a head. qfmt-sort-keys permutes the channels of each head such that outliers share
blocks. The table holds the error, relative to the squares of the keys, for each n.

Without the weights and without a network connection it says so and does nothing.
Exit status 1 if sorted keys lose more than unsorted ones in some layer, or other than
those where a block is a whole head.
"""

import argparse
import re
import sys
import tempfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "shared"), str(HERE.parents[1] / "python")]

import checkpoint  # noqa: E402
import network  # noqa: E402
import reference  # noqa: E402
from channels import Calibrated, save  # noqa: E402
from levels import conclude, say  # noqa: E402
from model import Model  # noqa: E402
from qfmt import execute  # noqa: E402
from qfmt.errors import UserError  # noqa: E402
from qfmt.tools import run_tool  # noqa: E402

TOKENS = 32
HEAD = network.WIDTH // network.HEADS
BLOCKS = [8, 16, 32]
# Of which the sizes are shown; a head of 64 or more would have the last.
SIZES = [16, 32, 64]
BFP12 = "#qfmt.scaled<!qfmt.int<i4, -7, 7>, block = [1, {}], scale = f8E8M0FNU>"


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--json", type=Path, help="also write the figures here")
    return parser.parse_args()


def compute_keys(model: Model) -> list[np.ndarray]:
    """Of each block of the encoder, f32 [tokens of all sentences, 384]."""
    names = [f"encoder.layer.{i}.attention.self.key" for i in range(network.BLOCKS)]
    read = {name: [] for name in names}

    def see(name: str, x: np.ndarray) -> None:
        if name in read:
            read[name].append(x)

    for tokens in model.calibration:
        reference.embed(model.tensors, tokens, see)
    return [
        (
            np.concatenate(read[name]) @ model.tensors[f"{name}.weight"].T
            + model.tensors[f"{name}.bias"]
        ).astype(np.float32)
        for name in names
    ]


def write_storage(shape: tuple[int, int], block: int, folder: Path) -> Path:
    """A module with @store, floats to keys in BFP12, and @main, floats to what these decode to."""
    real = f"tensor<{shape[0]}x{shape[1]}xf32>"
    stored = f"{real[:-1]}, {BFP12.format(block)}>"
    quantize = f"%q = qfmt.quantize %x scale_rule = floor_log2 : {real} to {stored}"
    path = folder / f"bfp12_{block}.mlir"
    path.write_text(f"""
func.func @store(%x: {real}) -> {stored} {{
  {quantize}
  return %q : {stored}
}}
func.func @main(%x: {real}) -> {real} {{
  {quantize}
  %y = qfmt.dequantize %q : {stored} to {real}
  return %y : {real}
}}
""")
    return path


def lose(keys: np.ndarray, order: np.ndarray, block: int, folder: Path) -> float:
    """The sum of squared errors over that of the squares of the keys, stored in an order."""
    path = write_storage(keys.shape, block, folder)
    (decoded,), _ = execute.run(path, "main", [keys[np.newaxis, :, order]])
    # Back, so that equal errors have equal sums.
    decoded = decoded[0][:, np.argsort(order)]
    exact = keys.astype(np.float64)
    return float(((decoded - exact) ** 2).sum() / (exact**2).sum())


def count_bytes(shape: tuple[int, int], block: int, folder: Path) -> int:
    """Of packed keys with their exponents, as compiled functions return them."""
    path = write_storage(shape, block, folder)
    packed = run_tool("qfmt-opt", path, "-qfmt-pack-storage=boundaries=true")
    path.write_bytes(packed)
    outputs = execute.read_signature(path, "store").outputs
    return sum(int(np.prod(b.shape)) * b.dtype.itemsize for b in outputs)


def sort_keys(calibrated: Calibrated, model: Model, block: int) -> list[np.ndarray]:
    """Of each block of the encoder which channel each channel of the sorted keys was.

    The weights of the rewritten network, of which only the columns have moved, tell.
    """
    rewritten = calibrated.rewritten(
        "qfmt-sort-keys",
        by="data",
        block=block,
        format=BFP12.format(block),
        moments=calibrated.moments,
    )
    text = run_tool("qfmt-opt", "-", stdin=rewritten.real).decode()
    orders = []
    for i in range(network.BLOCKS):
        name = rf"encoder\.layer\.{i}\.attention\.key\.weight(?:_\d+)?"
        # Eight digits say how the bytes are aligned.
        found = re.search(rf'^ *{name}: "0x.{{8}}([0-9A-F]+)"', text, re.MULTILINE)
        after = np.frombuffer(bytes.fromhex(found[1]), np.float32)
        after = after.reshape(network.WIDTH, network.WIDTH)
        before = model.tensors[f"encoder.layer.{i}.attention.self.key.weight"].T
        order = np.argsort(before[0])[np.argsort(np.argsort(after[0]))]
        if not np.array_equal(before[:, order], after):
            raise UserError(f"the weights of keys {i} have other columns than before")
        orders.append(order)
    return orders


def measure(model: Model, folder: Path) -> dict:
    """Errors by block size, of each block of the encoder (unsorted, sorted); f16 over BFP12."""
    say("computing keys")
    keys = compute_keys(model)
    data = save(model.calibration_data(TOKENS), folder / "calibration.npz")
    calibrated = Calibrated(model.at_level_real(TOKENS), data, folder)
    unsorted = np.arange(network.WIDTH)
    errors = {}
    for block in BLOCKS:
        say(f"sorting for blocks of {block}")
        # A whole head in a block: any order does, so that of half a head.
        orders = sort_keys(calibrated, model, min(block, HEAD // 2))
        errors[block] = [
            (lose(key, unsorted, block, folder), lose(key, order, block, folder))
            for key, order in zip(keys, orders)
        ]
    shape = (TOKENS, network.WIDTH)
    ratios = {n: 2 * shape[0] * shape[1] / count_bytes(shape, n, folder) for n in SIZES}
    return {"errors": errors, "f16_over_bfp12": ratios}


def check(figures: dict) -> list[str]:
    complaints = []
    for block, layers in figures["errors"].items():
        for i, (unsorted, in_order) in enumerate(layers):
            if in_order > unsorted:
                complaints.append(f"block {i}: sorted keys lose more in blocks of {block}")
            if block == HEAD and in_order != unsorted:
                complaints.append(f"block {i}: the order within a block makes a difference")
    return complaints


def print_tables(figures: dict) -> None:
    errors = figures["errors"]
    print("error of keys" + "".join(f"{f'n = {block}':>20}" for block in errors))
    print(f"{'block':<13}" + "".join(f"{'unsorted':>10}{'sorted':>10}" for _ in errors))
    for i, row in enumerate(zip(*errors.values())):
        cells = "".join(f"{a:>10.6f}{b:>10.6f}" for a, b in row)
        print(f"{i:<13}{cells}")
    for block, ratio in figures["f16_over_bfp12"].items():
        print(f"n = {block}: {ratio:.2f} times smaller than f16")


def main():
    arguments = parse_arguments()
    try:
        model = Model()
    except checkpoint.Unavailable as reason:
        print(f"skipped: {reason}")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(model, Path(folder))
    print_tables(figures)
    return conclude(figures, arguments.json, check(figures))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
