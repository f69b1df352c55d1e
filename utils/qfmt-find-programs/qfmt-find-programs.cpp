//===- qfmt-find-programs.cpp - Makes the table of float programs ---------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Prints lib/Support/FloatPrograms.inc: candidates of every kind and size are
// fitted by Remez' exchange, their coefficients rounded to the type and moved
// by single units where that helps, and the error of the whole function is
// measured in the type's arithmetic against long double. Those that another
// beats in both error and operations are dropped.
//
//   qfmt-find-programs > lib/Support/FloatPrograms.inc
//   qfmt-find-programs check [samples]   measures the checked-in table anew
//   qfmt-find-programs check-all         f32: every input
//
//===----------------------------------------------------------------------===//

#include "qfmt/Support/FloatExpansion.h"
#include "qfmt/Support/Remez.h"
#include "llvm/ADT/Sequence.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"
#include <cmath>
#include <random>
#include <vector>

using namespace mlir::qfmt;

namespace {
/// A program that owns its coefficients.
struct Candidate {
  FloatProgram program;
  std::vector<double> coefficients, tail, power;

  FloatProgram get() const {
    FloatProgram result = program;
    result.coefficients = coefficients;
    result.tail = tail;
    result.power = power;
    return result;
  }
};

/// Inputs and exact results.
struct Samples {
  std::vector<double> inputs;
  std::vector<long double> exact;
};
} // namespace

static constexpr long double kLn2 = 0.693147180559945309417232121458176568L;

static long double computeExact(FloatFunction function, long double x) {
  switch (function) {
  case FloatFunction::Exp2:
    return std::exp2(x);
  case FloatFunction::Exp:
    return std::exp(x);
  case FloatFunction::Log2:
    return std::log2(x);
  case FloatFunction::Erf:
    return std::erf(x);
  }
  llvm_unreachable("covered switch");
}

//===----------------------------------------------------------------------===//
// Measuring
//===----------------------------------------------------------------------===//

/// |computed - exact| in units in the last place of T at the exact result.
/// Infinity counts as the power of two that follows the largest number, on both
/// sides: at the overflow threshold the two are an ulp apart. NaN for NaN, zero
/// for zero.
template <typename T>
static double measureUlp(T computed, long double exact) {
  using Limits = std::numeric_limits<T>;
  if (std::isnan(exact) || std::isnan(computed))
    return std::isnan(exact) && std::isnan(computed) ? 0 : HUGE_VAL;
  if (exact == 0)
    return computed == 0 ? 0 : HUGE_VAL;
  long double end = std::ldexp(1.0L, Limits::max_exponent);
  auto bound = [&](long double value) {
    return std::max(-end, std::min(end, value));
  };
  int exponent =
      std::min(std::max(std::ilogb(bound(exact)), Limits::min_exponent - 1),
               Limits::max_exponent - 1);
  long double ulp = std::ldexp(1.0L, exponent - (Limits::digits - 1));
  return double(std::fabs(bound(computed) - bound(exact)) / ulp);
}

template <typename T>
static double measure(const FloatProgram &program, const Samples &samples,
                      bool fma) {
  double largest = 0;
  for (auto [x, exact] : llvm::zip(samples.inputs, samples.exact))
    largest = std::max(
        largest,
        measureUlp(evaluateFloatProgram<T>(program, T(x), fma), exact));
  return largest;
}

static double measure(const FloatProgram &program, const Samples &samples,
                      bool fma) {
  return program.type == FloatProgramType::F32
             ? measure<float>(program, samples, fma)
             : measure<double>(program, samples, fma);
}

/// An interval that holds all results other than 0, 1 and infinity.
static std::pair<double, double> getDomain(FloatFunction function, bool isF32) {
  switch (function) {
  case FloatFunction::Exp2:
    return isF32 ? std::pair(-152.0, 129.0) : std::pair(-1080.0, 1025.0);
  case FloatFunction::Exp:
    return isF32 ? std::pair(-105.0, 89.0) : std::pair(-747.0, 710.0);
  case FloatFunction::Log2:
    return {0.25, 4.0};
  case FloatFunction::Erf:
    return isF32 ? std::pair(-4.5, 4.5) : std::pair(-6.5, 6.5);
  }
  llvm_unreachable("covered switch");
}

/// Uniform on the domain, uniform where the reduction does nothing, and of all
/// magnitudes; subnormal numbers, zeros and infinities among them.
static Samples makeSamples(FloatFunction function, FloatProgramType type,
                           unsigned count) {
  bool isF32 = type == FloatProgramType::F32;
  std::mt19937_64 random(20230612);
  auto pick = [&](double lo, double hi) {
    return lo + (hi - lo) * (double(random() >> 11) * 0x1p-53);
  };
  auto [lo, hi] = getDomain(function, isF32);
  Samples samples;
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  samples.inputs = {0.0,
                    -0.0,
                    1.0,
                    -1.0,
                    kInfinity,
                    -kInfinity,
                    std::numeric_limits<double>::quiet_NaN()};
  for (unsigned i = 0; i < count; ++i) {
    double x = pick(lo, hi);
    if (i % 4 == 1 || i % 4 == 2)
      x = function == FloatFunction::Log2 ? pick(0.7, 1.42) : pick(-1.1, 1.1);
    if (i % 4 == 3) {
      double magnitude = isF32 ? pick(-150, 128) : pick(-1075, 1024);
      x = std::exp2(magnitude) * (random() % 2 ? 1 : -1);
    }
    samples.inputs.push_back(isF32 ? double(float(x)) : x);
  }
  for (double x : samples.inputs)
    samples.exact.push_back(computeExact(function, x));
  return samples;
}

//===----------------------------------------------------------------------===//
// Fitting
//===----------------------------------------------------------------------===//

static std::vector<double> roundTo(FloatProgramType type,
                                   const std::vector<long double> &values) {
  std::vector<double> result;
  for (long double value : values)
    result.push_back(type == FloatProgramType::F32 ? double(float(value))
                                                   : double(value));
  return result;
}

static std::vector<double> fit(FloatProgramType type, RealFunction function,
                               long double lo, long double hi,
                               RealFunction weight, unsigned degree) {
  auto result = fitPolynomial({function, lo, hi, weight}, degree);
  if (!result) {
    llvm::errs() << "error: a fit of degree " << degree << " failed\n";
    std::exit(1);
  }
  return roundTo(type, result->coefficients);
}

static RealFunction makeRelative(RealFunction function) {
  return [function](long double x) { return 1 / std::fabs(function(x)); };
}

/// base^r with base = e^rate, on the reduced range.
static Candidate fitPower(FloatFunction function, FloatProgramType type,
                          FloatProgramKind kind, unsigned degree) {
  long double rate = function == FloatFunction::Exp2 ? kLn2 : 1;
  long double end = function == FloatFunction::Exp2 ? 0.5L : kLn2 / 2 * 1.0001L;
  Candidate candidate;
  candidate.program = {function, type, kind, 2 * degree, degree,
                       0,        0,    {},   {},         {}};
  if (kind == FloatProgramKind::Polynomial) {
    RealFunction power = [=](long double r) { return std::exp(rate * r); };
    candidate.coefficients =
        fit(type, power, -end, end, makeRelative(power), degree);
    return candidate;
  }
  candidate.program.operations += 4;
  candidate.program.operationsFma += 4;
  // (q + r) / (q - r) = e^(rate r); its relative error is that of q times
  // 2 r q / (q^2 - r^2), and vanishes at 0, where the exchange needs a weight.
  RealFunction quotient = [=](long double z) {
    long double r = std::sqrt(z), power = std::expm1(rate * r);
    return r * (power + 2) / power;
  };
  RealFunction weight = [=](long double z) {
    long double q = quotient(z);
    return 2 * std::sqrt(z) / (q * q - z);
  };
  candidate.coefficients =
      fit(type, quotient, end * end * 1e-3L, end * end, weight, degree);
  return candidate;
}

/// The program of 10 operations; its constants are for 2^r on [-1/2, 1/2],
/// refitted in quadruple precision. With r = x / ln 2 the same form is e^x.
static Candidate makeEvolved(FloatFunction function) {
  const long double c[] = {0,
                           15141.127650966771277536907L,
                           -250.54654527957661623319616L,
                           5783.3961341872969213476933L,
                           501.09309055915323246639232L,
                           -1};
  long double unit = function == FloatFunction::Exp2 ? 1 : kLn2;
  Candidate candidate;
  candidate.program = {function,
                       FloatProgramType::F64,
                       FloatProgramKind::Evolved,
                       10,
                       10,
                       0,
                       0,
                       {},
                       {},
                       {}};
  candidate.coefficients =
      roundTo(FloatProgramType::F64, {0, c[1] * unit * unit, c[2] * unit,
                                      c[3] * unit * unit, c[4] * unit, c[5]});
  return candidate;
}

static Candidate fitLog2(FloatProgramType type, FloatProgramKind kind,
                         unsigned degree) {
  Candidate candidate;
  candidate.program = {
      FloatFunction::Log2, type, kind, 2 * degree, degree, 0, 0, {}, {}, {}};
  const long double root = std::sqrt(2.0L);
  if (kind == FloatProgramKind::PolynomialTimesArgument) {
    RealFunction slope = [](long double r) {
      return r == 0 ? 1 / kLn2 : std::log1p(r) / r / kLn2;
    };
    candidate.program.operations += 1;
    candidate.program.operationsFma += 1;
    candidate.coefficients =
        fit(type, slope, 1 / root - 1, root - 1, makeRelative(slope), degree);
    return candidate;
  }
  RealFunction slope = [](long double z) {
    long double s = std::sqrt(z);
    return z == 0 ? 2 / kLn2 : 2 * std::atanh(s) / s / kLn2;
  };
  candidate.program.operations += 4;
  candidate.program.operationsFma += 4;
  long double end = (root - 1) / (root + 1);
  candidate.coefficients =
      fit(type, slope, 0, end * end, makeRelative(slope), degree);
  return candidate;
}

static Candidate fitErf(FloatProgramType type, unsigned degree,
                        unsigned tailDegree, unsigned powerDegree) {
  Candidate candidate;
  unsigned degrees = degree + tailDegree + powerDegree;
  candidate.program = {FloatFunction::Erf,
                       type,
                       FloatProgramKind::OddOrTail,
                       2 * degrees + 5,
                       degrees + 5,
                       0,
                       0,
                       {},
                       {},
                       {}};
  RealFunction slope = [](long double z) {
    long double s = std::sqrt(z);
    return z == 0 ? 1.12837916709551257389615890312154517L : std::erf(s) / s;
  };
  candidate.coefficients = fit(type, slope, 0, 1, makeRelative(slope), degree);
  // An error of p moves 2^p by ln 2 times 2^p = erfc.
  long double end = type == FloatProgramType::F32 ? 4 : 6;
  candidate.tail = fit(
      type, [](long double r) { return std::log2(std::erfc(r + 2)); }, -1,
      end - 2, [](long double r) { return std::erfc(r + 2); }, tailDegree);
  candidate.power = fitPower(FloatFunction::Exp2, type,
                             FloatProgramKind::Polynomial, powerDegree)
                        .coefficients;
  return candidate;
}

/// Moves single coefficients by one unit while that lowers the largest error:
/// rounding each for itself is not the best rounding of all.
static void polish(Candidate &candidate, const Samples &samples) {
  if (candidate.program.type != FloatProgramType::F32)
    return;
  double best = measure(candidate.get(), samples, false);
  // Beyond, rounding is not what limits the error.
  if (best > 16)
    return;
  for (std::vector<double> *values :
       {&candidate.coefficients, &candidate.tail, &candidate.power})
    for (unsigned round = 0; round < 2; ++round)
      for (double &value : *values)
        for (float direction : {-HUGE_VALF, HUGE_VALF}) {
          double old = value;
          value = std::nextafter(float(value), direction);
          double error = measure(candidate.get(), samples, false);
          if (error < best)
            best = error;
          else
            value = old;
        }
}

static std::vector<Candidate> fitAll(FloatFunction function,
                                     FloatProgramType type) {
  bool isF32 = type == FloatProgramType::F32;
  std::vector<Candidate> result;
  switch (function) {
  case FloatFunction::Exp2:
  case FloatFunction::Exp:
    for (unsigned degree : llvm::seq(1u, isF32 ? 8u : 13u))
      result.push_back(
          fitPower(function, type, FloatProgramKind::Polynomial, degree));
    for (unsigned degree : llvm::seq(1u, isF32 ? 3u : 6u))
      result.push_back(
          fitPower(function, type, FloatProgramKind::Quotient, degree));
    if (!isF32)
      result.push_back(makeEvolved(function));
    break;
  case FloatFunction::Log2:
    for (unsigned degree : llvm::seq(1u, isF32 ? 11u : 22u))
      result.push_back(
          fitLog2(type, FloatProgramKind::PolynomialTimesArgument, degree));
    for (unsigned degree : llvm::seq(0u, isF32 ? 5u : 10u))
      result.push_back(fitLog2(type, FloatProgramKind::OddOfQuotient, degree));
    break;
  case FloatFunction::Erf:
    for (auto [odd, tail, power] :
         std::initializer_list<std::tuple<unsigned, unsigned, unsigned>>{
             {2, 2, 2},
             {3, 3, 2},
             {4, 4, 3},
             {5, 5, 3},
             {5, 6, 4},
             {6, 7, 4},
             {7, 8, 5},
             {7, 9, 6},
             {8, 10, 6},
             {9, 11, 7},
             {10, 13, 8},
             {11, 15, 9},
             {12, 17, 10},
             {13, 19, 11}})
      if (!isF32 || odd <= 8)
        result.push_back(fitErf(type, odd, tail, power));
    break;
  }
  return result;
}

/// Observed errors are not the largest: an eighth and 0.03 more, rounded
/// up to three digits.
static double addMargin(double observed) {
  double value = observed * 1.125 + 0.03;
  double unit = std::pow(10.0, std::floor(std::log10(value)) - 2);
  return std::ceil(value / unit) * unit;
}

/// Drops candidates that another beats: it has fewer operations and no larger
/// error, or as many and a smaller one. A candidate stays if it is best in one
/// of four respects: with or without fused operations, among all or, if it does
/// not divide, among those that do not.
static std::vector<Candidate> selectBest(std::vector<Candidate> candidates) {
  auto beats = [](const Candidate &a, const Candidate &b, bool fma) {
    unsigned operations = a.program.getOperations(fma);
    if (operations != b.program.getOperations(fma))
      return operations < b.program.getOperations(fma) &&
             a.program.getMaxUlp(fma) <= b.program.getMaxUlp(fma) * 1.03;
    return a.program.getMaxUlp(fma) < b.program.getMaxUlp(fma);
  };
  auto isBest = [&](const Candidate &candidate, bool fma, bool division) {
    return llvm::none_of(candidates, [&](const Candidate &other) {
      return (division || !other.program.divides()) &&
             beats(other, candidate, fma);
    });
  };
  std::vector<Candidate> result;
  for (const Candidate &candidate : candidates)
    for (int respect = 0; respect < 4; ++respect) {
      bool fma = respect & 1, division = respect & 2;
      if ((!division && candidate.program.divides()) ||
          !isBest(candidate, fma, division))
        continue;
      result.push_back(candidate);
      break;
    }
  return result;
}

//===----------------------------------------------------------------------===//
// Output
//===----------------------------------------------------------------------===//

static const char *getName(FloatFunction function) {
  switch (function) {
  case FloatFunction::Exp2:
    return "Exp2";
  case FloatFunction::Exp:
    return "Exp";
  case FloatFunction::Log2:
    return "Log2";
  case FloatFunction::Erf:
    return "Erf";
  }
  llvm_unreachable("covered switch");
}

static const char *getName(FloatProgramKind kind) {
  switch (kind) {
  case FloatProgramKind::Polynomial:
    return "Polynomial";
  case FloatProgramKind::Quotient:
    return "Quotient";
  case FloatProgramKind::Evolved:
    return "Evolved";
  case FloatProgramKind::PolynomialTimesArgument:
    return "PolynomialTimesArgument";
  case FloatProgramKind::OddOfQuotient:
    return "OddOfQuotient";
  case FloatProgramKind::OddOrTail:
    return "OddOrTail";
  }
  llvm_unreachable("covered switch");
}

static void printList(const std::vector<double> &values) {
  if (values.empty()) {
    llvm::outs() << " NONE";
    return;
  }
  llvm::outs() << " LIST(";
  llvm::interleaveComma(values, llvm::outs(), [](double value) {
    llvm::outs() << llvm::format("%a", value);
  });
  llvm::outs() << ")";
}

static void print(const Candidate &candidate) {
  const FloatProgram &program = candidate.program;
  llvm::outs() << "PROGRAM(" << getName(program.function) << ", "
               << (program.type == FloatProgramType::F32 ? "F32" : "F64")
               << ", " << getName(program.kind) << ", " << program.operations
               << ", " << program.operationsFma << ", "
               << llvm::format("%.3g", program.maxUlp) << ", "
               << llvm::format("%.3g", program.maxUlpFma) << ",\n       ";
  printList(candidate.coefficients);
  llvm::outs() << ",";
  printList(candidate.tail);
  llvm::outs() << ",";
  printList(candidate.power);
  llvm::outs() << ")\n";
}

static constexpr FloatFunction kFunctions[] = {
    FloatFunction::Exp2, FloatFunction::Exp, FloatFunction::Log2,
    FloatFunction::Erf};

static int printTable() {
  llvm::outs() << "// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception\n"
                  "// Made by qfmt-find-programs; not edited by hand.\n"
                  "// PROGRAM(function, type, kind, operations, with fused "
                  "multiply-add, largest error in ulp,\n"
                  "//         with fused multiply-add, coefficients, tail, "
                  "power)\n\n";
  for (FloatProgramType type : {FloatProgramType::F32, FloatProgramType::F64})
    for (FloatFunction function : kFunctions) {
      Samples few = makeSamples(function, type, 2000);
      Samples many = makeSamples(function, type, 200000);
      std::vector<Candidate> candidates = fitAll(function, type);
      for (Candidate &candidate : candidates) {
        polish(candidate, few);
        candidate.program.maxUlp =
            addMargin(measure(candidate.get(), many, false));
        candidate.program.maxUlpFma =
            addMargin(measure(candidate.get(), many, true));
      }
      for (const Candidate &candidate : selectBest(std::move(candidates)))
        print(candidate);
    }
  return 0;
}

static int check(unsigned count) {
  int failures = 0;
  for (const FloatProgram &program : getFloatPrograms()) {
    Samples samples = makeSamples(program.function, program.type, count);
    for (bool fma : {false, true}) {
      double error = measure(program, samples, fma);
      bool holds = error <= program.getMaxUlp(fma);
      failures += !holds;
      llvm::outs() << getName(program.function)
                   << (program.type == FloatProgramType::F32 ? " f32 "
                                                             : " f64 ")
                   << getName(program.kind) << " " << program.getOperations(fma)
                   << (fma ? " fma" : "")
                   << llvm::format(": %.4g of %.4g", error,
                                   program.getMaxUlp(fma))
                   << (holds ? "\n" : "  EXCEEDED\n");
    }
  }
  return failures != 0;
}

/// Every f32: only the part of `parts` given, to be run side by side.
static int checkAll(unsigned part, unsigned parts) {
  int failures = 0;
  std::vector<std::pair<FloatProgram, std::array<double, 2>>> programs;
  for (const FloatProgram &program : getFloatPrograms())
    if (program.type == FloatProgramType::F32)
      programs.push_back({program, {0, 0}});
  for (FloatFunction function : kFunctions)
    for (uint64_t bits = part; bits < uint64_t(1) << 32; bits += parts) {
      uint32_t pattern = uint32_t(bits);
      float x;
      std::memcpy(&x, &pattern, sizeof(x));
      long double exact = computeExact(function, x);
      for (auto &[program, errors] : programs)
        if (program.function == function)
          for (bool fma : {false, true})
            errors[fma] = std::max(
                errors[fma],
                measureUlp(evaluateFloatProgram<float>(program, x, fma),
                           exact));
    }
  for (const auto &[program, errors] : programs)
    for (bool fma : {false, true}) {
      bool holds = errors[fma] <= program.getMaxUlp(fma);
      failures += !holds;
      llvm::outs() << getName(program.function) << " " << getName(program.kind)
                   << " " << program.getOperations(fma) << (fma ? " fma" : "")
                   << llvm::format(": %.4g of %.4g", errors[fma],
                                   program.getMaxUlp(fma))
                   << (holds ? "\n" : "  EXCEEDED\n");
    }
  return failures != 0;
}

int main(int argc, char **argv) {
  llvm::StringRef mode = argc > 1 ? argv[1] : "";
  auto getNumber = [&](int index, unsigned fallback) {
    unsigned value = fallback;
    if (argc > index && llvm::StringRef(argv[index]).getAsInteger(10, value))
      value = 0;
    return value;
  };
  if (mode.empty())
    return printTable();
  if (mode == "check" && getNumber(2, 100000) > 0)
    return check(getNumber(2, 100000));
  if (mode == "check-all" && getNumber(3, 1) > 0)
    return checkAll(getNumber(2, 0), getNumber(3, 1));
  llvm::errs() << "usage: qfmt-find-programs [check [samples] | check-all "
                  "[part parts]]\n";
  return 1;
}
