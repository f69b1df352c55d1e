# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""REINFORCE on objectives that are no sum: qfmt-assign asks, Python measures."""

import itertools
import json
import subprocess

import numpy as np
import onnx
import pytest
from onnx_models import model, node, weight

from qfmt import cli, execute
from qfmt.errors import UserError
from qfmt.reinforce import learn
from qfmt.tools import find_tool

FORMATS = ["i2", "i4", "i8"]
LAYERS = 6


def problem(**more) -> dict:
    groups = [
        {
            "name": f"layer{i}",
            "choices": [
                {"format": f, "damage": 0, "costs": {"bytes": 2**place}}
                for place, f in enumerate(FORMATS)
            ],
        }
        for i in range(LAYERS)
    ]
    return {"groups": groups, "budgets": {"bytes": {"max": 12}}, **more}


def spoilt_by_changes(choices: dict[str, str]) -> float:
    """Later layers matter more, and so does each change of format."""
    places = [FORMATS.index(choices[f"layer{i}"]) for i in range(LAYERS)]
    changes = sum(a != b for a, b in zip(places, places[1:]))
    return sum((i + 1) * 4.0**-place for i, place in enumerate(places)) + 2 * changes


def cost(choices: dict[str, str]) -> int:
    return sum(2 ** FORMATS.index(format_) for format_ in choices.values())


def least(damage) -> float:
    all_ = (
        {f"layer{i}": f for i, f in enumerate(formats)}
        for formats in itertools.product(FORMATS, repeat=LAYERS)
    )
    return min(damage(choices) for choices in all_ if cost(choices) <= 12)


def test_objective_is_what_python_says_and_each_assignment_is_asked_for_once():
    asked = []

    def damages(list_):
        asked.extend(list_)
        return [spoilt_by_changes(choices) for choices in list_]

    point = learn(problem(), damages, runs=400, seed=1)
    assert point.objective == spoilt_by_changes(point.choices)
    assert cost(point.choices) <= 12
    assert point.objective <= 1.05 * least(spoilt_by_changes)
    kept = [spoilt_by_changes(choices) for choices in asked if cost(choices) <= 12]
    assert point.objective == min(kept)
    assert len(asked) <= 400
    assert len({json.dumps(choices, sort_keys=True) for choices in asked}) == len(asked)


def test_same_seed_same_questions():
    def questions(seed: int):
        asked = []
        learn(
            problem(),
            lambda list_: asked.append(list_) or [spoilt_by_changes(c) for c in list_],
            runs=100,
            seed=seed,
        )
        return asked

    first = questions(3)
    assert first == questions(3) != questions(4)


def test_ties_and_forced_formats_hold():
    def damages(list_):
        for choices in list_:
            assert choices["layer0"] == choices["layer5"] and choices["layer1"] == "i4"
        return [spoilt_by_changes(choices) for choices in list_]

    instance = problem(ties=[["layer0", "layer5"]], forced={"layer1": "i4"})
    learn(instance, damages, runs=100)


def test_results_that_are_not_finite_are_never_chosen():
    def damages(list_):
        return [
            spoilt_by_changes(c) if c["layer2"] != "i4" else [np.nan, np.inf][len(list_) % 2]
            for c in list_
        ]

    assert learn(problem(), damages, runs=200).choices["layer2"] != "i4"


def test_errors_of_the_objective_end_the_search():
    def damages(list_):
        raise UserError("the network cannot run")

    with pytest.raises(UserError, match="the network cannot run"):
        learn(problem(), damages, runs=100)


def test_errors_of_the_problem_are_the_tools():
    with pytest.raises(UserError, match="budget 'bytes'"):
        learn(problem(budgets={"bytes": {"max": 5}}), lambda l: [0.0] * len(l), runs=20)


# --- The command ------------------------------------------------------------------


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reinforce")
    nodes = [node("MatMul", "x a", "h"), node("Relu", "h", "r"), node("MatMul", "r b")]
    network = model(nodes, {"x": (1, 12)}, {"a": weight(12, 8), "b": weight(8, 5, seed=1)})
    onnx.save(network, folder / "model.onnx")
    data = np.random.default_rng(7).standard_normal((8, 1, 12)).astype(np.float32)
    np.savez(folder / "data.npz", x=data)
    return folder


@pytest.fixture
def command(files, tmp_path, capsys):
    """`qfmt assign` end to end: (exit status, stdout, stderr, report)."""

    def run(*options: str):
        report = tmp_path / "report.json"
        status = cli.main(
            ["assign", str(files / "model.onnx"), "--calibration", str(files / "data.npz")]
            + ["--cache", str(tmp_path / "cache"), "-o", str(tmp_path / "out.mlirbc")]
            + ["--report", str(report), "--damage", "weights", "--budget-bytes", "50%"]
            + ["--candidates", "i2/i8", "i4/i8", "i8/i8", "--objective", "end-to-end", *options]
        )
        said = capsys.readouterr()
        written = json.loads(report.read_text())["report"] if status == 0 else None
        return status, said.out, said.err, written

    return run


def test_command_measures_whole_networks(command, files, tmp_path):
    status, said, errors, report = command("--solver", "reinforce", "--runs", "20")
    assert (status, errors) == (0, "")
    whole = report["refinement"]
    assert 1 < whole["runs"] <= 9 and whole["after"] <= whole["before"]
    assert f"damage of the whole network {whole['after']:.6g}" in said
    use = report["budgets"]["bytes"]
    assert use["used"] <= use["limit"]
    # The network that was written has this damage.
    data = np.load(files / "data.npz")["x"]
    (found,), _ = execute.run(tmp_path / "out.mlirbc", "main", [data])
    hidden = np.maximum(data @ weight(12, 8), 0)
    errors = ((found - hidden @ weight(8, 5, seed=1)) ** 2).sum() / len(data)
    assert whole["after"] == pytest.approx(errors, rel=1e-4)


def test_a_killed_search_continues_with_what_it_has(command, monkeypatch):
    options = ["--solver", "reinforce", "--runs", "20", "--seed", "2"]
    original, calls = execute.run, []

    def run(*arguments, **more):
        calls.append(arguments)
        if len(calls) >= 4:
            raise KeyboardInterrupt
        return original(*arguments, **more)

    monkeypatch.setattr(execute, "run", run)
    with pytest.raises(KeyboardInterrupt):
        command(*options)
    calls.clear()
    monkeypatch.setattr(execute, "run", lambda *a, **o: calls.append(a) or original(*a, **o))
    _, first, _, report = command(*options)
    # The results in f32 once more; two whole networks were there.
    assert len(calls) == report["refinement"]["runs"] - 2 + 1
    calls.clear()
    _, second, _, _ = command(*options, "--jobs", "2")
    assert first == second and len(calls) == 1


@pytest.mark.parametrize(
    "options, message",
    [
        ([], "the integer program needs a sum"),
        (["--solver", "reinforce", "--runs", "0"], "--runs"),
    ],
)
def test_refusals(command, options, message):
    status, _, errors, _ = command(*options)
    assert status == 1 and message in errors


# --- The tool ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer, message",
    [
        ("", "standard input ended before the answer"),
        ("{}\n", "expected {\"damages\": [...]} with"),
        ("{\"damages\": [1]}\n", "expected {\"damages\": [...]} with"),
        ("no\n", "Invalid JSON value"),
        ("{\"damages\": [" + ", ".join(["\"1\""] * 3) + "]}\n", "damages are numbers or null"),
    ],
)
def test_wrong_answers(tmp_path, answer, message):
    instance = {"groups": problem()["groups"][:1]}
    (tmp_path / "problem.json").write_text(json.dumps(instance))
    done = subprocess.run(
        [find_tool("qfmt-assign"), tmp_path / "problem.json", "--solver=reinforce"]
        # All three formats of one layer are among so many samples.
        + ["--evaluate", "--samples=64", "-o", tmp_path / "none.json"],
        input=answer,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1 and message in done.stderr
    assert not (tmp_path / "none.json").exists()
    (question,) = done.stdout.splitlines()
    assert len(json.loads(question)["choices"]) == 3
