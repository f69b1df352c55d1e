//===- DecodedTables.cpp - Decoded factors that are sums of entries -------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Finds out whether the body of a DecodedFactor adds up entries of tables, by
// codes that are the same for several rows, and what these entries are.
//
//===----------------------------------------------------------------------===//

#include "DecodedSource.h"
#include "TableProduct.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "qfmt/CodeGen/Products/BodyEvaluation.h"
#include "llvm/ADT/bit.h"
#include <cmath>

namespace mlir::qfmt {

/// Codes of more bits have tables that take as long as the products.
constexpr unsigned kMaxCodeBits = 8;
constexpr int64_t kMaxPeriod = 64;
/// More tables take longer than the products. A sum whose terms are sums of
/// themselves has exponentially many.
constexpr int64_t kMaxTables = 64;

/// The number that is rounded to or from f64 alone, which only adds precision.
static Value skipConversions(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    bool isExtension = isa<arith::ExtFOp>(op);
    bool isRounding = isa<arith::TruncFOp>(op) && value.getType().isF32();
    if (!isExtension && !isRounding)
      break;
    value = op->getOperand(0);
  }
  return value;
}

class DecodedFactor::TableFinder {
public:
  explicit TableFinder(const DecodedFactor &factor) : factor(factor) {}

  std::optional<CodeSums> find() {
    sums.period = 0;
    sums.scales.assign(factor.n, 1);
    Value rest = skipConversions(factor.result);
    while (auto product = rest.getDefiningOp<arith::MulFOp>()) {
      Value left = product.getLhs(), right = product.getRhs();
      if (multiplyScales(left))
        rest = skipConversions(right);
      else if (multiplyScales(right))
        rest = skipConversions(left);
      else
        return std::nullopt;
    }
    if (!addTables(rest) || sums.period < 2 || factor.k % sums.period != 0)
      return std::nullopt;
    return std::move(sums);
  }

private:
  const Source *getSource(BlockArgument argument) const {
    for (const Source &source : factor.sources)
      if (source.argument == argument)
        return &source;
    return nullptr;
  }

  static std::optional<float> getNumber(Attribute attr) {
    auto real = dyn_cast_or_null<FloatAttr>(attr);
    if (!real || !real.getValue().isFinite())
      return std::nullopt;
    return float(real.getValueAsDouble());
  }

  /// False if `value` is something else than a scale of each column, or if a
  /// product of scales would lose bits or be infinite.
  bool multiplyScales(Value value) {
    auto arguments = getArgumentsOf(value);
    if (!arguments || !llvm::all_of(*arguments, [&](BlockArgument argument) {
          const Source *source = getSource(argument);
          return source && !source->isFunction() && source->period == 0;
        }))
      return false;
    std::vector<float> scales;
    for (int64_t n = 0; n < factor.n; ++n) {
      auto number = getNumber(evaluateBody(value, [&](BlockArgument argument) {
        return getSource(argument)->getElement(n, 0);
      }));
      if (!number)
        return false;
      scales.push_back(*number);
    }
    for (auto [all, scale] : llvm::zip_equal(sums.scales, scales)) {
      all *= scale;
      if (all != 0 && !std::isnormal(all))
        return false;
    }
    return true;
  }

  bool addTables(Value value) {
    value = skipConversions(value);
    if (auto add = value.getDefiningOp<arith::AddFOp>())
      return addTables(add.getLhs()) && addTables(add.getRhs());
    return addTable(value);
  }

  /// The argument of the only code, if the others are functions of the row that
  /// repeat with its period.
  const Source *findCode(ArrayRef<BlockArgument> arguments) {
    const Source *code = nullptr;
    for (BlockArgument argument : arguments) {
      const Source *source = getSource(argument);
      if (!source || (code && !source->isFunction()))
        return nullptr;
      if (!source->isFunction())
        code = source;
    }
    if (!code || code->period < 2 || code->period > kMaxPeriod ||
        code->getElementBits() > kMaxCodeBits ||
        (sums.period != 0 && sums.period != code->period))
      return nullptr;
    for (BlockArgument argument : arguments)
      for (int64_t row = 0; row < factor.k; ++row)
        if (const Source *source = getSource(argument);
            source->isFunction() &&
            source->getFunction(row) != source->getFunction(row % code->period))
          return nullptr;
    return code;
  }

  bool addTable(Value value) {
    if (++numTables > kMaxTables)
      return false;
    auto arguments = getArgumentsOf(value);
    const Source *code = arguments ? findCode(*arguments) : nullptr;
    if (!code || !value.getType().isF32())
      return false;
    sums.period = code->period;
    int64_t numCodes = int64_t(1) << code->getElementBits();
    sums.numCodes = std::max<int64_t>(numCodes, kColumnsPerBlock);
    std::vector<float> entries(sums.period * sums.numCodes);
    for (int64_t i = 0; i < numCodes; ++i)
      for (int64_t j = 0; j < sums.period; ++j) {
        auto number =
            getNumber(evaluateBody(value, [&](BlockArgument argument) {
              const Source *source = getSource(argument);
              if (!source->isFunction())
                return getElementAttr(source->constant->elementType, i);
              return Attribute(
                  IntegerAttr::get(IndexType::get(argument.getContext()),
                                   source->getFunction(j)));
            }));
        if (!number)
          return false;
        entries[j * sums.numCodes + i] = *number;
      }
    sums.tables.push_back(std::move(entries));
    std::vector<uint8_t> codes;
    for (int64_t row = 0; row < factor.k; row += sums.period)
      for (int64_t n = 0; n < factor.n; ++n)
        codes.push_back(code->getBits(n, row));
    sums.codes.push_back(std::move(codes));
    // Tables of one size.
    return sums.tables.front().size() == sums.tables.back().size();
  }

  const DecodedFactor &factor;
  CodeSums sums;
  int64_t numTables = 0;
};

std::optional<CodeSums> DecodedFactor::findTables() const {
  return TableFinder(*this).find();
}

} // namespace mlir::qfmt
