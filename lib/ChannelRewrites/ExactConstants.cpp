// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ExactConstants.h"
#include "qfmt/IR/ConstantData.h"
#include <cmath>

using namespace mlir;
using namespace mlir::qfmt;

std::optional<ConstantTensor> ExactConstants::read(Value value) const {
  return ConstantTensor::read(value, getLookup());
}

Value ExactConstants::create(OpBuilder &builder, Location loc,
                             RankedTensorType type, std::vector<double> values,
                             StringRef name) {
  for (double value : values)
    if (!std::isfinite(static_cast<float>(value)))
      return {};
  auto constant =
      arith::ConstantOp::create(builder, loc, makeFloats(type, values, name));
  table[constant] = std::move(values);
  return constant;
}
