# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`qfmt export`: networks go to ONNX and keep their numbers."""

from pathlib import Path

import ml_dtypes
import numpy as np
import onnx
import pytest
from onnx import TensorProto, numpy_helper
from onnx.reference import ReferenceEvaluator
from onnx_models import CASES, Case, model, node, weight
from run_tools import run_mlir
from test_exchange_onnx import FLOATS, INTEGERS, chain, dtype, evaluate, parameters, samples

from qfmt import cli, pipeline
from qfmt.errors import UserError
from qfmt.onnx_export import export_onnx
from qfmt.onnx_import import import_onnx


def round_trip(tmp_path: Path, source: onnx.ModelProto) -> onnx.ModelProto:
    onnx.save(source, tmp_path / "model.onnx")
    return export_onnx(import_onnx(tmp_path / "model.onnx", {}))


def operators(exported: onnx.ModelProto) -> list[str]:
    return [n.op_type for n in exported.graph.node]


@pytest.mark.parametrize("case", [pytest.param(c, id=c.name) for c in CASES])
def test_what_was_imported_is_exported(case: Case, tmp_path):
    opset = max(case.opsets[0], 17)
    if opset > case.opsets[1]:
        opset = case.opsets[1]
    exported = round_trip(tmp_path, case.model(opset))
    random = np.random.default_rng(3)
    inputs = {n: random.standard_normal(s, np.float32) for n, s in case.inputs.items()}
    expected = ReferenceEvaluator(case.reference_model(opset)).run(None, inputs)
    results = ReferenceEvaluator(exported).run(None, inputs)
    assert [v.name for v in exported.graph.input] == list(inputs)
    for result, wanted in zip(results, expected, strict=True):
        np.testing.assert_allclose(result, wanted, rtol=1e-5, atol=1e-5)


# Casts


def same_casts(tmp_path, source: onnx.ModelProto, x: np.ndarray) -> None:
    """The pair of nodes survives, with the same numbers, and a second way changes nothing."""
    exported = round_trip(tmp_path, source)
    assert operators(exported) == ["QuantizeLinear", "DequantizeLinear"]
    np.testing.assert_array_equal(
        ReferenceEvaluator(exported).run(None, {"x": x})[0], evaluate(source, {"x": x})[0]
    )
    again = round_trip(tmp_path, exported)
    assert again.graph.SerializeToString() == exported.graph.SerializeToString()


@pytest.mark.parametrize("element", [*INTEGERS, *FLOATS])
def test_casts_per_tensor(element, tmp_path):
    zero = np.array(int(element in INTEGERS)).astype(dtype(element))
    opset = max(19, {**INTEGERS, **FLOATS}[element])
    source = chain(element, np.float32(0.37), zero, (4, 16), opset)
    same_casts(tmp_path, source, samples((4, 16), 3.0))


@pytest.mark.parametrize("saturate", [0, 1])
def test_saturation(saturate, tmp_path):
    zero = np.zeros((), ml_dtypes.float8_e5m2)
    source = chain("FLOAT8E5M2", np.float32(1), zero, (4, 16), 19, saturate=saturate)
    same_casts(tmp_path, source, samples((4, 16), 60000.0))


@pytest.mark.parametrize("element", ["INT8", "UINT4", "UINT16", "FLOAT8E4M3FN", "FLOAT4E2M1"])
@pytest.mark.parametrize("axis", [0, 2])
def test_casts_per_axis(element, axis, tmp_path):
    shape = (3, 5, 4)
    opset = max(21, {**INTEGERS, **FLOATS}[element])
    scale, zero = parameters(element, (shape[axis],), element in INTEGERS)
    source = chain(element, scale, zero, shape, opset, axis=axis)
    same_casts(tmp_path, source, samples(shape, 30.0))


@pytest.mark.parametrize("element", ["INT8", "UINT4", "FLOAT8E5M2", "FLOAT4E2M1"])
@pytest.mark.parametrize("axis, size", [(0, 2), (1, 4), (2, 2)])
def test_blocked_casts(element, axis, size, tmp_path):
    shape = (4, 6, 5)
    grid = tuple(-(-d // size) if i == axis else d for i, d in enumerate(shape))
    opset = max(21, {**INTEGERS, **FLOATS}[element])
    scale, zero = parameters(element, grid, element in INTEGERS)
    source = chain(element, scale, zero, shape, opset, axis=axis, block_size=size)
    same_casts(tmp_path, source, samples(shape, 30.0))


def test_weights_keep_their_codes(tmp_path):
    codes = np.random.default_rng(0).integers(-8, 8, (5, 8)).astype(ml_dtypes.int4)
    scale = weight(5, 2) ** 2 + np.float32(0.1)
    source = model(
        [
            node("DequantizeLinear", "w s", "v", axis=1, block_size=4),
            node("Transpose", "v", "t"),
            node("MatMul", "x t"),
        ],
        {"x": (3, 8)},
        {"w": codes, "s": scale},
        outputs={"y": (3, 5)},
        opset=21,
    )
    exported = round_trip(tmp_path, source)
    x = weight(3, 8, seed=4)
    np.testing.assert_allclose(
        ReferenceEvaluator(exported).run(None, {"x": x})[0],
        ReferenceEvaluator(source).run(None, {"x": x})[0],
        rtol=1e-5,
        atol=1e-5,
    )
    kept = {t.data_type: numpy_helper.to_array(t) for t in exported.graph.initializer}
    np.testing.assert_array_equal(kept[TensorProto.INT4], codes)


# Networks of qfmt quantize


def network() -> onnx.ModelProto:
    return model(
        [
            node("Conv", "x w b", "c", pads=[1, 1, 1, 1], strides=[2, 2]),
            node("Relu", "c", "r"),
            node("Conv", "r d", "e", group=4, pads=[1, 1, 1, 1]),
            node("Add", "e r", "a"),
            node("GlobalAveragePool", "a", "g"),
            node("Flatten", "g", "f"),
            node("Gemm", "f m k", "h", transB=1),
            node("MatMul", "h n", "z"),
            node("Add", "z o"),
        ],
        {"x": (2, 3, 8, 8)},
        {
            "w": weight(4, 3, 3, 3), "b": weight(4), "d": weight(4, 1, 3, 3),
            "m": weight(5, 4), "k": weight(5), "n": weight(5, 6), "o": weight(6),
        },
    )  # fmt: skip


@pytest.mark.parametrize("weights, activations", [("i8", "i8"), ("i4", "i8"), ("i5", "i6")])
def test_quantized_network_computes_the_same(weights, activations, tmp_path):
    """Formats that ONNX lacks are stored as wider ones and limited before."""
    onnx.save(network(), tmp_path / "model.onnx")
    x = np.random.default_rng(1).standard_normal((16, 2, 3, 8, 8)).astype(np.float32)
    np.savez(tmp_path / "data.npz", x=x)
    command = ["quantize", str(tmp_path / "model.onnx"), "--level", "encoded"]
    command += ["--calibration", str(tmp_path / "data.npz")]
    command += ["--weights", weights, "--activations", activations]
    assert cli.main([*command, "-o", str(tmp_path / "model.mlirbc")]) == 0
    output = tmp_path / "quantized.onnx"
    assert cli.main(["export", str(tmp_path / "model.mlirbc"), "-o", str(output)]) == 0
    exported = onnx.load(output)
    used = set(operators(exported))
    assert {"QuantizeLinear", "DequantizeLinear", "Conv", "MatMul", "Relu"} <= used
    assert "LessOrEqual" not in used, "what was recognised is left"
    for sample in x[:3] * np.float32(1.5):
        (expected,) = run_mlir(tmp_path / "model.mlirbc", [sample], 1)
        (result,) = ReferenceEvaluator(exported).run(None, {"x": sample})
        # Sums of products have another order; a tie may fall otherwise.
        assert np.abs(result - expected).max() <= 0.05 * np.abs(expected).max()
        assert (result == expected).mean() >= 0.75


def mlir(tmp_path: Path, text: str) -> Path:
    (tmp_path / "source.mlir").write_text(text)
    return tmp_path / "source.mlir"


def test_narrow_range_is_limited(tmp_path):
    text = """
!q = tensor<8xf32, #qfmt.scaled<!qfmt.int<i8, -127, 127>, scale = 0.5, zero_point = -3>>
func.func @main(%x: tensor<8xf32>) -> !q {
  %0 = qfmt.quantize %x : tensor<8xf32> to !q
  return %0 : !q
}
"""
    exported = export_onnx(mlir(tmp_path, text))
    x = np.float32([-1000, -62.1, -61.9, -62, 0.25, 65.1, 64.9, 1000])
    (result,) = ReferenceEvaluator(exported).run(None, {"input0": x})
    (expected,) = run_mlir(tmp_path / "source.mlir", [x], 1)
    np.testing.assert_array_equal(result, expected)
    assert result.min() == -127 and result.max() == 127


def test_scales_of_any_block_are_repeated(tmp_path):
    text = """
!q = tensor<4x6xf32, #qfmt.scaled<i8, block = [2, 3], scale = f8E8M0FNU>>
func.func @main(%x: tensor<4x6xf32>) -> tensor<4x6xf32> {
  %s = arith.constant dense<[[0.25, 0.5], [1.0, 4.0]]> : tensor<2x2xf8E8M0FNU>
  %0 = qfmt.quantize %x given(%s : tensor<2x2xf8E8M0FNU>) : tensor<4x6xf32> to !q
  %1 = qfmt.dequantize %0 : !q to tensor<4x6xf32>
  return %1 : tensor<4x6xf32>
}
"""
    exported = export_onnx(mlir(tmp_path, text))
    x = weight(4, 6) * np.float32(40)
    (result,) = ReferenceEvaluator(exported).run(None, {"input0": x})
    (expected,) = run_mlir(tmp_path / "source.mlir", [x], 1)
    np.testing.assert_array_equal(result, expected)


def test_product_of_another_layout_is_an_einsum(tmp_path):
    text = """
func.func @main(%a: tensor<3x5xf32>, %b: tensor<4x5xf32>, %y: tensor<3x4xf32>) -> tensor<3x4xf32> {
  %0 = linalg.matmul indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>]
    ins(%a, %b : tensor<3x5xf32>, tensor<4x5xf32>) outs(%y : tensor<3x4xf32>) -> tensor<3x4xf32>
  return %0 : tensor<3x4xf32>
}
"""
    exported = export_onnx(mlir(tmp_path, text))
    assert operators(exported) == ["Einsum", "Add"]
    a, b, y = weight(3, 5), weight(4, 5, seed=1), weight(3, 4, seed=2)
    inputs = {"input0": a, "input1": b, "input2": y}
    np.testing.assert_allclose(ReferenceEvaluator(exported).run(None, inputs)[0], a @ b.T + y, rtol=1e-5)


def test_tables_of_comparisons_keep_nan(tmp_path):
    predicates = ["oeq", "ogt", "oge", "olt", "ole", "ueq", "ugt", "uge", "ult", "ule", "une", "one"]
    kept = [p for p in predicates if p not in ("ueq", "one")]
    for predicate in kept:
        text = f"""
#map = affine_map<(d0) -> (d0)>
func.func @main(%x: tensor<9xf32>, %z: tensor<9xf32>) -> tensor<9xf32> {{
  %e = tensor.empty() : tensor<9xf32>
  %0 = linalg.generic {{indexing_maps = [#map, #map, #map], iterator_types = ["parallel"]}} ins(%x, %z : tensor<9xf32>, tensor<9xf32>) outs(%e : tensor<9xf32>) {{
  ^bb0(%a: f32, %b: f32, %c: f32):
    %1 = arith.cmpf {predicate}, %a, %b : f32
    %2 = arith.addf %a, %b : f32
    %3 = arith.select %1, %2, %a : f32
    linalg.yield %3 : f32
  }} -> tensor<9xf32>
  return %0 : tensor<9xf32>
}}
"""
        path = mlir(tmp_path, text)
        x = np.float32([1, 2, 3, np.nan, 1, np.nan, 0, -1, 5])
        z = np.float32([1, 3, 2, 1, np.nan, np.nan, -0.0, 7, 5])
        (result,) = ReferenceEvaluator(export_onnx(path)).run(None, {"input0": x, "input1": z})
        (expected,) = run_mlir(path, [x, z], 1)
        np.testing.assert_array_equal(result, expected, err_msg=predicate)


# What is refused


def refusal(tmp_path: Path, body: str, type: str = "tensor<4x64xf32>") -> str:
    text = f"func.func @main(%x: tensor<4x64xf32>) -> {type} {{\n{body}\n}}"
    path = mlir(tmp_path, text)
    with pytest.raises(UserError) as error:
        export_onnx(path)
    return str(error.value).removeprefix(f"{path}: ")


def quantized(encoding: str, options: str = "") -> str:
    kind = f"tensor<4x64xf32, #qfmt.scaled<{encoding}>>"
    return (
        f"%0 = qfmt.quantize %x {options} : tensor<4x64xf32> to {kind}\n"
        f"%1 = qfmt.dequantize %0 : {kind} to tensor<4x64xf32>\n"
        "return %1 : tensor<4x64xf32>"
    )


@pytest.mark.parametrize(
    "encoding, options, expected",
    [
        ("f6E2M3FN", "", "qfmt.quantize: has the number format f6E2M3FN, for which ONNX has no type"),
        (
            "!qfmt.codebook<[-1.0, 0.0, 1.0]>", "",
            "qfmt.quantize: has the number format !qfmt.codebook<[-1.0",
        ),
        (
            "i8, scale = f32", "",
            "qfmt.quantize: chooses scales at run time, which QuantizeLinear takes; give them or calibrate",
        ),
        ("i8", "rounding = floor", "qfmt.quantize: has rounding = floor; QuantizeLinear rounds half to even"),
        ("i8", "overflow = wrap", "qfmt.quantize: has overflow = wrap; QuantizeLinear saturates"),
        ("i8", "stochastic = 3", "qfmt.quantize: has stochastic_seed = 3; QuantizeLinear rounds half to even"),
        (
            "f8E5M2", "",
            "qfmt.quantize: has nan = zero, but QuantizeLinear to f8E5M2 is nan = propagate",
        ),
        (
            "f4E2M1FN, block = [1, 16], scale = #qfmt.scaled<f8E4M3FN, scale = f32>", "",
            "qfmt.quantize: has scales that are themselves encoded; ONNX has plain ones",
        ),
    ],
)  # fmt: skip
def test_encoding_is_refused(encoding, options, expected, tmp_path):
    assert expected in refusal(tmp_path, quantized(encoding, options))


def test_requantization_is_refused(tmp_path):
    body = """
  %0 = qfmt.quantize %x : tensor<4x64xf32> to tensor<4x64xf32, #qfmt.scaled<i8>>
  %1 = qfmt.convert %0 : tensor<4x64xf32, #qfmt.scaled<i8>> to tensor<4x64xf32, #qfmt.scaled<i4>>
  %2 = qfmt.dequantize %1 : tensor<4x64xf32, #qfmt.scaled<i4>> to tensor<4x64xf32>
  return %2 : tensor<4x64xf32>"""
    assert refusal(tmp_path, body) == "qfmt.convert: is not exported to ONNX"


def test_integer_level_is_refused(tmp_path):
    body = """
  %c = arith.constant dense<3> : tensor<4x64xi32>
  %0 = qfmt.dyadic_scale %c, %c, %c : tensor<4x64xi32>, tensor<4x64xi32>, tensor<4x64xi32> to tensor<4x64xi8>
  %1 = arith.sitofp %0 : tensor<4x64xi8> to tensor<4x64xf32>
  return %1 : tensor<4x64xf32>"""
    assert refusal(tmp_path, body) == "qfmt.dyadic_scale: is not exported to ONNX"


def test_codes_of_a_moved_tensor_are_refused(tmp_path):
    body = """
  %0 = qfmt.quantize %x : tensor<4x64xf32> to tensor<4x64xf32, #qfmt.scaled<i8>>
  %1 = tensor.collapse_shape %0 [[0, 1]] : tensor<4x64xf32, #qfmt.scaled<i8>> into tensor<256xf32, #qfmt.scaled<i8>>
  return %1 : tensor<256xf32, #qfmt.scaled<i8>>"""
    assert refusal(tmp_path, body, "tensor<256xf32, #qfmt.scaled<i8>>") == (
        "result 'output0': needs the codes of a tensor that was moved; put qfmt.quantize before it"
    )


def test_missing_file_gives_one_line(tmp_path, capsys):
    output = tmp_path / "out.onnx"
    assert cli.main(["export", str(tmp_path / "no.mlirbc"), "-o", str(output)]) == 1
    assert capsys.readouterr().err == f"error: {tmp_path / 'no.mlirbc'}: no such file\n"
    assert not output.exists()


def test_file_without_main_is_refused(tmp_path, capsys):
    path = mlir(tmp_path, "func.func @other() { return }")
    assert cli.main(["export", str(path), "-o", str(tmp_path / "out.onnx")]) == 1
    assert capsys.readouterr().err == f"error: {path}: there is no function @main to export\n"
