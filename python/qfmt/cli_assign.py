# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`qfmt assign`: an fp32 network in the formats that lose least within budgets."""

import argparse
import json
from pathlib import Path

from qfmt.cli_network import (
    add_candidates_option,
    add_measuring_options,
    add_network_options,
    add_output_option,
    add_quantization_options,
    collect_quantization,
    observe,
    read_inputs,
)

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
    add_candidates_option(parser)
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
    parser.add_argument(
        "--objective",
        choices=["sum", "end-to-end"],
        default="sum",
        help="sum: of damages of layers; end-to-end: what the whole network loses, by --loss on "
        "all samples, learned by the solver reinforce (default: sum)",
    )
    parser.add_argument(
        "--runs",
        type=int,
        default=1024,
        metavar="N",
        help="networks that --objective end-to-end may run (default: 1024)",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the solver reinforce")
    add_measuring_options(parser)
    add_quantization_options(
        parser.add_argument_group("quantization, as of `qfmt quantize`"), "of what not only layers read"
    )
    parser.add_argument(
        "--level",
        choices=["encoded", "integer"],
        default="encoded",
        help="integer: integer-only, for candidates that are integers (default: encoded)",
    )
    parser.add_argument(
        "--report", type=Path, metavar="FILE", help="say why: .html, or .json for `qfmt report`"
    )
    add_output_option(parser, ".mlirbc")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    import tempfile

    from qfmt import assignment, pipeline
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
    if args.pairs and (measure != "measured" or file):
        raise UserError(f"--pairs: of what is measured here, found --damage {args.damage}")
    budgets = {
        "ms" if name == "latency" else name.replace("-", "_"): limit
        for name in BUDGETS
        if (limit := getattr(args, f"budget_{name.replace('-', '_')}")) is not None
    }
    if args.refine < 0:
        raise UserError(f"--refine: 0 or more networks, found {args.refine}")
    if args.objective == "end-to-end" and args.solver != "reinforce":
        raise UserError(
            "--objective end-to-end: the integer program needs a sum; give --solver reinforce, "
            "or --refine N with the objective sum"
        )
    if args.runs < 1:
        raise UserError(f"--runs: at least one network, found {args.runs}")
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
            # The sum's optimum is what end to end has to beat.
            solver="cbc" if args.objective == "end-to-end" else args.solver,
            seed=args.seed,
            # May be f32 where nothing asks for its bytes.
            other_activations=args.activations if "activation_bytes" in budgets else None,
        )
    quantization = collect_quantization(args)
    if args.objective == "end-to-end":
        found = learn(args, observed, found, quantization)
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


def run_whole(args, observed: bytes, quantization: dict):
    """The network as it will be, on all samples."""
    from qfmt.cache import Cache
    from qfmt.sensitivity import Experiment

    return Experiment(observed, read_inputs(args, observed), Cache(args.cache), quantization)


def refine(args, observed: bytes, found, quantization: dict):
    """`found`, or a better assignment of whole networks."""
    from qfmt import refinement

    whole = run_whole(args, observed, quantization)
    return refinement.refine(found, whole, args.loss, args.refine)


def learn(args, observed: bytes, found, quantization: dict):
    """`found`, or a better assignment of whole networks."""
    from qfmt.reinforce import learn_end_to_end

    whole = run_whole(args, observed, quantization)
    return learn_end_to_end(
        found, whole, args.loss, runs=args.runs, seed=args.seed, jobs=args.jobs
    )


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
