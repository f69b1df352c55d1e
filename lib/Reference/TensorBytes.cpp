// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tensors from and to attributes and raw buffers.

#include "mlir/IR/DialectResourceBlobManager.h"
#include "qfmt/Reference/Tensor.h"
#include "llvm/Support/MathExtras.h"
#include <cstring>

using namespace mlir;

namespace mlir::qfmt::reference {

unsigned Tensor::getBytesPerElement(Type elementType) {
  return llvm::PowerOf2Ceil((getElementWidth(elementType) + 7) / 8);
}

/// The element of a little-endian word of `bytes` bytes; none if bits above the
/// type's width are neither zero nor, for integers, copies of its sign.
static std::optional<Scalar> readElement(const char *source, unsigned bytes,
                                         Type elementType) {
  uint64_t word = 0;
  std::memcpy(&word, source, bytes);
  unsigned width = getElementWidth(elementType);
  uint64_t code = width == 64 ? word : word & ((uint64_t(1) << width) - 1);
  bool isSignExtended =
      isa<IntegerType>(elementType) && !elementType.isUnsignedInteger() &&
      width > 1 &&
      llvm::SignExtend64(word, 8 * bytes) == llvm::SignExtend64(code, width);
  if (word != code && !isSignExtended)
    return std::nullopt;
  return getElementFromBits(code, elementType);
}

FailureOr<Tensor>
Tensor::fromBytes(RankedTensorType type, ArrayRef<char> bytes,
                  function_ref<InFlightDiagnostic()> emitError) {
  Type elementType = type.getElementType();
  if (!isSupportedElementType(elementType))
    return emitError() << "elements of type " << elementType
                       << " cannot be evaluated; integers and floats of at "
                          "most 64 bits can";
  if (!type.hasStaticShape())
    return emitError() << "the sizes of " << type << " are not all known";
  if (failed(verifyShape(type.getShape(), emitError)))
    return failure();
  Tensor result(type.getShape(), elementType);
  unsigned size = getBytesPerElement(elementType);
  if (static_cast<int64_t>(bytes.size()) != result.getNumElements() * size)
    return emitError() << type << " takes " << result.getNumElements() * size
                       << " bytes, found " << bytes.size();
  const char *source = bytes.data();
  for (Scalar &element : *result.data) {
    std::optional<Scalar> read = readElement(source, size, elementType);
    if (!read)
      return emitError() << "byte " << int(static_cast<unsigned char>(*source))
                         << " is not a code of " << elementType;
    element = *read;
    source += size;
  }
  return result;
}

std::vector<char> Tensor::toBytes() const {
  unsigned size = getBytesPerElement(elementType);
  std::vector<char> bytes(getNumElements() * size);
  char *target = bytes.data();
  for (Scalar element : getData()) {
    uint64_t bits = getElementBits(element, elementType);
    std::memcpy(target, &bits, size);
    target += size;
  }
  return bytes;
}

/// The values of a dense attribute, converted one by one (a splat once).
static Tensor readDense(DenseElementsAttr dense) {
  auto type = cast<RankedTensorType>(dense.getType());
  Type elementType = type.getElementType();
  auto toScalar = [&](const auto &element) {
    using ElementT = std::decay_t<decltype(element)>;
    if constexpr (std::is_same_v<ElementT, APFloat>)
      return getElementFromBits(element.bitcastToAPInt().getZExtValue(),
                                elementType);
    else
      return getElementFromBits(element.getZExtValue(), elementType);
  };
  Tensor result(type.getShape(), elementType);
  auto readAll = [&](auto tag) {
    using ElementT = decltype(tag);
    if (dense.isSplat())
      return result.fill(toScalar(dense.getSplatValue<ElementT>()));
    llvm::transform(dense.getValues<ElementT>(),
                    result.getMutableData().begin(), toScalar);
  };
  if (isa<FloatType>(elementType))
    readAll(APFloat(0.0));
  else
    readAll(APInt(1, 0));
  return result;
}

FailureOr<Tensor>
Tensor::fromAttribute(ElementsAttr attribute,
                      function_ref<InFlightDiagnostic()> emitError) {
  auto type = dyn_cast<RankedTensorType>(attribute.getShapedType());
  if (!type || !isSupportedElementType(type.getElementType()) ||
      type.getEncoding())
    return emitError() << "a constant of type " << attribute.getType()
                       << " cannot be evaluated";
  if (failed(verifyShape(type.getShape(), emitError)))
    return failure();
  if (auto dense = dyn_cast<DenseElementsAttr>(attribute))
    return readDense(dense);
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(attribute)) {
    AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    if (!blob)
      return emitError() << "the data of resource '"
                         << resource.getRawHandle().getKey() << "' is missing";
    return fromBytes(type, blob->getData(), emitError);
  }
  return emitError() << "constants are dense or dense_resource attributes, "
                        "found "
                     << attribute;
}

} // namespace mlir::qfmt::reference
