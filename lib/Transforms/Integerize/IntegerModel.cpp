// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "IntegerModel.h"
#include <algorithm>

using namespace mlir;
using namespace mlir::qfmt;

unsigned IntegerRange::getSignedBits() const {
  unsigned bits = 1;
  for (__int128 low = -1, high = 0; lo < low || hi > high; ++bits) {
    low *= 2;
    high = -low - 1;
  }
  return bits;
}

IntegerRange mlir::qfmt::operator*(const IntegerRange &a,
                                   const IntegerRange &b) {
  __int128 products[] = {a.lo * b.lo, a.lo * b.hi, a.hi * b.lo, a.hi * b.hi};
  return {*std::min_element(std::begin(products), std::end(products)),
          *std::max_element(std::begin(products), std::end(products))};
}

StorageKind mlir::qfmt::chooseStorage(const IntegerRange &range) {
  for (unsigned width : {8, 16, 32}) {
    if (range.fits(width))
      return {width, false};
    if (range.lo >= 0 && range.fits(width + 1) && width < 32)
      return {width, true};
  }
  return {64, false};
}

TensorModel TensorModel::makePlainInteger(Value payload,
                                          RankedTensorType type) {
  unsigned width = type.getElementTypeBitWidth();
  TensorModel model;
  model.kind = Kind::Integer;
  model.realType = type;
  model.payload = payload;
  model.isUnsigned = width == 1;
  model.range = {model.isUnsigned ? 0 : llvm::minIntN(width),
                 model.isUnsigned ? 1 : llvm::maxIntN(width)};
  return model;
}

TensorModel mlir::qfmt::makeConstantModel(RankedTensorType type,
                                          ArrayRef<double> values) {
  TensorModel model;
  model.kind = TensorModel::Kind::Constant;
  model.realType = type;
  auto dims = llvm::to_vector(
      llvm::seq<unsigned>(0, static_cast<unsigned>(type.getRank())));
  if (!values.empty() && llvm::all_equal(values))
    model.constant = Table(values.front());
  else
    model.constant =
        Table(dims, type.getShape(), {values.begin(), values.end()})
            .simplified();
  return model;
}
