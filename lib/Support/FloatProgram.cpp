//===- FloatProgram.cpp - Elementary functions as arithmetic --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/Support/FloatProgram.h"
#include "llvm/Support/ErrorHandling.h"
#include <tuple>

using namespace mlir::qfmt;

#define NONE llvm::ArrayRef<double>()
#define LIST(...)                                                              \
  []() -> llvm::ArrayRef<double> {                                             \
    static const double values[] = {__VA_ARGS__};                              \
    return values;                                                             \
  }()
#define PROGRAM(FUNCTION, TYPE, KIND, OPERATIONS, OPERATIONS_FMA, ULP,         \
                ULP_FMA, COEFFICIENTS, TAIL, POWER)                            \
  FloatProgram{FloatFunction::FUNCTION,                                        \
               FloatProgramType::TYPE,                                         \
               FloatProgramKind::KIND,                                         \
               OPERATIONS,                                                     \
               OPERATIONS_FMA,                                                 \
               ULP,                                                            \
               ULP_FMA,                                                        \
               COEFFICIENTS,                                                   \
               TAIL,                                                           \
               POWER},

llvm::ArrayRef<FloatProgram> mlir::qfmt::getFloatPrograms() {
  static const FloatProgram programs[] = {
#include "FloatPrograms.inc"
  };
  return programs;
}

bool FloatProgramQuery::accepts(const FloatProgram &program) const {
  return program.function == function && program.type == type &&
         program.getMaxUlp(fma) <= maxUlp &&
         (maxOps == 0 || program.getOperations(fma) <= maxOps) &&
         (division || !program.divides());
}

const FloatProgram *
mlir::qfmt::findFloatProgram(const FloatProgramQuery &query) {
  const FloatProgram *best = nullptr;
  auto getCost = [&](const FloatProgram &program) {
    return std::make_tuple(program.getOperations(query.fma),
                           program.getMaxUlp(query.fma));
  };
  for (const FloatProgram &program : getFloatPrograms())
    if (query.accepts(program) && (!best || getCost(program) < getCost(*best)))
      best = &program;
  return best;
}

llvm::StringRef mlir::qfmt::stringify(FloatFunction function) {
  switch (function) {
  case FloatFunction::Exp2:
    return "exp2";
  case FloatFunction::Exp:
    return "exp";
  case FloatFunction::Log2:
    return "log2";
  case FloatFunction::Erf:
    return "erf";
  }
  llvm_unreachable("covered switch");
}
