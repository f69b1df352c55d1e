# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Milliseconds of each layer in each format, on this machine.

Each layer is cut out of the network (qfmt-extract-layer), quantized, compiled and
called alone. Layers whose code can differ only in constants are timed once. Times
go to a cache, by the text of the module, the processor and the tools.
"""

import json
import platform
import re
import statistics
import tempfile
from pathlib import Path

import numpy as np

from qfmt import execute, pipeline
from qfmt.cache import Cache, make_key, tool_version
from qfmt.tools import run_tool

# Of calls: the best estimate of each round is the median, that of all their median.
ROUNDS = 5
CALLS = 200


def processor() -> str:
    """What the compiled code depends on: the processor's name and its features."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    named = [line for line in lines if re.match(r"(model name|flags)\s*:", line)]
    return "\n".join(named[:2]) or platform.processor()


def shape_of(module: bytes) -> bytes:
    """The module's text without what does not matter for time: constants, ranges, names."""
    text = run_tool(
        "qfmt-opt",
        "-",
        "--mlir-elide-elementsattrs-if-larger=1",
        "--mlir-elide-resource-strings-if-larger=1",
        "--mlir-print-local-scope",
        stdin=module,
    )
    text, _, _ = text.partition(b"{-#")
    for pattern in (
        rb'qfmt\.layer = "[^"]*"',
        rb"statistics = <[^>]*>",
        rb'(?<=observe )%\S+ "[^"]*"',
        rb"dense<[^>]*>",
        rb"dense_resource<[^>]*>",
    ):
        text = re.sub(pattern, b"", text)
    return text


def time_module(module: bytes) -> float:
    """Median milliseconds of a call of @main."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "layer.mlirbc"
        path.write_bytes(module)
        signature = execute.read_signature(path, "main")
        random = np.random.default_rng(0)
        inputs = []
        for buffer in signature.inputs:
            shape = (CALLS, *buffer.shape)
            if buffer.dtype.kind == "f":
                inputs.append(random.standard_normal(shape).astype(buffer.dtype))
            else:
                # Codes of any format; integer code takes no shortcuts for zeros.
                inputs.append(np.zeros(shape, buffer.dtype))
        rounds = [execute.run(path, "main", inputs)[1] for _ in range(ROUNDS)]
        return statistics.median(rounds)


def compile_level(assigned: bytes, level: str, options: dict[str, object]) -> bytes:
    """Level assigned to `level`, encoded or integer."""
    module = pipeline.encode(assigned, **options)
    return pipeline.integerize(module) if level == "integer" else module


def measure(
    observed: bytes,
    candidates: list[str],
    cache: Cache,
    *,
    level: str = "encoded",
    options: dict[str, object] | None = None,
) -> dict[str, dict[str, float]]:
    """Milliseconds by layer and candidate. `options` are those of qfmt-quantize."""
    from tqdm import tqdm

    options = options or {}
    layers = pipeline.list_layers(observed)
    machine = [processor(), tool_version()]
    table: dict[str, dict[str, float]] = {}
    # disable=None: no bar where stderr is no terminal.
    with tqdm(
        total=len(layers) * len(candidates), desc="latency", unit="run", disable=None
    ) as bar:
        for layer in layers:
            alone = pipeline.run_passes(
                observed, [pipeline.pass_with("qfmt-extract-layer", name=layer)]
            )
            shape = shape_of(alone)
            table[layer] = {}
            for choice in candidates:
                key = make_key("latency", shape, choice, level, options, *machine)
                stored = cache.find(key)
                if stored is None:
                    inner = {name: choice for name in pipeline.list_layers(alone)}
                    assigned = pipeline.set_formats(alone, inner)
                    module = compile_level(assigned, level, options)
                    stored = json.dumps(time_module(module)).encode()
                    cache.store(key, stored)
                table[layer][choice] = json.loads(stored)
                bar.update()
    return table
