# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`qfmt advise`: exponent and mantissa bits for training, from a scaling law."""

import argparse


def add_parser(subparsers) -> None:
    parser = subparsers.add_parser(
        "advise",
        help="split the bits of a float format between exponent and mantissa",
        description="Say how a float format of so many bits is best split for training a "
        "language model in it, and what loss a scaling law (Sun et al., 2025) predicts.",
    )
    parser.add_argument("--parameters", type=float, required=True, help="of the model: 1e9")
    parser.add_argument("--tokens", type=float, required=True, help="to train on: 1e11")
    parser.add_argument("--bits", type=int, required=True, help="of the format, sign included")
    parser.add_argument(
        "--block",
        type=parse_block,
        default=128,
        help="elements with a scale of their own, or 'channel' (default: 128)",
    )
    parser.set_defaults(run=run)


def parse_block(text: str) -> int | str:
    if text == "channel" or text.isascii() and text.isdecimal():
        return text if text == "channel" else int(text)
    raise argparse.ArgumentTypeError(f"expected a number or 'channel', found '{text}'")


def run(args: argparse.Namespace) -> None:
    from qfmt.scaling_law import advise

    advice = advise(args.parameters, args.tokens, args.bits, args.block)
    split = f"{advice.exponent} exponent, {advice.mantissa} mantissa bits"
    print(f"format            {advice.format} ({split})")
    print(f"loss              {advice.loss:.6f}")
    print(f"... unquantized   {advice.loss_unquantized:.6f}")
    print(f"... difference    {advice.loss - advice.loss_unquantized:.6f}")
    print(f"critical tokens   {advice.critical_tokens:.4g}")
    print(f"cost-optimal bits {advice.best_bits:.3f}")
    for reason in advice.beyond:
        print(f"extrapolated      {reason}")
