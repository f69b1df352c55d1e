//===- Remez.cpp - Minimax polynomials ------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The exchange: n coefficients and the levelled error E solve
//   p(x_i) + (-1)^i E / w(x_i) = f(x_i)   at n + 1 reference points,
// then the reference moves to the extrema of the error. Multiple exchange, with
// the best polynomial seen kept: a function that is not smooth, or an error at
// the level of rounding, ends with the best instead of not at all.
//
//===----------------------------------------------------------------------===//

#include "qfmt/Support/Remez.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"
#include "llvm/ADT/SmallVector.h"
#include <algorithm>
#include <cmath>

using namespace mlir::qfmt;

long double mlir::qfmt::evaluateHorner(llvm::ArrayRef<long double> coefficients,
                                       long double x) {
  long double sum = 0;
  for (long double coefficient : llvm::reverse(coefficients))
    sum = sum * x + coefficient;
  return sum;
}

long double PolynomialFit::evaluate(long double x) const {
  return evaluateHorner(coefficients, x);
}

/// Point i of `count` >= 1 Chebyshev extrema, ascending, the ends included.
static long double getChebyshevPoint(long double lo, long double hi, unsigned i,
                                     unsigned count) {
  if (i == 0 || count == 1)
    return lo;
  if (i == count - 1)
    return hi;
  constexpr long double kPi = 3.14159265358979323846264338327950288L;
  return (lo + hi) / 2 - (hi - lo) / 2 * std::cos(kPi * i / (count - 1));
}

/// The largest |error| within [left, right] by golden section, which finds it
/// if there is one maximum.
static std::pair<long double, long double> refineMaximum(RealFunctionRef error,
                                                         long double left,
                                                         long double right,
                                                         long double best) {
  constexpr long double kGolden = 0.61803398874989484820458683436563812L;
  long double bestError = std::fabs(error(best));
  auto visit = [&](long double x) {
    long double size = std::fabs(error(x));
    if (size > bestError) {
      bestError = size;
      best = x;
    }
    return size;
  };
  long double a = right - kGolden * (right - left);
  long double b = left + kGolden * (right - left);
  long double sizeA = visit(a), sizeB = visit(b);
  for (int step = 0; step < 30; ++step) {
    if (sizeA > sizeB) {
      right = b;
      b = a;
      sizeB = sizeA;
      a = right - kGolden * (right - left);
      sizeA = visit(a);
    } else {
      left = a;
      a = b;
      sizeA = sizeB;
      b = left + kGolden * (right - left);
      sizeB = visit(b);
    }
  }
  return {best, bestError};
}

long double mlir::qfmt::findLargestError(RealFunctionRef error, long double lo,
                                         long double hi, unsigned points) {
  std::vector<long double> sizes(points);
  for (unsigned i = 0; i < points; ++i) {
    sizes[i] = std::fabs(error(getChebyshevPoint(lo, hi, i, points)));
    if (!std::isfinite(sizes[i]))
      return std::numeric_limits<long double>::quiet_NaN();
  }
  long double largest = *llvm::max_element(sizes);
  for (unsigned i = 0; i < points; ++i) {
    // Peaks that are far from the largest cannot become it.
    if (sizes[i] < largest / 2 || (i > 0 && sizes[i - 1] > sizes[i]) ||
        (i + 1 < points && sizes[i + 1] > sizes[i]))
      continue;
    long double left = getChebyshevPoint(lo, hi, i > 0 ? i - 1 : 0, points);
    long double right =
        getChebyshevPoint(lo, hi, std::min(i + 1, points - 1), points);
    largest =
        std::max(largest, refineMaximum(error, left, right,
                                        getChebyshevPoint(lo, hi, i, points))
                              .second);
  }
  return largest;
}

namespace {
/// One run of the exchange algorithm.
class Exchange {
public:
  Exchange(const FitRequest &request, llvm::ArrayRef<unsigned> powers)
      : request(request), powers(powers),
        extent(std::max(std::fabs(request.lo), std::fabs(request.hi))) {
    if (extent == 0)
      extent = 1;
  }

  std::optional<PolynomialFit> run();

private:
  long double getWeight(long double x) const {
    return request.weight ? request.weight(x) : 1;
  }
  long double getError(long double x) const {
    return (request.function(x) - current.evaluate(x)) * getWeight(x);
  }
  void start(long double bend);
  bool iterate(std::optional<PolynomialFit> &best);
  bool solve();
  bool moveReference();
  unsigned getReferenceSize() const { return powers.size() + 1; }

  const FitRequest &request;
  llvm::ArrayRef<unsigned> powers;
  /// Powers are taken of x / extent, to keep the equations well scaled.
  long double extent;
  llvm::SmallVector<long double> reference;
  PolynomialFit current;
  /// The largest weighted |f| at reference points so far.
  long double largestValue = 0;
};
} // namespace

/// Solves for `current`; false if the equations are singular or not finite.
bool Exchange::solve() {
  unsigned size = getReferenceSize();
  // Rows [ (x/extent)^powers | sign / w | f ], Gauss with partial pivoting.
  std::vector<std::vector<long double>> rows(size);
  for (auto [i, x] : llvm::enumerate(reference)) {
    for (unsigned power : powers)
      rows[i].push_back(std::pow(x / extent, (long double)power));
    rows[i].push_back((i % 2 ? -1 : 1) / getWeight(x));
    rows[i].push_back(request.function(x));
    largestValue =
        std::max(largestValue, std::fabs(rows[i].back()) * getWeight(x));
    if (!llvm::all_of(rows[i], [](long double v) { return std::isfinite(v); }))
      return false;
  }
  for (unsigned column = 0; column < size; ++column) {
    unsigned pivot = column;
    for (unsigned row = column + 1; row < size; ++row)
      if (std::fabs(rows[row][column]) > std::fabs(rows[pivot][column]))
        pivot = row;
    if (rows[pivot][column] == 0)
      return false;
    std::swap(rows[pivot], rows[column]);
    for (unsigned row = column + 1; row < size; ++row) {
      long double factor = rows[row][column] / rows[column][column];
      for (unsigned k = column; k <= size; ++k)
        rows[row][k] -= factor * rows[column][k];
    }
  }
  std::vector<long double> solution(size);
  for (unsigned row = size; row-- > 0;) {
    long double sum = rows[row][size];
    for (unsigned k = row + 1; k < size; ++k)
      sum -= rows[row][k] * solution[k];
    solution[row] = sum / rows[row][row];
  }
  current.coefficients.assign(powers.empty() ? 1 : powers.back() + 1, 0);
  for (auto [i, power] : llvm::enumerate(powers))
    current.coefficients[power] =
        solution[i] / std::pow(extent, (long double)power);
  current.leastError = std::fabs(solution.back());
  return true;
}

/// Moves the reference to alternating extrema of the error and sets
/// current.maxError. False if there are too few: the error is rounding noise.
bool Exchange::moveReference() {
  unsigned size = getReferenceSize();
  unsigned points = 24 * size;
  auto error = [&](long double x) { return getError(x); };
  // The largest error of each run of one sign, refined.
  llvm::SmallVector<std::pair<long double, long double>> extrema;
  bool wasNegative = false;
  long double runLargest = 0;
  unsigned runIndex = 0;
  auto close = [&] {
    long double left = getChebyshevPoint(request.lo, request.hi,
                                         runIndex ? runIndex - 1 : 0, points);
    long double right = getChebyshevPoint(
        request.lo, request.hi, std::min(runIndex + 1, points - 1), points);
    long double x = getChebyshevPoint(request.lo, request.hi, runIndex, points);
    // The neighbouring run may begin within: its signs would not alternate.
    auto sameSign = [&](long double at) {
      long double value = getError(at);
      return std::signbit(value) == wasNegative ? value : 0.0L;
    };
    extrema.push_back(refineMaximum(sameSign, left, right, x));
  };
  for (unsigned i = 0; i < points; ++i) {
    long double value =
        error(getChebyshevPoint(request.lo, request.hi, i, points));
    if (!std::isfinite(value)) {
      current.maxError = std::numeric_limits<long double>::infinity();
      return false;
    }
    bool isNegative = std::signbit(value);
    if (i > 0 && isNegative != wasNegative) {
      close();
      runLargest = -1;
    }
    if (i == 0 || std::fabs(value) > runLargest) {
      runLargest = std::fabs(value);
      runIndex = i;
    }
    wasNegative = isNegative;
  }
  close();
  current.maxError = 0;
  for (auto &[x, value] : extrema)
    current.maxError = std::max(current.maxError, value);
  if (extrema.size() < size)
    return false;
  // Drop the smallest, keeping the alternation: an end alone, inner ones with
  // the smaller neighbour.
  while (extrema.size() > size) {
    auto smallest = llvm::min_element(extrema, llvm::less_second());
    bool isEnd =
        smallest == extrema.begin() || smallest == std::prev(extrema.end());
    if (isEnd) {
      extrema.erase(smallest);
    } else if (extrema.size() == size + 1) {
      extrema.erase(extrema.front().second < extrema.back().second
                        ? extrema.begin()
                        : std::prev(extrema.end()));
    } else {
      auto neighbour = std::prev(smallest)->second < std::next(smallest)->second
                           ? std::prev(smallest)
                           : smallest;
      extrema.erase(neighbour, neighbour + 2);
    }
  }
  for (unsigned i = 0; i < size; ++i)
    reference[i] = extrema[i].first;
  return true;
}

std::optional<PolynomialFit> Exchange::run() {
  if (!(request.lo <= request.hi) || !std::isfinite(request.lo) ||
      !std::isfinite(request.hi) || powers.empty())
    return std::nullopt;
  if (request.lo == request.hi) {
    // One point: a constant does.
    long double value = request.function(request.lo);
    if (!std::isfinite(value) || powers.front() != 0)
      return std::nullopt;
    current.coefficients.assign(powers.back() + 1, 0);
    current.coefficients[0] = value;
    return current;
  }
  std::optional<PolynomialFit> best;
  // A symmetric start may level a symmetric function at zero and leave too few
  // extrema: then the points are bent to one side.
  for (long double bend : {0.0L, 0.1L, -0.23L, 0.31L}) {
    start(bend);
    if (iterate(best))
      break;
  }
  if (!best)
    return std::nullopt;
  // Once more on a denser grid, for peaks that the exchange overlooked.
  current = *best;
  current.maxError =
      findLargestError([&](long double x) { return getError(x); }, request.lo,
                       request.hi, 96 * getReferenceSize());
  if (!std::isfinite(current.maxError))
    return std::nullopt;
  return current;
}

void Exchange::start(long double bend) {
  unsigned size = getReferenceSize();
  reference.clear();
  for (unsigned i = 0; i < size; ++i) {
    long double u = getChebyshevPoint(-1, 1, i, size);
    u += bend * (1 - u * u);
    reference.push_back((request.lo + request.hi) / 2 +
                        (request.hi - request.lo) / 2 * u);
  }
}

/// Exchanges until the error is levelled; false if it got stuck before.
bool Exchange::iterate(std::optional<PolynomialFit> &best) {
  for (unsigned iteration = 0; iteration < 60; ++iteration) {
    if (!solve())
      return false;
    bool moved = moveReference();
    if (std::isfinite(current.maxError) &&
        (!best || current.maxError < best->maxError))
      best = current;
    // Levelled, or nothing but rounding errors.
    if (current.maxError <= current.leastError * (1 + 1e-7L) ||
        current.maxError <= 0x1p-60L * largestValue)
      return true;
    if (!moved)
      return false;
  }
  return false;
}

std::optional<PolynomialFit>
mlir::qfmt::fitPolynomial(const FitRequest &request,
                          llvm::ArrayRef<unsigned> powers) {
  return Exchange(request, powers).run();
}

std::optional<PolynomialFit>
mlir::qfmt::fitPolynomial(const FitRequest &request, unsigned degree) {
  return fitPolynomial(request,
                       llvm::to_vector(llvm::seq<unsigned>(0, degree + 1)));
}
