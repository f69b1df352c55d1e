# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`qfmt run`: a network on the arrays of an .npz file."""

import argparse
from pathlib import Path


def add_parser(subparsers) -> None:
    parser = subparsers.add_parser(
        "run",
        help="run a network on the arrays of an .npz file",
        description="Compile a network and run it on every sample of an .npz file with one "
        "array per input. Floats go in and come out: an integer-only network is entered "
        "through its float wrapper, unless --codes asks for its codes.",
    )
    parser.add_argument("model", type=Path, help="MLIR bytecode or text")
    parser.add_argument(
        "--inputs", type=Path, required=True, help=".npz, samples along the first axis"
    )
    parser.add_argument("--outputs", type=Path, required=True, help="the .npz to write")
    parser.add_argument(
        "--codes",
        action="store_true",
        help="take and give the integer codes of an integer-only network",
    )
    parser.add_argument("--engine", choices=["jit", "reference"], default="jit")
    parser.add_argument(
        "--threads",
        type=lambda text: text if text == "auto" else int(text),
        default=1,
        metavar="N|auto",
        help="divide loops among up to so many threads, or as many as there are processors (default: one)",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    from qfmt import execute
    from qfmt.arrays import load_npz, save_npz, to_samples
    from qfmt.errors import UserError
    from qfmt.files import write_whole

    if not args.model.is_file():
        raise UserError(f"{args.model}: no such file")
    entry, signature = find_entry(args.model, args.codes)
    inputs = to_samples(load_npz(args.inputs), signature.inputs, args.inputs)
    results, milliseconds = execute.run(
        args.model, entry, inputs, engine=args.engine, threads=args.threads
    )

    names = [buffer.name for buffer in signature.outputs]
    write_whole(args.outputs, save_npz(dict(zip(names, results))))
    samples = len(inputs[0]) if inputs else 1
    print(f"{samples} samples, {milliseconds:.3f} ms a call")


def find_entry(model: Path, codes: bool):
    """The function to call and its signature: @main, or its float wrapper."""
    from qfmt import execute
    from qfmt.errors import UserError

    signature = execute.read_signature(model, "main")
    buffers = signature.inputs + signature.outputs
    if codes or all(buffer.dtype.kind == "f" for buffer in buffers):
        return "main", signature
    try:
        return "main_f32", execute.read_signature(model, "main_f32")
    except UserError:
        # A network of any level that computes with integers of its own.
        return "main", signature
