# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The one exception class that means: the user can do something about it."""


class UserError(Exception):
    """Wrong input or a missing tool.

    `cli.main` prints the text after `error: ` and exits with 1. The first line
    names the file or option and what was found; further lines are a list.
    """
