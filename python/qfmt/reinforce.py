# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Assignments learned from what whole networks lose: REINFORCE (FLIQS) end to end.

Input:  a problem as qfmt-assign reads it, of which groups, formats, ties, forced formats and
        budgets count, and a function that measures what assignments do to the whole network.
Output: the best assignment within the budgets among those that were measured. Nothing is
        proven.

The learning is qfmt-assign's (--solver=reinforce --evaluate), which asks for damages over
pipes. Same seed and same damages, same answer: with damages that are kept
(sensitivity.Experiment) a search that was interrupted asks for them again and continues.
"""

import json
import subprocess
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from qfmt.assignment import Assignment, Point, describe
from qfmt.errors import UserError
from qfmt.pipeline import set_formats
from qfmt.sensitivity import Experiment
from qfmt.tools import failure_text, find_tool

# Assignments that are rated before the distribution is changed. Of a thousand runs in all
# this many a step came closest to the optima of HAWQ-V3's instances.
SAMPLES = 8

# What whole networks lose, of several assignments; not finite: such are never chosen.
Damages = Callable[[list[dict[str, str]]], list[float]]


def learn(problem: dict, damages: Damages, *, runs: int, seed: int = 0) -> Point:
    """The best of at most `runs` assignments (at least SAMPLES), each measured once.

    The point has neither limit nor cost.
    """
    from tqdm import tqdm

    with tempfile.TemporaryDirectory() as folder:
        instance, solution = Path(folder) / "problem.json", Path(folder) / "solution.json"
        instance.write_text(json.dumps(problem))
        command = [
            str(find_tool("qfmt-assign")),
            str(instance),
            "--solver=reinforce",
            "--evaluate",
            f"--samples={SAMPLES}",
            # The last one is for the most likely assignment.
            f"--steps={max(1, (runs - 1) // SAMPLES)}",
            f"--seed={seed}",
            f"-o={solution}",
        ]
        # disable=None: no bar where stderr is no terminal.
        with (
            subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            ) as process,
            tqdm(total=runs, desc="reinforce", unit="run", disable=None) as bar,
        ):
            try:
                least = np.inf
                for line in process.stdout:
                    found = damages(json.loads(line)["choices"])
                    answer = [float(d) if np.isfinite(d) else None for d in found]
                    process.stdin.write(json.dumps({"damages": answer}) + "\n")
                    process.stdin.flush()
                    least = min([least, *(d for d in answer if d is not None)])
                    bar.set_postfix(damage=f"{least:.4g}", refresh=False)
                    bar.update(len(answer))
            except BaseException:
                process.kill()
                raise
            said = process.stderr.read()
        if process.returncode != 0:
            done = subprocess.CompletedProcess(
                command, process.returncode, b"", said.encode()
            )
            raise UserError(failure_text("qfmt-assign", done))
        best = json.loads(solution.read_text())
    return Point(np.inf, best["objective"], 0.0, best["choice"])


def learn_end_to_end(
    found: Assignment, whole: Experiment, loss: str, *, runs: int, seed: int = 0, jobs: int = 1
) -> Assignment:
    """What REINFORCE finds for the whole network, or `found` if that does no more damage.

    The report then says so: the status is "refined", the solver "reinforce", and
    "refinement" has the damages of whole networks, before and after.
    """
    asked: dict[str, float] = {}

    def damage(choices: dict[str, str]) -> float:
        value = whole.damage(choices)[loss]
        asked[json.dumps(choices, sort_keys=True)] = value
        return value

    # Before threads may ask for it at once.
    whole.expected()
    before = damage(found.choices)
    with ThreadPoolExecutor(jobs) as pool:
        point = learn(
            found.problem, lambda list_: list(pool.map(damage, list_)), runs=runs, seed=seed
        )
    better = point.objective < before
    choices = {layer: point.choices[layer] for layer in found.choices} if better else found.choices
    report = describe(found, choices) | {
        "status": "refined" if better else found.report["status"],
        "solver": "reinforce" if better else found.report["solver"],
        "refinement": {
            "loss": loss,
            "runs": len(asked),
            "before": before,
            "after": min(point.objective, before),
        },
    }
    module = set_formats(whole.observed, choices) if better else found.module
    return Assignment(module, report, found.problem)
