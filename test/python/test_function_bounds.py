# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The errors of functions: of every code of 16 bits, and of sums of two tensors.

Functions with poles, kinks and jumps are as accurate as smooth ones: the stated
bound holds, is at most 8 times the worst error found, and stays near the half
step of the result's own rounding. Chains of several operations on a sum are
computed from the sum, not step by step.

`python test_function_bounds.py` prints the figures.
"""

import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "python"))
from qfmt.tools import run_tool  # noqa: E402
from test_certificate import MAPS, Body, Format, gelu_erf, gelu_tanh, silu, tanh  # noqa: E402


def apply(*steps):
    """A function of one operand in one linalg operation."""
    return lambda b, v, _: b.map([v], *steps)


def positive(least, *steps):
    return apply(("math.absf", "%0"), ("arith.addf", "%p", least), *steps)


def softplus(b, v, _):
    return b.map([b.map([v], ("math.exp", "%0"))], ("math.log1p", "%0"))


def softplus_threshold(b, v, c):
    return b.map([v, softplus(b, v, c)], ("arith.cmpf ogt,", "%0", 20.0), ("arith.select", "%p", "%0", "%1"))


def selu(b, v, _):
    below = b.map([v], ("math.expm1", "%0"), ("arith.mulf", "%p", 1.7581))
    above = b.map([v], ("arith.mulf", "%0", 1.0507))
    return b.map([v, above, below], ("arith.cmpf ogt,", "%0", 0.0), ("arith.select", "%p", "%1", "%2"))


def elu(b, v, _):
    below = b.map([v], ("math.exp", "%0"), ("arith.subf", "%p", 1.0))
    return b.map([v, below], ("arith.cmpf ogt,", "%0", 0.0), ("arith.select", "%p", "%0", "%1"))


def mish(b, v, c):
    return b.map([v, b.map([softplus(b, v, c)], ("math.tanh", "%0"))], ("arith.mulf", "%0", "%1"))


SMOOTH = {
    "tanh": tanh,
    "gelu_erf": gelu_erf,
    "gelu_tanh": gelu_tanh,
    "silu": silu,
    "sigmoid": apply(("arith.negf", "%0"), ("math.exp", "%p"), ("arith.addf", "%p", 1.0), ("arith.divf", 1.0, "%p")),
    "erf": apply(("math.erf", "%0")),
    "sin": apply(("math.sin", "%0")),
    "expm1": apply(("arith.mulf", "%0", 0.3), ("math.expm1", "%p")),
    "softplus": softplus,
    "softplus_threshold": softplus_threshold,
    "selu": selu,
    "elu": elu,
    "mish": mish,
}
STEEP = {
    "sqrt": apply(("arith.maximumf", "%0", 0.0), ("math.sqrt", "%p")),
    "rsqrt": positive(1e-3, ("math.rsqrt", "%p")),
    "reciprocal": positive(1e-2, ("arith.divf", 1.0, "%p")),
    "log": positive(1e-2, ("math.log", "%p")),
    "log2": positive(1e-2, ("math.log2", "%p")),
    "log10": positive(1e-2, ("math.log10", "%p")),
    "log1p": positive(0.0, ("math.log1p", "%p")),
    "power_0.5": positive(0.0, ("math.powf", "%p", 0.5)),
    "power_1.5": positive(0.0, ("math.powf", "%p", 1.5)),
    "power_3": apply(("math.powf", "%0", 3.0)),
    "power_-0.7": positive(1e-2, ("math.powf", "%p", -0.7)),
    "power_-1": positive(1e-2, ("math.powf", "%p", -1.0)),
}
ROUNDING = {name: apply((f"math.{name}", "%0")) for name in ("floor", "ceil", "round", "roundeven", "trunc")}
ALL = {**SMOOTH, **STEEP, **ROUNDING}


def sum_of_two(build):
    return lambda b, x, y: build(b, b.map([x, y], ("arith.addf", "%0", "%1")), None)


def module(build, shape, sources, result):
    body = Body(*shape)
    size = "x".join(map(str, shape))
    arguments = [f"tensor<{size}xf32, {source.attr()}>" for source in sources]
    for k, type in enumerate(arguments):
        body.types[f"%x{k}"] = (type, "#id")
    value = build(body, "%x0", "%x1" if len(sources) == 2 else None)
    y = f"tensor<{size}xf32, {result.attr()}>"
    lines = "\n".join(body.lines)
    parameters = ", ".join(f"%x{k}: {type}" for k, type in enumerate(arguments))
    return (f"{MAPS}func.func @main({parameters}) -> {y} {{\n{lines}\n"
            f"%q = qfmt.quantize {value} : {body.shape} to {y}\nreturn %q : {y}\n}}\n")


def find_largest(path, text, write, inputs):
    """The largest magnitude of the results, to 1 %."""
    out, step = path / "y.npy", 1000.0
    for _ in range(4):
        write(Format(16, step))
        run_tool("qfmt-run", text, "--samples", inputs, f"--outputs={out}")
        code = np.abs(np.load(out).astype(float)).max()
        largest = max(code, 1.0) * step
        if code > 100:
            break
        step = largest / 1000
    return largest


def measure(path, build, sources, codes, result_bits):
    """Bound, worst error and distance from the correctly rounded code, in steps of
    a result that just holds the largest value."""
    text = path / "encoded.mlir"

    def write(result):
        text.write_text(module(build, codes[0].shape[1:], sources, result))

    inputs = []
    for k, array in enumerate(codes):
        np.save(path / f"x{k}.npy", array)
        inputs.append(str(path / f"x{k}.npy"))
    inputs = "--inputs=" + ",".join(inputs)
    largest = find_largest(path, text, write, inputs)
    result = Format(result_bits, 1.01 * largest / (2 ** (result_bits - 1) - 1))
    write(result)
    bounds = path / "bound.json"
    run_tool("qfmt-run", text, "--check-bound", "--samples", inputs, f"--bound-json={bounds}")
    (region,) = json.loads(bounds.read_text())
    return region["bound"] / result.scale, region["worst_error"] / result.scale, region["codes_off"]


CODES = Format(16, 4e-4)


def measure_codes(path, name, result_bits):
    codes = np.arange(-32768, 32768).astype("i2").reshape(1, 256, 256)
    return measure(path, ALL[name], [CODES], [codes], result_bits)


def measure_sum(path, name, bits, result_bits):
    """All pairs of 8-bit codes, or random ones of 16. Rounding jumps, so that it
    takes sums that are exact."""
    exact = name in ROUNDING
    if bits == 8:
        sources = [Format(8, 2.0**-4 if exact else 0.05), Format(8, 2.0**-5 if exact else 0.03, False, 17)]
        codes = [grid.reshape(1, 256, 256) for grid in np.meshgrid(np.arange(-128, 128), np.arange(256))]
    else:
        sources = [Format(16, 2.0**-11 if exact else 4e-4), Format(16, 2.0**-12 if exact else 3e-4)]
        rng = np.random.default_rng(3)
        # Sums of all sizes: near 0 they are differences.
        first = rng.integers(-32768, 32768, 65536)
        near = -first * (sources[0].scale / sources[1].scale) + rng.normal(size=65536) * 2.0 ** rng.uniform(0, 15, 65536)
        second = np.where(rng.integers(2, size=65536), near.clip(-32768, 32767), rng.integers(-32768, 32768, 65536))
        codes = [first.reshape(1, 256, 256), second.reshape(1, 256, 256)]
    codes = [array.astype(source.dtype) for array, source in zip(codes, sources)]
    return measure(path, sum_of_two(ALL[name]), sources, codes, result_bits)


def check(bound, worst, codes, result_bits):
    assert worst <= bound * (1 + 1e-9)
    assert bound <= 8 * worst
    if result_bits == 8:
        assert codes <= 1


@pytest.mark.parametrize("result_bits", [8, 16])
@pytest.mark.parametrize("name", ALL)
def test_every_code(tmp_path, name, result_bits):
    bound, worst, codes = measure_codes(tmp_path, name, result_bits)
    check(bound, worst, codes, result_bits)
    assert bound <= 0.6


@pytest.mark.parametrize("bits, result_bits", [(8, 16), (16, 8)])
@pytest.mark.parametrize("name", ALL)
def test_sums(tmp_path, name, bits, result_bits):
    check(*measure_sum(tmp_path, name, bits, result_bits), result_bits)


def spike(b, x, y):
    """5 at the one product 12345 of codes, which no sample is."""
    s = b.map([x, y], ("arith.mulf", "%0", "%1"))
    below = b.map([s], ("math.absf", "%0"), ("arith.negf", "%p"), ("math.exp", "%p"))
    smooth = b.map([s, below], ("math.tanh", "%0"), ("arith.mulf", "%p", "%1"))
    return b.map([s, smooth], ("arith.cmpf oeq,", "%0", 12345 * 2.0**-22), ("arith.select", "%p", 5.0, "%1"))


def test_one_value_between_samples(tmp_path):
    sources = [Format(16, 2.0**-12), Format(16, 2.0**-10)]
    codes = [np.array([[12344, 12345, 12346, 0]], "i2"), np.ones((1, 4), "i2")]
    codes = [array.reshape(1, 1, 4) for array in codes]
    bound, worst, codes_off = measure(tmp_path, spike, sources, codes, 16)
    assert worst <= bound < 10
    assert codes_off <= 1


def main():
    for name in ALL:
        cases = [("codes", measure_codes, (name, o)) for o in (8, 16)]
        cases += [("sums", measure_sum, (name, b, o)) for b in (8, 16) for o in (8, 16)]
        for kind, run, arguments in cases:
            with tempfile.TemporaryDirectory() as path:
                try:
                    bound, worst, codes = run(Path(path), *arguments)
                    text = f"bound {bound:.3f}, worst {worst:.3f}, ratio {bound / worst:.2f}, codes {codes}"
                except Exception as failure:  # the table goes on
                    text = "FAILED " + str(failure).strip()[-300:]
            print(kind, *arguments, ":", text, flush=True)


if __name__ == "__main__":
    main()
