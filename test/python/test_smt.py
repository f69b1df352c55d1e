# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Proofs, for all inputs, of what the integer rules rely on, about the arith that
qfmt-opt emits: dyadic scaling in every rounding mode, rescaling of ratios and of
wide accumulators, quantization, tables.

The emitted function becomes terms of MLIR's smt dialect (arith_to_smt.py), the
specification is written in such terms, mlir-translate exports both to SMT-LIB,
and z3 finds no input for which they differ. Each family has a specification
that is wrong on purpose: z3 must find an input, and the reference evaluator must
agree that it is one.
"""

import re
from fractions import Fraction

import numpy as np
import pytest
from arith_to_smt import Translation
from run_tools import run_text
from smt_dialect import Problem, require_solver

from qfmt.errors import UserError
from qfmt.tools import find_tool, run_tool


@pytest.fixture(autouse=True)
def tools():
    require_solver()
    try:
        find_tool("qfmt-opt")
    except UserError as error:
        pytest.skip(str(error))


def lower(text, *passes):
    return run_tool("qfmt-opt", "-", *passes, "--convert-qfmt-to-arith", stdin=text.encode()).decode()


# Rounding. x is any number between whole ones; a mode is when a tie between q
# and q + 1 becomes q, or, for the modes that do not look at halves, which whole
# number x between q and q + 1 becomes. It depends on the sign of x and on
# whether q is even.

TIE_GOES_DOWN = {
    "half_even": lambda negative, even: even,
    "half_up": lambda negative, even: False,
    "half_down": lambda negative, even: True,
    "half_away": lambda negative, even: negative,
    "half_toward_zero": lambda negative, even: ~negative,
}
GOES_DOWN = {
    "floor": lambda negative: True,
    "ceil": lambda negative: False,
    "toward_zero": lambda negative: ~negative,
}
MODES = [*TIE_GOES_DOWN, *GOES_DOWN]


def is_rounded(mode, numerator, denominator, q, low=None, high=None):
    """q = round(numerator / denominator), saturated to low ... high if given; all
    are terms of a width in which nothing here overflows; denominator > 0.

    round(x) <= q and q <= round(x), each superfluous where q is the bound."""
    return is_nearest(mode, numerator - q * denominator, numerator < 0, denominator, q, low, high)


def is_shifted(mode, numerator, shift, q, low=None, high=None):
    """The same for the denominator 2^shift. q * 2^shift may overflow where q is far from right, so that part of what
    is said is that it does not."""
    unit = q.problem.constant(1, q.width) << shift
    return shift_fits(q, shift, 2) & is_nearest(mode, numerator - (q << shift), numerator < 0, unit, q, low, high)


def shift_fits(q, shift, spare):
    """q * 2^shift leaves `spare` bits."""
    return (q << shift << spare >> spare >> shift).equals(q)


def is_nearest(mode, distance, negative, denominator, q, low, high):
    """The same for numerator - q * denominator = distance."""
    problem = q.problem
    even = q.is_even()
    if mode in TIE_GOES_DOWN:
        twice = distance + distance
        down = problem.truth(TIE_GOES_DOWN[mode](negative, even))
        # The tie below q is between q - 1, of the other parity, and q.
        stays_up = ~problem.truth(TIE_GOES_DOWN[mode](negative, ~even))
        at_most = (twice < denominator) | (twice.equals(denominator) & down)
        at_least = (-denominator < twice) | (twice.equals(-denominator) & stays_up)
    else:
        down = problem.truth(GOES_DOWN[mode](negative))
        at_most = (distance <= 0) | (down & (distance < denominator))
        at_least = (distance >= 0) | (~down & (-denominator < distance))
    if high is not None:
        at_most |= q.equals(high)
    if low is not None:
        at_least |= q.equals(low)
    return at_most & at_least


def round_fraction(mode, x):
    """The same in Python, to judge counterexamples; independent of the above."""
    floor = x.numerator // x.denominator
    part = x - floor
    if part == 0:
        return floor
    if mode in GOES_DOWN:
        return floor + {"floor": 0, "ceil": 1, "toward_zero": int(x < 0)}[mode]
    if part != Fraction(1, 2):
        return floor + int(part > Fraction(1, 2))
    return floor + {
        "half_even": floor % 2, "half_up": 1, "half_down": 0, "half_away": int(x > 0), "half_toward_zero": int(x < 0),
    }[mode]


# qfmt.dyadic_scale


def dyadic(mode, operand, result):
    how = "double_rounding" if mode == "double_rounding" else f"rounding = {mode}"
    return lower(f"""
func.func @main(%acc: {operand}, %m: {operand}, %n: {operand}) -> {result} {{
  %q = qfmt.dyadic_scale %acc, %m, %n {how} : {operand}, {operand}, {operand} to {result}
  return %q : {result}
}}""")


def double_rounding(p, n, q, wide):
    """p, n and q as terms: what must hold if t = p / 2^31, half up, and q = t / 2^(n - 31), half away from zero."""
    t = p.problem.variable("t", 64)
    p.problem.assume(is_shifted("half_up", p, 31, t.sign_extend(wide)))
    return is_shifted("half_away", t.sign_extend(wide), n - 31, q)


@pytest.mark.parametrize("mode", [*MODES, "double_rounding"])
def test_dyadic_any_product(mode):
    """At the real widths: acc * m is cut out and may be any number of -2^62 ... 2^62, which is every product that C30
    allows; n is any of 0 ... 62. The result is p / 2^n, rounded, and no operation is poison."""
    wide = 68
    problem = Problem()
    p = problem.variable("p", 64, -(1 << 62), 1 << 62)
    n = problem.variable("n", 32, 31 if mode == "double_rounding" else 0, 62)
    unused = problem.variable("unused", 32)
    emitted = Translation(problem, dyadic(mode, "i32", "i64"), [unused, unused, n], {("arith.muli", 0): p})
    p, n, q = p.sign_extend(wide), n.sign_extend(wide), emitted.result.sign_extend(wide)
    if mode == "double_rounding":
        goal = double_rounding(p, n, q, wide)
    else:
        goal = is_shifted(mode, p, n, q)
    shifts = range(31 if mode == "double_rounding" else 0, 63)
    assert problem.refute(goal & emitted.defined, ("n", shifts)) is None


def small_dyadic(mode, operand_width=7, result_width=5):
    """The operation on all acc, m and n of a small width, with a result that saturates: its terms, widened."""
    wide = 72
    problem = Problem()
    acc = problem.variable("acc", operand_width)
    m = problem.variable("m", operand_width, 0)
    n = problem.variable("n", operand_width, 0, 62)
    emitted = Translation(problem, dyadic(mode, f"i{operand_width}", f"i{result_width}"), [acc, m, n])
    p = acc.sign_extend(wide) * m.sign_extend(wide)
    limit = 1 << (result_width - 1)
    return problem, p, n.sign_extend(wide), emitted, (-limit, limit - 1)


@pytest.mark.parametrize("mode", MODES)
def test_dyadic_small(mode):
    """From operands to saturated result, nothing cut out: i7 operands, i5 result."""
    problem, p, n, emitted, (low, high) = small_dyadic(mode)
    q = emitted.result.sign_extend(p.width)
    assert problem.refute(is_shifted(mode, p, n, q, low, high) & emitted.defined) is None


@pytest.mark.parametrize("old, new", [
    ("extsi %arg0", "extui %arg0"), ("muli", "addi"), ("shli", "shrui"), ("shrui", "shli"), ("minsi", "maxsi"), ("subi", "addi"),
    ("shrsi", "shrui"), ("andi", "ori"), ("addi", "subi"), ("maxsi", "minsi"), ("constant 1 :", "constant 2 :"),
    ("constant 15 :", "constant 14 :"), ("constant -16 :", "constant -15 :")])
def test_dyadic_wrong_lowering(monkeypatch, old, new):
    """The proof fails if any operation that is emitted were another one."""
    emitted = dyadic("half_even", "i7", "i5")
    assert old in emitted
    monkeypatch.setitem(globals(), "dyadic", lambda *_: emitted.replace(old, new))
    problem, p, n, emitted, (low, high) = small_dyadic("half_even")
    goal = is_shifted("half_even", p, n, emitted.result.sign_extend(p.width), low, high)
    assert problem.refute(goal & emitted.defined)


def test_dyadic_small_double_rounding():
    """acc of 6 bits, and of m the upper 6 of 31 bits, so that the first rounding matters."""
    wide = 72
    problem = Problem()
    acc = problem.variable("acc", 32, -32, 31)
    m = problem.variable("m", 32, 0)
    problem.assume(m.extract(0, 25).equals(0))
    n = problem.variable("n", 32, 31, 62)
    emitted = Translation(problem, dyadic("double_rounding", "i32", "i64"), [acc, m, n])
    p = acc.sign_extend(wide) * m.sign_extend(wide)
    goal = double_rounding(p, n.sign_extend(wide), emitted.result.sign_extend(wide), wide)
    assert problem.refute(goal & emitted.defined) is None


def scale_by_reference(tmp_path, mode, found, result):
    """qfmt.dyadic_scale itself, not lowered, on a counterexample."""
    how = "double_rounding" if mode == "double_rounding" else f"rounding = {mode}"
    text = f"""
func.func @main(%acc: tensor<1xi32>, %m: tensor<1xi32>, %n: tensor<1xi32>) -> tensor<1x{result}> {{
  %q = qfmt.dyadic_scale %acc, %m, %n {how} : tensor<1xi32>, tensor<1xi32>, tensor<1xi32> to tensor<1x{result}>
  return %q : tensor<1x{result}>
}}"""
    inputs = [np.array([found[name]], np.int32) for name in ("acc", "m", "n")]
    return int(run_text(tmp_path, text, inputs, 1, "reference")[0][0])


@pytest.mark.parametrize("mode, wrong", zip(MODES, MODES[1:] + MODES[:1]))
def test_dyadic_wrong_mode(tmp_path, mode, wrong):
    """A mode does not satisfy the specification of another one."""
    problem, p, n, emitted, _ = small_dyadic(mode, result_width=8)
    q = emitted.result.sign_extend(p.width)
    found = problem.refute(is_shifted(wrong, p, n, q, -128, 127))
    assert found, f"z3 takes {mode} for {wrong}"
    x = Fraction(found["acc"] * found["m"], 1 << found["n"])
    q = scale_by_reference(tmp_path, mode, found, "i8")
    assert q == max(-128, min(127, round_fraction(mode, x)))
    assert q != max(-128, min(127, round_fraction(wrong, x)))


def test_dyadic_wrong_single_rounding(tmp_path):
    """Rounding twice is not rounding once."""
    wide = 72
    problem = Problem()
    acc, m = problem.variable("acc", 32, -512, 511), problem.variable("m", 32, 1 << 30, 1 << 30)
    n = problem.variable("n", 32, 31, 62)
    emitted = Translation(problem, dyadic("double_rounding", "i32", "i32"), [acc, m, n])
    p = acc.sign_extend(wide) * m.sign_extend(wide)
    found = problem.refute(is_shifted("half_away", p, n.sign_extend(wide), emitted.result.sign_extend(wide)))
    assert found
    once = round_fraction("half_away", Fraction(found["acc"] * found["m"], 1 << found["n"]))
    first = round_fraction("half_up", Fraction(found["acc"] * found["m"], 1 << 31))
    twice = round_fraction("half_away", Fraction(first, 1 << (found["n"] - 31)))
    assert scale_by_reference(tmp_path, "double_rounding", found, "i32") == twice != once


# Rescaling by a ratio that is not dyadic. A ratio is R / 2^(n + 3), a dyadic number with 3 more bits, of which m
# is the nearest one with a multiplier of 4 bits: |8 m - R| <= 4.


def small_ratio(mode):
    wide = 84
    problem = Problem()
    acc, m = problem.variable("acc", 8, -8, 7), problem.variable("m", 8, 8, 15)
    n, ratio = problem.variable("n", 8, 0, 62), problem.variable("R", 8, 0)
    emitted = Translation(problem, dyadic(mode, "i8", "i64"), [acc, m, n])
    ratio, acc = ratio.sign_extend(wide), acc.sign_extend(wide)
    off = (m.sign_extend(wide) << 3) - ratio
    problem.assume((off <= 4) & (off >= -4))
    n = n.sign_extend(wide)
    # In units of 2^-(n + 3); the result has few bits.
    q = emitted.result.sign_extend(wide)
    fits = shift_fits(q, n, 5)
    error = ((q << n << 3) - acc * ratio).magnitude()
    return problem, fits, error, problem.constant(8, wide) << n, acc.magnitude() << 2


@pytest.mark.parametrize("mode", MODES)
def test_ratio_bound(mode):
    """Off by at most 1/2 (1 for modes that do not round to nearest) and acc times the error of the ratio."""
    problem, fits, error, unit, slack = small_ratio(mode)
    if mode in TIE_GOES_DOWN:
        error, slack = error + error, slack + slack
    assert problem.refute(fits & (error <= unit + slack)) is None


@pytest.mark.parametrize("mode", ["half_even", "floor"])
def test_ratio_bound_wrong(tmp_path, mode):
    """Not by at most the rounding alone."""
    problem, fits, error, unit, _ = small_ratio(mode)
    if mode in TIE_GOES_DOWN:
        error = error + error
    found = problem.refute(~fits | (error <= unit))
    assert found
    exact = Fraction(found["acc"] * found["R"], 1 << (found["n"] + 3))
    q = scale_by_reference(tmp_path, mode, found, "i32")
    assert abs(q - exact) > (Fraction(1, 2) if mode in TIE_GOES_DOWN else 1)
    assert abs((found["m"] << 3) - found["R"]) <= 4


def test_ratio_multipliers():
    """C33 of the multipliers and shifts that qfmt-integerize chooses for random scales; not by z3."""
    rng = np.random.default_rng(5)
    pairs = np.float32(np.exp2(rng.uniform(-9, 9, (100, 2)))).astype(float)
    functions = [network([scaled("i8", a)], scaled("i16", b), [], name=f"f{k}") for k, (a, b) in enumerate(pairs)]
    emitted = run_tool("qfmt-opt", "-", "--qfmt-integerize", stdin=(IDENTITY + "".join(functions)).encode()).decode()
    found = re.findall(
        r"%c(\d+)_i32 = arith.constant \1 : i32\s+%c(\d+)_i32\w* = arith.constant \2 : i32\s+\S+ = qfmt.dyadic_scale",
        emitted)
    assert len(found) == len(pairs)
    for (a, b), (m, n) in zip(pairs, found):
        ratio = Fraction(a / b)
        assert abs(Fraction(int(m), 1 << int(n)) - ratio) <= ratio / 2**31


# Regions, as qfmt-integerize emits them.

IDENTITY = "#id = affine_map<(i) -> (i)>\n"


def scaled(number, scale, zero=0):
    return f"#qfmt.scaled<{number}, scale = {float(np.float32(scale)):.12e}, zero_point = {zero}>"


def network(sources, target, operations, name="main"):
    """Reads tensors of one element %a0, %a1, ..., computes, and quantizes the last result."""
    def tensor(encoding):
        return f"tensor<1xf32, {encoding}>"

    count = range(len(sources))
    lines = "".join(f"    %r{k} = {op} : f32\n" for k, op in enumerate(operations))
    yielded = f"%r{len(operations) - 1}" if operations else "%a0"
    return f"""
func.func @{name}({", ".join(f"%x{k}: {tensor(source)}" for k, source in enumerate(sources))}) -> {tensor(target)} {{
  %empty = tensor.empty() : tensor<1xf32>
  %real = linalg.generic {{indexing_maps = [{", ".join(["#id"] * (len(sources) + 1))}], iterator_types = ["parallel"]}}
      ins({", ".join(f"%x{k}" for k in count)} : {", ".join(map(tensor, sources))}) outs(%empty : tensor<1xf32>) {{
  ^bb0({", ".join(f"%a{k}: f32" for k in count)}, %out: f32):
{lines}    linalg.yield {yielded} : f32
  }} -> tensor<1xf32>
  %q = qfmt.quantize %real : tensor<1xf32> to {tensor(target)}
  return %q : {tensor(target)}
}}
"""


class Format:
    """An integer format; its codes as terms, and the ends of their range without the zero point."""

    def __init__(self, bits, scale, zero=0, signed=True):
        self.bits, self.zero, self.signed = bits, zero, signed
        self.scale = Fraction(float(np.float32(scale)))
        self.low = (-(1 << (bits - 1)) if signed else 0) - zero
        self.high = self.low + (1 << bits) - 1
        self.text = scaled(f"{'' if signed else 'u'}i{bits}", scale, zero)

    def value(self, code, wide):
        """code - zero point"""
        return (code.sign_extend(wide) if self.signed else code.zero_extend(wide)) - self.zero

    def as_array(self, code):
        code = code if self.signed else code % (1 << self.bits)
        width = 8 if self.bits <= 8 else 16
        return np.array([code], f"{'i' if self.signed else 'u'}{width // 8}")


class Region:
    """The emitted codes of a network, and its real value in the same integers: real = units / scale units."""

    def __init__(self, sources, target, operations, real, wide, options="", cut=None):
        self.sources, self.target, self.real = sources, target, real
        self.text = IDENTITY + network([s.text for s in sources], target.text, operations)
        self.passes = [f"--qfmt-integerize={options}" if options else "--qfmt-integerize"]
        self.problem = problem = Problem()
        codes = [problem.variable(f"x{k}", s.bits) for k, s in enumerate(sources)]
        self.codes = dict(zip(problem.variables, codes))
        cuts = {("linalg.generic", 0): cut(problem)} if cut else {}
        self.emitted = Translation(problem, lower(self.text, *self.passes), codes, cuts)
        # A region without the attribute is exact.
        bound = Fraction(self.emitted.bound or 0)
        # `real` gives the terms of a sum: a value, and the scale that it has.
        values = [s.value(code, wide) for s, code in zip(sources, codes)]
        terms = real(values) if cut is None else [(cuts["linalg.generic", 0].sign_extend(wide), real(values)[0][1])]
        scales = [scale for _, scale in terms] + [target.scale, bound]
        self.unit = max(scale.denominator for scale in scales)
        # Differences of twice a value, and the zero points.
        largest = max(int(scale * self.unit) for scale in scales)
        assert largest.bit_length() + max(sum(s.bits for s in sources), target.bits) + 4 < wide
        self.step = int(target.scale * self.unit)
        self.bound = int(bound * self.unit)
        self.units = problem.constant(0, wide)
        for value, scale in terms:
            self.units += value * int(scale * self.unit)
        self.result = target.value(self.emitted.result, wide)

    def fix(self, name, value):
        self.problem.assume(self.codes[name].equals(value))

    def error(self):
        """|scale * (code - zero point) - clamp(real)| in units"""
        clamped = self.units.clamp(self.target.low * self.step, self.target.high * self.step)
        return (self.result * self.step - clamped).magnitude()

    def is_rounded(self, mode="half_even"):
        step = self.problem.constant(self.step, self.units.width)
        return is_rounded(mode, self.units, step, self.result, self.target.low, self.target.high)

    def evaluate(self, tmp_path, found):
        """The integers that the reference evaluator computes, and the real value, of a counterexample."""
        inputs = [s.as_array(found[f"x{k}"]) for k, s in enumerate(self.sources)]
        code = run_text(tmp_path, self.text, inputs, 1, "reference", self.passes)[0][0]
        values = [int(array[0]) - s.zero for s, array in zip(self.sources, inputs)]
        real = sum(value * scale for value, scale in self.real(values))
        return int(code) - self.target.zero, real / self.target.scale


def requantize(source, target):
    return Region([source], target, [], lambda v: [(v[0], source.scale)], 112)


QUANTIZATIONS = {
    "coarser": (Format(8, 0.1, 3), Format(4, 0.3, 5, signed=False)),
    "finer": (Format(8, 0.1, -3), Format(8, 0.03, 1)),
    "unsigned": (Format(8, 0.07, 128, signed=False), Format(8, 0.11, 100, signed=False)),
    "ties": (Format(8, 0.25, 1), Format(4, 1.0, -2)),
    "whole": (Format(8, 0.5), Format(8, 0.25, 7)),
    "same": (Format(6, 0.3, 2), Format(4, 0.3, -1)),
    "wide": (Format(10, 0.013, 11), Format(8, 0.17, -5)),
}


@pytest.mark.parametrize("name", QUANTIZATIONS)
def test_quantize(name):
    """For every code: clamp(round(v * r) + zero point), r the exact ratio of the scales; and within the certificate."""
    region = requantize(*QUANTIZATIONS[name])
    goal = region.is_rounded() & (region.error() <= region.bound) & region.emitted.defined
    assert region.problem.refute(goal) is None


@pytest.mark.parametrize("name", ["coarser", "ties"])
def test_quantize_wrong(tmp_path, name):
    """Neither rounded down, nor within half of what the certificate says, nor without saturation."""
    region = requantize(*QUANTIZATIONS[name])
    low, high = region.target.low, region.target.high

    found = region.problem.refute(region.is_rounded("floor"))
    code, exact = region.evaluate(tmp_path, found)
    assert code == max(low, min(high, round(exact))) != max(low, min(high, exact.numerator // exact.denominator))

    found = region.problem.refute(region.error() * 2 <= region.bound)
    code, exact = region.evaluate(tmp_path, found)
    assert abs(code - max(low, min(high, exact))) * region.target.scale * 2 > Fraction(region.emitted.bound)

    step = region.problem.constant(region.step, region.units.width)
    found = region.problem.refute(is_rounded("half_even", region.units, step, region.result))
    code, exact = region.evaluate(tmp_path, found)
    assert code in (low, high) and code != round(exact)


def add(a, b, target):
    return Region([a, b], target, ["arith.addf %a0, %a1"], lambda v: [(v[0], a.scale), (v[1], b.scale)], 128)


def test_sum():
    """Two operands brought to one scale, each rounded, then added and rounded again: within the certificate."""
    region = add(Format(4, 0.11), Format(4, 0.3, 2), Format(5, 0.3, 5))
    goal = (region.error() <= region.bound) & region.emitted.defined
    assert region.problem.refute(goal, ("x0", range(-8, 8))) is None


def test_sum_wrong(tmp_path):
    region = add(Format(4, 0.11), Format(4, 0.3, 2), Format(5, 0.3, 5))
    found = region.problem.refute(region.error() * 10 <= region.bound * 9)
    code, exact = region.evaluate(tmp_path, found)
    error = abs(code - max(region.target.low, min(region.target.high, exact))) * region.target.scale
    assert error > Fraction(region.emitted.bound) * 9 / 10


# Accumulators of more than 32 bits: clamped, shifted right with rounding, then rescaled.


def product(scales, target, largest=1 << 45):
    """The product of three operands of 16 bits, of which `largest` is the largest that it can be: any number up to
    there, so that no multiplication of variables is left to z3. Without `largest` it is the product."""
    sources = [Format(16, scale) for scale in scales]
    whole = sources[0].scale * sources[1].scale * sources[2].scale
    return Region(
        sources, target, ["arith.mulf %a0, %a1", "arith.mulf %r0, %a2"], lambda v: [(v[0] * v[1] * v[2], whole)], 192,
        "accumulator-bits=64", (lambda problem: problem.variable("p", 64, -largest, largest)) if largest else None)


# Scales that are no powers of two make products with large constants, for which small numbers have to do.
@pytest.mark.parametrize("target, largest", [
    (Format(16, 1.0, 5), 1 << 45), (Format(8, 1024.0), 1 << 45), (Format(16, 0.75, -3), 1 << 20)])
def test_wide_accumulator(target, largest):
    region = product([2.0**-10, 2.0**-9, 2.0**-8], target, largest)
    assert region.emitted.seen["arith.shrsi"] >= 2
    assert region.problem.refute((region.error() <= region.bound) & region.emitted.defined) is None


def test_wide_accumulator_wrong(tmp_path):
    """Shifting first costs something: rounding once would not."""
    region = product([2.0**-10, 2.0**-9, 2.0**-8], Format(16, 1.0, 5), largest=None)
    # Two odd factors leave z3 one variable; with these there are ten solutions.
    region.fix("x0", 32765)
    region.fix("x1", 32367)
    found = region.problem.refute(region.error() * 2 <= region.step)
    code, exact = region.evaluate(tmp_path, found)
    assert abs(code - max(region.target.low, min(region.target.high, exact))) > Fraction(1, 2)


@pytest.mark.parametrize("shift", [1, 12, 31])
def test_shift_right(shift):
    """(v + 2^(s - 1)) >> s is off by at most 1/2, at 64 bits, for every v for which the sum does not overflow."""
    wide = 128
    problem = Problem()
    half = 1 << (shift - 1)
    v = problem.variable("v", 64, None, (1 << 63) - 1 - half)
    emitted = Translation(problem, f"""
func.func @main(%v: i64) -> i64 {{
  %half = arith.constant {half} : i64
  %sum = arith.addi %v, %half : i64
  %s = arith.constant {shift} : i64
  %q = arith.shrsi %sum, %s : i64
  return %q : i64
}}""", [v])
    off = ((emitted.result.sign_extend(wide) << shift) - v.sign_extend(wide)).magnitude()
    assert problem.refute((off <= half) & emitted.defined) is None
    found = problem.refute(off < half)
    assert found["v"] % (1 << shift) == half


# Tables: finite, here as a tree of choices by the bits of the index.

FUNCTIONS = {
    "tanh": (np.tanh, Format(8, 0.03, 3), Format(8, 2.0**-7)),
    "exp": (np.exp, Format(8, 0.02, 100), Format(8, 0.0123, 0, signed=False)),
    "erf": (None, Format(8, 0.017), Format(8, 0.0079)),
    "exp2": (np.exp2, Format(4, 0.25, 1), Format(8, 0.02)),
}


def table(name):
    """The emitted codes, and NumPy's values with `fraction` bits after the point, rounded down."""
    function, source, target = FUNCTIONS[name]
    if function is None:
        from math import erf
        function = np.vectorize(erf)
    wide, fraction = 64, 40
    problem = Problem()
    code = problem.variable("x0", source.bits)
    text = IDENTITY + network([source.text], target.text, [f"math.{name} %a0"])
    emitted = Translation(problem, lower(text, "--qfmt-integerize"), [code])
    assert "qfmt.lookup" in emitted.seen
    # By the bits of the code, as the lookup has them.
    codes = np.arange(1 << source.bits)
    if source.signed:
        codes[codes >= 1 << (source.bits - 1)] -= 1 << source.bits
    values = function((codes - source.zero) * float(source.scale))
    exact = [Fraction(float(value)) / target.scale for value in values]
    steps = problem.lookup(code, [int(np.floor(float(e * 2**fraction))) for e in exact], wide)
    low, high = target.low << fraction, target.high << fraction
    result = target.value(emitted.result, wide) << fraction
    # The value is in steps ... steps + 1.
    error = [(result - end.clamp(low, high)).magnitude() for end in (steps, steps + 1)]
    return problem, emitted, error, 1 << fraction, exact, text


@pytest.mark.parametrize("name", FUNCTIONS)
def test_table(name):
    """Half a step from NumPy's values, for every code."""
    problem, emitted, error, step, _, _ = table(name)
    goal = (error[0] + error[0] <= step) & (error[1] + error[1] <= step)
    assert problem.refute(goal & emitted.defined) is None


@pytest.mark.parametrize("name", FUNCTIONS)
def test_table_wrong(tmp_path, name):
    """Not a quarter of a step."""
    problem, _, error, step, exact, text = table(name)
    _, source, target = FUNCTIONS[name]
    found = problem.refute(error[0] * 4 <= step)
    assert found
    code = run_text(tmp_path, text, [source.as_array(found["x0"])], 1, "reference", ["--qfmt-integerize"])[0][0]
    value = max(target.low, min(target.high, exact[found["x0"] % (1 << source.bits)]))
    assert abs(int(code) - target.zero - value) > Fraction(1, 4)
