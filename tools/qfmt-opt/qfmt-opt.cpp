// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// mlir-opt with the qfmt dialect and passes.

#include "qfmt/InitAll.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  mlir::registerAllPasses();
  mlir::qfmt::registerAllQFmtPasses();

  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  mlir::qfmt::registerAllQFmtDialects(registry);
  return mlir::asMainReturnCode(
      mlir::MlirOptMain(argc, argv, "qfmt optimizer driver\n", registry));
}
