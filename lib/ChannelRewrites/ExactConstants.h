// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Constants that a rewrite has computed, in double: what is stored is rounded
// to the type of the tensor, and the next rewrite goes on from the exact ones.

#ifndef QFMT_LIB_CHANNELREWRITES_EXACTCONSTANTS_H
#define QFMT_LIB_CHANNELREWRITES_EXACTCONSTANTS_H

#include "../Transforms/ConstantTensor.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/DenseMap.h"

namespace mlir::qfmt {

class ExactConstants {
public:
  /// The elements of a constant f32 tensor of static shape, as
  /// ConstantTensor::read finds it; none if `value` is something else.
  std::optional<ConstantTensor> read(Value value) const;

  /// An arith.constant; null if a value is not finite in the type.
  Value create(OpBuilder &builder, Location loc, RankedTensorType type,
               std::vector<double> values, StringRef name);

  /// What passes read, for ConstantTensor and WeightedSum. It refers to this.
  auto getLookup() const {
    return [this](Operation *constant) -> const std::vector<double> * {
      auto found = table.find(constant);
      return found == table.end() ? nullptr : &found->second;
    };
  }

  /// Row-major elements by arith.constant. What is in here is never erased
  /// while a rewrite goes on.
  const llvm::DenseMap<Operation *, std::vector<double>> &getTable() const {
    return table;
  }

private:
  llvm::DenseMap<Operation *, std::vector<double>> table;
};

} // namespace mlir::qfmt

#endif // QFMT_LIB_CHANNELREWRITES_EXACTCONSTANTS_H
