# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Terms of bit vectors as text of MLIR's smt dialect, and z3 for what they say.

A proof is: declare variables, assume what is known of them, state a goal.
`Problem.refute` looks for values under which the goal is false; None means
that there are none, so that the goal is proven for all values.
"""

import functools
import shutil
import subprocess

import pytest


@functools.cache
def require_solver():
    """z3; skips the test where it, or the export of the smt dialect, is missing."""
    z3 = pytest.importorskip("z3", reason="proofs need the Python package z3-solver (scripts/setup.sh installs it)")
    tool = find_translate()
    if tool is None or "--export-smtlib" not in subprocess.run([tool, "--help"], capture_output=True, text=True).stdout:
        pytest.skip("proofs need an mlir-translate of release 22 with --export-smtlib")
    return z3


def find_translate():
    return shutil.which("mlir-translate-22") or shutil.which("/usr/lib/llvm-22/bin/mlir-translate")


class Term:
    """A bit vector of `width` bits, read as a signed number, or with width 0 a truth value."""

    def __init__(self, problem, name, width):
        self.problem, self.name, self.width = problem, name, width

    @property
    def type(self):
        return f"!smt.bv<{self.width}>" if self.width else "!smt.bool"

    def _binary(self, op, other):
        other = self.problem.term(other, self.width)
        assert self.width == other.width, f"{op} of {self.width} and {other.width} bits"
        return self.problem.emit(f"smt.bv.{op} {self.name}, {other.name} : {self.type}", self.width)

    def compare(self, predicate, other):
        other = self.problem.term(other, self.width)
        assert self.width == other.width, f"{predicate} of {self.width} and {other.width} bits"
        if predicate in ("eq", "ne"):
            op = "eq" if predicate == "eq" else "distinct"
            return self.problem.emit(f"smt.{op} {self.name}, {other.name} : {self.type}", 0)
        return self.problem.emit(f"smt.bv.cmp {predicate} {self.name}, {other.name} : {self.type}", 0)

    def __add__(self, other):
        return self._binary("add", other)

    def __sub__(self, other):
        return self + -self.problem.term(other, self.width)

    def __mul__(self, other):
        return self._binary("mul", other)

    def __neg__(self):
        return self.problem.emit(f"smt.bv.neg {self.name} : {self.type}", self.width)

    def __lshift__(self, other):
        return self._binary("shl", other)

    def __rshift__(self, other):
        return self._binary("ashr", other)

    def logical_shift(self, other):
        return self._binary("lshr", other)

    def __lt__(self, other):
        return self.compare("slt", other)

    def __le__(self, other):
        return self.compare("sle", other)

    def __gt__(self, other):
        return self.compare("sgt", other)

    def __ge__(self, other):
        return self.compare("sge", other)

    def equals(self, other):
        return self.compare("eq", other)

    def _combine(self, op, other):
        if self.width:
            return self._binary(op, other)
        return self.problem.emit(f"smt.{op} {self.name}, {self.problem.truth(other).name}", 0)

    def __and__(self, other):
        return self._combine("and", other)

    def __or__(self, other):
        return self._combine("or", other)

    def __xor__(self, other):
        return self._binary("xor", other)

    def __invert__(self):
        return self.problem.emit(f"smt.not {self.name}", 0)

    def bit(self, index):
        return self.extract(index, 1).equals(1)

    def is_even(self):
        return self.extract(0, 1).equals(0)

    def extract(self, low, width):
        return self.problem.emit(
            f"smt.bv.extract {self.name} from {low} : ({self.type}) -> !smt.bv<{width}>", width)

    def sign_extend(self, width):
        if width == self.width:
            return self
        return self._extend(self.extract(self.width - 1, 1), width)

    def zero_extend(self, width):
        if width == self.width:
            return self
        return self._extend(self.problem.constant(0, 1), width)

    def _extend(self, bit, width):
        """The dialect has no extension: a bit, repeated, in front."""
        count = width - self.width
        assert count > 0, f"{self.width} bits extended to {width}"
        front = self.problem.emit(f"smt.bv.repeat {count} times {bit.name} : !smt.bv<1>", count)
        return self.problem.emit(f"smt.bv.concat {front.name}, {self.name} : {front.type}, {self.type}", width)

    def select(self, yes, no):
        """self ? yes : no"""
        no = self.problem.term(no, getattr(yes, "width", 0))
        yes = self.problem.term(yes, no.width)
        return self.problem.emit(f"smt.ite {self.name}, {yes.name}, {no.name} : {yes.type}", yes.width)

    def magnitude(self):
        return (self < 0).select(-self, self)

    def clamp(self, low, high):
        low, high = self.problem.term(low, self.width), self.problem.term(high, self.width)
        return (self < low).select(low, (self > high).select(high, self))


class Problem:
    def __init__(self):
        self.lines, self.variables, self.count = [], {}, 0

    def emit(self, text, width):
        self.count += 1
        name = f"%t{self.count}"
        self.lines.append(f"  {name} = {text}")
        return Term(self, name, width)

    def variable(self, name, width, low=None, high=None):
        """A variable, in low ... high if those are given."""
        self.variables[name] = width
        term = self.emit(f'smt.declare_fun "{name}" : !smt.bv<{width}>', width)
        if low is not None:
            self.assume(term >= low)
        if high is not None:
            self.assume(term <= high)
        return term

    def constant(self, value, width):
        assert -(1 << width) <= 2 * value and value < 1 << width, f"{value} in {width} bits"
        unsigned = value % (1 << width)
        # Constants of any width from pieces of 32 bits, which every reader of numbers takes.
        pieces = [(unsigned >> low & 0xFFFFFFFF, min(32, width - low)) for low in range(0, width, 32)]
        whole = None
        for piece, bits in pieces:
            term = self.emit(f"smt.bv.constant #smt.bv<{piece}> : !smt.bv<{bits}>", bits)
            whole = term if whole is None else self.emit(
                f"smt.bv.concat {term.name}, {whole.name} : {term.type}, {whole.type}", bits + whole.width)
        return whole

    def truth(self, value):
        if isinstance(value, Term):
            return value
        return self.emit(f"smt.constant {'true' if value else 'false'}", 0)

    def term(self, value, width):
        if isinstance(value, Term):
            return value
        return self.constant(value, width) if width else self.truth(value)

    def lookup(self, index, entries, width):
        """entries[index], the index unsigned; the last entry beyond the end."""
        terms = [self.constant(entry, width) for entry in entries]
        for bit in range(index.width):
            if len(terms) == 1:
                break
            terms += terms[-1:] * (len(terms) % 2)
            condition = index.bit(bit)
            terms = [condition.select(odd, even) for even, odd in zip(terms[::2], terms[1::2])]
        assert len(terms) == 1, "a table with entries that no index reaches"
        return terms[0]

    def assume(self, condition):
        self.lines.append(f"  smt.assert {condition.name}")

    def to_smtlib(self):
        text = "smt.solver () : () -> () {\n" + "\n".join(self.lines) + "\n}\n"
        done = subprocess.run([find_translate(), "--export-smtlib"], input=text, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        # What follows is for a solver that reads commands; here assertions are read.
        return done.stdout.replace("(reset)", "")

    def refute(self, goal, cases=None):
        """Signed values of the variables for which `goal` does not hold, or None: proven. `cases`, a variable's name
        and all values that it can have, splits the proof into one for each value, where that is faster."""
        z3 = require_solver()
        saved = len(self.lines)
        self.assume(~goal)
        text = self.to_smtlib()
        del self.lines[saved:]
        assertions = z3.parse_smt2_string(text)
        # Whatever is lost on the way to z3 must not become a proof.
        assert len(assertions) == sum("smt.assert" in line for line in self.lines) + 1
        if cases is None:
            return self._solve(z3, list(assertions))
        name, values = cases
        width = self.variables[name]
        variable = z3.BitVec(name, width)
        # The split is complete: no other value is possible.
        outside = [variable != z3.BitVecVal(value, width) for value in values]
        assert self._solve(z3, [*assertions[:-1], *outside]) is None, f"{name} has other values"
        for value in values:
            replaced = [z3.substitute(a, (variable, z3.BitVecVal(value, width))) for a in assertions]
            if found := self._solve(z3, replaced):
                return found | {name: value}
        return None

    def _solve(self, z3, assertions):
        solver = z3.SolverFor("QF_BV")
        solver.set("timeout", 120000)
        solver.add(assertions)
        outcome = solver.check()
        if outcome == z3.unsat:
            return None
        assert outcome == z3.sat, f"z3 does not know: {solver.reason_unknown()}"
        values = {d.name(): d for d in solver.model().decls()}
        return {v: solver.model()[values[v]].as_signed_long() if v in values else 0 for v in self.variables}
