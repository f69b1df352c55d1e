# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# How lit runs the tests of this directory.
import os
import platform
import shutil
import subprocess

import lit.formats

config.name = "QFMT"
config.test_format = lit.formats.ShTest(execute_external=True)
config.suffixes = [".mlir", ".test"]
config.excludes = ["Inputs", "CMakeLists.txt", "python"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(config.qfmt_obj_root, "test")

# Our tools first, then those of the LLVM that we were built with.
config.environment["PATH"] = os.pathsep.join(
    [config.qfmt_tools_dir, config.llvm_tools_dir, config.environment.get("PATH", "")]
)
for name in ("HOME", "GLIBC_TUNABLES", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS"):
    if name in os.environ:
        config.environment[name] = os.environ[name]

# LLVM's own tools, by the directory that CMake found, never by what PATH holds.
for tool in ("FileCheck", "not", "count", "mlir-opt", "mlir-translate", "llvm-nm", "llvm-objdump", "llvm-readelf"):
    path = os.path.join(config.llvm_tools_dir, tool)
    if os.path.exists(path):
        config.substitutions.append((r"(?<![-\w./])%s(?![-\w./])" % tool, path))

config.substitutions.append(("%python", '"%s"' % config.python))
config.substitutions.append(("%cc", config.c_compiler))
config.substitutions.append(("%qfmt_plugin", os.path.join(config.qfmt_lib_dir, "QFmtPlugin.so")))
config.substitutions.append(("%qfmt_lib", config.qfmt_lib_dir))
config.substitutions.append(("%qfmt_src", config.qfmt_src_root))
# Writes and compares .npy files: %npy make F dtype shape values..., %npy print F.
config.substitutions.append(
    ("%npy", '"%s" "%s"' % (config.python, os.path.join(config.test_source_root, "Inputs", "npy.py")))
)

# A stock mlir-opt cannot load a sanitized plugin, nor a plain program link our libraries.
if config.sanitizers:
    config.available_features.add("sanitized")
if config.have_mlir_opt:
    config.available_features.add("mlir-opt")
# x86_64, aarch64, ...: code is generated for the kind of machine that runs.
config.available_features.add(platform.machine().lower())
# What code for several threads needs, where it is not in LLVM itself.
if os.path.exists(config.openmp_library):
    config.available_features.add("openmp")
    config.substitutions.append(("%openmp", config.openmp_library))
if shutil.which(config.c_compiler):
    config.available_features.add("cc")

# What kernels for GPUs are judged by, where it is installed. `vulkan`: there is a device, a processor's (lavapipe) for example.
for name in ("sim", "vulkan", "cuda"):
    if os.path.exists(os.path.join(config.qfmt_lib_dir, "libqfmt_%s.so" % name)):
        config.available_features.add("gpu-" + name)


def has_vulkan_device():
    library = os.path.join(config.qfmt_lib_dir, "libqfmt_vulkan.so")
    if not os.path.exists(library):
        return False
    # In a process of its own: drivers may do anything.
    probe = "import ctypes, sys; sys.exit(ctypes.CDLL(sys.argv[1]).qfmtGpuOpen(b''))"
    done = subprocess.run([config.python, "-c", probe, library], capture_output=True)
    return done.returncode == 0


if has_vulkan_device():
    config.available_features.add("vulkan")
for name, places in (("ptxas", "/usr/local/cuda/bin"), ("spirv-val", None)):
    path = shutil.which(name) or (places and shutil.which(name, path=places))
    if path:
        config.available_features.add(name)
        config.substitutions.append((r"(?<![-\w./])%s(?![-\w./])" % name, path))
