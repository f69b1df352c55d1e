// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "LayerWeights.h"
#include "llvm/Support/MathExtras.h"
#include <cstring>

using namespace mlir;
using namespace mlir::qfmt;

LayerWeights::LayerWeights(const WeightedSum &sum, QuantizeOp op,
                           const CompiledFunction &function,
                           std::vector<std::vector<char>> given)
    : function(function), matrices(WeightMatrices::get(sum)),
      weights(
          matrices.arrange(sum.values.getShape(), sum.values.getElements())),
      codes(EncodedTensorType::get(op.getResult().getType()),
            function.getSignature()),
      given(std::move(given)) {
  findBlocks();
  run(weights, codes, scales);
}

void LayerWeights::findBlocks() {
  ScaledAttr scaling = getScaling(codes.getType().getFormat());
  SmallVector<int64_t> grid = scaling.getBlockGrid(getShape());
  SmallVector<int64_t> block(scaling.getBlock());
  block.resize(getShape().size(), ScaledAttr::kWhole);
  numBlocks = ShapedType::getNumElements(grid);
  places.resize(weights.size());
  blockOf.resize(weights.size());
  int64_t place = 0;
  forEachIndex(getShape(), [&](ArrayRef<int64_t> index) {
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

void LayerWeights::run(const CompiledFunction &function,
                       ArrayRef<double> arranged, EncodedConstant &result,
                       std::vector<double> &scales) const {
  std::vector<float> input(arranged.size());
  for (auto [place, value] : llvm::zip_equal(places, arranged))
    input[place] = static_cast<float>(value);
  SmallVector<const void *> inputs = {input.data()};
  for (const std::vector<char> &bytes : given)
    inputs.push_back(bytes.data());
  SmallVector<void *> outputs;
  for (ConstituentData &part : result.getParts())
    outputs.push_back(part.blob.getMutableData().data());
  if (std::optional<double> scale = getStaticScale(result.getType())) {
    scales.assign(numBlocks, *scale);
  } else {
    scales.assign(numBlocks, 1.0);
    outputs.push_back(scales.data());
  }
  function.call(inputs, outputs);
}

uint64_t LayerWeights::readCode(const EncodedConstant &parts,
                                size_t constituent, int64_t index) const {
  const ElementSpec &element =
      function.getSignature().outputs[constituent].element;
  uint64_t code = 0;
  std::memcpy(&code,
              parts.getParts()[constituent].blob.getData().data() +
                  index * element.getBytes(),
              element.getBytes());
  // Codes of signed integers are sign-extended there.
  return code & llvm::maskTrailingOnes<uint64_t>(element.width);
}

void LayerWeights::writeCode(size_t constituent, int64_t index, uint64_t code) {
  unsigned bytes = getBytes(constituent);
  std::memcpy(codes.getParts()[constituent].blob.getMutableData().data() +
                  index * bytes,
              &code, bytes);
}
