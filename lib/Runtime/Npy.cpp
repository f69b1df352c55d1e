//===- Npy.cpp - numpy's array files --------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Format:
// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
//
//===----------------------------------------------------------------------===//

#include "qfmt/Runtime/Npy.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/MemoryBuffer.h"
#include <cstring>

namespace mlir::qfmt {

static constexpr llvm::StringLiteral kMagic = "\x93NUMPY";

static std::string shapeString(ArrayRef<int64_t> shape) {
  std::string text;
  llvm::raw_string_ostream os(text);
  llvm::interleave(
      shape, os,
      [&](int64_t size) {
        if (ShapedType::isDynamic(size))
          os << '?';
        else
          os << size;
      },
      "x");
  return shape.empty() ? "()" : text;
}

std::string NpyArray::getDtype() const {
  return std::string(1, kind) + std::to_string(itemSize);
}

std::string getNpyDtype(char kind, unsigned itemSize) {
  return (itemSize == 1 ? "|" : "<") + std::string(1, kind) +
         std::to_string(itemSize);
}

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

namespace {

/// Reads the header's Python dictionary:
///   {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }
class HeaderParser {
public:
  HeaderParser(StringRef text, NpyArray &array) : rest(text), array(array) {}

  llvm::Error parse() {
    if (!take("{"))
      return error("its header is no dictionary");
    bool seenType = false, seenOrder = false, seenShape = false;
    while (!take("}")) {
      StringRef key, value;
      if (!takeString(key) || !take(":"))
        return error("its header is malformed");
      if (key == "descr") {
        if (!takeString(value))
          return error("it has a structured type");
        if (llvm::Error failed = parseType(value))
          return failed;
        seenType = true;
      } else if (key == "fortran_order") {
        if (take("True"))
          return error("it is in Fortran order; save it with "
                       "numpy.ascontiguousarray");
        seenOrder = take("False");
      } else if (key == "shape") {
        seenShape = takeShape();
      } else {
        return error("its header has the unknown key '" + key + "'");
      }
      take(",");
    }
    if (!seenType || !seenOrder || !seenShape)
      return error("its header is malformed");
    return llvm::Error::success();
  }

private:
  static llvm::Error error(const Twine &message) {
    return llvm::createStringError(message);
  }

  bool take(StringRef token) {
    rest = rest.ltrim();
    return rest.consume_front(token);
  }

  bool takeString(StringRef &value) {
    if (!take("'"))
      return false;
    size_t end = rest.find('\'');
    if (end == StringRef::npos)
      return false;
    value = rest.take_front(end);
    rest = rest.drop_front(end + 1);
    return true;
  }

  bool takeShape() {
    if (!take("("))
      return false;
    while (!take(")")) {
      rest = rest.ltrim();
      uint64_t size;
      if (rest.consumeInteger(10, size) ||
          size > uint64_t(std::numeric_limits<int64_t>::max()))
        return false;
      array.shape.push_back(size);
      if (!take(",") && !rest.ltrim().starts_with(")"))
        return false;
    }
    return true;
  }

  llvm::Error parseType(StringRef descr) {
    StringRef text = descr;
    if (text.consume_front(">"))
      return error("its type " + descr + " is big endian");
    if (!text.consume_front("<") && !text.consume_front("|"))
      text.consume_front("=");
    char kind = text.empty() ? '?' : text.front();
    unsigned size;
    bool known = StringRef("fiubV").contains(kind) &&
                 !text.drop_front().getAsInteger(10, size) &&
                 StringRef(kind == 'f'   ? "248"
                           : kind == 'b' ? "1"
                           : kind == 'V' ? "124"
                                         : "1248")
                     .contains(char('0' + (size < 10 ? size : 9)));
    if (!known)
      return error("its type '" + descr +
                   "' is not supported; use f2, f4, f8, i1 to i8, u1 to u8 or "
                   "b1");
    array.kind = kind;
    array.itemSize = size;
    return llvm::Error::success();
  }

  StringRef rest;
  NpyArray &array;
};

} // namespace

/// The bytes the array takes, or nothing if they do not fit 63 bits.
static std::optional<int64_t> getNumBytes(const NpyArray &array) {
  int64_t bytes = array.itemSize;
  for (int64_t size : array.shape)
    if (llvm::MulOverflow(bytes, size, bytes))
      return std::nullopt;
  return bytes;
}

llvm::Expected<NpyArray> parseNpy(StringRef file) {
  NpyArray array;
  if (!file.consume_front(kMagic) || file.size() < 4)
    return llvm::createStringError("it is not an .npy file");
  unsigned version = uint8_t(file[0]);
  if (version != 1 && version != 2)
    return llvm::createStringError("it is an .npy file of version " +
                                   Twine(version) + ", expected 1 or 2");
  file = file.drop_front(2);
  unsigned lengthBytes = version == 1 ? 2 : 4;
  if (file.size() < lengthBytes)
    return llvm::createStringError("it ends within its header");
  uint32_t length = version == 1 ? llvm::support::endian::read16le(file.data())
                                 : llvm::support::endian::read32le(file.data());
  file = file.drop_front(lengthBytes);
  if (file.size() < length)
    return llvm::createStringError("it ends within its header");
  if (llvm::Error error = HeaderParser(file.take_front(length), array).parse())
    return std::move(error);
  file = file.drop_front(length);
  std::optional<int64_t> bytes = getNumBytes(array);
  if (!bytes || uint64_t(*bytes) != file.size())
    return llvm::createStringError("it has " + Twine(file.size()) +
                                   " bytes of data, but its header says " +
                                   shapeString(array.shape) +
                                   " elements of type " + array.getDtype());
  array.data.assign(file.begin(), file.end());
  return array;
}

llvm::Expected<NpyArray> readNpy(StringRef path) {
  auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/false,
                                            /*RequiresNullTerminator=*/false);
  if (!buffer)
    return llvm::createStringError("cannot read '" + path +
                                   "': " + buffer.getError().message());
  llvm::Expected<NpyArray> array = parseNpy((*buffer)->getBuffer());
  if (!array)
    return llvm::createStringError("cannot read '" + path +
                                   "': " + llvm::toString(array.takeError()));
  return array;
}

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

void writeNpy(llvm::raw_ostream &os, char kind, unsigned itemSize,
              ArrayRef<int64_t> shape, ArrayRef<char> data) {
  std::string header = "{'descr': '" + getNpyDtype(kind, itemSize);
  header += "', 'fortran_order': False, 'shape': (";
  for (int64_t size : shape)
    header += std::to_string(size) + (shape.size() == 1 ? "," : ", ");
  if (shape.size() > 1)
    header.resize(header.size() - 2);
  header += "), }";
  // Magic, version and length take 10 bytes; the header ends in a newline.
  size_t total = llvm::alignTo(10 + header.size() + 1, 64);
  header.append(total - 10 - header.size() - 1, ' ');
  header += '\n';
  char length[2];
  llvm::support::endian::write16le(length, header.size());
  os << kMagic << '\x01' << '\0' << StringRef(length, 2) << header;
  os.write(data.data(), data.size());
}

char getNpyKind(const ElementSpec &element) {
  switch (element.kind) {
  case ElementSpec::Kind::Bool:
    return 'b';
  case ElementSpec::Kind::Integer:
  case ElementSpec::Kind::Signed:
    return 'i';
  case ElementSpec::Kind::Unsigned:
  case ElementSpec::Kind::Code:
    return 'u';
  case ElementSpec::Kind::Float:
    return 'f';
  }
  return 'V';
}

//===----------------------------------------------------------------------===//
// Checking
//===----------------------------------------------------------------------===//

/// The integers that a buffer may hold. As 128-bit values, since i64 and u64
/// are both covered.
struct IntegerRange {
  __int128 low, high;
};

static IntegerRange getRange(const ElementSpec &element) {
  __int128 one = 1;
  IntegerRange isSigned{-(one << (element.width - 1)),
                        (one << (element.width - 1)) - 1};
  IntegerRange isUnsigned{0, (one << element.width) - 1};
  switch (element.kind) {
  case ElementSpec::Kind::Signed:
    return isSigned;
  case ElementSpec::Kind::Integer:
    return {isSigned.low, isUnsigned.high};
  default:
    return isUnsigned;
  }
}

template <typename T>
static std::optional<int64_t> findOutside(ArrayRef<char> data,
                                          IntegerRange range) {
  for (int64_t i = 0, e = data.size() / sizeof(T); i < e; ++i) {
    T value;
    std::memcpy(&value, data.data() + i * sizeof(T), sizeof(T));
    if (value < range.low || value > range.high)
      return i;
  }
  return std::nullopt;
}

/// The index of the first element outside of `range`.
static std::optional<int64_t> findOutside(const NpyArray &array,
                                          IntegerRange range) {
  bool isSigned = array.kind == 'i';
  switch (array.itemSize) {
  case 1:
    return isSigned ? findOutside<int8_t>(array.data, range)
                    : findOutside<uint8_t>(array.data, range);
  case 2:
    return isSigned ? findOutside<int16_t>(array.data, range)
                    : findOutside<uint16_t>(array.data, range);
  case 4:
    return isSigned ? findOutside<int32_t>(array.data, range)
                    : findOutside<uint32_t>(array.data, range);
  default:
    return isSigned ? findOutside<int64_t>(array.data, range)
                    : findOutside<uint64_t>(array.data, range);
  }
}

static bool hasMatchingKind(const NpyArray &array, const ElementSpec &element) {
  using Kind = ElementSpec::Kind;
  if (array.itemSize != element.getBytes())
    return false;
  bool isInteger = array.kind == 'i' || array.kind == 'u';
  switch (element.kind) {
  case Kind::Bool:
    return isInteger || array.kind == 'b';
  case Kind::Integer:
  case Kind::Signed:
  case Kind::Unsigned:
    return isInteger;
  case Kind::Float:
    return array.kind == 'f';
  case Kind::Code:
    return isInteger || array.kind == 'V';
  }
  return false;
}

static bool hasMatchingShape(ArrayRef<int64_t> shape,
                             ArrayRef<int64_t> expected) {
  return shape.size() == expected.size() &&
         llvm::all_of(llvm::zip(shape, expected), [](auto pair) {
           auto [found, wanted] = pair;
           return ShapedType::isDynamic(wanted) || found == wanted;
         });
}

llvm::Error checkNpy(const NpyArray &array, const TensorSpec &spec,
                     bool samples) {
  if (!hasMatchingKind(array, spec.element)) {
    std::string expected(1, getNpyKind(spec.element));
    return llvm::createStringError(
        spec.name + " has elements of type " + spec.element.str() +
        ", that is " + expected + std::to_string(spec.element.getBytes()) +
        " in numpy, found " + array.getDtype());
  }
  ArrayRef<int64_t> shape = array.shape;
  if (samples) {
    if (shape.empty())
      return llvm::createStringError(
          spec.name + " needs one more axis in front for the samples");
    shape = shape.drop_front();
  }
  if (!hasMatchingShape(shape, spec.shape))
    return llvm::createStringError(
        spec.name + " has shape " + shapeString(spec.shape) +
        (samples ? " a sample" : "") + ", found " + shapeString(shape));
  if (array.kind != 'i' && array.kind != 'u')
    return llvm::Error::success();
  // Bits of a float or of an opaque code may come with any sign.
  if (spec.element.kind == ElementSpec::Kind::Code &&
      spec.element.width == array.itemSize * 8)
    return llvm::Error::success();
  if (std::optional<int64_t> index = findOutside(array, getRange(spec.element)))
    return llvm::createStringError(spec.name + ": element " +
                                   std::to_string(*index) + " is no value of " +
                                   spec.element.str());
  return llvm::Error::success();
}

} // namespace mlir::qfmt
