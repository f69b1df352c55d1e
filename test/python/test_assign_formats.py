# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""qfmt-assign-formats against numpy, and against the sizes of what comes out."""

import itertools
import json
import re
import subprocess
import zipfile
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx_models import model, node, weight

from qfmt import assignment, pipeline, sensitivity
from qfmt.cache import Cache
from qfmt.onnx_import import import_onnx
from qfmt.sensitivity import split_choices
from qfmt.tools import find_tool, run_tool
from run_tools import run_mlir


def dense(values: np.ndarray) -> str:
    """As MLIR writes constants, exact."""
    bits = np.ascontiguousarray(values, "<f4").tobytes().hex().upper()
    shape = "x".join(map(str, values.shape))
    return f'dense<"0x{bits}"> : tensor<{shape}xf32>'


def assign(tmp_path: Path, text: str, *options: str) -> tuple[str, dict]:
    """The module with formats and the report."""
    source, report = tmp_path / "network.mlir", tmp_path / "report.json"
    source.write_text(text)
    joined = " ".join([*options, f"report={report}"])
    out = run_tool("qfmt-opt", source, f"--qfmt-assign-formats={joined}")
    return out.decode(), json.loads(report.read_text())


def round_trip(tmp_path: Path, weights: np.ndarray, encoding: str, modes: str = "") -> np.ndarray:
    """What `quantize` makes of weights, by the reference evaluator."""
    plain = "x".join(map(str, weights.shape)) + "xf32"
    path = tmp_path / "round_trip.mlir"
    path.write_text(
        f"""func.func @main(%x: tensor<{plain}>) -> tensor<{plain}> {{
  %q = qfmt.quantize %x {modes} : tensor<{plain}> to tensor<{plain}, {encoding}>
  %d = qfmt.dequantize %q : tensor<{plain}, {encoding}> to tensor<{plain}>
  return %d : tensor<{plain}>
}}"""
    )
    return run_mlir(path, [weights], 1, "--engine=reference")[0]


CONVOLUTION = """func.func @main(%x: tensor<1x6x5x5xf32>) -> tensor<1x10x3x3xf32> {{
  %w = arith.constant {weights}
  %init = arith.constant dense<0.0> : tensor<1x10x3x3xf32>
  %0 = linalg.conv_2d_nchw_fchw {{dilations = dense<1> : vector<2xi64>, strides = dense<1> : vector<2xi64>, qfmt.layer = "conv"}}
    ins(%x, %w : tensor<1x6x5x5xf32>, tensor<10x6x3x3xf32>) outs(%init : tensor<1x10x3x3xf32>) -> tensor<1x10x3x3xf32>
  return %0 : tensor<1x10x3x3xf32>
}}"""

# Channels come last and have data of their own.
DEPTHWISE = """func.func @main(%x: tensor<1x5x5x6xf32>) -> tensor<1x3x3x6xf32> {{
  %w = arith.constant {weights}
  %init = arith.constant dense<0.0> : tensor<1x3x3x6xf32>
  %0 = linalg.depthwise_conv_2d_nhwc_hwc {{dilations = dense<1> : vector<2xi64>, strides = dense<1> : vector<2xi64>, qfmt.layer = "conv"}}
    ins(%x, %w : tensor<1x5x5x6xf32>, tensor<3x3x6xf32>) outs(%init : tensor<1x3x3x6xf32>) -> tensor<1x3x3x6xf32>
  return %0 : tensor<1x3x3x6xf32>
}}"""

# Weights of a product are depth by outputs.
PRODUCT = """func.func @main(%x: tensor<1x64xf32>) -> tensor<1x20xf32> {{
  %w = arith.constant {weights}
  %init = arith.constant dense<0.0> : tensor<1x20xf32>
  %0 = linalg.matmul {{qfmt.layer = "conv"}}
    ins(%x, %w : tensor<1x64xf32>, tensor<64x20xf32>) outs(%init : tensor<1x20xf32>) -> tensor<1x20xf32>
  return %0 : tensor<1x20xf32>
}}"""

# The layer, the shape of its weights, how they become [groups, outputs, depth], and the encodings of i4 and of mxfp4.
LAYERS = [
    (
        CONVOLUTION,
        (10, 6, 3, 3),
        lambda w: w.reshape(1, 10, 54),
        "#qfmt.scaled<i4, block = [1, *, *, *], scale = f32>",
        "#qfmt.scaled<f4E2M1FN, block = [1, 32, 1, 1], scale = f8E8M0FNU>",
    ),
    (
        DEPTHWISE,
        (3, 3, 6),
        lambda w: w.reshape(9, 6).T.reshape(6, 1, 9),
        "#qfmt.scaled<i4, block = [*, *, 1], scale = f32>",
        "#qfmt.scaled<f4E2M1FN, block = [1, 32, 1], scale = f8E8M0FNU>",
    ),
    (
        PRODUCT,
        (64, 20),
        lambda w: w.T.reshape(1, 20, 64),
        "#qfmt.scaled<i4, block = [*, 1], scale = f32>",
        "#qfmt.scaled<f4E2M1FN, block = [32, 1], scale = f8E8M0FNU>",
    ),
]


@pytest.mark.parametrize("layer", LAYERS, ids=["convolution", "depthwise", "product"])
@pytest.mark.parametrize("kind", ["f4", "f8"])
def test_moments_give_the_error_of_outputs(tmp_path, layer, kind):
    text, shape, arrange, int4, mxfp4 = layer
    rng = np.random.default_rng(5)
    weights = rng.normal(size=shape).astype("f4")
    data = rng.normal(size=(arrange(weights).shape[0], 40, arrange(weights).shape[2])) * rng.uniform(0.1, 3)
    moments = np.einsum("gni,gnj->gij", data, data).astype(kind)
    np.savez(tmp_path / "moments.npz", conv=moments if len(moments) > 1 else moments[0])
    _, report = assign(
        tmp_path,
        text.format(weights=dense(weights)),
        "candidates=i4/i8,mxfp4,f32",
        "damage=moments",
        f"damage-file={tmp_path / 'moments.npz'}",
    )
    damages = {c["format"]: c["damage"] for c in report["layers"][0]["candidates"]}
    for name, encoding, modes in [("i4/i8", int4, ""), ("mxfp4/mxfp4", mxfp4, "scale_rule = floor_log2")]:
        error = arrange(weights.astype(float) - round_trip(tmp_path, weights, encoding, modes))
        expected = np.einsum("goi,gij,goj->", error, moments.astype(float), error)
        assert damages[name] == pytest.approx(expected, rel=1e-10), name
    assert damages["f32/f32"] == 0
    assert report["layers"][0]["format"] == "f32/f32"


@pytest.mark.parametrize("shape", [(53, 53), (54,), (2, 54, 54)])
def test_moments_of_another_shape_are_refused(tmp_path, shape):
    np.savez(tmp_path / "moments.npz", conv=np.ones(shape))
    text = CONVOLUTION.format(weights=dense(np.ones((10, 6, 3, 3))))
    with pytest.raises(Exception, match=r"they have \[54, 54\], of what it sums over"):
        assign(tmp_path, text, "candidates=i4", "damage=moments", f"damage-file={tmp_path / 'moments.npz'}")


def test_two_moments_of_a_layer_are_refused(tmp_path):
    np.save(tmp_path / "conv.npy", np.eye(54))
    with zipfile.ZipFile(tmp_path / "moments.npz", "w") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.write(tmp_path / "conv.npy", "conv.npy")
        archive.write(tmp_path / "conv.npy", "conv.npy")
    text = CONVOLUTION.format(weights=dense(np.ones((10, 6, 3, 3))))
    with pytest.raises(Exception, match="has two arrays for the layer 'conv'"):
        assign(tmp_path, text, "candidates=i4", "damage=moments", f"damage-file={tmp_path / 'moments.npz'}")


def test_moments_that_are_none_are_refused(tmp_path):
    np.savez(tmp_path / "moments.npz", conv=-np.eye(54))
    weights = np.random.default_rng(6).normal(size=(10, 6, 3, 3))
    with pytest.raises(Exception, match="negative"):
        assign(
            tmp_path,
            CONVOLUTION.format(weights=dense(weights)),
            "candidates=i4",
            "damage=moments",
            f"damage-file={tmp_path / 'moments.npz'}",
        )


@pytest.mark.parametrize("layer", LAYERS, ids=["convolution", "depthwise", "product"])
def test_weights_give_their_own_error(tmp_path, layer):
    text, shape, _, int4, mxfp4 = layer
    weights = np.random.default_rng(7).normal(size=shape).astype("f4")
    _, report = assign(tmp_path, text.format(weights=dense(weights)), "candidates=i4/i8,mxfp4")
    for candidate, (encoding, modes) in zip(
        report["layers"][0]["candidates"], [(int4, ""), (mxfp4, "scale_rule = floor_log2")], strict=True
    ):
        error = weights.astype(float) - round_trip(tmp_path, weights, encoding, modes)
        assert candidate["damage"] == pytest.approx((error**2).sum(), rel=1e-12), candidate["format"]


def network(weights: list[np.ndarray]) -> str:
    """A chain of products with a nonlinearity between, at level observed."""
    lines = [f"func.func @main(%x: tensor<1x{len(weights[0])}xf32>) -> tensor<1x{weights[-1].shape[1]}xf32> {{"]
    statistics = "<min = -2.0, max = 2.0, count = 4, histogram = [1, 1, 1, 1]>"
    value = "x"
    for i, w in enumerate(weights):
        rows, columns = w.shape
        result = f"tensor<1x{columns}xf32>"
        lines += [
            f'  %o{i} = qfmt.observe %{value} "o{i}" statistics = {statistics} : tensor<1x{rows}xf32>',
            f"  %w{i} = arith.constant {dense(w)}",
            f"  %init{i} = arith.constant dense<0.0> : {result}",
            f"  %y{i} = linalg.matmul ins(%o{i}, %w{i} : tensor<1x{rows}xf32>, tensor<{rows}x{columns}xf32>)"
            f" outs(%init{i} : {result}) -> {result}",
        ]
        value = f"y{i}"
    result = f"tensor<1x{weights[-1].shape[1]}xf32>"
    lines += [f'  %r = qfmt.observe %{value} "r" statistics = {statistics} : {result}', f"  return %r : {result}", "}"]
    return "\n".join(lines)


def pack(tmp_path: Path, text: str) -> str:
    """The module quantized as it says, with its weights encoded and packed."""
    (tmp_path / "assigned.mlir").write_text(text)
    passes = ["--qfmt-quantize", "--qfmt-encode-constants", "--qfmt-pack-storage"]
    return run_tool("qfmt-opt", tmp_path / "assigned.mlir", *passes, "--mlir-print-op-generic").decode()


def make_weights(sizes: list[int]) -> list[np.ndarray]:
    rng = np.random.default_rng(8)
    return [rng.normal(size=shape).astype("f4") for shape in itertools.pairwise(sizes)]


@pytest.mark.parametrize("share", [0, 40])
def test_packed_weights_have_the_size_that_the_report_says(tmp_path, share):
    text, report = assign(
        tmp_path,
        network(make_weights([32, 64, 128, 33, 7, 96])),
        "candidates=i4/i8,i8/i8,mxfp4/i8,nf4/i8,bitmod4/i8,int3_g128/i8,ternary/i8",
        f"budget-bytes={share}%",
    )
    total = count_bytes(pack(tmp_path, text))
    assert total == report["costs"]["bytes"] == report["budgets"]["bytes"]["used"]
    assert total <= report["budgets"]["bytes"]["limit"]
    assert [layer["format"] for layer in report["layers"]] == re.findall(r'qfmt.assigned = "([^"]*)"', text)


def test_every_format_has_the_size_that_the_report_says(tmp_path):
    formats = ["int4_g128_q8", "nvfp4", "bitmod3", "ternary", "uint4_g128", "i3", "mxint8", "!qfmt.float<3, 3>", "f32"]
    text = network(make_weights([32, 64, 128, 33, 7, 96, 16, 40, 21, 13]))
    for name in formats:
        text = text.replace("linalg.matmul ins", f'linalg.matmul {{qfmt.forced = "{name}/i8"}} ins', 1)
    candidates = ",".join(f"{name}/i8" for name in formats)
    text, report = assign(tmp_path, text, f"candidates={{{candidates}}}")
    assert [layer["format"] for layer in report["layers"]] == [f"{name}/i8" for name in formats]
    real = 4 * 21 * 13
    assert report["layers"][-1]["costs"]["bytes"] == real
    assert count_bytes(pack(tmp_path, text)) + real == report["costs"]["bytes"]


def count_bytes(module: str) -> int:
    """The bytes of all constants that reach `unpack` and `assemble`."""
    types = dict(re.findall(r'%(\S+) = "arith.constant"\(\) <\{.*\}> : \(\) -> tensor<([^>]*)>', module))
    used = set()
    for operands in re.findall(r'"qfmt\.(?:unpack|assemble)"\(([^)]*)\)', module):
        used.update(operand.strip().lstrip("%") for operand in operands.split(","))
    bits = 0
    for name in used & set(types):
        *dims, element = types[name].split("x")
        bits += int(np.prod([int(d) for d in dims])) * int(re.sub(r"[a-zA-Z].*?(\d+).*", r"\1", element))
    assert bits % 8 == 0
    return bits // 8


# Exponent and mantissa bits; integers of b bits count as E = 1, M = b - 2 beside floats.
FLOATS = {"f4E2M1FN": (2, 1), "f6E3M2FN": (3, 2), "f8E4M3FN": (4, 3), "f8E5M2": (5, 2), "!qfmt.float<3, 1>": (3, 1), "f32": (8, 23)}
INTEGERS = {"i4": 4, "i8": 8, "i16": 16}


def luts(weights: str, data: str, terms: int) -> float:
    carries = int(np.ceil(np.log2(terms)))
    if weights in INTEGERS and data in INTEGERS:
        w, a = INTEGERS[weights], INTEGERS[data]
        return w * a + w + a + carries
    (ew, mw), (ea, ma) = [FLOATS.get(f) or (1, INTEGERS[f] - 2) for f in (weights, data)]
    product = mw + 1 + ma + 1
    reach = 2**ew - 2 + 2**ea - 2
    shifter = np.ceil(np.log2(reach + 1)) * (product + reach) / 2
    return (mw + 1) * (ma + 1) + ew + ea + shifter + product + reach + 1 + carries


def test_operations_and_lookup_tables(tmp_path):
    formats = [*FLOATS, *INTEGERS]
    pairs = list(itertools.product(formats, formats))
    text = PRODUCT.format(weights=dense(np.ones((64, 20))))
    _, report = assign(tmp_path, text, "candidates={" + ",".join(f"{w}/{a}" for w, a in pairs) + "}")
    widths = {name: 1 + e + m for name, (e, m) in FLOATS.items()} | INTEGERS
    for candidate, (w, a) in zip(report["layers"][0]["candidates"], pairs, strict=True):
        assert candidate["format"] == f"{w}/{a}"
        assert candidate["costs"]["luts"] == luts(w, a, 64), (w, a)
        assert candidate["costs"]["bit_operations"] == 64 * 20 * widths[w] * widths[a]

    area = {c["format"]: c["costs"]["luts"] for c in report["layers"][0]["candidates"]}
    assert area["i4/i4"] < area["i8/i8"] < area["f8E4M3FN/f8E4M3FN"] < area["f8E5M2/f8E5M2"] < area["f32/f32"]


# --- Data -------------------------------------------------------------------------

SINGLE_LAYERS = {
    "product": model(node("MatMul", "x w"), {"x": (4, 64)}, {"w": weight(64, 20)}),
    "convolution": model(
        node("Conv", "x w", pads=[1] * 4), {"x": (1, 32, 6, 6)}, {"w": weight(10, 32, 3, 3)}
    ),
    "depthwise": model(
        node("Conv", "x w", group=8, pads=[1] * 4), {"x": (1, 8, 6, 6)}, {"w": weight(8, 1, 3, 3)}
    ),
}


@pytest.mark.parametrize("layer", SINGLE_LAYERS)
@pytest.mark.parametrize("positive", [False, True])
def test_moments_see_the_format_of_data(tmp_path, layer, positive):
    """What statistics and moments promise is near what a run of the network shows."""
    source = SINGLE_LAYERS[layer]
    shape = [d.dim_value for d in source.graph.input[0].type.tensor_type.shape.dim]
    data = np.random.default_rng(3).standard_normal((64, *shape)).astype("f4")
    if positive:
        data = np.abs(data)
    onnx.save(source, tmp_path / "model.onnx")
    np.savez(tmp_path / "data.npz", x=data)
    real = import_onnx(tmp_path / "model.onnx", {})
    moments = tmp_path / "moments.npz"
    observed = pipeline.annotate(pipeline.observe(real), tmp_path / "data.npz", moments)
    candidates = ["f32/i3", "f32/i4", "f32/i8", "f32/i12", "f32/f8E4M3FN", "f32/mxfp4", "f32", "i4/i4", "i4/f32"]
    found = assignment.assign(
        observed, split_choices(candidates), assignment.Damage("moments", moments), {}
    )
    (described,) = found.report["layers"]
    promised = {c["format"]: c["damage"] for c in described["candidates"]}
    experiment = sensitivity.Experiment(observed, [data], Cache(tmp_path / "cache"))
    (measured,) = sensitivity.measure(experiment, split_choices(candidates)).values()
    assert promised["f32/f32"] == measured["f32/f32"] == 0
    for choice in promised.keys() - {"f32/f32"}:
        assert promised[choice] == pytest.approx(measured[choice], rel=0.15), choice
    assert found.choices == {described["name"]: "f32/f32"}


def test_moments_without_statistics_count_weights_alone_and_say_so(tmp_path):
    text = PRODUCT.format(weights=dense(np.random.default_rng(5).normal(size=(64, 20))))
    np.savez(tmp_path / "moments.npz", conv=np.eye(64))
    moments = f"damage-file={tmp_path / 'moments.npz'}"
    _, report = assign(tmp_path, text, "candidates=i8/i8,i8/i4", "damage=moments", moments)
    (layer,) = report["layers"]
    assert len({c["damage"] for c in layer["candidates"]}) == 1
    said = warnings_of(tmp_path, "candidates=i8/i8,i8/i4", "damage=moments", moments)
    assert "candidates i8/i8 and i8/i4 of the layer 'conv' have the same damage" in said and "run qfmt-annotate first" in said
    said = warnings_of(tmp_path, "candidates=i8/i8,i8/i4")
    assert "this measure knows weights alone" in said
    assert "warning" not in warnings_of(tmp_path, "candidates=i8/i8,i4/i4")


def warnings_of(tmp_path: Path, *options: str) -> str:
    command = [find_tool("qfmt-opt"), tmp_path / "network.mlir", f"--qfmt-assign-formats={' '.join(options)}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stderr
