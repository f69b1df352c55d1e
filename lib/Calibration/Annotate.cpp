//===- Annotate.cpp - Statistics of a network run on data -----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  level observed, and samples.
// Output: the same with statistics on each `observe`. A copy of the module, in
//         which each `observe` calls back, is compiled and run.
// Not done: other entry functions than one; observers that it does not reach
//         are an error.
//
//===----------------------------------------------------------------------===//

#include "CalibrationData.h"
#include "Recorder.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "qfmt/Calibration/Passes.h"
#include "qfmt/Pipelines/Pipelines.h"
#include "qfmt/Runtime/CompiledFunction.h"

namespace mlir::qfmt {
#define GEN_PASS_DEF_ANNOTATE
#include "qfmt/Calibration/Passes.h.inc"
} // namespace mlir::qfmt

using namespace mlir;
using namespace mlir::qfmt;

namespace {

SmallVector<ObserveOp> collectObservers(ModuleOp module) {
  SmallVector<ObserveOp> observers;
  module.walk([&](ObserveOp op) { observers.push_back(op); });
  return observers;
}

/// Declares what compiled code calls for each tensor that passes an observer.
func::FuncOp declareCallback(ModuleOp module) {
  OpBuilder builder(module.getBodyRegion());
  Type i64 = builder.getI64Type();
  auto type = builder.getFunctionType(
      {i64, i64, UnrankedTensorType::get(builder.getF32Type())}, {});
  auto callback =
      func::FuncOp::create(builder, module.getLoc(), Recorder::kCallback, type);
  callback.setPrivate();
  callback->setAttr(LLVM::LLVMDialect::getEmitCWrapperAttrName(),
                    builder.getUnitAttr());
  // Without this, bufferization has to expect that it writes to the tensor.
  callback.setArgAttr(
      2, bufferization::BufferizationDialect::kBufferAccessAttrName,
      builder.getStringAttr("read"));
  return callback;
}

/// Replaces each `observe` by a call back to `recorder`.
void instrument(ModuleOp module, Recorder &recorder) {
  func::FuncOp callback = declareCallback(module);
  for (auto [index, op] : llvm::enumerate(collectObservers(module))) {
    OpBuilder builder(op);
    Location loc = op.getLoc();
    // The code lives no longer than the recorder.
    auto address = reinterpret_cast<intptr_t>(&recorder);
    Value receiver = arith::ConstantIntOp::create(builder, loc, address, 64);
    Value observer = arith::ConstantIntOp::create(builder, loc, index, 64);
    Value tensor = tensor::CastOp::create(
        builder, loc, UnrankedTensorType::get(builder.getF32Type()),
        op.getInput());
    func::CallOp::create(builder, loc, callback,
                         ValueRange{receiver, observer, tensor});
    op.replaceAllUsesWith(op.getInput());
    op.erase();
  }
}

/// What the source network calls the arguments; empty where it does not say.
SmallVector<std::string> getArgumentNames(func::FuncOp function) {
  SmallVector<std::string> names;
  for (unsigned i = 0; i < function.getNumArguments(); ++i) {
    auto name =
        function.getArgAttrOfType<StringAttr>(i, QFmtDialect::kNameAttr);
    names.push_back(name ? name.str() : "");
  }
  return names;
}

struct AnnotatePass : qfmt::impl::AnnotateBase<AnnotatePass> {
  using Base::Base;

  /// Everything that compiling needs: no dialect can be loaded later on.
  void getDependentDialects(DialectRegistry &registry) const override {
    registerPipelineDialects(registry);
  }

  void runOnOperation() override {
    SmallVector<ObserveOp> observers = collectObservers(getOperation());
    Recorder recorder(observers.size());
    if (failed(checkInput(observers)) || failed(run(observers, recorder)))
      return signalPassFailure();
    for (auto [op, record] : llvm::zip_equal(observers, recorder.getRecords()))
      op.setStatisticsAttr(StatisticsAttr::get(&getContext(), record.min,
                                               record.max, record.count,
                                               record.histogram));
  }

  LogicalResult checkInput(ArrayRef<ObserveOp> observers) {
    constexpr unsigned kMaxBins = 1 << 20;
    if (data.empty())
      return fail("needs the option 'data', an .npz or .npy file");
    if (bins == 0 || bins > kMaxBins)
      return fail("option 'bins' is 1 to " + Twine(kMaxBins) + ", found " +
                  Twine(bins));
    if (observers.empty())
      return fail("finds no observers; run qfmt-insert-observers first");
    for (ObserveOp op : observers)
      if (!op.getType().getElementType().isF32())
        return op->emitOpError() << "of " << op.getType().getElementType()
                                 << " cannot be calibrated, only of f32";
    return success();
  }

  /// Runs the network on all samples, twice.
  LogicalResult run(ArrayRef<ObserveOp> observers, Recorder &recorder) {
    OwningOpRef<ModuleOp> copy(getOperation().clone());
    instrument(*copy, recorder);
    CompileOptions options;
    options.entry = entry;
    options.lowering = buildLowerToLLVMPipeline;
    options.symbols = {{("_mlir_ciface_" + Recorder::kCallback).str(),
                        Recorder::getCallback()}};
    auto compiled = CompiledFunction::compile(*copy, options);
    if (failed(compiled))
      return failure();
    auto function = getOperation().lookupSymbol<func::FuncOp>(entry);
    llvm::Expected<CalibrationData> samples = CalibrationData::read(
        data, (*compiled)->getSignature(), getArgumentNames(function));
    if (!samples)
      return fail(llvm::toString(samples.takeError()));
    numSamples += samples->getNumSamples();

    if (failed(runOnce(**compiled, *samples, observers, recorder)))
      return failure();
    for (auto [op, record] : llvm::zip_equal(observers, recorder.getRecords()))
      if (record.count == 0)
        return op->emitOpError() << "is never reached by @" << entry
                                 << ", or its tensor is empty";
    recorder.startHistograms(bins);
    return runOnce(**compiled, *samples, observers, recorder);
  }

  LogicalResult runOnce(const CompiledFunction &compiled,
                        const CalibrationData &samples,
                        ArrayRef<ObserveOp> observers,
                        const Recorder &recorder) {
    for (int64_t i = 0, e = samples.getNumSamples(); i < e; ++i) {
      compiled.call(samples.getSample(i));
      if (std::optional<size_t> observer = recorder.getNonFinite())
        return emitError(getOperation().getLoc())
               << "qfmt-annotate: sample " << i << " of '" << data
               << "' gives a NaN or an infinity at the observer \""
               << ObserveOp(observers[*observer]).getId() << "\"";
    }
    return success();
  }

  /// An error about the module as a whole, without printing it.
  LogicalResult fail(const Twine &message) {
    return emitError(getOperation().getLoc()) << "qfmt-annotate: " << message;
  }
};
} // namespace
