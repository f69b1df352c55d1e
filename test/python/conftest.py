# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Lets the tests import the package of this checkout without installing it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "python"))
