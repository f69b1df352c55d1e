# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The passes that take a network from level to level, as `qfmt-opt` runs them.

Each function takes and returns MLIR bytecode. docs/spec.md describes the levels.
"""

import json
import re
import tempfile
from pathlib import Path

from qfmt.errors import UserError
from qfmt.tools import run_tool


def run_passes(module: bytes | Path, passes: list[str], warn: bool = False) -> bytes:
    """`passes` on the module, in order; UserError with the diagnostics if one fails.

    A path, of text or bytecode, appears in the diagnostics. `warn` as of run_tool.
    """
    given = isinstance(module, bytes)
    return run_tool(
        "qfmt-opt",
        "-" if given else module,
        # Operations carry histograms and weights: pages of numbers.
        "--mlir-print-op-on-diagnostic=false",
        f"--pass-pipeline=builtin.module({','.join(passes)})",
        "--emit-bytecode",
        stdin=module if given else None,
        warn=warn,
    )


def pass_with(name: str, /, **options: object) -> str:
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
    if all(c.isalnum() or c in "._:-+/" for c in text) and text:
        return text
    # The parser knows no escapes, and counts braces even in quotes.
    if any(c in text for c in "\"{}\n"):
        raise UserError(f"'{text}': quotes, braces and line ends cannot be passed on")
    return f'"{text}"'


def read_mlir(path: Path) -> bytes:
    """A network at level real from text or bytecode, linalg on tensors or TOSA."""
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    try:
        text = print_generic(path)
        if b'sym_name = "main"' not in text:
            raise UserError("it has no function @main")
        passes = from_tosa() if holds_tosa(text) else []
        passes.append(pass_with("qfmt-verify-level", level="real"))
        return run_passes(path, passes)
    except UserError as error:
        raise UserError(f"{path}: no fp32 network can be read:\n{error}") from error


def print_generic(path: Path) -> bytes:
    """The module in the generic form of operations, without large constants."""
    return run_tool(
        "qfmt-opt",
        path,
        "--mlir-print-op-on-diagnostic=false",
        "--mlir-print-op-generic",
        "--mlir-elide-elementsattrs-if-larger=8",
        "--mlir-elide-resource-strings-if-larger=8",
    )


def holds_tosa(text: bytes) -> bool:
    """True if a module in generic form has an operation of the TOSA dialect."""
    # Only the name of an operation is quoted and followed by a parenthesis.
    return re.search(rb'"tosa\.\w+"\(', text) is not None


def from_tosa() -> list[str]:
    """The passes from TOSA to linalg on tensors, upstream's but for the last.

    The order is that of upstream's tosa-to-linalg-pipeline, which also validates:
    its limit on ranks counts the entries of a shape, so that it refuses tosa.pad
    of a tensor of rank 4. It leaves constants (tosa-to-arith) and slices, pads and
    concatenations (tosa-to-tensor). Canonicalization then carries out reshapes of
    constants; concatenations, which were insertions into an empty tensor, become
    moves of whole tensors.
    """
    functions = [
        "tosa-optional-decompositions",
        "canonicalize",
        "tosa-infer-shapes",
        "tosa-make-broadcastable",
        "tosa-to-linalg-named",
        "canonicalize",
        "tosa-layerwise-constant-fold",
        "tosa-make-broadcastable",
        "tosa-to-linalg",
        "tosa-to-arith",
        "tosa-to-tensor",
    ]
    return [
        f"func.func({','.join(functions)})",
        "canonicalize",
        "cse",
        "qfmt-raise-concat",
    ]


def observe(module: bytes) -> bytes:
    """Level real to level observed."""
    return run_passes(
        module,
        [
            "qfmt-erase-unused-results",
            "qfmt-fold-batch-norm",
            "qfmt-insert-observers",
            pass_with("qfmt-verify-level", level="observed"),
        ],
    )


def annotate(module: bytes, calibration: Path, moments: Path | None = None) -> bytes:
    """Writes what the network's tensors look like on the samples of `calibration`.

    And to the .npz file `moments` second moments, means, ranges and samples of what
    each layer reads.
    """
    return run_passes(
        module, [pass_with("qfmt-annotate", data=calibration, moments=moments)]
    )


def assign_formats(module: bytes, **options: object) -> bytes:
    """Level observed to level assigned; the options are those of qfmt-assign-formats."""
    passes = [pass_with("qfmt-assign-formats", **options)]
    return run_passes(module, passes, warn=True)


def list_layers(module: bytes) -> list[str]:
    """The names of what qfmt-assign-formats gives formats to, in program order."""
    return [layer["name"] for layer in describe_layers(module)]


def list_neighbours(module: bytes) -> list[tuple[str, str]]:
    """Pairs of layers of which the second reads results of the first, with no other between."""
    return [
        (before, layer["name"])
        for layer in describe_layers(module)
        for before in layer["after"]
    ]


def describe_layers(module: bytes) -> list[dict]:
    """What the report of qfmt-assign-formats says of layers in f32."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        assign_formats(module, candidates="f32", damage="weights", report=report)
        return json.loads(report.read_text())["layers"]


def set_formats(module: bytes, choices: dict[str, str]) -> bytes:
    """Level observed to level assigned with given formats, "i4/i8", of all layers.

    Each is the one candidate that does its layer no damage.
    """
    candidates = list(dict.fromkeys(choices.values()))
    table = {
        layer: {candidate: float(candidate != wanted) for candidate in candidates}
        for layer, wanted in choices.items()
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "formats.json"
        path.write_text(json.dumps(table))
        return assign_formats(
            module, candidates=",".join(candidates), damage="measured", damage_file=path
        )


def encode(
    module: bytes,
    round_weights: str | None = None,
    moments: Path | None = None,
    correct_biases: bool = False,
    seed: int | None = None,
    **options: object,
) -> bytes:
    """Level observed to level encoded; the options are those of qfmt-quantize.

    With `round_weights`, "gptq" or "learned", weights are rounded such that results
    change least, by the second moments that `annotate` has written; with "stochastic"
    up or down by chance, as `seed` says. With `correct_biases`, what errors of weights
    add on average, by the means in `moments`, is taken out of biases.
    """
    if round_weights:
        options["encode_weights"] = "false"
    passes = ["qfmt-keep-weights"] if correct_biases else []
    passes.append(pass_with("qfmt-quantize", **options))
    if round_weights == "stochastic":
        passes.append(pass_with("qfmt-round-weights-at-random", seed=seed))
    elif round_weights:
        passes.append(
            pass_with("qfmt-round-weights", method=round_weights, moments=moments)
        )
    # The weights of layers whose format is not an integer one.
    passes.append("qfmt-encode-constants")
    if correct_biases:
        passes.append(pass_with("qfmt-correct-biases", moments=moments))
    return run_passes(
        module, [*passes, pass_with("qfmt-verify-level", level="encoded")]
    )


def integerize(module: bytes, **options: object) -> bytes:
    """Level encoded to level integer; the options are those of qfmt-integerize."""
    return run_passes(
        module,
        [
            # The constants of a file may be packed.
            "qfmt-unpack-constants",
            pass_with("qfmt-integerize", **options),
            "canonicalize",
            "cse",
            pass_with("qfmt-verify-level", level="integer"),
        ],
    )


def pack_constants(module: bytes) -> bytes:
    """The same level, with codes narrower than a byte stored without gaps."""
    return run_passes(module, ["qfmt-pack-storage"])


def verify_integer_only(module: bytes) -> None:
    """Fails with the first float operation or division that is left after decomposition."""
    run_passes(
        module,
        [
            "qfmt-decompose",
            pass_with("qfmt-verify-integer-only", division="forbid"),
        ],
    )
