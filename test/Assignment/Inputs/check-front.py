# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Checks a list of --pareto: FILE NUMBER. The objective never rises, and all points are proven."""
import json
import sys

points = json.load(open(sys.argv[1]))
assert len(points) == int(sys.argv[2]), len(points)
solved = [point for point in points if point["status"] != "infeasible"]
assert solved and all(point["status"] == "optimal" for point in solved)
assert all(point["status"] != "infeasible" for point in points[-len(solved):])
for before, after in zip(solved, solved[1:]):
    assert before["fraction"] < after["fraction"]
    assert before["objective"] >= after["objective"], (before, after)
