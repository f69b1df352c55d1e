// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "DecodedSource.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "qfmt/CodeGen/Products/CodeTables.h"
#include "qfmt/IR/ConstantData.h"

namespace mlir::qfmt {

/// Sources whose period is longer than that are read anew after so many rows,
/// or less, so that sums can be cut into parts.
constexpr int64_t kMaxLevel = 512;

DecodedFactor::DecodedFactor() = default;
DecodedFactor::~DecodedFactor() = default;

/// The width of `source`'s codes, if words are to hold them.
static void chooseWidth(ArrayRef<uint32_t> codes, unsigned elementBits,
                        int64_t &width, bool &isSigned) {
  unsigned signedBits = 1, unsignedBits = 1;
  for (uint32_t code : codes) {
    APInt value(elementBits, code);
    signedBits = std::max(signedBits, value.getSignificantBits());
    unsignedBits = std::max(unsignedBits, value.getActiveBits());
  }
  isSigned = signedBits < unsignedBits;
  width = std::min(signedBits, unsignedBits);
  if (width >= 8)
    width = 0;
}

std::unique_ptr<DecodedFactor> DecodedFactor::match(Value matrix,
                                                    bool isTransposed,
                                                    const CpuTarget &target,
                                                    StringRef &whyNot) {
  auto type = dyn_cast<RankedTensorType>(matrix.getType());
  if (!type || type.getRank() != 2 || !type.hasStaticShape())
    return nullptr;
  std::unique_ptr<DecodedFactor> factor(new DecodedFactor);
  factor->k = type.getDimSize(isTransposed ? 1 : 0);
  factor->n = type.getDimSize(isTransposed ? 0 : 1);
  factor->elementType = type.getElementType();
  if (!factor->build(matrix, isTransposed, whyNot))
    return nullptr;
  factor->chooseWidths(target);
  factor->simplifyFloats();
  factor->foldCodes(target.tableBits);
  factor->separateScale();
  factor->choosePeriods();
  factor->chooseScalePeriod();
  return factor;
}

/// Codes of fewer bits are looked up in words of 32 bits as fast as in bytes.
constexpr int64_t kMinPlaneBits = 6;

void DecodedFactor::chooseWidths(const CpuTarget &target) {
  for (Source &source : sources) {
    if (source.isFunction() || source.period != 1)
      continue;
    if (source.getElementBits() <= 8)
      chooseWidth(source.constant->bits, source.getElementBits(), source.width,
                  source.isSigned);
    bool isNarrow = source.width != 0 && source.width < kMinPlaneBits;
    if (target.hasByteTables && !isNarrow && choosePlanes(source)) {
      source.width = 0;
      unit = std::lcm(unit, BytePlanes::kRows);
    }
    if (source.width != 0)
      unit = std::lcm(unit, source.getUnitRows());
  }
}

/// What is computed from a code of at most `tableBits` bits becomes a table.
void DecodedFactor::foldCodes(int64_t tableBits) {
  SmallVector<CodeArgument> codes;
  SmallVector<Source *> found;
  for (Source &source : sources) {
    if (source.width == 0 || source.width > tableBits)
      continue;
    found.push_back(&source);
    CodeArgument &code = codes.emplace_back();
    code.argument = source.argument;
    Type element = source.constant->elementType;
    for (uint32_t bits = 0; bits < 1u << source.width; ++bits) {
      APInt value(source.width, bits);
      value = source.isSigned ? value.sext(source.getElementBits())
                              : value.zext(source.getElementBits());
      code.values.push_back(getElementAttr(element, value.getZExtValue()));
    }
  }
  foldIntoTables(*body, result, codes);
  for (auto [source, code] : llvm::zip_equal(found, codes))
    source->code = code.code;
}

/// Splits f into a factor that changes with the row and one that does not for
/// several rows, by multiplications in f32 at its end.
void DecodedFactor::separateScale() {
  if (!elementType.isF32())
    return;
  // What does not change from row to row.
  llvm::SmallDenseSet<Value> slow;
  for (const Source &source : sources)
    if (!source.isFunction() && source.period != 1)
      slow.insert(source.argument);
  for (Operation &op : *body)
    if (op.getNumOperands() != 0 && op.getNumResults() == 1 &&
        llvm::any_of(op.getOperands(),
                     [&](Value operand) { return slow.contains(operand); }) &&
        llvm::all_of(op.getOperands(), [&](Value operand) {
          return slow.contains(operand) || matchPattern(operand, m_Constant());
        }))
      slow.insert(op.getResult(0));
  Value rest = result;
  SmallVector<Value> scales;
  while (auto product = rest.getDefiningOp<arith::MulFOp>()) {
    bool isLeft = slow.contains(product.getLhs());
    if (isLeft == slow.contains(product.getRhs()))
      break;
    scales.push_back(isLeft ? product.getLhs() : product.getRhs());
    rest = isLeft ? product.getRhs() : product.getLhs();
  }
  if (scales.empty())
    return;
  unscaled = rest;
  scale = scales.front();
  OpBuilder b(scale.getContext());
  b.setInsertionPointToEnd(body.get());
  for (Value other : ArrayRef(scales).drop_front())
    scale = arith::MulFOp::create(b, other.getLoc(), scale, other);
}

/// Fewer rows do not pay for sums of their own.
constexpr int64_t kMinGroup = 16;

/// After periods are known.
void DecodedFactor::chooseScalePeriod() {
  if (!scale)
    return;
  int64_t period = 0;
  if (Operation *op = scale.getDefiningOp())
    period = periods.lookup(op);
  else
    for (const Source &source : sources)
      if (source.argument == scale)
        period = source.period;
  // One scale for all rows is applied as often as others are.
  if (period == 0) {
    if (levels.empty())
      levels.push_back(llvm::alignDown(kMaxLevel, unit));
    period = levels.front();
  }
  if (period >= kMinGroup && llvm::is_contained(levels, period))
    scalePeriod = period;
}

/// See the declarations of `levels` and `unit`.
void DecodedFactor::choosePeriods() {
  SmallVector<Source *> slow;
  for (Source &source : sources) {
    if (source.isFunction() || source.period == 0)
      continue;
    if (source.period > 1)
      slow.push_back(&source);
  }
  llvm::sort(slow, [](const Source *a, const Source *b) {
    return a->period < b->period;
  });
  for (Source *source : slow) {
    int64_t step = getStep();
    int64_t &period = source->period;
    if (period % step != 0) {
      // What it has in common with the others.
      const int64_t *level = llvm::find_if(
          levels, [&](int64_t other) { return period % other == 0; });
      period = level == levels.end() ? std::gcd(period, unit) : *level;
      continue;
    }
    if (period > kMaxLevel) {
      int64_t multiple = std::max<int64_t>(kMaxLevel / step, 1);
      while (period / step % multiple != 0)
        --multiple;
      period = step * multiple;
    }
    if (period > step)
      levels.insert(levels.begin(), period);
  }
  eraseUnused();
  llvm::DenseMap<Value, int64_t> known;
  for (const Source &source : sources)
    known[source.argument] = known[source.code] = known[source.number] =
        source.period;
  for (Operation &op : *body) {
    int64_t period = 0;
    for (Value operand : op.getOperands())
      period = std::gcd(period, known.lookup(operand));
    periods[&op] = period;
    for (Value value : op.getResults())
      known[value] = period;
  }
}

/// Casts of indices that became lookups' and the like.
void DecodedFactor::eraseUnused() {
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(*body)))
    if (isOpTriviallyDead(&op) &&
        !llvm::is_contained({result, unscaled, scale}, op.getResult(0)))
      op.erase();
}

bool DecodedFactor::isCostly() const {
  return !body->empty() || sources.size() != 1 || sources.front().planes;
}

} // namespace mlir::qfmt
