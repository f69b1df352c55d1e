// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "QuantizedWeights.h"
#include "llvm/ADT/MapVector.h"
#include <cmath>
#include <cstring>
#include <map>

using namespace mlir;
using namespace mlir::qfmt;

/// Formats with more codes than this have no list of levels.
static constexpr unsigned kMaxWidth = 16;

StringRef QuantizedWeights::getObstacle(TensorFormat format) {
  auto scaled = dyn_cast<ScaledAttr>(Attribute(format));
  if (scaled && scaled.getNumberFormat().getFormatWidth() > kMaxWidth)
    return "its number format has more than 16 bits";
  return {};
}

/// The number formats that blocks may have.
static SmallVector<Type> getNumberFormats(TensorFormat format) {
  if (auto select = dyn_cast<SelectAttr>(Attribute(format)))
    return SmallVector<Type>(select.getFormats());
  return {cast<ScaledAttr>(Attribute(format)).getNumberFormat()};
}

QuantizedWeights::QuantizedWeights(const WeightedSum &sum, QuantizeOp op,
                                   const CompiledFunction &function)
    : LayerWeights(sum, op, function),
      chosenCodes(codes.getType(), function.getSignature()) {
  for (Type number : getNumberFormats(codes.getType().getFormat()))
    formats.emplace_back(cast<NumberFormat>(number));
  run(weights, chosenCodes, chosenScales);
}

QuantizedWeights::Values::Values(NumberFormat number) : number(number) {
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
    codes.push_back(code);
  }
}

unsigned QuantizedWeights::readFormat(const EncodedConstant &parts,
                                      int32_t block) const {
  if (formats.size() == 1)
    return 0;
  // An index beyond the last format denotes the last.
  return std::min<uint64_t>(readCode(parts, parts.getParts().size() - 1, block),
                            formats.size() - 1);
}

double QuantizedWeights::readZeroPoint(const EncodedConstant &parts,
                                       int32_t block) const {
  auto format = dyn_cast<ScaledAttr>(Attribute(parts.getType().getFormat()));
  if (!format)
    return 0;
  if (std::optional<int64_t> zeroPoint = format.getStaticZeroPoint())
    return static_cast<double>(*zeroPoint);
  return cast<NumberFormat>(format.getZeroPointFormat())
      .decodeCode(readCode(parts, parts.getParts().size() - 1, block));
}

void QuantizedWeights::setBlock(int32_t block, const EncodedConstant &parts,
                                double scale, LevelGrid &grid) const {
  grid.setBlock(block, scale, readZeroPoint(parts, block),
                readFormat(parts, block));
}

void QuantizedWeights::copyBlock(int32_t block, const EncodedConstant &from,
                                 EncodedConstant &to) const {
  for (size_t index = 1; index < from.getParts().size(); ++index) {
    unsigned bytes = getBytes(index);
    std::memcpy(
        to.getParts()[index].blob.getMutableData().data() + block * bytes,
        from.getParts()[index].blob.getData().data() + block * bytes, bytes);
  }
}

LevelGrid QuantizedWeights::makeGrid(int64_t group) const {
  std::vector<std::vector<double>> levels;
  for (const Values &format : formats)
    levels.push_back(format.levels);
  auto begin = blockOf.begin() + group * getMatrixSize();
  LevelGrid grid(std::move(levels),
                 std::vector<int32_t>(begin, begin + getMatrixSize()),
                 numBlocks);
  for (int32_t block = 0; block < numBlocks; ++block)
    setBlock(block, codes, scales[block], grid);
  return grid;
}

Levels QuantizedWeights::getNearest(int64_t group) const {
  Levels nearest(getMatrixSize());
  int64_t first = group * getMatrixSize();
  for (auto [i, level] : llvm::enumerate(nearest)) {
    const Values &format = formats[readFormat(codes, blockOf[first + i])];
    double value =
        format.number.decodeCode(readCode(codes, 0, places[first + i]));
    level = llvm::lower_bound(format.levels, value) - format.levels.begin();
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
    setBlock(block, now, scalesNow[block], grid);
  }
}

void QuantizedWeights::acceptScales(int64_t row) {
  for (int64_t column = 0; column < matrices.depth; ++column) {
    int32_t block = blockOf[row * matrices.depth + column];
    scales[block] = chosenScales[block];
    copyBlock(block, chosenCodes, codes);
  }
}

std::optional<QuantizedWeights::ScaleCode>
QuantizedWeights::findScale(int32_t block, double scale) const {
  ScaledAttr scaling = getScaling(codes.getType().getFormat());
  // A scale is a code, times a scale of scales that stays.
  NumberFormat number;
  double unit = 1;
  uint64_t now = readCode(codes, 1, block);
  if (TensorFormat encoding = scaling.getScaleEncoding()) {
    auto nested = dyn_cast<ScaledAttr>(Attribute(encoding));
    if (!nested || nested.getZeroPoint())
      return std::nullopt;
    number = nested.getNumberFormat();
    double value = number.decodeCode(now);
    if (!(value > 0))
      return std::nullopt;
    // Exact: it is what the product has been made of.
    unit = scales[block] / value;
  } else {
    number = cast<NumberFormat>(scaling.getScaleFormat());
  }
  uint64_t code = number.encodeReal(ExactReal::fromDouble(scale / unit),
                                    RoundingMode::HalfEven,
                                    OverflowMode::Saturate, NaNMode::Zero);
  double value = number.decodeCode(code);
  if (!(value > 0) || !std::isfinite(value))
    return std::nullopt;
  return ScaleCode{value * unit, code};
}

FailureOr<std::vector<BlockChoice>>
QuantizedWeights::getChoices(QuantizeOp op, QuantizeCompiler &compiler) {
  EncodedTensorType type = codes.getType();
  auto select = dyn_cast<SelectAttr>(Attribute(type.getFormat()));
  if (!select)
    return std::vector<BlockChoice>();
  std::vector<BlockChoice> choices;
  for (unsigned index = 0; index < formats.size(); ++index) {
    std::vector<double> alone = scales;
    if (!getStaticScale(type)) {
      FailureOr<std::vector<double>> found =
          computeScales(op, select.getChoice(index), compiler);
      if (failed(found))
        return failure();
      alone = std::move(*found);
    }
    for (int32_t block = 0; block < numBlocks; ++block) {
      choices.push_back({block, scales[block], 0, index});
      if (alone[block] == scales[block])
        continue;
      std::optional<ScaleCode> scale = findScale(block, alone[block]);
      if (scale && scale->scale != scales[block])
        choices.push_back({block, scale->scale, 0, index});
    }
  }
  return choices;
}

FailureOr<std::vector<double>>
QuantizedWeights::computeScales(QuantizeOp op, ScaledAttr format,
                                QuantizeCompiler &compiler) const {
  OpBuilder builder(op);
  auto copy = cast<QuantizeOp>(builder.clone(*op));
  copy.getResult().setType(
      EncodedTensorType::get(codes.getType().getLogicalType(), format)
          .getType());
  const CompiledFunction *compiled = compiler.get(copy);
  copy.erase();
  if (!compiled)
    return failure();
  EncodedConstant parts(
      EncodedTensorType::get(codes.getType().getLogicalType(), format),
      compiled->getSignature());
  std::vector<double> found;
  run(*compiled, weights, parts, found);
  return found;
}

void QuantizedWeights::acceptChoice(const BlockChoice &choice) {
  // The selector is the last constituent.
  writeCode(codes.getParts().size() - 1, choice.block, choice.format);
  if (choice.scale == scales[choice.block])
    return;
  std::optional<ScaleCode> scale = findScale(choice.block, choice.scale);
  assert(scale && scale->scale == choice.scale && "getChoices has found it");
  writeCode(1, choice.block, scale->code);
  scales[choice.block] = choice.scale;
}

void QuantizedWeights::setLevels(int64_t group, ArrayRef<uint32_t> chosen) {
  int64_t first = group * getMatrixSize();
  for (auto [i, level] : llvm::enumerate(chosen)) {
    const Values &format = formats[readFormat(codes, blockOf[first + i])];
    writeCode(0, places[first + i], format.codes[level]);
  }
}
