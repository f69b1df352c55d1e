# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Translates a function of integers, as qfmt-opt prints it, into terms of the
smt dialect: scalar arith, qfmt.lookup, and linalg.generic on tensors with one
element. Anything else is an error, so that nothing is passed over."""

import re

import numpy as np

NAME = r"%[\w$.-]+"
BINARY = {
    "arith.addi": lambda a, b: a + b,
    "arith.subi": lambda a, b: a - b,
    "arith.muli": lambda a, b: a * b,
    "arith.andi": lambda a, b: a & b,
    "arith.ori": lambda a, b: a | b,
    "arith.xori": lambda a, b: a ^ b,
    "arith.maxsi": lambda a, b: (a >= b).select(a, b),
    "arith.minsi": lambda a, b: (a <= b).select(a, b),
}
SHIFT = {
    "arith.shli": lambda a, b: a << b,
    "arith.shrsi": lambda a, b: a >> b,
    "arith.shrui": lambda a, b: a.logical_shift(b),
}
EXTEND = {"arith.extsi": "sign_extend", "arith.extui": "zero_extend"}


class Translation:
    """`result`, the term that the function returns; `defined`, true where no
    operation is poison (shifts by too much, indices beyond a table); `bound`,
    the last qfmt.error_bound."""

    def __init__(self, problem, text, arguments, cuts=None):
        """`cuts` are terms that take the place of results: {(operation, n): term}
        for the n-th operation of that name. A proof about any value of a term
        holds for the values that the operation has."""
        self.problem, self.cuts = problem, dict(cuts or {})
        self.defined, self.bound, self.result = problem.truth(True), None, None
        self.seen, self.environment = {}, {}
        lines = iter(text[text.index("func.func @main("):].splitlines())
        header = next(lines)
        parameters = re.findall(rf"({NAME}): ", header[: header.index(")")])
        assert len(parameters) == len(arguments), header
        self.environment.update(zip(parameters, arguments))
        self._translate(lines)
        unused = set(self.cuts) - {(op, n) for op, count in self.seen.items() for n in range(count)}
        assert not unused and self.result is not None, f"not found: {unused}"

    def _translate(self, lines):
        generic = None
        for line in map(str.strip, lines):
            if match := re.match(r"(?:linalg\.yield|return) (\S+) : ", line):
                self.result = self.environment[match[1]]
                if line.startswith("return"):
                    return
            elif line.startswith("^bb0("):
                names = re.findall(rf"({NAME}): ", line)
                assert len(names) == len(generic[1]) + 1, line
                self.environment.update(zip(names, generic[1]))
            elif match := re.match(rf"\}} -> tensor<(?:1x)+i\d+>$", line):
                self._define(generic[0], "linalg.generic", self.result)
            elif match := re.match(rf"({NAME}) = linalg\.generic .*? ins\((.*?) : .*?\) outs\(", line):
                generic = match[1], [self.environment[name] for name in match[2].split(", ")]
                if bound := re.search(r"qfmt\.error_bound = (\S+) : f64", line):
                    self.bound = float(bound[1])
            else:
                match = re.match(rf"({NAME}) = ([\w.]+) ?(.*)$", line)
                assert match, f"no translation of: {line}"
                if match[2] != "tensor.empty":
                    self._define(match[1], match[2], self._operation(match[2], match[3], line))

    def _define(self, name, op, term):
        number = self.seen.get(op, 0)
        self.seen[op] = number + 1
        cut = self.cuts.get((op, number))
        assert cut is None or cut.width == term.width, f"{op} has {term.width} bits"
        self.environment[name] = term if cut is None else cut

    def _operation(self, op, rest, line):
        if op == "arith.constant":
            if rest in ("true", "false"):
                return self.problem.constant(int(rest == "true"), 1)
            value, width = re.fullmatch(r"(-?\d+) : i(\d+)", rest).groups()
            return self.problem.constant(int(value), int(width))
        operands, _, types = rest.rpartition(" : ")
        if op in ("qfmt.constituents", "qfmt.assemble"):
            return self.environment[operands]
        if op == "qfmt.lookup":
            return self._lookup(*re.fullmatch(
                rf'({NAME}) in dense<(.*)> : tensor<(\d+)xi(\d+)> : i\d+ to i\d+', rest).groups())
        width = int(re.search(r"i(\d+)$", types)[1])
        if op == "arith.cmpi":
            predicate, *operands = operands.split(", ")
            a, b = (self.environment[name] for name in operands)
            return a.compare(predicate, b).select(self.problem.constant(1, 1), 0)
        terms = []
        for operand in operands.split(", "):
            assert operand in self.environment, f"no translation of: {line}"
            terms.append(self.environment[operand])
        if op in BINARY:
            return BINARY[op](*terms)
        if op in SHIFT:
            self.defined &= terms[1].compare("ult", width)
            return SHIFT[op](*terms)
        if op in EXTEND:
            return getattr(terms[0], EXTEND[op])(width)
        if op == "arith.trunci":
            return terms[0].extract(0, width)
        if op == "arith.select":
            return terms[0].equals(1).select(terms[1], terms[2])
        raise AssertionError(f"no translation of: {line}")

    def _lookup(self, index, text, count, width):
        index, count, width = self.environment[index], int(count), int(width)
        if text.startswith('"0x'):
            data = bytes.fromhex(text[3:-1])
            entries = np.frombuffer(data, f"<i{len(data) // count}").tolist()
        else:
            entries = [int(entry) for entry in text.strip("[]").split(",")]
        assert len(entries) == count
        if count < 1 << index.width:
            self.defined &= index.compare("ult", count)
        return self.problem.lookup(index, entries, width)
