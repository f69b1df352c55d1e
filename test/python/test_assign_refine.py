# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Assignments that are refined by running whole networks."""

import itertools
import json

import numpy as np
import onnx
import pytest
from onnx_models import model, node, weight

from qfmt import assignment, cli, sensitivity
from qfmt.errors import UserError
from qfmt.refinement import Refinement, find_limits, list_options

BITS = [2, 3, 4, 5, 8]


def problem(damages: np.ndarray, **more) -> dict:
    """Layers with a format for each of BITS, which cost their bits."""
    groups = [
        {
            "name": f"layer{i}",
            "choices": [
                {"format": f"i{bits}/i8", "damage": float(damage), "costs": {"bytes": bits}}
                for bits, damage in zip(BITS, row)
            ],
        }
        for i, row in enumerate(damages)
    ]
    return {"groups": groups, **more}


def formats(combination: tuple[int, ...]) -> dict[str, str]:
    return {f"layer{i}": f"i{bits}/i8" for i, bits in enumerate(combination)}


@pytest.fixture(params=range(5))
def quadratic(request):
    """Damages of layers whose errors correlate: (problem, damage of a whole network)."""
    random = np.random.default_rng(request.param)
    errors = random.uniform(0.5, 2, (4, 1)) * 2.0 ** -np.array(BITS)
    directions = random.standard_normal((4, 3))

    def damage(choices: dict[str, str]) -> float:
        chosen = [BITS.index(int(choices[f"layer{i}"][1])) for i in range(4)]
        total = sum(errors[i, c] * directions[i] for i, c in enumerate(chosen))
        return float(total @ total)

    single = errors**2 * np.sum(directions**2, axis=1, keepdims=True)
    return problem(single), damage


def test_refinement_comes_near_the_best_there_is(quadratic):
    """And nearer than the sum of single damages, with far fewer runs than trying all takes."""
    instance, damage = quadratic
    start = assignment.solve(instance, {"bytes": 15}).choices
    asked = []
    search = Refinement(instance, lambda choices: asked.append(choices) or damage(choices))
    found = search.improve([start], {"bytes": 15}, 40)
    assert len(asked) <= 41 and len({tuple(c.values()) for c in asked}) == len(asked)
    assert found.cost <= 15 and found.objective == damage(found.choices) <= damage(start)
    all_ = [c for c in itertools.product(BITS, repeat=4) if sum(c) <= 15]
    values = sorted(damage(formats(c)) for c in all_)
    assert found.objective <= values[3]


def test_what_was_measured_helps_other_limits(quadratic):
    instance, damage = quadratic
    search = Refinement(instance, damage)
    start = assignment.solve(instance, {"bytes": 12}).choices
    small = search.improve([start], {"bytes": 12}, 20)
    large = search.improve([], {"bytes": 20}, 0)
    assert large.objective <= small.objective and large.limit == 20


def test_ties_forced_formats_and_all_budgets_are_kept():
    instance = problem(
        np.outer([1, 1, 1, 1], 4.0 ** -np.array(BITS)),
        ties=[["layer2", "layer0"]],
        forced={"layer3": "i3/i8"},
        budgets={"bytes": {"fraction": 0.5}, "ms": {"max": 9}},
    )
    for group in instance["groups"]:
        for choice, time in zip(group["choices"], [4, 3, 2, 1, 1]):
            choice["costs"]["ms"] = time
    options = list_options(instance)
    assert [len(set_) for set_ in options] == [5, 5, 1]
    limits = find_limits(instance)
    # From 2 + 2 + 2 + 3 to 8 + 8 + 8 + 3.
    assert limits == {"bytes": 18, "ms": 9}
    asked = []

    def damage(choices):
        asked.append(choices)
        return 1.0

    start = formats((4, 4, 4, 3))
    search = Refinement(instance, damage)
    search.improve([start], limits, 1000)
    assert len(asked) > 3
    for choices in asked:
        assert choices["layer0"] == choices["layer2"] and choices["layer3"] == "i3/i8"
        assert assignment.total(instance, choices, "bytes") <= 18
        assert assignment.total(instance, choices, "ms") <= 9
    with pytest.raises(UserError, match="keeps the budgets"):
        search.improve([start], {"bytes": 10}, 1)
    with pytest.raises(UserError, match="tied layers"):
        search.improve([start | {"layer0": "i5/i8"}], limits, 1)


def test_other_names_of_the_same_values_are_not_run():
    instance = problem(np.array([[4.0, 2, 1, 1, 0.5]]))
    choices = instance["groups"][0]["choices"]
    choices[3]["costs"]["bytes"] = choices[2]["costs"]["bytes"]
    (options,) = list_options(instance)
    assert [option.formats for option in options][2] == ["i4/i8", "i5/i8"]
    # Data in another format is not the same, even if the damage of weights is.
    choices[3]["format"] = "i5/i4"
    assert len(list_options(instance)[0]) == 5


def test_results_that_are_not_finite_are_never_chosen():
    instance = problem(np.array([[4.0, 2, 1, 0.5, 0.1]]))
    damages = {"i2/i8": 4.0, "i3/i8": 2.0}
    search = Refinement(instance, lambda choices: damages.get(choices["layer0"], np.nan))
    assert search.improve([formats((2,))], {"bytes": 8}, 10).choices == formats((3,))
    search = Refinement(instance, lambda choices: np.inf)
    with pytest.raises(UserError, match="finite"):
        search.improve([formats((2,))], {"bytes": 8}, 10)


# --- Networks ---------------------------------------------------------------------


CANDIDATES = ["i2/i8", "i3/i8", "i4/i8", "i6/i8", "i8/i8"]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A network of four layers and its calibration data."""
    folder = tmp_path_factory.mktemp("refine")
    network = model(
        [
            node("Conv", "x w", "c", pads=[1, 1, 1, 1]),
            node("Relu", "c", "r"),
            node("Flatten", "r", "f"),
            node("Gemm", "f m k", "g"),
            node("Relu", "g", "h"),
            node("Gemm", "h n l", "o"),
            node("Gemm", "o p q"),
        ],
        {"x": (1, 2, 4, 4)},
        {"w": weight(8, 2, 3, 3), "m": weight(128, 16), "k": weight(16)}
        | {"n": weight(16, 16), "l": weight(16), "p": weight(16, 4), "q": weight(4)},
    )
    onnx.save(network, folder / "model.onnx")
    data = np.random.default_rng(7).standard_normal((8, 1, 2, 4, 4)).astype(np.float32)
    np.savez(folder / "data.npz", x=data)
    return folder


@pytest.fixture
def command(files, tmp_path, capsys):
    def run(*options: str):
        report = tmp_path / "report.json"
        status = cli.main(
            ["assign", str(files / "model.onnx"), "--calibration", str(files / "data.npz")]
            + ["--cache", str(files / "cache"), "-o", str(tmp_path / "out.mlirbc")]
            + ["--report", str(report), "--damage", "weights", "--budget-bytes", "40%"]
            + ["--candidates", *CANDIDATES, *options]
        )
        said = capsys.readouterr()
        assert (status, said.err) == (0, "")
        return json.loads(report.read_text()), said.out, tmp_path / "out.mlirbc"

    return run


def test_refined_network_is_better_and_what_it_is_said_to_be(command, files, monkeypatch):
    # The squared error of weights knows nothing of the data: there is something to gain.
    plain, _, _ = command()
    whole, said, output = command("--refine", "15")
    report, refined = whole["report"], whole["report"]["refinement"]
    assert refined["after"] < refined["before"] and report["status"] == "refined"
    assert f"damage of the whole network {refined['after']:.6g}" in said
    choices = {layer["name"]: layer["format"] for layer in report["layers"]}
    assert choices != {layer["name"]: layer["format"] for layer in plain["report"]["layers"]}
    use = report["budgets"]["bytes"]
    assert assignment.packed_bytes(output) == use["used"] == use["limit"] - use["slack"]
    assert use["used"] <= use["limit"] == plain["report"]["budgets"]["bytes"]["limit"]
    assert report["objective"] >= plain["report"]["objective"] == report["bound"]

    # Every run is kept, so that a second command needs none.
    def fail(*_):
        raise AssertionError("a run")

    monkeypatch.setattr(sensitivity.Experiment, "_run", fail)
    again, _, _ = command("--refine", "15")
    assert again == whole


@pytest.mark.parametrize("budgets", [["--budget-bytes", "40%"], ["--budget-activation-bytes", "30%"]])
def test_report_of_given_formats_is_that_of_the_pass(command, budgets):
    """Next better formats, costs and budgets are found by other code; they are the same."""
    more = ["--damage", "moments", "--candidates", "i2/i4", "i4/i4", "i4/i8", "i8/i8"]
    whole, _, _ = command(*budgets, *more)
    report = whole["report"]
    found = assignment.Assignment(b"", report, whole["problem"])
    described = assignment.describe(found, found.choices)
    assert json.loads(json.dumps(described), parse_float=rounded) == json.loads(
        json.dumps(report), parse_float=rounded
    )


def rounded(text: str) -> float:
    return float(f"{float(text):.9g}")
