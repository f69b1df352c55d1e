// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "AdditiveWeights.h"
#include "mlir/IR/Matchers.h"
#include <cmath>

using namespace mlir;
using namespace mlir::qfmt;

/// Larger groups are not encoded by compiled code.
static constexpr int64_t kMaxGroupSize = 64;

StringRef AdditiveWeights::getObstacle(const WeightedSum &sum, QuantizeOp op) {
  auto format = cast<AdditiveAttr>(
      Attribute(EncodedTensorType::get(op.getResult().getType()).getFormat()));
  for (Value given : op.getGiven())
    if (!matchPattern(given, m_Constant()))
      return "their scales and tables are no constants";
  if (format.getGroupSize() > kMaxGroupSize)
    return "their groups have more than 64 elements";
  WeightMatrices matrices = WeightMatrices::get(sum);
  for (auto [size, stride] :
       llvm::zip_equal(format.getGroup(), matrices.strides))
    if (size > 1 && stride >= matrices.depth * matrices.outputs)
      return "what they read differs within a group";
  return {};
}

std::optional<AdditiveWeights>
AdditiveWeights::get(const WeightedSum &sum, QuantizeOp op,
                     const CompiledFunction &function) {
  std::vector<std::vector<char>> given;
  ArrayRef<TensorSpec> specs =
      ArrayRef(function.getSignature().inputs).drop_front();
  for (auto [value, spec] : llvm::zip_equal(op.getGiven(), specs)) {
    ElementsAttr constant;
    std::optional<std::vector<char>> bytes;
    if (matchPattern(value, m_Constant(&constant)))
      bytes = readInput(constant, spec);
    if (!bytes)
      return std::nullopt;
    given.push_back(std::move(*bytes));
  }
  AdditiveWeights weights(sum, op, function, std::move(given));
  auto isFinite = [](double value) { return std::isfinite(value); };
  if (!llvm::all_of(weights.tables, isFinite) ||
      !llvm::all_of(weights.scales, isFinite))
    return std::nullopt;
  return weights;
}

AdditiveWeights::AdditiveWeights(const WeightedSum &sum, QuantizeOp op,
                                 const CompiledFunction &function,
                                 std::vector<std::vector<char>> given)
    : LayerWeights(sum, op, function, std::move(given)) {
  AdditiveAttr format = getFormat();
  auto number = cast<NumberFormat>(format.getTable());
  size_t last = codes.getParts().size() - 1;
  for (int64_t i = 0; i < codes.getParts()[last].type.getNumElements(); ++i)
    tables.push_back(number.decodeCode(readCode(codes, last, i)));
  groupsOf.resize(matrices.groups);
  forEachIndex(format.getGroupGrid(getShape()), [&](ArrayRef<int64_t> outer) {
    int64_t group = elements.size() / format.getGroupSize();
    forEachIndex(format.getGroup(), [&](ArrayRef<int64_t> inner) {
      int64_t arranged = 0;
      for (auto [i, size, place, stride] :
           llvm::zip_equal(outer, format.getGroup(), inner, matrices.strides))
        arranged += (i * size + place) * stride;
      elements.push_back(arranged);
    });
    groupsOf[elements.back() / getMatrixSize()].push_back(group);
  });
}

AdditiveGrid AdditiveWeights::makeGrid(int64_t group) const {
  int64_t size = getFormat().getGroupSize();
  std::vector<int64_t> places;
  std::vector<double> groupScales;
  for (int64_t number : groupsOf[group]) {
    for (int64_t element : ArrayRef(elements).slice(number * size, size))
      places.push_back(element - group * getMatrixSize());
    // A group lies in a block (spec C82).
    groupScales.push_back(scales[blockOf[elements[number * size]]]);
  }
  return AdditiveGrid(matrices.outputs, matrices.depth,
                      getFormat().getCodebooks(), size, tables,
                      std::move(places), std::move(groupScales));
}

AdditiveCodes AdditiveWeights::getNearest(int64_t group) const {
  int64_t numTables = getFormat().getCodebooks();
  AdditiveCodes nearest;
  for (int64_t number : groupsOf[group])
    for (int64_t table = 0; table < numTables; ++table)
      nearest.push_back(readCode(codes, 0, number * numTables + table));
  return nearest;
}

void AdditiveWeights::setCodes(int64_t group, ArrayRef<uint32_t> chosen) {
  int64_t numTables = getFormat().getCodebooks();
  const uint32_t *code = chosen.data();
  for (int64_t number : groupsOf[group])
    for (int64_t table = 0; table < numTables; ++table)
      writeCode(0, number * numTables + table, *code++);
}
