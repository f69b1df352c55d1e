# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Loads Fashion-MNIST from the gzipped IDX files of Debian's dataset-fashion-mnist.

Input:  the four *-ubyte.gz files in the folder that the environment variable
        FASHION_MNIST_DIR names, by default where the Debian package puts them.
Output: numpy arrays of the stored bytes. Nothing is scaled, shuffled or
        downloaded here.
Errors: DatasetError, with a text fit to be shown to the user, for a missing
        file and for a file whose contents are not what its name promises.
"""

import gzip
import os
import struct
import zlib

import numpy as np

DEFAULT_DIR = "/usr/share/datasets/fashion-mnist"
DEBIAN_PACKAGE = "dataset-fashion-mnist"

# split -> (prefix of the file names, number of images).
SPLITS = {"train": ("train", 60000), "test": ("t10k", 10000)}

# An IDX file opens with two zero bytes, the element type, the rank, and then
# one big-endian 32-bit size per dimension.
IDX_UINT8 = 0x08


class DatasetError(Exception):
    """The data set is missing or damaged."""


def dataset_dir():
    """The folder that the files are read from."""
    return os.environ.get("FASHION_MNIST_DIR") or DEFAULT_DIR


def load_images(split):
    """Pixels of `split` ("train" or "test"): uint8 [N, 1, 28, 28], 0 is background."""
    prefix, count = _split(split)
    images = _read_idx(f"{prefix}-images-idx3-ubyte.gz", (count, 28, 28))
    return images.reshape(count, 1, 28, 28)


def load_labels(split):
    """Classes of `split` ("train" or "test"): uint8 [N], each 0 to 9."""
    prefix, count = _split(split)
    return _read_idx(f"{prefix}-labels-idx1-ubyte.gz", (count,))


def _split(split):
    if split not in SPLITS:
        raise ValueError(f"unknown split {split!r}; use one of {', '.join(SPLITS)}")
    return SPLITS[split]


def _read_idx(name, shape):
    """The uint8 array in IDX file `name`, which must have exactly `shape`."""
    path = os.path.join(dataset_dir(), name)
    try:
        with gzip.open(path, "rb") as file:
            raw = file.read()
    except FileNotFoundError:
        raise DatasetError(
            f"{path}: no such file; install the Debian package {DEBIAN_PACKAGE} "
            f"(apt-get install {DEBIAN_PACKAGE}), or set FASHION_MNIST_DIR to the "
            f"folder that holds the four *-ubyte.gz files"
        ) from None
    except (OSError, EOFError, zlib.error) as error:
        raise DatasetError(f"{path}: cannot be read: {error}") from error

    header = struct.pack(f">HBB{len(shape)}I", 0, IDX_UINT8, len(shape), *shape)
    expected = len(header) + int(np.prod(shape))
    if not raw.startswith(header) or len(raw) != expected:
        raise DatasetError(
            f"{path}: not the expected IDX file of uint8 "
            f"{'x'.join(map(str, shape))}; reinstall {DEBIAN_PACKAGE}"
        )
    # A copy, because an array on top of `bytes` would be read-only.
    return np.frombuffer(raw, np.uint8, offset=len(header)).reshape(shape).copy()
