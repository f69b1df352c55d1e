# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`qfmt assign`: an fp32 network in the formats that lose least within budgets."""

import argparse
import json
from pathlib import Path

from qfmt.cli_sensitivity import add_measuring_options, add_network_options

BUDGETS = {
    "bytes": "packed bytes of the weights, with scales and tables",
    "activation-bytes": "bytes of activations that are held at the same time",
    "bit-operations": "multiplications times the bits of both factors",
    "latency": "milliseconds by --latency-table",
    "luts": "LUTs of an FPGA, of multipliers and adders",
}


def add_parser(subparsers) -> None:
    parser = subparsers.add_parser(
        "assign",
        help="choose formats of layers under budgets, and quantize",
        description="Calibrate an fp32 network, find how much each candidate format damages "
        "each layer, choose the formats that do least damage within the budgets (an exact "
        "integer program), and quantize. Writes MLIR bytecode for `qfmt run` and qfmt-run.",
    )
    add_network_options(parser)
    parser.add_argument(
        "--candidates",
        nargs="+",
        required=True,
        metavar="W/A",
        help="formats of weights and data: i4/i8 i8 mxfp4/mxfp8",
    )
    parser.add_argument(
        "--damage",
        default="measured",
        metavar="MEASURE",
        help="weights: squared error of the weights; traces:FILE: that times traces of "
        "Hessians; moments[:FILE]: squared error of a layer's results; measured[:FILE]: of "
        "the network's results. Without FILE it is computed here (default: measured)",
    )
    for name, meaning in BUDGETS.items():
        parser.add_argument(
            f"--budget-{name}",
            metavar="N",
            help=f"at most N {meaning}; 50%%: half way from the cheapest to the dearest",
        )
    parser.add_argument(
        "--refine",
        type=int,
        default=0,
        metavar="N",
        help="then run the whole network in up to N other assignments within the budgets, and "
        "take the one with the least damage by --loss, on all samples",
    )
    parser.add_argument(
        "--latency-table", type=Path, metavar="FILE", help="JSON: milliseconds by layer and format"
    )
    parser.add_argument("--solver", choices=["cbc", "exhaustive", "reinforce"], default="cbc")
    parser.add_argument("--seed", type=int, help="of the solver reinforce")
    add_measuring_options(parser)
    group = parser.add_argument_group("quantization, as of `qfmt quantize`")
    group.add_argument("--activations", metavar="FORMAT", help="of what not only layers read")
    group.add_argument("--wide-activations", metavar="FORMAT")
    group.add_argument("--method", choices=["minmax", "percentile", "mse"])
    group.add_argument("--percentile", type=float)
    group.add_argument("--input-format", metavar="FORMAT:SCALE")
    parser.add_argument(
        "--level",
        choices=["encoded", "integer"],
        default="encoded",
        help="integer: integer-only, for candidates that are integers (default: encoded)",
    )
    parser.add_argument(
        "--report", type=Path, metavar="FILE", help="say why: .html, or .json for `qfmt report`"
    )
    parser.add_argument(
        "-o", dest="output", type=Path, required=True, help="the .mlirbc file to write"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    import tempfile

    from qfmt import assignment, pipeline
    from qfmt.cli_sensitivity import observe
    from qfmt.errors import UserError
    from qfmt.files import write_whole
    from qfmt.sensitivity import split_choices

    if args.report and args.report.suffix not in (".html", ".json"):
        raise UserError(f"--report: {args.report} should end in .html or .json")
    candidates = split_choices(args.candidates)
    measure, _, file = args.damage.partition(":")
    if measure not in ("weights", "traces", "moments", "measured"):
        raise UserError(
            f"--damage: weights, traces:FILE, moments or measured, found '{args.damage}'"
        )
    if measure == "traces" and not file:
        raise UserError("--damage: traces needs a file, traces:FILE")
    budgets = {
        "ms" if name == "latency" else name.replace("-", "_"): limit
        for name in BUDGETS
        if (limit := getattr(args, f"budget_{name.replace('-', '_')}")) is not None
    }
    if args.refine < 0:
        raise UserError(f"--refine: 0 or more networks, found {args.refine}")
    observed = observe(args)
    with tempfile.TemporaryDirectory() as folder:
        damage = assignment.Damage(measure, Path(file) if file else None)
        if damage.file is None and measure != "weights":
            damage.file = compute_damage(args, observed, candidates, measure, Path(folder))
        found = assignment.assign(
            observed,
            candidates,
            damage,
            budgets,
            latency_table=args.latency_table,
            solver=args.solver,
            seed=args.seed,
            **({"other_activations": args.activations} if args.activations else {}),
        )
    quantization = {
        "activations": args.activations,
        "wide_activations": args.wide_activations,
        "calibration": args.method,
        "percentile": args.percentile,
        "input_format": args.input_format,
    }
    if args.refine:
        found = refine(args, observed, found, quantization)
    module = pipeline.encode(found.module, **quantization)
    if args.level == "integer":
        module = pipeline.integerize(module)
        pipeline.verify_integer_only(module)
    report = make_report(args, found) if args.report else None
    write_whole(args.output, pipeline.pack_constants(module))
    if report is not None:
        write_whole(args.report, report)
    print_summary(found)


def compute_damage(args, observed: bytes, candidates: list[str], measure: str, folder: Path):
    """The file for qfmt-assign-formats, in `folder`."""
    from qfmt.cli_sensitivity import measure as measure_network
    from qfmt.cli_sensitivity import second_moments

    if measure == "moments":
        path = folder / "moments.npz"
        path.write_bytes(second_moments(args, observed))
    else:
        path = folder / "damage.json"
        path.write_text(json.dumps(measure_network(args, observed, candidates)))
    return path


def refine(args, observed: bytes, found, quantization: dict):
    """`found`, or a better assignment of whole networks."""
    from qfmt import refinement
    from qfmt.cache import Cache
    from qfmt.cli_sensitivity import read_inputs
    from qfmt.sensitivity import Experiment

    inputs = read_inputs(args, observed)
    whole = Experiment(observed, inputs, Cache(args.cache), quantization)
    return refinement.refine(found, whole, args.loss, args.refine)


def make_report(args: argparse.Namespace, found) -> bytes:
    from qfmt.assignment import main_budget, sweep

    cost = main_budget(found.problem)
    # Peaks of activation memory are many budgets, not one.
    if cost == "activation_bytes":
        cost = "bytes"
    whole = {"report": found.report, "problem": found.problem, "cost": cost}
    if args.report.suffix == ".json":
        return (json.dumps(whole, indent=1) + "\n").encode()
    from qfmt.assignment_report import render

    return render(found.report, sweep(found.problem, cost), cost).encode()


def print_summary(found) -> None:
    width = max(len(layer) for layer in found.choices)
    for layer, choice in found.choices.items():
        print(f"{layer:<{width}}  {choice}")
    print(f"damage {found.report['objective']:.6g} ({found.report['status']})")
    if whole := found.report.get("refinement"):
        print(
            f"damage of the whole network {whole['after']:.6g}, before {whole['before']:.6g} "
            f"({whole['loss']}, {whole['runs']} networks)"
        )
    for name, use in found.report["budgets"].items():
        print(f"{name}: {use['used']:.6g} of {use['limit']:.6g}")
