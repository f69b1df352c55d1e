// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The integer network is the whole function, so that its bounds are those of
// the network that runs; every region's result is one more result of it. The
// real side is one function for each region, on the codes that the integer
// network computed: errors of earlier regions do not count.

#include "CheckBound.h"
#include "Arrays.h"
#include "Engine.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "qfmt/IR/Certificate.h"
#include "qfmt/Reference/Evaluator.h"
#include "qfmt/Transforms/Passes.h"
#include "qfmt/Transforms/Regions.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/Path.h"
#include <cmath>

using namespace mlir;
using namespace mlir::qfmt;

namespace {

/// The real numbers of a static integer encoding.
struct Grid {
  explicit Grid(Type type) {
    auto encoded = EncodedTensorType::get(type);
    auto scaled = cast<ScaledAttr>(encoded.getFormat());
    NumberFormat number = scaled.getNumberFormat();
    step = *scaled.getStaticScale(encoded.getLogicalElementType());
    double zeroPoint = static_cast<double>(*scaled.getStaticZeroPoint());
    lowest = step * (number.getLowest() - zeroPoint);
    largest = step * (number.getLargest() - zeroPoint);
  }
  double clamp(double real) const { return std::clamp(real, lowest, largest); }
  /// After how much `overflow = wrap` repeats.
  double getPeriod() const { return largest - lowest + step; }

  double step, lowest, largest;
};

struct CheckedRegion {
  CheckedRegion(Location loc, Type type, bool wraps)
      : loc(loc), grid(type), wraps(wraps) {}

  /// Compares one element.
  double getError(double decoded, double real) const {
    if (wraps)
      return std::abs(std::remainder(decoded - real, grid.getPeriod()));
    return std::abs(decoded - grid.clamp(real));
  }
  /// What f64 itself may be off: some of its roundings of the largest number.
  double getSlack() const {
    return 0x1p-44 * std::max(std::abs(grid.lowest), std::abs(grid.largest));
  }
  bool isExceeded(double factor) const {
    return !(worst <= factor * bound + getSlack());
  }
  /// How far the code is from the correctly rounded one.
  double getCodesOff(double decoded, double real) const {
    double reached = wraps ? real : grid.clamp(real);
    double rounded = grid.step * std::nearbyint(reached / grid.step);
    return std::nearbyint(getError(decoded, rounded) / grid.step);
  }

  Location loc;
  Grid grid;
  bool wraps;
  /// What qfmt-integerize states; 0 where it states nothing: codes only move.
  double bound = 0;
  func::FuncOp real;
  /// Which results of the integer function enter, and which one is the result.
  SmallVector<unsigned> operands;
  unsigned result = 0;

  int64_t numElements = 0;
  double worst = 0, codesOff = 0;
  int64_t worstSample = 0, worstElement = 0;
};

class BoundChecker {
public:
  BoundChecker(func::FuncOp function, const Options &options)
      : source(function), options(options),
        realModule(ModuleOp::create(function.getLoc())) {}

  /// Makes both sides.
  LogicalResult prepare();
  LogicalResult checkSample(ArrayRef<TensorView> inputs, int64_t sample);
  /// Prints the table and reports bounds that do not hold.
  LogicalResult report() const;

private:
  LogicalResult makeIntegerFunction(ArrayRef<QuantizedRegion> regions);
  void readBounds();
  LogicalResult makeRealFunctions(ArrayRef<QuantizedRegion> regions);
  void makeInputFunction();
  /// What leaves the regions and enters them, as results of the integer
  /// function.
  FailureOr<SmallVector<reference::Value>>
  runIntegerFunction(ArrayRef<TensorView> inputs);
  LogicalResult checkRegion(CheckedRegion &region,
                            ArrayRef<reference::Value> values, int64_t sample);

  func::FuncOp source;
  const Options &options;
  OwningOpRef<ModuleOp> integerModule, realModule;
  FunctionSignature integerSignature;
  Engine engine;
  /// Encodes the arguments of `source`.
  func::FuncOp encodeInputs;
  std::vector<CheckedRegion> regions;
};

} // namespace

//===----------------------------------------------------------------------===//
// The integer side
//===----------------------------------------------------------------------===//

/// The options' entry function in `module`.
static func::FuncOp getEntry(ModuleOp module, const Options &options) {
  return module.lookupSymbol<func::FuncOp>(options.entry);
}

static LogicalResult integerize(ModuleOp module, const Options &options) {
  registerQFmtTransformsPasses();
  PassManager passes(module.getContext());
  std::string pipeline =
      "qfmt-integerize{float-wrapper=false " + options.integerize + "}";
  std::string message;
  llvm::raw_string_ostream os(message);
  if (failed(parsePassPipeline(pipeline, passes, os)))
    return error("cannot read --integerize-options: " + message);
  return passes.run(module);
}

LogicalResult
BoundChecker::makeIntegerFunction(ArrayRef<QuantizedRegion> found) {
  // Every encoded tensor that enters or leaves a region becomes a result.
  llvm::SetVector<Value> exposed;
  for (const QuantizedRegion &region : found) {
    exposed.insert(region.operands.begin(), region.operands.end());
    exposed.insert(region.getResult());
  }
  auto indexOf = [&](Value value) {
    return source.getNumResults() +
           std::distance(exposed.begin(), llvm::find(exposed, value));
  };
  for (auto [region, checked] : llvm::zip_equal(found, regions)) {
    for (Value operand : region.operands)
      checked.operands.push_back(indexOf(operand));
    checked.result = indexOf(region.getResult());
  }

  IRMapping mapping;
  integerModule =
      cast<ModuleOp>(source->getParentOfType<ModuleOp>()->clone(mapping));
  func::FuncOp entry = getEntry(*integerModule, options);
  for (func::FuncOp other :
       llvm::make_early_inc_range(integerModule->getOps<func::FuncOp>()))
    if (other != entry &&
        SymbolTable::symbolKnownUseEmpty(other, *integerModule))
      other.erase();
  SmallVector<Value> results = llvm::map_to_vector(
      exposed, [&](Value value) { return mapping.lookup(value); });
  entry.getBody().front().getTerminator()->insertOperands(
      source.getNumResults(), results);
  OpBuilder builder(entry);
  SmallVector<unsigned> positions(results.size(), source.getNumResults());
  SmallVector<DictionaryAttr> attributes(results.size(),
                                         builder.getDictionaryAttr({}));
  if (failed(entry.insertResults(positions, ValueRange(results).getTypes(),
                                 attributes)) ||
      failed(integerize(*integerModule, options)))
    return failure();
  readBounds();

  auto signature = FunctionSignature::get(getEntry(*integerModule, options));
  if (failed(signature))
    return failure();
  integerSignature = *signature;
  FailureOr<Engine> made = makeEngine(*integerModule, options);
  if (failed(made))
    return failure();
  engine = std::move(*made);
  return success();
}

/// The bounds that integerization wrote to what computes the codes.
void BoundChecker::readBounds() {
  Operation *terminator =
      getEntry(*integerModule, options).getBody().front().getTerminator();
  for (CheckedRegion &region : regions) {
    auto assemble =
        terminator->getOperand(region.result).getDefiningOp<AssembleOp>();
    Operation *codes =
        assemble ? assemble.getConstituents().front().getDefiningOp() : nullptr;
    if (!codes)
      continue;
    if (auto bound = codes->getAttrOfType<FloatAttr>(kErrorBoundAttr))
      region.bound = bound.getValueAsDouble();
  }
}

//===----------------------------------------------------------------------===//
// The real side
//===----------------------------------------------------------------------===//

LogicalResult BoundChecker::makeRealFunctions(ArrayRef<QuantizedRegion> found) {
  OpBuilder builder = OpBuilder::atBlockEnd(realModule->getBody());
  for (auto [index, region] : llvm::enumerate(found)) {
    FailureOr<func::FuncOp> real =
        outlineRealRegion(region, ("region" + Twine(index)).str(), builder);
    if (failed(real))
      return failure();
    regions[index].real = *real;
  }
  return success();
}

/// Quantizes the float arguments of the function as it does; integerization has
/// seen to it that it does nothing else with them.
void BoundChecker::makeInputFunction() {
  OpBuilder builder = OpBuilder::atBlockEnd(realModule->getBody());
  encodeInputs = func::FuncOp::create(
      builder, source.getLoc(), "inputs",
      builder.getFunctionType(source.getArgumentTypes(), {}));
  builder.setInsertionPointToStart(encodeInputs.addEntryBlock());
  SmallVector<Value> encoded;
  for (auto [original, copy] :
       llvm::zip_equal(source.getArguments(), encodeInputs.getArguments())) {
    encoded.push_back(copy);
    // Encoded ones and plain integers enter as they are.
    if (EncodedTensorType::isEncoded(copy.getType()) ||
        !isa<FloatType>(getElementTypeOrSelf(copy.getType())))
      continue;
    IRMapping mapping;
    mapping.map(original, copy);
    encoded.back() =
        builder.clone(**original.user_begin(), mapping)->getResult(0);
  }
  func::ReturnOp::create(builder, source.getLoc(), encoded);
  encodeInputs.setFunctionType(builder.getFunctionType(
      source.getArgumentTypes(), ValueRange(encoded).getTypes()));
}

//===----------------------------------------------------------------------===//
// Comparing
//===----------------------------------------------------------------------===//

LogicalResult BoundChecker::prepare() {
  if (!source.getBody().hasOneBlock())
    return source.emitError()
           << "function has control flow; bounds are of functions of one block";
  SmallVector<QuantizedRegion> found = findRegions(source);
  if (found.empty())
    return source.emitError()
           << "computes no encoded tensor, so there is no bound to check; "
              "--check-bound takes a function at level encoded, as "
              "qfmt-quantize "
              "makes it, before qfmt-integerize";
  for (const QuantizedRegion &region : found) {
    auto overflow = region.end->getAttrOfType<OverflowModeAttr>("overflow");
    auto scaled = dyn_cast<ScaledAttr>(
        EncodedTensorType::get(region.getResult().getType()).getFormat());
    if (!scaled || !scaled.isStatic() ||
        !scaled.getNumberFormat().hasIntegerCodes())
      return region.end->emitOpError()
             << "gives a tensor without a static integer encoding ("
             << region.getResult().getType()
             << "), which integer-only arithmetic does not support; no bound "
                "can "
                "be checked";
    regions.emplace_back(region.end->getLoc(), region.getResult().getType(),
                         overflow && overflow.getValue() == OverflowMode::Wrap);
  }
  if (failed(makeIntegerFunction(found)) || failed(makeRealFunctions(found)))
    return failure();
  makeInputFunction();
  return success();
}

FailureOr<SmallVector<reference::Value>>
BoundChecker::runIntegerFunction(ArrayRef<TensorView> inputs) {
  auto arguments = makeValues(source.getArgumentTypes(), inputs, source);
  if (failed(arguments))
    return failure();
  auto encoded = reference::evaluate(encodeInputs, *arguments);
  if (failed(encoded))
    return failure();
  SmallVector<TensorResult> buffers = makeBuffers(*encoded);
  auto results = engine(llvm::map_to_vector(
      buffers, [](const TensorResult &buffer) -> TensorView {
        return {buffer.data, buffer.shape};
      }));
  if (failed(results))
    return failure();
  SmallVector<TensorView> views;
  for (auto [spec, result] :
       llvm::zip_equal(integerSignature.outputs, *results)) {
    normalizeElements(spec.element, result.data,
                      ShapedType::getNumElements(result.shape));
    views.push_back({result.data, result.shape});
  }
  func::FuncOp entry = getEntry(*integerModule, options);
  return makeValues(entry.getResultTypes(), views, entry);
}

/// `value` with the type in which its elements are read in f64.
static reference::Value toReal(const reference::Value &value) {
  if (!value.isEncoded())
    return value;
  auto type =
      EncodedTensorType::get(getRealType(value.getEncodedType().getType()));
  return reference::Value(type, value.getConstituents());
}

LogicalResult BoundChecker::checkSample(ArrayRef<TensorView> inputs,
                                        int64_t sample) {
  auto values = runIntegerFunction(inputs);
  if (failed(values))
    return failure();
  for (CheckedRegion &region : regions)
    if (failed(checkRegion(region, *values, sample)))
      return failure();
  return success();
}

LogicalResult BoundChecker::checkRegion(CheckedRegion &region,
                                        ArrayRef<reference::Value> values,
                                        int64_t sample) {
  SmallVector<reference::Value> operands;
  for (unsigned operand : region.operands)
    operands.push_back(toReal(values[operand]));
  auto reals = reference::evaluate(region.real, operands);
  FailureOr<reference::Tensor> decoded =
      toReal(values[region.result]).readLogical();
  if (failed(reals) || failed(decoded))
    return failure();
  const reference::Tensor &real = reals->front().getTensor();
  for (int64_t i = 0; i < real.getNumElements(); ++i) {
    double integer = (*decoded)[i].real, exact = real[i].real;
    double error = region.getError(integer, exact);
    region.codesOff =
        std::max(region.codesOff, region.getCodesOff(integer, exact));
    // A NaN, too, is worse than any number, and stays.
    if (error <= region.worst || std::isnan(region.worst))
      continue;
    region.worst = error;
    region.worstSample = sample;
    region.worstElement = i;
  }
  region.numElements += real.getNumElements();
  return success();
}

//===----------------------------------------------------------------------===//
// Reporting
//===----------------------------------------------------------------------===//

/// A name, or "file:line:column".
static std::string describe(Location loc) {
  if (auto name = dyn_cast<NameLoc>(loc))
    return name.getName().str();
  std::string text = "-";
  loc->walk([&](Location inner) {
    auto file = dyn_cast<FileLineColLoc>(inner);
    if (!file)
      return WalkResult::advance();
    text = llvm::formatv("{0}:{1}:{2}",
                         llvm::sys::path::filename(file.getFilename()),
                         file.getLine(), file.getColumn())
               .str();
    return WalkResult::interrupt();
  });
  return text;
}

/// How many times the worst error the bound is; "-" if there is none.
static std::string getRatio(const CheckedRegion &region) {
  if (!(region.worst > 0))
    return "-";
  return llvm::formatv("{0:F1}", region.bound / region.worst).str();
}

static void printTable(ArrayRef<CheckedRegion> regions, llvm::raw_ostream &os) {
  os << llvm::formatv(
      "{0,-6} {1,10} {2,12} {3,11} {4,12} {5,11} {6,8} {7,6}  {8}\n", "region",
      "elements", "worst error", "in steps", "bound", "in steps", "ratio",
      "codes", "location");
  for (auto [index, region] : llvm::enumerate(regions)) {
    double step = region.grid.step;
    os << llvm::formatv("{0,-6} {1,10} {2,12:E4} {3,11:F4} {4,12:E4} {5,11:F4} "
                        "{6,8} {7,6:F0}  {8}\n",
                        index, region.numElements, region.worst,
                        region.worst / step, region.bound, region.bound / step,
                        getRatio(region), region.codesOff,
                        describe(region.loc));
  }
}

static llvm::json::Array toJson(ArrayRef<CheckedRegion> regions) {
  llvm::json::Array array;
  for (auto [index, region] : llvm::enumerate(regions))
    array.push_back(llvm::json::Object{{"region", int64_t(index)},
                                       {"location", describe(region.loc)},
                                       {"elements", region.numElements},
                                       {"worst_error", region.worst},
                                       {"worst_sample", region.worstSample},
                                       {"worst_element", region.worstElement},
                                       {"bound", region.bound},
                                       {"step", region.grid.step},
                                       {"codes_off", region.codesOff}});
  return array;
}

LogicalResult BoundChecker::report() const {
  if (!options.boundJson.empty()) {
    OutputFiles files;
    if (failed(files.write(options.boundJson, [&](llvm::raw_ostream &os) {
          os << llvm::json::Value(toJson(regions)) << "\n";
        })))
      return failure();
    files.keep();
  }
  printTable(regions, llvm::outs());
  LogicalResult result = success();
  for (auto [index, region] : llvm::enumerate(regions))
    if (region.isExceeded(options.boundFactor))
      result = emitError(region.loc)
               << "region " << index << " is off by " << region.worst
               << " at element " << region.worstElement << " of sample "
               << region.worstSample << ", more than its bound "
               << region.bound;
  return result;
}

LogicalResult mlir::qfmt::checkBound(func::FuncOp function,
                                     const Options &options,
                                     ArrayRef<NpyArray> inputs) {
  BoundChecker checker(function, options);
  if (failed(checker.prepare()))
    return failure();
  for (int64_t i = 0, e = getNumSamples(options, inputs); i < e; ++i)
    if (failed(checker.checkSample(getSample(options, inputs, i), i)))
      return failure();
  return checker.report();
}
