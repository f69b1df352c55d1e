// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where the tables of formats are kept: in the dialect, one a type.

#include "qfmt/IR/TableFormat.h"
#include "qfmt/IR/QFmt.h"

using namespace mlir;
using namespace mlir::qfmt;

const ValueTable &
mlir::qfmt::detail::getTable(Type type, function_ref<ValueTable()> build) {
  return cast<QFmtDialect>(type.getDialect()).getTable(type, build);
}

Type mlir::qfmt::detail::getCodeStorageType(MLIRContext *context,
                                            unsigned width) {
  return IntegerType::get(context, width);
}

const ValueTable &QFmtDialect::getTable(Type type,
                                        function_ref<ValueTable()> build) {
  {
    llvm::sys::SmartScopedReader<true> lock(tablesMutex);
    auto known = tables.find(type);
    if (known != tables.end())
      return *known->second;
  }
  auto table = std::make_unique<ValueTable>(build());
  llvm::sys::SmartScopedWriter<true> lock(tablesMutex);
  // Another thread may have been faster; references to its table stay valid.
  return *tables.try_emplace(type, std::move(table)).first->second;
}
