# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# MLIR's headers take most of the time that a file of qfmt takes to compile. With QFMT_PRECOMPILE_HEADERS they are parsed once,
# for all libraries that include them (programs are compiled with other flags): these take a third of the time. Only headers of LLVM and MLIR are in it, which do not change; what a file
# includes, it has to include by itself nevertheless: other builds are without.

set(QFMT_PRECOMPILED_HEADERS
  mlir/Dialect/Arith/IR/Arith.h
  mlir/Dialect/Func/IR/FuncOps.h
  mlir/Dialect/Linalg/IR/Linalg.h
  mlir/Dialect/Math/IR/Math.h
  mlir/Dialect/SCF/IR/SCF.h
  mlir/Dialect/Tensor/IR/Tensor.h
  mlir/IR/BuiltinOps.h
  mlir/IR/Matchers.h
  mlir/IR/PatternMatch.h
  mlir/Pass/Pass.h
  mlir/Transforms/DialectConversion.h
  llvm/ADT/STLExtras.h
  llvm/ADT/StringExtras.h
  llvm/ADT/TypeSwitch.h
  llvm/Support/FormatVariadic.h
)

# For a library with the flags of add_qfmt_library.
function(qfmt_precompile_headers target)
  if(NOT QFMT_PRECOMPILE_HEADERS)
    return()
  endif()
  if(NOT TARGET QFmtPrecompiled)
    file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/precompiled.cpp" CONTENT "// Nothing but the headers.\n")
    add_library(QFmtPrecompiled OBJECT "${PROJECT_BINARY_DIR}/precompiled.cpp")
    target_include_directories(QFmtPrecompiled SYSTEM PRIVATE ${MLIR_INCLUDE_DIRS} ${LLVM_INCLUDE_DIRS})
    target_compile_definitions(QFmtPrecompiled PRIVATE ${_qfmt_llvm_definitions})
    target_link_libraries(QFmtPrecompiled PRIVATE MLIR LLVM QFmtBuildFlags)
    set(headers ${QFMT_PRECOMPILED_HEADERS})
    list(TRANSFORM headers REPLACE "(.+)" "$<$<COMPILE_LANGUAGE:CXX>:<\\1$<ANGLE-R>>")
    target_precompile_headers(QFmtPrecompiled PRIVATE ${headers})
  endif()
  target_precompile_headers(${target} REUSE_FROM QFmtPrecompiled)
endfunction()
