//===- FixedPointFunction.cpp - Real functions in integers ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/Support/FixedPointFunction.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"
#include "llvm/Support/MathExtras.h"
#include <algorithm>
#include <cmath>
#include <tuple>

using namespace mlir::qfmt;

using Builder = IntegerProgramBuilder;
using Value = IntegerProgram::Value;
using Range = IntegerProgram::Range;

/// Errors of long double functions and of the sums below; far below half a
/// unit.
static constexpr long double kMargin = 1e-9L;

double mlir::qfmt::findLargestErrorOfAll(const IntegerProgram &program,
                                         Range range,
                                         RealFunctionRef expected) {
  long double largest = 0, largestValue = 0;
  for (int64_t i = range.lo; i <= range.hi; ++i) {
    long double value = expected(i);
    largest = std::max(largest, std::fabs(program.evaluate(i) - value));
    largestValue = std::max(largestValue, std::fabs(value));
  }
  return double(largest + kMargin + 0x1p-57L * largestValue);
}

namespace {
/// The polynomial of one segment: argument u = t / 2^w with t = i - centre.
struct Segment {
  long double centre;
  long double lo, hi; // of u
  PolynomialFit fit;
};

/// One attempt: how the domain is cut, and the degree.
struct Form {
  unsigned degree;
  unsigned segments;
  /// log2 of the width of a segment; unused for one segment.
  unsigned segmentBits;
};

class Approximation {
public:
  Approximation(const FixedPointRequest &request, Form form)
      : request(request), form(form) {}

  /// False if the form cannot reach the requested error. `hardest` is the
  /// centre of the segment that failed last, which is tried first.
  bool fit(long double &hardest);
  std::optional<FixedPointFunction> build();

private:
  long double getExpected(long double i) const {
    return request.function(request.inputScale * i) / request.outputScale;
  }
  Segment makeSegment(unsigned index) const;
  bool fitSegment(Segment &segment) const;
  bool chooseGuardBits();
  long double getScaled(long double coefficient) const {
    return std::round(std::ldexp(coefficient, guardBits));
  }
  long double findBound(const Segment &segment) const;
  Value emitCoefficient(Builder &builder, unsigned power, unsigned shift,
                        Value index) const;
  Value emitArgument(Builder &builder, Value input, Value &index) const;
  Value emitPolynomial(Builder &builder, Value t, Value index) const;

  const FixedPointRequest &request;
  Form form;
  /// u = t / 2^argumentBits before t is rounded to `shift` fewer bits.
  unsigned argumentBits = 0;
  unsigned argumentShift = 0;
  int guardBits = 0;
  std::vector<Segment> segments;
};
} // namespace

/// Bits that an argument keeps.
static constexpr unsigned kMaxArgumentBits = 30;

/// One segment: the centre of [lo, hi], rounded up.
static int64_t getCentre(const FixedPointRequest &request) {
  return request.lo + (request.hi - request.lo + 1) / 2;
}

Segment Approximation::makeSegment(unsigned index) const {
  Segment segment;
  long double lo = request.lo, hi = request.hi;
  if (form.segments == 1) {
    segment.centre = getCentre(request);
  } else {
    long double width = std::ldexp(1.0L, form.segmentBits);
    lo += index * width;
    hi = std::min(hi, lo + width - 1);
    segment.centre = lo + width / 2;
  }
  segment.lo = std::ldexp(lo - segment.centre, -int(argumentBits));
  segment.hi = std::ldexp(hi - segment.centre, -int(argumentBits));
  return segment;
}

bool Approximation::fit(long double &hardest) {
  if (form.segments == 1) {
    int64_t centre = getCentre(request);
    argumentBits = llvm::Log2_64_Ceil(std::max<uint64_t>(
        1, std::max(request.hi - centre, centre - request.lo)));
  } else {
    argumentBits = form.segmentBits - 1;
  }
  argumentShift =
      argumentBits > kMaxArgumentBits ? argumentBits - kMaxArgumentBits : 0;
  auto isHardest = [&](unsigned index) {
    Segment segment = makeSegment(index);
    long double u = std::ldexp(hardest - segment.centre, -int(argumentBits));
    return form.segments > 1 && segment.lo <= u && u <= segment.hi;
  };
  segments.resize(form.segments);
  auto indices = llvm::to_vector(llvm::seq<unsigned>(0, form.segments));
  auto first = llvm::find_if(indices, isHardest);
  if (first != indices.end())
    std::rotate(indices.begin(), first, std::next(first));
  for (unsigned index : indices) {
    segments[index] = makeSegment(index);
    if (!fitSegment(segments[index])) {
      hardest = segments[index].centre;
      return false;
    }
  }
  return true;
}

bool Approximation::fitSegment(Segment &segment) const {
  auto function = [&](long double u) {
    return getExpected(segment.centre + std::ldexp(u, argumentBits));
  };
  auto fit =
      fitPolynomial({function, segment.lo, segment.hi, nullptr}, form.degree);
  if (!fit || fit->maxError > request.maxError)
    return false;
  segment.fit = *fit;
  return true;
}

/// The most guard bits with which |acc| stays below 2^(accumulatorBits - 1):
/// |acc_k| <= sum_{j >= k} |c_j| + (d + 1) / 2^g, since |u| <= 1, each
/// coefficient is rounded by at most 1/2 and so is each shift.
bool Approximation::chooseGuardBits() {
  long double largest = 0;
  for (const Segment &segment : segments) {
    long double sum = 0;
    for (long double coefficient : segment.fit.coefficients)
      sum += std::fabs(coefficient);
    largest = std::max(largest, sum);
  }
  long double limit =
      std::ldexp(1.0L, request.accumulatorBits - 1) - form.degree - 2;
  guardBits = largest == 0 ? 30 : std::ilogb(limit / largest);
  guardBits = std::min(guardBits, 30);
  return guardBits >= 0;
}

long double Approximation::findBound(const Segment &segment) const {
  std::vector<long double> rounded;
  for (long double coefficient : segment.fit.coefficients)
    rounded.push_back(std::ldexp(getScaled(coefficient), -guardBits));
  auto error = [&](long double u) {
    return getExpected(segment.centre + std::ldexp(u, argumentBits)) -
           evaluateHorner(rounded, u);
  };
  long double bound = 1.01L * findLargestError(error, segment.lo, segment.hi,
                                               48 * (form.degree + 2));
  long double extent = std::max(std::fabs(segment.lo), std::fabs(segment.hi));
  // Rounding the argument moves p by |p'| times half a unit of it.
  if (argumentShift) {
    long double slope = 0;
    for (unsigned k = 1; k < rounded.size(); ++k)
      slope += k * std::fabs(rounded[k]);
    bound += slope * std::ldexp(0.5L, -int(kMaxArgumentBits));
  }
  // Rounding errors in units of 2^-g, oldest first.
  long double rounding = 0;
  bool hasShift = argumentBits > argumentShift || argumentShift;
  for (unsigned k = form.degree; k > 1; --k)
    rounding = rounding * extent + (hasShift ? 0.5L : 0);
  bound += std::ldexp(rounding * extent, -guardBits);
  return bound + 0.5L + kMargin;
}

/// C_power * 2^shift + half of what is shifted out later: a constant, or a
/// look-up for several segments.
Value Approximation::emitCoefficient(Builder &builder, unsigned power,
                                     unsigned shift, Value index) const {
  std::vector<int64_t> table;
  unsigned rounding = power == 0 ? shift + guardBits : shift;
  bool isFirst = power == form.degree && power != 0;
  for (const Segment &segment : segments) {
    int64_t scaled = int64_t(getScaled(segment.fit.coefficients[power]));
    if (!isFirst)
      scaled = scaled * (int64_t(1) << shift) +
               (rounding ? int64_t(1) << (rounding - 1) : 0);
    table.push_back(scaled);
  }
  if (table.size() == 1)
    return builder.addConstant(table.front());
  return builder.lookup(index, std::move(table));
}

/// t, and for several segments the index.
Value Approximation::emitArgument(Builder &builder, Value input,
                                  Value &index) const {
  Value t;
  if (form.segments == 1) {
    t = builder.addImmediate(input, -getCentre(request));
  } else {
    Value offset = builder.addImmediate(input, -request.lo);
    index = builder.shiftRightBy(offset, form.segmentBits);
    int64_t width = int64_t(1) << form.segmentBits;
    t = builder.addImmediate(builder.bitAnd(offset, width - 1), -width / 2);
  }
  return builder.roundingShiftRightBy(t, argumentShift);
}

Value Approximation::emitPolynomial(Builder &builder, Value t,
                                    Value index) const {
  unsigned shift = argumentBits - argumentShift;
  Value acc = emitCoefficient(builder, form.degree, shift, index);
  for (unsigned k = form.degree; k-- > 1;) {
    Value sum = builder.add(builder.multiply(acc, t),
                            emitCoefficient(builder, k, shift, index));
    acc = builder.shiftRightBy(sum, shift);
    // Proven in chooseGuardBits; with tables, intervals would mix segments.
    int64_t limit = (int64_t(1) << (request.accumulatorBits - 1)) - 1;
    builder.assume(acc, {-limit, limit});
  }
  if (form.degree == 0)
    return builder.shiftRightBy(acc, shift + guardBits);
  Value sum = builder.add(builder.multiply(acc, t),
                          emitCoefficient(builder, 0, shift, index));
  return builder.shiftRightBy(sum, shift + guardBits);
}

std::optional<FixedPointFunction> Approximation::build() {
  if (!chooseGuardBits())
    return std::nullopt;
  FixedPointFunction result;
  long double bound = 0, lowest = 0, highest = 0;
  for (auto [i, segment] : llvm::enumerate(segments)) {
    bound = std::max(bound, findBound(segment));
    // |f - p| <= bound everywhere, so p's interval encloses the results.
    long double sum = 0;
    for (unsigned k = 1; k < segment.fit.coefficients.size(); ++k)
      sum += std::fabs(segment.fit.coefficients[k]);
    long double constant = segment.fit.coefficients[0];
    lowest = i ? std::min(lowest, constant - sum) : constant - sum;
    highest = i ? std::max(highest, constant + sum) : constant + sum;
  }
  Builder builder;
  Value input = builder.addInput({request.lo, request.hi});
  Value index = input;
  Value t = emitArgument(builder, input, index);
  Value value = emitPolynomial(builder, t, index);
  // The sum of magnitudes bounds each segment; plus the roundings of
  // coefficients and shifts.
  int64_t slack = 2 + form.degree;
  builder.assume(value, {int64_t(std::floor(lowest)) - slack,
                         int64_t(std::ceil(highest)) + slack});
  if (request.clamp)
    value = builder.clamp(value, *request.clamp);
  if (builder.hasFailed())
    return std::nullopt;
  result.program = builder.finish(value);
  result.analyticBound = result.bound = double(bound);
  result.degree = form.degree;
  result.segments = form.segments;
  result.isExhaustive = request.hi - request.lo < kMaxExhaustive;
  // Between the points that the analysis looks at there may be a pole.
  if (result.isExhaustive) {
    result.bound =
        findLargestErrorOfAll(result.program, {request.lo, request.hi},
                              [&](long double i) { return getExpected(i); });
    result.analyticBound = std::max(result.analyticBound, result.bound);
  }
  return result;
}

/// Segmented forms, those of fewest operations and smallest tables first.
static std::vector<Form> getSegmentedForms(const FixedPointRequest &request) {
  std::vector<std::pair<unsigned, Form>> forms;
  uint64_t count = uint64_t(request.hi - request.lo) + 1;
  for (unsigned degree = 1; degree <= std::min(3u, request.maxDegree);
       ++degree) {
    for (unsigned bits = llvm::Log2_64_Ceil(count); bits-- > 1;) {
      uint64_t segments = ((count - 1) >> bits) + 1;
      if (segments > request.maxSegments)
        break;
      // A step of Horner's rule is three operations, a look-up counts as two.
      unsigned cost = 3 * degree + 2 * (degree + 1);
      cost += segments * (degree + 1) / 32;
      forms.push_back({cost, {degree, unsigned(segments), bits}});
    }
  }
  llvm::sort(forms, [](const auto &a, const auto &b) {
    return std::tie(a.first, a.second.degree, a.second.segments) <
           std::tie(b.first, b.second.degree, b.second.segments);
  });
  std::vector<Form> sorted;
  for (const auto &[cost, form] : forms)
    sorted.push_back(form);
  return sorted;
}

/// Why the request makes no sense; empty if it does.
static std::string checkRequest(const FixedPointRequest &request) {
  constexpr int64_t kLimit = int64_t(1) << 62;
  if (request.lo > request.hi || request.lo < -kLimit || request.hi > kLimit)
    return "the input range is empty or exceeds 62 bits";
  auto isScale = [](double s) { return s > 0 && std::isfinite(s); };
  if (!isScale(request.inputScale) || !isScale(request.outputScale))
    return "scales must be positive and finite";
  if (!(request.maxError > 0))
    return "the requested error must be positive";
  if (request.accumulatorBits < 2 || request.accumulatorBits > 32)
    return "accumulators have 2 to 32 bits";
  for (int i = 0; i <= 256; ++i) {
    long double at =
        request.lo + ((long double)request.hi - request.lo) * i / 256;
    long double value =
        request.function(request.inputScale * at) / request.outputScale;
    if (!std::isfinite(value))
      return "the function is not finite on the input range";
    if (request.clamp && (value < request.clamp->lo - kMargin ||
                          value > request.clamp->hi + kMargin))
      return "the function leaves the range that results are clamped to";
    if (std::fabs(value) > std::ldexp(1.0L, request.accumulatorBits - 1) - 2)
      return "the results need more than " +
             std::to_string(request.accumulatorBits) +
             " bits: use a coarser output scale";
  }
  return "";
}

std::optional<FixedPointFunction>
mlir::qfmt::approximateFunction(const FixedPointRequest &request,
                                std::string *reason) {
  std::string problem = checkRequest(request);
  if (!problem.empty()) {
    if (reason)
      *reason = problem;
    return std::nullopt;
  }
  double best = HUGE_VAL;
  long double hardest = request.lo;
  auto attempt = [&](Form form) -> std::optional<FixedPointFunction> {
    Approximation approximation(request, form);
    if (!approximation.fit(hardest))
      return std::nullopt;
    std::optional<FixedPointFunction> result = approximation.build();
    if (!result)
      return std::nullopt;
    best = std::min(best, result->bound);
    if (result->bound > request.maxError)
      return std::nullopt;
    return result;
  };
  for (unsigned degree = 0; degree <= request.maxDegree; ++degree)
    if (auto result = attempt({degree, 1, 0}))
      return result;
  for (Form form : getSegmentedForms(request))
    if (auto result = attempt(form))
      return result;
  if (reason) {
    *reason = "no polynomial of degree " + std::to_string(request.maxDegree) +
              " and no " + std::to_string(request.maxSegments) +
              " segments reach an error of " +
              std::to_string(request.maxError) + " units";
    if (best < HUGE_VAL)
      *reason += "; the best has " + std::to_string(best);
  }
  return std::nullopt;
}
