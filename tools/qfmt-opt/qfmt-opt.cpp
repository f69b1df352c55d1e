// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// mlir-opt with the qfmt dialect and passes.

#include "ListFormats.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "qfmt/InitAll.h"
#include "llvm/ADT/Statistic.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/ManagedStatic.h"

/// --list-formats and --list-formats=json print and exit, as --version does.
static void registerListFormats() {
  static llvm::cl::opt<std::string> list(
      "list-formats",
      llvm::cl::desc("Print the formats that have names and exit; "
                     "--list-formats=json with all of their values"),
      llvm::cl::ValueOptional, llvm::cl::value_desc("json"),
      llvm::cl::callback([](const std::string &style) {
        if (!style.empty() && style != "json") {
          llvm::errs() << "error: --list-formats takes json or nothing, found '"
                       << style << "'\n";
          exit(1);
        }
        style.empty() ? mlir::qfmt::listFormats(llvm::outs())
                      : mlir::qfmt::listFormatsAsJson(llvm::outs());
        exit(0);
      }));
}

namespace {
/// Prints when LLVM shuts down, which MlirOptMain does before it returns.
struct StatisticsPrinter {
  ~StatisticsPrinter() { llvm::PrintStatistics(llvm::errs()); }
};
} // namespace

/// --qfmt-statistics: what the passes of qfmt have counted. They count with
/// LLVM's TrackingStatistic. A pass's own statistics, `let statistics` in
/// Passes.td, are of another layout in an LLVM built without assertions, as
/// distributions build it, than in a program built with them: they would stay
/// uninitialized here, and such an LLVM prints none.
static void registerStatistics() {
  static llvm::ManagedStatic<StatisticsPrinter> printer;
  static llvm::cl::opt<bool> print(
      "qfmt-statistics",
      llvm::cl::desc("Print at the end what the passes of qfmt have counted"),
      llvm::cl::callback([](const bool &value) {
        if (!value)
          return;
        llvm::EnableStatistics(/*DoPrintOnExit=*/false);
        // What is made last goes first: the counts are still there.
        llvm::GetStatistics();
        (void)*printer;
      }));
}

int main(int argc, char **argv) {
  registerListFormats();
  registerStatistics();
  mlir::registerAllPasses();
  mlir::qfmt::registerAllQFmtPasses();

  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  mlir::qfmt::registerAllQFmtDialects(registry);
  return mlir::asMainReturnCode(
      mlir::MlirOptMain(argc, argv, "qfmt optimizer driver\n", registry));
}
