# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Better assignments than the sum of single damages finds, by running whole networks.

Input:  a problem as qfmt-assign reads it, assignments to begin with, limits of costs,
        and a function that measures what an assignment does to the whole network.
Output: the best assignment that was measured within the limits.

Neighbours of an assignment have other formats in one set of tied layers or in two, which
exchange cost. Those that may gain most are run first: single damages are taken as a guess
that is off by some part, and every run corrects it. Pairwise terms do not guide the search
(what they say is in what is measured). Nothing is proven.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from qfmt.assignment import Assignment, Point, describe, join_ties
from qfmt.errors import UserError
from qfmt.pipeline import set_formats
from qfmt.sensitivity import Experiment

# By what part damages are taken to be off: that of a format in one layer, of all of them
# together, and of a whole network against the corrected sum. Whole networks were found at
# 0.7 to 1.4 times the sum (examples/assignment).
EACH = 0.3
ALL = 0.3
WHOLE = 0.05
# As of qfmt-assign: sums of decimals are not exact.
SLACK = 1e-12


@dataclass
class Option:
    """What one set of tied layers may have."""

    layers: list[str]
    # Several, if they have the same damage and costs: other names for the same values.
    formats: list[str]
    damage: float
    costs: dict[str, float]


def list_options(problem: dict) -> list[list[Option]]:
    """By set of tied layers, in the order of the first layers."""
    groups = {group["name"]: group["choices"] for group in problem["groups"]}
    forced = problem.get("forced", {})
    options = []
    for members in join_ties(problem):
        tables = [{choice["format"]: choice for choice in groups[name]} for name in members]
        found: dict[tuple, Option] = {}
        for f in tables[0]:
            if any(f not in table or forced.get(n, f) != f for n, table in zip(members, tables)):
                continue
            option = join(members, [table[f] for table in tables])
            # Damage may be that of weights alone.
            data = f.rpartition("/")[2]
            key = (data, option.damage, *sorted(option.costs.items()))
            found.setdefault(key, option).formats.append(f)
        options.append(list(found.values()))
    return options


def join(members: list[str], choices: list[dict]) -> Option:
    costs = [choice.get("costs", {}) for choice in choices]
    return Option(
        members,
        [],
        sum(choice["damage"] for choice in choices),
        {n: sum(c[n] for c in costs) for n in costs[0] if all(n in cost for cost in costs)},
    )


def find_limits(problem: dict) -> dict[str, float]:
    """Of the costs that have a budget."""
    options = list_options(problem)
    limits = {}
    for name, budget in problem.get("budgets", {}).items():
        costs = [[option.costs[name] for option in set_] for set_ in options]
        cheapest, dearest = sum(map(min, costs)), sum(map(max, costs))
        if "max" in budget:
            limits[name] = budget["max"]
        else:
            limits[name] = cheapest + budget["fraction"] * (dearest - cheapest)
    return limits


class Belief:
    """Damages that add up, with what is known of their errors (a Kalman filter)."""

    def __init__(self, damages: np.ndarray):
        self.mean = damages.astype(float)
        self.covariance = np.diag((EACH * damages) ** 2) + ALL**2 * np.outer(damages, damages)

    def learn(self, chosen: np.ndarray, found: float) -> None:
        """The options with these indices were measured together."""
        towards = self.covariance[:, chosen].sum(axis=1)
        variance = towards[chosen].sum() + (WHOLE * found) ** 2
        if variance > 0:
            self.mean += towards * ((found - self.mean[chosen].sum()) / variance)
            self.covariance -= np.outer(towards, towards) / variance

    def gains(self, current: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """For each option in the place of the `current` one of its set: what damage then
        becomes less by, and the covariance of that."""
        covariance = self.covariance - self.covariance[current]
        covariance = covariance - covariance[:, current]
        return self.mean[current] - self.mean, covariance


class Refinement:
    """Searches for one problem; what a search measures helps those with other limits.

    `damage` is asked once for each assignment. If it keeps what it finds (sensitivity.
    Experiment does), a search that was interrupted continues: the order of runs depends on
    nothing but the problem and what was found.
    """

    def __init__(self, problem: dict, damage: Callable[[dict[str, str]], float]):
        sets = list_options(problem)
        self.options = [option for options in sets for option in options]
        self.set_of = np.repeat(np.arange(len(sets)), [len(options) for options in sets])
        self.damage = damage
        self.measured: dict[tuple[int, ...], float] = {}
        self.belief: Belief | None = None

    def improve(
        self, starts: list[dict[str, str]], limits: dict[str, float], runs: int
    ) -> Point:
        """The best within `limits` (by names of costs; others are free) of `starts`, of all
        measured before, and of `runs` neighbours of the best. Cost and limit of the point
        are those of the first of `limits`."""
        from tqdm import tqdm

        for choices in starts:
            self.measure(self.find(choices))
        best = self.best(limits)
        if self.belief is None:
            raise UserError("the results of no assignment to begin with are finite")
        # disable=None: no bar where stderr is no terminal.
        with tqdm(total=runs, desc="refinement", unit="run", disable=None) as bar:
            for _ in range(runs):
                neighbour = self.most_promising(best, limits)
                if neighbour is None:
                    break
                if self.measure(neighbour) < self.measured[best]:
                    best = neighbour
                bar.set_postfix(damage=f"{self.measured[best]:.4g}", refresh=False)
                bar.update()
        return self.point(best, limits)

    def find(self, choices: dict[str, str]) -> tuple[int, ...]:
        """The options with these formats; what has no choice may be left out."""
        single = np.bincount(self.set_of) == 1
        found = tuple(
            index
            for index, option in enumerate(self.options)
            if all(
                choices[name] in option.formats if name in choices else single[self.set_of[index]]
                for name in option.layers
            )
        )
        if len(found) != self.set_of[-1] + 1:
            raise UserError("formats to begin with are no candidates, or differ in tied layers")
        return found

    def measure(self, assignment: tuple[int, ...]) -> float:
        if assignment not in self.measured:
            found = float(self.damage(self.choices(assignment)))
            if not np.isfinite(found):
                # Never better than another; nothing can be learned from it.
                self.measured[assignment] = np.inf
                return np.inf
            self.measured[assignment] = found
            chosen = np.array(assignment)
            if self.belief is None:
                self.belief = self.first_belief(chosen, found)
            self.belief.learn(chosen, found)
        return self.measured[assignment]

    def first_belief(self, chosen: np.ndarray, found: float) -> Belief:
        """Single damages, in the unit of what is measured."""
        damages = np.array([option.damage for option in self.options])
        promised = damages[chosen].sum()
        return Belief(damages * (found / promised if promised > 0 else 1.0))

    def choices(self, assignment: tuple[int, ...]) -> dict[str, str]:
        return {
            name: self.options[index].formats[0]
            for index in assignment
            for name in self.options[index].layers
        }

    def costs(self, name: str) -> np.ndarray:
        return np.array([option.costs[name] for option in self.options])

    def best(self, limits: dict[str, float]) -> tuple[int, ...]:
        within = [
            assignment
            for assignment in self.measured
            if all(
                self.costs(name)[list(assignment)].sum() <= limit * (1 + SLACK)
                for name, limit in limits.items()
            )
        ]
        if not within:
            raise UserError("no assignment to begin with keeps the budgets")
        # The first of equal ones.
        return min(within, key=lambda assignment: self.measured[assignment])

    def point(self, assignment: tuple[int, ...], limits: dict[str, float]) -> Point:
        name = next(iter(limits), None)
        cost = float(self.costs(name)[list(assignment)].sum()) if name else 0.0
        limit = limits[name] if name else np.inf
        return Point(limit, self.measured[assignment], cost, self.choices(assignment))

    def most_promising(
        self, assignment: tuple[int, ...], limits: dict[str, float]
    ) -> tuple[int, ...] | None:
        """Of the neighbours that were not run the one that may have the least damage: by
        its standard deviation less than is believed."""
        current = np.array(assignment)[self.set_of]
        gain, covariance = self.belief.gains(current)
        variance = np.diag(covariance)
        differences = [
            (costs - costs[current], limit * (1 + SLACK) - costs[list(assignment)].sum())
            for costs, limit in ((self.costs(name), limit) for name, limit in limits.items())
        ]
        moves: list[tuple[float, int, int]] = []
        indices = np.arange(len(current))
        for one in np.flatnonzero(indices != current):
            both = gain[one] + gain
            spread = np.sqrt(np.maximum(variance[one] + variance + 2 * covariance[one], 0.0))
            hope = both + spread
            allowed = (self.set_of != self.set_of[one]) & (indices != current) & (indices > one)
            # Alone: with what its own set has now.
            allowed[current[one]] = True
            for more, slack in differences:
                allowed &= more[one] + more <= slack
            # One more than were run: enough to find one that was not. Sorts are stable.
            others = np.flatnonzero(allowed)
            others = others[np.argsort(-hope[others], kind="stable")][: len(self.measured) + 1]
            moves += [(hope[other], one, other) for other in others]
        for _, one, other in sorted(moves, key=lambda move: -move[0]):
            neighbour = list(assignment)
            neighbour[self.set_of[other]] = int(other)
            neighbour[self.set_of[one]] = int(one)
            if tuple(neighbour) not in self.measured:
                return tuple(neighbour)
        return None


def refine(found: Assignment, whole: Experiment, loss: str, runs: int) -> Assignment:
    """`found`, or what `runs` whole networks show to be better within its budgets.

    Its report then says so: the status is "refined", and "refinement" has the damages of
    whole networks before and after.
    """
    search = Refinement(found.problem, lambda choices: whole.damage(choices)[loss])
    point = search.improve([found.choices], find_limits(found.problem), runs)
    # Other names for the same values are no change.
    same = search.find(found.choices) == search.find(point.choices)
    choices = {n: (found if same else point).choices[n] for n in found.choices}
    report = describe(found, choices) | {
        "status": found.report["status"] if same else "refined",
        "refinement": {
            "loss": loss,
            "runs": len(search.measured),
            "before": search.measured[search.find(found.choices)],
            "after": point.objective,
        },
    }
    module = found.module if same else set_formats(whole.observed, choices)
    return Assignment(module, report, found.problem)
