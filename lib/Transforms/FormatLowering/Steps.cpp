// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Finds the steps of encodeReal by bisection. Between two neighbouring values
// of a format encodeReal, which is monotone, has one step, or none; beyond the
// ends it has one where overflow begins. What is found is checked as far as it
// can be: codes ascend over the format's range, and the value of each of them
// rounds to itself.

#include "Steps.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include <cmath>
#include <cstring>
#include <limits>

using namespace mlir;
using namespace mlir::qfmt;

//===----------------------------------------------------------------------===//
// The order of f64
//===----------------------------------------------------------------------===//

/// Integers in the order of the numbers that they stand for; -0 is -1, +0 is 0.
static int64_t getOrdinal(double x) {
  int64_t bits;
  std::memcpy(&bits, &x, sizeof(bits));
  return bits < 0 ? bits ^ std::numeric_limits<int64_t>::max() : bits;
}

static double fromOrdinal(int64_t ordinal) {
  int64_t bits =
      ordinal < 0 ? ordinal ^ std::numeric_limits<int64_t>::max() : ordinal;
  double x;
  std::memcpy(&x, &bits, sizeof(x));
  return x;
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

static DecodeTable computeDecodeTable(NumberFormat format) {
  DecodeTable table;
  bool isFirst = true;
  for (uint64_t code = 0; code < uint64_t(1) << format.getFormatWidth();
       ++code) {
    double value = format.decodeCode(code);
    table.values.push_back(value);
    if (!std::isfinite(value) || value == 0)
      continue;
    ExactRange one = ExactRange::of(value);
    if (isFirst)
      table.range = one;
    isFirst = false;
    table.range.bits = std::max(table.range.bits, one.bits);
    table.range.low = std::min(table.range.low, one.low);
    table.range.high = std::max(table.range.high, one.high);
  }
  return table;
}

//===----------------------------------------------------------------------===//
// Steps
//===----------------------------------------------------------------------===//

namespace {
class StepFinder {
public:
  StepFinder(NumberFormat format, const EncodeModes &modes,
             const DecodeTable &table)
      : format(format), modes(modes), table(table) {}

  EncodeSteps find();

private:
  uint64_t encode(const ExactReal &x) const {
    return format.encodeReal(x, modes.rounding, modes.overflow, modes.nan);
  }
  uint64_t encode(int64_t ordinal) const {
    return encode(ExactReal::fromDouble(fromOrdinal(ordinal)));
  }
  std::vector<int64_t> getAnchors() const;
  int64_t findStep(int64_t low, int64_t high, uint64_t lowCode) const;
  void check(EncodeSteps &steps) const;

  NumberFormat format;
  const EncodeModes &modes;
  const DecodeTable &table;
};
} // namespace

/// Ordinals such that between two of them there is at most one step.
std::vector<int64_t> StepFinder::getAnchors() const {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  constexpr double largest = std::numeric_limits<double>::max();
  std::vector<int64_t> anchors;
  for (double x : {-infinity, -largest, -0.0, 0.0, largest, infinity})
    anchors.push_back(getOrdinal(x));
  for (double value : table.values)
    if (std::isfinite(value))
      anchors.push_back(getOrdinal(value));
  llvm::sort(anchors);
  anchors.erase(llvm::unique(anchors), anchors.end());
  return anchors;
}

/// The first ordinal above `low` whose code is not `lowCode`; `high` is one.
/// Most steps are at the middle of two values or next to one of them.
int64_t StepFinder::findStep(int64_t low, int64_t high,
                             uint64_t lowCode) const {
  int64_t middle = getOrdinal(fromOrdinal(low) / 2 + fromOrdinal(high) / 2);
  for (int64_t guess : {middle, middle + 1, middle - 1, low + 1, high - 1})
    if (guess > low && guess < high)
      (encode(guess) == lowCode ? low : high) = guess;
  while (high - low > 1) {
    int64_t guess = low + (high - low) / 2;
    (encode(guess) == lowCode ? low : high) = guess;
  }
  return high;
}

/// Sets `error` if the format breaks its contract.
void StepFinder::check(EncodeSteps &steps) const {
  double last = -std::numeric_limits<double>::infinity();
  for (auto [i, code] : llvm::enumerate(steps.codes)) {
    // Out of the range overflow may do anything.
    if (i < steps.starts.size() && steps.starts[i] <= format.getLowest())
      continue;
    double start = i > 0 ? steps.starts[i - 1] : -INFINITY;
    if (start > format.getLargest())
      break;
    double value = table.values[code];
    if (value < last) {
      steps.error = llvm::formatv("rounds {0} to {1}, but a smaller number to "
                                  "{2}: encodeReal is not monotone",
                                  start, value, last);
      return;
    }
    uint64_t again = encode(ExactReal::fromDouble(value));
    if (again != code) {
      steps.error =
          llvm::formatv("rounds {0} to the code {1}, but the value {2} of that "
                        "code to the code {3}",
                        start, code, value, again);
      return;
    }
    last = value;
  }
}

EncodeSteps StepFinder::find() {
  EncodeSteps steps;
  std::vector<int64_t> anchors = getAnchors();
  steps.nanCode = encode(ExactReal::nan());
  steps.codes.push_back(encode(anchors.front()));
  int64_t low = anchors.front();
  for (int64_t high : ArrayRef(anchors).drop_front()) {
    uint64_t highCode = encode(high);
    // One iteration but for a format that breaks its contract.
    while (steps.codes.back() != highCode) {
      low = findStep(low, high, steps.codes.back());
      steps.starts.push_back(fromOrdinal(low));
      steps.codes.push_back(encode(low));
      if (steps.codes.size() > 4 * table.values.size() + 8) {
        steps.error = "rounds numbers that ascend to codes that do not";
        return steps;
      }
    }
    low = high;
  }
  check(steps);
  return steps;
}

EncodeSteps EncodeSteps::inF32() const {
  EncodeSteps narrow;
  narrow.nanCode = nanCode;
  narrow.error = error;
  narrow.codes.push_back(codes.front());
  for (auto [start, code] :
       llvm::zip_equal(starts, ArrayRef(codes).drop_front())) {
    // The first f32 that is not below; of a step between two f32 nothing stays
    // but the last code.
    double first = ExactReal::fromDouble(start)
                       .roundTo(BinaryFormat::f32(), RoundingMode::Ceil)
                       .roundToDouble();
    if (!narrow.starts.empty() &&
        getOrdinal(narrow.starts.back()) == getOrdinal(first)) {
      narrow.codes.back() = code;
      continue;
    }
    narrow.starts.push_back(first);
    narrow.codes.push_back(code);
  }
  return narrow;
}

bool EncodeSteps::splitsZero() const {
  return llvm::any_of(
      starts, [](double start) { return start == 0 && !std::signbit(start); });
}

//===----------------------------------------------------------------------===//
// Quotients
//===----------------------------------------------------------------------===//

/// The bits of the real at which encodeReal steps: `start`, where it is first
/// seen to have stepped among f64, the f64 before, or a real between them,
/// which is taken to have more bits than any f64.
static unsigned getStepBits(NumberFormat format, const EncodeModes &modes,
                            double start, uint64_t code) {
  double before = fromOrdinal(getOrdinal(start) - 1);
  if (!std::isfinite(start) || !std::isfinite(before))
    return 0;
  auto encode = [&](const ExactReal &x) {
    return format.encodeReal(x, modes.rounding, modes.overflow, modes.nan);
  };
  ExactReal first = ExactReal::fromDouble(start);
  ExactReal last = ExactReal::fromDouble(before);
  ExactReal little = (first - last).scaleByPowerOfTwo(-40);
  if (encode(last + little) == code)
    return before == 0 ? 0 : last.getMantissaBits();
  if (encode(first - little) != code)
    return start == 0 ? 0 : first.getMantissaBits();
  return 128;
}

static CodeEmitter::QuotientNeeds
computeQuotientNeeds(NumberFormat format, const EncodeModes &modes,
                     const DecodeTable &table, const EncodeSteps &steps) {
  CodeEmitter::QuotientNeeds needs{table.range.bits, false};
  for (auto [start, code] :
       llvm::zip_equal(steps.starts, ArrayRef(steps.codes).drop_front())) {
    unsigned bits = getStepBits(format, modes, start, code);
    needs.bits = std::max(needs.bits, bits > 0 ? bits - 1 : 0);
    // A quotient keeps its sign when it underflows.
    bool isBetweenZeros = start == 0 && !std::signbit(start);
    needs.stepsAtZero |= !isBetweenZeros && std::fabs(start) < 1e-300;
  }
  return needs;
}

//===----------------------------------------------------------------------===//
// FormatTables
//===----------------------------------------------------------------------===//

const FormatTables &FormatTables::get(NumberFormat format) {
  auto *dialect = format.getContext()->getLoadedDialect<QFmtDialect>();
  return *dialect->getRegisteredInterface<FormatTables>();
}

FormatTables::Key FormatTables::getKey(NumberFormat format,
                                       const EncodeModes &modes) {
  return {format.getAsOpaquePointer(), unsigned(modes.rounding) |
                                           unsigned(modes.overflow) << 8 |
                                           unsigned(modes.nan) << 16};
}

/// Two threads may compute the same; the first one's result stays.
template <typename T, typename MapT>
const T &FormatTables::lookup(MapT &map, typename MapT::key_type key,
                              function_ref<T()> compute) const {
  {
    std::lock_guard<std::mutex> lock(mutex);
    auto known = map.find(key);
    if (known != map.end())
      return *known->second;
  }
  auto computed = std::make_unique<T>(compute());
  std::lock_guard<std::mutex> lock(mutex);
  return *map.try_emplace(key, std::move(computed)).first->second;
}

const DecodeTable &FormatTables::getDecodeTable(NumberFormat format) const {
  return lookup<DecodeTable>(decodeTables, format.getAsOpaquePointer(),
                             [&] { return computeDecodeTable(format); });
}

const EncodeSteps &
FormatTables::getEncodeSteps(NumberFormat format,
                             const EncodeModes &modes) const {
  return lookup<EncodeSteps>(encodeSteps, getKey(format, modes), [&] {
    return StepFinder(format, modes, getDecodeTable(format)).find();
  });
}

CodeEmitter::QuotientNeeds
FormatTables::getQuotientNeeds(NumberFormat format,
                               const EncodeModes &modes) const {
  return lookup<CodeEmitter::QuotientNeeds>(needs, getKey(format, modes), [&] {
    return computeQuotientNeeds(format, modes, getDecodeTable(format),
                                getEncodeSteps(format, modes));
  });
}
