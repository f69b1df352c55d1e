// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What #qfmt.select means: element i denotes
// decode_{formats[selector[block(i)]]}(payload[i]) * scale[block(i)], exactly.
// With the format of a block chosen (spec C73), it is encoded as #qfmt.scaled
// encodes a block.

#include "ScaledPayload.h"
#include "Scales.h"
#include "qfmt/IR/QFmt.h"
#include "qfmt/Reference/ReferenceFormat.h"
#include <limits>

using namespace mlir;
using namespace mlir::qfmt;

namespace mlir::qfmt::reference {

//===----------------------------------------------------------------------===//
// Constituents
//===----------------------------------------------------------------------===//

namespace {
/// What each block has, in the order of blocks.
struct BlockChoices {
  std::vector<ExactReal> scales;
  std::vector<unsigned> selectors;
};
} // namespace

/// The scales, read from `constituents` without the payload.
static std::vector<ExactReal> readScales(SelectAttr format,
                                         EncodedTensorType type,
                                         ArrayRef<Tensor> constituents) {
  ScaledAttr blocks = format.getChoice(0);
  if (auto scale = format.getStaticScale(type.getLogicalElementType()))
    return std::vector<ExactReal>(getNumBlocks(blocks, type.getShape()),
                                  ExactReal::fromDouble(*scale));
  return readScales(blocks, type, constituents);
}

static BlockChoices readChoices(SelectAttr format, EncodedTensorType type,
                                ArrayRef<Tensor> constituents) {
  BlockChoices choices{readScales(format, type, constituents.drop_front()), {}};
  const Tensor &selector = constituents.back();
  uint64_t last = format.getFormats().size() - 1;
  for (Scalar index : selector.getData())
    choices.selectors.push_back(
        std::min(getElementBits(index, selector.getElementType()), last));
  return choices;
}

static std::vector<ExactReal> readExact(SelectAttr format,
                                        EncodedTensorType type,
                                        ArrayRef<Tensor> constituents) {
  BlockChoices choices = readChoices(format, type, constituents);
  const Tensor &payload = constituents.front();
  std::vector<ExactReal> reals(payload.getNumElements());
  forEachElement(
      format.getChoice(0), type.getShape(),
      [&](int64_t element, int64_t block) {
        auto number =
            cast<NumberFormat>(format.getFormats()[choices.selectors[block]]);
        uint64_t code =
            getElementBits(payload[element], payload.getElementType());
        reals[element] = ExactReal::fromDouble(number.decodeCode(code)) *
                         choices.scales[block];
      });
  return reals;
}

//===----------------------------------------------------------------------===//
// Choosing a format for each block (C73)
//===----------------------------------------------------------------------===//

namespace {
/// The best candidate of a block so far.
struct BestFormat {
  unsigned selector = 0;
  double error = std::numeric_limits<double>::infinity();
};
} // namespace

/// The ideal scales of all blocks if they had formats[index]; of a static scale
/// that one.
static std::vector<ExactReal> chooseScales(SelectAttr format, unsigned index,
                                           EncodedTensorType type,
                                           const Reals &reals,
                                           ArrayRef<BlockRange> ranges,
                                           const EncodeModes &modes) {
  if (auto scale = format.getStaticScale(type.getLogicalElementType()))
    return std::vector<ExactReal>(ranges.size(), ExactReal::fromDouble(*scale));
  return chooseScales(format.getChoice(index), type, reals, ranges, modes);
}

/// The scale and the selector's constituents.
static SmallVector<Tensor> encodeChoices(SelectAttr format,
                                         EncodedTensorType type,
                                         const Reals &reals,
                                         const EncodeModes &modes) {
  ScaledAttr blocks = format.getChoice(0);
  std::vector<BlockRange> ranges =
      getBlockRanges(blocks, type.getShape(), reals);
  bool isStatic =
      format.getStaticScale(type.getLogicalElementType()).has_value();
  std::vector<BestFormat> best(ranges.size());
  std::vector<ExactReal> scales;
  for (unsigned index = 0; index < format.getFormats().size(); ++index) {
    ScaledAttr choice = format.getChoice(index);
    std::vector<ExactReal> ideal =
        chooseScales(format, index, type, reals, ranges, modes);
    BlockParameters trial{ideal, std::vector<int64_t>(ranges.size())};
    for (ExactReal &scale : trial.scales)
      scale = isStatic ? scale : getTrialScale(choice, scale);
    std::vector<double> errors =
        getSquaredErrors(choice, type, reals, ranges, modes, trial);
    if (index == 0)
      scales = ideal;
    for (size_t block = 0; block < ranges.size(); ++block)
      if (errors[block] < best[block].error) {
        best[block] = {index, errors[block]};
        scales[block] = ideal[block];
      }
  }
  SmallVector<Tensor> parts;
  if (!isStatic)
    parts = encodeScales(blocks, type, scales, modes.scaleRule);
  Type selectorType =
      cast<NumberFormat>(format.getSelectorFormat()).getStorageType();
  Tensor selector(format.getBlockGrid(type.getShape()), selectorType);
  for (auto [stored, choice] : llvm::zip_equal(selector.getMutableData(), best))
    stored = getElementFromBits(choice.selector, selectorType);
  parts.push_back(selector);
  return parts;
}

//===----------------------------------------------------------------------===//
// Payload
//===----------------------------------------------------------------------===//

namespace {
/// Codes of any of the formats, as elements of the payload.
class SelectEncoder {
public:
  SelectEncoder(SelectAttr format, EncodedTensorType type,
                const EncodeModes &modes)
      : payloadType(type.getConstituents().front().type.getElementType()) {
    for (unsigned index = 0; index < format.getFormats().size(); ++index)
      encoders.emplace_back(format.getChoice(index),
                            type.getLogicalElementType(), modes);
    for (Type number : format.getFormats())
      storage.push_back(cast<NumberFormat>(number).getStorageType());
  }

  void setBlock(const BlockChoices &choices, int64_t block) {
    selector = choices.selectors[block];
    encoders[selector].setBlock(choices.scales[block], 0);
  }

  template <typename RealT>
  Scalar encode(const RealT &value, int64_t index) const {
    return toPayload(encoders[selector].encode(value, index));
  }
  Scalar encodeNonZero(const ExactReal &value) const {
    return toPayload(encoders[selector].encodeNonZero(value));
  }

private:
  Scalar toPayload(Scalar code) const {
    return getElementFromBits(getElementBits(code, storage[selector]),
                              payloadType);
  }

  Type payloadType;
  std::vector<PayloadEncoder> encoders;
  std::vector<Type> storage;
  unsigned selector = 0;
};
} // namespace

static Tensor encodePayload(SelectAttr format, EncodedTensorType type,
                            const Reals &reals, const EncodeModes &modes,
                            const BlockChoices &choices) {
  SelectEncoder encoder(format, type, modes);
  Tensor payload(type.getShape(),
                 type.getConstituents().front().type.getElementType());
  MutableArrayRef<Scalar> codes = payload.getMutableData();
  int64_t current = -1;
  forEachElement(format.getChoice(0), type.getShape(),
                 [&](int64_t element, int64_t block) {
                   if (block != current)
                     encoder.setBlock(choices, block);
                   current = block;
                   std::optional<double> value = reals.getDouble(element);
                   codes[element] =
                       value ? encoder.encode(*value, element)
                             : encoder.encode(reals[element], element);
                 });
  return payload;
}

//===----------------------------------------------------------------------===//
// The model
//===----------------------------------------------------------------------===//

namespace {
struct SelectModel : ReferenceFormat::ExternalModel<SelectModel, SelectAttr> {
  std::vector<ExactReal> readExact(Attribute attr, EncodedTensorType type,
                                   ArrayRef<Tensor> constituents) const {
    return reference::readExact(cast<SelectAttr>(attr), type, constituents);
  }
  SmallVector<Tensor> encode(Attribute attr, EncodedTensorType type,
                             const Reals &reals,
                             const EncodeModes &modes) const {
    auto format = cast<SelectAttr>(attr);
    // The payload's place is first, and it is known last.
    SmallVector<Tensor> parts(1);
    if (modes.given.empty())
      llvm::append_range(parts, encodeChoices(format, type, reals, modes));
    else
      llvm::append_range(parts, modes.given);
    parts.front() = encodePayload(format, type, reals, modes,
                                  readChoices(format, type, parts));
    return parts;
  }
  void setElements(Attribute attr, EncodedTensorType type,
                   MutableArrayRef<Tensor> constituents,
                   ArrayRef<int64_t> indices, const ExactReal &value) const {
    if (indices.empty())
      return;
    auto format = cast<SelectAttr>(attr);
    BlockChoices choices = readChoices(format, type, constituents);
    EncodeModes modes;
    modes.division = EncodeModes::Division::Exact;
    SelectEncoder encoder(format, type, modes);
    reference::setElements(
        format.getChoice(0), type.getShape(), constituents.front(), indices,
        value, encoder,
        [&](int64_t block) { encoder.setBlock(choices, block); });
  }
};
} // namespace

void attachSelectModel(MLIRContext *context) {
  SelectAttr::attachInterface<SelectModel>(*context);
}

} // namespace mlir::qfmt::reference
