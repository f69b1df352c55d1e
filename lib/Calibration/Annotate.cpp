//===- Annotate.cpp - Statistics of a network run on data -----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  level observed, and samples.
// Output: the same with statistics on each `observe`. A copy of the module, in
//         which each `observe` calls back, is compiled and run. On demand a
//         file of statistics of what layers read: second moments, means and
//         ranges of channels, and some of the data.
// Not done: other entry functions than one; observers that it does not reach
//         are an error.
//
//===----------------------------------------------------------------------===//

#include "CalibrationData.h"
#include "LayerMoments.h"
#include "Recorder.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "qfmt/Calibration/Passes.h"
#include "qfmt/Pipelines/Pipelines.h"
#include "qfmt/Runtime/CompiledFunction.h"
#include "llvm/ADT/Statistic.h"

namespace mlir::qfmt {
#define GEN_PASS_DEF_ANNOTATE
#include "qfmt/Calibration/Passes.h.inc"
} // namespace mlir::qfmt

using namespace mlir;
using namespace mlir::qfmt;

#define DEBUG_TYPE "qfmt-annotate"
ALWAYS_ENABLED_STATISTIC(numSamples, "Samples the network was run on");

namespace {

SmallVector<ObserveOp> collectObservers(ModuleOp module) {
  SmallVector<ObserveOp> observers;
  module.walk([&](ObserveOp op) { observers.push_back(op); });
  return observers;
}

/// Declares what compiled code calls with a tensor.
func::FuncOp declareCallback(ModuleOp module, StringRef name) {
  OpBuilder builder(module.getBodyRegion());
  Type i64 = builder.getI64Type();
  auto type = builder.getFunctionType(
      {i64, i64, UnrankedTensorType::get(builder.getF32Type())}, {});
  auto callback = func::FuncOp::create(builder, module.getLoc(), name, type);
  callback.setPrivate();
  callback->setAttr(LLVM::LLVMDialect::getEmitCWrapperAttrName(),
                    builder.getUnitAttr());
  // Without this, bufferization has to expect that it writes to the tensor.
  callback.setArgAttr(
      2, bufferization::BufferizationDialect::kBufferAccessAttrName,
      builder.getStringAttr("read"));
  return callback;
}

/// Calls back before `op`. The code lives no longer than `receiver`.
void callBack(Operation *op, func::FuncOp callback, void *receiver,
              size_t index, Value tensor) {
  OpBuilder builder(op);
  Location loc = op->getLoc();
  Value address = arith::ConstantIntOp::create(
      builder, loc, reinterpret_cast<intptr_t>(receiver), 64);
  Value number = arith::ConstantIntOp::create(builder, loc, index, 64);
  Value unranked = tensor::CastOp::create(
      builder, loc, UnrankedTensorType::get(builder.getF32Type()), tensor);
  func::CallOp::create(builder, loc, callback,
                       ValueRange{address, number, unranked});
}

/// Replaces each `observe` by a call back to `recorder`.
void instrument(ModuleOp module, Recorder &recorder) {
  func::FuncOp callback = declareCallback(module, Recorder::kCallback);
  for (auto [index, op] : llvm::enumerate(collectObservers(module))) {
    callBack(op, callback, &recorder, index, op.getInput());
    op.replaceAllUsesWith(op.getInput());
    op.erase();
  }
}

/// Lets each layer call back with what it reads.
LogicalResult instrument(ModuleOp module, MomentsRecorder &recorder,
                         int64_t rows) {
  FailureOr<SmallVector<Layer>> layers = collectLayers(module);
  if (failed(layers))
    return failure();
  func::FuncOp callback = declareCallback(module, MomentsRecorder::kCallback);
  for (auto [index, layer] : llvm::enumerate(*layers)) {
    FailureOr<LayerMoments> moments = LayerMoments::create(layer, rows);
    if (failed(moments))
      return failure();
    recorder.layers.push_back(std::move(*moments));
    callBack(layer.op, callback, &recorder, index, layer.data->get());
  }
  return success();
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
    constexpr unsigned kMaxBins = 1 << 20, kMaxRows = 1 << 20;
    if (data.empty())
      return fail("needs the option 'data', an .npz or .npy file");
    if (bins == 0 || bins > kMaxBins)
      return fail("option 'bins' is 1 to " + Twine(kMaxBins) + ", found " +
                  Twine(bins));
    if (rows > kMaxRows)
      return fail("option 'rows' is 0 to " + Twine(kMaxRows) + ", found " +
                  Twine(rows));
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
    MomentsRecorder layerData;
    if (!moments.empty() && failed(instrument(*copy, layerData, rows)))
      return failure();
    instrument(*copy, recorder);
    CompileOptions options;
    options.entry = entry;
    options.lowering = buildLowerToLLVMPipeline;
    // More would take LLVM longer than the samples take.
    options.optLevel = 1;
    auto addSymbol = [&](StringRef name, void *address) {
      options.symbols.push_back({("_mlir_ciface_" + name).str(), address});
    };
    addSymbol(Recorder::kCallback, Recorder::getCallback());
    addSymbol(MomentsRecorder::kCallback, MomentsRecorder::getCallback());
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
    if (!moments.empty())
      if (llvm::Error error =
              layerData.write(moments, samples->getNumSamples()))
        return fail(llvm::toString(std::move(error)));
    layerData.active = false;
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
