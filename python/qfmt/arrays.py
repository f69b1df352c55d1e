# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Named arrays from and to .npz files, matched to a function's arguments."""

import zipfile
from pathlib import Path

import numpy as np

from qfmt.errors import UserError
from qfmt.execute import Buffer


def load_npz(path: Path) -> dict[str, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            if isinstance(archive, np.ndarray):
                raise UserError(f"{path}: a single array, expected an .npz archive")
            return {name: archive[name] for name in archive.files}
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file") from error
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(f"{path}: not an .npz archive: {error}") from error


def to_samples(arrays: dict[str, np.ndarray], wanted: list[Buffer], path: Path):
    """The arrays of `wanted` in order, each as [samples, shape of the argument].

    An array may leave out an argument's leading axis of size 1, and a single
    sample its sample axis. One array and one argument need not agree in name.
    """
    if len(arrays) == 1 and len(wanted) == 1:
        arrays = {wanted[0].name: next(iter(arrays.values()))}
    if set(arrays) != {buffer.name for buffer in wanted}:
        raise UserError(
            f"{path}: has the arrays {', '.join(sorted(arrays)) or '(none)'}, the network "
            f"takes {', '.join(buffer.name for buffer in wanted)}"
        )
    samples = [as_samples(arrays[buffer.name], buffer, path) for buffer in wanted]
    counts = {len(array) for array in samples}
    if len(counts) > 1:
        raise UserError(f"{path}: the arrays have {sorted(counts)} samples")
    return samples


def as_samples(array: np.ndarray, buffer: Buffer, path: Path) -> np.ndarray:
    shape = buffer.shape
    if array.shape == shape:
        array = array[np.newaxis]
    elif shape[:1] == (1,) and array.shape[1:] == shape[1:]:
        array = array[:, np.newaxis]
    elif array.shape[1:] != shape:
        raise UserError(
            f"{path}: array '{buffer.name}' has shape {list(array.shape)}, expected "
            f"samples of shape {list(shape)} along the first axis"
        )
    # Floats may be wider or narrower than the network's; integers are codes.
    both_float = array.dtype.kind == "f" and buffer.dtype.kind == "f"
    if array.dtype != buffer.dtype and not both_float:
        raise UserError(
            f"{path}: array '{buffer.name}' has elements of type {array.dtype}, expected "
            f"{buffer.dtype}"
        )
    return array.astype(buffer.dtype, copy=False)
