// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The part of NumberFormat that all formats share which are a table of values.
// A type that carries this trait has the methods `ValueTable buildTable()` and
// `double decodeUnused(uint64_t code)`, for codes that no value has.

#ifndef QFMT_IR_TABLEFORMAT_H
#define QFMT_IR_TABLEFORMAT_H

#include "mlir/IR/TypeSupport.h"
#include "mlir/IR/Types.h"
#include "qfmt/IR/NumberFormat.h"
#include "qfmt/Support/ValueTable.h"
#include "llvm/Support/MathExtras.h"

namespace mlir::qfmt {
namespace detail {
/// The table of a type of the dialect, built once. Safe to call from several
/// threads.
const ValueTable &getTable(Type type, function_ref<ValueTable()> build);
/// Signless iN for a format of N bits.
Type getCodeStorageType(MLIRContext *context, unsigned width);
} // namespace detail

template <typename ConcreteType>
class TableFormat : public TypeTrait::TraitBase<ConcreteType, TableFormat> {
public:
  const ValueTable &getTable() const {
    ConcreteType type = this->getInstance();
    return detail::getTable(type, [&] { return type.buildTable(); });
  }

  // Methods of NumberFormat. What makes no table, the type's verifier refuses.
  LogicalResult verifyFormat(function_ref<InFlightDiagnostic()>) const {
    return success();
  }
  unsigned getFormatWidth() const {
    return std::max(1u, llvm::Log2_64_Ceil(getTable().getCodeBound()));
  }
  double decodeCode(uint64_t code) const {
    code &= llvm::maskTrailingOnes<uint64_t>(getFormatWidth());
    if (std::optional<double> value = getTable().decode(code))
      return *value;
    return this->getInstance().decodeUnused(code);
  }
  uint64_t encodeReal(const ExactReal &value, RoundingMode rounding,
                      OverflowMode overflow, NaNMode nan) const {
    return getTable().encode(value, rounding, overflow, nan);
  }
  double getLargest() const { return getTable().getLargest(); }
  double getLowest() const { return getTable().getLowest(); }
  std::optional<IntegerGrid> getIntegerGrid() const {
    return getTable().getIntegerGrid();
  }
  Type getStorageType() const {
    return detail::getCodeStorageType(this->getInstance().getContext(),
                                      getFormatWidth());
  }
};

} // namespace mlir::qfmt

#endif // QFMT_IR_TABLEFORMAT_H
