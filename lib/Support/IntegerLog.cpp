//===- IntegerLog.cpp - Logarithms in integers ----------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/Support/IntegerKernels.h"
#include <algorithm>
#include <cmath>
#include <limits>

using namespace mlir::qfmt;

using Builder = IntegerProgramBuilder;
using Value = IntegerProgram::Value;

/// The parts are summed in units of 2^-29.
static constexpr unsigned kSumBits = 29;

/// Why the request makes no sense; empty if it does.
static std::string checkRequest(const LogRequest &request) {
  if (request.range.lo < 1 || request.range.lo > request.range.hi ||
      request.range.hi >= int64_t(1) << 62)
    return "the input range must be within 1 ... 2^62 - 1: the logarithm of 0 "
           "has no value";
  if (!(request.inputScale > 0) || !std::isfinite(request.inputScale))
    return "the scale must be positive and finite";
  if (request.fractionBits > 24)
    return "a logarithm has at most 24 fraction bits";
  return "";
}

std::optional<IntegerKernel> mlir::qfmt::buildLog(const LogRequest &request,
                                                  std::string *reason) {
  auto fail = [&](const std::string &problem) {
    if (reason)
      *reason = problem;
    return std::nullopt;
  };
  std::string problem = checkRequest(request);
  if (!problem.empty())
    return fail(problem);
  auto log = [&](long double x) {
    return request.isBase2 ? std::log2(x) : std::log(x);
  };
  // i = m 2^(33 - lz) with 2^30 <= m < 2^31 (what m cuts off is less than 2^-30
  // of it, 0.73 units of the sum): log(i) = log(m 2^-30) + (63 - lz) log(2).
  int64_t guard = kSumBits - request.fractionBits;
  long double others =
      0.5L + (request.range.hi >= int64_t(1) << 31 ? 0.73L : 0);
  double forPolynomial =
      double(std::ldexp(request.maxError - 0.5L, int(guard)) - others);
  if (forPolynomial <= 0.5)
    return fail("an error of " + std::to_string(request.maxError) +
                " units cannot be reached");
  auto polynomial = approximateFunction(
      {log, int64_t(1) << 30, (int64_t(1) << 31) - 1, 0x1p-30,
       std::ldexp(1.0, -int(kSumBits)), forPolynomial},
      reason);
  if (!polynomial)
    return std::nullopt;
  Builder b;
  Value input = b.addInput(request.range);
  Value zeros = b.leadingZeros(input);
  // The leading one moves to bit 62.
  Value normalised =
      b.shiftLeftInto(input, b.addImmediate(zeros, -1),
                      {int64_t(1) << 62, std::numeric_limits<int64_t>::max()});
  Value m = b.shiftRightBy(normalised, 32);
  // The exponent's part with the scale's, each entry rounded once, and the half
  // for the last rounding.
  std::vector<int64_t> table;
  IntegerProgram::Range zerosRange = b.getRange(zeros);
  for (int64_t lz = zerosRange.lo; lz <= zerosRange.hi; ++lz)
    table.push_back(
        int64_t(std::round(std::ldexp(
            (63 - lz) * log(2) + log(request.inputScale), int(kSumBits)))) +
        (int64_t(1) << (guard - 1)));
  Value index = b.addImmediate(zeros, -zerosRange.lo);
  Value sum = b.add(b.append(polynomial->program, m)[0],
                    b.lookup(index, std::move(table)));
  Value result = b.shiftRightBy(sum, unsigned(guard));
  if (b.hasFailed())
    return fail(b.getFailure());
  double bound = double(
      0.5L + std::ldexp(polynomial->bound + others, -int(guard)) + 1e-9L);
  IntegerKernel kernel{b.finish(result), bound};
  if (request.range.hi - request.range.lo < kMaxExhaustive)
    kernel.bound =
        std::min(bound, findLargestErrorOfAll(
                            kernel.program, request.range, [&](long double i) {
                              return std::ldexp(log(i * request.inputScale),
                                                int(request.fractionBits));
                            }));
  return kernel;
}
