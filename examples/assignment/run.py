#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Formats by layer against one format for all: accuracy over bytes, of two networks.

For the Fashion-MNIST CNN or the vision transformer: measures what each candidate
format does to each layer, solves for budgets of weight bytes, and refines what comes
out by running whole networks on training images. Then runs the test images through
the networks that were found and through networks in uniform formats, and draws both.
Damage is the divergence of the softmax of the logits from that in f32. Everything
measured is kept in --cache: a second run continues.

Exit status 1 if one of these does not hold (--images 10000):
- the damage never rises along the fronts, and more candidates never raise it;
- accuracy falls by at most 0.2 points along the front;
- it is nowhere more than 0.2 points below that of uniform formats of the same size;
- at the size of uniform 4 bits it is 1 point higher than theirs, or by half of what
  they are below 8 bits.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
EXAMPLES = HERE.parent
sys.path[:0] = [
    str(EXAMPLES / "fashion-mnist"),
    str(EXAMPLES / "shared"),
    str(HERE.parents[1] / "python"),
]

import data  # noqa: E402
from images import PIXEL_FORMAT, accuracy, to_floats  # noqa: E402
from levels import print_table, say  # noqa: E402
from qfmt import assignment, pipeline, sensitivity  # noqa: E402
from qfmt.cache import Cache, make_key, tool_version  # noqa: E402
from qfmt.errors import UserError  # noqa: E402
from qfmt.onnx_import import import_onnx  # noqa: E402
from qfmt.refinement import Refinement  # noqa: E402

NETWORKS = {
    "cnn": (EXAMPLES / "fashion-mnist" / "fashion_mnist.onnx", {}),
    "transformer": (
        EXAMPLES / "vision-transformer" / "vision_transformer.onnx",
        {"wide_activations": "i16"},
    ),
}
INTEGERS = [f"i{bits}/i8" for bits in range(2, 9)]
FLOATS = [
    "!qfmt.float<1, 1>/i8",
    "!qfmt.float<2, 0>/i8",
    "f4E2M1FN/i8",
    "!qfmt.float<2, 2>/i8",
    "f6E2M3FN/i8",
    "f6E3M2FN/i8",
    "nf4/i8",
    "mxfp4/i8",
]
# A larger network has to do less damage by this part.
GAIN = 0.05
# In nats. A network with less damage agrees with f32 on more than 99 of 100 images: there
# is nothing to refine.
ENOUGH = 1e-3
ALLOWED_DROP = 0.2


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--network", choices=list(NETWORKS), default="cnn")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    parser.add_argument("--picture", type=Path, help="draw accuracy over bytes here (.png)")
    parser.add_argument(
        "--images", type=int, default=10000, help="test images to run (default: all)"
    )
    parser.add_argument(
        "--calibration-images",
        type=int,
        default=2048,
        help="training images for ranges and damage (default: 2048)",
    )
    parser.add_argument(
        "--selection-images",
        type=int,
        default=10000,
        help="training images on which whole networks are compared (default: 10000)",
    )
    parser.add_argument(
        "--validation-images",
        type=int,
        default=0,
        help="the last N training images in the place of the test images: to choose settings",
    )
    parser.add_argument(
        "--refine",
        type=int,
        default=12,
        help="networks to run for each size, beside those to begin with (default: 12)",
    )
    parser.add_argument("--around", default="f32", help="formats of the other layers")
    parser.add_argument(
        "--steps", type=int, default=1, help="sizes for each bit of a weight (default: 1)"
    )
    parser.add_argument("--jobs", type=int, default=1, help="networks to run at a time")
    parser.add_argument("--cache", type=Path, help="folder for results")
    return parser.parse_args()


def load_tests(arguments) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels on which accuracy is found."""
    if arguments.validation_images:
        chosen, split = slice(-arguments.validation_images, None), "train"
    else:
        chosen, split = slice(arguments.images), "test"
    return data.load_images(split)[chosen, np.newaxis], data.load_labels(split)[chosen]


class Subject:
    """A network whose accuracy in any formats can be asked for."""

    def __init__(self, arguments):
        path, options = NETWORKS[arguments.network]
        self.cache = Cache(arguments.cache)
        self.options = {"input_format": PIXEL_FORMAT, **options}
        calibration = to_floats(data.load_images("train")[: arguments.calibration_images])
        self.observed = self.observe(import_onnx(path, {}), calibration)
        self.experiment = sensitivity.Experiment(
            self.observed, [calibration[:, np.newaxis]], self.cache
        )
        # In the formats in which tests run, and on more images: of few networks.
        chosen = to_floats(data.load_images("train")[: arguments.selection_images])
        self.whole = sensitivity.Experiment(
            self.observed,
            [chosen[:, np.newaxis]],
            self.cache,
            self.options | {"activations": "i8"},
        )
        images, self.labels = load_tests(arguments)
        self.tests = sensitivity.Experiment(
            self.observed, [to_floats(images)], self.cache, self.whole.options
        )

    def observe(self, real: bytes, calibration: np.ndarray) -> bytes:
        import tempfile

        key = make_key("observed", real, calibration, tool_version())
        observed = self.cache.find(key)
        if observed is None:
            with tempfile.TemporaryDirectory() as folder:
                samples = Path(folder) / "calibration.npz"
                np.savez(samples, image=calibration)
                observed = pipeline.annotate(pipeline.observe(real), samples)
            self.cache.store(key, observed)
        return observed

    def accuracy(self, choices: dict[str, str] | None) -> float:
        """Percent of the test images; in f32 if there are no formats."""
        if choices is None:
            return accuracy(self.tests.expected()[0], self.labels)
        (results,) = self.tests.results(choices)
        return accuracy(results, self.labels)

    def packed_bytes(self, choices: dict[str, str]) -> int:
        """Of the weights, in the network as it is stored."""
        return assignment.packed_bytes(pipeline.pack_constants(self.tests.encode(choices)))

    def uniform(self, choice: str) -> dict[str, str]:
        return dict.fromkeys(self.experiment.layers, choice)


def make_problem(subject: Subject, candidates: list[str], loss: str, arguments) -> dict:
    """The candidates of all layers with their damages and costs."""
    import tempfile

    table = sensitivity.measure(
        subject.experiment,
        candidates,
        loss=loss,
        around=sensitivity.spell_out(arguments.around),
        jobs=arguments.jobs,
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "damage.json"
        path.write_text(json.dumps(table))
        damage = assignment.Damage("measured", path)
        return assignment.assign(subject.observed, candidates, damage, {}).problem


class Search:
    """Assignments of some candidates, a point for each size."""

    def __init__(self, subject: Subject, candidates: list[str], arguments):
        self.problems = {
            loss: make_problem(subject, candidates, loss, arguments) for loss in sensitivity.LOSSES
        }
        self.refinement = Refinement(
            self.problems["kl"], lambda choices: subject.whole.damage(choices)["kl"]
        )
        self.runs = arguments.refine
        # What the integer program promises: layer by layer.
        self.promised: dict[str, list[assignment.Point]] = {loss: [] for loss in self.problems}

    def at(self, size: float, known: dict[str, str] | None) -> assignment.Point:
        """The best that is found, from the program's solutions and one known before."""
        starts = [known] if known else []
        for loss, problem in self.problems.items():
            self.promised[loss].append(assignment.solve(problem, {"bytes": size}))
            starts.append(self.promised[loss][-1].choices)
        found = self.refinement.improve(starts, {"bytes": size}, 0)
        if found.objective < ENOUGH:
            return found
        return self.refinement.improve([], {"bytes": size}, self.runs)


def describe(subject: Subject, point: assignment.Point) -> dict:
    return {
        "bytes": point.cost,
        "packed_bytes": subject.packed_bytes(point.choices),
        "damage": point.objective,
        "accuracy": subject.accuracy(point.choices),
        "choices": point.choices,
    }


def list_sizes(smallest: float, largest: float, steps: int) -> list[float]:
    """From 2 to 8 bits everywhere, `steps` for each bit."""
    return list(np.linspace(smallest, largest, 6 * steps + 1))


def measure(arguments) -> dict:
    subject = Subject(arguments)
    problem = make_problem(subject, INTEGERS, "kl", arguments)
    uniform = [
        assignment.Point(size, subject.whole.damage(choices)["kl"], size, choices)
        for choices in map(subject.uniform, INTEGERS)
        for size in [assignment.total(problem, choices, "bytes")]
    ]
    figures = {
        "network": arguments.network,
        "images": len(subject.labels),
        "around": arguments.around,
        "fp32_accuracy": subject.accuracy(None),
        "uniform": [],
        "fronts": {},
        # By measure and limit: what the integer program promises, and what was found.
        "damage": {},
    }
    fronts: dict[str, list[assignment.Point]] = {}
    sizes = list_sizes(uniform[0].cost, uniform[-1].cost, arguments.steps)
    # What is a choice among few formats is one among more, too.
    known: dict[float, dict[str, str]] = {}
    for name, candidates in (("integers", INTEGERS), ("mixed", INTEGERS + FLOATS)):
        say(f"{name}: measuring damage")
        search = Search(subject, candidates, arguments)
        points = []
        for size in sizes:
            say(f"{name}: at most {size:.0f} bytes")
            points.append(search.at(size, known.get(size)))
            known[size] = points[-1].choices
        fronts[name] = assignment.keep_better(points, GAIN)
        figures["damage"][name] = {
            measure: [[point.limit, point.objective] for point in found]
            for measure, found in [*search.promised.items(), ("whole networks", points)]
        }
    for format_, point in zip(INTEGERS, uniform):
        entry = describe(subject, point) | {"format": format_}
        for name, front in fronts.items():
            entry[name] = describe(subject, assignment.best_within(front, point.cost))
        say(
            f"{format_}: {entry['accuracy']:.2f} %, integers {entry['integers']['accuracy']:.2f} %, "
            f"mixed {entry['mixed']['accuracy']:.2f} %, {point.cost:.0f} bytes"
        )
        figures["uniform"].append(entry)
    for name, front in fronts.items():
        figures["fronts"][name] = [describe(subject, point) for point in front]
        for point in figures["fronts"][name]:
            say(f"{name}: {point['bytes']:.0f} bytes, {point['accuracy']:.2f} %")
    return figures


def check_damage(figures: dict) -> list[str]:
    """What the integer program promises, and what whole networks do."""
    complaints = []
    for name, measures in figures["damage"].items():
        for measure, points in measures.items():
            damages = [damage for _, damage in points]
            if any(after > before for before, after in zip(damages, damages[1:])):
                complaints.append(f"{name}, {measure}: damage rises with the budget")
            few = [damage for _, damage in figures["damage"]["integers"][measure]]
            if any(b > a * (1 + 1e-12) for a, b in zip(few, damages)):
                complaints.append(f"{name}, {measure}: more candidates raise the damage")
    return complaints


def exceeds(points: float, limit: float, figures: dict) -> bool:
    """By any part of an image: differences of percentages are not exact."""
    return (points - limit) * figures["images"] / 100 > 1e-6


def check(figures: dict) -> list[str]:
    """What must not be; one line a complaint."""
    complaints = check_damage(figures)
    for name, front in figures["fronts"].items():
        best = 0.0
        for point in front:
            best = max(best, point["accuracy"])
            if exceeds(best - point["accuracy"], ALLOWED_DROP, figures):
                drop = best - point["accuracy"]
                size = f"{point['bytes']:.0f} bytes"
                complaints.append(f"{name}: accuracy falls by {drop:.2f} at {size}")
    accuracies = {entry["format"]: entry["accuracy"] for entry in figures["uniform"]}
    for entry in figures["uniform"]:
        for name in figures["fronts"]:
            behind = entry["accuracy"] - entry[name]["accuracy"]
            if exceeds(behind, ALLOWED_DROP, figures):
                complaints.append(f"{name}: {behind:.2f} points behind uniform {entry['format']}")
            gap = accuracies["i8/i8"] - entry["accuracy"]
            if entry["format"] == "i4/i8" and exceeds(min(1.0, gap / 2), -behind, figures):
                complaints.append(f"{name}: only {-behind:.2f} points better than uniform 4 bits")
    for point in figures["uniform"] + sum(figures["fronts"].values(), []):
        if point["bytes"] != point["packed_bytes"]:
            complaints.append(f"{point['packed_bytes']} bytes, not {point['bytes']:.0f}")
    return complaints


def table(figures: dict) -> list[tuple[str, str]]:
    rows = [("test images", f"{figures['images']}"), ("fp32", f"{figures['fp32_accuracy']:.2f} %")]
    for entry in figures["uniform"]:
        rows += [
            (f"{entry['format']} everywhere, {entry['bytes']:.0f} bytes", f"{entry['accuracy']:.2f} %"),
            ("  integers by layer", f"{entry['integers']['accuracy']:.2f} %"),
            ("  integers and floats by layer", f"{entry['mixed']['accuracy']:.2f} %"),
        ]
    return rows


def draw(figures: dict, path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, 4.5))
    series = {"uniform": figures["uniform"], **figures["fronts"]}
    marks = {"uniform": "ks--", "integers": "C0.-", "mixed": "C3.-"}
    labels = {
        "uniform": "one format for all layers",
        "integers": "integers by layer",
        "mixed": "integers and floats by layer",
    }
    for name, points in series.items():
        points = sorted(points, key=lambda point: point["bytes"])
        axes.plot(
            [point["bytes"] / 1000 for point in points],
            [point["accuracy"] for point in points],
            marks[name],
            label=labels[name],
        )
    axes.axhline(figures["fp32_accuracy"], color="grey", linewidth=0.8, label="fp32")
    # Two bits everywhere leave nothing of a network.
    lowest = min(p["accuracy"] for p in figures["uniform"] if p["format"] != "i2/i8")
    axes.set_ylim(lowest - 1, figures["fp32_accuracy"] + 1)
    axes.set_xlabel("bytes of weights / 1000")
    axes.set_ylabel("test accuracy [%]")
    axes.set_title(f"{figures['network']}, {figures['images']} images")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def main() -> int:
    arguments = parse_arguments()
    figures = measure(arguments)
    print_table(table(figures))
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")
    if arguments.picture:
        draw(figures, arguments.picture)
    complaints = check(figures)
    for complaint in complaints:
        print(f"error: {complaint}", file=sys.stderr)
    return 1 if complaints and figures["images"] == 10000 else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (UserError, data.DatasetError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
