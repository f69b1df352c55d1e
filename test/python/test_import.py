# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`qfmt import`: every supported operator, and every refusal."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from onnx_models import CASES, Case, ints, model, node, weight
from run_tools import run_mlir, stock_mlir_opt

from qfmt import cli
from qfmt.errors import UserError
from qfmt.onnx_import import load, supported

PACKAGES = Path(cli.__file__).parents[1]
DIALECTS = {"func", "linalg", "tensor", "arith", "math", "scf", "qfmt"}


@pytest.fixture
def importer(tmp_path, capsys):
    """Imports a model through the command line: (exit status, stderr, output)."""

    def run(source: onnx.ModelProto | Path, *options: str):
        path = source
        if isinstance(source, onnx.ModelProto):
            path = tmp_path / "model.onnx"
            onnx.save(source, path)
        output = tmp_path / "model.mlirbc"
        status = cli.main(["import", str(path), "-o", str(output), *options])
        return status, capsys.readouterr().err, output

    return run


@pytest.fixture
def imported(importer):
    """Imports a model that must be accepted, and returns the output's path."""

    def run(source: onnx.ModelProto, *options: str) -> Path:
        status, errors, output = importer(source, *options)
        assert (status, errors) == (0, "")
        return output

    return run


@pytest.fixture
def refusal(importer):
    """Imports what must be refused: returns stderr with the path as FILE."""

    def run(source: onnx.ModelProto | Path, *options: str) -> str:
        status, errors, output = importer(source, *options)
        assert status == 1
        assert not output.exists()
        assert not list(output.parent.glob(".*")), "a temporary file is left"
        assert errors.startswith("error: ")
        path = source if isinstance(source, Path) else output.parent / "model.onnx"
        return errors.replace(str(path), "FILE")

    return run


def dialects(text: str) -> set[str]:
    """The dialects of the operations (and of qfmt.name) in a printed module."""
    code = text.partition("{-#")[0]
    return {name.partition(".")[0] for name in re.findall(r"\b[a-z_]+\.[a-z]\w+", code)}


# What is accepted


def case_opsets(case: Case) -> list[int]:
    first, last = case.opsets
    # 17 is what exporters write most.
    return sorted({first, last} | ({17} if first <= 17 <= last else set()))


@pytest.mark.parametrize(
    "case, opset",
    [pytest.param(c, o, id=f"{c.name}-{o}") for c in CASES for o in case_opsets(c)],
)
def test_operator_computes_what_onnx_says(case: Case, opset: int, imported):
    path = imported(case.model(opset))
    text = stock_mlir_opt(path, "-mlir-elide-resource-strings-if-larger=0")
    assert dialects(text) <= DIALECTS
    assert "tensor<?" not in text and "x?" not in text

    random = np.random.default_rng(3)
    inputs = {
        name: random.standard_normal(shape, np.float32)
        for name, shape in case.inputs.items()
    }
    expected = ReferenceEvaluator(case.reference_model(opset)).run(None, inputs)
    results = run_mlir(path, list(inputs.values()), len(expected))
    for result, wanted in zip(results, expected, strict=True):
        assert result.dtype == np.float32
        np.testing.assert_allclose(result, wanted, rtol=1e-5, atol=1e-5)


def test_every_operator_has_a_case():
    tested = {
        n.op_type
        for case in CASES
        for n in (case.nodes if isinstance(case.nodes, list) else [case.nodes])
    }
    # Constant nodes become initializers before the table is consulted.
    assert tested - {"Constant"} == set(supported.OPERATORS)


def residual_block() -> onnx.ModelProto:
    return model(
        [
            node("Conv", "x w b", "c", pads=[1, 1, 1, 1]),
            node("BatchNormalization", "c scale shift mean var", "n"),
            node("Relu", "n", "r"),
            node("Conv", "r d", "e", group=4, pads=[1, 1, 1, 1]),
            node("Add", "e r", "a"),
            node("GlobalAveragePool", "a", "g"),
            node("Flatten", "g", "f"),
            node("Gemm", "f m k", transB=1),
        ],
        {"x": (1, 3, 8, 8)},
        {
            "w": weight(4, 3, 3, 3), "b": weight(4), "d": weight(4, 1, 3, 3),
            "scale": weight(4), "shift": weight(4), "mean": weight(4),
            "var": np.abs(weight(4)), "m": weight(5, 4), "k": weight(5),
        },
    )  # fmt: skip


def test_network_has_the_form_the_passes_read(imported):
    path = imported(residual_block())
    text = stock_mlir_opt(path)
    main = (
        'func.func @main(%arg0: tensor<1x3x8x8xf32> {qfmt.name = "x"}) '
        '-> (tensor<1x5xf32> {qfmt.name = "y"})'
    )
    assert main in text
    assert text.count("func.func") == 1
    assert len(re.findall("linalg.conv_2d_nchw_fchw", text)) == 1
    assert len(re.findall("linalg.depthwise_conv_2d_nchw_chw", text)) == 1
    # The transposed Gemm weight is a constant where it is used.
    assert "linalg.transpose" not in text
    assert "dense_resource<m> : tensor<4x5xf32>" in text
    # Weights are resources: no dense<...> of more than one number.
    assert not re.findall(r"arith.constant dense<[\[\"]", text)


def test_weight_of_a_batch_of_rows_is_a_constant_operand(imported):
    nodes = [node("MatMul", "x w", "p"), node("Add", "p b")]
    source = model(nodes, {"x": (2, 3, 5)}, {"w": weight(5, 4), "b": weight(4)})
    text = stock_mlir_opt(imported(source))
    (constant,) = re.findall(r"(%\w+) = arith.constant dense_resource<w>", text)
    assert re.search(rf"linalg.matmul ins\(%\w+, {constant} : tensor<6x5xf32>", text)
    assert "linalg.batch_matmul" not in text


def test_locations_are_node_names(imported):
    text = stock_mlir_opt(imported(residual_block()), "-mlir-print-debuginfo")
    assert 'loc("conv_node")' in text and 'loc("gemm_node")' in text


def test_import_is_deterministic(imported):
    first = imported(residual_block()).read_bytes()
    assert imported(residual_block()).read_bytes() == first


def test_names_of_all_inputs_and_outputs_are_kept(imported):
    source = model(
        [node("Add", "a/b 1", "out:0"), node("Relu", "a/b", "r")],
        {"a/b": (2, 3), "1": (2, 3)},
        outputs={"r": None, "out:0": None},
    )
    text = stock_mlir_opt(imported(source))
    assert re.findall(r'qfmt\.name = "([^"]*)"', text) == ["a/b", "1", "r", "out:0"]


def test_splat_constant_stays_a_splat(imported):
    source = model(node("Add", "x c"), {"x": (2, 3)}, {"c": np.ones(3, np.float32)})
    assert "dense<1.000000e+00> : tensor<3xf32>" in stock_mlir_opt(imported(source))


def test_initializer_that_is_also_an_input_is_a_constant(imported):
    source = model(node("Add", "x c"), {"x": (2, 3), "c": (3,)}, {"c": weight(3)})
    assert "@main(%arg0: tensor<2x3xf32> {qfmt.name = \"x\"})" in stock_mlir_opt(
        imported(source)
    )


def test_initializer_in_typed_fields_is_read(imported):
    source = model(node("Add", "x c"), {"x": (2, 3)}, outputs={"y": (2, 3)})
    source.graph.initializer.append(
        helper.make_tensor("c", TensorProto.FLOAT, [3], [1.0, 2.0, 3.0])
    )
    assert "dense_resource<c> : tensor<3xf32>" in stock_mlir_opt(imported(source))


def test_domain_ai_onnx_is_the_default_domain(imported):
    source = model(node("Relu", "x"), {"x": (2, 3)})
    source.graph.node[0].domain = source.opset_import[0].domain = "ai.onnx"
    assert "func.func @main" in stock_mlir_opt(imported(source))


def test_local_function_is_inlined(imported):
    source = model(
        node("TwiceRelu", "x", domain="local"),
        {"x": (2, 3)},
        outputs={"y": (2, 3)},
        domains=("local",),
    )
    body = [node("Relu", "p", "q"), node("Add", "q q", "r")]
    opsets = [helper.make_opsetid("", 17)]
    source.functions.append(
        helper.make_function("local", "TwiceRelu", ["p"], ["r"], body, opsets)
    )
    assert "arith.addf" in stock_mlir_opt(imported(source))


def test_external_weights_are_read(tmp_path, imported):
    path = tmp_path / "external.onnx"
    source = model(node("Add", "x c"), {"x": (2, 3)}, {"c": weight(3)})
    onnx.save(source, path, save_as_external_data=True, location="w.bin", size_threshold=0)
    assert "dense_resource<c>" in stock_mlir_opt(imported(path))


# Symbolic dimensions


def symbolic() -> onnx.ModelProto:
    return model(node("Relu", "x"), {"x": ("N", 3, "H", "W")})


def test_symbolic_batch_becomes_one(imported):
    source = model(node("Relu", "x"), {"x": ("N", 3)})
    assert "tensor<1x3xf32>" in stock_mlir_opt(imported(source))


def test_unnamed_batch_becomes_one(imported):
    source = model(node("Relu", "x"), {"x": (None, 3)})
    assert "tensor<1x3xf32>" in stock_mlir_opt(imported(source))


def test_dim_option_sets_sizes(imported):
    path = imported(symbolic(), "--dim", "H=8", "--dim", "W=6", "--dim", "N=2")
    assert "tensor<2x3x8x6xf32>" in stock_mlir_opt(path)


def test_all_dimensions_without_size_are_listed(refusal):
    assert refusal(symbolic()) == (
        "error: FILE: dimensions without a size:\n"
        "  input 'x' dimension 2: 'H'; give --dim H=SIZE\n"
        "  input 'x' dimension 3: 'W'; give --dim W=SIZE\n"
    )


def test_unnamed_dimension_is_refused(refusal):
    source = model(node("Relu", "x"), {"x": (1, None)})
    assert "input 'x' dimension 1 has neither size nor name" in refusal(source)


def test_dim_option_that_names_nothing_is_refused(refusal):
    assert refusal(symbolic(), "--dim", "K=2") == (
        "error: FILE: --dim K: no input has a dimension of this name; "
        "there is 'H', 'N', 'W'\n"
    )


def test_dim_option_given_twice_is_refused(refusal):
    text = refusal(symbolic(), "--dim", "H=2", "--dim", "H=3")
    assert text == "error: --dim H: given twice, as 2 and 3\n"


@pytest.mark.parametrize("text", ["H", "=3", "H=", "H=0", "H=-1", "H=1.5"])
def test_malformed_dim_option_is_wrong_usage(text, importer):
    with pytest.raises(SystemExit) as stop:
        importer(symbolic(), "--dim", text)
    assert stop.value.code == 2


# Refused before import: operators


def test_all_unsupported_nodes_are_listed(refusal):
    source = model(
        [
            helper.make_node("Sinh", ["x"], ["a"], "curve"),
            helper.make_node("Relu", ["a"], ["b"], "fine"),
            helper.make_node("Cosh", ["b"], ["c"]),
            helper.make_node("Pad", ["c", "p"], ["d"], "mirror", mode="reflect"),
            helper.make_node("Magic", ["d"], ["y"], "trick", domain="com.example"),
        ],
        {"x": (2, 3)},
        {"p": ints(0, 1, 0, 1)},
        outputs={"y": (2, 5)},
        domains=("com.example",),
    )
    assert refusal(source) == (
        "error: FILE: not supported:\n"
        "  Sinh (node 'curve'): operator is not supported\n"
        "  Cosh (node 'Cosh_2'): operator is not supported\n"
        "  Pad (node 'mirror'): mode 'reflect' is not supported; only 'constant' is\n"
        "  com.example.Magic (node 'trick'): operator is not supported\n"
    )


def test_operators_that_onnx_does_not_know_are_all_listed(refusal):
    source = model(
        [
            helper.make_node("Foo", ["x"], ["a"], "first"),
            helper.make_node("Bar", ["a"], ["y"], "second"),
        ],
        {"x": (2, 3)},
        outputs={"y": (2, 3)},
    )
    assert refusal(source) == (
        "error: FILE: not supported:\n"
        "  Foo (node 'first'): operator is not supported\n"
        "  Bar (node 'second'): operator is not supported\n"
    )


@pytest.mark.parametrize("opset", [12, 26])
def test_opset_out_of_range_is_refused(opset, refusal):
    source = model(node("Relu", "x"), {"x": (2, 3)}, opset=opset)
    assert f"opset {opset} is not supported (only 13 to 25 are)" in refusal(source)


BATCH_NORM = {name: np.abs(weight(3)) for name in "sbmv"}


@pytest.mark.parametrize(
    "nodes, constants, expected",
    [
        pytest.param(
            node("MaxPool", "x", "y i", kernel_shape=[2, 2]), {},
            "MaxPool (node 'maxpool_node'): output Indices is not supported",
            id="max-pool-indices",
        ),
        pytest.param(
            node("MaxPool", "x", kernel_shape=[2, 2], ceil_mode=1, pads=[0, 0, 1, 0]), {},
            "ceil_mode with different pads at begin and end is not supported",
            id="ceil-mode-uneven-pads",
        ),
        pytest.param(
            node("AveragePool", "x", kernel_shape=[2, 2], ceil_mode=1, count_include_pad=1),
            {}, "ceil_mode with count_include_pad is not supported",
            id="ceil-mode-count-pads",
        ),
        pytest.param(
            node("Gemm", "m w", alpha=0.5), {"m": weight(2, 3), "w": weight(3, 4)},
            "Gemm (node 'gemm_node'): alpha without input C is not supported",
            id="gemm-alpha-without-c",
        ),
        pytest.param(
            node("MatMul", "x v"), {"v": weight(4)},
            "a vector times a batch of matrices is not supported", id="matmul-batch-vector",
        ),
        pytest.param(
            node("LayerNormalization", "x s b", "y m"), {"s": weight(4), "b": weight(4)},
            "outputs Mean and InvStdDev are not supported", id="layer-norm-mean",
        ),
        pytest.param(
            node("Pow", "x e"), {"e": weight(4)},
            "an exponent for each element is not supported", id="pow-exponents",
        ),
        pytest.param(
            node("Pow", "x e"), {"e": np.float32(-1)},
            "Pow (node 'pow_node'): whole exponents are supported from 1 to 8",
            id="pow-negative",
        ),
        pytest.param(
            node("BatchNormalization", "x s b m v", "y m2 v2", training_mode=1), BATCH_NORM,
            "training mode is not supported", id="batch-norm-training",
        ),
        pytest.param(
            node("Dropout", "x r t"), {"r": np.float32(0.5), "t": np.bool_(True)},
            "training mode is not supported", id="dropout-training",
        ),
        pytest.param(
            node("Dropout", "x", "y mask"), {},
            "output mask is not supported", id="dropout-mask",
        ),
        pytest.param(
            node("Pad", "x p"), {"p": ints(0, 0, -1, 0, 0, 0, 0, 0)},
            "negative pads (cropping) are not supported", id="negative-pads",
        ),
        pytest.param(
            [node("ReduceMean", "x", "r", keepdims=0), node("Clip", "x r")], {},
            "Clip (node 'clip_node'): input 1 ('r') must be a constant",
            id="computed-parameter",
        ),
    ],
)  # fmt: skip
def test_form_of_an_operator_is_refused(nodes, constants, expected, refusal):
    constants = {name: np.asarray(value) for name, value in constants.items()}
    assert expected in refusal(model(nodes, {"x": (1, 3, 4, 4)}, constants))


def test_dilated_average_pool_is_refused(refusal):
    source = model(
        node("AveragePool", "x", kernel_shape=[2, 2], dilations=[2, 2]),
        {"x": (1, 3, 4, 4)},
        opset=19,
    )
    assert "AveragePool (node 'averagepool_node'): dilations are not supported" in (
        refusal(source)
    )


def test_shape_given_at_run_time_is_refused(refusal):
    source = model(
        node("Reshape", "x shape"), {"x": (2, 3)}, outputs={"y": (3, 2)}
    )
    shape = helper.make_tensor_value_info("shape", TensorProto.INT64, [2])
    source.graph.input.append(shape)
    assert "Reshape (node 'reshape_node'): input 1 ('shape') must be a constant" in refusal(
        source
    )


# Refused before import: types and shapes


@pytest.mark.parametrize(
    "element, name",
    [
        (TensorProto.FLOAT16, "float16"),
        (TensorProto.DOUBLE, "double"),
        (TensorProto.BFLOAT16, "bfloat16"),
        (TensorProto.INT64, "int64"),
    ],
)
def test_element_type_other_than_f32_is_refused(element, name, refusal):
    source = model(node("Add", "x x"), {"x": (2, 3)}, element=element)
    assert refusal(source) == (
        "error: FILE: tensors not supported:\n"
        f"  'x' has element type {name}; only float (f32) is read\n"
        f"  'y' has element type {name}; only float (f32) is read\n"
    )


def test_f16_weight_is_refused(refusal):
    source = model(node("Relu", "x"), {"x": (2, 3)})
    half = numpy_helper.from_array(weight(3).astype(np.float16), "h")
    source.graph.initializer.append(half)
    assert "'h' has element type float16" in refusal(source)


def test_empty_tensor_is_refused(refusal):
    source = model(node("Relu", "x"), {"x": (2, 0)})
    assert "'x' has shape 2x0; every size must be at least 1" in refusal(source)


def test_input_without_rank_is_refused(refusal):
    source = model(node("Relu", "x"), {"x": (2, 3)})
    source.graph.input[0].type.tensor_type.ClearField("shape")
    assert refusal(source).startswith("error: FILE: ")


def test_shapes_that_do_not_fit_are_refused(refusal):
    source = model(
        node("MatMul", "x z"), {"x": (2, 3), "z": (4, 5)}, outputs={"y": (2, 5)}
    )
    text = refusal(source)
    assert text.startswith("error: FILE: shape inference failed: ")
    assert "matmul_node" in text and text.count("\n") == 1


def test_output_declared_with_another_shape_is_refused(refusal):
    source = model(node("Relu", "x"), {"x": (2, 3)}, outputs={"y": (2, 3)})
    source.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 4
    assert refusal(source) == "error: FILE: output 'y' is declared 2x4 but has shape 2x3\n"


# Files


def test_every_truncation_is_refused(tmp_path):
    path = tmp_path / "cut.onnx"
    whole = model(node("Add", "x c"), {"x": (2, 3)}, {"c": weight(3)}).SerializeToString()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(UserError):
            load.load(path)


def test_truncated_file_gives_one_line(tmp_path, refusal):
    path = tmp_path / "cut.onnx"
    path.write_bytes(residual_block().SerializeToString()[:300])
    assert refusal(path) == "error: FILE: not an ONNX file, or a truncated one\n"


@pytest.mark.parametrize("content", [b"", b"not a network\n", b"\x00" * 64, b"{}"])
def test_file_that_is_not_onnx_is_refused(content, tmp_path, refusal):
    path = tmp_path / "other.onnx"
    path.write_bytes(content)
    text = refusal(path)
    assert text.startswith("error: FILE: not an ONNX file") and text.count("\n") == 1


def test_missing_file_is_refused(tmp_path, refusal):
    text = refusal(tmp_path / "missing.onnx")
    assert text == "error: FILE: cannot read: No such file or directory\n"


def test_directory_is_refused(tmp_path, refusal):
    assert refusal(tmp_path) == "error: FILE: cannot read: Is a directory\n"


def test_missing_external_weights_are_refused(tmp_path, refusal):
    path = tmp_path / "external.onnx"
    source = model(node("Add", "x c"), {"x": (2, 3)}, {"c": weight(3)})
    onnx.save(source, path, save_as_external_data=True, location="w.bin", size_threshold=0)
    (tmp_path / "w.bin").unlink()
    text = refusal(path)
    assert "w.bin" in text and text.count("\n") == 1


def test_invalid_graph_is_refused(refusal):
    source = model(node("Add", "x nowhere"), {"x": (2, 3)}, outputs={"y": (2, 3)})
    text = refusal(source)
    assert text.startswith("error: FILE: not a valid ONNX model: ")
    assert "nowhere" in text and text.count("\n") == 1


def test_refusal_leaves_an_older_output_alone(tmp_path):
    output = tmp_path / "model.mlirbc"
    output.write_bytes(b"older")
    arguments = ["import", str(tmp_path / "missing.onnx"), "-o", str(output)]
    assert cli.main(arguments) == 1
    assert output.read_bytes() == b"older"


def test_output_in_a_missing_directory_is_refused(tmp_path, capsys):
    path, output = tmp_path / "model.onnx", tmp_path / "nowhere" / "model.mlirbc"
    onnx.save(model(node("Relu", "x"), {"x": (2, 3)}), path)
    assert cli.main(["import", str(path), "-o", str(output)]) == 1
    expected = f"error: {output}: cannot write: No such file or directory\n"
    assert capsys.readouterr().err == expected


def test_command_runs_as_a_module(tmp_path):
    command = [sys.executable, "-m", "qfmt", "import", "missing.onnx", "-o", "out.mlirbc"]
    done = subprocess.run(
        command, cwd=tmp_path, env={"PYTHONPATH": str(PACKAGES)}, capture_output=True
    )
    assert done.returncode == 1
    assert done.stderr == b"error: missing.onnx: cannot read: No such file or directory\n"
    assert not list(tmp_path.iterdir())
