// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a number format does, as tables: the value of each code, and the reals
// at which the code that a real rounds to changes. Computed from NumberFormat
// alone, once a format and context.

#ifndef QFMT_LIB_TRANSFORMS_FORMATLOWERING_STEPS_H
#define QFMT_LIB_TRANSFORMS_FORMATLOWERING_STEPS_H

#include "mlir/IR/DialectInterface.h"
#include "qfmt/Transforms/FormatLowering.h"
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace mlir::qfmt {

/// The widest codes for which there are tables.
inline constexpr unsigned kMaxTableBits = 16;

/// The value of every code, and what the finite ones need.
struct DecodeTable {
  std::vector<double> values;
  ExactRange range;
};

/// The codes that the numbers of f64, NaN apart, become in their order, in
/// which -0 is below +0.
struct EncodeSteps {
  /// codes[0] is that of -infinity.
  std::vector<uint64_t> codes;
  /// starts[i] is the first number that becomes codes[i + 1].
  std::vector<double> starts;
  uint64_t nanCode;
  /// Why there is none of this, in words fit for a diagnostic, or empty.
  std::string error;

  /// The same for the numbers of f32.
  EncodeSteps inF32() const;
  /// True if a step lies between -0 and +0.
  bool splitsZero() const;
};

/// The tables of the formats of one context. Safe to use from several threads.
class FormatTables : public DialectInterface::Base<FormatTables> {
public:
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(FormatTables)

  explicit FormatTables(Dialect *dialect) : Base(dialect) {}

  /// Those of the context of `format`, which has the qfmt dialect.
  static const FormatTables &get(NumberFormat format);

  /// Of at most kMaxTableBits bits.
  const DecodeTable &getDecodeTable(NumberFormat format) const;
  const EncodeSteps &getEncodeSteps(NumberFormat format,
                                    const EncodeModes &modes) const;
  CodeEmitter::QuotientNeeds getQuotientNeeds(NumberFormat format,
                                              const EncodeModes &modes) const;

private:
  /// A format and its modes.
  using Key = std::pair<const void *, unsigned>;
  static Key getKey(NumberFormat format, const EncodeModes &modes);
  template <typename T, typename MapT>
  const T &lookup(MapT &map, typename MapT::key_type key,
                  function_ref<T()> compute) const;

  mutable std::mutex mutex;
  mutable std::map<const void *, std::unique_ptr<DecodeTable>> decodeTables;
  mutable std::map<Key, std::unique_ptr<EncodeSteps>> encodeSteps;
  mutable std::map<Key, std::unique_ptr<CodeEmitter::QuotientNeeds>> needs;
};

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_FORMATLOWERING_STEPS_H
