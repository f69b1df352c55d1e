// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "QuantizedWeights.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "qfmt/Pipelines/Pipelines.h"
#include "llvm/Support/MathExtras.h"
#include <cmath>
#include <cstring>

using namespace mlir;
using namespace mlir::qfmt;

/// Formats with more codes than this have no list of levels.
static constexpr unsigned kMaxWidth = 16;

//===----------------------------------------------------------------------===//
// QuantizeCompiler
//===----------------------------------------------------------------------===//

/// What the scales of an encoded value denote; null if they are static.
static Value readScales(OpBuilder &builder, QuantizeOp op, ScaledAttr format) {
  auto type = EncodedTensorType::get(op.getResult().getType());
  if (format.getStaticScale(type.getLogicalElementType()))
    return {};
  TensorFormat encoding = format.getScaleEncoding();
  if (!encoding)
    encoding = cast<TensorFormat>(static_cast<Attribute>(
        ScaledAttr::get(op.getContext(), format.getScaleFormat())));
  // A product of scales may have more bits than f32 holds.
  auto reals = RankedTensorType::get(format.getBlockGrid(type.getShape()),
                                     builder.getF64Type());
  auto encoded = EncodedTensorType::get(reals, encoding);
  size_t count = encoded.getConstituentTypes().size();
  auto parts = ConstituentsOp::create(builder, op.getLoc(),
                                      type.getConstituentTypes(), op);
  auto scales = AssembleOp::create(builder, op.getLoc(), encoded.getType(),
                                   parts->getResults().slice(1, count));
  return DequantizeOp::create(builder, op.getLoc(), reals, scales);
}

static FailureOr<std::unique_ptr<CompiledFunction>> compile(QuantizeOp op) {
  Location loc = op.getLoc();
  OwningOpRef<ModuleOp> module(ModuleOp::create(loc));
  OpBuilder builder(module->getBodyRegion());
  auto function = func::FuncOp::create(
      builder, loc, "main",
      builder.getFunctionType({op.getInput().getType()}, {}));
  Block *body = function.addEntryBlock();
  builder.setInsertionPointToStart(body);
  auto copy = cast<QuantizeOp>(builder.clone(*op));
  copy->setOperands(body->getArgument(0));
  auto type = EncodedTensorType::get(op.getResult().getType());
  SmallVector<Value> results = {copy};
  if (Value scales = readScales(builder, copy,
                                cast<ScaledAttr>(Attribute(type.getFormat()))))
    results.push_back(scales);
  func::ReturnOp::create(builder, loc, results);
  function.setType(builder.getFunctionType(op.getInput().getType(),
                                           TypeRange(ValueRange(results))));
  CompileOptions options;
  options.lowering = buildCompilePipeline;
  return CompiledFunction::compile(*module, options);
}

const CompiledFunction *QuantizeCompiler::get(QuantizeOp op) {
  Key key(Type(op.getResult().getType()).getAsOpaquePointer(),
          op->getPropertiesAsAttribute().getAsOpaquePointer());
  std::unique_ptr<CompiledFunction> &function = functions[key];
  if (!function) {
    auto compiled = compile(op);
    if (succeeded(compiled))
      function = std::move(*compiled);
  }
  return function.get();
}

//===----------------------------------------------------------------------===//
// QuantizedWeights
//===----------------------------------------------------------------------===//

StringRef QuantizedWeights::getObstacle(TensorFormat format) {
  auto scaled = dyn_cast<ScaledAttr>(Attribute(format));
  if (!scaled)
    return "only #qfmt.scaled has levels that do not depend on each other";
  if (scaled.getNumberFormat().getFormatWidth() > kMaxWidth)
    return "its number format has more than 16 bits";
  return {};
}

QuantizedWeights::QuantizedWeights(const WeightedSum &sum, QuantizeOp op,
                                   const CompiledFunction &function)
    : function(function),
      format(cast<ScaledAttr>(Attribute(
          EncodedTensorType::get(op.getResult().getType()).getFormat()))),
      matrices(WeightMatrices::get(sum)),
      weights(
          matrices.arrange(sum.values.getShape(), sum.values.getElements())),
      codes(EncodedTensorType::get(op.getResult().getType()),
            function.getSignature()),
      chosenCodes(codes.getType(), function.getSignature()) {
  readLevels();
  findBlocks(sum.values.getShape());
  run(weights, codes, scales);
  run(weights, chosenCodes, chosenScales);
}

void QuantizedWeights::readLevels() {
  NumberFormat number = format.getNumberFormat();
  // What no code is rounded to is no level: unused codes, and of two codes for
  // one value the other.
  std::map<double, uint64_t> codeOf;
  for (uint64_t code = 0; code < uint64_t(1) << number.getFormatWidth();
       ++code) {
    double value = number.decodeCode(code);
    if (!std::isfinite(value))
      continue;
    uint64_t rounded =
        number.encodeReal(ExactReal::fromDouble(value), RoundingMode::HalfEven,
                          OverflowMode::Saturate, NaNMode::Zero);
    if (number.decodeCode(rounded) == value)
      codeOf[value] = rounded;
  }
  for (auto [value, code] : codeOf) {
    levels.push_back(value);
    levelCodes.push_back(code);
  }
}

void QuantizedWeights::findBlocks(ArrayRef<int64_t> shape) {
  SmallVector<int64_t> grid = format.getBlockGrid(shape);
  SmallVector<int64_t> block(format.getBlock());
  block.resize(shape.size(), ScaledAttr::kWhole);
  numBlocks = ShapedType::getNumElements(grid);
  places.resize(weights.size());
  blockOf.resize(weights.size());
  int64_t place = 0;
  forEachIndex(shape, [&](ArrayRef<int64_t> index) {
    int64_t arranged = 0, number = 0;
    for (size_t dim = 0; dim < index.size(); ++dim) {
      arranged += index[dim] * matrices.strides[dim];
      bool isWhole = block[dim] == ScaledAttr::kWhole;
      number = number * grid[dim] + (isWhole ? 0 : index[dim] / block[dim]);
    }
    places[arranged] = place++;
    blockOf[arranged] = number;
  });
}

void QuantizedWeights::run(ArrayRef<double> arranged, EncodedConstant &result,
                           std::vector<double> &scales) const {
  std::vector<float> input(arranged.size());
  for (auto [place, value] : llvm::zip_equal(places, arranged))
    input[place] = static_cast<float>(value);
  SmallVector<void *> outputs;
  for (ConstituentData &part : result.getParts())
    outputs.push_back(part.blob.getMutableData().data());
  scales.assign(numBlocks, 1.0);
  if (outputs.size() < function.getSignature().outputs.size())
    outputs.push_back(scales.data());
  else
    scales.assign(numBlocks, *format.getStaticScale(
                                 result.getType().getLogicalElementType()));
  function.call({input.data()}, outputs);
}

/// The value that a constituent of the number format `number` has at `index`.
static double readCode(const ConstituentData &part, const ElementSpec &element,
                       NumberFormat number, int64_t index) {
  unsigned bytes = element.getBytes();
  uint64_t code = 0;
  std::memcpy(&code, part.blob.getData().data() + index * bytes, bytes);
  // Codes of signed integers are sign-extended there.
  return number.decodeCode(code &
                           llvm::maskTrailingOnes<uint64_t>(element.width));
}

double QuantizedWeights::readZeroPoint(const EncodedConstant &parts,
                                       int32_t block) const {
  if (std::optional<int64_t> zeroPoint = format.getStaticZeroPoint())
    return static_cast<double>(*zeroPoint);
  size_t last = parts.getParts().size() - 1;
  return readCode(parts.getParts()[last],
                  function.getSignature().outputs[last].element,
                  cast<NumberFormat>(format.getZeroPointFormat()), block);
}

void QuantizedWeights::copyBlock(int32_t block, const EncodedConstant &from,
                                 EncodedConstant &to) const {
  for (size_t index = 1; index < from.getParts().size(); ++index) {
    unsigned bytes = function.getSignature().outputs[index].element.getBytes();
    std::memcpy(
        to.getParts()[index].blob.getMutableData().data() + block * bytes,
        from.getParts()[index].blob.getData().data() + block * bytes, bytes);
  }
}

ArrayRef<double> QuantizedWeights::getWeights(int64_t group) const {
  int64_t size = matrices.outputs * matrices.depth;
  return ArrayRef(weights).slice(group * size, size);
}

LevelGrid QuantizedWeights::makeGrid(int64_t group) const {
  int64_t size = matrices.outputs * matrices.depth;
  auto begin = blockOf.begin() + group * size;
  LevelGrid grid(levels, std::vector<int32_t>(begin, begin + size), numBlocks);
  for (int32_t block = 0; block < numBlocks; ++block)
    grid.setBlock(block, scales[block], readZeroPoint(codes, block));
  return grid;
}

Levels QuantizedWeights::getNearest(int64_t group) const {
  int64_t size = matrices.outputs * matrices.depth;
  Levels nearest(size);
  for (int64_t i = 0; i < size; ++i) {
    double value = readCode(codes.getParts().front(),
                            function.getSignature().outputs.front().element,
                            format.getNumberFormat(), places[group * size + i]);
    nearest[i] = llvm::lower_bound(levels, value) - levels.begin();
  }
  return nearest;
}

std::vector<SmallVector<int64_t>> QuantizedWeights::getColumnSets() const {
  // Scales of which others depend, and blocks of several rows, stay.
  for (const ConstituentData &part : ArrayRef(codes.getParts()).drop_front())
    if (part.type.getNumElements() != numBlocks)
      return {};
  if (matrices.groups != 1 || codes.getParts().size() < 2)
    return {};
  llvm::MapVector<int32_t, SmallVector<int64_t>> sets;
  for (int64_t column = 0; column < matrices.depth; ++column)
    sets[blockOf[column]].push_back(column);
  if (sets.size() < 2 ||
      static_cast<int64_t>(sets.size()) * matrices.outputs != numBlocks)
    return {};
  auto values = llvm::make_second_range(sets);
  return {values.begin(), values.end()};
}

void QuantizedWeights::chooseScales(ArrayRef<int64_t> set,
                                    ArrayRef<double> current, LevelGrid &grid) {
  EncodedConstant now(codes.getType(), function.getSignature());
  std::vector<double> scalesNow;
  run(current, now, scalesNow);
  for (int64_t row = 0; row < matrices.outputs; ++row) {
    int32_t block = blockOf[row * matrices.depth + set.front()];
    chosenScales[block] = scalesNow[block];
    copyBlock(block, now, chosenCodes);
    grid.setBlock(block, scalesNow[block], readZeroPoint(now, block));
  }
}

void QuantizedWeights::acceptScales(int64_t row) {
  for (int64_t column = 0; column < matrices.depth; ++column) {
    int32_t block = blockOf[row * matrices.depth + column];
    scales[block] = chosenScales[block];
    copyBlock(block, chosenCodes, codes);
  }
}

void QuantizedWeights::setLevels(int64_t group, ArrayRef<uint32_t> chosen) {
  unsigned bytes = function.getSignature().outputs.front().element.getBytes();
  char *payload = codes.getParts().front().blob.getMutableData().data();
  int64_t first = group * matrices.outputs * matrices.depth;
  for (auto [i, level] : llvm::enumerate(chosen))
    std::memcpy(payload + places[first + i] * bytes, &levelCodes[level], bytes);
}
