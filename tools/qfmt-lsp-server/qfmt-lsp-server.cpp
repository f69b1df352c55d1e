// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Language server for MLIR files that use the qfmt dialect.

#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/Tools/mlir-lsp-server/MlirLspServerMain.h"
#include "qfmt/InitAll.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  mlir::qfmt::registerAllQFmtDialects(registry);
  return mlir::failed(mlir::MlirLspServerMain(argc, argv, registry));
}
