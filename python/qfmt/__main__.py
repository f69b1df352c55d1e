# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Entry point of `python -m qfmt`."""

import sys

from qfmt.cli import main

sys.exit(main())
