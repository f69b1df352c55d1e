# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Formats for the layers of a network under budgets: drives qfmt-assign-formats.

docs/Assignment.md says what the JSON of problems and reports holds.
"""

import json
import math
import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from qfmt import pipeline
from qfmt.errors import UserError
from qfmt.tools import run_tool

# Options of the pass by what they limit.
BUDGETS = {
    "bytes": "budget_bytes",
    "activation_bytes": "budget_activation_bytes",
    "bit_operations": "budget_bit_operations",
    "ms": "budget_latency",
    "luts": "budget_luts",
}
# What the costs of single moments begin with: bytes of the tensors that live then.
MOMENT = "activation_bytes at "
# Points of a front, beside the cheapest.
STEPS = 64


@dataclass
class Damage:
    """A measure, and the file that it needs: a JSON table, or an .npz of moments."""

    measure: str
    file: Path | None = None


@dataclass
class Assignment:
    # At level assigned.
    module: bytes
    # What the pass says about it, and the problem that it solved.
    report: dict
    problem: dict

    @property
    def choices(self) -> dict[str, str]:
        return {layer["name"]: layer["format"] for layer in self.report["layers"]}


def assign(
    observed: bytes,
    candidates: list[str],
    damage: Damage,
    budgets: dict[str, str],
    **options: object,
) -> Assignment:
    """`budgets`: "900000" or "50%" by the names of BUDGETS; `options`: of the pass."""
    with tempfile.TemporaryDirectory() as folder:
        report, problem = Path(folder) / "report.json", Path(folder) / "problem.json"
        module = pipeline.assign_formats(
            observed,
            candidates=",".join(candidates),
            damage=damage.measure,
            damage_file=damage.file,
            report=report,
            write_problem=problem,
            **{BUDGETS[name]: limit for name, limit in budgets.items()},
            **options,
        )
        return Assignment(
            module, json.loads(report.read_text()), json.loads(problem.read_text())
        )


@dataclass
class Point:
    """An optimal assignment for one limit of the budget that is swept."""

    limit: float
    objective: float
    cost: float
    choices: dict[str, str] = field(default_factory=dict)


def sweep(problem: dict, cost: str, steps: int = STEPS) -> list[Point]:
    """The front of damage over `cost`: limits from the cheapest to the dearest.

    Other budgets of the problem hold; where they leave nothing there is no point.
    """
    swept = problem | {"budgets": problem.get("budgets", {}) | {cost: {"fraction": 1.0}}}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "problem.json"
        path.write_text(json.dumps(swept))
        text = run_tool("qfmt-assign", path, f"--pareto={steps}", f"--pareto-budget={cost}")
    return [
        Point(
            limit=point["budgets"][cost]["limit"],
            objective=point["objective"],
            cost=point["budgets"][cost]["used"],
            choices=point["choice"],
        )
        for point in json.loads(text)
        if "choice" in point
    ]


def keep_better(points: list[Point], gain: float = 0.0) -> list[Point]:
    """The front of points whose damage was measured, in the order of their costs.

    Left out are those to which one that costs no more is preferable. What costs more has
    to do less damage by the part `gain`: damage found on samples has an error.
    """
    front: list[Point] = []
    for point in sorted(points, key=lambda point: (point.cost, point.objective)):
        if not front or point.objective < front[-1].objective * (1 - gain):
            front.append(point)
    return front


def best_within(front: list[Point], limit: float) -> Point:
    """Of a front the last point that costs no more than `limit`."""
    kept = [point for point in front if point.cost <= limit]
    if not kept:
        raise UserError(f"no assignment costs at most {limit}; the least is {front[0].cost}")
    return kept[-1]


def solve(problem: dict, budgets: dict[str, float]) -> Point:
    """The best assignment of the problem with these largest costs, and no other."""
    limited = problem | {"budgets": {name: {"max": most} for name, most in budgets.items()}}
    cost = next(iter(budgets))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "problem.json"
        path.write_text(json.dumps(limited))
        solution = json.loads(run_tool("qfmt-assign", path))
    use = solution["budgets"][cost]
    return Point(use["limit"], solution["objective"], use["used"], solution["choice"])


def objective(problem: dict, choices: dict[str, str]) -> float:
    """What is minimized: damages of layers and of pairs."""
    pairs = sum(term["damage"] for term in chosen_pairs(problem, choices))
    return total(problem, choices, "damage") + pairs


def chosen_pairs(problem: dict, choices: dict[str, str]) -> list[dict]:
    """The pairwise terms that count."""
    return [
        term
        for term in problem.get("pairwise", [])
        if [choices[name] for name in term["groups"]] == term["formats"]
    ]


def describe(found: Assignment, choices: dict[str, str]) -> dict:
    """The report, if the layers had these formats instead."""
    report, problem = found.report, found.problem
    budgeted = problem.get("budgets", {})
    limits = {name: report["budgets"][report_name(name)]["limit"] for name in budgeted}
    used = {name: total(problem, choices, name) for name in limits}
    budgets: dict[str, dict] = {}
    for name, value in used.items():
        limit = limits[name]
        before = budgets.get(report_name(name))
        if before is None or value > before["used"]:
            budgets[report_name(name)] = {"used": value, "limit": limit, "slack": limit - value}
    pairs = [
        {"layers": term["groups"], "formats": term["formats"], "damage": term["damage"]}
        for term in chosen_pairs(problem, choices)
    ]
    moments = {name.removeprefix(MOMENT): v for name, v in used.items() if name.startswith(MOMENT)}
    return (
        report
        | {
            "objective": objective(problem, choices),
            "budgets": budgets,
            "costs": {name: total(problem, choices, name) for name in report["costs"]},
            "layers": [
                layer
                | next(c for c in layer["candidates"] if c["format"] == choices[layer["name"]])
                | {"next_better": next_better(problem, choices, limits, layer)}
                for layer in report["layers"]
            ],
        }
        | ({"activation_bytes_at": moments} if moments else {})
        | ({"pairwise": pairs} if "pairwise" in report else {})
    )


def report_name(budget: str) -> str:
    """Budgets of single moments are one for whoever reads a report."""
    return "activation_bytes" if budget.startswith(MOMENT) else budget


def next_better(
    problem: dict, choices: dict[str, str], limits: dict[str, float], layer: dict
) -> dict | None:
    """Of the formats that save damage the one that saves least, as qfmt-assign defines it."""
    (tied,) = [names for names in join_ties(problem) if layer["name"] in names]
    before = objective(problem, choices)
    forced = problem.get("forced", {})
    best = None
    for candidate in layer["candidates"]:
        format_ = candidate["format"]
        changed = choices | dict.fromkeys(tied, format_)
        allowed = [n for n in tied if forced.get(n, format_) == format_]
        if not all(n in allowed and has_format(problem, n, format_) for n in tied):
            continue
        saved = before - objective(problem, changed)
        if saved <= 1e-12 * abs(before) or (best and saved >= best["damage_saved"]):
            continue
        more = {n: total(problem, changed, n) for n in [*candidate["costs"], *limits]}
        best = {
            "format": format_,
            "damage_saved": saved,
            "extra_costs": {n: more[n] - total(problem, choices, n) for n in candidate["costs"]},
            "exceeds": {n: more[n] - m for n, m in limits.items() if more[n] > m * (1 + 1e-12)},
        }
    return best


def has_format(problem: dict, name: str, format_: str) -> bool:
    (group,) = [group for group in problem["groups"] if group["name"] == name]
    return any(choice["format"] == format_ for choice in group["choices"])


def join_ties(problem: dict) -> list[list[str]]:
    """Names of the groups that have the same formats, each list in the problem's order."""
    labels = {group["name"]: place for place, group in enumerate(problem["groups"])}
    for tie in problem.get("ties", []):
        joined = {labels[name] for name in tie}
        for name, label in labels.items():
            if label in joined:
                labels[name] = min(joined)
    sets: dict[int, list[str]] = {}
    for name, label in labels.items():
        sets.setdefault(label, []).append(name)
    return list(sets.values())


def total(problem: dict, choices: dict[str, str], cost: str) -> float:
    """What these formats cost together; "damage" is a cost, too."""
    sum_ = 0.0
    for group in problem["groups"]:
        name = group["name"]
        chosen = [c for c in group["choices"] if c["format"] == choices.get(name)]
        # What is no layer (the sum of other tensors) has no choice.
        if name not in choices and len(group["choices"]) == 1:
            chosen = group["choices"]
        if not chosen:
            raise UserError(f"layer '{name}' has no candidate {choices.get(name)}")
        sum_ += chosen[0]["damage"] if cost == "damage" else chosen[0]["costs"][cost]
    return sum_


def packed_bytes(packed: bytes | Path) -> int:
    """Of the constants that the weights of a module consist of, after qfmt-pack-storage."""
    given = isinstance(packed, bytes)
    text = run_tool(
        "qfmt-opt",
        "-" if given else packed,
        "--mlir-print-local-scope",
        "--mlir-elide-resource-strings-if-larger=1",
        "--mlir-elide-elementsattrs-if-larger=1",
        stdin=packed if given else None,
    ).decode()
    used = set()
    for operands in re.findall(r"(?:qfmt\.unpack|bitcast|qfmt\.assemble) ([^:]*) :", text):
        used.update(operands.split(", "))
    bits = 0
    for name, shape, width in re.findall(
        r"(%\S+) = arith\.constant .* : tensor<([\dx]*)x[a-z]+(\d+)\w*>", text
    ):
        if name in used:
            bits += math.prod(map(int, shape.split("x"))) * int(width) // 8 * 8
    return bits // 8


def main_budget(problem: dict) -> str:
    """The cost to draw a front over: the first with a budget, else the weights' bytes."""
    named = [name for name in BUDGETS if name in problem.get("budgets", {})]
    return named[0] if named else "bytes"
