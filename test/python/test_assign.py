# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`qfmt assign`, `qfmt report` and what is between: networks in formats within budgets."""

import json
import re

import numpy as np
import onnx
import pytest
from onnx_models import model, node, weight

from qfmt import assignment, cli, execute, latency, pipeline
from qfmt.assignment_report import format_bits, render
from qfmt.errors import UserError
from qfmt.onnx_import import import_onnx
from qfmt.tools import run_tool

CANDIDATES = ["i2/i8", "i4/i8", "i8/i8"]


def network() -> onnx.ModelProto:
    return model(
        [
            node("Conv", "x w", "c", pads=[1, 1, 1, 1]),
            node("Relu", "c", "r"),
            node("Flatten", "r", "f"),
            node("Gemm", "f m k"),
        ],
        {"x": (1, 2, 4, 4)},
        {"w": weight(8, 2, 3, 3), "m": weight(128, 4), "k": weight(4)},
    )


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The network and its calibration data."""
    folder = tmp_path_factory.mktemp("assign")
    onnx.save(network(), folder / "model.onnx")
    data = np.random.default_rng(7).standard_normal((8, 1, 2, 4, 4)).astype(np.float32)
    np.savez(folder / "data.npz", x=data)
    return folder


@pytest.fixture(scope="module")
def observed(files) -> bytes:
    real = import_onnx(files / "model.onnx", {})
    return pipeline.annotate(pipeline.observe(real), files / "data.npz")


@pytest.fixture
def command(files, tmp_path, capsys):
    """`qfmt assign` with all candidates: (exit status, stdout, stderr, output)."""

    def run(*options: str):
        output = tmp_path / "out.mlirbc"
        status = cli.main(
            ["assign", str(files / "model.onnx"), "--calibration", str(files / "data.npz")]
            + ["--cache", str(files / "cache"), "-o", str(output)]
            + ["--candidates", *CANDIDATES, *options]
        )
        said = capsys.readouterr()
        return status, said.out, said.err, output

    return run


def test_formats_are_set_as_asked(observed):
    layers = pipeline.list_layers(observed)
    assert layers == ["conv_2d_nchw_fchw.0", "matmul.0"]
    wanted = dict(zip(layers, ["i4/i8", "mxfp4/f32"]))
    text = run_tool("qfmt-opt", "-", stdin=pipeline.set_formats(observed, wanted)).decode()
    assert re.findall(r'qfmt\.assigned = "([^"]*)"', text) == list(wanted.values())


@pytest.mark.parametrize("damage", ["weights", "moments", "measured"])
def test_budget_is_kept_and_the_network_runs(command, files, damage):
    status, said, errors, output = command("--damage", damage, "--budget-bytes", "50%")
    assert (status, errors) == (0, "")
    used, limit = map(float, re.search(r"bytes: (\S+) of (\S+)", said).groups())
    assert used <= limit
    data = np.load(files / "data.npz")["x"]
    (found,), _ = execute.run(output, "main", [data])
    real = files / "real.mlirbc"
    real.write_bytes(import_onnx(files / "model.onnx", {}))
    (expected,), _ = execute.run(real, "main", [data])
    # 4 and 8 bits are close to the network, 2 bits in all layers are not.
    assert np.abs(found - expected).max() < 0.5 * np.abs(expected).max()


@pytest.mark.parametrize("limit", ["20%", "50%", "80%"])
def test_cost_is_the_size_of_the_network(command, limit):
    more = ["--candidates", *CANDIDATES, "i3/i8", "mxfp4/mxfp8", "nf4/i8", "f6E2M3FN/f32"]
    status, said, _, output = command("--damage", "weights", "--budget-bytes", limit, *more)
    assert status == 0
    assert assignment.packed_bytes(output) == float(re.search(r"bytes: (\S+) of", said)[1])


def test_damage_that_does_not_see_data_is_warned_of(command):
    options = ["--candidates", "i8/i8", "i8/i4", "--budget-bit-operations", "100%"]
    status, said, errors, _ = command("--damage", "weights", *options)
    assert status == 0 and said.count("i8/i4") == 2
    assert errors.startswith("warning: ") and "have the same damage" in errors
    status, said, errors, _ = command("--damage", "moments", *options)
    assert (status, errors) == (0, "") and said.count("i8/i8") == 2


def test_without_budget_the_best_formats_win(command):
    status, said, _, output = command("--damage", "weights", "--level", "integer")
    assert status == 0 and said.count("i8/i8") == 2
    pipeline.verify_integer_only(output.read_bytes())


def test_traces_from_a_file(command, tmp_path):
    """A layer that is said not to matter gets the fewest bits."""
    traces = tmp_path / "traces.json"
    traces.write_text(json.dumps({"conv_2d_nchw_fchw.0": 1.0, "matmul.0": 0.0}))
    status, said, _, _ = command("--damage", f"traces:{traces}", "--budget-bytes", "40%")
    assert status == 0 and re.search(r"conv_2d_nchw_fchw\.0 +i8/i8", said)


def test_pairs_make_the_objective_that_of_the_whole_network(command, files, tmp_path):
    """The network has two layers: single damages and their pair are all there is."""
    report = tmp_path / "report.json"
    options = ["--candidates", "i2/f32", "i3/f32", "i4/f32", "--activations", "f32"]
    options += ["--budget-bytes", "40%", "--report", str(report)]
    found = {}
    for more in ([], ["--pairs"]):
        status, said, errors, output = command(*options, *more)
        assert (status, errors) == (0, "")
        whole = json.loads(report.read_text())
        found[len(more)] = whole["report"]
        data = np.load(files / "data.npz")["x"]
        (results,), _ = execute.run(output, "main", [data])
        real = tmp_path / "real.mlirbc"
        real.write_bytes(import_onnx(files / "model.onnx", {}))
        (expected,), _ = execute.run(real, "main", [data])
        damage = ((results - expected).astype(np.float64) ** 2).sum() / len(data)
    # Of the last one, with pairs.
    assert found[1]["objective"] == pytest.approx(damage, rel=1e-4)
    assert "pairwise" not in found[0]
    (term,) = found[1]["pairwise"]
    assert term["layers"] == [layer["name"] for layer in found[1]["layers"]]
    alone = sum(layer["damage"] for layer in found[1]["layers"])
    assert found[1]["objective"] == pytest.approx(alone + term["damage"])
    choices = {layer["name"]: layer["format"] for layer in found[1]["layers"]}
    assert assignment.objective(whole["problem"], choices) == pytest.approx(found[1]["objective"])
    # The same, said of other formats.
    other = dict.fromkeys(choices, "i2/f32")
    described = assignment.describe(assignment.Assignment(b"", found[1], whole["problem"]), other)
    ((term,), terms) = described["pairwise"], whole["problem"]["pairwise"]
    (expected,) = [t["damage"] for t in terms if t["formats"] == ["i2/f32", "i2/f32"]]
    assert term["damage"] == expected and term["layers"] == list(other)
    assert "by pairs" in render(found[1])


def test_front_never_rises(observed):
    found = assignment.assign(observed, CANDIDATES, assignment.Damage("weights"), {"bytes": "50%"})
    front = assignment.sweep(found.problem, "bytes", steps=16)
    assert len(front) == 17
    for before, after in zip(front, front[1:]):
        assert after.objective <= before.objective and after.limit >= before.limit
    for point in front:
        assert point.cost <= point.limit
        total = assignment.total(found.problem, point.choices, "damage")
        assert point.objective == pytest.approx(total)
        assert assignment.total(found.problem, point.choices, "bytes") == point.cost


def test_front_leaves_out_what_a_smaller_network_beats():
    points = [
        assignment.Point(limit, measured, cost, {"layer": name})
        for name, limit, measured, cost in [("c", 30, 1, 30), ("a", 11, 3, 10), ("b", 20, 4, 20), ("d", 40, 1, 40)]
    ]
    front = assignment.keep_better(points)
    assert [(p.choices["layer"], p.objective) for p in front] == [("a", 3.0), ("c", 1.0)]
    assert assignment.best_within(front, 29).choices == {"layer": "a"}
    assert assignment.best_within(front, 30).choices == {"layer": "c"}
    points[0].objective = 2.9
    (only,) = assignment.keep_better(points[:-1], gain=0.05)
    assert only.choices == {"layer": "a"}
    with pytest.raises(UserError, match="the least is 10"):
        assignment.best_within(front, 9)


def test_more_candidates_never_do_more_damage(observed):
    damage = assignment.Damage("weights")
    few = assignment.assign(observed, CANDIDATES, damage, {"bytes": "50%"})
    limit = few.report["budgets"]["bytes"]["limit"]
    more = [*CANDIDATES, "f4E2M1FN/i8", "nf4/i8"]
    many = assignment.assign(observed, more, damage, {"bytes": str(limit)})
    assert many.report["objective"] <= few.report["objective"]


def test_report_is_one_file(command, tmp_path):
    report = tmp_path / "report.html"
    status, _, _, _ = command(
        "--damage", "weights", "--budget-bytes", "50%", "--report", str(report)
    )
    text = report.read_text()
    assert status == 0
    assert text.count("data:image/png;base64,") == 3
    assert "src=\"http" not in text and "href" not in text
    for expected in ("conv_2d_nchw_fchw.0", "matmul.0", "next better", "beyond the budget"):
        assert expected in text


def test_report_from_json(command, tmp_path, capsys):
    kept, shown = tmp_path / "report.json", tmp_path / "report.html"
    command("--damage", "weights", "--budget-bytes", "50%", "--report", str(kept))
    assert cli.main(["report", str(kept), "-o", str(shown)]) == 0
    assert "Damage over bytes of weights" in shown.read_text()
    # What the pass itself writes has no problem, hence no front.
    kept.write_text(json.dumps(json.loads(kept.read_text())["report"]))
    assert cli.main(["report", str(kept), "-o", str(shown)]) == 0
    assert "Damage over" not in shown.read_text()
    kept.write_text("[]")
    assert cli.main(["report", str(kept), "-o", str(shown)]) == 1
    assert "no report" in capsys.readouterr().err


def test_names_in_a_report_are_text_not_html(observed):
    found = assignment.assign(observed, CANDIDATES, assignment.Damage("weights"), {})
    found.report["layers"][0]["name"] = "<script>"
    assert "<script>" not in render(found.report)


@pytest.mark.parametrize(
    "text, bits",
    [("i4", 4), ("f8E4M3FN", 8), ("bf16", 16), ("!qfmt.float<2, 1>", 4), ("mxfp4", 4)]
    + [("int4_g128", 4), ("ternary", None), ("i4@i8", 4), ("f4E2M1FN:mse", 4), ("mxfp4:ceil_log2", 4)]
    + [("!qfmt.power<4, 5.000000e-01>", 4), ("!qfmt.int<i4, -7, 7>", 4), ("#qfmt.scaled<!qfmt.fixed<6, 3>>", 6)]
    + [("#qfmt.scaled<i4, scale = f16>", 4), ("#qfmt.scaled<i8>", 8)],
)
def test_bits_of_formats(text, bits):
    assert format_bits(text) == bits


@pytest.mark.parametrize(
    "options, message",
    [
        (["--damage", "guess"], "--damage"),
        (["--damage", "traces"], "traces:FILE"),
        (["--damage", "weights", "--budget-bytes", "10"], "bytes"),
        (["--damage", "weights", "--budget-bytes", "much"], "budget-bytes"),
        (["--damage", "weights", "--budget-latency", "1"], "budget 'ms'"),
        (["--damage", "weights", "--report", "report.txt"], ".html or .json"),
        (["--damage", "weights", "--pairs"], "--pairs"),
        (["--damage", "traces:none.json"], "none.json"),
        (["--damage", "weights", "--refine", "-1"], "--refine"),
    ],
)
def test_refusals(command, options, message):
    status, _, errors, output = command(*options)
    assert status == 1 and message in errors
    assert not output.exists()


def test_latencies_are_taken_once_and_can_be_a_budget(command, files, tmp_path, monkeypatch):
    table, times = tmp_path / "ms.json", []
    monkeypatch.setattr(latency, "ROUNDS", 1)
    original = latency.time_module
    monkeypatch.setattr(latency, "time_module", lambda m: times.append(original(m)) or times[-1])
    arguments = ["latency", str(files / "model.onnx"), "--calibration", str(files / "data.npz")]
    arguments += ["--cache", str(tmp_path / "cache"), "-o", str(table), "--candidates", "i4/i8", "f32"]
    assert cli.main(arguments) == 0
    found = json.loads(table.read_text())
    assert list(found) == ["conv_2d_nchw_fchw.0", "matmul.0"] and len(times) == 4
    assert min(times) > 0
    assert cli.main(arguments) == 0
    assert len(times) == 4 and json.loads(table.read_text()) == found

    for layer in found:
        found[layer] = {"i2/i8": 1.0, "i4/i8": 2.0, "i8/i8": 3.0}
    table.write_text(json.dumps(found))
    status, said, _, _ = command(
        "--damage", "weights", "--latency-table", str(table), "--budget-latency", "4"
    )
    assert status == 0 and "ms: 4 of 4" in said
