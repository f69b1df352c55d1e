# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`qfmt quantize`: what comes out computes what went in, and every refusal."""

import re
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx.reference import ReferenceEvaluator
from onnx_models import model, node, positive, weight

from qfmt import arrays, cli, execute
from qfmt.tools import run_tool

FORMATS = [("i8", "i8"), ("i4", "i4"), ("i6", "i6"), ("i2", "i8"), ("i16", "i8"), ("i8", "i16")]


def linear() -> onnx.ModelProto:
    """y = x m + k: one layer, whose error has a bound one can write down."""
    constants = {"m": weight(6, 5), "k": weight(5, seed=1)}
    return model(node("Gemm", "x m k"), {"x": (1, 6)}, constants)


def residual() -> onnx.ModelProto:
    """What the integer path has to carry: every kind of layer of a small CNN."""
    return model(
        [
            node("Conv", "x w b", "c", pads=[1, 1, 1, 1]),
            node("BatchNormalization", "c scale shift mean var", "n"),
            node("Relu", "n", "r"),
            node("Conv", "r d", "e", group=4, pads=[1, 1, 1, 1]),
            node("Add", "e r", "a"),
            node("MaxPool", "a", "p", kernel_shape=[2, 2], strides=[2, 2]),
            node("GlobalAveragePool", "p", "g"),
            node("Flatten", "g", "f"),
            node("Gemm", "f m k", transB=1),
        ],
        {"x": (1, 3, 6, 6)},
        {
            "w": weight(4, 3, 3, 3), "b": weight(4), "d": weight(4, 1, 3, 3),
            "scale": positive(4), "shift": weight(4), "mean": weight(4, seed=2),
            "var": positive(4), "m": weight(5, 4), "k": weight(5),
        },
    )  # fmt: skip


def samples_of(source: onnx.ModelProto, count: int = 8) -> dict[str, np.ndarray]:
    """Calibration data with the batch of 1 as its own axis, which may be left out."""
    random = np.random.default_rng(7)
    return {
        value.name: random.standard_normal(
            (count, *(d.dim_value for d in value.type.tensor_type.shape.dim)), np.float32
        )
        for value in source.graph.input
    }


@pytest.fixture
def quantizer(tmp_path, capsys):
    """Quantizes through the command line: (exit status, stderr, output)."""

    def run(source: onnx.ModelProto | Path, data, *options: str):
        path, calibration = source, data
        if isinstance(source, onnx.ModelProto):
            path = tmp_path / "model.onnx"
            onnx.save(source, path)
        if isinstance(data, dict):
            calibration = tmp_path / "calibration.npz"
            np.savez(calibration, **data)
        output = tmp_path / "out" / "model.mlirbc"
        output.parent.mkdir(exist_ok=True)
        status = cli.main(
            ["quantize", str(path), "--calibration", str(calibration)]
            + ["-o", str(output), *options]
        )
        return status, capsys.readouterr().err, output

    return run


@pytest.fixture
def quantized(quantizer):
    """Quantizes what must be accepted, and returns the output's path."""

    def run(source, data=None, *options: str) -> Path:
        data = samples_of(source) if data is None else data
        status, errors, output = quantizer(source, data, *options)
        assert (status, errors) == (0, "")
        return output

    return run


@pytest.fixture
def refusal(quantizer, tmp_path):
    """Quantizes what must be refused: returns stderr, without the temporary path."""

    def run(source, data=None, *options: str) -> str:
        data = samples_of(source) if data is None else data
        status, errors, output = quantizer(source, data, *options)
        assert status == 1
        assert not list(output.parent.iterdir()), "a file is left"
        assert errors.startswith("error: ")
        assert len(errors) < 1000, "a diagnostic is a few lines"
        return errors.replace(f"{tmp_path}/", "")

    return run


def text_of(module: Path) -> str:
    return run_tool(
        "qfmt-opt", module, "--mlir-print-local-scope", "--mlir-elide-resource-strings-if-larger=8"
    ).decode()


def interface_scales(module: Path) -> tuple[float, float]:
    """The scales of @main's one argument and one result."""
    (signature,) = re.findall(r"func\.func @main\(.*", text_of(module))
    first, last = re.findall(r"#qfmt\.scaled<u?i\d+, scale = ([-+.eE\d]+)", signature)
    return float(first), float(last)


def run(module: Path, entry: str, *inputs: np.ndarray, engine="jit") -> np.ndarray:
    (result,), _ = execute.run(module, entry, list(inputs), engine=engine)
    return result


def codes_of(values: np.ndarray, module: Path) -> np.ndarray:
    """Codes for @main; the calibration data was the same values, so none clips."""
    (buffer,) = execute.read_signature(module, "main").inputs
    codes = np.rint(values.astype(np.float64) / interface_scales(module)[0])
    return codes.astype(buffer.dtype)


# What is accepted


def test_wide_activations_are_those_that_not_only_products_read(quantized):
    """The argument goes to one convolution, the result to the caller."""
    source = residual()
    x = samples_of(source)["x"]
    options = ["--activations", "i8", "--level", "encoded"]
    narrow = text_of(quantized(source, {"x": x}, *options))
    wide = text_of(quantized(source, {"x": x}, *options, "--wide-activations", "i16"))
    assert "scaled<i16" not in narrow
    (first,) = re.findall(r"qfmt\.quantize %arg0 : .*#qfmt\.scaled<(\w+)", wide)
    (last,) = re.findall(r"qfmt\.dequantize %.*#qfmt\.scaled<(\w+)", wide)
    assert (first, last) == ("i8", "i16")


@pytest.mark.parametrize("weights, activations", FORMATS)
def test_error_is_within_what_the_formats_allow(weights, activations, quantized):
    source = linear()
    x = samples_of(source)["x"]
    wide = ["--accumulator-bits", "64"] if "i16" in (weights, activations) else []
    module = quantized(
        source, {"x": x}, "--weights", weights, "--activations", activations, *wide
    )
    expected = ReferenceEvaluator(source).run(None, {"x": x[:, 0]})[0]

    scale_x, scale_y = interface_scales(module)
    m = weight(6, 5).astype(np.float64)
    scale_m = np.abs(m).max(axis=0) / (2 ** (int(weights[1:]) - 1) - 1)
    # |x m - x' m'| <= |x - x'| |m| + |x| |m - m'| + |x - x'| |m - m'|, each
    # difference half a step; the bias and the result are rounded once more.
    bound = scale_x / 2 * np.abs(m).sum(axis=0)
    bound = bound + np.abs(x[:, 0]).astype(np.float64).sum(axis=-1)[:, None] * scale_m / 2
    bound += 6 * scale_x / 2 * scale_m / 2 + scale_x * scale_m / 2 + scale_y / 2
    # Rounding of fp32 itself and of the 31-bit multiplier, far below the rest.
    bound += np.abs(expected).max() * 2.0**-20
    error = np.abs(run(module, "main_f32", x)[:, 0] - expected)
    assert (error <= bound).all()


def test_more_bits_are_closer(quantized):
    source = residual()
    x = samples_of(source)["x"]
    expected = ReferenceEvaluator(source)
    expected = np.stack([expected.run(None, {"x": sample})[0] for sample in x])
    errors = [
        np.abs(
            run(quantized(source, None, "--weights", w, "--activations", w), "main_f32", x)
            - expected
        ).max()
        for w in ("i3", "i5", "i8")
    ]
    assert errors[0] > 2 * errors[1] > 4 * errors[2]


@pytest.mark.parametrize("weights, activations", FORMATS)
def test_compiled_code_equals_the_reference(weights, activations, quantized):
    source = residual()
    x = samples_of(source)["x"]
    wide = ["--accumulator-bits", "64"] if "i16" in (weights, activations) else []
    module = quantized(
        source, None, "--weights", weights, "--activations", activations, *wide
    )
    codes = codes_of(x, module)
    compiled = run(module, "main", codes)
    assert compiled.dtype.kind in "iu"
    assert len(np.unique(compiled)) > 1
    np.testing.assert_array_equal(compiled, run(module, "main", codes, engine="reference"))


def test_float_wrapper_is_the_integer_network_between_rounding(quantized):
    source = residual()
    x = samples_of(source)["x"]
    module = quantized(source)
    codes = run(module, "main", codes_of(x, module))
    scale = interface_scales(module)[1]
    expected = (codes * scale).astype(np.float32)
    np.testing.assert_array_equal(run(module, "main_f32", x), expected)


def test_encoded_level_computes_reals_on_the_same_codes(quantized):
    source = linear()
    x = samples_of(source)["x"]
    integer = run(quantized(source), "main_f32", x)
    module = quantized(source, None, "--level", "encoded")
    text = text_of(module)
    assert "linalg.matmul" in text and "qfmt.quantize" in text
    real = run(module, "main", x)
    # Both are whole steps. The bias is rounded at the integer level only, so that
    # a value near the middle between two steps may round apart.
    step = float(re.findall(r"to tensor<1x5xf32, #qfmt\.scaled<i8, scale = ([^>]+)>", text)[0])
    apart = np.rint(np.abs(integer - real) / step)
    assert apart.max() <= 1 and np.mean(apart != 0) < 0.1


def test_unsigned_pixels_enter_as_they_are(quantized):
    source = model(node("Relu", "x"), {"x": (1, 4)})
    pixels = np.array([[[0, 1, 128, 255]]], np.uint8)
    data = {"x": (pixels / np.float32(255)).astype(np.float32)}
    module = quantized(source, data, "--input-format", "ui8:0.00392156862745098")
    (buffer,) = execute.read_signature(module, "main").inputs
    assert (buffer.name, buffer.dtype, buffer.shape) == ("x", np.uint8, (1, 4))
    np.testing.assert_array_equal(run(module, "main", pixels), pixels)


def test_percentile_and_mse_cut_off_an_outlier(quantized):
    source = model(node("Relu", "x"), {"x": (1, 2000)})
    x = np.random.default_rng(0).uniform(-1, 1, (4, 1, 2000)).astype(np.float32)
    x[0, 0, 0] = 3.0
    minmax = interface_scales(quantized(source, {"x": x}))[0]
    assert minmax == pytest.approx(3 / 127, rel=1e-6)
    options = ["--method", "percentile", "--percentile", "99"]
    percentile = interface_scales(quantized(source, {"x": x}, *options))[0]
    assert percentile == pytest.approx(1 / 127, rel=0.05)
    mse = interface_scales(
        quantized(source, {"x": x}, "--method", "mse", "--activations", "i4")
    )[0]
    assert mse < 3 / 7 * 0.75


def test_two_inputs_are_found_by_name(quantized):
    source = model(node("Sub", "x z"), {"x": (1, 3), "z": (1, 3)})
    x, z = np.float32([[[1, 2, 4]]]), np.float32([[[-100, 50, 25]]])
    module = quantized(source, {"z": z, "x": x})
    np.testing.assert_allclose(run(module, "main_f32", x, z), x - z, atol=1.0)


def test_path_with_blanks_is_read(tmp_path, quantized):
    folder = tmp_path / "a b, c"
    folder.mkdir()
    np.savez(folder / "calib 1.npz", **samples_of(linear()))
    assert quantized(linear(), folder / "calib 1.npz").is_file()


# MLIR as input

LINALG = """
func.func @main(%x: tensor<1x4xf32> {qfmt.name = "in"}) -> (tensor<1x2xf32> {qfmt.name = "out"}) {
  %w = arith.constant dense<[[0.5, 1.0], [-0.25, 2.0], [0.125, 3.0], [1.0, -1.0]]> : tensor<4x2xf32>
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<1x2xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<1x2xf32>) -> tensor<1x2xf32>
  %y = linalg.matmul ins(%x, %w : tensor<1x4xf32>, tensor<4x2xf32>)
                     outs(%init : tensor<1x2xf32>) -> tensor<1x2xf32>
  return %y : tensor<1x2xf32>
}
"""

TOSA = """
func.func @main(%x: tensor<1x4x4x2xf32> {qfmt.name = "image"}) -> (tensor<1x2x2x2xf32> {qfmt.name = "y"}) {
  %w = "tosa.const"() <{values = dense<[[[[0.5, -1.0]]], [[[2.0, 0.25]]]]> : tensor<2x1x1x2xf32>}> : () -> tensor<2x1x1x2xf32>
  %b = "tosa.const"() <{values = dense<[0.5, -0.5]> : tensor<2xf32>}> : () -> tensor<2xf32>
  %z = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  %c = tosa.conv2d %x, %w, %b, %z, %z {acc_type = f32, dilation = array<i64: 1, 1>, pad = array<i64: 0, 0, 0, 0>, stride = array<i64: 1, 1>} : (tensor<1x4x4x2xf32>, tensor<2x1x1x2xf32>, tensor<2xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x4x4x2xf32>
  %r = tosa.clamp %c {min_val = 0.0 : f32, max_val = 3.40282347E+38 : f32} : (tensor<1x4x4x2xf32>) -> tensor<1x4x4x2xf32>
  %p = tosa.max_pool2d %r {kernel = array<i64: 2, 2>, pad = array<i64: 0, 0, 0, 0>, stride = array<i64: 2, 2>} : (tensor<1x4x4x2xf32>) -> tensor<1x2x2x2xf32>
  return %p : tensor<1x2x2x2xf32>
}
"""


def test_linalg_is_read_from_text_and_bytecode(tmp_path, quantized):
    text, bytecode = tmp_path / "net.mlir", tmp_path / "net.mlirbc"
    text.write_text(LINALG)
    bytecode.write_bytes(run_tool("qfmt-opt", text, "--emit-bytecode"))
    x = np.random.default_rng(1).uniform(-1, 1, (8, 1, 4)).astype(np.float32)
    w = np.float32([[0.5, 1.0], [-0.25, 2.0], [0.125, 3.0], [1.0, -1.0]])
    for path in (text, bytecode):
        result = run(quantized(path, {"in": x}), "main_f32", x)
        # A step of x is 1/127 at most: half of it and of w's over four products,
        # and half a step of the result, which is at most 7.
        bound = 0.5 / 127 * np.abs(w).sum(axis=0) + 4 * 3 / 127 / 2 + 7 / 127
        assert (np.abs(result - x @ w) <= bound).all()


def test_tosa_is_read(tmp_path, quantized):
    path = tmp_path / "net.mlir"
    path.write_text(TOSA)
    x = np.random.default_rng(1).uniform(-1, 1, (8, 1, 4, 4, 2)).astype(np.float32)
    module = quantized(path, {"image": x})
    w, b = np.float32([[0.5, -1.0], [2.0, 0.25]]), np.float32([0.5, -0.5])
    conv = np.maximum(x @ w.T + b, 0)[:, 0]
    expected = conv.reshape(8, 2, 2, 2, 2, 2).max(axis=(2, 4))
    result = run(module, "main_f32", x)[:, 0]
    # Two products with half a step each of x and w, and of two roundings of at
    # most 3 after that.
    assert np.abs(result - expected).max() <= 0.5 / 127 * 2.25 + 2 * 2 / 127 / 2 + 3 / 127
    codes = codes_of(x, module)
    np.testing.assert_array_equal(
        run(module, "main", codes), run(module, "main", codes, engine="reference")
    )


def test_tosa_pad_is_read(tmp_path, quantized):
    path = tmp_path / "net.mlir"
    path.write_text(
        """func.func @main(%x: tensor<1x2x2x1xf32>) -> tensor<1x3x4x1xf32> {
          %z = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
          %p = tosa.const_shape {values = dense<[0, 0, 1, 0, 1, 1, 0, 0]> : tensor<8xindex>} : () -> !tosa.shape<8>
          %y = tosa.pad %x, %p, %z : (tensor<1x2x2x1xf32>, !tosa.shape<8>, tensor<1xf32>) -> tensor<1x3x4x1xf32>
          return %y : tensor<1x3x4x1xf32>
        }"""
    )
    x = np.float32([[[[[-127], [3]], [[64], [1]]]]])  # a step is 1
    expected = np.pad(x, [(0, 0), (0, 0), (1, 0), (1, 1), (0, 0)])
    module = quantized(path, {"x": x})
    np.testing.assert_array_equal(run(module, "main_f32", x), expected)


def test_network_without_main_is_refused(tmp_path, refusal):
    path = tmp_path / "net.mlir"
    path.write_text("func.func @forward() { return }")
    expected = "error: net.mlir: no fp32 network can be read:\nit has no function @main\n"
    assert refusal(path, samples_of(linear())) == expected


def test_quantized_network_is_not_quantized_again(tmp_path, quantized, refusal):
    module = quantized(linear(), None, "--level", "encoded")
    path = tmp_path / "again.mlirbc"
    module.rename(path)
    errors = refusal(path, samples_of(linear()))
    assert "again.mlirbc" in errors and "level real" in errors


@pytest.mark.parametrize(
    "content", ["", "func.func @main(", "not MLIR\n", "\0\1\2", "func.func private @f()"]
)
def test_file_that_is_no_network_is_refused(content, tmp_path, refusal):
    path = tmp_path / "net.mlir"
    path.write_text(content)
    assert refusal(path, samples_of(linear())).startswith("error: ")


def test_dim_for_mlir_is_refused(tmp_path, refusal):
    path = tmp_path / "net.mlir"
    path.write_text(LINALG)
    errors = refusal(path, {"in": np.zeros((1, 4), np.float32)}, "--dim", "N=1")
    assert errors.startswith("error: --dim: only for ONNX files")


# Refused: the network


def test_unsupported_operators_are_all_listed(refusal):
    source = model(
        [node("Sinh", "x", "a"), node("Relu", "a", "b"), node("Cosh", "b")], {"x": (1, 3)}
    )
    assert refusal(source) == (
        "error: model.onnx: not supported:\n"
        "  Sinh (node 'sinh_node'): operator is not supported\n"
        "  Cosh (node 'cosh_node'): operator is not supported\n"
    )


def test_truncated_onnx_is_refused(tmp_path, refusal):
    path = tmp_path / "cut.onnx"
    path.write_bytes(residual().SerializeToString()[:300])
    expected = "error: cut.onnx: not an ONNX file, or a truncated one\n"
    assert refusal(path, samples_of(residual())) == expected


def test_missing_network_is_refused(tmp_path, refusal):
    data = samples_of(linear())
    errors = refusal(tmp_path / "missing.onnx", data)
    assert errors == "error: missing.onnx: cannot read: No such file or directory\n"
    errors = refusal(tmp_path / "missing.mlirbc", data)
    assert errors == "error: missing.mlirbc: no such file\n"


def test_arithmetic_of_others(quantized):
    """--compat and --functions reach qfmt-integerize."""
    source = residual()
    own, tflite = (text_of(quantized(source, None, *o)) for o in ([], ["--compat", "tflite"]))
    assert "double_rounding" in tflite and "double_rounding" not in own
    source = model(node("Softmax", "x", axis=-1), {"x": (1, 6)})
    own, ibert = (text_of(quantized(source, None, *o)) for o in ([], ["--functions", "ibert"]))
    # 2^32 over the sum.
    assert "4294967296" in ibert and "4294967296" not in own


def test_accumulator_overflow_is_refused(refusal):
    # 16 bits by 15 bits leave no bit for 64 sums.
    source = model(node("MatMul", "x m"), {"x": (1, 64)}, {"m": weight(64, 3)})
    errors = refusal(source, None, "--weights", "i16", "--activations", "i16",
                     "--accumulator-bits", "32")
    assert "overflow" in errors or "accumulator" in errors
    assert "--accumulator-bits" in errors or "accumulator-bits" in errors


# Refused: the calibration data


def test_missing_calibration_file_is_refused(tmp_path, refusal):
    errors = refusal(linear(), tmp_path / "missing.npz")
    assert errors == "error: missing.npz: no such file\n"


@pytest.mark.parametrize("content", [b"", b"PK\3\4", b"not an archive\n"])
def test_damaged_calibration_file_is_refused(content, tmp_path, refusal):
    path = tmp_path / "bad.npz"
    path.write_bytes(content)
    assert "bad.npz" in refusal(linear(), path)


def test_empty_calibration_set_is_refused(refusal):
    errors = refusal(linear(), {"x": np.zeros((0, 1, 6), np.float32)})
    assert "calibration.npz': argument #0 ('x') has no samples" in errors


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_calibration_data_that_is_not_finite_is_refused(value, refusal):
    x = samples_of(linear())["x"]
    x[5, 0, 2] = value
    errors = refusal(linear(), {"x": x})
    assert "sample 5 of" in errors and "NaN or an infinity" in errors


@pytest.mark.parametrize(
    "array, found",
    [
        (np.zeros((8, 1, 7), np.float32), "has shape 1x6 a sample, found 1x7"),
        (np.zeros((8, 6, 1), np.float32), "has shape 1x6 a sample, found 6x1"),
        (np.zeros((), np.float32), "needs one more axis in front for the samples"),
        (np.zeros((8, 1, 6), np.float64), "has elements of type f32"),
        (np.zeros((8, 1, 6), np.uint8), "has elements of type f32"),
    ],
)
def test_wrong_calibration_array_is_refused(array, found, refusal):
    assert found in refusal(linear(), {"x": array})


def test_wrong_names_of_calibration_arrays_are_refused(refusal):
    source = model(node("Add", "x z"), {"x": (1, 3), "z": (1, 3)})
    array = np.ones((2, 1, 3), np.float32)
    errors = refusal(source, {"x": array, "w": array})
    assert "no array for argument #1 ('z'); it has 'x', 'w'" in errors
    errors = refusal(source, {"x": array})
    assert "needs one array for each of the 2 arguments of @main, found 1" in errors
    errors = refusal(source, {"x": array, "z": array[:1]})
    assert "has 1 samples" in errors and "has 2" in errors


# Refused: options


@pytest.mark.parametrize("option", ["--weights", "--activations"])
@pytest.mark.parametrize("name", ["i1", "f8", "i17", "int7", "", "i8,i8", "i8/i8", "{"])
def test_wrong_format_name_is_refused(option, name, refusal):
    errors = refusal(linear(), None, option, name)
    assert f"'{name}'" in errors


@pytest.mark.parametrize("name", ["i1", "f8", "ui16", "i4"])
def test_wrong_wide_format_is_refused(name, refusal):
    errors = refusal(linear(), None, "--wide-activations", name)
    assert "'wide-activations'" in errors and f"'{name}'" in errors


@pytest.mark.parametrize("value", ["ui8", "ui8:0", "ui8:-1", "ui8:nan", "u8:0.5", "ui8:x"])
def test_wrong_input_format_is_refused(value, refusal):
    assert value.partition(":")[0] in refusal(linear(), None, "--input-format", value)


@pytest.mark.parametrize("value", ["0", "-1", "101", "nan"])
def test_wrong_percentile_is_refused(value, refusal):
    options = ["--method", "percentile", f"--percentile={value}"]
    assert "percentile" in refusal(linear(), None, *options)


def test_output_in_a_missing_directory_is_refused(tmp_path, quantizer, capsys):
    onnx.save(linear(), tmp_path / "model.onnx")
    np.savez(tmp_path / "calibration.npz", **samples_of(linear()))
    output = tmp_path / "nowhere" / "model.mlirbc"
    status = cli.main(
        ["quantize", str(tmp_path / "model.onnx")]
        + ["--calibration", str(tmp_path / "calibration.npz"), "-o", str(output)]
    )
    expected = f"error: {output}: cannot write: No such file or directory\n"
    assert (status, capsys.readouterr().err) == (1, expected)
    assert not output.parent.exists()


def test_archive_holds_any_name(tmp_path):
    # An output may be called `file`, which numpy.savez cannot store.
    path = tmp_path / "a.npz"
    given = {"file": np.arange(3), "a/b": np.float32([[1.5]])}
    path.write_bytes(arrays.save_npz(given))
    found = arrays.load_npz(path)
    assert list(found) == list(given)
    for name in given:
        np.testing.assert_array_equal(found[name], given[name])


def test_rounding_by_data(quantized):
    source = linear()
    random = np.random.default_rng(3)
    # Inputs that have much in common, so that one weight can make up for another.
    data = {"x": (random.standard_normal((256, 1, 1)) + 0.1 * random.standard_normal((256, 1, 6))).astype(np.float32)}
    real = ReferenceEvaluator(source)
    expected = np.stack([real.run(None, {"x": x})[0] for x in data["x"]])
    losses = []
    for how in ("nearest", "gptq", "learned"):
        # Data in 16 bits: only the rounding of weights counts.
        module = quantized(source, data, "--weights=i3", "--activations=i16", f"--round-weights={how}")
        found = run(module, "main_f32", data["x"])
        losses.append(np.mean((found - expected) ** 2))
    assert losses[1] < 0.5 * losses[0]
    assert losses[2] <= losses[1] * 1.001


@pytest.mark.parametrize(
    "rewrite, gain",
    [
        ("smooth-quant,alpha=0.8,activations=i4", 1.5),
        ("suppress-outliers,activations=i4", 1.5),
        # Nothing that could take scales in computes what the only layer reads.
        ("equalize-weights", 1),
    ],
)
def test_channels_are_rewritten_first(quantized, rewrite, gain):
    source = linear()
    random = np.random.default_rng(4)
    # One channel reaches further than the others and matters as little.
    data = {"x": (random.standard_normal((64, 1, 6)) * [1, 1, 20, 1, 1, 1]).astype(np.float32)}
    source.graph.initializer[0].CopyFrom(
        onnx.numpy_helper.from_array((weight(6, 5).T * np.float32([1, 1, 0.05, 1, 1, 1])).T, "m")
    )
    real = ReferenceEvaluator(source)
    expected = np.stack([real.run(None, {"x": x})[0] for x in data["x"]])
    losses = []
    for given in ([], [f"--rewrite={rewrite}"]):
        module = quantized(
            source, data, "--weights=i8", "--activations=i4", "--wide-activations=f32",
            "--level=encoded", *given,
        )  # fmt: skip
        found = run(module, "main", data["x"])
        losses.append(np.mean((found - expected) ** 2))
    assert losses[1] <= losses[0] / gain, losses


@pytest.mark.parametrize(
    "rewrite, expected",
    [
        ("smooth", "--rewrite: no 'smooth'; give one of smooth-quant, "),
        ("smooth-quant,0.8", "--rewrite smooth-quant: '0.8' is no option=value"),
        ("smooth-quant,alpha=2", "alpha"),
    ],
)
def test_unknown_rewrites_are_refused(tmp_path, capsys, rewrite, expected):
    onnx.save(linear(), tmp_path / "model.onnx")
    np.savez(tmp_path / "calibration.npz", **samples_of(linear()))
    output = tmp_path / "model.mlirbc"
    status = cli.main(
        ["quantize", str(tmp_path / "model.onnx"), "--rewrite", rewrite]
        + ["--calibration", str(tmp_path / "calibration.npz"), "-o", str(output)]
    )
    assert status == 1
    assert expected in capsys.readouterr().err
    assert not output.exists()
