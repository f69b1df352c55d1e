// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "FunctionIntervals.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringMap.h"
#include <algorithm>
#include <cmath>
#include <limits>
#include <queue>

using namespace mlir;
using namespace mlir::qfmt;

using Operands = ArrayRef<Jet>;
using Rule = FunctionIntervals::Rule;

static constexpr double kInfinity = std::numeric_limits<double>::infinity();
static constexpr RealInterval kAll = {-kInfinity, kInfinity};

//===----------------------------------------------------------------------===//
// Intervals
//===----------------------------------------------------------------------===//

/// Not a number, as infinity less infinity, says nothing. What overflows may be
/// any large number.
static RealInterval clean(RealInterval x) {
  constexpr double kLargest = std::numeric_limits<double>::max();
  return {std::isnan(x.lo) ? -kInfinity : std::min(x.lo, kLargest),
          std::isnan(x.hi) ? kInfinity : std::max(x.hi, -kLargest)};
}

/// With ends as far outside as they may have been rounded; signs stay.
static RealInterval widen(RealInterval x, double relative) {
  x = clean(x);
  return clean(
      {x.lo - std::abs(x.lo) * relative, x.hi + std::abs(x.hi) * relative});
}

static RealInterval operator+(RealInterval a, RealInterval b) {
  return clean({a.lo + b.lo, a.hi + b.hi});
}

static RealInterval operator-(RealInterval a) { return {-a.hi, -a.lo}; }

static RealInterval operator*(RealInterval a, RealInterval b) {
  double products[] = {a.lo * b.lo, a.lo * b.hi, a.hi * b.lo, a.hi * b.hi};
  // 0 times an unbounded end is 0 for every number before that end.
  for (double &product : products)
    product = std::isnan(product) ? 0 : product;
  return {*std::min_element(std::begin(products), std::end(products)),
          *std::max_element(std::begin(products), std::end(products))};
}

static RealInterval invert(RealInterval a) {
  if (a.lo <= 0 && a.hi >= 0)
    return kAll;
  return {1 / a.hi, 1 / a.lo};
}

static RealInterval hull(RealInterval a, RealInterval b) {
  return {std::min(a.lo, b.lo), std::max(a.hi, b.hi)};
}

static bool holdsZero(RealInterval a) { return a.lo < 0 && a.hi > 0; }

/// Of a monotone function, which values at the ends tell.
template <typename Function>
static RealInterval getEnds(RealInterval x, Function function) {
  double a = function(x.lo), b = function(x.hi);
  if (std::isnan(a) || std::isnan(b))
    return kAll;
  return {std::min(a, b), std::max(a, b)};
}

/// Of a function that is largest at 0 and falls on both sides.
template <typename Function>
static RealInterval getBump(RealInterval x, Function function) {
  RealInterval result = getEnds(x, function);
  if (holdsZero(x))
    result.hi = function(0);
  return result;
}

//===----------------------------------------------------------------------===//
// Operations
//===----------------------------------------------------------------------===//

static const Jet kTrue = {{1, 1}, {0, 0}}, kFalse = {{0, 0}, {0, 0}},
                 kUnknown = {{0, 1}, {0, 0}, 1};

static Jet decide(bool isTrue, bool isFalse) {
  return isTrue ? kTrue : isFalse ? kFalse : kUnknown;
}

static Jet less(const Jet &a, const Jet &b) {
  return decide(a.value.hi < b.value.lo, a.value.lo >= b.value.hi);
}

static Jet lessEqual(const Jet &a, const Jet &b) {
  return decide(a.value.hi <= b.value.lo, a.value.lo > b.value.hi);
}

static Jet equal(const Jet &a, const Jet &b) {
  bool arePoints = a.value.getWidth() == 0 && b.value.getWidth() == 0;
  return decide(arePoints && a.value.lo == b.value.lo,
                a.value.hi < b.value.lo || a.value.lo > b.value.hi);
}

static Jet negate(const Jet &a) { return {-a.value, -a.slope, a.off}; }

static Jet add(const Jet &a, const Jet &b) {
  return {a.value + b.value, a.slope + b.slope, a.off + b.off};
}

/// derivative * x, of what is off by `off`.
static double scaleOff(RealInterval derivative, double off) {
  return off == 0 ? 0 : derivative.getMagnitude() * off;
}

/// A function of x with the values and derivatives that are given.
static Jet chain(const Jet &x, RealInterval value, RealInterval derivative) {
  return {value, derivative * x.slope, scaleOff(derivative, x.off)};
}

static Jet multiply(const Jet &a, const Jet &b) {
  return {a.value * b.value, a.slope * b.value + a.value * b.slope,
          scaleOff(b.value, a.off) + scaleOff(a.value, b.off)};
}

static Jet square(const Jet &a) {
  Jet product = multiply(a, a);
  if (holdsZero(a.value))
    product.value.lo = 0;
  return product;
}

static Jet divide(const Jet &a, const Jet &b) {
  RealInterval inverse = invert(b.value);
  if (inverse.hi == kInfinity || inverse.lo == -kInfinity)
    return {kAll, kAll};
  RealInterval quotient = a.value * inverse;
  RealInterval byDivisor = -(quotient * inverse);
  return {quotient, a.slope * inverse + byDivisor * b.slope,
          scaleOff(inverse, a.off) + scaleOff(byDivisor, b.off)};
}

static Jet maximum(const Jet &a, const Jet &b) {
  // Above all of the other, it is the only one that matters.
  if (a.value.lo >= b.value.hi)
    return a;
  if (b.value.lo >= a.value.hi)
    return b;
  return {{std::max(a.value.lo, b.value.lo), std::max(a.value.hi, b.value.hi)},
          hull(a.slope, b.slope),
          std::max(a.off, b.off)};
}

static Jet minimum(const Jet &a, const Jet &b) {
  return negate(maximum(negate(a), negate(b)));
}

/// One of the two everywhere: the first, off by no more than they differ.
static Jet select(Operands v, double radius) {
  if (v[0].value.lo > 0)
    return v[1];
  if (v[0].value.hi == 0)
    return v[2];
  RealInterval value = hull(v[1].value, v[2].value);
  double difference = std::abs(v[1].center - v[2].center) +
                      radius * (v[1].slope + -v[2].slope).getMagnitude() +
                      2 * (v[1].off + v[2].off);
  if (std::isnan(difference))
    difference = kInfinity;
  return {value, v[1].slope, std::min(difference, value.getWidth())};
}

static Jet takeMagnitude(const Jet &x) {
  if (x.value.lo >= 0)
    return x;
  if (x.value.hi <= 0)
    return negate(x);
  return {{0, x.value.getMagnitude()}, hull(x.slope, -x.slope), x.off};
}

/// v^c, c a constant.
static Jet raise(const Jet &x, const Jet &exponent) {
  double c = exponent.value.lo;
  bool isWhole = c == std::nearbyint(c);
  if (exponent.value.getWidth() != 0 || (x.value.lo < 0 && !isWhole) ||
      (x.value.lo <= 0 && x.value.hi >= 0 && c < 0))
    return {kAll, kAll};
  bool isEven = std::fmod(c, 2) == 0;
  auto power = [](double e) {
    return [e](double v) { return std::pow(v, e); };
  };
  RealInterval value = getEnds(x.value, power(c));
  if (isEven && holdsZero(x.value))
    value.lo = std::min(value.lo, c == 0 ? 1.0 : 0.0);
  // v^(c - 1) is monotone but for v^even.
  RealInterval derivative = getEnds(x.value, power(c - 1));
  if (isWhole && !isEven && holdsZero(x.value))
    derivative.lo = std::min(derivative.lo, c == 1 ? 1.0 : 0.0);
  return chain(x, value, RealInterval{c, c} * derivative);
}

/// `function`, monotone, whose derivative is a monotone function, too.
template <double (*function)(double), double (*derivative)(double)>
static Jet applyMonotone(Operands v) {
  return chain(v[0], getEnds(v[0].value, function),
               getEnds(v[0].value, derivative));
}

template <double (*function)(double), double (*derivative)(double)>
static Jet applySigmoidal(Operands v) {
  return chain(v[0], getEnds(v[0].value, function),
               getBump(v[0].value, derivative));
}

/// A whole number: constant, or a jump.
template <double (*function)(double)>
static Jet applyRounding(Operands v) {
  RealInterval value = getEnds(v[0].value, function);
  if (value.getWidth() == 0)
    return {value, {0, 0}};
  return {value, kAll};
}

/// Of sin or cos, which are 1 at `peak` + 2 pi k.
template <typename Function>
static RealInterval getWave(RealInterval x, Function function, double peak) {
  if (!(x.getWidth() < 6) || !(x.getMagnitude() < 1e6))
    return {-1, 1};
  RealInterval result = getEnds(x, function);
  // 2 pi k and its quotient are rounded by less than 1e-9.
  auto holds = [&](double at) {
    double k = std::ceil((x.lo - at) / (2 * M_PI) - 1e-9);
    return at + 2 * M_PI * k <= x.hi + 1e-8;
  };
  if (holds(peak))
    result.hi = 1;
  if (holds(peak - M_PI))
    result.lo = -1;
  return result;
}

static RealInterval getSine(RealInterval x) {
  return getWave(x, [](double v) { return std::sin(v); }, M_PI_2);
}

static RealInterval getCosine(RealInterval x) {
  return getWave(x, [](double v) { return std::cos(v); }, 0);
}

static double getExp(double v) { return std::exp(v); }
static double getExp2(double v) { return std::exp2(v); }
static double getExp2Slope(double v) { return M_LN2 * std::exp2(v); }
static double getExpm1(double v) { return std::expm1(v); }
static double getTanh(double v) { return std::tanh(v); }
static double getTanhSlope(double v) {
  // 1 - tanh^2, as exact where it is small.
  double c = std::cosh(v);
  return 1 / (c * c);
}
static double getErf(double v) { return std::erf(v); }
static double getErfSlope(double v) { return M_2_SQRTPI * std::exp(-v * v); }
static double getSqrt(double v) { return std::sqrt(v); }
static double getSqrtSlope(double v) { return 0.5 / std::sqrt(v); }

template <double (*function)(double)>
static Jet applyLog(const Jet &x, double offset, double factor) {
  if (!(x.value.lo + offset > 0))
    return {kAll, kAll};
  RealInterval shifted = x.value + RealInterval{offset, offset};
  return chain(x, getEnds(x.value, function),
               RealInterval{factor, factor} * invert(shifted));
}
static double getLog(double v) { return std::log(v); }
static double getLog2(double v) { return std::log2(v); }
static double getLog10(double v) { return std::log10(v); }
static double getLog1p(double v) { return std::log1p(v); }
static double getFloor(double v) { return std::floor(v); }
static double getCeil(double v) { return std::ceil(v); }
static double getTrunc(double v) { return std::trunc(v); }
static double getRound(double v) { return std::round(v); }
static double getRoundEven(double v) { return std::nearbyint(v); }

/// By the names that getScalarFunction knows.
static Rule getRule(StringRef name) {
  Rule identity = [](Operands v) { return v[0]; };
  Rule negated = [](Operands v) { return negate(v[0]); };
  Rule sum = [](Operands v) { return add(v[0], v[1]); };
  Rule difference = [](Operands v) { return add(v[0], negate(v[1])); };
  Rule product = [](Operands v) { return multiply(v[0], v[1]); };
  Rule max = [](Operands v) { return maximum(v[0], v[1]); };
  Rule min = [](Operands v) { return minimum(v[0], v[1]); };
  Rule isEqual = [](Operands v) { return equal(v[0], v[1]); };
  Rule isDifferent = [](Operands v) {
    return add(kTrue, negate(equal(v[0], v[1])));
  };
  Rule isGreater = [](Operands v) { return less(v[1], v[0]); };
  Rule isGreaterEqual = [](Operands v) { return lessEqual(v[1], v[0]); };
  Rule isLess = [](Operands v) { return less(v[0], v[1]); };
  Rule isLessEqual = [](Operands v) { return lessEqual(v[0], v[1]); };
  static const llvm::StringMap<Rule> table = {
      {"arith.extf", identity},
      {"arith.truncf", identity},
      {"arith.uitofp i1", identity},
      {"arith.extui i1", identity},
      {"arith.sitofp i1", negated},
      {"arith.extsi i1", negated},
      {"arith.andi i1", min},
      {"arith.ori i1", max},
      {"arith.xori i1", isDifferent},
      {"arith.negf", negated},
      {"arith.addf", sum},
      {"arith.subf", difference},
      {"arith.mulf", product},
      {"arith.divf", [](Operands v) { return divide(v[0], v[1]); }},
      {"arith.maximumf", max},
      {"arith.maxnumf", max},
      {"arith.minimumf", min},
      {"arith.minnumf", min},
      {"arith.cmpf oeq", isEqual},
      {"arith.cmpf ueq", isEqual},
      {"arith.cmpf one", isDifferent},
      {"arith.cmpf une", isDifferent},
      {"arith.cmpf ogt", isGreater},
      {"arith.cmpf ugt", isGreater},
      {"arith.cmpf oge", isGreaterEqual},
      {"arith.cmpf uge", isGreaterEqual},
      {"arith.cmpf olt", isLess},
      {"arith.cmpf ult", isLess},
      {"arith.cmpf ole", isLessEqual},
      {"arith.cmpf ule", isLessEqual},
      {"arith.select", [](Operands v) { return v[0]; }},
      {"math.absf", [](Operands v) { return takeMagnitude(v[0]); }},
      {"math.sqrt", applyMonotone<getSqrt, getSqrtSlope>},
      {"math.rsqrt",
       [](Operands v) { return raise(v[0], {{-0.5, -0.5}, {0, 0}}); }},
      {"math.exp", applyMonotone<getExp, getExp>},
      {"math.exp2", applyMonotone<getExp2, getExp2Slope>},
      {"math.expm1", applyMonotone<getExpm1, getExp>},
      {"math.log", [](Operands v) { return applyLog<getLog>(v[0], 0, 1); }},
      {"math.log2",
       [](Operands v) { return applyLog<getLog2>(v[0], 0, M_LOG2E); }},
      {"math.log10",
       [](Operands v) { return applyLog<getLog10>(v[0], 0, M_LOG10E); }},
      {"math.log1p", [](Operands v) { return applyLog<getLog1p>(v[0], 1, 1); }},
      {"math.erf", applySigmoidal<getErf, getErfSlope>},
      {"math.tanh", applySigmoidal<getTanh, getTanhSlope>},
      {"math.sin",
       [](Operands v) {
         return chain(v[0], getSine(v[0].value), getCosine(v[0].value));
       }},
      {"math.cos",
       [](Operands v) {
         return chain(v[0], getCosine(v[0].value), -getSine(v[0].value));
       }},
      {"math.floor", applyRounding<getFloor>},
      {"math.ceil", applyRounding<getCeil>},
      {"math.trunc", applyRounding<getTrunc>},
      {"math.round", applyRounding<getRound>},
      {"math.roundeven", applyRounding<getRoundEven>},
      {"math.powf", [](Operands v) { return raise(v[0], v[1]); }},
      {"math.fpowi", [](Operands v) { return raise(v[0], v[1]); }}};
  return table.lookup(name);
}

/// True if results are never rounded.
static bool isExact(StringRef name) {
  return !llvm::is_contained(
             {"arith.addf", "arith.subf", "arith.mulf", "arith.divf"}, name) &&
         (!name.starts_with("math.") ||
          llvm::is_contained({"math.absf", "math.floor", "math.ceil",
                              "math.trunc", "math.round", "math.roundeven"},
                             name));
}

//===----------------------------------------------------------------------===//
// Functions
//===----------------------------------------------------------------------===//

/// The C library's functions are off by at most two units of the last place,
/// arithmetic by half a unit.
static constexpr double kValueRounding = 0x1p-50;
/// exp(-x^2), above 2^-1074, is off by 745 units.
static constexpr double kSlopeRounding = 0x1p-40;

std::optional<unsigned> FunctionIntervals::append(
    const Expression &node,
    llvm::DenseMap<const Expression *, unsigned> &positions) {
  if (auto it = positions.find(&node); it != positions.end())
    return it->second;
  Step step;
  if (node.kind == Expression::Kind::Constant)
    step.constant = node.constant;
  if (node.kind == Expression::Kind::Apply) {
    step.rule = getRule(node.name);
    step.function = getScalarFunction(node.name, node.operands.size());
  }
  StringRef name = node.name;
  step.isChoice =
      name.starts_with("arith.select") || name.starts_with("arith.cmp");
  step.isExact = isExact(name);
  // Of v * v the square is known better than the product.
  if (node.name == "arith.mulf" && isSame(node.operands[0], node.operands[1]))
    step.rule = [](Operands v) { return square(v[0]); };
  if (node.kind == Expression::Kind::Reduce ||
      (node.kind == Expression::Kind::Apply && (!step.rule || !step.function)))
    return std::nullopt;
  for (const ExpressionRef &operand : node.operands) {
    std::optional<unsigned> position = append(*operand, positions);
    if (!position)
      return std::nullopt;
    step.operands.push_back(*position);
  }
  steps.push_back(std::move(step));
  return positions[&node] = steps.size() - 1;
}

std::optional<FunctionIntervals>
FunctionIntervals::make(const ExpressionRef &function) {
  FunctionIntervals result;
  llvm::DenseMap<const Expression *, unsigned> positions;
  if (!function || !result.append(*function, positions))
    return std::nullopt;
  return result;
}

Jet FunctionIntervals::operator()(RealInterval x) const {
  double middle = x.lo + x.getWidth() / 2;
  SmallVector<Jet, 64> jets;
  for (const Step &step : steps) {
    if (!step.rule) {
      double c = step.constant.value_or(0);
      jets.push_back(step.constant ? Jet{{c, c}, {0, 0}, 0, c}
                                   : Jet{x, {1, 1}, 0, middle});
      continue;
    }
    SmallVector<Jet, 3> operands;
    SmallVector<double, 3> centers;
    bool isKnown = true;
    for (unsigned position : step.operands) {
      operands.push_back(jets[position]);
      centers.push_back(jets[position].center);
      isKnown = isKnown && jets[position].isBounded();
    }
    // What may be no number, such as log(-1), may be anything afterwards, too.
    if (!isKnown && !step.isChoice) {
      jets.push_back({kAll, kAll, kInfinity, step.function(centers)});
      continue;
    }
    Jet jet = operands.size() == 3 ? select(operands, x.getWidth() / 2)
                                   : step.rule(operands);
    jets.push_back({widen(jet.value, step.isExact ? 0 : kValueRounding),
                    widen(jet.slope, kSlopeRounding),
                    std::isnan(jet.off) ? kInfinity : jet.off,
                    step.function(centers)});
  }
  return jets.back();
}

namespace {
/// A part of a range, and a bound for what is looked for in it.
struct Piece {
  double bound;
  RealInterval x;
  bool operator<(const Piece &other) const { return bound < other.bound; }
};
} // namespace

/// The largest of `getBound` over `x`: the piece with the largest is halved
/// until it is not far from what `getAttained` says of points, or as short as
/// `shortest`.
static double findLargest(RealInterval x, double shortest,
                          llvm::function_ref<double(RealInterval)> getBound,
                          llvm::function_ref<double(double)> getAttained) {
  constexpr size_t kMostPieces = 1 << 14;
  constexpr double kExcess = 1.05;
  std::priority_queue<Piece> pieces;
  double attained = 0;
  auto add = [&](RealInterval piece) {
    double bound = getBound(piece);
    pieces.push({std::isnan(bound) ? kInfinity : bound, piece});
    double distance = getAttained(piece.lo + piece.getWidth() / 2);
    if (distance > attained && std::isfinite(distance))
      attained = distance;
  };
  add(x);
  while (pieces.size() < kMostPieces &&
         pieces.top().bound > kExcess * attained) {
    RealInterval piece = pieces.top().x;
    double middle = piece.lo + piece.getWidth() / 2;
    if (!(piece.getWidth() > shortest) ||
        !(middle > piece.lo && middle < piece.hi))
      break;
    pieces.pop();
    add({piece.lo, middle});
    add({middle, piece.hi});
  }
  return pieces.top().bound;
}

double FunctionIntervals::getVariation(double lo, double hi, double off) const {
  auto get = [&](double x) { return (*this)({x, x}).center; };
  // Of v and v + d, the pieces hold the smaller.
  return findLargest(
      {lo - off, hi}, off / 8,
      [&](RealInterval x) {
        Jet jet = (*this)({x.lo, x.hi + off});
        return std::min(jet.slope.getMagnitude() * off + 2 * jet.off,
                        jet.value.getWidth());
      },
      [&](double x) { return std::abs(get(x + off) - get(x)); });
}

double FunctionIntervals::getDistance(double lo, double hi, double from) const {
  if (!(lo < hi))
    return 0;
  RealInterval at = (*this)({from, from}).value;
  auto getBound = [&](RealInterval x) {
    RealInterval value = (*this)(x).value;
    return std::max(value.hi - at.lo, at.hi - value.lo);
  };
  return findLargest({lo, hi}, (hi - lo) * 0x1p-40, getBound, [&](double x) {
    return std::abs((*this)({x, x}).center - at.lo);
  });
}
