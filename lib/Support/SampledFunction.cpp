//===- SampledFunction.cpp - Functions of few integers --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The fit is an exchange on the integers that there are. The levelled error of
// any reference bounds the best polynomial's from below, so that a segment that
// is too long is usually known to be after one small system of equations.
//
//===----------------------------------------------------------------------===//

#include "qfmt/Support/SampledFunction.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/MathExtras.h"
#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <tuple>

using namespace mlir::qfmt;

using Builder = IntegerProgramBuilder;
using Value = IntegerProgram::Value;

static constexpr unsigned kMaxDegree = 8;
static constexpr unsigned kMaxSegmentDegree = 3;
/// Cuts of the domain that are tried for one limit of the fit.
static constexpr unsigned kMaxFailures = 4;
/// Of accumulators.
static constexpr unsigned kAccumulatorBits = 32;

//===----------------------------------------------------------------------===//
// Fit of one segment
//===----------------------------------------------------------------------===//

namespace {
using Coefficients = std::array<double, kMaxDegree + 1>;

/// The values of a segment, at u = first + k * step within [-1, 1].
struct Samples {
  llvm::ArrayRef<double> values;
  double first, step;

  double getArgument(size_t k) const {
    return first + static_cast<double>(k) * step;
  }
};
} // namespace

static double evaluate(const Coefficients &coefficients, unsigned degree,
                       double u) {
  double sum = coefficients[degree];
  for (unsigned k = degree; k-- > 0;)
    sum = sum * u + coefficients[k];
  return sum;
}

/// Solves the `n` equations `rows`, of n + 1 columns, in place; false if they
/// are singular.
static bool
solve(llvm::MutableArrayRef<std::array<long double, kMaxDegree + 3>> rows,
      unsigned n) {
  for (unsigned column = 0; column < n; ++column) {
    unsigned pivot = column;
    for (unsigned row = column + 1; row < n; ++row)
      if (std::fabs(rows[row][column]) > std::fabs(rows[pivot][column]))
        pivot = row;
    if (rows[pivot][column] == 0)
      return false;
    std::swap(rows[pivot], rows[column]);
    for (unsigned row = 0; row < n; ++row) {
      if (row == column)
        continue;
      long double factor = rows[row][column] / rows[column][column];
      for (unsigned k = column; k <= n; ++k)
        rows[row][k] -= factor * rows[column][k];
    }
  }
  for (unsigned row = 0; row < n; ++row)
    rows[row][n] /= rows[row][row];
  return true;
}

/// The polynomial through, or with `levelled` as far above as below, the values
/// at `reference`. Returns the levelled error; none if there is no polynomial.
static std::optional<double> interpolate(const Samples &samples,
                                         llvm::ArrayRef<size_t> reference,
                                         bool levelled,
                                         Coefficients &coefficients) {
  unsigned n = reference.size(), unknowns = levelled ? n - 1 : n;
  std::array<std::array<long double, kMaxDegree + 3>, kMaxDegree + 2> rows;
  for (unsigned row = 0; row < n; ++row) {
    long double u = samples.getArgument(reference[row]), power = 1;
    for (unsigned k = 0; k < unknowns; ++k, power *= u)
      rows[row][k] = power;
    if (levelled)
      rows[row][n - 1] = row % 2 ? -1 : 1;
    rows[row][n] = samples.values[reference[row]];
  }
  if (!solve(rows, n))
    return std::nullopt;
  coefficients.fill(0);
  for (unsigned k = 0; k < unknowns; ++k)
    coefficients[k] = static_cast<double>(rows[k][n]);
  return levelled ? std::fabs(static_cast<double>(rows[n - 1][n])) : 0;
}

/// Where the error is largest between two changes of its sign; the largest
/// error.
static double findPeaks(const Samples &samples,
                        const Coefficients &coefficients, unsigned degree,
                        llvm::SmallVectorImpl<size_t> &peaks) {
  peaks.clear();
  double largest = 0, peak = 0;
  for (size_t k = 0; k < samples.values.size(); ++k) {
    double error = samples.values[k] -
                   evaluate(coefficients, degree, samples.getArgument(k));
    largest = std::max(largest, std::fabs(error));
    if (peaks.empty() || (error < 0) != (peak < 0)) {
      peaks.push_back(k);
      peak = error;
    } else if (std::fabs(error) > std::fabs(peak)) {
      peaks.back() = k;
      peak = error;
    }
  }
  return largest;
}

/// In units of 2^-guard.
static double roundCoefficient(double coefficient, int guard) {
  return std::nearbyint(std::ldexp(coefficient, guard));
}

/// A constant: the middle of the values.
static bool fitConstant(const Samples &samples, double limit,
                        Coefficients &coefficients) {
  auto [lo, hi] =
      std::minmax_element(samples.values.begin(), samples.values.end());
  coefficients.fill(0);
  // The middle of equal values is that value, exactly.
  coefficients[0] = *lo + (*hi - *lo) / 2;
  return (*hi - *lo) / 2 <= limit;
}

/// A polynomial of `degree` within `limit` of all samples. False if there is
/// none, or if the exchange does not find it.
static bool fit(const Samples &samples, unsigned degree, double limit,
                Coefficients &coefficients) {
  size_t count = samples.values.size();
  if (count == 1 || degree == 0)
    return fitConstant(samples, limit, coefficients);
  llvm::SmallVector<size_t, 16> reference;
  if (count <= degree + 1) {
    for (size_t k = 0; k < count; ++k)
      reference.push_back(k);
    return interpolate(samples, reference, false, coefficients).has_value();
  }
  // Chebyshev's extrema, moved apart where rounding made them one.
  unsigned size = degree + 2;
  for (unsigned i = 0; i < size; ++i) {
    double at = (1 - std::cos(M_PI * i / (size - 1))) / 2;
    auto k =
        static_cast<size_t>(std::llround(at * static_cast<double>(count - 1)));
    k = std::max<size_t>(k, i ? reference.back() + 1 : 0);
    reference.push_back(std::min<size_t>(k, count - (size - i)));
  }
  llvm::SmallVector<size_t, 32> peaks;
  for (int round = 0; round < 8; ++round) {
    std::optional<double> levelled =
        interpolate(samples, reference, true, coefficients);
    if (!levelled || *levelled > limit)
      return false;
    if (findPeaks(samples, coefficients, degree, peaks) <= limit)
      return true;
    if (peaks.size() < size)
      return false;
    auto getSize = [&](size_t k) {
      return std::fabs(samples.values[k] -
                       evaluate(coefficients, degree, samples.getArgument(k)));
    };
    while (peaks.size() > size) {
      if (getSize(peaks.front()) < getSize(peaks.back()))
        peaks.erase(peaks.begin());
      else
        peaks.pop_back();
    }
    if (llvm::equal(peaks, reference))
      return false;
    reference.assign(peaks.begin(), peaks.end());
  }
  return false;
}

//===----------------------------------------------------------------------===//
// Forms
//===----------------------------------------------------------------------===//

namespace {
/// One way to cut the domain.
struct Form {
  enum class Kind { Single, Uniform, TwoLevels };
  Kind kind;
  unsigned degree;
  /// Bits of a cell; of a segment if they are uniform.
  unsigned cellBits = 0;
  /// log2 of the segments' length, a cell.
  std::vector<unsigned> segmentBits = {};
  unsigned segments = 1;

  unsigned getTableSize() const {
    if (kind == Kind::Single)
      return 0;
    return segments * (degree + 1) +
           (kind == Kind::TwoLevels ? segmentBits.size() : 0);
  }
  /// A step of Horner's rule is three operations, a look-up counts as two and
  /// 32 entries as one.
  unsigned getCost() const {
    unsigned cost = 3 * degree + getTableSize() / 32;
    if (kind != Kind::Single)
      cost += 2 * (degree + 1) + 3;
    if (kind == Kind::TwoLevels)
      cost += 8;
    return cost;
  }
};

class Search {
public:
  explicit Search(const SampledRequest &request);
  std::optional<SampledFunction> run();

private:
  Samples getSegment(size_t first, unsigned bits) const;
  Samples getAll() const;
  bool split(unsigned bits, size_t first, unsigned degree, double limit,
             std::vector<uint8_t> &lengths) const;
  void listForms(unsigned degree, double limit, std::vector<Form> &forms) const;
  std::optional<SampledFunction> build(const Form &form, double limit) const;
  void visitSegments(
      const Form &form,
      llvm::function_ref<void(size_t first, unsigned bits)> visit) const;
  int chooseGuardBits(const Form &form,
                      llvm::ArrayRef<Coefficients> fits) const;
  std::optional<double> findError(const IntegerProgram &program,
                                  IntegerProgram::Range &results) const;
  double findErrorBetween(const Form &form, llvm::ArrayRef<Coefficients> fits,
                          int guard, const IntegerProgram &program) const;
  Value emitArgument(Builder &builder, Value offset, const Form &form,
                     Value &index) const;
  std::optional<IntegerProgram>
  emit(const Form &form, llvm::ArrayRef<Coefficients> fits, int guard,
       std::optional<IntegerProgram::Range> results) const;

  const SampledRequest &request;
  /// Without flat ends.
  llvm::ArrayRef<double> values;
  /// Of values[0].
  int64_t lo;
  unsigned stepBits;
  /// Samples that segments share with the next one.
  size_t shared;
  /// What segments are counted in: samples, or steps.
  size_t count;
};
} // namespace

/// Ends that are within a sixteenth of what the error has beyond its rounding.
Search::Search(const SampledRequest &request)
    : request(request), values(request.values), lo(request.lo),
      stepBits(request.stepBits), shared(request.stepBits > 0) {
  double flat = std::max(0.0, request.maxError - 0.5) / 16;
  while (values.size() > 1 + shared &&
         std::fabs(values[1] - request.values.front()) <= flat) {
    values = values.drop_front();
    lo += int64_t(1) << stepBits;
  }
  // Inputs stop before the last sample of steps, so that a flat step is kept.
  auto isFlat = [&](size_t fromEnd) {
    return std::fabs(values[values.size() - fromEnd] - request.values.back()) <=
           flat;
  };
  while (values.size() > 1 + 2 * shared && isFlat(2) && (!shared || isFlat(3)))
    values = values.drop_back();
  count = values.size() - shared;
}

/// u = -1 at the first, and 1 at the first of the next segment.
Samples Search::getSegment(size_t first, unsigned bits) const {
  size_t size = std::min((size_t(1) << bits) + shared, values.size() - first);
  return {values.slice(first, size), -1.0, std::ldexp(2.0, -int(bits))};
}

/// Of the distance from the middle sample, whose u is 0: bits of u.
static unsigned getSingleBits(size_t count) {
  return llvm::Log2_64_Ceil(std::max<size_t>(1, count / 2));
}

Samples Search::getAll() const {
  double step = std::ldexp(1.0, -int(getSingleBits(values.size())));
  return {values, -static_cast<double>(values.size() / 2) * step, step};
}

/// The longest segments that can be fitted: log2 of their length at the
/// position of each first sample, 255 elsewhere. False if even the shortest
/// cannot.
bool Search::split(unsigned bits, size_t first, unsigned degree, double limit,
                   std::vector<uint8_t> &lengths) const {
  if (first >= count)
    return true;
  Coefficients coefficients;
  if ((bits == 0 && !shared) ||
      fit(getSegment(first, bits), degree, limit, coefficients)) {
    lengths[first] = bits;
    return true;
  }
  return bits > 0 && split(bits - 1, first, degree, limit, lengths) &&
         split(bits - 1, first + (size_t(1) << (bits - 1)), degree, limit,
               lengths);
}

void Search::listForms(unsigned degree, double limit,
                       std::vector<Form> &forms) const {
  unsigned most = llvm::Log2_64_Ceil(count);
  std::vector<uint8_t> lengths(count, 255);
  if (!split(most, 0, degree, limit, lengths))
    return;
  unsigned shortest = *llvm::min_element(lengths);
  // One segment is the single polynomial's business. A polynomial of one
  // integer is a constant.
  if (shortest < most && (shortest > 0 || shared || degree == 0)) {
    Form uniform = {Form::Kind::Uniform, degree, shortest};
    uniform.segments = ((count - 1) >> shortest) + 1;
    forms.push_back(uniform);
  }
  for (unsigned cellBits = shortest + 1; cellBits < most; ++cellBits) {
    Form form = {Form::Kind::TwoLevels, degree, cellBits};
    form.segments = 0;
    size_t cell = size_t(1) << cellBits;
    for (size_t first = 0; first < count; first += cell) {
      size_t end = std::min(first + cell, count);
      unsigned bits = cellBits;
      for (size_t k = first; k < end; ++k)
        bits = std::min<unsigned>(bits, lengths[k]);
      form.segmentBits.push_back(bits);
      form.segments += ((end - first - 1) >> bits) + 1;
    }
    forms.push_back(std::move(form));
  }
}

/// In order of their indices.
void Search::visitSegments(
    const Form &form,
    llvm::function_ref<void(size_t first, unsigned bits)> visit) const {
  size_t cell = size_t(1) << form.cellBits;
  for (size_t start = 0; start < count; start += cell) {
    size_t end = std::min(start + cell, count);
    unsigned bits = form.kind == Form::Kind::Uniform
                        ? form.cellBits
                        : form.segmentBits[start >> form.cellBits];
    for (size_t first = start; first < end; first += size_t(1) << bits)
      visit(first, bits);
  }
}

/// t, and the index of the segment.
Value Search::emitArgument(Builder &builder, Value offset, const Form &form,
                           Value &index) const {
  if (form.kind == Form::Kind::Single)
    return builder.addImmediate(offset,
                                -(int64_t(values.size() / 2) << stepBits));
  unsigned bits = form.cellBits + stepBits;
  int64_t mask = (int64_t(1) << bits) - 1;
  Value cell = builder.shiftRightBy(offset, bits);
  Value low = builder.bitAnd(offset, mask);
  if (form.kind == Form::Kind::Uniform) {
    index = cell;
  } else {
    // base * 32 + segmentBits.
    std::vector<int64_t> cells;
    int64_t base = 0;
    for (auto [i, segmentBits] : llvm::enumerate(form.segmentBits)) {
      cells.push_back(base * 32 + segmentBits);
      size_t first = i << form.cellBits;
      size_t size = std::min(size_t(1) << form.cellBits, count - first);
      base += ((size - 1) >> segmentBits) + 1;
    }
    Value entry = builder.lookup(cell, std::move(cells));
    Value segmentBits = builder.bitAnd(entry, 31);
    builder.assume(segmentBits, {0, form.cellBits});
    Value inCell =
        builder.shiftRight(builder.shiftRightBy(low, stepBits), segmentBits);
    index = builder.add(builder.shiftRightBy(entry, 5), inCell);
    // The last cell may be incomplete.
    builder.assume(index, {0, int64_t(form.segments) - 1});
    low = builder.shiftLeft(
        low, builder.subtract(builder.addConstant(form.cellBits), segmentBits));
    low = builder.bitAnd(low, mask);
  }
  if (form.degree == 0)
    return low;
  return builder.addImmediate(low, -(int64_t(1) << (bits - 1)));
}

/// The most with which |acc_k| <= sum_{j >= k} |c_j| + (d + 1) / 2^g fits the
/// accumulator; negative if it does not.
int Search::chooseGuardBits(const Form &form,
                            llvm::ArrayRef<Coefficients> fits) const {
  double largest = 0;
  for (const Coefficients &fit : fits) {
    double sum = 0;
    for (double coefficient : fit)
      sum += std::fabs(coefficient);
    largest = std::max(largest, sum);
  }
  double room = std::ldexp(1.0, kAccumulatorBits - 1) - form.degree - 2;
  if (largest > room)
    return -1;
  if (form.degree == 0)
    return 0;
  return largest == 0 ? 30 : std::min(30, std::ilogb(room / largest));
}

/// Horner's rule in the form of FixedPointFunction.h.
std::optional<IntegerProgram>
Search::emit(const Form &form, llvm::ArrayRef<Coefficients> fits, int guard,
             std::optional<IntegerProgram::Range> results) const {
  Builder builder;
  auto size = static_cast<int64_t>(request.values.size());
  size -= static_cast<int64_t>(shared);
  Value input =
      builder.addInput({request.lo, request.lo + (size << stepBits) - 1});
  Value kept = builder.clamp(
      input, {lo, lo + (static_cast<int64_t>(count) << stepBits) - 1});
  Value offset = builder.addImmediate(kept, -lo);
  Value index = offset;
  Value t = emitArgument(builder, offset, form, index);
  unsigned shift = 0;
  if (form.degree > 0)
    shift = stepBits + (form.kind == Form::Kind::Single
                            ? getSingleBits(values.size())
                            : form.cellBits - 1);
  auto emitCoefficient = [&](unsigned power) {
    std::vector<int64_t> table;
    unsigned rounding = power == 0 ? shift + guard : shift;
    bool isFirst = power == form.degree && power != 0;
    for (const Coefficients &fit : fits) {
      auto scaled = static_cast<int64_t>(roundCoefficient(fit[power], guard));
      if (!isFirst)
        scaled = scaled * (int64_t(1) << shift) +
                 (rounding ? int64_t(1) << (rounding - 1) : 0);
      table.push_back(scaled);
    }
    if (form.kind == Form::Kind::Single)
      return builder.addConstant(table.front());
    return builder.lookup(index, std::move(table));
  };
  Value acc = emitCoefficient(form.degree);
  for (unsigned k = form.degree; k-- > 0;) {
    acc = builder.add(builder.multiply(acc, t), emitCoefficient(k));
    acc = builder.shiftRightBy(acc, k == 0 ? shift + guard : shift);
    // With tables, intervals would mix segments.
    int64_t limit = (int64_t(1) << (kAccumulatorBits - 1)) - 1;
    builder.assume(acc, {-limit, limit});
  }
  if (results)
    builder.assume(acc, *results);
  if (builder.hasFailed())
    return std::nullopt;
  return builder.finish(acc);
}

/// The largest error at the samples, and the hull of the results; none if it is
/// larger than what is asked for.
std::optional<double> Search::findError(const IntegerProgram &program,
                                        IntegerProgram::Range &results) const {
  results = {INT64_MAX, INT64_MIN};
  double bound = 0;
  for (auto [k, value] : llvm::enumerate(request.values.drop_back(shared))) {
    int64_t found =
        program.evaluate(request.lo + (static_cast<int64_t>(k) << stepBits));
    bound = std::max(bound, std::fabs(static_cast<double>(found) - value));
    if (bound > request.maxError)
      return std::nullopt;
    results = {std::min(results.lo, found), std::max(results.hi, found)};
  }
  return bound;
}

/// As SampledFunction::bound says.
double Search::findErrorBetween(const Form &form,
                                llvm::ArrayRef<Coefficients> fits, int guard,
                                const IntegerProgram &program) const {
  size_t start = (lo - request.lo) >> stepBits;
  double bound = 0;
  // From the errors at the ends of a step and in its middle.
  auto add = [&](size_t step, double a, double middle, double b,
                 double curvature) {
    double largest = std::max({std::fabs(a), std::fabs(middle), std::fabs(b)});
    double between = request.between.empty()
                         ? std::fabs(a - 2 * middle + b)
                         : request.between[step] + curvature;
    bound = std::max(bound, largest + between);
  };
  auto visit = [&](size_t first, const Samples &samples,
                   const Coefficients &fit) {
    Coefficients rounded;
    for (unsigned k = 0; k <= kMaxDegree; ++k)
      rounded[k] = std::ldexp(roundCoefficient(fit[k], guard), -guard);
    auto getError = [&](double k, double value) {
      return value -
             evaluate(rounded, form.degree, samples.first + k * samples.step);
    };
    // A line over half a step is missed by an eighth of its square times p''.
    double curvature = 0;
    for (unsigned k = 2; k <= kMaxDegree; ++k)
      curvature += k * (k - 1) * std::fabs(rounded[k]);
    curvature *= samples.step * samples.step / 32;
    for (size_t k = 0; k + 1 < samples.values.size(); ++k)
      add(start + first + k, getError(double(k), samples.values[k]),
          getError(double(k) + 0.5, request.midpoints[start + first + k]),
          getError(double(k) + 1, samples.values[k + 1]), curvature);
  };
  if (form.kind == Form::Kind::Single) {
    visit(0, getAll(), fits.front());
  } else {
    const Coefficients *next = fits.data();
    visitSegments(form, [&](size_t first, unsigned bits) {
      visit(first, getSegment(first, bits), *next++);
    });
  }
  // The last rounding, and those of the steps before it.
  bound += 0.5 + std::ldexp(0.5 * form.degree, -guard) + 1e-9;
  // The ends that were cut off have the results of the integers beside them.
  size_t steps = request.values.size() - 1;
  int64_t last = request.lo + (static_cast<int64_t>(steps) << stepBits) - 1;
  auto first = static_cast<double>(program.evaluate(request.lo));
  auto end = static_cast<double>(program.evaluate(last));
  for (size_t k = 0; k < steps; ++k)
    if (k < start || k >= start + count) {
      double result = k < start ? first : end;
      add(k, request.values[k] - result, request.midpoints[k] - result,
          request.values[k + 1] - result, 0);
    }
  return bound;
}

std::optional<SampledFunction> Search::build(const Form &form,
                                             double limit) const {
  std::vector<Coefficients> fits;
  bool isFitted = true;
  auto add = [&](const Samples &samples) {
    fits.emplace_back();
    isFitted = isFitted && fit(samples, form.degree, limit, fits.back());
  };
  if (form.kind == Form::Kind::Single)
    add(getAll());
  else
    visitSegments(form, [&](size_t first, unsigned bits) {
      if (isFitted)
        add(getSegment(first, bits));
    });
  int guard = isFitted ? chooseGuardBits(form, fits) : -1;
  if (guard < 0)
    return std::nullopt;
  std::optional<IntegerProgram> program = emit(form, fits, guard, std::nullopt);
  if (!program)
    return std::nullopt;
  IntegerProgram::Range results;
  std::optional<double> bound = findError(*program, results);
  if (!bound)
    return std::nullopt;
  if (shared) {
    bound = std::max(*bound, findErrorBetween(form, fits, guard, *program));
    if (*bound > request.maxError)
      return std::nullopt;
    // |p| <= |c_0| + ... with |u| <= 1, and the roundings.
    double lowest = HUGE_VAL, highest = -HUGE_VAL;
    for (const Coefficients &fit : fits) {
      double sum = 2 + form.degree;
      for (unsigned k = 1; k <= form.degree; ++k)
        sum += std::fabs(fit[k]);
      lowest = std::min(lowest, fit[0] - sum);
      highest = std::max(highest, fit[0] + sum);
    }
    results = {static_cast<int64_t>(std::floor(lowest)),
               static_cast<int64_t>(std::ceil(highest))};
  }
  program = emit(form, fits, guard, results);
  if (!program)
    return std::nullopt;
  return SampledFunction{std::move(*program), *bound, form.degree,
                         form.segments, form.getTableSize()};
}

std::optional<SampledFunction> Search::run() {
  // Roundings of coefficients and steps take the rest.
  for (double share : {0.8, 0.4}) {
    double limit = std::max(1e-6, share * (request.maxError - 0.5));
    std::vector<Form> forms;
    for (unsigned degree = 0; degree <= std::min(kMaxDegree, request.maxDegree);
         ++degree)
      forms.push_back({Form::Kind::Single, degree});
    if (count > 1)
      for (unsigned degree = 0; degree <= kMaxSegmentDegree; ++degree)
        listForms(degree, limit, forms);
    llvm::erase_if(forms, [&](const Form &form) {
      return form.getTableSize() > request.maxTableSize;
    });
    llvm::sort(forms, [](const Form &a, const Form &b) {
      return std::make_tuple(a.getCost(), a.getTableSize(), a.degree, a.kind) <
             std::make_tuple(b.getCost(), b.getTableSize(), b.degree, b.kind);
    });
    // What misses the error between samples does so in most forms.
    unsigned failures = 0;
    for (const Form &form : forms) {
      if (std::optional<SampledFunction> result = build(form, limit))
        return result;
      if (form.kind != Form::Kind::Single && ++failures == kMaxFailures)
        break;
    }
  }
  return std::nullopt;
}

std::optional<SampledFunction>
mlir::qfmt::approximateSamples(const SampledRequest &request) {
  assert(!request.values.empty() && request.values.size() <= (1 << 16) + 1);
  assert(request.stepBits <= 14 &&
         (request.stepBits == 0 ||
          request.midpoints.size() + 1 == request.values.size()));
  return Search(request).run();
}
