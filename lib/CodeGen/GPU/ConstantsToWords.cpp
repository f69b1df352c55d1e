//===- ConstantsToWords.cpp - Constants of few bits in words --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  constant buffers of bytes that kernels alone read, element by
//         element.
// Output: those with at most 16 different values as words of 32 bits, each with
//         8 codes of 4 bits, 16 of 2, or 32 of 1; loads of words, shifts, and
//         what makes values of codes.
//
// Code c lies in bits c mod 32/b of word c / (32/b) of its row, lowest first.
// Rows, the innermost dimension, begin with a word; what fills up the last one
// is 0. The value of code c is first + c where the values are neighbours,
// otherwise byte c of a table, which is one to four words in registers.
//
// Does not touch what is read in another way, by dot products for example, nor
// constants of which the words would take more than three quarters of the
// bytes, as those with rows of three do.
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/Remarks.h"
#include "mlir/IR/SymbolTable.h"
#include "qfmt/CodeGen/GPU/Passes.h"
#include "qfmt/IR/ConstantData.h"
#include <bitset>

namespace mlir::qfmt {

#define GEN_PASS_DEF_CONSTANTSTOWORDS
#include "qfmt/CodeGen/GPU/Passes.h.inc"

namespace {

constexpr int64_t kWordBits = 32;
constexpr int64_t kBytesPerWord = 4;

//===----------------------------------------------------------------------===//
// Codes
//===----------------------------------------------------------------------===//

/// Which values codes have.
struct ByteCodes {
  unsigned bits;
  /// The value of code 0 where there is no table.
  int first;
  /// Values; empty if they are neighbours.
  SmallVector<int8_t> table;

  int64_t getNumPerWord() const { return kWordBits / bits; }
  uint64_t encode(int8_t value) const {
    return table.empty() ? value - first
                         : llvm::find(table, value) - table.begin();
  }
};

/// The shortest codes; none if there are more than 16 values.
std::optional<ByteCodes> chooseCodes(ArrayRef<uint8_t> values) {
  std::bitset<256> isUsed;
  for (uint8_t value : values)
    isUsed.set(value);
  SmallVector<int8_t> numbers;
  for (int number = -128; number < 128; ++number)
    if (isUsed[uint8_t(number)])
      numbers.push_back(number);
  for (unsigned bits : {1, 2, 4}) {
    if (numbers.back() - numbers.front() < 1 << bits)
      return ByteCodes{bits, numbers.front(), {}};
    if (numbers.size() <= size_t(1) << bits)
      return ByteCodes{bits, 0, numbers};
  }
  return std::nullopt;
}

std::vector<int64_t> packWords(ArrayRef<uint8_t> values, int64_t rowSize,
                               const ByteCodes &codes) {
  int64_t perWord = codes.getNumPerWord();
  int64_t rowWords = llvm::divideCeil(rowSize, perWord);
  std::vector<int64_t> words(values.size() / rowSize * rowWords, 0);
  for (auto [i, value] : llvm::enumerate(values)) {
    int64_t row = i / rowSize, column = i % rowSize;
    words[row * rowWords + column / perWord] |=
        codes.encode(value) << (column % perWord * codes.bits);
  }
  return words;
}

//===----------------------------------------------------------------------===//
// Which constants
//===----------------------------------------------------------------------===//

/// A constant of bytes and everything that reads it.
struct ByteConstant {
  memref::GlobalOp global;
  SmallVector<memref::GetGlobalOp> reads;
  std::vector<uint8_t> values;
  ByteCodes codes;

  /// Of the words.
  MemRefType getWordsType() const {
    MemRefType type = memref::GlobalOp(global).getType();
    SmallVector<int64_t> shape(type.getShape());
    shape.back() = llvm::divideCeil(shape.back(), codes.getNumPerWord());
    return MemRefType::get(shape,
                           IntegerType::get(type.getContext(), kWordBits),
                           MemRefLayoutAttrInterface(), type.getMemorySpace());
  }
};

bool isLargeByteConstant(memref::GlobalOp global, int64_t minBytes) {
  MemRefType type = global.getType();
  return global.getConstant() && global.isPrivate() &&
         global.getInitialValue() && type.getElementType().isInteger(8) &&
         type.getLayout().isIdentity() && type.getRank() > 0 &&
         type.getNumElements() >= std::max<int64_t>(minBytes, 1);
}

/// True if kernels load single elements of `buffer`, and nothing else is done
/// with it.
bool isLoadedByKernels(Value buffer) {
  return llvm::all_of(buffer.getUsers(), [](Operation *user) {
    return isa<memref::LoadOp>(user) && user->getParentOfType<gpu::LaunchOp>();
  });
}

std::optional<ByteConstant> matchConstant(memref::GlobalOp global,
                                          ArrayRef<Operation *> users,
                                          StringRef &whyNot) {
  ByteConstant constant{global, {}, {}, {}};
  for (Operation *user : users) {
    auto read = dyn_cast<memref::GetGlobalOp>(user);
    if (!read || !isLoadedByKernels(read)) {
      whyNot = "it is read by other operations than loads of kernels";
      return std::nullopt;
    }
    constant.reads.push_back(read);
  }
  std::optional<std::vector<uint8_t>> values =
      readCodes(*global.getInitialValue());
  std::optional<ByteCodes> codes;
  if (values)
    codes = chooseCodes(*values);
  if (!codes) {
    whyNot = "it has more than 16 different values";
    return std::nullopt;
  }
  constant.values = std::move(*values);
  constant.codes = std::move(*codes);
  int64_t bytes = constant.getWordsType().getNumElements() * kBytesPerWord;
  if (4 * bytes > 3 * global.getType().getNumElements()) {
    whyNot = "its rows do not fill words";
    return std::nullopt;
  }
  return constant;
}

//===----------------------------------------------------------------------===//
// Loads
//===----------------------------------------------------------------------===//

/// Writes one load of a byte as one of a word.
class WordLoad {
public:
  WordLoad(memref::LoadOp load, const ByteCodes &codes)
      : load(load), codes(codes), b(load.getLoc(), load) {}

  void emit(Value words) {
    Value code = emitCode(words);
    load.replaceAllUsesWith(codes.table.empty() ? emitNeighbour(code)
                                                : emitTableEntry(code));
    load.erase();
  }

private:
  Value word(int64_t value) {
    return arith::ConstantIntOp::create(b, value, kWordBits);
  }

  Value emitCode(Value words) {
    int64_t perWord = codes.getNumPerWord();
    SmallVector<Value> place(load.getIndices());
    Value inRow = place.back();
    place.back() = arith::ShRUIOp::create(
        b, inRow, arith::ConstantIndexOp::create(b, llvm::Log2_64(perWord)));
    Value inWord = arith::AndIOp::create(
        b, inRow, arith::ConstantIndexOp::create(b, perWord - 1));
    inWord = arith::IndexCastUIOp::create(b, b.getI32Type(), inWord);
    Value bit =
        arith::ShLIOp::create(b, inWord, word(llvm::Log2_64(codes.bits)));
    Value loaded = memref::LoadOp::create(b, words, place);
    return arith::AndIOp::create(b, arith::ShRUIOp::create(b, loaded, bit),
                                 word((1 << codes.bits) - 1));
  }

  /// As a byte, of which the word is the sign extension.
  Value emitNeighbour(Value code) {
    Value value = arith::AddIOp::create(b, code, word(codes.first));
    return arith::TruncIOp::create(b, b.getI8Type(), value,
                                   arith::IntegerOverflowFlags::nsw);
  }

  Value emitTableEntry(Value code) {
    SmallVector<uint32_t> entries(
        llvm::divideCeil(codes.table.size(), kBytesPerWord), 0);
    for (auto [i, value] : llvm::enumerate(codes.table))
      entries[i / kBytesPerWord] |= uint32_t(uint8_t(value))
                                    << (i % kBytesPerWord * 8);
    Value entry = word(int32_t(entries.front()));
    Value number = arith::ShRUIOp::create(b, code, word(2));
    for (size_t i = 1; i < entries.size(); ++i) {
      Value isHere =
          arith::CmpIOp::create(b, arith::CmpIPredicate::eq, number, word(i));
      entry =
          arith::SelectOp::create(b, isHere, word(int32_t(entries[i])), entry);
    }
    Value bit = arith::AndIOp::create(b, code, word(kBytesPerWord - 1));
    bit = arith::ShLIOp::create(b, bit, word(3));
    return arith::TruncIOp::create(b, b.getI8Type(),
                                   arith::ShRUIOp::create(b, entry, bit));
  }

  memref::LoadOp load;
  const ByteCodes &codes;
  ImplicitLocOpBuilder b;
};

/// The words in place of the bytes.
memref::GlobalOp makeWords(const ByteConstant &constant, SymbolTable &symbols) {
  memref::GlobalOp bytes = constant.global;
  MemRefType type = constant.getWordsType();
  ElementsAttr words = makeIntegers(
      RankedTensorType::get(type.getShape(), type.getElementType()),
      packWords(constant.values, bytes.getType().getShape().back(),
                constant.codes),
      "words");
  OpBuilder b(bytes);
  auto global = memref::GlobalOp::create(
      b, bytes.getLoc(), (bytes.getSymName() + "_words").str(),
      bytes.getSymVisibilityAttr(), type, words, /*constant=*/true,
      bytes.getAlignmentAttr());
  symbols.insert(global);
  return global;
}

void replaceByWords(const ByteConstant &constant, SymbolTable &symbols) {
  memref::GlobalOp words = makeWords(constant, symbols);
  for (memref::GetGlobalOp read : constant.reads) {
    OpBuilder b(read);
    Value buffer = memref::GetGlobalOp::create(
        b, read.getLoc(), words.getType(), words.getSymName());
    for (Operation *user : llvm::make_early_inc_range(read->getUsers()))
      WordLoad(cast<memref::LoadOp>(user), constant.codes).emit(buffer);
    read.erase();
  }
  symbols.erase(constant.global);
}

struct ConstantsToWordsPass : impl::ConstantsToWordsBase<ConstantsToWordsPass> {
  using ConstantsToWordsBase::ConstantsToWordsBase;

  void runOnOperation() override {
    SymbolTableCollection tables;
    SymbolUserMap users(tables, getOperation());
    SymbolTable &symbols = tables.getSymbolTable(getOperation());
    for (auto global : llvm::make_early_inc_range(
             getOperation().getOps<memref::GlobalOp>())) {
      if (!isLargeByteConstant(global, minBytes))
        continue;
      StringRef whyNot;
      std::optional<ByteConstant> constant =
          matchConstant(global, users.getUsers(global), whyNot);
      explain(global, constant, whyNot);
      if (constant)
        replaceByWords(*constant, symbols);
    }
  }

  void explain(memref::GlobalOp global,
               const std::optional<ByteConstant> &constant, StringRef whyNot) {
    auto getOptions = [](StringRef name) {
      return remark::RemarkOpts::name(name).category("qfmt-constants-to-words");
    };
    if (!constant) {
      remark::missed(global.getLoc(), getOptions("NotPacked"))
          << "a constant stays bytes: " << whyNot;
      return;
    }
    remark::passed(global.getLoc(), getOptions("Packed"))
        << "a constant in words of 32 bits"
        << remark::metric("Bits", int64_t(constant->codes.bits))
        << remark::metric("TableEntries", int64_t(constant->codes.table.size()))
        << remark::metric("BytesBefore", global.getType().getNumElements())
        << remark::metric("BytesAfter",
                          constant->getWordsType().getNumElements() *
                              kBytesPerWord);
  }
};

} // namespace
} // namespace mlir::qfmt
