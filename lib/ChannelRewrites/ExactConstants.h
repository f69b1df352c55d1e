// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Constants that a rewrite has computed, in double: what is stored is rounded
// to the type of the tensor, and the next rewrite goes on from the exact ones.

#ifndef QFMT_LIB_CHANNELREWRITES_EXACTCONSTANTS_H
#define QFMT_LIB_CHANNELREWRITES_EXACTCONSTANTS_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/DenseMap.h"
#include <optional>
#include <vector>

namespace mlir::qfmt {

class ExactConstants {
public:
  /// The elements of a constant tensor of static shape, row-major, also behind
  /// what ConstantTensor looks through; none if `value` is something else.
  std::optional<std::vector<double>> read(Value value) const;
  /// True if `read` gives something.
  bool holds(Value value) const;

  /// An arith.constant; none if a value is not finite in the type.
  std::optional<Value> create(OpBuilder &builder, Location loc,
                              RankedTensorType type,
                              std::vector<double> values, StringRef name);

  /// By arith.constant.
  const llvm::DenseMap<Operation *, std::vector<double>> &getTable() const {
    return table;
  }

private:
  llvm::DenseMap<Operation *, std::vector<double>> table;
};

} // namespace mlir::qfmt

#endif // QFMT_LIB_CHANNELREWRITES_EXACTCONSTANTS_H
