// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "CommonSteps.h"
#include "Table.h"
#include <cmath>

using namespace mlir;
using namespace mlir::qfmt;
using arith::CmpFPredicate;

/// Wider codes are not searched for.
static constexpr unsigned kMaxWidth = 8;

//===----------------------------------------------------------------------===//
// What formats have in common
//===----------------------------------------------------------------------===//

/// The codes whose values are not the same in all formats.
SmallVector<uint64_t> CommonSteps::getOwnCodes(ArrayRef<NumberFormat> formats) {
  SmallVector<uint64_t> codes;
  for (uint64_t code = 0;
       code < uint64_t(1) << formats.front().getFormatWidth(); ++code) {
    auto getBits = [&](NumberFormat format) {
      return llvm::bit_cast<uint64_t>(format.decodeCode(code));
    };
    if (llvm::any_of(formats, [&](NumberFormat format) {
          return getBits(format) != getBits(formats.front());
        }))
      codes.push_back(code);
  }
  return codes;
}

/// Steps without some codes: the code before takes their place, at the lower
/// end the one after.
static EncodeSteps dropCodes(const EncodeSteps &steps,
                             ArrayRef<uint64_t> dropped) {
  EncodeSteps kept;
  kept.nanCode = steps.nanCode;
  for (auto [i, code] : llvm::enumerate(steps.codes)) {
    if (llvm::is_contained(dropped, code) ||
        (!kept.codes.empty() && kept.codes.back() == code))
      continue;
    if (!kept.codes.empty())
      kept.starts.push_back(steps.starts[i - 1]);
    kept.codes.push_back(code);
  }
  return kept;
}

/// Where `steps` differ from `other`; nothing if -0 and +0 do. Both are of one
/// type.
std::optional<SmallVector<CommonSteps::Interval>>
CommonSteps::compare(const EncodeSteps &steps, const EncodeSteps &other) {
  if (steps.splitsZero() || other.splitsZero())
    return std::nullopt;
  SmallVector<Interval> intervals;
  bool isOpen = false;
  std::optional<double> start;
  for (size_t i = 0, j = 0;;) {
    uint64_t code = steps.codes[i];
    bool differs = code != other.codes[j];
    bool continues = isOpen && differs && intervals.back().code == code;
    if (isOpen && !continues)
      intervals.back().end = start;
    if (differs && !continues)
      intervals.push_back({start, std::nullopt, code});
    isOpen = differs;
    double next = i < steps.starts.size() ? steps.starts[i] : INFINITY;
    double otherNext = j < other.starts.size() ? other.starts[j] : INFINITY;
    if (i == steps.starts.size() && j == other.starts.size())
      return intervals;
    start = std::min(next, otherNext);
    // A step may be at infinity itself.
    if (i < steps.starts.size() && next == *start)
      ++i;
    if (j < other.starts.size() && otherNext == *start)
      ++j;
  }
}

/// The steps of formats[base] without the codes that not all formats share.
std::optional<CommonSteps>
CommonSteps::getWithout(ArrayRef<NumberFormat> formats,
                        ArrayRef<EncodeSteps> all, unsigned base,
                        ArrayRef<uint64_t> ownCodes) {
  CommonSteps common;
  common.steps = dropCodes(all[base], ownCodes);
  common.width = formats.front().getFormatWidth();
  if (common.steps.codes.empty())
    return std::nullopt;
  for (auto [format, steps] : llvm::zip_equal(formats, all)) {
    auto intervals = compare(steps, common.steps);
    if (!intervals || intervals->size() > 1)
      return std::nullopt;
    std::optional<Interval> special;
    if (!intervals->empty())
      special = intervals->front();
    common.formats.push_back({format, special});
  }
  return common;
}

unsigned CommonSteps::countIntervals() const {
  return llvm::count_if(
      formats, [](const Format &format) { return format.special.has_value(); });
}

std::optional<CommonSteps> CommonSteps::get(ArrayRef<Type> formats, Type real,
                                            const EncodeModes &modes) {
  if (formats.size() < 2 || modes.overflow == OverflowMode::Wrap)
    return std::nullopt;
  auto numbers = llvm::map_to_vector(
      formats, [](Type format) { return cast<NumberFormat>(format); });
  SmallVector<EncodeSteps> steps;
  for (NumberFormat format : numbers) {
    // Zero points are added to integers, not to codes.
    if (format.isInteger() || format.getFormatWidth() > kMaxWidth ||
        format.getStorageType() != numbers.front().getStorageType())
      return std::nullopt;
    const EncodeSteps &all =
        FormatTables::get(format).getEncodeSteps(format, modes);
    steps.push_back(real.isF32() ? all.inF32() : all);
    if (!all.error.empty() || all.nanCode != steps.front().nanCode)
      return std::nullopt;
  }
  SmallVector<uint64_t> ownCodes = getOwnCodes(numbers);
  std::optional<CommonSteps> best;
  for (unsigned base = 0; base < formats.size(); ++base) {
    auto common = getWithout(numbers, steps, base, ownCodes);
    if (common && (!best || common->countIntervals() < best->countIntervals()))
      best = common;
  }
  return best;
}

//===----------------------------------------------------------------------===//
// Code
//===----------------------------------------------------------------------===//

Value CommonSteps::emitIsSpecial(ScalarBuilder &b, const Interval &special,
                                 Value real) const {
  Value above, below;
  if (special.start)
    above = b.compare(CmpFPredicate::OGE, real, *special.start);
  if (special.end)
    below = b.compare(CmpFPredicate::OLT, real, *special.end);
  if (above && below)
    return b.apply<arith::AndIOp>(above, below);
  if (above || below)
    return above ? above : below;
  return b.createOrFold<arith::CmpFOp>(CmpFPredicate::ORD, real, real);
}

Value CommonSteps::emitCode(ScalarBuilder &b, unsigned index,
                            Value real) const {
  Value code = emitStepCode(b, steps, width, real);
  const std::optional<Interval> &special = formats[index].special;
  if (special)
    code = b.select(emitIsSpecial(b, *special, real),
                    b.integer(code.getType(), special->code), code);
  Type storage = getCodeType(formats[index].number.getStorageType());
  return storage == code.getType()
             ? code
             : b.createOrFold<arith::BitcastOp>(storage, code);
}

/// The steps in common have no code whose value is not the same in all formats.
Value CommonSteps::emitValue(ScalarBuilder &b, unsigned index,
                             Value real) const {
  NumberFormat first = formats.front().number;
  Value value = emitTableDecode(b, first, emitStepCode(b, steps, width, real));
  const std::optional<Interval> &special = formats[index].special;
  if (!special)
    return value;
  double other = formats[index].number.decodeCode(special->code);
  return b.select(emitIsSpecial(b, *special, real),
                  b.constant(value.getType(), other), value);
}
