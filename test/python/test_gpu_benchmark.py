# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""benchmark/gpu without a GPU: what a program asks for is recorded, and done again by a driver that is not one."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "benchmark/gpu"))
import random_data  # noqa: E402

BUILD = ROOT / "build"
RECORDER = BUILD / "benchmark/libqfmt_record.so"
PROGRAM = BUILD / "benchmark/qfmt-benchmark-gpu"
FAKE_DRIVER = BUILD / "unittests/libqfmt_fake_cuda.so"
RUN = ROOT / "benchmark/gpu/run.sh"

pytestmark = pytest.mark.skipif(not (RECORDER.exists() and FAKE_DRIVER.exists()),
                                reason="built without benchmarks or tests")

# What gpu-to-llvm makes of y = x + w + c, f32 and i32, twice: the second launch takes a part of a buffer.
CLIENT = r"""
#include "Mgpu.h"
#include <stdio.h>
static char ptx[] = ".version 8.0\n.target sm_90\n"
  ".visible .entry add(\n.param .u64 .ptr .align 1 add_param_0,\n.param .u64 .ptr .align 1 add_param_1,\n"
  ".param .u64 add_param_2,\n.param .u32 add_param_3\n)\n{ ret; }\n";
static int w[64] = {WEIGHTS};
int main(void) {
  int x[64], y[64];
  FILE *file = fopen("x.bin", "rb");
  if (!file || fread(x, 4, 64, file) != 64) return 2;
  void *module = mgpuModuleLoadJIT(ptx, 2), *stream = mgpuStreamCreate();
  void *dx = mgpuMemAlloc(256, stream, 0), *dy = mgpuMemAlloc(512, stream, 0);
  mgpuMemcpy(dx, x, 256, stream);
  mgpuMemset32(dy, 0, 128, stream);
  void *dw = qfmtGpuConstant(w, 256, stream), *half = (char *)dy + 256;
  int c = 7;
  void *first[] = {&dx, &dw, &half, &c}, *second[] = {&half, &dw, &dy, &c};
  void *add = mgpuModuleGetFunction(module, "add");
  mgpuLaunchKernel(add, 2, 1, 1, 32, 1, 1, 0, stream, first, 0, 4);
  mgpuLaunchKernel(add, 2, 1, 1, 32, 1, 1, 0, stream, second, 0, 4);
  mgpuMemcpy(y, dy, 256, stream);
  mgpuStreamSynchronize(stream);
  mgpuMemFree(dx, stream);
  mgpuMemFree(dy, stream);
  mgpuModuleUnload(module);
  const char *error = qfmtGpuError();
  if (error) fputs(error, stderr);
  return error != 0;
}
"""

KERNELS = """
void add(void **params) {
  int *x = *(int **)params[0], *w = *(int **)params[1], *y = *(int **)params[2];
  for (int i = 0; i < 64; ++i) y[i] = x[i] + w[i] + *(int *)params[3];
}
"""


def compile_c(source, output, *flags):
    source_file = output.with_suffix(".c")
    source_file.write_text(source)
    subprocess.run(["clang-22", "-O1", str(source_file), "-o", str(output), *flags], check=True)


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    """A case of CLIENT, with what must come out."""
    directory = tmp_path_factory.mktemp("cases") / "add"
    directory.mkdir()
    x = random_data.random_bytes(3, 256).view(np.int32)
    w = np.arange(64, dtype=np.int32) ** 2
    (directory / "x.bin").write_bytes(x.tobytes())
    client = directory / "client"
    compile_c(CLIENT.replace("WEIGHTS", ", ".join(map(str, w))), client, f"-I{ROOT}/lib/Runtime/GPU", str(RECORDER),
              f"-Wl,-rpath,{RECORDER.parent}")
    subprocess.run([str(client)], cwd=directory, env={**os.environ, "QFMT_RECORD_TO": str(directory)}, check=True)
    y = x + 2 * (w + 7)
    check = np.concatenate([y[:8].astype(np.float32), np.zeros(8, np.float32)])
    (directory / "check.bin").write_bytes(check.tobytes())
    (directory / "case.txt").write_text(
        f"work 1e6 512\nrotate\nhash 0 {random_data.hash_data(y)}\ntarget copy 0.8\ntarget int8 64 64 64 0.75\n")
    return directory


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """That of a machine whose driver runs KERNELS."""
    kernels = tmp_path_factory.mktemp("kernels") / "kernels.so"
    compile_c(KERNELS, kernels, "-shared", "-fPIC")
    return {**os.environ, "QFMT_LIBCUDA": str(FAKE_DRIVER), "QFMT_FAKE_CUDA_KERNELS": str(kernels),
            "QFMT_LIBCUBLASLT": "/nowhere/libcublasLt.so"}


def run(environment, *arguments, program=PROGRAM):
    return subprocess.run([str(program), *map(str, arguments)], env=environment, capture_output=True, text=True)


def test_trace(case):
    assert (case / "trace.txt").read_text().splitlines() == [
        "module",
        "buffer 256",
        "buffer 512",
        # The input is random, the weights are not.
        "random 0 0 256 bytes 3",
        "set 4 1 0 0 128",
        "buffer 256",
        "data 2 0 256 0",
        "launch 0 add 2 1 1 32 1 1 0 0 0 0 4 p:0:0 p:2:0 p:1:256 v:07000000",
        "launch 0 add 2 1 1 32 1 1 0 0 0 0 4 p:1:256 p:2:0 p:1:0 v:07000000",
        "read 1 0 256",
    ]
    assert (case / "data.bin").stat().st_size == 256


def test_verifies_and_times(case, environment, tmp_path):
    done = run(environment, f"--json={tmp_path}/out.json", case.parent)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "Fake GPU (sm_90a)"
    assert "add" in lines[-3] and "right      25.00 us" in lines[-3]
    assert "copy" in lines[-2] and "NOT REACHED" in lines[-2]
    found = json.loads((tmp_path / "out.json").read_text())
    assert found["device"] == "Fake GPU" and found["chip"] == "sm_90a"
    [result] = found["cases"]
    # The driver says 0.5 ms for 20 runs, and for 20 copies of 256 MiB.
    assert result["seconds"] == pytest.approx(0.5e-3 / 20)
    [copy, int8] = result["peers"]
    assert copy["ratio"] == pytest.approx(512 / (2 * 2**28), rel=1e-3) and copy["least"] == 0.8
    assert int8["peer"] == "int8 64x64x64" and int8["ratio"] == -1


def edited(case, tmp_path, statements):
    """The case with another case.txt."""
    copy = tmp_path / "edited"
    copy.mkdir()
    for file in case.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    (copy / "case.txt").write_text(statements)
    return copy


def test_wrong_result(case, environment, tmp_path):
    done = run(environment, "--verify-only", edited(case, tmp_path, "hash 0 1234\n"))
    assert done.returncode == 1
    assert "WRONG: output 0 differs from what the CPU computes" in done.stdout


def test_values_within_bounds(case, environment, tmp_path):
    # Integers read as floats: 0 is near none of them but by a wide bound.
    check = np.concatenate([np.zeros(64, np.float32), np.full(64, np.float32(3e38))])
    good = edited(case, tmp_path, "near 0 0 64 0\n")
    (good / "check.bin").write_bytes(check.tobytes())
    y = np.frombuffer((case / "x.bin").read_bytes(), np.int32) + 2 * (np.arange(64) ** 2 + 7)
    is_finite = np.isfinite(y.astype(np.int32).view(np.float32)).all()
    assert run(environment, "--verify-only", good).returncode == (0 if is_finite else 1)
    check[64:] = 0
    (good / "check.bin").write_bytes(check.tobytes())
    done = run(environment, "--verify-only", good)
    assert done.returncode == 1 and "value 0 of output 0 is" in done.stdout


@pytest.mark.parametrize("statements, message", [
    ("", "case.txt: says nothing of what must come out"),
    ("hash 0\n", "case.txt:1: not understood: 'hash 0'"),
    ("near 0 0 1000000 0\n", "case.txt:1: not understood"),
    ("hash 5 1\n", "there is no output 5"),
])
def test_bad_cases(case, environment, tmp_path, statements, message):
    done = run(environment, "--verify-only", edited(case, tmp_path, statements))
    assert done.returncode == 1 and message in done.stdout


@pytest.mark.parametrize("line", ["launch 1 add", "read 9 0 4", "read 0 0 257", "data 0 0 256 1", "nonsense",
                                  "launch 3 add 1 1 1 1 1 1 0 0 0 0 0", "launch 0 add 1 1 1 1 1 1 0 0 0 0 1 p:9:0"])
def test_bad_traces(case, environment, tmp_path, line):
    bad = edited(case, tmp_path, "hash 0 1\n")
    with (bad / "trace.txt").open("a") as trace:
        trace.write(line + "\n")
    done = run(environment, "--verify-only", bad)
    assert done.returncode == 1 and f"trace.txt:11: not understood: '{line}'" in done.stdout


def test_without_cases(environment, tmp_path):
    done = run(environment, tmp_path)
    assert done.returncode == 1 and "no directory has a case.txt" in done.stderr


def test_without_gpu(case):
    done = run({**os.environ, "QFMT_LIBCUDA": "/nowhere/libcuda.so.1"}, case)
    assert done.returncode == 77 and "no CUDA driver" in done.stderr


def test_needs_only_a_compiler(case, environment):
    """run.sh, with the compiler of this machine."""
    done = run({**environment, "CXX": "clang++-22"}, "--verify-only", case, program=RUN)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "right" in done.stdout


@pytest.mark.parametrize("kind", ["random_bytes", "e4m3", "f32", "bf16"])
def test_random_data(kind):
    data = getattr(random_data, kind)(1, 10000)
    assert np.array_equal(getattr(random_data, kind)(1, 1000), data[:1000])
    assert len(np.unique(data)) > 250
    if kind == "f32":
        assert data.min() >= -1 and data.max() < 1


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """What cases.py makes of two small cases."""
    output = tmp_path_factory.mktemp("made")
    done = subprocess.run([sys.executable, str(ROOT / "benchmark/gpu/cases.py"), "--divide", "32", "--only",
                           "^int8_128_sm_80|^w4a16_gemv", str(output)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return output


def test_cases(made):
    assert sorted(path.name for path in made.iterdir()) == ["int8_128_sm_80", "w4a16_gemv"]
    product = (made / "int8_128_sm_80/case.txt").read_text().splitlines()
    assert product[0] == "work 2097152 0"
    assert product[1] == "target int8 128 128 128 0"
    assert product[2].startswith("hash 0 ")
    trace = (made / "int8_128_sm_80/trace.txt").read_text()
    # Activations are made again where they are measured.
    assert " 16384 bytes 1\n" in trace and "launch 0 " in trace and "\nread " in trace
    gemv = (made / "w4a16_gemv/case.txt").read_text().splitlines()
    assert gemv == ["work 32768 16896.0", "target copy 0.8", "target bf16 256 1 128 0", "rotate", "near 0 0 256 0"]


@pytest.mark.parametrize("name", ["int8_128_sm_80", "w4a16_gemv"])
def test_kernels_assemble(made, tmp_path, name):
    ptxas = shutil.which("ptxas") or "/usr/local/cuda/bin/ptxas"
    if not Path(ptxas).exists():
        pytest.skip("no ptxas")
    chip = "sm_80" if "sm_80" in name else "sm_90a"
    subprocess.run([ptxas, f"-arch={chip}", str(made / name / "module0.ptx"), "-o", str(tmp_path / "out")], check=True)


def test_what_is_made_is_read(made, environment):
    """The driver runs no PTX, so that results are wrong, but all else works."""
    done = run({**environment, "QFMT_FAKE_CUDA_KERNELS": ""}, "--verify-only", made)
    assert done.returncode == 1
    assert done.stdout.count("WRONG: ") == 2
    assert "output 0 differs from what the CPU computes" in done.stdout and "value 0 of output 0 is" in done.stdout
