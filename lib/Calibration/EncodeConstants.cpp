// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  `quantize` of constants, as qfmt-quantize-weights leaves them.
// Output: `assemble` of constants.
//
// The codes are those of the compiled operation, which equals the reference
// evaluator bit for bit. A tensor is cut along its first dimension at block
// boundaries; if a block spans it, or if it is rounded at random, the tensor is
// one piece.

#include "EncodedConstant.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/Threading.h"
#include "qfmt/Calibration/Passes.h"
#include "qfmt/Pipelines/Pipelines.h"
#include "qfmt/Runtime/CompiledFunction.h"
#include "llvm/ADT/Statistic.h"
#include <map>

namespace mlir::qfmt {
#define GEN_PASS_DEF_ENCODECONSTANTS
#include "qfmt/Calibration/Passes.h.inc"
} // namespace mlir::qfmt

using namespace mlir;
using namespace mlir::qfmt;

#define DEBUG_TYPE "qfmt-encode-constants"
ALWAYS_ENABLED_STATISTIC(numEncoded, "Constants encoded");
ALWAYS_ENABLED_STATISTIC(packedBytes, "Bytes of their constituents, packed");

namespace {

/// A piece is large enough to hide the call and small enough for a cache.
constexpr int64_t kPieceElements = 1 << 18;

/// The bytes of a constant's elements, none if they are not at hand or all the
/// same number.
std::optional<ArrayRef<char>> getBytes(Attribute constant) {
  if (auto dense = dyn_cast<DenseElementsAttr>(constant)) {
    if (dense.isSplat())
      return std::nullopt;
    return dense.getRawData();
  }
  auto resource = dyn_cast<DenseResourceElementsAttr>(constant);
  if (!resource || !resource.getRawHandle().getBlob())
    return std::nullopt;
  ArrayRef<char> bytes = resource.getRawHandle().getBlob()->getData();
  int64_t size = resource.getType().getNumElements() *
                 (resource.getType().getElementTypeBitWidth() / 8);
  if (static_cast<int64_t>(bytes.size()) != size)
    return std::nullopt;
  return bytes;
}

struct Constant {
  QuantizeOp op;
  Attribute attribute;
};

SmallVector<Constant> collectConstants(ModuleOp module) {
  SmallVector<Constant> constants;
  module.walk([&](QuantizeOp op) {
    auto constant = op.getInput().getDefiningOp<arith::ConstantOp>();
    if (constant && op.getGiven().empty() &&
        op.getResult().getType().hasStaticShape())
      constants.push_back({op, constant.getValue()});
  });
  return constants;
}

/// The compiled operation on `rows` of the tensor's first dimension.
FailureOr<std::unique_ptr<CompiledFunction>> compileRows(QuantizeOp op,
                                                         int64_t rows) {
  auto withRows = [&](RankedTensorType type) -> RankedTensorType {
    SmallVector<int64_t> shape(type.getShape());
    if (!shape.empty())
      shape.front() = rows;
    return type.clone(shape);
  };
  RankedTensorType input = withRows(op.getInput().getType());
  RankedTensorType encoded = withRows(op.getResult().getType());
  Location loc = op.getLoc();
  OwningOpRef<ModuleOp> module(ModuleOp::create(loc));
  OpBuilder builder(module->getBodyRegion());
  auto function = func::FuncOp::create(
      builder, loc, "main", builder.getFunctionType({input}, {encoded}));
  Block *body = function.addEntryBlock();
  builder.setInsertionPointToStart(body);
  Operation *copy = builder.clone(*op);
  copy->setOperands(body->getArgument(0));
  copy->getResult(0).setType(encoded);
  func::ReturnOp::create(builder, loc, copy->getResults());
  CompileOptions options;
  options.lowering = buildCompilePipeline;
  return CompiledFunction::compile(*module, options);
}

/// Compiled operations by what they do: layers of a network share shapes.
class OperationCache {
public:
  const CompiledFunction *get(QuantizeOp op, int64_t rows) {
    // Types and attributes are unique.
    auto key = std::make_tuple(
        Type(op.getInput().getType()).getAsOpaquePointer(),
        Type(op.getResult().getType()).getAsOpaquePointer(),
        op->getPropertiesAsAttribute().getAsOpaquePointer(), rows);
    auto known = functions.find(key);
    if (known != functions.end())
      return known->second.get();
    auto compiled = compileRows(op, rows);
    if (failed(compiled))
      return nullptr;
    return functions.try_emplace(key, std::move(*compiled)).first->second.get();
  }

private:
  using Key = std::tuple<const void *, const void *, const void *, int64_t>;
  std::map<Key, std::unique_ptr<CompiledFunction>> functions;
};

/// The rows of a piece: whole blocks, about kPieceElements; all rows if a block
/// spans the first dimension or if what is drawn depends on an element's
/// number.
int64_t getPieceRows(QuantizeOp op) {
  auto type = EncodedTensorType::get(op.getResult().getType());
  ArrayRef<int64_t> shape = type.getShape();
  if (shape.empty())
    return 1;
  int64_t block = type.getFormat().getBlockShape(shape.size()).front();
  if (op.getStochasticSeed() || block == ShapedType::kDynamic ||
      type.getType().getNumElements() == 0)
    return shape.front();
  int64_t rowElements = type.getType().getNumElements() / shape.front();
  int64_t blocks = std::max<int64_t>(
      1, kPieceElements / std::max<int64_t>(1, rowElements * block));
  return std::min(shape.front(), blocks * block);
}

/// A constant that is being encoded.
struct Job {
  Constant constant;
  /// Owns the input where the constant is a splat.
  std::vector<char> expanded;
  ArrayRef<char> input;
  std::optional<EncodedConstant> outputs;
  int64_t numPieces;
  /// Runs on every piece, but `last`, if there is one, on the last.
  const CompiledFunction *whole, *last;

  /// Outputs are as large as the constituents, and a piece's are as far from
  /// their beginning as those of the pieces before it are long.
  void runPiece(int64_t index) {
    const FunctionSignature &piece = whole->getSignature();
    const void *in = input.data() + index * piece.inputs.front().getNumBytes();
    SmallVector<void *> out;
    for (auto [output, spec] :
         llvm::zip_equal(outputs->getParts(), piece.outputs))
      out.push_back(output.blob.getMutableData().data() +
                    index * spec.getNumBytes());
    bool isLast = last && index == numPieces - 1;
    (isLast ? *last : *whole).call({in}, out);
  }
};

/// Runs all pieces of all jobs on all threads.
void runJobs(MLIRContext *context, ArrayRef<std::unique_ptr<Job>> jobs) {
  SmallVector<std::pair<Job *, int64_t>> pieces;
  for (const std::unique_ptr<Job> &job : jobs)
    for (int64_t index = 0; index < job->numPieces; ++index)
      pieces.push_back({job.get(), index});
  parallelForEach(context, pieces, [](std::pair<Job *, int64_t> piece) {
    piece.first->runPiece(piece.second);
  });
}

struct EncodeConstantsPass
    : qfmt::impl::EncodeConstantsBase<EncodeConstantsPass> {
  using Base::Base;

  /// Everything that compiling needs: no dialect can be loaded later on.
  void getDependentDialects(DialectRegistry &registry) const override {
    registerPipelineDialects(registry);
  }

  void runOnOperation() override {
    OperationCache cache;
    IRRewriter rewriter(&getContext());
    std::vector<std::unique_ptr<Job>> jobs;
    // A constant that cannot be cut, since its blocks span all rows, leaves the
    // other threads to those after it; four a thread bound the memory.
    size_t most = 4 * std::max(1u, getContext().getNumThreads());
    size_t pieces = 0;
    auto flush = [&] {
      runJobs(&getContext(), jobs);
      for (const std::unique_ptr<Job> &job : jobs)
        job->outputs->replace(job->constant.op, rewriter);
      jobs.clear();
      pieces = 0;
    };
    for (const Constant &constant : collectConstants(getOperation())) {
      std::unique_ptr<Job> job = prepare(constant, cache);
      if (!job)
        return signalPassFailure();
      pieces += job->numPieces;
      jobs.push_back(std::move(job));
      if (pieces >= most)
        flush();
    }
    flush();
  }

  /// Null with a diagnostic if it cannot be encoded.
  std::unique_ptr<Job> prepare(const Constant &constant,
                               OperationCache &cache) {
    auto job = std::make_unique<Job>();
    job->constant = constant;
    QuantizeOp op = constant.op;
    if (std::optional<ArrayRef<char>> bytes = getBytes(constant.attribute)) {
      job->input = *bytes;
    } else {
      auto dense = dyn_cast<DenseElementsAttr>(constant.attribute);
      if (!dense) {
        op.emitOpError() << "quantizes a constant without data";
        return nullptr;
      }
      job->expanded = expandSplat(dense);
      job->input = job->expanded;
    }
    auto type = EncodedTensorType::get(op.getResult().getType());
    int64_t rows = type.getShape().empty() ? 1 : type.getShape().front();
    int64_t pieceRows = getPieceRows(op);
    int64_t rest = rows % std::max<int64_t>(1, pieceRows);
    job->whole = cache.get(op, pieceRows);
    job->last = rest ? cache.get(op, rest) : nullptr;
    if (!job->whole || (rest && !job->last))
      return nullptr;
    job->outputs.emplace(type, job->whole->getSignature());
    job->numPieces = llvm::divideCeil(rows, std::max<int64_t>(1, pieceRows));
    ++numEncoded;
    packedBytes +=
        llvm::divideCeil(type.getFormat().getPackedBits(type.getShape()), 8);
    return job;
  }

  static std::vector<char> expandSplat(DenseElementsAttr dense) {
    ArrayRef<char> element = dense.getRawData();
    std::vector<char> bytes;
    bytes.reserve(element.size() * dense.getNumElements());
    for (int64_t i = 0; i < dense.getNumElements(); ++i)
      bytes.insert(bytes.end(), element.begin(), element.end());
    return bytes;
  }
};
} // namespace
