# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Prints status and bits of a solution of integer formats (stdin), as published."""
import json
import sys

solution = json.load(sys.stdin)
print(solution["status"], "".join(name.lstrip("i") for name in solution["choice"].values()))
