// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The dialect and its passes as a plugin of a stock mlir-opt:
//
//   mlir-opt --load-dialect-plugin=QFmtPlugin.so
//       --load-pass-plugin=QFmtPlugin.so
//       --pass-pipeline='builtin.module(qfmt-...)'

#include "mlir/Tools/Plugins/DialectPlugin.h"
#include "mlir/Tools/Plugins/PassPlugin.h"
#include "qfmt/InitAll.h"
#include "llvm/Config/llvm-config.h"

extern "C" LLVM_ATTRIBUTE_VISIBILITY_DEFAULT mlir::DialectPluginLibraryInfo
mlirGetDialectPluginInfo() {
  return {MLIR_PLUGIN_API_VERSION, "QFmt", LLVM_VERSION_STRING,
          [](mlir::DialectRegistry *registry) {
            mlir::qfmt::registerAllQFmtDialects(*registry);
          }};
}

extern "C" LLVM_ATTRIBUTE_VISIBILITY_DEFAULT mlir::PassPluginLibraryInfo
mlirGetPassPluginInfo() {
  return {MLIR_PLUGIN_API_VERSION, "QFmt", LLVM_VERSION_STRING,
          [] { mlir::qfmt::registerAllQFmtPasses(); }};
}
