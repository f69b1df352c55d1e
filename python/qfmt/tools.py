# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Finds and runs the C++ tools (qfmt-opt, qfmt-run).

Where a tool is looked for, first hit wins:
  1. the directory in the environment variable QFMT_BIN_DIR; if it is set and
     the tool is not in it, that is an error: no other build is taken silently;
  2. build/bin of the checkout this package lies in;
  3. PATH.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from qfmt.errors import UserError

_CHECKOUT = Path(__file__).resolve().parents[2]


def find_tool(name: str) -> Path:
    """The path of tool `name`; UserError that says where was looked if none."""
    chosen = os.environ.get("QFMT_BIN_DIR")
    if chosen:
        if found := shutil.which(name, path=chosen):
            return Path(found)
        raise UserError(f"{name} is not in QFMT_BIN_DIR ({chosen})")
    build = _CHECKOUT / "build" / "bin"
    if found := shutil.which(name, path=str(build)) or shutil.which(name):
        return Path(found)
    raise UserError(
        f"{name} not found in {build} or on PATH; build it or set QFMT_BIN_DIR"
    )


def run_tool(
    name: str, *arguments: str | Path, stdin: bytes | None = None, warn: bool = False
) -> bytes:
    """Runs a tool to its end and returns its stdout.

    If it fails, UserError carries the tool's own diagnostics (its stderr)
    without a leading "error: ", which `cli.main` puts back. With `warn` the warnings
    of one that succeeds go to stderr.
    """
    command = [str(find_tool(name)), *map(str, arguments)]
    done = subprocess.run(command, input=stdin, capture_output=True)
    if done.returncode != 0:
        raise UserError(failure_text(name, done))
    if warn:
        for line in done.stderr.decode(errors="replace").splitlines():
            # The place is one in a module that the user has never seen.
            if found := re.search(r"(?:^|: )warning: (?:loc\(.*?\): )?(.*)", line):
                print(f"warning: {found[1]}", file=sys.stderr)
    return done.stdout


def failure_text(name: str, done: subprocess.CompletedProcess) -> str:
    """What a failed tool said, or that it died and by which signal."""
    said = done.stderr.decode(errors="replace").strip()
    # What has no place in a file is said without one; "error: " comes back.
    said = re.sub(r"^<unknown>:0: (error: )?", "", said, flags=re.MULTILINE)
    said = said.removeprefix("error: ")
    if done.returncode < 0:
        death = signal.Signals(-done.returncode).name
        # The last line is enough: before it stands LLVM's stack dump.
        last_line = said.rpartition("\n")[2]
        return f"{name} was killed by {death}: {last_line}"
    return said or f"{name} failed with exit status {done.returncode}"
