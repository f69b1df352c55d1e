# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Prints a network whose layers carry the candidates of an instance of qfmt-assign.

python instance-to-mlir.py INSTANCE.json [COST=NAME ...] > network.mlir

Each group is a matrix product of 1x2 by 2x2 with constant weights, in the order of the instance; its name, ties and forced format
become attributes. COST=NAME renames a cost to what qfmt-assign-formats calls it. Budgets are left to the options of the pass.
"""

import json
import sys

PRODUCT = """  %w{i} = arith.constant dense<[[{i}.0, 1.0], [1.0, {i}.0]]> : tensor<2x2xf32>
  %{n} = linalg.matmul {{{attributes}}}
    ins(%{i}, %w{i} : tensor<1x2xf32>, tensor<2x2xf32>) outs(%init : tensor<1x2xf32>) -> tensor<1x2xf32>"""


def number(value: float) -> str:
    """Exact as an f64."""
    return f"{float(value):.17e}"


def candidate(choice: dict, names: dict) -> str:
    costs = ", ".join(f"{names.get(name, name)} = {number(cost)}" for name, cost in choice["costs"].items())
    return f'{{format = "{choice["format"]}", damage = {number(choice["damage"])}, costs = {{{costs}}}}}'


def layer(index: int, group: dict, instance: dict, names: dict) -> str:
    attributes = [f'qfmt.layer = "{group["name"]}"']
    for label, tie in enumerate(instance.get("ties", [])):
        if group["name"] in tie:
            attributes.append(f'qfmt.tie = "tie{label}"')
    if group["name"] in instance.get("forced", {}):
        attributes.append(f'qfmt.forced = "{instance["forced"][group["name"]]}"')
    candidates = ",\n      ".join(candidate(choice, names) for choice in group["choices"])
    attributes.append(f"qfmt.candidates = [\n      {candidates}]")
    return PRODUCT.format(i=index, n=index + 1, attributes=", ".join(attributes))


def main() -> None:
    with open(sys.argv[1], encoding="utf-8") as file:
        instance = json.load(file)
    names = dict(argument.split("=") for argument in sys.argv[2:])
    if instance.get("pairwise"):
        sys.exit("error: a network carries no pairwise terms")
    print("func.func @main(%0: tensor<1x2xf32>) -> tensor<1x2xf32> {")
    print("  %init = arith.constant dense<0.0> : tensor<1x2xf32>")
    for index, group in enumerate(instance["groups"]):
        print(layer(index, group, instance, names))
    print(f"  return %{len(instance['groups'])} : tensor<1x2xf32>\n}}")


if __name__ == "__main__":
    main()
