// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The blocks of a tensor and the scale that each of them has: the part that
// tensor formats share. Labels (C..) are those of docs/spec.md.

#ifndef QFMT_LIB_IR_FORMATS_BLOCKSCALE_H
#define QFMT_LIB_IR_FORMATS_BLOCKSCALE_H

#include "qfmt/IR/QFmt.h"

namespace mlir::qfmt {

//===----------------------------------------------------------------------===//
// Syntax
//===----------------------------------------------------------------------===//

/// `[` (size | `*`) (`,` ...)* `]`, where `*` becomes ScaledAttr::kWhole.
ParseResult parseBlock(AsmParser &parser, SmallVectorImpl<int64_t> &block);
/// A number, a number format, or a tensor format.
ParseResult parseScale(AsmParser &parser, Attribute &scale);
/// A number, a type or an encoding, as the parsers read it.
void printParameter(AsmPrinter &printer, Attribute parameter);

/// For diagnostics: -1, 0.0235, 1e-60, nan.
std::string toString(double value);

//===----------------------------------------------------------------------===//
// Meaning
//===----------------------------------------------------------------------===//

/// What the parameters `block` and `scale` say. A view: it owns nothing.
class BlockScale {
public:
  BlockScale(ArrayRef<int64_t> block, Attribute scale)
      : block(block), scale(scale) {}

  /// (C4) Omits a scale of 1 and a block of only `*`.
  static void normalize(ArrayRef<int64_t> &block, Attribute &scale);

  /// `, block = [...], scale = ...`, what is there of it.
  void print(AsmPrinter &printer) const;

  /// (C3), (C5), (C11).
  LogicalResult verify(function_ref<InFlightDiagnostic()> emitError) const;
  /// (C6) Blocks are those of a scale constituent and nothing else.
  LogicalResult
  verifyBlockIsOfScale(function_ref<InFlightDiagnostic()> emitError) const;
  /// (C1), (C3), (C5): constraints on the tensor.
  LogicalResult
  verifyTensor(ArrayRef<int64_t> shape, Type elementType,
               function_ref<InFlightDiagnostic()> emitError) const;

  /// The static scale, read as (C7) says (1 if omitted); none if it is a
  /// constituent.
  std::optional<double> getStaticNumber(Type elementType) const;
  /// Of a constituent that is itself encoded.
  TensorFormat getEncoding() const;
  /// Of a constituent that is not.
  Type getFormat() const;
  bool isStatic() const { return !getFormat() && !getEncoding(); }

  /// One entry a block: ceildiv(d, block), 1 for `*`; dynamic sizes stay
  /// dynamic.
  SmallVector<int64_t> getGrid(ArrayRef<int64_t> shape) const;
  /// The scale's constituents, appended.
  void addConstituents(ArrayRef<int64_t> shape,
                       SmallVectorImpl<Constituent> &parts) const;
  /// What TensorFormat::getConstituentBlocks answers for the payload and the
  /// scale's constituents, appended; false if there is no answer.
  bool addConstituentBlocks(int64_t rank,
                            SmallVectorImpl<SmallVector<int64_t>> &boxes) const;
  /// One entry a dimension, `*` for a block that is omitted.
  SmallVector<int64_t> getFullBlock(int64_t rank) const;
  /// What TensorFormat::getBlockShape answers; `isStatic` if no constituent but
  /// the payload exists.
  SmallVector<int64_t> getBlockShape(int64_t rank, bool isStatic) const;

private:
  LogicalResult
  verifyNumber(FloatAttr number,
               function_ref<InFlightDiagnostic()> emitError) const;

  ArrayRef<int64_t> block;
  Attribute scale;
};

/// A constituent of `format` and the storage type that it has.
Constituent makeConstituent(StringRef name, Type format,
                            ArrayRef<int64_t> shape);

} // namespace mlir::qfmt

#endif // QFMT_LIB_IR_FORMATS_BLOCKSCALE_H
