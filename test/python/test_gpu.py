# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The integer-only networks of the examples as kernels.

On the simulator and on a Vulkan device their results are bit for bit those of the
code for CPUs. ptxas assembles every kernel for NVIDIA's chips without spilling
registers, spirv-val accepts those for Vulkan. Skipped where a judge is missing.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from ptx_tools import CHIPS, check_assembled

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "examples" / "shared"), str(ROOT / "examples" / "fashion-mnist"), str(ROOT / "python")]

import data  # noqa: E402
from images import PIXEL_FORMAT, to_floats  # noqa: E402
from levels import Levels  # noqa: E402
from qfmt.onnx_import import import_onnx  # noqa: E402
from qfmt.tools import find_tool, run_tool  # noqa: E402

NETWORKS = {
    "cnn": (
        ROOT / "examples" / "fashion-mnist" / "fashion_mnist.onnx",
        {"weights": "i8", "activations": "i8", "input_format": PIXEL_FORMAT},
    ),
    "transformer": (
        ROOT / "examples" / "vision-transformer" / "vision_transformer.onnx",
        {"weights": "i8", "activations": "i8", "wide_activations": "i16", "input_format": PIXEL_FORMAT},
    ),
}
IMAGES = 3


def load_images() -> tuple[np.ndarray, np.ndarray]:
    """Eight images for calibration and some others; noise where the data set is not there."""
    try:
        return data.load_images("train")[:8], data.load_images("test")[:IMAGES]
    except data.DatasetError as error:
        if "no such file" not in str(error):
            raise
    pixels = np.random.default_rng(1).integers(0, 256, (8 + IMAGES, 1, 28, 28), np.uint8)
    return pixels[:8], pixels[8:]


@pytest.fixture(scope="module", params=NETWORKS)
def network(request, tmp_path_factory):
    """A network at integer level, images, and the codes that a CPU computes of them."""
    training, test = load_images()
    source, encode = NETWORKS[request.param]
    folder = tmp_path_factory.mktemp(request.param)
    levels = Levels(folder, import_onnx(source, {}), {"image": to_floats(training)}, encode)
    images = folder / "images.npy"
    np.save(images, test.reshape(IMAGES, 1, 1, 28, 28))
    return levels.integer, images, run(levels.integer, images)


def run(module: Path, images: Path, *options: str) -> np.ndarray:
    output = images.parent / "output.npy"
    run_tool("qfmt-run", module, "--samples", f"--inputs={images}", f"--outputs={output}", *options)
    return np.load(output)


def needs_library(gpu: str) -> None:
    library = Path(find_tool("qfmt-run")).resolve().parents[1] / "lib" / f"libqfmt_{gpu}.so"
    if not library.exists():
        pytest.skip(f"{library} is not built")


def emit_kernels(module: Path, output: Path, *options: str) -> Path:
    run_tool("qfmt-run", module, "--emit=kernels", "-o", output, *options)
    return output


def find_program(name: str) -> str:
    path = shutil.which(name)
    if not path:
        pytest.skip(f"{name} is not installed")
    return path


def test_simulator_computes_what_the_cpu_does(network):
    needs_library("sim")
    module, images, expected = network
    found = run(module, images, "--gpu=sim")
    np.testing.assert_array_equal(found, expected)
    assert len(np.unique(expected)) > 4


def test_simulator_computes_the_same_by_wgmma(network):
    needs_library("sim")
    module, images, expected = network
    options = ["--gpu-chip=sm_90a", "--gpu-tier=wgmma"]
    kernels = emit_kernels(module, images.parent / "wgmma.ptx", "--gpu=cuda", *options)
    assert "wgmma.mma_async" in kernels.read_text()
    np.testing.assert_array_equal(run(module, images, "--gpu=sim", *options), expected)


def test_vulkan_device_computes_what_the_cpu_does(network):
    needs_library("vulkan")
    module, images, expected = network
    output = images.parent / "vulkan.npy"
    command = [find_tool("qfmt-run"), module, "--samples", f"--inputs={images}", f"--outputs={output}", "--gpu=vulkan"]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    if done.returncode == 77:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stderr
    np.testing.assert_array_equal(np.load(output), expected)


@pytest.mark.parametrize("chip", CHIPS)
def test_ptxas_assembles_all_kernels(network, chip):
    module, images, _ = network
    ptx = emit_kernels(module, images.parent / f"{chip}.ptx", "--gpu=cuda", f"--gpu-chip={chip}")
    text = ptx.read_text()
    kernels = re.findall(r"\.visible \.entry (\w+)", text)
    assert len(kernels) > 20 and ".extern" not in text
    check_assembled(text, chip, ptx.parent)


@pytest.mark.parametrize("chip, environment", [("vulkan1.1", "vulkan1.1"), ("vulkan1.3", "vulkan1.3")])
def test_spirv_is_valid(network, chip, environment):
    validator = find_program("spirv-val")
    module, images, _ = network
    code = emit_kernels(module, images.parent / f"{chip}.spv", "--gpu=vulkan", f"--gpu-chip={chip}")
    done = subprocess.run([validator, "--target-env", environment, code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_amd_has_all_kernels(network):
    module, images, _ = network
    text = emit_kernels(module, images.parent / "gfx942.s", "--gpu=rocm").read_text()
    assert text.count("s_endpgm") > 20 and "scratch_store" not in text
