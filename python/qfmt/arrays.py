# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Named arrays from and to .npz files, matched to a function's arguments."""

import io
import zipfile
import zlib
from pathlib import Path

import numpy as np

from qfmt.errors import UserError
from qfmt.execute import Buffer


def load_npz(path: Path) -> dict[str, np.ndarray]:
    try:
        archive = np.load(path, allow_pickle=False)
        if isinstance(archive, np.ndarray):
            raise UserError(f"{path}: a single array, expected an .npz archive")
        with archive:
            arrays = {name: archive[name] for name in archive.files}
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file") from error
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise UserError(f"{path}: not an .npz archive, or a damaged one") from error
    for name, array in arrays.items():
        if not isinstance(array, np.ndarray):
            raise UserError(f"{path}: member '{name}' is no array")
    return arrays


def save_npz(arrays: dict[str, np.ndarray]) -> bytes:
    """As numpy.savez, which cannot store an array named `file`."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)
    return whole.getvalue()


def to_samples(arrays: dict[str, np.ndarray], wanted: list[Buffer], path: Path):
    """The arrays of `wanted` in order, each as [samples, shape of the argument].

    An array may leave out an argument's leading axis of size 1, and a single
    sample its sample axis. One array and one argument need not agree in name;
    arr_0, arr_1, ... (as numpy.savez numbers) are the arguments in order.
    """
    numbered = {f"arr_{i}": buffer.name for i, buffer in enumerate(wanted)}
    if len(arrays) == 1 and len(wanted) == 1:
        arrays = {wanted[0].name: next(iter(arrays.values()))}
    elif set(arrays) == set(numbered):
        arrays = {numbered[name]: array for name, array in arrays.items()}
    if set(arrays) != {buffer.name for buffer in wanted}:
        raise UserError(
            f"{path}: has the arrays {', '.join(sorted(arrays)) or '(none)'}, the network "
            f"takes {', '.join(buffer.name for buffer in wanted) or '(none)'}"
        )
    samples = [as_samples(arrays[buffer.name], buffer, path) for buffer in wanted]
    counts = {len(array) for array in samples}
    if len(counts) > 1:
        raise UserError(f"{path}: the arrays have {sorted(counts)} samples")
    return samples


def as_samples(array: np.ndarray, buffer: Buffer, path: Path) -> np.ndarray:
    shape = buffer.shape
    if fits(array.shape, shape):
        array = array[np.newaxis]
    elif array.ndim and shape[:1] == (1,) and fits(array.shape[1:], shape[1:]):
        array = array[:, np.newaxis]
    elif array.ndim == 0 or not fits(array.shape[1:], shape):
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


def fits(found: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    """True if the shapes are equal; a wanted size of -1 is open."""
    return len(found) == len(wanted) and all(
        want in (-1, size) for size, want in zip(found, wanted)
    )
