// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Verifiers and builders of the qfmt operations. Labels (C..) are those of
// docs/spec.md. Folders are in QFmtFolds.cpp.

#include "mlir/IR/Builders.h"
#include "mlir/IR/TypeUtilities.h"
#include "qfmt/IR/PackedSize.h"
#include "qfmt/IR/QFmt.h"
#include "llvm/ADT/TypeSwitch.h"
#include <cmath>

using namespace mlir;
using namespace mlir::qfmt;

#define GET_OP_CLASSES
#include "qfmt/IR/QFmtOps.cpp.inc"

/// (C20) Shape and logical type stay the same.
static LogicalResult verifySameLogicalType(Operation *op) {
  auto getLogicalType = [](Type type) {
    EncodedTensorType encoded = EncodedTensorType::get(type);
    return encoded ? Type(encoded.getLogicalType()) : type;
  };
  Type input = op->getOperand(0).getType(), result = op->getResult(0).getType();
  if (getLogicalType(input) == getLogicalType(result))
    return success();
  return op->emitOpError()
         << "needs the same shape and logical type on both sides, found "
         << input << " and " << result;
}

/// (C21) Only consecutive multiples of a unit wrap around.
template <typename OpT>
static LogicalResult verifyOverflow(OpT op) {
  if (op.getOverflow() != OverflowMode::Wrap)
    return success();
  auto encoded = EncodedTensorType::get(op.getResult().getType());
  Constituent payload = encoded.getConstituents().front();
  if (cast<NumberFormat>(payload.format).canWrap())
    return success();
  return op.emitOpError() << "overflow = wrap needs an integer or fixed-point "
                             "format all of whose codes are used, found "
                          << payload.format << "; use saturate or infinity";
}

/// (C22) Only absmax says something of zero points.
template <typename OpT>
static LogicalResult verifyScaleRule(OpT op) {
  ScaleRule rule = op.getScaleRule();
  if (rule == ScaleRule::AbsMax)
    return success();
  auto encoded = EncodedTensorType::get(op.getResult().getType());
  // The rule is that of a nested scale, too.
  for (const Constituent &part : encoded.getConstituents())
    if (StringRef(part.name).ends_with("zero_point"))
      return op.emitOpError()
             << "scale_rule = " << stringifyScaleRule(rule)
             << " defines no zero point, but that of " << encoded.getType()
             << " is computed at run time; use absmax";
  return success();
}

/// (C35) Given are all constituents but the payload, and then no rule is left
/// to choose them.
template <typename OpT>
static LogicalResult verifyGiven(OpT op) {
  if (op.getGiven().empty())
    return success();
  if (op.getScaleRule() != ScaleRule::AbsMax)
    return op.emitOpError()
           << "takes either given constituents or scale_rule = "
           << stringifyScaleRule(op.getScaleRule()) << ", drop one of them";
  SmallVector<Constituent> parts =
      EncodedTensorType::get(op.getResult().getType()).getConstituents();
  ArrayRef<Constituent> wanted = ArrayRef(parts).drop_front();
  if (wanted.size() != op.getGiven().size()) {
    InFlightDiagnostic diag = op.emitOpError() << "needs ";
    if (wanted.empty())
      diag << "no given constituent";
    else
      llvm::interleaveComma(
          wanted, diag << "the given constituents (",
          [&](const Constituent &part) { diag << part.name; });
    return diag << (wanted.empty() ? "" : ")") << " for "
                << op.getResult().getType() << ", found "
                << op.getGiven().size();
  }
  for (auto [part, value] : llvm::zip(wanted, op.getGiven()))
    if (part.type != value.getType())
      return op.emitOpError()
             << "given constituent '" << part.name << "' must be " << part.type
             << ", found " << value.getType();
  return success();
}

/// (C36) The seed takes the place of a rounding mode.
template <typename OpT>
static LogicalResult verifyStochastic(OpT op) {
  if (!op.getStochasticSeed() || op.getRounding() == RoundingMode::HalfEven)
    return success();
  return op.emitOpError() << "rounds either stochastically or by rounding = "
                          << stringifyRoundingMode(op.getRounding())
                          << ", drop one of them";
}

/// What `quantize` and `convert` share.
template <typename OpT>
static LogicalResult verifyEncode(OpT op) {
  if (failed(verifyOverflow(op)) || failed(verifyScaleRule(op)) ||
      failed(verifyGiven(op)) || failed(verifyStochastic(op)))
    return failure();
  EncodeRequest request;
  request.rounding = op.getRounding();
  request.overflow = op.getOverflow();
  request.nan = op.getNan();
  request.scaleRule = op.getScaleRule();
  request.isStochastic = op.getStochasticSeed().has_value();
  request.isGiven = !op.getGiven().empty();
  return EncodedTensorType::get(op.getResult().getType())
      .getFormat()
      .verifyEncode(request, [&] { return op.emitOpError(); });
}

LogicalResult QuantizeOp::verify() {
  if (failed(verifySameLogicalType(*this)))
    return failure();
  return verifyEncode(*this);
}

LogicalResult DequantizeOp::verify() { return verifySameLogicalType(*this); }

LogicalResult ConvertOp::verify() {
  if (failed(verifySameLogicalType(*this)))
    return failure();
  return verifyEncode(*this);
}

/// (C25) Constituents have the number, order and types that the encoding says.
static LogicalResult verifyConstituents(Operation *op, RankedTensorType encoded,
                                        TypeRange found) {
  SmallVector<Constituent> parts =
      EncodedTensorType::get(encoded).getConstituents();
  if (parts.size() != found.size()) {
    InFlightDiagnostic diag = op->emitOpError()
                              << "needs " << parts.size() << " constituents (";
    llvm::interleaveComma(parts, diag,
                          [&](const Constituent &part) { diag << part.name; });
    return diag << ") for " << encoded << ", found " << found.size();
  }
  for (auto [part, type] : llvm::zip(parts, found))
    if (part.type != type)
      return op->emitOpError() << "constituent '" << part.name << "' must be "
                               << part.type << ", found " << type;
  return success();
}

LogicalResult AssembleOp::verify() {
  return verifyConstituents(*this, getResult().getType(),
                            getConstituents().getTypes());
}

void ConstituentsOp::build(OpBuilder &builder, OperationState &state,
                           Value input) {
  build(builder, state,
        EncodedTensorType::get(input.getType()).getConstituentTypes(), input);
}

LogicalResult ConstituentsOp::verify() {
  return verifyConstituents(*this, getInput().getType(),
                            getConstituents().getTypes());
}

/// (C30), (C37), (C38) What is elementwise has scalars, vectors or tensors of
/// known rank.
static LogicalResult verifyRanks(Operation *op) {
  for (Type type :
       llvm::concat<const Type>(op->getOperandTypes(), op->getResultTypes()))
    if (isa<UnrankedTensorType>(type))
      return op->emitOpError()
             << "needs scalars, vectors or ranked tensors, found " << type;
  return success();
}

LogicalResult DyadicScaleOp::verify() {
  if (failed(verifyRanks(*this)))
    return failure();
  // (C30) The product is computed in 64 bits.
  for (Value operand : getOperands())
    if (!getElementTypeOrSelf(operand.getType()).isInteger() ||
        getElementTypeOrSelf(operand.getType()).getIntOrFloatBitWidth() > 64)
      return emitOpError() << "operands are integers of at most 64 bits, found "
                           << operand.getType();
  Type result = getElementTypeOrSelf(getResult().getType());
  if (!result.isInteger() || result.getIntOrFloatBitWidth() > 64)
    return emitOpError()
           << "the result is an integer of at most 64 bits, found "
           << getResult().getType();
  // (C32) What rounds twice has its two modes.
  if (getDoubleRounding() && getRounding() != RoundingMode::HalfEven)
    return emitOpError() << "double_rounding has rounding modes of its own, "
                            "drop rounding = "
                         << stringifyRoundingMode(getRounding());
  return success();
}

//===----------------------------------------------------------------------===//
// Codes in bytes
//===----------------------------------------------------------------------===//

/// (C60) The bytes hold the codes without gaps.
static LogicalResult verifyPacking(Operation *op, RankedTensorType codes,
                                   RankedTensorType bytes,
                                   CodePacking packing) {
  auto code = dyn_cast<IntegerType>(codes.getElementType());
  if (!code || !code.isSignless() || code.getWidth() < 1 || code.getWidth() > 8)
    return op->emitOpError() << "codes are signless integers of 1 to 8 bits, "
                                "found "
                             << codes;
  if (packing == CodePacking::Base3 && code.getWidth() != 2)
    return op->emitOpError()
           << "packing = base3 needs codes of 2 bits, found " << codes;
  if (!codes.hasStaticShape() || !bytes.hasStaticShape())
    return op->emitOpError()
           << "needs static shapes, found " << codes << " and " << bytes;
  FailureOr<int64_t> size = getPackedSize(codes, code.getWidth(), packing,
                                          [&] { return op->emitOpError(); });
  if (failed(size))
    return failure();
  if (bytes.getRank() != 1 || !bytes.getElementType().isSignlessInteger(8) ||
      bytes.getDimSize(0) != *size)
    return op->emitOpError() << codes << " packs into tensor<" << *size
                             << "xi8>, found " << bytes;
  return success();
}

LogicalResult PackOp::verify() {
  return verifyPacking(*this, getCodes().getType(), getBytes().getType(),
                       getPacking());
}

LogicalResult UnpackOp::verify() {
  return verifyPacking(*this, getCodes().getType(), getBytes().getType(),
                       getPacking());
}

//===----------------------------------------------------------------------===//
// Tables
//===----------------------------------------------------------------------===//

LogicalResult LookupOp::verify() {
  if (failed(verifyRanks(*this)))
    return failure();
  // (C37) One dimension, one entry an index.
  auto table = dyn_cast<DenseElementsAttr>(getTable());
  if (!table || !isa<RankedTensorType>(table.getType()))
    return emitOpError() << "the table is a dense constant tensor, found "
                         << getTable();
  if (table.getType().getRank() != 1 || table.getNumElements() == 0)
    return emitOpError() << "the table has one dimension and an entry, found "
                         << table.getType();
  if (getElementTypeOrSelf(getResult().getType()) != table.getElementType())
    return emitOpError() << "the result has the table's element type "
                         << table.getElementType() << ", found "
                         << getResult().getType();
  return success();
}

//===----------------------------------------------------------------------===//
// L-Mul
//===----------------------------------------------------------------------===//

std::optional<MinifloatSpec> LMulOp::getLayout(Type element) {
  using Result = std::optional<MinifloatSpec>;
  return llvm::TypeSwitch<Type, Result>(element)
      .Case([](Float32Type) {
        return MinifloatSpec{8, 23, 127, true, MinifloatSpec::Specials::IEEE};
      })
      .Case([](Float16Type) { return MinifloatSpec::f16(); })
      .Case([](BFloat16Type) { return MinifloatSpec::bf16(); })
      .Case([](Float8E3M4Type) { return MinifloatSpec::f8E3M4(); })
      .Case([](Float8E4M3Type) { return MinifloatSpec::f8E4M3(); })
      .Case([](Float8E4M3FNType) { return MinifloatSpec::f8E4M3FN(); })
      .Case([](Float8E5M2Type) { return MinifloatSpec::f8E5M2(); })
      .Default([](Type) { return Result(); });
}

LMulSpec LMulOp::getSpec() {
  LMulSpec spec{*getLayout(getElementTypeOrSelf(getType()))};
  if (std::optional<uint64_t> mantissa = getMantissa())
    spec.keptMantissaBits = *mantissa;
  return spec;
}

LogicalResult LMulOp::verify() {
  if (failed(verifyRanks(*this)))
    return failure();
  // (C38) The layout is known, and some mantissa is left.
  std::optional<MinifloatSpec> layout =
      getLayout(getElementTypeOrSelf(getType()));
  if (!layout)
    return emitOpError() << "needs f16, bf16, f32, f8E3M4, f8E4M3, f8E4M3FN or "
                            "f8E5M2, found "
                         << getType();
  int64_t mantissa = getMantissa().value_or(layout->mantissaBits);
  if (mantissa < 1 || mantissa > layout->mantissaBits)
    return emitOpError() << "keeps 1 to " << layout->mantissaBits
                         << " mantissa bits of " << getType() << ", found "
                         << mantissa;
  return success();
}

//===----------------------------------------------------------------------===//
// Analysis
//===----------------------------------------------------------------------===//

LogicalResult SharpnessOp::verify() {
  // (C39) One number and one target a row.
  RankedTensorType logits = getLogits().getType();
  RankedTensorType targets = getTargets().getType();
  RankedTensorType result = getResult().getType();
  if (logits.getRank() == 0)
    return emitOpError() << "the logits have a dimension of classes, found "
                         << logits;
  if (!targets.getElementType().isSignlessInteger() ||
      targets.getElementTypeBitWidth() > 64 || targets.getEncoding())
    return emitOpError()
           << "targets are signless integers of at most 64 bits, found "
           << targets;
  ArrayRef<int64_t> rows = logits.getShape().drop_back();
  if (targets.getShape() != rows)
    return emitOpError() << "needs a target a row: " << logits << " has ["
                         << rows << "] rows, found " << targets;
  if (result != RankedTensorType::get(rows, logits.getElementType()))
    return emitOpError() << "gives "
                         << RankedTensorType::get(rows, logits.getElementType())
                         << ", found " << result;
  double epsilon = getEpsilon().convertToDouble();
  if (!std::isfinite(epsilon) || epsilon < 0)
    return emitOpError() << "epsilon is finite and not negative, found "
                         << epsilon;
  return success();
}
