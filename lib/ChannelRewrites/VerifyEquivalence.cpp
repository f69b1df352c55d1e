// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "VerifyEquivalence.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/AttrTypeSubElements.h"
#include "mlir/IR/IRMapping.h"
#include "qfmt/IR/ConstantData.h"
#include "qfmt/IR/QFmt.h"
#include "qfmt/Pipelines/Pipelines.h"
#include "qfmt/Runtime/CompiledFunction.h"
#include "qfmt/Support/SplitMix64.h"
#include "llvm/Support/FormatVariadic.h"
#include <cmath>
#include <cstring>

using namespace mlir;
using namespace mlir::qfmt;

/// Of the largest output.
static constexpr double kTolerance = 1e-12;
static constexpr unsigned kRuns = 3;

//===----------------------------------------------------------------------===//
// Functions of doubles
//===----------------------------------------------------------------------===//

using ExactTable = llvm::DenseMap<Operation *, std::vector<double>>;

/// Replaces f32 by f64 everywhere. Constants for which `exact` has elements get
/// these.
static void widen(ModuleOp module, const ExactTable &exact = ExactTable()) {
  MLIRContext *context = module.getContext();
  Type f64 = Float64Type::get(context);
  // First: others would replace their types.
  module.walk([&](arith::ConstantOp op) {
    auto type = dyn_cast<RankedTensorType>(op.getType());
    if (!type || !type.getElementType().isF32())
      return;
    auto found = exact.find(op);
    std::optional<std::vector<double>> elements;
    if (found != exact.end())
      elements = found->second;
    else
      elements = readFloats(op.getValue());
    if (elements)
      op.setValueAttr(
          cast<TypedAttr>(makeFloats(type.clone(f64), *elements, "widened")));
  });
  AttrTypeReplacer replacer;
  replacer.addReplacement([&](Float32Type) { return f64; });
  replacer.addReplacement([&](FloatAttr attr) -> std::optional<Attribute> {
    if (!attr.getType().isF32())
      return std::nullopt;
    return FloatAttr::get(f64, attr.getValueAsDouble());
  });
  // Widened already.
  replacer.addReplacement([](ElementsAttr attr) {
    return std::pair<Attribute, WalkResult>(attr, WalkResult::skip());
  });
  replacer.recursivelyReplaceElementsIn(module, /*replaceAttrs=*/true,
                                        /*replaceLocs=*/false,
                                        /*replaceTypes=*/true);
  // What was between f32 and f64.
  module.walk([](Operation *op) {
    if (!isa<arith::ExtFOp, arith::TruncFOp>(op) ||
        op->getOperand(0).getType() != op->getResult(0).getType())
      return;
    op->getResult(0).replaceAllUsesWith(op->getOperand(0));
    op->erase();
  });
}

static void eraseObservers(ModuleOp module) {
  SmallVector<ObserveOp> observers;
  module.walk([&](ObserveOp op) { observers.push_back(op); });
  for (ObserveOp op : observers) {
    op.replaceAllUsesWith(op.getInput());
    op.erase();
  }
}

OwningOpRef<ModuleOp>
mlir::qfmt::cloneInDouble(ModuleOp module, const ExactConstants *constants) {
  IRMapping mapping;
  OwningOpRef<ModuleOp> copy(cast<ModuleOp>(module->clone(mapping)));
  ExactTable exact;
  if (constants)
    for (const auto &[op, values] : constants->getTable())
      if (Operation *clone = mapping.lookupOrNull(op))
        exact[clone] = values;
  eraseObservers(*copy);
  widen(*copy, exact);
  return copy;
}

namespace {
/// Results by output.
using Outputs = std::vector<std::vector<double>>;

class DoubleFunction {
public:
  static FailureOr<DoubleFunction>
  compile(ModuleOp module, const ExactConstants *constants, StringRef entry) {
    OwningOpRef<ModuleOp> copy = cloneInDouble(module, constants);
    CompileOptions options;
    options.entry = entry.str();
    options.lowering = buildLowerToLLVMPipeline;
    options.optLevel = 1;
    auto compiled = CompiledFunction::compile(*copy, options);
    if (failed(compiled))
      return failure();
    return DoubleFunction(std::move(*compiled));
  }

  Outputs run(ArrayRef<std::vector<char>> buffers) const {
    const FunctionSignature &signature = function->getSignature();
    SmallVector<TensorView> inputs;
    for (auto [buffer, input] : llvm::zip_equal(buffers, signature.inputs))
      inputs.push_back({buffer.data(), input.shape});
    Outputs outputs;
    for (auto [result, output] :
         llvm::zip_equal(function->call(inputs), signature.outputs)) {
      if (output.element.kind != ElementSpec::Kind::Float)
        continue;
      const auto *data = static_cast<const double *>(result.data);
      outputs.emplace_back(data, data + output.getNumElements());
    }
    return outputs;
  }

private:
  explicit DoubleFunction(std::unique_ptr<CompiledFunction> function)
      : function(std::move(function)) {}

  std::unique_ptr<CompiledFunction> function;
};
} // namespace

//===----------------------------------------------------------------------===//
// Comparison
//===----------------------------------------------------------------------===//

/// Random elements: normally distributed floats, integers that are 0 or 1.
static std::vector<char> makeInput(const TensorSpec &spec, SplitMix64 &random) {
  std::vector<char> bytes(spec.getNumBytes(), 0);
  for (int64_t i = 0, e = spec.getNumElements(); i < e; ++i) {
    if (spec.element.kind == ElementSpec::Kind::Float) {
      // 1 - uniform() is never 0.
      double radius = std::sqrt(-2 * std::log(1 - random.uniform()));
      double value = radius * std::cos(2 * M_PI * random.uniform());
      std::memcpy(&bytes[i * sizeof(double)], &value, sizeof(double));
    } else {
      bytes[i * spec.element.getBytes()] = random.next() & 1;
    }
  }
  return bytes;
}

/// The largest difference, over the largest number of `from`; infinite if only
/// one of two is a number, or none is in all. What is infinite or no number in
/// both (the logarithm of a random number, say) is the same.
static double compare(const Outputs &from, const Outputs &to) {
  double largest = 0, difference = 0;
  bool areNumbers = false, isEmpty = true;
  for (auto [left, right] : llvm::zip_equal(from, to))
    for (auto [x, y] : llvm::zip_equal(left, right)) {
      isEmpty = false;
      if (x == y ? std::isinf(x) : std::isnan(x) && std::isnan(y))
        continue;
      if (!std::isfinite(x) || !std::isfinite(y))
        return INFINITY;
      areNumbers = true;
      largest = std::max(largest, std::abs(x));
      difference = std::max(difference, std::abs(x - y));
    }
  if (!areNumbers && !isEmpty)
    return INFINITY;
  return largest == 0 ? difference : difference / largest;
}

/// What rewriting and what rounding of constants changes.
struct Differences {
  double exact = 0, rounded = 0;
};

static FailureOr<Differences> measure(ModuleOp original, ModuleOp rewritten,
                                      const ExactConstants &constants,
                                      StringRef entry,
                                      const FunctionSignature &signature) {
  auto before = DoubleFunction::compile(original, nullptr, entry);
  auto exact = DoubleFunction::compile(rewritten, &constants, entry);
  auto rounded = DoubleFunction::compile(rewritten, nullptr, entry);
  if (failed(before) || failed(exact) || failed(rounded))
    return failure();
  SplitMix64 random(1);
  Differences differences;
  for (unsigned run = 0; run < kRuns; ++run) {
    std::vector<std::vector<char>> inputs;
    for (const TensorSpec &input : signature.inputs)
      inputs.push_back(makeInput(input, random));
    Outputs expected = before->run(inputs);
    differences.exact =
        std::max(differences.exact, compare(expected, exact->run(inputs)));
    differences.rounded =
        std::max(differences.rounded, compare(expected, rounded->run(inputs)));
  }
  return differences;
}

LogicalResult mlir::qfmt::verifyEquivalence(ModuleOp original,
                                            ModuleOp rewritten,
                                            const ExactConstants &constants) {
  for (auto function : rewritten.getOps<func::FuncOp>()) {
    if (function.isPrivate() || function.isExternal())
      continue;
    OwningOpRef<ModuleOp> wide(original.clone());
    widen(*wide);
    auto signature = FunctionSignature::get(
        wide->lookupSymbol<func::FuncOp>(function.getSymName()));
    if (failed(signature))
      return failure();
    if (!llvm::all_of(signature->inputs, [](const TensorSpec &input) {
          return input.hasStaticShape();
        }))
      return function.emitOpError()
             << "has arguments of dynamic shape, on which equivalence cannot "
                "be verified; give static shapes";
    auto isOtherFloat = [](const TensorSpec &spec) {
      return spec.element.kind == ElementSpec::Kind::Float &&
             spec.element.getBytes() != sizeof(double);
    };
    if (llvm::any_of(signature->inputs, isOtherFloat) ||
        llvm::any_of(signature->outputs, isOtherFloat))
      return function.emitOpError()
             << "has arguments or results of floats narrower than f32, on "
                "which equivalence cannot be verified";
    FailureOr<Differences> found = measure(original, rewritten, constants,
                                           function.getSymName(), *signature);
    if (failed(found))
      return failure();
    if (!(found->exact <= kTolerance))
      return function.emitOpError()
             << "computes something else after its channels were changed: "
             << llvm::formatv("{0:e2}", found->exact)
             << " of the largest result, more than "
             << llvm::formatv("{0:e0}", kTolerance);
    function.emitRemark() << "equivalent: "
                          << llvm::formatv("{0:e2}", found->exact)
                          << " of the largest result; with rounded constants "
                          << llvm::formatv("{0:e2}", found->rounded);
  }
  return success();
}
