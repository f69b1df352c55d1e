# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Rewrites of channels, each with what calibration says of the network before it.

docs/Channels.md describes them. A network at level real is given and returned; it
computes the same as before.
"""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from qfmt import pipeline
from qfmt.errors import UserError

# Those that ask for no statistics.
WITHOUT_DATA = {"equalize-weights"}
REWRITES = [
    "smooth-quant",
    "suppress-outliers",
    "scale-by-activations",
    "shift-exponents",
    "equalize-weights",
    "sort-keys",
    "sort-channels",
    "rotate-channels",
]


@dataclass(frozen=True)
class Rewrite:
    """One pass, by its name without `qfmt-`, and its options."""

    name: str
    options: dict[str, str]

    @staticmethod
    def parse(text: str) -> "Rewrite":
        """`smooth-quant,alpha=0.8`; UserError if it is something else."""
        name, *given = text.split(",")
        if name not in REWRITES:
            raise UserError(f"--rewrite: no '{name}'; give one of {', '.join(REWRITES)}")
        options = {}
        for option in given:
            key, is_given, value = option.partition("=")
            if not is_given:
                raise UserError(f"--rewrite {name}: '{option}' is no option=value")
            options[key] = value
        return Rewrite(name, options)


def rewrite_channels(real: bytes, data: Path, rewrites: list[Rewrite]) -> bytes:
    """The rewrites in order; `data` is what pipeline.annotate takes."""
    for rewrite in rewrites:
        options: dict[str, object] = dict(rewrite.options)
        with TemporaryDirectory() as folder:
            if rewrite.name not in WITHOUT_DATA:
                options["moments"] = Path(folder) / "moments.npz"
                pipeline.annotate(pipeline.observe(real), data, options["moments"])
            real = pipeline.run_passes(
                real, [pipeline.pass_with(f"qfmt-{rewrite.name}", **options)]
            )
    return real
