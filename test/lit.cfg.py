# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# How lit runs the tests of this directory.
import os
import platform
import shutil

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
for name in ("HOME", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS"):
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
