# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Functions of real numbers in kernels, over all of f32, against numpy in f64.

The arguments are bits drawn from a generator, so that every exponent comes up, numbers near the functions' zeros and ends, and special values. Errors are in units in the
last place of the f32 nearest to the exact value; denormal results count with the unit of denormals. docs/Gpu.md names the bounds.
"""

import math

import numpy as np
from run_tools import run_mlir

F32 = np.float32
SPECIAL = np.array([0.0, -0.0, 1, -1, 2, -2, 0.5, -0.5, np.inf, -np.inf, np.nan, 1e-45, -1e-45, 1e-40, -1e-40, 1.1754944e-38, 3.4028235e38, -3.4028235e38, 88.72284, 88.72283,
                    88.8, 89.4, -88.8, -87.4, -103.9, -104, 128, 127.99999, -149, -149.5, -150, 9.010913, 1e5, 8192, 1e7, 1e9, 1e30, -1e9, 0.99999994, 1.0000001, 8, -8, 27, 1000, 3.1415927, 1.5707964,
                    16367173e16, 0.75, -0.75, 3, -3, 5, 1e10], F32)


def arguments():
    rng = np.random.default_rng(5)
    anything = rng.integers(0, 1 << 32, 6000, dtype=np.uint64).astype(np.uint32).view(F32)
    small = [rng.uniform(-w, w, 1500).astype(F32) for w in (1, 2, 12, 110)]
    near_one = (1 + rng.uniform(-1, 1, 1000) * 10.0 ** -rng.uniform(0, 7, 1000)).astype(F32)
    quarters = (np.arange(1, 3000) * (math.pi / 2)).astype(F32)
    return np.concatenate([SPECIAL, anything, *small, near_one, quarters])


def vectorize(f):
    return lambda x: np.array([f(v) for v in x.tolist()])


# Name, function, bound in units in the last place.
FUNCTIONS = [
    ("exp", np.exp, 2), ("exp2", np.exp2, 2), ("expm1", np.expm1, 2), ("log", np.log, 2), ("log2", np.log2, 2), ("log10", np.log10, 2), ("log1p", np.log1p, 2),
    ("sin", np.sin, 2), ("cos", np.cos, 2), ("tan", np.tan, 3), ("asin", np.arcsin, 3), ("acos", np.arccos, 3), ("atan", np.arctan, 3),
    ("sinh", np.sinh, 3), ("cosh", np.cosh, 3), ("tanh", np.tanh, 3), ("asinh", np.arcsinh, 3), ("acosh", np.arccosh, 3), ("atanh", np.arctanh, 3),
    ("cbrt", np.cbrt, 2), ("erf", vectorize(math.erf), 4), ("erfc", vectorize(math.erfc), 4),
]


def units(got, exact):
    """Errors in units in the last place; infinite where one is not a number or the sign of a zero or infinity is wrong."""
    with np.errstate(all="ignore"):
        near = exact.astype(F32)
        unit = np.spacing(np.minimum(np.abs(near), F32(3.4028235e38)).astype(F32)).astype(np.float64)
        error = np.abs(got.astype(np.float64) - exact) / unit
        # A result that overflows by less than the error may be the largest number.
        error = np.where(np.isinf(got) & (np.abs(exact) > 3.40282e38) & (np.signbit(got) == np.signbit(exact)), 0, error)
        error = np.where(np.isnan(near) & np.isnan(got), 0, error)
        error = np.where((near == got) & ((near != 0) | (np.signbit(near) == np.signbit(got))), np.minimum(np.where(np.isnan(error), 0, error), 0.5), error)
        error = np.where((near == 0) & (got == 0) & (np.signbit(near) != np.signbit(got)), np.inf, error)
    return np.where(np.isnan(error), np.inf, error)


def run(tmp_path, text, inputs, results):
    net = tmp_path / "net.mlir"
    net.write_text(text)
    return run_mlir(net, inputs, results, "--gpu=sim")


def check(name, got, exact, bound, *args):
    error = units(got, exact)
    worst = np.argsort(-error)[:8]
    wrong = [(*(a[i] for a in args), got[i], exact[i], error[i]) for i in worst if error[i] > bound]
    return f"{name}: {np.count_nonzero(error > bound)} beyond {bound}: {wrong}" if wrong else None


def unary_module(n):
    names = [f[0] for f in FUNCTIONS]
    t = f"tensor<{n}xf32>"
    lines = [f"  %{f} = math.{f} %x : {t}" for f in names]
    return (f"func.func @main(%x: {t}) -> ({', '.join([t] * len(names))}) {{\n" + "\n".join(lines)
            + f"\n  return {', '.join('%' + f for f in names)} : {', '.join([t] * len(names))}\n}}\n")


def test_unary(tmp_path):
    x = arguments()
    outs = run(tmp_path, unary_module(len(x)), [x], len(FUNCTIONS))
    with np.errstate(all="ignore"):
        faults = [check(name, y, f(x.astype(np.float64)), bound, x) for (name, f, bound), y in zip(FUNCTIONS, outs)]
    assert not any(faults), "\n".join(f for f in faults if f)


def pairs():
    rng = np.random.default_rng(6)
    s = np.concatenate([SPECIAL, np.array([1 / 3, -1000, 149, -149, 16777217, 16777215], F32)])
    a, b = (v.ravel() for v in np.meshgrid(s, s))
    base = np.exp2(rng.uniform(-40, 40, 4000)).astype(F32)
    power = (rng.uniform(-150, 130, 4000) / np.maximum(np.abs(np.log2(base)), 1e-3)).astype(F32)
    close = (1 + rng.uniform(-1e-3, 1e-3, 1000)).astype(F32)
    far = (rng.uniform(-80, 80, 1000) / np.log(close.astype(np.float64))).astype(F32)
    bits = rng.integers(0, 1 << 32, (2, 3000), dtype=np.uint64).astype(np.uint32).view(F32)
    whole = rng.uniform(-20, 20, 1000).astype(F32), rng.integers(-20, 20, 1000).astype(F32)
    return np.concatenate([a, base, close, bits[0], whole[0]]), np.concatenate([b, power, far, bits[1], whole[1]])


def exact_power(x, y):
    with np.errstate(all="ignore"):
        return np.power(x.astype(np.float64), y.astype(np.float64))


def test_two_arguments(tmp_path):
    x, y = pairs()
    t = f"tensor<{len(x)}xf32>"
    text = f"""func.func @main(%x: {t}, %y: {t}) -> ({t}, {t}) {{
  %p = math.powf %x, %y : {t}
  %a = math.atan2 %x, %y : {t}
  return %p, %a : {t}, {t}
}}
"""
    p, a = run(tmp_path, text, [x, y], 2)
    exact = np.arctan2(x.astype(np.float64), y.astype(np.float64))
    faults = [check("powf", p, exact_power(x, y), 2, x, y), check("atan2", a, exact, 3, x, y)]
    assert not any(faults), "\n".join(f for f in faults if f)
