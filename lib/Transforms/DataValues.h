// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which values of a function depend on its arguments, not on constants alone.

#ifndef QFMT_LIB_TRANSFORMS_DATAVALUES_H
#define QFMT_LIB_TRANSFORMS_DATAVALUES_H

#include "mlir/Interfaces/FunctionInterfaces.h"

namespace mlir::qfmt {

/// The values that depend on the arguments of a function. Sizes are none: an
/// index never makes a tensor data.
class DataValues {
public:
  explicit DataValues(FunctionOpInterface function);

  bool contains(Value value) const { return values.contains(value); }

private:
  void insert(Value value);
  bool readsData(Operation *op) const;

  llvm::DenseSet<Value> values;
};

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_DATAVALUES_H
