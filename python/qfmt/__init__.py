# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Command line and Python side of qfmt; the compiler itself is C++."""

__version__ = "0.1.0"
