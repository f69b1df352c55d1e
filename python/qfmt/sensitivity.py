# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How much a network's results suffer from the formats of one layer, by running it.

Input:  a network at level observed with statistics, samples, formats to try.
Output: damage by layer and choice, {"conv1": {"i4/i8": 0.31, ...}, ...}: the mean over
        the samples of the squared error of all results (`mse`), or of the divergence
        of their softmax (`kl`), against the network in f32.

The other layers have the formats of `around`, by default f32. Every result goes to a
cache as soon as it is there.
"""

import io
import json
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from qfmt import execute, pipeline
from qfmt.arrays import save_npz
from qfmt.cache import Cache, make_key, tool_version
from qfmt.errors import UserError

LOSSES = ("mse", "kl")
# LLVM's default, 3, takes ten times as long for code that is not faster.
COMPILE = ["-O=1"]
# Weights and data stay what they are.
REAL = "f32/f32"
# Of qfmt-quantize: nothing is quantized but layers with formats of their own.
REAL_OPTIONS = {"weights": "f32", "activations": "f32"}


def squared_error(expected: list[np.ndarray], found: list[np.ndarray]) -> float:
    """Summed over the elements of all results, mean over the samples."""
    total = sum(
        float(np.sum((b.astype(np.float64) - a.astype(np.float64)) ** 2))
        for a, b in zip(expected, found)
    )
    return total / len(expected[0])


def divergence(expected: list[np.ndarray], found: list[np.ndarray]) -> float:
    """Of the softmax along the last axis of all results, in nats, mean over the samples."""
    total = 0.0
    for a, b in zip(expected, found):
        log_a, log_b = log_softmax(a), log_softmax(b)
        total += float(np.sum(np.exp(log_a) * (log_a - log_b)))
    # Not negative, but for rounding.
    return max(total, 0.0) / len(expected[0])


def log_softmax(values: np.ndarray) -> np.ndarray:
    shifted = values.astype(np.float64)
    shifted = shifted - shifted.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


class Experiment:
    """A network, samples, and what it computes on them in any formats of its layers.

    `observed` is at level observed, with statistics; `inputs` are arrays [samples,
    shape of the argument]; `options` are options of qfmt-quantize, by default those
    with which all that is no layer stays f32.
    """

    def __init__(
        self,
        observed: bytes,
        inputs: list[np.ndarray],
        cache: Cache,
        options: dict[str, object] | None = None,
    ):
        self.observed = observed
        self.inputs = inputs
        self.cache = cache
        self.options = options or REAL_OPTIONS
        self.layers = pipeline.list_layers(observed)
        self._context = make_key("context", observed, *inputs, tool_version())
        self._expected: list[np.ndarray] | None = None

    def expected(self) -> list[np.ndarray]:
        """The results in f32."""
        if self._expected is None:
            self._expected = self._run(pipeline.encode(self.observed, **REAL_OPTIONS))
        return self._expected

    def damage(self, choices: dict[str, str]) -> dict[str, float]:
        """By loss, if the layers have these formats; those without one are f32."""
        choices = {layer: choices.get(layer, REAL) for layer in self.layers}
        key = make_key("damage", self._context, self.options, choices)
        stored = self.cache.find(key)
        if stored is None:
            found = self._run(self.encode(choices))
            values = {
                "mse": squared_error(self.expected(), found),
                "kl": divergence(self.expected(), found),
            }
            stored = json.dumps(values).encode()
            self.cache.store(key, stored)
        return json.loads(stored)

    def results(self, choices: dict[str, str]) -> list[np.ndarray]:
        """What the network computes in these formats of all layers; kept, too."""
        key = make_key("results", self._context, self.options, choices)
        stored = self.cache.find(key)
        if stored is None:
            stored = save_npz(
                {f"{i}": array for i, array in enumerate(self._run(self.encode(choices)))}
            )
            self.cache.store(key, stored)
        with np.load(io.BytesIO(stored)) as arrays:
            return [arrays[name] for name in arrays.files]

    def encode(self, choices: dict[str, str]) -> bytes:
        """The network at level encoded with these formats of all layers."""
        assigned = pipeline.set_formats(self.observed, choices)
        return pipeline.encode(assigned, **self.options)

    def _run(self, module: bytes) -> list[np.ndarray]:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "network.mlirbc"
            path.write_bytes(module)
            results, _ = execute.run(path, "main", self.inputs, options=COMPILE)
            return results


def measure(
    experiment: Experiment,
    candidates: list[str],
    *,
    loss: str = "mse",
    around: str = REAL,
    layers: Iterable[str] | None = None,
    jobs: int = 1,
) -> dict[str, dict[str, float]]:
    """Damage of each candidate to each of `layers` (default: all).

    It is the increase over the network in which all layers have the formats of
    `around`, and 0 if there is none.
    """
    chosen = list(experiment.layers if layers is None else layers)
    trials = [{layer: choice} for layer in chosen for choice in candidates]
    table: dict[str, dict[str, float]] = {layer: {} for layer in chosen}
    increases = find_increases(experiment, trials, loss, around, jobs, "sensitivity")
    for trial, increase in zip(trials, increases):
        ((layer, choice),) = trial.items()
        table[layer][choice] = max(increase, 0.0)
    return table


def measure_pairs(
    experiment: Experiment,
    table: dict[str, dict[str, float]],
    pairs: Iterable[tuple[str, str]],
    *,
    loss: str = "mse",
    around: str = REAL,
    jobs: int = 1,
) -> list[dict]:
    """What pairs of layers do beyond the sum of what each does, in all formats of `table`.

    `table` is what `measure` found with the same options. The result is "pairwise" of
    the file that qfmt-assign-formats{damage=measured} reads; formats of which one is
    that of `around`, for which there is nothing to find, are left out.
    """
    trials = [
        {a: first, b: second}
        for a, b in pairs
        for first in table[a]
        for second in table[b]
        if around not in (first, second)
    ]
    terms = []
    increases = find_increases(experiment, trials, loss, around, jobs, "pairs")
    for trial, increase in zip(trials, increases):
        alone = sum(table[layer][choice] for layer, choice in trial.items())
        terms.append(
            {
                "layers": list(trial),
                "formats": list(trial.values()),
                "damage": increase - alone,
            }
        )
    return terms


def find_increases(
    experiment: Experiment,
    trials: list[dict[str, str]],
    loss: str,
    around: str,
    jobs: int,
    label: str,
) -> list[float]:
    """Of the damage, over the network with `around` in all layers, by each trial's formats.

    With a progress bar of this label.
    """
    from tqdm import tqdm

    others = {layer: around for layer in experiment.layers}
    ground = 0.0 if around == REAL else experiment.damage(others)[loss]
    # Before threads may ask for it at once.
    experiment.expected()

    def find(trial: dict[str, str]) -> float:
        name = ", ".join(f"layer '{layer}' in {choice}" for layer, choice in trial.items())
        try:
            value = experiment.damage(others | trial)[loss]
        except UserError as error:
            raise UserError(f"{name}: {error}") from error
        if not np.isfinite(value):
            raise UserError(
                f"{name}: the results are not all finite; leave this format out"
            )
        return value - ground

    increases = []
    # disable=None: no bar where stderr is no terminal.
    with (
        ThreadPoolExecutor(jobs) as pool,
        tqdm(total=len(trials), desc=label, unit="run", disable=None) as bar,
    ):
        try:
            for increase in pool.map(find, trials):
                increases.append(increase)
                bar.update()
        except BaseException:
            # What has not begun need not.
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return increases


def split_choices(texts: list[str]) -> list[str]:
    """Choices "W/A" from words with commas between; those inside of <> separate nothing."""
    choices = []
    for text in texts:
        depth, begin = 0, 0
        for position, character in enumerate(text + ","):
            if character in "<[(":
                depth += 1
            elif character in ">])":
                depth -= 1
            elif character == "," and depth <= 0:
                choices.append(text[begin:position].strip())
                begin = position + 1
        if depth > 0:
            raise UserError(f"'{text}': a bracket is not closed")
    if "" in choices:
        raise UserError(f"'{','.join(texts)}': a choice between two commas is empty")
    choices = [spell_out(choice) for choice in choices]
    for choice in choices:
        if choices.count(choice) > 1:
            raise UserError(f"the choice '{choice}' is there twice")
    return choices


def spell_out(choice: str) -> str:
    """ "F" as "F/F"."""
    return choice if "/" in choice else f"{choice}/{choice}"
