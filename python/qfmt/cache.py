# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Results of long computations on disk, found again by what they were computed from.

An entry is a file, named by a hash of everything that its content depends on, the
tools among it: nothing is ever out of date, and a killed run continues where it was.
A folder can be deleted at any time.
"""

import hashlib
import json
import os
from functools import lru_cache
from pathlib import Path

import numpy as np

from qfmt.errors import UserError
from qfmt.files import write_whole
from qfmt.tools import find_tool


def default_folder() -> Path:
    """$XDG_CACHE_HOME/qfmt, or ~/.cache/qfmt."""
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "qfmt"


class Cache:
    def __init__(self, folder: Path | None = None):
        self.folder = folder or default_folder()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"{self.folder}: no folder for results: {error.strerror}") from error

    def find(self, key: str) -> bytes | None:
        path = self.folder / key
        return path.read_bytes() if path.is_file() else None

    def store(self, key: str, content: bytes) -> None:
        write_whole(self.folder / key, content)


def make_key(kind: str, *parts: object) -> str:
    """A file name for a result of `kind` that depends on `parts`: bytes, arrays, and JSON."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            header = f"{part.dtype.str} {part.shape}".encode()
            content = np.ascontiguousarray(part).tobytes()
        elif isinstance(part, bytes):
            header, content = b"bytes", part
        else:
            header, content = b"json", json.dumps(part, sort_keys=True).encode()
        # Lengths, so that no two lists of parts run together.
        digest.update(b"%d %d " % (len(header), len(content)) + header)
        digest.update(content)
    return f"{kind}-{digest.hexdigest()[:40]}"


def tool_version() -> str:
    """A hash of the tools: a rebuilt compiler may compute something else."""
    digest = hashlib.sha256()
    for name in ("qfmt-opt", "qfmt-run"):
        path = find_tool(name).resolve()
        status = path.stat()
        digest.update(_hash_file(path, status.st_mtime_ns, status.st_size).encode())
    return digest.hexdigest()


@lru_cache
def _hash_file(path: Path, _time: int, _size: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
