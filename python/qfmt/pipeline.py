# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The passes that take a network from level to level, as `qfmt-opt` runs them.

Each function takes and returns MLIR bytecode. docs/spec.md describes the levels.
"""

from pathlib import Path

from qfmt.tools import run_tool


def run_passes(module: bytes, passes: list[str]) -> bytes:
    """`passes` on the module, in order; UserError with the diagnostics if one fails."""
    pipeline = f"builtin.module({','.join(passes)})"
    return run_tool(
        "qfmt-opt", "-", "--mlir-print-op-on-diagnostic=false", f"--pass-pipeline={pipeline}", "--emit-bytecode", stdin=module
    )


def pass_with(name: str, **options: object) -> str:
    """The pass with its options; None leaves an option at its default."""
    given = [
        f"{key.replace('_', '-')}={quote(value)}"
        for key, value in options.items()
        if value is not None
    ]
    return f"{name}{{{' '.join(given)}}}" if given else name


def quote(value: object) -> str:
    """A value as the pass option parser reads it: in quotes if it is not a word."""
    text = str(value)
    plain = all(c.isalnum() or c in "._:-+/" for c in text)
    return text if plain and text else f'"{text}"'


def observe(module: bytes) -> bytes:
    """Level real to level observed."""
    return run_passes(
        module,
        [
            "qfmt-fold-batch-norm",
            "qfmt-insert-observers",
            pass_with("qfmt-verify-level", level="observed"),
        ],
    )


def annotate(module: bytes, calibration: Path) -> bytes:
    """Writes what the network's tensors look like on the samples of `calibration`."""
    return run_passes(module, [pass_with("qfmt-annotate", data=calibration)])


def encode(module: bytes, **options: object) -> bytes:
    """Level observed to level encoded; the options are those of qfmt-quantize."""
    return run_passes(
        module,
        [
            pass_with("qfmt-quantize", **options),
            pass_with("qfmt-verify-level", level="encoded"),
        ],
    )


def integerize(module: bytes, **options: object) -> bytes:
    """Level encoded to level integer; the options are those of qfmt-integerize."""
    return run_passes(
        module,
        [
            pass_with("qfmt-integerize", **options),
            "canonicalize",
            "cse",
            pass_with("qfmt-verify-level", level="integer"),
        ],
    )


def verify_integer_only(module: bytes) -> None:
    """Fails with the first float operation that is left after decomposition."""
    run_passes(module, ["qfmt-decompose", "qfmt-verify-integer-only"])
