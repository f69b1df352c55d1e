# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Formats for the layers of a network under budgets: drives qfmt-assign-formats.

docs/Assignment.md says what the JSON of problems and reports holds.
"""

import json
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


def refine(
    points: list[Point], damage: Callable[[dict[str, str]], float], gain: float = 0.0
) -> list[Point]:
    """The front of what `damage` finds for whole networks, in the order of their costs.

    A problem adds up what formats do to single layers. Of assignments that cost about
    the same, its best need not be best when all layers change: run the network in each
    (`damage`), and leave out those to which one that costs no more is preferable. What
    costs more has to do less damage by the part `gain`: damage found on samples has an
    error.
    """
    front: list[Point] = []
    for point in sorted(points, key=lambda point: point.cost):
        found = damage(point.choices)
        if not front or found < front[-1].objective * (1 - gain):
            front.append(Point(point.limit, found, point.cost, point.choices))
    return front


def best_within(front: list[Point], limit: float) -> Point:
    """Of a refined front the last point that costs no more than `limit`."""
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


def total(problem: dict, choices: dict[str, str], cost: str) -> float:
    """What these formats cost together; "damage" is a cost, too."""
    sum_ = 0.0
    for group in problem["groups"]:
        chosen = [c for c in group["choices"] if c["format"] == choices[group["name"]]]
        if not chosen:
            name = group["name"]
            raise UserError(f"layer '{name}' has no candidate {choices[name]}")
        sum_ += chosen[0]["damage"] if cost == "damage" else chosen[0]["costs"][cost]
    return sum_


def main_budget(problem: dict) -> str:
    """The cost to draw a front over: the first with a budget, else the weights' bytes."""
    named = [name for name in BUDGETS if name in problem.get("budgets", {})]
    return named[0] if named else "bytes"
