//===- Signature.cpp - Buffers of a function ------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/Runtime/Signature.h"
#include "qfmt/IR/QFmt.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/MathExtras.h"
#include <cstring>

namespace mlir::qfmt {

unsigned ElementSpec::getBytes() const {
  return std::max<unsigned>(1, llvm::PowerOf2Ceil(width) / 8);
}

bool ElementSpec::isSignExtended() const {
  return kind == Kind::Integer || kind == Kind::Signed;
}

std::string ElementSpec::str() const {
  switch (kind) {
  case Kind::Bool:
    return "i1";
  case Kind::Integer:
  case Kind::Signed:
    return "i" + std::to_string(width);
  case Kind::Unsigned:
    return "ui" + std::to_string(width);
  case Kind::Float:
    return "f" + std::to_string(width);
  case Kind::Code:
    return std::to_string(width) + "-bit code";
  }
  return "";
}

bool TensorSpec::hasStaticShape() const {
  return ShapedType::isStaticShape(shape);
}

int64_t TensorSpec::getNumElements() const {
  return ShapedType::getNumElements(shape);
}

/// The element of a tensor of `storage`, which holds codes of `format` if that
/// is not null.
static std::optional<ElementSpec> getElementSpec(Type storage, Type format) {
  using Kind = ElementSpec::Kind;
  if (storage.isIndex())
    return ElementSpec{Kind::Integer, 64};
  if (!storage.isIntOrFloat() || storage.getIntOrFloatBitWidth() > 64)
    return std::nullopt;
  unsigned width = storage.getIntOrFloatBitWidth();
  if (isa<Float16Type, Float32Type, Float64Type>(storage))
    return ElementSpec{Kind::Float, width};
  if (isa<FloatType>(storage))
    return ElementSpec{Kind::Code, width};
  if (width == 1)
    return ElementSpec{Kind::Bool, width};
  auto number = dyn_cast_or_null<NumberFormat>(format);
  if (!number)
    return ElementSpec{Kind::Integer, width};
  if (!number.hasIntegerCodes())
    return ElementSpec{Kind::Code, width};
  return ElementSpec{number.getLowest() < 0 ? Kind::Signed : Kind::Unsigned,
                     width};
}

/// What may not be the name of a parameter in C or C++.
static bool isReserved(StringRef name) {
  static const char words[] =
      " auto bool break case catch char class const continue default delete do "
      "double else enum export extern false float for friend goto if inline "
      "int long namespace new operator private protected public register "
      "restrict return short signed sizeof static struct switch template this "
      "throw true try typedef typename union unsigned using virtual void "
      "volatile while ";
  return StringRef(words).contains((" " + name + " ").str());
}

/// A C identifier from the name that a network gives an input or output.
static std::string makeIdentifier(StringRef name, StringRef fallback) {
  std::string identifier;
  for (char c : name)
    identifier += llvm::isAlnum(c) ? c : '_';
  if (identifier.empty() || llvm::isDigit(identifier.front()))
    return fallback.str();
  return isReserved(identifier) ? identifier + "_" : identifier;
}

/// What the bytes of an argument or result hold; null if they are no packed
/// codes.
static RankedTensorType getPackedType(DictionaryAttr attributes) {
  auto type = attributes ? attributes.getAs<TypeAttr>(QFmtDialect::kPackedAttr)
                         : TypeAttr();
  return type ? cast<RankedTensorType>(type.getValue()) : RankedTensorType();
}

/// The number format of an unencoded argument or result; null if nothing says
/// that its elements are codes.
static Type getFormat(DictionaryAttr attributes) {
  auto type = attributes ? attributes.getAs<TypeAttr>(QFmtDialect::kFormatAttr)
                         : TypeAttr();
  return type ? type.getValue() : Type();
}

/// Appends the buffers of one argument or result.
static LogicalResult appendBuffers(func::FuncOp function, Type type,
                                   StringRef kind, unsigned index,
                                   DictionaryAttr attributes,
                                   SmallVectorImpl<TensorSpec> &buffers) {
  std::string name = (kind + " #" + Twine(index)).str();
  std::string numbered =
      ((kind == "result" ? "output" : "input") + Twine(index)).str();
  std::string key = numbered;
  auto givenName = attributes
                       ? attributes.getAs<StringAttr>(QFmtDialect::kNameAttr)
                       : StringAttr();
  if (givenName && !givenName.getValue().empty()) {
    key = givenName.getValue().str();
    name += " ('" + key + "')";
  }
  auto append = [&](Type part, Type format, const std::string &partName,
                    const std::string &partKey) -> LogicalResult {
    auto tensor = dyn_cast<RankedTensorType>(part);
    std::optional<ElementSpec> element;
    if (tensor)
      element = getElementSpec(tensor.getElementType(), format);
    if (!element)
      return function.emitError()
             << name << " has type " << type
             << "; only ranked tensors of integers and floats of at most 64 "
                "bits can be passed from outside";
    buffers.push_back({partName, partKey, makeIdentifier(partKey, numbered),
                       *element, getPackedType(attributes),
                       SmallVector<int64_t>(tensor.getShape())});
    // Bytes have no sign.
    if (buffers.back().packed)
      buffers.back().element.kind = ElementSpec::Kind::Code;
    return success();
  };

  EncodedTensorType encoded = EncodedTensorType::get(type);
  if (!encoded)
    return append(type, getFormat(attributes), name, key);
  SmallVector<Constituent> constituents = encoded.getConstituents();
  for (const Constituent &constituent : constituents)
    if (failed(append(constituent.type, constituent.format,
                      name + ", " + constituent.name,
                      constituents.size() == 1 ? key
                                               : key + "." + constituent.name)))
      return failure();
  return success();
}

/// Two buffers must not have one name in C.
static void makeUnique(SmallVectorImpl<TensorSpec> &inputs,
                       SmallVectorImpl<TensorSpec> &outputs) {
  llvm::StringSet<> seen;
  for (auto *specs : {&inputs, &outputs})
    for (TensorSpec &spec : *specs)
      while (!seen.insert(spec.identifier).second)
        spec.identifier += "_";
}

FailureOr<FunctionSignature> FunctionSignature::get(func::FuncOp function) {
  FunctionSignature signature;
  signature.function = function.getSymName().str();
  for (auto [i, type] : llvm::enumerate(function.getArgumentTypes()))
    if (failed(appendBuffers(function, type, "argument", i,
                             function.getArgAttrDict(i), signature.inputs)))
      return failure();
  for (auto [i, type] : llvm::enumerate(function.getResultTypes()))
    if (failed(appendBuffers(function, type, "result", i,
                             function.getResultAttrDict(i), signature.outputs)))
      return failure();
  makeUnique(signature.inputs, signature.outputs);
  return signature;
}

template <typename T>
static void extendElements(unsigned width, bool isSigned, void *data,
                           int64_t numElements) {
  unsigned unused = sizeof(T) * 8 - width;
  for (int64_t i = 0; i < numElements; ++i) {
    char *place = static_cast<char *>(data) + i * sizeof(T);
    std::make_unsigned_t<T> bits;
    std::memcpy(&bits, place, sizeof(T));
    bits = bits << unused;
    T value = isSigned ? T(T(bits) >> unused) : T(bits >> unused);
    std::memcpy(place, &value, sizeof(T));
  }
}

void normalizeElements(const ElementSpec &element, void *data,
                       int64_t numElements) {
  if (element.width == element.getBytes() * 8)
    return;
  bool isSigned = element.isSignExtended();
  switch (element.getBytes()) {
  case 1:
    return extendElements<int8_t>(element.width, isSigned, data, numElements);
  case 2:
    return extendElements<int16_t>(element.width, isSigned, data, numElements);
  case 4:
    return extendElements<int32_t>(element.width, isSigned, data, numElements);
  default:
    return extendElements<int64_t>(element.width, isSigned, data, numElements);
  }
}

} // namespace mlir::qfmt
