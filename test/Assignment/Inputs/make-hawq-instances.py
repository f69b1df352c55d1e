# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes HAWQ-V3's nine published ResNet18 problems as instances of qfmt-assign.

    python make-hawq-instances.py

Reads resnet18_ilp_input.json and resnet18_expected.json next to it (see
README.md) and writes hawq-resnet18-<cost>-<fraction>.json there. All instances
have all costs; each has one budget.
"""
import json
import pathlib

HERE = pathlib.Path(__file__).parent
# As the published configurations call them, and as costs are named here.
COSTS = {"modelsize": "bytes", "bops": "bops", "latency": "ms"}


def make_groups(data):
    groups = []
    for i, name in enumerate(data["layer_names"]):
        choices = []
        for bits in (4, 8):
            costs = {
                "bytes": data["param_count"][i] * bits // 8,
                "bops": data["macs"][i] * bits * bits / 1024,
                "ms": data[f"latency_int{bits}_ms"][i],
            }
            damage = data["hutchinson_trace_avg"][i] * data[f"delta_w_sq_int{bits}"][i]
            choices.append({"format": f"i{bits}", "damage": damage, "costs": costs})
        groups.append({"name": name, "choices": choices})
    return groups


def main():
    data = json.loads((HERE / "resnet18_ilp_input.json").read_text())
    published = json.loads((HERE / "resnet18_expected.json").read_text())
    names = data["layer_names"]
    for config in published["configs"]:
        cost, fraction = COSTS[config["constraint"]], config["fraction"]
        instance = {
            "groups": make_groups(data),
            "ties": [[names[i] for i in pair] for pair in data["equality_constraints_index_pairs"]],
            "budgets": {cost: {"fraction": fraction}},
            "expected": {
                "objective": config["published_metrics"]["perturbation"],
                "choice": {name: f"i{bits}" for name, bits in zip(names, config["published_bits"])},
            },
        }
        path = HERE / f"hawq-resnet18-{cost}-{fraction}.json"
        path.write_text(json.dumps(instance, indent=1) + "\n")


if __name__ == "__main__":
    main()
