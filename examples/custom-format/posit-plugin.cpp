// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The dialect as a plugin:
//
//   qfmt-opt --load-dialect-plugin=PositPlugin.so
//   mlir-opt --load-dialect-plugin=QFmtPlugin.so
//   --load-dialect-plugin=PositPlugin.so

#include "Posit.h"
#include "mlir/Tools/Plugins/DialectPlugin.h"
#include "llvm/Config/llvm-config.h"

extern "C" LLVM_ATTRIBUTE_VISIBILITY_DEFAULT mlir::DialectPluginLibraryInfo
mlirGetDialectPluginInfo() {
  return {MLIR_PLUGIN_API_VERSION, "Posit", LLVM_VERSION_STRING,
          [](mlir::DialectRegistry *registry) {
            registry->insert<posit::PositDialect>();
          }};
}
