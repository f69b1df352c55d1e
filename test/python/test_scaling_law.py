# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The scaling law gives the numbers of its paper, and what follows from its constants."""

import math

import pytest

from qfmt import cli
from qfmt.scaling_law import ScalingLaw, advise, log2_block

LAW = ScalingLaw()
BLOCK = log2_block(128)

# Of 1 to 16 bits, as published.
SPLITS = (
    "E0M0 E1M0 E1M1 E2M1 E2M2 E3M2 E3M3 E4M3 E4M4 E5M4 E5M5 E6M5 E6M6 E7M6 E7M7 E8M7"
).split()


def test_published_splits():
    found = ["E{}M{}".format(*LAW.split(bits)) for bits in range(1, 17)]
    assert found == SPLITS


@pytest.mark.parametrize("bits", range(2, 17))
def test_integer_split_is_near_the_real_one(bits):
    exponent, mantissa = LAW.real_split(bits)
    assert exponent + mantissa + 1 == pytest.approx(bits)
    assert abs(LAW.split(bits)[0] - exponent) < 1


@pytest.mark.parametrize("bits", [3.5, 4, 8])
def test_precision_of_the_real_split_has_a_closed_form(bits):
    closed = LAW.best_precision * bits ** (LAW.delta + LAW.nu)
    assert LAW.precision(*LAW.real_split(bits)) == pytest.approx(closed, rel=1e-12)
    assert LAW.best_precision == pytest.approx(160.697, rel=1e-5)


@pytest.mark.parametrize(
    "exponent, mantissa, tokens, published",
    [(8, 7, 1729.5e12, 1730e12), (4, 3, 27.33e12, 27e12), (2, 1, 0.3928e12, 0.4e12)],
)
def test_critical_tokens(exponent, mantissa, tokens, published):
    found = LAW.critical_tokens(1e9, exponent, mantissa, BLOCK)
    assert found == pytest.approx(tokens, rel=2e-4)
    assert found == pytest.approx(published, rel=0.02)


def test_loss_is_smallest_at_the_critical_tokens():
    tokens = LAW.critical_tokens(1e9, 4, 3, BLOCK)
    losses = [LAW.loss(1e9, tokens * f, 4, 3, BLOCK) for f in (0.99, 1, 1.01)]
    assert losses[1] < min(losses[0], losses[2])


@pytest.mark.parametrize(
    "tokens, bits", [(1e11, 4.268), (1e12, 5.179), (1e13, 6.284), (1e14, 7.624)]
)
def test_best_bits_for_tokens(tokens, bits):
    assert LAW.bits_for_tokens(tokens, BLOCK) == pytest.approx(bits, abs=5e-4)
    assert LAW.tokens_factor == pytest.approx(0.00224328, rel=1e-5)


@pytest.mark.parametrize(
    "cost, bits", [(1e21, 4.190), (1e25, 5.311), (1e29, 6.731), (1e31, 7.578)]
)
def test_best_bits_for_cost(cost, bits):
    assert LAW.bits_for_cost(cost, BLOCK) == pytest.approx(bits, abs=5e-4)


def best_loss(bits, parameters, tokens):
    return LAW.loss(parameters, tokens, *LAW.real_split(bits), BLOCK)


def test_best_bits_for_tokens_are_a_minimum():
    """Of the loss over bits, while parameters spend what bits leave of the cost."""
    tokens, cost = 1e11, 1e21
    bits = LAW.bits_for_tokens(tokens, BLOCK)

    def loss(b):
        return best_loss(b, cost / (LAW.k * b * tokens), tokens)

    assert loss(bits) < min(loss(bits * 0.99), loss(bits * 1.01))


def test_best_bits_for_parameters_are_a_minimum():
    parameters, cost = 1e9, 1e21
    bits = LAW.bits_for_parameters(parameters, cost, BLOCK)

    def loss(b):
        return best_loss(b, parameters, cost / (LAW.k * b * parameters))

    assert loss(bits) < min(loss(bits * 0.99), loss(bits * 1.01))


@pytest.mark.parametrize(
    "parameters, tokens, split, block, loss",
    [
        (679e6, 100e9, (8, 7), 128, 2.611774),
        (679e6, 100e9, (4, 3), 128, 2.612251),
        (679e6, 100e9, (2, 1), 128, 2.650388),
        (679e6, 100e9, (1, 1), 32, 2.752685),
        (41e6, 10e9, (1, 1), 128, 3.588390),
    ],
)
def test_loss(parameters, tokens, split, block, loss):
    assert LAW.loss(parameters, tokens, *split, log2_block(block)) == pytest.approx(loss, abs=6e-7)


def test_loss_without_penalty():
    assert LAW.loss_unquantized(679e6, 100e9) == pytest.approx(2.611767, abs=6e-7)
    assert LAW.penalty(679e6, 100e9, 2, 1, log2_block(1)) == 0
    assert math.isinf(LAW.critical_tokens(679e6, 2, 1, log2_block(1)))


def test_advice_says_when_it_extrapolates():
    assert advise(154e6, 5e10, 4, 128).beyond == ()
    parameters, tokens = advise(1e9, 1e12, 4, 128).beyond
    assert "1e+09 parameters" in parameters and "1e+12 tokens" in tokens


def test_command(capsys):
    arguments = "advise --parameters 679e6 --tokens 1e11 --bits 4 --block 128"
    assert cli.main(arguments.split()) == 0
    said = capsys.readouterr().out
    assert "!qfmt.float<2, 1>" in said and "2.650388" in said


@pytest.mark.parametrize(
    "options, message",
    [
        ("--parameters 0 --tokens 1e9 --bits 4", "number of parameters"),
        ("--parameters 1e9 --tokens nan --bits 4", "number of tokens"),
        ("--parameters 1e9 --tokens 1e9 --bits 0", "1 to 32 bits"),
        ("--parameters 1e9 --tokens 1e9 --bits 4 --block 0", "at least one element"),
    ],
)
def test_refusals(options, message, capsys):
    assert cli.main(["advise", *options.split()]) == 1
    assert message in capsys.readouterr().err
