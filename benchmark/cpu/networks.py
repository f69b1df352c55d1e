#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Integer-only networks against onnxruntime's static int8 of the same networks.

The two image classifiers of examples and the sentence encoder for 128 words. Both sides take the same ONNX file and
the same calibration data, and are called with the same floats: onnxruntime in the forms that `quantize_static` makes
(QDQ, unsigned data, signed weights with a scale a channel), once with all operators that it quantizes and once with
products and convolutions alone; ours through @main_f32. One thread, one process, in rounds: each round calls each side
for about the same time, and counts the CPU time of the process. The order changes with every round.

Needs onnxruntime and onnx, which are no dependencies of the project: run it in an environment that has them.

    python benchmark/cpu/networks.py --json networks.json
    benchmark/cpu/table.py networks.json
"""

import argparse
import ctypes
import hashlib
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
sys.path[:0] = [str(ROOT / "python")]
sys.path[:0] = [str(EXAMPLES / name) for name in ("fashion-mnist", "sentence-encoder", "shared")]

import data  # noqa: E402
from channels import Calibrated, save  # noqa: E402
from images import PIXEL_FORMAT, to_floats  # noqa: E402
from levels import Levels, say  # noqa: E402
from qfmt.execute import read_signature  # noqa: E402
from qfmt.onnx_import import import_onnx  # noqa: E402
from qfmt.tools import run_tool  # noqa: E402

TOKENS = 128
CALIBRATION_IMAGES = 512
# Inputs that the sides take turns with, and are compared on.
SAMPLES = 64


# --- The networks ----------------------------------------------------------------------------------------------------


class ImageNetwork:
    """A classifier of Fashion-MNIST."""

    def __init__(self, onnx, encode):
        self.onnx = EXAMPLES / onnx
        self.encode = encode | {"input_format": PIXEL_FORMAT}
        self.calibration = {"image": to_floats(data.load_images("train")[:CALIBRATION_IMAGES, None])}
        self.samples = {"image": to_floats(data.load_images("test")[:SAMPLES, None])}

    def write_onnx(self, folder):
        return self.onnx

    def at_level_real(self, onnx, folder):
        return import_onnx(onnx, {})


class SentenceEncoder:
    """MiniLM-L6; behind its end a sentence is repeated, and marked as padding."""

    encode = {"weights": "i8", "activations": "i8", "wide_activations": "i16"}

    def __init__(self):
        import model

        self.model = model.Model()
        self.calibration = self.model.calibration_data(TOKENS)
        numbers, padding = self.model.inputs(self.model.read("sentences.txt", SAMPLES), TOKENS)
        self.samples = {"words": model.look_up(self.model.table, numbers), "padding": padding}

    def write_onnx(self, folder):
        import network

        network.write_onnx(self.model.tensors, TOKENS, folder / "network.onnx")
        return folder / "network.onnx"

    def at_level_real(self, onnx, folder):
        plain = Calibrated(import_onnx(onnx, {}), save(self.calibration, folder / "all.npz"), folder)
        return plain.rewritten("qfmt-smooth-quant", alpha=0.8, moments=plain.moments).real


NETWORKS = {
    "fashion-mnist": lambda: ImageNetwork(
        "fashion-mnist/fashion_mnist.onnx", {"weights": "i8", "activations": "i8"}
    ),
    "vision-transformer": lambda: ImageNetwork(
        "vision-transformer/vision_transformer.onnx", SentenceEncoder.encode
    ),
    f"minilm-{TOKENS}": SentenceEncoder,
}


# --- The sides -------------------------------------------------------------------------------------------------------


class Compiled:
    """@main_f32 of the integer-only network as a shared library."""

    def __init__(self, network, onnx, folder, integer=None):
        if integer is None:
            real = network.at_level_real(onnx, folder)
            integer = Levels(folder, real, network.calibration, network.encode).integer
        run_tool("qfmt-run", integer, "--entry=main_f32", "--emit=object", "-o", folder / "network.o")
        library = folder / "network.so"
        subprocess.run(["cc", "-shared", "-o", library, folder / "network.o", "-lm"], check=True)
        signature = read_signature(integer, "main_f32")
        self.call = ctypes.CDLL(str(library)).qfmt_main_f32
        self.inputs = [aligned(buffer) for buffer in signature.inputs]
        self.outputs = [aligned(buffer) for buffer in signature.outputs]
        self.names = [buffer.name for buffer in signature.inputs]
        self.arguments = [ctypes.c_void_p(array.ctypes.data) for array in self.inputs + self.outputs]

    def set_inputs(self, values):
        for name, array in zip(self.names, self.inputs):
            array[...] = values[name]

    def run(self):
        self.call(*self.arguments)

    def result(self):
        return self.outputs[0].copy()


def aligned(buffer):
    """An array at a multiple of 64 bytes."""
    size = int(np.prod(buffer.shape)) * buffer.dtype.itemsize
    raw = np.zeros(size + 64, np.uint8)
    start = -raw.ctypes.data % 64
    return raw[start : start + size].view(buffer.dtype).reshape(buffer.shape)


class OnnxRuntime:
    def __init__(self, onnx, network):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        session = onnxruntime.InferenceSession(str(onnx), options, ["CPUExecutionProvider"])
        self.binding = session.io_binding()
        self.session = session
        self.name = session.get_outputs()[0].name

    def set_inputs(self, values):
        self.values = {name: np.ascontiguousarray(value) for name, value in values.items()}
        for name, value in self.values.items():
            self.binding.bind_cpu_input(name, value)
        self.binding.bind_output(self.name, "cpu")

    def run(self):
        self.session.run_with_iobinding(self.binding)

    def result(self):
        return self.binding.get_outputs()[0].numpy().copy()


def quantize(onnx, network, products_only, folder):
    """The ONNX file as onnxruntime's static int8."""
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):
        def __init__(self):
            count = len(next(iter(network.calibration.values())))
            self.rest = iter([{k: v[i] for k, v in network.calibration.items()} for i in range(count)])

        def get_next(self):
            return next(self.rest, None)

    prepared, quantized = folder / "prepared.onnx", folder / f"int8-{products_only}.onnx"
    quant_pre_process(str(onnx), str(prepared), skip_symbolic_shape=True)
    quantize_static(
        str(prepared),
        str(quantized),
        Reader(),
        quant_format=QuantFormat.QDQ,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        per_channel=True,
        op_types_to_quantize=["Conv", "Gemm", "MatMul"] if products_only else None,
    )
    return quantized


# --- Rounds ----------------------------------------------------------------------------------------------------------


def time_calls(side, seconds):
    """CPU and wall microseconds of a call, and how many calls it took."""
    calls, wall, cpu = 0, time.perf_counter(), time.process_time()
    while time.perf_counter() - wall < seconds:
        side.run()
        calls += 1
    return 1e6 * (time.process_time() - cpu) / calls, 1e6 * (time.perf_counter() - wall) / calls, calls


def measure(sides, network, rounds, seconds):
    """Entries as Google Benchmark writes them."""
    entries = []
    names = list(sides)
    count = len(next(iter(network.samples.values())))
    for round in range(-1, rounds):
        values = {name: array[max(round, 0) % count] for name, array in network.samples.items()}
        order = names[round % len(names) :] + names[: round % len(names)]
        for name in order:
            sides[name].set_inputs(values)
            sides[name].run()
            cpu, wall, calls = time_calls(sides[name], seconds)
            if round >= 0:  # the first one warms up
                entries.append(
                    {
                        "name": name,
                        "run_name": name,
                        "run_type": "iteration",
                        "repetitions": rounds,
                        "repetition_index": round,
                        "threads": 1,
                        "iterations": calls,
                        "real_time": wall,
                        "cpu_time": cpu,
                        "time_unit": "us",
                    }
                )
    return entries


def likeness(sides, reference, network):
    """Of every side the mean cosine of its results and those of fp32, over all samples."""
    count = len(next(iter(network.samples.values())))
    cosines = {name: [] for name in sides}
    for i in range(count):
        values = {name: array[i] for name, array in network.samples.items()}
        for side in (*sides.values(), reference):
            side.set_inputs(values)
            side.run()
        exact = reference.result().ravel().astype(np.float64)
        for name, side in sides.items():
            found = side.result().ravel().astype(np.float64)
            cosines[name].append(found @ exact / np.linalg.norm(found) / np.linalg.norm(exact))
    return {name: float(np.mean(values)) for name, values in cosines.items()}


def make_sides(name, network, folder, cache):
    """Ours and onnxruntime's, by benchmark name, and onnxruntime's fp32."""
    onnx = network.write_onnx(folder)
    say(f"{name}: ours")
    kept = cache and cache / f"{name}.mlirbc"
    ours = Compiled(network, onnx, folder, kept if kept and kept.exists() else None)
    if kept and not kept.exists():
        kept.write_bytes((folder / "integer.mlirbc").read_bytes())
    sides = {f"qfmt/{name}": ours}
    for products_only in (False, True):
        say(f"{name}: onnxruntime's static int8, {'products' if products_only else 'all operators'}")
        kept = cache and cache / f"{name}-{hashlib.sha1(onnx.read_bytes()).hexdigest()[:8]}-{products_only}.onnx"
        if not kept or not kept.exists():
            quantized = quantize(onnx, network, products_only, folder)
            if kept:
                kept.write_bytes(quantized.read_bytes())
        form = "products" if products_only else "all"
        sides[f"onnxruntime/{name}/{form}"] = OnnxRuntime(kept or quantized, network)
    return sides, OnnxRuntime(onnx, network)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", default=list(NETWORKS), help=f"of {', '.join(NETWORKS)}; default: all")
    parser.add_argument("--json", type=Path, required=True, help="where the figures go, as Google Benchmark writes them")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=0.2, help="of each side in each round")
    parser.add_argument("--cache", type=Path, help="a folder that keeps quantized networks, ours and theirs")
    arguments = parser.parse_args()
    if unknown := [name for name in arguments.networks if name not in NETWORKS]:
        parser.error(f"no network '{unknown[0]}'; there are {', '.join(NETWORKS)}")
    if arguments.cache:
        arguments.cache.mkdir(parents=True, exist_ok=True)
    import onnxruntime

    figures = {"context": {"onnxruntime": onnxruntime.__version__, "cosine_to_fp32": {}}, "benchmarks": []}
    for name in arguments.networks:
        network = NETWORKS[name]()
        with tempfile.TemporaryDirectory() as folder:
            sides, reference = make_sides(name, network, Path(folder), arguments.cache)
            figures["context"]["cosine_to_fp32"] |= likeness(sides, reference, network)
            say(f"{name}: {arguments.rounds} rounds")
            figures["benchmarks"] += measure(sides, network, arguments.rounds, arguments.seconds)
    arguments.json.write_text(json.dumps(figures, indent=1) + "\n")
    for name, cosine in figures["context"]["cosine_to_fp32"].items():
        times = [entry["cpu_time"] for entry in figures["benchmarks"] if entry["name"] == name]
        print(f"{name:<40} {np.median(times):10.1f} us a call, cosine to fp32 {cosine:.4f}")


if __name__ == "__main__":
    main()
