# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""QuantizeLinear and DequantizeLinear: import against onnx's own evaluator, bit for bit."""

import ml_dtypes
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from run_tools import run_mlir

from qfmt.errors import UserError
from qfmt.onnx_import import import_onnx

INTEGERS = {
    "INT8": 10, "UINT8": 10, "INT16": 21, "UINT16": 21, "INT4": 21, "UINT4": 21,
    "INT2": 25, "UINT2": 25,
}  # fmt: skip
FLOATS = {
    "FLOAT8E4M3FN": 19, "FLOAT8E4M3FNUZ": 19, "FLOAT8E5M2": 19, "FLOAT8E5M2FNUZ": 19,
    "FLOAT4E2M1": 23,
}  # fmt: skip


def dtype(name: str) -> np.dtype:
    return helper.tensor_dtype_to_np_dtype(TensorProto.DataType.Value(name))


def graph(nodes, inputs, outputs, constants, opset) -> onnx.ModelProto:
    """`inputs` and `outputs`: (name, element type, shape)."""
    infos = [
        [helper.make_tensor_value_info(n, TensorProto.DataType.Value(e), s) for n, e, s in values]
        for values in (inputs, outputs)
    ]
    tensors = [numpy_helper.from_array(v, k) for k, v in constants.items()]
    return helper.make_model(
        helper.make_graph(nodes, "graph", *infos, tensors),
        opset_imports=[helper.make_opsetid("", opset)],
    )


def import_and_run(tmp_path, model: onnx.ModelProto, inputs: dict) -> list[np.ndarray]:
    onnx.save(model, tmp_path / "model.onnx")
    path = tmp_path / "model.mlirbc"
    path.write_bytes(import_onnx(tmp_path / "model.onnx", {}))
    count = len(model.graph.output)
    return run_mlir(path, list(inputs.values()), count)


def evaluate(model: onnx.ModelProto, inputs: dict) -> list[np.ndarray]:
    """The evaluator has DequantizeLinear from opset 19 on; before, it meant the same."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    copy.opset_import[0].version = max(copy.opset_import[0].version, 19)
    return ReferenceEvaluator(copy).run(None, inputs)


def check(tmp_path, model: onnx.ModelProto, inputs: dict) -> None:
    """The same bits as onnx's evaluator gives, NaNs up to their payload."""
    expected = evaluate(model, inputs)
    for result, wanted in zip(import_and_run(tmp_path, model, inputs), expected, strict=True):
        assert result.shape == wanted.shape
        np.testing.assert_array_equal(result, wanted)
        if result.dtype == np.float32:
            numbers = ~np.isnan(wanted)
            same = result.view(np.uint32)[numbers] == wanted.view(np.uint32)[numbers]
            assert same.all()


def chain(element, scale, zero, shape, opset, **attributes) -> onnx.ModelProto:
    """x -> QuantizeLinear -> q -> DequantizeLinear -> y, with q an output, too."""
    constants = {"s": scale}
    names = ["s"]
    dequantizer = {k: v for k, v in attributes.items() if k in ("axis", "block_size")}
    if zero is not None:
        constants["z"] = zero
        names.append("z")
    elif opset >= 21:
        attributes["output_dtype"] = TensorProto.DataType.Value(element)
    nodes = [
        helper.make_node("QuantizeLinear", ["x", *names], ["q"], "quantize", **attributes),
        helper.make_node("DequantizeLinear", ["q", *names], ["y"], "dequantize", **dequantizer),
    ]
    return graph(nodes, [("x", "FLOAT", shape)], [("y", "FLOAT", shape)], constants, opset)


def samples(shape: tuple, largest: float) -> np.ndarray:
    """Ties, values beyond the format, zeros of both signs, small and large numbers."""
    random = np.random.default_rng(7)
    x = random.standard_normal(shape).astype(np.float32) * np.float32(largest / 2)
    special = [0.0, -0.0, 2.6, 200, -300, 2.5, -2.5, 0.5, 1.5, 1e-30, 1e6, -1e6,
               largest, -largest, largest * 1.04, largest * 1.07]  # fmt: skip
    x.reshape(-1)[: len(special)] = special
    return x


def without_negative_zero(element: str, x: np.ndarray) -> np.ndarray:
    """For FLOAT4E2M1 the evaluator adds a zero point of +0 and so loses the sign of -0."""
    return np.where(x == 0, np.float32(0), x) if element == "FLOAT4E2M1" else x


@pytest.mark.parametrize("element", INTEGERS)
@pytest.mark.parametrize("zero", [0, 1])
def test_integer_per_tensor(element, zero, tmp_path):
    opset = max(13, INTEGERS[element])
    info = ml_dtypes.iinfo(dtype(element))
    for scale in (1.0, 0.37):
        model = chain(
            element, np.float32(scale), np.array(zero).astype(dtype(element)), (4, 16), opset
        )
        check(tmp_path, model, {"x": samples((4, 16), float(info.max) * scale)})


@pytest.mark.parametrize("element", FLOATS)
@pytest.mark.parametrize("saturate", [0, 1])
def test_float_per_tensor(element, saturate, tmp_path):
    largest = float(ml_dtypes.finfo(dtype(element)).max)
    zero = np.zeros((), dtype(element))
    for scale in (1.0, 0.37):
        model = chain(
            element, np.float32(scale), zero, (4, 16), FLOATS[element], saturate=saturate
        )
        x = samples((4, 16), largest * scale)
        x[3, 10:13] = [np.inf, -np.inf, np.nan]
        if element == "FLOAT4E2M1":
            x[3, 12] = 1  # ONNX does not say what a NaN becomes
            x = without_negative_zero(element, x)
        check(tmp_path, model, {"x": x})


def parameters(element: str, shape: tuple, zeros: bool) -> tuple:
    random = np.random.default_rng(11)
    scale = random.uniform(0.1, 3, shape).astype(np.float32)
    if not zeros:
        return scale, None
    info = ml_dtypes.iinfo(dtype(element))
    zero = random.integers(info.min, int(info.max) + 1, shape)
    return scale, zero.astype(dtype(element))


@pytest.mark.parametrize("element", ["INT8", "UINT8", "INT4", "UINT16", "FLOAT8E4M3FN", "FLOAT4E2M1"])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_per_axis(element, axis, tmp_path):
    shape = (3, 5, 4)
    is_integer = element in INTEGERS
    opset = max(13, {**INTEGERS, **FLOATS}[element])
    scale, zero = parameters(element, (shape[axis],), is_integer)
    if zero is None:
        zero = np.zeros(shape[axis], dtype(element))
    model = chain(element, scale, zero, shape, opset, axis=axis)
    check(tmp_path, model, {"x": without_negative_zero(element, samples(shape, 30.0))})


@pytest.mark.parametrize("element", ["INT8", "UINT4", "INT2", "FLOAT8E5M2", "FLOAT4E2M1"])
@pytest.mark.parametrize("axis, size", [(0, 2), (1, 3), (1, 4), (2, 2)])
def test_blocked(element, axis, size, tmp_path):
    """Sizes that divide the axis, and a last block that is partial."""
    shape = (4, 6, 5)
    grid = tuple(-(-d // size) if i == axis else d for i, d in enumerate(shape))
    scale, zero = parameters(element, grid, element in INTEGERS)
    opset = max(21, {**INTEGERS, **FLOATS}[element])
    model = chain(element, scale, zero, shape, opset, axis=axis, block_size=size)
    check(tmp_path, model, {"x": without_negative_zero(element, samples(shape, 30.0))})


def test_mxfp4_with_scales_that_are_powers_of_two(tmp_path):
    scale = np.array([[0.25, 2.0], [1.0, 64.0]], ml_dtypes.float8_e8m0fnu)
    wide = chain("FLOAT4E2M1", scale.astype(np.float32), None, (2, 64), 24, axis=1, block_size=32)
    narrow = chain("FLOAT4E2M1", scale, None, (2, 64), 24, axis=1, block_size=32)
    narrow.graph.node[1].attribute.append(
        helper.make_attribute("output_dtype", TensorProto.FLOAT)
    )
    x = samples((2, 64), 12.0)
    # The evaluator multiplies f32 by f8E8M0 in f32; with f32 scales it is the same.
    (expected,) = evaluate(wide, {"x": x})
    (result,) = import_and_run(tmp_path, narrow, {"x": x})
    np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("element", [*INTEGERS, *FLOATS])
def test_constant_weights(element, tmp_path):
    """Every code, read with a scale and zero point for each row."""
    kind = dtype(element)
    width = {"2": 2, "4": 4, "8": 8}.get(element.lstrip("UINTFLOA")[0], 16)
    codes = np.arange(2 ** min(width, 8), dtype=np.uint8)
    codes = codes.astype(np.int64).astype(kind) if element in INTEGERS else codes.view(kind)
    codes = np.stack([codes, codes])
    scale, zero = parameters(element, (2,), element in INTEGERS)
    constants = {"w": codes, "s": scale} | ({} if zero is None else {"z": zero})
    nodes = [
        helper.make_node("DequantizeLinear", list(constants), ["v"], "read", axis=0),
        helper.make_node("Mul", ["v", "x"], ["y"], "product"),
    ]
    shape = codes.shape
    opset = max(19, {**INTEGERS, **FLOATS}[element])
    model = graph(nodes, [("x", "FLOAT", shape)], [("y", "FLOAT", shape)], constants, opset)
    check(tmp_path, model, {"x": np.ones(shape, np.float32)})


def test_network_with_an_int32_bias(tmp_path):
    random = np.random.default_rng(2)
    constants = {
        "sx": np.float32(0.031), "zx": np.uint8(120),
        "w": random.integers(-127, 128, (4, 3, 3, 3)).astype(np.int8),
        "sw": random.uniform(0.001, 0.01, 4).astype(np.float32), "zw": np.zeros(4, np.int8),
        "b": random.integers(-2**30, 2**30, 4).astype(np.int32),
        "sb": random.uniform(1e-9, 1e-8, 4).astype(np.float32),
        "sy": np.float32(0.07), "zy": np.uint8(0),
    }  # fmt: skip
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "sx", "zx"], ["xq"], "qx"),
        helper.make_node("DequantizeLinear", ["xq", "sx", "zx"], ["xf"], "dx"),
        helper.make_node("DequantizeLinear", ["w", "sw", "zw"], ["wf"], "dw", axis=0),
        helper.make_node("DequantizeLinear", ["b", "sb"], ["bf"], "db", axis=0),
        helper.make_node("Conv", ["xf", "wf", "bf"], ["c"], "conv", pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c"], ["r"], "relu"),
        helper.make_node("QuantizeLinear", ["r", "sy", "zy"], ["yq"], "qy"),
        helper.make_node("DequantizeLinear", ["yq", "sy", "zy"], ["y"], "dy"),
    ]
    model = graph(
        nodes,
        [("x", "FLOAT", (1, 3, 6, 6))],
        [("y", "FLOAT", (1, 4, 6, 6)), ("yq", "UINT8", (1, 4, 6, 6)), ("bf", "FLOAT", (4,))],
        constants,
        17,
    )
    x = random.standard_normal((1, 3, 6, 6)).astype(np.float32)
    expected = evaluate(model, {"x": x})
    y, codes, bias = import_and_run(tmp_path, model, {"x": x})
    np.testing.assert_array_equal(bias, expected[2])
    # The convolution's sums have another order, so that a tie may fall otherwise.
    assert np.abs(codes.astype(int) - expected[1].astype(int)).max() <= 1
    assert (codes == expected[1]).mean() > 0.98
    np.testing.assert_array_equal(y, codes.astype(np.float32) * np.float32(0.07))


def test_quantized_inputs_and_outputs_are_integers(tmp_path):
    constants = {"s": np.float32(0.5), "z": np.uint8(100), "t": np.float32(0.25)}
    nodes = [
        helper.make_node("DequantizeLinear", ["q", "s", "z"], ["y"], "first"),
        helper.make_node("DequantizeLinear", ["q", "t"], ["v"], "second"),
        helper.make_node("QuantizeLinear", ["v", "s", "z"], ["p"], "third"),
    ]
    model = graph(
        nodes,
        [("a", "FLOAT", (2,)), ("q", "UINT8", (2, 2)), ("b", "FLOAT", (2,))],
        [("q", "UINT8", (2, 2)), ("y", "FLOAT", (2, 2)), ("p", "UINT8", (2, 2)), ("b", "FLOAT", (2,))],
        constants,
        13,
    )
    pair = np.float32([1, 2])
    check(tmp_path, model, {"a": pair, "q": np.uint8([[0, 255], [100, 7]]), "b": -pair})


def test_codes_read_with_other_parameters(tmp_path):
    """ONNX lets the two nodes differ; the codes are what they share."""
    model = chain("INT8", np.float32(0.5), np.int8(3), (4, 16), 13)
    model.graph.initializer.append(numpy_helper.from_array(np.float32(0.3), "t"))
    model.graph.node[1].input[1] = "t"
    check(tmp_path, model, {"x": samples((4, 16), 60.0)})


def test_scale_that_is_not_positive_dequantizes(tmp_path):
    codes = np.int8([[1, -2], [3, 4]])
    for scale in (np.float32(0), np.float32(-0.5), np.float32([0, -1.5])):
        nodes = [helper.make_node("DequantizeLinear", ["w", "s"], ["y"], "read", axis=0)]
        model = graph(nodes, [], [("y", "FLOAT", (2, 2))], {"w": codes, "s": scale}, 13)
        check(tmp_path, model, {})


# What is refused


def refusal(tmp_path, model: onnx.ModelProto) -> str:
    path = tmp_path / "model.onnx"
    onnx.save(model, path)
    with pytest.raises(UserError) as error:
        import_onnx(path, {})
    return str(error.value).replace(str(path), "FILE")


def simple(**changes) -> onnx.ModelProto:
    return chain("INT8", **({"scale": np.float32(1), "zero": np.int8(0), "shape": (4, 16), "opset": 13} | changes))


def test_scale_computed_at_run_time_is_refused(tmp_path):
    model = simple()
    del model.graph.initializer[:1]
    model.graph.input.append(helper.make_tensor_value_info("s", TensorProto.FLOAT, []))
    assert refusal(tmp_path, model) == (
        "FILE: not supported:\n"
        "  QuantizeLinear (node 'quantize'): input 1 ('s') must be a constant\n"
        "  DequantizeLinear (node 'dequantize'): input 1 ('s') must be a constant"
    )


@pytest.mark.parametrize("scale", [0.0, -1.0])
def test_quantizing_by_a_scale_that_is_not_positive_is_refused(scale, tmp_path):
    assert refusal(tmp_path, simple(scale=np.float32(scale))) == (
        "FILE: not supported:\n"
        "  QuantizeLinear (node 'quantize'): scale 's' is not positive"
    )


@pytest.mark.parametrize("shape", [(4, 1), (4,), (1, 4), (2, 2, 1)])
def test_blocked_scale_of_another_shape_is_refused(shape, tmp_path):
    """As many scales as blocks are not enough: 2x4 in blocks of 2 columns has 2x2."""
    scale = np.linspace(0.5, 2, 4).astype(np.float32).reshape(shape)
    model = chain("INT8", scale, None, (2, 4), 21, axis=1, block_size=2)
    assert "but a tensor of 2x4 has 2x2 blocks" in refusal(tmp_path, model)


@pytest.mark.parametrize("scale", [np.inf, np.nan])
def test_scale_that_is_not_finite_is_refused(scale, tmp_path):
    assert "QuantizeLinear (node 'quantize'): scale 's' is not finite" in refusal(
        tmp_path, simple(scale=np.float32(scale))
    )


def test_half_precision_scale_is_refused(tmp_path):
    nodes = [
        helper.make_node("DequantizeLinear", ["w", "s"], ["y"], "read", output_dtype=TensorProto.FLOAT)
    ]
    constants = {"w": np.int8([1, 2]), "s": np.float16(1)}
    model = graph(nodes, [], [("y", "FLOAT", (2,))], constants, 23)
    assert refusal(tmp_path, model) == (
        "FILE: not supported:\n"
        "  DequantizeLinear (node 'read'): scale 's' has element type float16; "
        "only float and float8e8m0 are read"
    )


def test_scales_that_do_not_fit_are_refused(tmp_path):
    model = simple(scale=np.ones(3, np.float32), zero=np.zeros(3, np.int8), axis=0)
    assert (
        "QuantizeLinear (node 'quantize'): scale 's' has shape 3, but a tensor of 4x16 has "
        "4x1 blocks"
    ) in refusal(tmp_path, model)


def test_zero_points_that_do_not_fit_are_refused(tmp_path):
    model = simple(scale=np.ones(4, np.float32), zero=np.int8(1), axis=0)
    assert "scale 's' and zero point 'z' have different shapes" in refusal(tmp_path, model)


def test_zero_point_of_a_float_format_is_refused(tmp_path):
    zero = np.array(1, ml_dtypes.float8_e4m3fn)
    model = chain("FLOAT8E4M3FN", np.float32(1), zero, (4, 16), 19)
    assert "zero point 'z' of a float format is not 0" in refusal(tmp_path, model)


def test_computation_on_codes_is_refused(tmp_path):
    model = simple()
    model.graph.node.insert(1, helper.make_node("Transpose", ["q"], ["p"], "turn"))
    model.graph.node[2].input[0] = "p"
    del model.graph.output[:]
    model.graph.output.append(helper.make_tensor_value_info("y", TensorProto.FLOAT, (16, 4)))
    assert (
        "Transpose (node 'turn'): reads the quantized tensor 'q'; put DequantizeLinear before it"
    ) in refusal(tmp_path, model)


def test_int32_tensor_that_is_no_constant_is_refused(tmp_path):
    nodes = [helper.make_node("DequantizeLinear", ["q", "s"], ["y"], "read")]
    model = graph(
        nodes, [("q", "INT32", (2,))], [("y", "FLOAT", (2,))], {"s": np.float32(1)}, 13
    )
    assert (
        "DequantizeLinear (node 'read'): dequantizes the int32 tensor 'q', which is no constant; "
        "number formats have at most 16 bits"
    ) in refusal(tmp_path, model)
