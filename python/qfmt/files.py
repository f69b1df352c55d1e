# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Output files that are either whole or not there."""

import os
import tempfile
from pathlib import Path

from qfmt.errors import UserError


def write_whole(path: Path, data: bytes) -> None:
    """Writes `data` to `path` by renaming a finished temporary file.

    An error leaves no partial file, and leaves an older file at `path` alone.
    """
    temporary = None
    try:
        # Beside the target: a rename is atomic only within one file system.
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)  # mkstemp makes it 0600
        os.replace(temporary, path)
        temporary = None
    except OSError as error:
        raise UserError(f"{path}: cannot write: {error.strerror}") from error
    finally:
        if temporary is not None:
            os.unlink(temporary)
