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
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    import io

    import numpy as np

    from qfmt import execute
    from qfmt.arrays import load_npz, to_samples
    from qfmt.errors import UserError
    from qfmt.files import write_whole

    if not args.model.is_file():
        raise UserError(f"{args.model}: no such file")
    signature, entry = execute.read_signature(args.model, "main"), "main"
    if not args.codes and any(b.dtype.kind != "f" for b in signature.inputs):
        entry = "main_f32"
        signature = execute.read_signature(args.model, entry)
    inputs = to_samples(load_npz(args.inputs), signature.inputs, args.inputs)
    results, milliseconds = execute.run(args.model, entry, inputs, engine=args.engine)

    archive = io.BytesIO()
    names = [buffer.name for buffer in signature.outputs]
    np.savez(archive, **dict(zip(names, results)))
    write_whole(args.outputs, archive.getvalue())
    print(f"{len(inputs[0])} samples, {milliseconds:.3f} ms a call")
