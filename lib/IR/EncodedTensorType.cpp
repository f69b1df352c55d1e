// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/IR/EncodedTensorType.h"
#include "mlir/IR/AttrTypeSubElements.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace mlir::qfmt;

EncodedTensorType EncodedTensorType::get(Type type) {
  auto tensor = llvm::dyn_cast_or_null<RankedTensorType>(type);
  if (!tensor || !llvm::isa_and_nonnull<TensorFormat>(tensor.getEncoding()))
    return {};
  return EncodedTensorType(tensor);
}

EncodedTensorType EncodedTensorType::get(RankedTensorType logical,
                                         TensorFormat format) {
  return EncodedTensorType(RankedTensorType::get(
      logical.getShape(), logical.getElementType(), format));
}

TensorFormat EncodedTensorType::getFormat() const {
  return llvm::cast<TensorFormat>(type.getEncoding());
}

FloatType EncodedTensorType::getLogicalElementType() const {
  return llvm::cast<FloatType>(type.getElementType());
}

RankedTensorType EncodedTensorType::getLogicalType() const {
  return RankedTensorType::get(type.getShape(), type.getElementType());
}

EncodedTensorType
EncodedTensorType::withSizesOf(ArrayRef<int64_t> payload) const {
  SmallVector<int64_t> shape(getShape());
  for (auto [size, payloadSize] : llvm::zip(shape, payload))
    if (ShapedType::isDynamic(size))
      size = payloadSize;
  return get(RankedTensorType::get(shape, type.getElementType()), getFormat());
}

SmallVector<Constituent> EncodedTensorType::getConstituents() const {
  return getFormat().getConstituents(getShape(), type.getElementType());
}

SmallVector<Type> EncodedTensorType::getConstituentTypes() const {
  return llvm::map_to_vector(getConstituents(), [](const Constituent &part) {
    return static_cast<Type>(part.type);
  });
}

bool mlir::qfmt::containsEncodedTensor(Type type) {
  return type
      .walk([](Type inner) {
        return EncodedTensorType::isEncoded(inner) ? WalkResult::interrupt()
                                                   : WalkResult::advance();
      })
      .wasInterrupted();
}
