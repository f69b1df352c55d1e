//===- Npz.cpp - numpy's archives of arrays -------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Format: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, sections
// 4.3.7 (local header), 4.3.12 (central directory) and 4.3.16 (its end). Sizes
// are those of the central directory: numpy leaves the local ones to zip64
// extra fields.
//
//===----------------------------------------------------------------------===//

#include "qfmt/Runtime/Npz.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/CRC.h"
#include "llvm/Support/EndianStream.h"
#include "llvm/Support/MemoryBuffer.h"
#ifdef QFMT_HAVE_ZLIB
#include <zlib.h>
#endif

namespace mlir::qfmt {

using llvm::support::endian::read16le;
using llvm::support::endian::read32le;

namespace {

constexpr llvm::StringLiteral kEndMagic = "PK\x05\x06";
constexpr llvm::StringLiteral kEntryMagic = "PK\x01\x02";
constexpr llvm::StringLiteral kLocalMagic = "PK\x03\x04";
/// Sizes without the variable parts.
constexpr size_t kEndSize = 22, kEntrySize = 46, kLocalSize = 30;
/// Stands in a 32-bit field for a number in a zip64 field.
constexpr uint32_t kZip64 = 0xffffffff;

/// One entry of the central directory.
struct Entry {
  StringRef name;
  bool isEncrypted;
  unsigned method;
  uint32_t crc;
  uint32_t packedSize, size, localOffset;
};

llvm::Error cutShort() {
  return llvm::createStringError("it is cut short or damaged");
}

/// Takes one entry off the front of the central directory.
llvm::Expected<Entry> takeEntry(StringRef &directory) {
  if (directory.size() < kEntrySize || !directory.starts_with(kEntryMagic))
    return cutShort();
  const char *field = directory.data();
  size_t nameLength = read16le(field + 28);
  size_t total =
      kEntrySize + nameLength + read16le(field + 30) + read16le(field + 32);
  if (directory.size() < total)
    return cutShort();
  Entry entry;
  entry.name = directory.substr(kEntrySize, nameLength);
  entry.isEncrypted = read16le(field + 8) & 1;
  entry.method = read16le(field + 10);
  entry.crc = read32le(field + 16);
  entry.packedSize = read32le(field + 20);
  entry.size = read32le(field + 24);
  entry.localOffset = read32le(field + 42);
  directory = directory.drop_front(total);
  if (llvm::is_contained({entry.packedSize, entry.size, entry.localOffset},
                         kZip64))
    return llvm::createStringError("it is larger than 4 GiB");
  return entry;
}

/// The bytes of a member as they lie in the file.
llvm::Expected<StringRef> findPackedBytes(StringRef file, const Entry &entry) {
  StringRef local =
      file.drop_front(std::min<size_t>(entry.localOffset, file.size()));
  if (local.size() < kLocalSize || !local.starts_with(kLocalMagic))
    return cutShort();
  size_t start =
      kLocalSize + read16le(local.data() + 26) + read16le(local.data() + 28);
  if (local.size() < start || local.size() - start < entry.packedSize)
    return cutShort();
  return local.substr(start, entry.packedSize);
}

#ifdef QFMT_HAVE_ZLIB
/// Raw deflate data (RFC 1951), no zlib header.
llvm::Error inflateRaw(StringRef packed, std::vector<char> &bytes) {
  z_stream stream = {};
  if (inflateInit2(&stream, /*windowBits=*/-MAX_WBITS) != Z_OK)
    return llvm::createStringError("zlib cannot be used");
  stream.next_in = reinterpret_cast<Bytef *>(const_cast<char *>(packed.data()));
  stream.avail_in = packed.size();
  stream.next_out = reinterpret_cast<Bytef *>(bytes.data());
  stream.avail_out = bytes.size();
  int result = inflate(&stream, Z_FINISH);
  bool isWhole = result == Z_STREAM_END && stream.avail_out == 0;
  inflateEnd(&stream);
  return isWhole ? llvm::Error::success() : cutShort();
}
#else
llvm::Error inflateRaw(StringRef, std::vector<char> &) {
  return llvm::createStringError(
      "it is compressed and this build has no zlib; write it with numpy.savez");
}
#endif

llvm::Expected<std::vector<char>> unpack(StringRef file, const Entry &entry) {
  constexpr unsigned kStored = 0, kDeflated = 8;
  if (entry.isEncrypted)
    return llvm::createStringError("it is encrypted");
  if (entry.method != kStored && entry.method != kDeflated)
    return llvm::createStringError("it has compression method " +
                                   Twine(entry.method) +
                                   ", expected stored or deflated");
  llvm::Expected<StringRef> packed = findPackedBytes(file, entry);
  if (!packed)
    return packed.takeError();
  std::vector<char> bytes;
  if (entry.method == kStored) {
    bytes.assign(packed->begin(), packed->end());
  } else {
    // Deflate reaches a factor of 1032 at most; more is a damaged size.
    if (entry.size / 1040 > packed->size())
      return cutShort();
    bytes.resize(entry.size);
    if (llvm::Error error = inflateRaw(*packed, bytes))
      return error;
  }
  llvm::ArrayRef<uint8_t> data(reinterpret_cast<const uint8_t *>(bytes.data()),
                               bytes.size());
  if (bytes.size() != entry.size || llvm::crc32(data) != entry.crc)
    return cutShort();
  return bytes;
}

llvm::Expected<std::vector<NamedArray>> parseNpz(StringRef file) {
  size_t end = file.rfind(kEndMagic);
  if (!file.starts_with(kLocalMagic) && !file.starts_with(kEndMagic))
    return llvm::createStringError("it is not an .npz file");
  if (end == StringRef::npos || file.size() - end < kEndSize)
    return cutShort();
  unsigned count = read16le(file.data() + end + 10);
  uint32_t offset = read32le(file.data() + end + 16);
  if (offset == kZip64)
    return llvm::createStringError("it is larger than 4 GiB");
  if (offset > end)
    return cutShort();
  StringRef directory = file.slice(offset, end);

  std::vector<NamedArray> arrays;
  for (unsigned i = 0; i < count; ++i) {
    llvm::Expected<Entry> entry = takeEntry(directory);
    if (!entry)
      return entry.takeError();
    auto inMember = [&](llvm::Error error) {
      return llvm::createStringError("member '" + entry->name.str() +
                                     "': " + llvm::toString(std::move(error)));
    };
    llvm::Expected<std::vector<char>> bytes = unpack(file, *entry);
    if (!bytes)
      return inMember(bytes.takeError());
    llvm::Expected<NpyArray> array =
        parseNpy(StringRef(bytes->data(), bytes->size()));
    if (!array)
      return inMember(array.takeError());
    StringRef name = entry->name;
    name.consume_back(".npy");
    arrays.push_back({name.str(), std::move(*array)});
  }
  return arrays;
}

} // namespace

llvm::Expected<std::vector<NamedArray>> readNpz(StringRef path) {
  auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/false,
                                            /*RequiresNullTerminator=*/false);
  if (!buffer)
    return llvm::createStringError("cannot read '" + path +
                                   "': " + buffer.getError().message());
  llvm::Expected<std::vector<NamedArray>> arrays =
      parseNpz((*buffer)->getBuffer());
  if (!arrays)
    return llvm::createStringError("cannot read '" + path +
                                   "': " + llvm::toString(arrays.takeError()));
  return arrays;
}

namespace {
/// One member, as both headers describe it.
struct Member {
  std::string name;
  std::string bytes;
  uint32_t crc;
  uint32_t localOffset;
};
} // namespace

/// What the local header and the central directory have in common: from the
/// version needed (2.0) to the length of the extra field.
static void writeCommonFields(llvm::support::endian::Writer &fields,
                              const Member &member) {
  fields.write<uint16_t>(20);
  fields.write<uint16_t>(0);            // flags
  fields.write<uint16_t>(0);            // stored
  fields.write<uint16_t>(0);            // time: midnight of
  fields.write<uint16_t>((1 << 5) | 1); // January 1st, 1980
  fields.write<uint32_t>(member.crc);
  fields.write<uint32_t>(member.bytes.size());
  fields.write<uint32_t>(member.bytes.size());
  fields.write<uint16_t>(member.name.size());
  fields.write<uint16_t>(0);
}

static void writeDirectory(llvm::raw_ostream &os, ArrayRef<Member> members,
                           uint64_t begin) {
  llvm::support::endian::Writer fields(os, llvm::endianness::little);
  uint32_t size = 0;
  for (const Member &member : members) {
    os << kEntryMagic;
    fields.write<uint16_t>(20); // version made by
    writeCommonFields(fields, member);
    fields.write<uint16_t>(0); // comment
    fields.write<uint16_t>(0); // disk
    fields.write<uint16_t>(0); // internal attributes
    fields.write<uint32_t>(0); // external attributes
    fields.write<uint32_t>(member.localOffset);
    os << member.name;
    size += kEntrySize + member.name.size();
  }
  os << kEndMagic;
  fields.write<uint32_t>(0); // disks
  fields.write<uint16_t>(members.size());
  fields.write<uint16_t>(members.size());
  fields.write<uint32_t>(size);
  fields.write<uint32_t>(begin);
  fields.write<uint16_t>(0); // comment
}

llvm::Error writeNpz(llvm::raw_ostream &os, ArrayRef<NamedArray> arrays) {
  uint64_t total = kEndSize;
  for (const NamedArray &entry : arrays)
    // Beside the data: both headers, the name twice, and that of the array.
    total += entry.array.data.size() + 2 * entry.name.size() + 1024;
  if (total >= kZip64 || arrays.size() >= 0xffff)
    return llvm::createStringError("too large for an .npz file, 4 GiB");

  std::vector<Member> members;
  uint64_t offset = 0;
  for (const NamedArray &entry : arrays) {
    Member member;
    member.name = entry.name + ".npy";
    llvm::raw_string_ostream bytes(member.bytes);
    writeNpy(bytes, entry.array.kind, entry.array.itemSize, entry.array.shape,
             entry.array.data);
    member.crc = llvm::crc32(llvm::arrayRefFromStringRef(member.bytes));
    member.localOffset = offset;
    os << kLocalMagic;
    llvm::support::endian::Writer fields(os, llvm::endianness::little);
    writeCommonFields(fields, member);
    os << member.name << member.bytes;
    offset += kLocalSize + member.name.size() + member.bytes.size();
    // The directory needs only its size.
    members.push_back(std::move(member));
  }
  writeDirectory(os, members, offset);
  return llvm::Error::success();
}

} // namespace mlir::qfmt
