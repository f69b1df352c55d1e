# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What floating-point formats of few bits cost a language model that is trained in them.

Sun et al., "Scaling Laws for Floating Point Quantization Training" (2025): the
validation loss of a model of N parameters trained on D tokens whose factors of
matrix products have E exponent bits, M mantissa bits and one scale for B elements
along what is summed over,

    L = n / N^alpha + d / D^beta + epsilon
        + D^beta / N^alpha * log2(B) / (gamma (E + 0.5)^delta (M + 0.5)^nu).

Formats have subnormals and no codes for infinity or NaN (`!qfmt.float<E, M>`), the
sign is one bit more: P = E + M + 1. Of the six factors of a layer and its two
gradients the law describes the choice that costs little: both weights, and the data
in the product that gives the weights' gradient; quantizing the gradients of results,
or the data going forward, costs more than it says.

The constants were fitted to models of 41 to 679 million parameters and 10 to 100
billion tokens. Beyond that, every number here is an extrapolation.
"""

import math
from dataclasses import dataclass

from qfmt.errors import UserError

FITTED_PARAMETERS = (41e6, 679e6)
FITTED_TOKENS = (10e9, 100e9)
# log2 of the block size that one scale a channel amounts to.
CHANNEL_LOG2_BLOCK = 13.1567


@dataclass(frozen=True)
class ScalingLaw:
    """The fitted constants. Symbols are those of the paper."""

    n: float = 69.2343
    alpha: float = 0.2368
    d: float = 68973.0621
    beta: float = 0.5162
    epsilon: float = 1.9061
    gamma: float = 11334.5197
    delta: float = 3.1926
    nu: float = 2.9543
    # Cost in operations of one bit of one parameter and token: C = k P N D.
    k: float = 6 / 16

    def loss_unquantized(self, parameters: float, tokens: float) -> float:
        return self.n / parameters**self.alpha + self.d / tokens**self.beta + self.epsilon

    def precision(self, exponent: float, mantissa: float) -> float:
        """By what the penalty is divided."""
        return self.gamma * (exponent + 0.5) ** self.delta * (mantissa + 0.5) ** self.nu

    def penalty(
        self,
        parameters: float,
        tokens: float,
        exponent: float,
        mantissa: float,
        log2_block: float,
    ) -> float:
        knowledge = tokens**self.beta / parameters**self.alpha
        return knowledge * log2_block / self.precision(exponent, mantissa)

    def loss(
        self,
        parameters: float,
        tokens: float,
        exponent: float,
        mantissa: float,
        log2_block: float,
    ) -> float:
        return self.loss_unquantized(parameters, tokens) + self.penalty(
            parameters, tokens, exponent, mantissa, log2_block
        )

    def real_split(self, bits: float) -> tuple[float, float]:
        """The best exponent and mantissa bits if they could be any real numbers."""
        share = bits / (self.delta + self.nu)
        return self.delta * share - 0.5, self.nu * share - 0.5

    def split(self, bits: int) -> tuple[int, int]:
        """The best exponent and mantissa bits of a format of `bits` bits, sign included."""
        candidates = [(exponent, bits - 1 - exponent) for exponent in range(bits)]
        return max(candidates, key=lambda split: self.precision(*split))

    @property
    def best_precision(self) -> float:
        """The penalty of the best real split is divided by this times bits^(delta + nu)."""
        total = self.delta + self.nu
        powers = self.delta**self.delta * self.nu**self.nu
        return self.gamma * powers / total**total

    def critical_tokens(
        self, parameters: float, exponent: float, mantissa: float, log2_block: float
    ) -> float:
        """More tokens than these make the loss worse: infinite without a penalty."""
        if log2_block == 0:
            return math.inf
        held = self.d * parameters**self.alpha * self.precision(exponent, mantissa)
        return (held / log2_block) ** (1 / (2 * self.beta))

    @property
    def tokens_factor(self) -> float:
        total = self.delta + self.nu
        return (total - self.alpha) / (self.n * self.alpha * self.best_precision)

    def bits_for_tokens(self, tokens: float, log2_block: float) -> float:
        """The bits that spend a given cost best if the tokens are given."""
        held = self.tokens_factor * tokens**self.beta * log2_block
        return held ** (1 / (self.delta + self.nu))

    def bits_for_parameters(self, parameters: float, cost: float, log2_block: float) -> float:
        """The bits that spend `cost` operations best if the parameters are given."""
        total = self.delta + self.nu
        factor = (self.beta + total) / (self.d * self.beta * self.best_precision)
        held = factor * (cost / self.k) ** (2 * self.beta) * log2_block
        held /= parameters ** (self.alpha + 2 * self.beta)
        return held ** (1 / (total + 2 * self.beta))

    def bits_for_cost(self, cost: float, log2_block: float) -> float:
        """The bits that spend `cost` operations best if nothing else is given."""
        total = self.delta + self.nu
        ratio = (self.alpha + self.beta) / self.beta
        held = self.d * self.beta / (self.n * self.alpha)
        held *= (total - self.alpha) / (total + self.beta)
        held *= (self.tokens_factor * log2_block) ** ratio
        held *= (cost / self.k) ** self.alpha
        return held ** (1 / (total * ratio + self.alpha))


@dataclass(frozen=True)
class Advice:
    exponent: int
    mantissa: int
    loss: float
    loss_unquantized: float
    critical_tokens: float
    # The cost-optimal bits for so many tokens.
    best_bits: float
    # Why the numbers are extrapolated; empty if they are not.
    beyond: tuple[str, ...]

    @property
    def format(self) -> str:
        return f"!qfmt.float<{self.exponent}, {self.mantissa}>"


def log2_block(block: int | str) -> float:
    """Of elements a scale: a number, or "channel" for one scale a channel."""
    if block == "channel":
        return CHANNEL_LOG2_BLOCK
    if isinstance(block, str) or block < 1:
        raise UserError(f"a block has at least one element, found '{block}'")
    return math.log2(block)


def advise(
    parameters: float, tokens: float, bits: int, block: int | str, law: ScalingLaw | None = None
) -> Advice:
    """The best split of `bits` bits, the sign among them, and what it costs."""
    law = law or ScalingLaw()
    for name, value in (("parameters", parameters), ("tokens", tokens)):
        if not (math.isfinite(value) and value > 0):
            raise UserError(f"the number of {name} is finite and positive, found {value}")
    if not 1 <= bits <= 32:
        raise UserError(f"a format has 1 to 32 bits, found {bits}")
    size = log2_block(block)
    exponent, mantissa = law.split(bits)
    beyond = tuple(
        f"{value:.3g} {name}, fitted to {low:.3g} to {high:.3g}"
        for name, value, (low, high) in (
            ("parameters", parameters, FITTED_PARAMETERS),
            ("tokens", tokens, FITTED_TOKENS),
        )
        if not low <= value <= high
    )
    return Advice(
        exponent,
        mantissa,
        law.loss(parameters, tokens, exponent, mantissa, size),
        law.loss_unquantized(parameters, tokens),
        law.critical_tokens(parameters, exponent, mantissa, size),
        law.bits_for_tokens(tokens, size),
        beyond,
    )
