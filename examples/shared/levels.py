# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A network at every level, as files in a folder, and figures about them.

Input:  a module at level real, calibration data, options of the passes.
Output: Levels with the paths of real, observed, encoded and integer.
Errors: qfmt's UserError, with the diagnostics of the tools.
"""

import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "python"))

from qfmt import execute, pipeline  # noqa: E402
from qfmt.errors import UserError  # noqa: E402
from qfmt.tools import run_tool  # noqa: E402


def say(text: str) -> None:
    print(f"-- {text}", file=sys.stderr, flush=True)


# What the code generator tells apart, and what /proc/cpuinfo calls it.
TARGETS = {
    "O0": (["-O=0"], set()),
    "AVX2": (["--mcpu=x86-64-v3"], {"avx2", "fma", "bmi2"}),
    "AVX-512": (["--mcpu=x86-64-v4"], {"avx512f", "avx512bw", "avx512dq", "avx512vl"}),
}


def add_targets(parser) -> None:
    """The option that says for which targets code is compared."""
    parser.add_argument(
        "--targets",
        nargs="*",
        choices=list(TARGETS),
        default=list(TARGETS),
        help="compare the code for these (default: all)",
    )


class Levels:
    """`calibration` holds one array an argument, by name, samples along the first axis.

    `encode` and `integerize` are options of qfmt-quantize and qfmt-integerize.
    """

    def __init__(
        self,
        folder: str | Path,
        real: bytes,
        calibration: dict[str, np.ndarray],
        encode: dict[str, object],
        integerize: dict[str, object] | None = None,
    ):
        self.folder = Path(folder)
        self.integerize_options = integerize or {}
        self.real = self.write("real", real)
        samples = len(next(iter(calibration.values())))
        say(f"calibrating on {samples} samples")
        data = self.folder / "calibration.npz"
        np.savez(data, **calibration)
        observed = pipeline.annotate(pipeline.observe(real), data)
        self.observed = self.write("observed", observed)
        say("quantizing, making it integer-only")
        self.encoded = self.write("encoded", pipeline.encode(observed, **encode))
        self.integer = self.make_integer("integer", self.encoded.read_bytes())

    def make_integer(self, name: str, encoded: bytes) -> Path:
        return self.write(name, pipeline.integerize(encoded, **self.integerize_options))

    def write(self, name: str, module: bytes) -> Path:
        path = self.folder / f"{name}.mlirbc"
        path.write_bytes(module)
        return path


def compare_targets(
    module: Path, inputs: list[np.ndarray], codes: np.ndarray, names: list[str]
) -> dict[str, int]:
    """The largest difference from `codes` of the code for each target that runs here."""
    flags: set[str] = set()
    info = Path("/proc/cpuinfo")
    if info.exists():
        flags = set(re.findall(r"\w+", info.read_text()))
    differences = {}
    for name in names:
        options, needed = TARGETS[name]
        if not needed <= flags:
            say(f"this processor has no {name}: not compared")
            continue
        say(f"comparing with the code for {name} on {len(codes)} samples")
        (found,), _ = execute.run(module, "main", inputs, options=options, progress=name)
        difference = np.abs(found.astype(np.int64) - codes).max(initial=0)
        differences[name] = int(difference)
    return differences


@dataclass
class Encoding:
    """How an argument or result of an integer function is read: static, per tensor."""

    format: str
    scale: float
    zero_point: int

    def encode(self, values: np.ndarray) -> np.ndarray:
        """The nearest codes, ties to even, clamped to the format's range.

        Division in f32, as qfmt.quantize defines it.
        """
        unsigned = self.format.startswith("u")
        bits = int(self.format.lstrip("ui"))
        lowest = 0 if unsigned else -(1 << (bits - 1))
        codes = np.rint(values.astype(np.float32) / np.float32(self.scale))
        codes = np.clip(codes + self.zero_point, lowest, lowest + (1 << bits) - 1)
        size = 8 if bits <= 8 else 16
        return codes.astype(f"{'u' if unsigned else ''}int{size}")

    def decode(self, codes: np.ndarray) -> np.ndarray:
        return (codes.astype(np.int64) - self.zero_point) * np.float32(self.scale)


def encodings(module: Path) -> tuple[list[Encoding], list[Encoding]]:
    """Of the arguments and the results of @main at level integer."""
    text = run_tool(
        "qfmt-opt",
        module,
        "--mlir-print-local-scope",
        "--mlir-elide-resource-strings-if-larger=16",
    ).decode()
    signature = re.search(r"func\.func @main\(.*", text).group(0)
    arguments, _, results = signature.partition(" -> ")
    return _encodings(arguments), _encodings(results)


def _encodings(text: str) -> list[Encoding]:
    found = []
    for spelled in re.findall(r"#qfmt\.scaled<([^>]*)>", text):
        scale = re.search(r"scale = ([-+.eE\d]+)", spelled)
        zero_point = re.search(r"zero_point = (-?\d+)", spelled)
        found.append(
            Encoding(
                spelled.partition(",")[0].strip(),
                float(np.float32(scale.group(1))) if scale else 1.0,
                int(zero_point.group(1)) if zero_point else 0,
            )
        )
    return found


def count_float_ops(module: Path) -> int:
    """Float operations and types left after decomposition, the wrapper not counted."""
    try:
        pipeline.verify_integer_only(module.read_bytes())
        return 0
    except UserError as error:
        found = re.search(r"the first of (\d+) such operations", str(error))
        if not found:
            raise
        print(f"not integer-only: {error}", file=sys.stderr)
        return int(found.group(1))


def constant_bytes(module: Path) -> int:
    """Bytes of everything constant that the compiled function reads."""
    code = run_tool("qfmt-run", module, "--emit=llvm", "-o", "-").decode()
    found = re.search(r"@qfmt_weights = .*\[(\d+) x i8\]", code)
    return int(found.group(1))


def print_table(rows: list[tuple[str, str]]) -> None:
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        print(f"{name:<{width}}  {value:>14}")


def conclude(figures: dict, path: Path | None, complaints: list[str]) -> int:
    """Writes the figures as JSON if there is a path, prints complaints; the exit status."""
    if path:
        path.write_text(json.dumps(figures, indent=2) + "\n")
    for complaint in complaints:
        print(f"error: {complaint}", file=sys.stderr)
    return 1 if complaints else 0


def find_differences(figures: dict) -> list[str]:
    """What no table may say of integer-only code, one line a complaint; figures that were not measured do not count."""
    complaints = []
    if figures.get("max_reference_difference"):
        complaints.append("compiled code differs from the reference evaluator")
    if any(figures.get("target_differences", {}).values()):
        complaints.append("code for one target differs from that for another")
    if figures.get("float_ops_left"):
        complaints.append("float operations are left in the integer function")
    return complaints
