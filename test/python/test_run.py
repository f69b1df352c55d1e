# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`qfmt run`: arrays in, arrays out, and every refusal."""

import ctypes.util
import zipfile
from pathlib import Path

import numpy as np
import pytest

from qfmt import cli
from qfmt.tools import run_tool

# y = 2 x, and a sum with its own name.
REAL = """
func.func @main(%x: tensor<1x3xf32> {qfmt.name = "x"}, %z: tensor<2xf32> {qfmt.name = "b/z"})
    -> (tensor<1x3xf32> {qfmt.name = "file"}, tensor<2xf32> {qfmt.name = "sum"}) {
  %e = tensor.empty() : tensor<1x3xf32>
  %y = linalg.add ins(%x, %x : tensor<1x3xf32>, tensor<1x3xf32>) outs(%e : tensor<1x3xf32>) -> tensor<1x3xf32>
  %f = tensor.empty() : tensor<2xf32>
  %s = linalg.add ins(%z, %z : tensor<2xf32>, tensor<2xf32>) outs(%f : tensor<2xf32>) -> tensor<2xf32>
  return %y, %s : tensor<1x3xf32>, tensor<2xf32>
}
"""

# relu on 4-bit codes, scale 0.5; integerize adds main_f32.
ENCODED = """
#q = #qfmt.scaled<i4, scale = 0.5>
func.func @main(%x: tensor<1x3xf32> {qfmt.name = "x"}) -> (tensor<1x3xf32> {qfmt.name = "y"}) {
  %q = qfmt.quantize %x : tensor<1x3xf32> to tensor<1x3xf32, #q>
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<1x3xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(a, b) -> (a, b)>, affine_map<(a, b) -> (a, b)>],
                       iterator_types = ["parallel", "parallel"]}
       ins(%q : tensor<1x3xf32, #q>) outs(%e : tensor<1x3xf32>) {
  ^bb0(%i: f32, %o: f32):
    %m = arith.maximumf %i, %zero : f32
    linalg.yield %m : f32
  } -> tensor<1x3xf32>
  %s = qfmt.quantize %r : tensor<1x3xf32> to tensor<1x3xf32, #q>
  %y = qfmt.dequantize %s : tensor<1x3xf32, #q> to tensor<1x3xf32>
  return %y : tensor<1x3xf32>
}
"""


def add_one(argument: str, result: str) -> str:
    return f"""
func.func @main(%x: {argument}) -> {result} {{
  %y = linalg.add ins(%x, %x : {argument}, {argument}) outs(%x : {argument}) -> {result}
  return %y : {result}
}}
"""


@pytest.fixture
def runner(tmp_path, capsys):
    """Runs through the command line: (exit status, stderr, stdout, output)."""

    def run(network: str | Path, inputs, *options: str):
        path, archive = network, inputs
        if isinstance(network, str):
            path = tmp_path / "net.mlir"
            path.write_text(network)
        if isinstance(inputs, dict):
            archive = tmp_path / "in.npz"
            np.savez(archive, **inputs)
        output = tmp_path / "out" / "results.npz"
        output.parent.mkdir(exist_ok=True)
        status = cli.main(
            ["run", str(path), "--inputs", str(archive), "--outputs", str(output), *options]
        )
        said = capsys.readouterr()
        return status, said.err, said.out, output

    return run


@pytest.fixture
def results(runner):
    """Runs what must be accepted, and returns the arrays by name."""

    def run(network: str | Path, inputs, *options: str) -> dict[str, np.ndarray]:
        status, errors, said, output = runner(network, inputs, *options)
        assert (status, errors) == (0, "")
        assert "ms a call" in said
        with np.load(output) as archive:
            return {name: archive[name] for name in archive.files}

    return run


@pytest.fixture
def refusal(runner, tmp_path):
    """Runs what must be refused: returns stderr, without the temporary path."""

    def run(network: str | Path, inputs, *options: str) -> str:
        status, errors, said, output = runner(network, inputs, *options)
        assert (status, said) == (1, "")
        assert not list(output.parent.iterdir()), "a file is left"
        assert errors.startswith("error: ")
        assert len(errors) < 1000, "a diagnostic is a few lines"
        return errors.replace(f"{tmp_path}/", "")

    return run


@pytest.fixture
def integer(tmp_path):
    """ENCODED made integer-only."""
    source, module = tmp_path / "encoded.mlir", tmp_path / "integer.mlirbc"
    source.write_text(ENCODED)
    module.write_bytes(run_tool("qfmt-opt", source, "--qfmt-integerize", "--emit-bytecode"))
    return module


# Enough work for two threads.
WIDE = """
#id = affine_map<(m, n) -> (m, n)>
func.func @main(%x: tensor<ROWSx512xf32> {qfmt.name = "x"}) -> (tensor<ROWSx512xf32> {qfmt.name = "y"}) {
  %e = tensor.empty() : tensor<ROWSx512xf32>
  %y = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
    ins(%x : tensor<ROWSx512xf32>) outs(%e : tensor<ROWSx512xf32>) {
  ^bb0(%a: f32, %o: f32):
    %b = math.exp %a : f32
    %s = arith.addf %a, %b : f32
    linalg.yield %s : f32
  } -> tensor<ROWSx512xf32>
  return %y : tensor<ROWSx512xf32>
}
"""

X = np.float32([[[1, -2, 3]], [[0.5, 0, -0.25]]])
Z = np.float32([[1, 2], [3, 4]])


@pytest.mark.parametrize("engine", ["jit", "reference"])
def test_every_sample_is_run(engine, results):
    found = results(REAL, {"b/z": Z, "x": X}, "--engine", engine)
    assert list(found) == ["file", "sum"]
    np.testing.assert_array_equal(found["file"], 2 * X)
    np.testing.assert_array_equal(found["sum"], 2 * Z)
    assert found["file"].dtype == np.float32


@pytest.mark.skipif(
    ctypes.util.find_library("omp") is None, reason="LLVM's OpenMP runtime is missing"
)
def test_threads_change_no_result(results):
    rows = 512
    network = WIDE.replace("ROWS", str(rows))
    x = np.random.default_rng(0).standard_normal((1, rows, 512)).astype(np.float32)
    one = results(network, {"x": x})["y"]
    two = results(network, {"x": x}, "--threads", "2")["y"]
    np.testing.assert_array_equal(two, one)
    as_many_as_processors = results(network, {"x": x}, "--threads", "auto")["y"]
    np.testing.assert_array_equal(as_many_as_processors, one)


def test_wrong_numbers_of_threads_are_refused(refusal):
    said = refusal(REAL, {"b/z": Z, "x": X}, "--threads", "2000")
    assert "--threads takes 1 to 1024, found 2000" in said
    said = refusal(REAL, {"b/z": Z, "x": X}, "--threads", "-1")
    assert "--threads takes 1 to 1024, found -1" in said


def test_batch_axis_of_one_and_sample_axis_may_be_left_out(results):
    found = results(REAL, {"b/z": Z, "x": X[:, 0]})
    np.testing.assert_array_equal(found["file"], 2 * X)
    found = results(REAL, {"b/z": Z[0], "x": X[0]})
    np.testing.assert_array_equal(found["file"], 2 * X[:1])


def test_wider_floats_are_rounded(results):
    found = results(REAL, {"b/z": Z.astype(np.float64) + 1e-12, "x": X.astype(np.float16)})
    np.testing.assert_array_equal(found["sum"], 2 * Z)


def test_arrays_in_order_need_no_names(results):
    found = results(REAL, {"arr_1": Z, "arr_0": X})
    np.testing.assert_array_equal(found["sum"], 2 * Z)


def test_one_array_may_have_any_name(results, integer):
    np.testing.assert_array_equal(results(integer, {"pixels": X})["y"][0], [[1, 0, 3]])


def test_no_samples_give_no_results(results):
    found = results(REAL, {"b/z": Z[:0], "x": X[:0]})
    assert found["file"].shape == (0, 1, 3) and found["sum"].shape == (0, 2)


def test_network_without_inputs_is_run_once(results):
    network = """func.func @main() -> (tensor<2xf32> {qfmt.name = "c"}) {
      %c = arith.constant dense<[1.5, 2.5]> : tensor<2xf32>
      return %c : tensor<2xf32>
    }"""
    np.testing.assert_array_equal(results(network, {})["c"], [[1.5, 2.5]])


def test_integers_of_a_network_of_floats_are_its_own(results):
    network = add_one("tensor<2xi32>", "tensor<2xi32>")
    found = results(network, {"x": np.int32([[1, 2], [3, -4]])})
    np.testing.assert_array_equal(next(iter(found.values())), [[2, 4], [6, -8]])


@pytest.mark.parametrize("engine", ["jit", "reference"])
def test_integer_network_takes_and_gives_floats(engine, results, integer):
    # 0.25 is half a step, which goes to the even code; 100 and -100 saturate.
    x = np.float32([[[0.25, 0.75, -1]], [[100, -100, 1.5]]])
    found = results(integer, {"x": x}, "--engine", engine)
    assert found["y"].dtype == np.float32
    np.testing.assert_array_equal(found["y"], [[[0, 1, 0]], [[3.5, 0, 1.5]]])


@pytest.mark.parametrize("engine", ["jit", "reference"])
def test_codes_option_takes_and_gives_codes(engine, results, integer):
    codes = np.int8([[[-8, 7, 3]], [[0, -1, 1]]])
    found = results(integer, {"x": codes}, "--codes", "--engine", engine)
    assert found["y"].dtype == np.int8
    np.testing.assert_array_equal(found["y"], np.maximum(codes, 0))


# Refused: the network


def test_missing_network_is_refused(tmp_path, refusal):
    errors = refusal(tmp_path / "missing.mlirbc", {"x": X})
    assert errors == "error: missing.mlirbc: no such file\n"
    assert "out: no such file" in refusal(tmp_path / "out", {"x": X})


@pytest.mark.parametrize("content", [b"", b"hello\n", b"\0" * 64, b"ML\xefR", b"ML\xefR\x0d" * 9])
def test_file_that_is_no_network_is_refused(content, tmp_path, refusal):
    path = tmp_path / "bad.mlirbc"
    path.write_bytes(content)
    assert "bad.mlirbc" in refusal(path, {"x": X})


def test_truncated_bytecode_is_refused(tmp_path, integer, refusal):
    whole = integer.read_bytes()
    path = tmp_path / "cut.mlirbc"
    for length in range(0, len(whole), 97):
        path.write_bytes(whole[:length])
        refusal(path, {"x": X})


def test_network_without_main_is_refused(refusal):
    errors = refusal("func.func @other() { return }", {})
    assert "has no function 'main'" in errors


def test_malformed_ir_is_refused_in_a_few_lines(refusal):
    large = "dense<[" + ", ".join(["1.0"] * 5000) + "]> : tensor<5000xf32>"
    network = f"""func.func @main(%x: tensor<5000xf32>) -> tensor<5xf32> {{
      %c = arith.constant {large}
      %y = linalg.add ins(%x, %c : tensor<5000xf32>, tensor<5000xf32>)
                      outs(%x : tensor<5000xf32>) -> tensor<5000xf32>
      %o = "qfmt.quantize"(%y) : (tensor<5000xf32>) -> tensor<5000xf32>
      return %o : tensor<5000xf32>
    }}"""
    assert "net.mlir:5" in refusal(network, {"x": X})


# Refused: the arrays


def test_missing_inputs_are_refused(tmp_path, refusal):
    assert refusal(REAL, tmp_path / "missing.npz") == "error: missing.npz: no such file\n"


@pytest.mark.parametrize("content", [b"", b"PK\3\4", b"hello\n"])
def test_file_that_is_no_archive_is_refused(content, tmp_path, refusal):
    path = tmp_path / "bad.npz"
    path.write_bytes(content)
    errors = refusal(REAL, path)
    assert errors == "error: bad.npz: not an .npz archive, or a damaged one\n"


def test_damaged_member_is_refused(tmp_path, refusal):
    path = tmp_path / "bad.npz"
    np.savez_compressed(path, x=X, **{"b/z": Z})
    data = bytearray(path.read_bytes())
    data[60:64] = b"\xff\xff\xff\xff"
    path.write_bytes(data)
    errors = refusal(REAL, path)
    assert errors == "error: bad.npz: not an .npz archive, or a damaged one\n"


def test_single_array_is_refused(tmp_path, refusal):
    np.save(tmp_path / "x.npy", X)
    errors = refusal(REAL, tmp_path / "x.npy")
    assert errors == "error: x.npy: a single array, expected an .npz archive\n"


def test_member_that_is_no_array_is_refused(tmp_path, refusal):
    with zipfile.ZipFile(tmp_path / "text.npz", "w") as archive:
        archive.writestr("readme.txt", "hello")
    errors = refusal(REAL, tmp_path / "text.npz")
    assert errors == "error: text.npz: member 'readme.txt' is no array\n"


def test_array_of_objects_is_refused(refusal):
    errors = refusal(REAL, {"x": np.array([{}, None], object), "b/z": Z})
    assert errors == "error: in.npz: not an .npz archive, or a damaged one\n"


def test_wrong_names_are_refused(refusal):
    errors = refusal(REAL, {"x": X, "y": Z})
    assert errors == "error: in.npz: has the arrays x, y, the network takes x, b/z\n"
    errors = refusal(REAL, {"x": X})
    assert errors == "error: in.npz: has the arrays x, the network takes x, b/z\n"
    errors = refusal(REAL, {})
    assert errors == "error: in.npz: has the arrays (none), the network takes x, b/z\n"


@pytest.mark.parametrize(
    "x", [np.zeros((2, 1, 4)), np.zeros((2, 2, 3)), np.zeros(()), np.zeros(3), np.zeros((2, 1, 1, 3))]
)
def test_wrong_shape_is_refused(x, refusal):
    assert refusal(REAL, {"x": x.astype(np.float32), "b/z": Z}) == (
        f"error: in.npz: array 'x' has shape {list(x.shape)}, expected samples of shape "
        "[1, 3] along the first axis\n"
    )


def test_scalar_for_one_element_is_refused(refusal):
    network = add_one("tensor<1xf32>", "tensor<1xf32>")
    assert "has shape [], expected" in refusal(network, {"x": np.float32(1)})


def test_different_numbers_of_samples_are_refused(refusal):
    errors = refusal(REAL, {"x": X, "b/z": np.concatenate([Z, Z])})
    assert errors == "error: in.npz: the arrays have [2, 4] samples\n"


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.bool_, np.complex64])
def test_wrong_element_type_is_refused(dtype, refusal):
    assert refusal(REAL, {"x": X.astype(dtype), "b/z": Z}) == (
        f"error: in.npz: array 'x' has elements of type {np.dtype(dtype)}, expected float32\n"
    )


def test_floats_for_codes_are_refused(integer, refusal):
    errors = refusal(integer, {"x": X}, "--codes")
    assert "elements of type float32, expected int8" in errors


# Refused: the output


def test_output_that_cannot_be_written_is_refused(tmp_path, capsys):
    (tmp_path / "net.mlir").write_text(REAL)
    np.savez(tmp_path / "in.npz", **{"x": X, "b/z": Z})
    (tmp_path / "folder.npz").mkdir()
    for name, why in [
        ("nowhere/out.npz", "No such file or directory"),
        ("folder.npz", "Is a directory"),
    ]:
        output = tmp_path / name
        status = cli.main(
            ["run", str(tmp_path / "net.mlir"), "--inputs", str(tmp_path / "in.npz")]
            + ["--outputs", str(output)]
        )
        assert status == 1
        assert capsys.readouterr().err == f"error: {output}: cannot write: {why}\n"
        assert not list(tmp_path.glob(".*")), "a temporary file is left"
