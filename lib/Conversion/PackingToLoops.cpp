//===- PackingToLoops.cpp - Codes to and from bytes, as vector loops ------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input:  qfmt.pack and qfmt.unpack on tensors of static shape.
// Output: scf loops over 1-D tensors of i8, one code a byte, with vector reads
//         and writes. Where such a tensor stands for one of iN there is a
//         builtin.unrealized_conversion_cast, which qfmt-widen-storage removes.
//         qfmt.packed and qfmt.format are dropped.
// The high bits of a byte that holds a code are ignored, and are any.
// Does not join a loop with what reads or wrote the codes.
//
// Bits. u = 8 / gcd(N, 8) codes of N bits fill a whole number of bytes: a
// *unit*. A unit is read into a word of u bytes and its u*N bits are spread by
// halving: in each field, the upper half of the codes moves up until each half
// has half of the field. For N = 4 that is one step on i16, for N = 3 three on
// i64:
//
//   ........ hhhhgggfffeeedddcccbbbaaa    24 bits, 8 codes
//   hhhgggfffeee ........ dddcccbbbaaa    32 bits a half
//   hhhggg .. fffeee .. dddccc .. bbbaaa  16 bits
//   hhh ggg fff eee ddd ccc bbb aaa       one code a byte
//
// Packing does the same backwards. Only shifts by one amount for all lanes are
// needed, which every vector unit has.
//
// Base 3. Code k of byte b has the digit d = floor(b / 3^(4-k)) mod 3. With
// F = 270 b, which is 65536 b / 243 but for less than 65536 / 243,
// d = (F * 3^k mod 2^16) * 3 >> 16: a fraction in 16 bits whose next digit
// comes out at the top. It holds for all 256 bytes (b and b - 243 are alike).
//
// The tail is the same code on shorter vectors.
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Transforms/DialectConversion.h"
#include "qfmt/Conversion/Passes.h"
#include "qfmt/IR/QFmt.h"
#include "qfmt/Support/Packing.h"
#include <numeric>

namespace mlir::qfmt {

#define GEN_PASS_DEF_CONVERTPACKINGTOLOOPS
#include "qfmt/Conversion/Passes.h.inc"

namespace {

/// Codes that are written or read together: a 512-bit vector of bytes, as the
/// words that they are spread in.
constexpr int64_t kLanes = 64;

//===----------------------------------------------------------------------===//
// Vectors of bytes
//===----------------------------------------------------------------------===//

class VectorBuilder {
public:
  explicit VectorBuilder(ImplicitLocOpBuilder &builder) : b(builder) {}

  static int64_t getSize(Value vector) {
    return cast<VectorType>(vector.getType()).getNumElements();
  }

  VectorType getType(int64_t lanes, unsigned width) {
    return VectorType::get(lanes, b.getIntegerType(width));
  }

  /// The low bits of `value` in every lane of a vector of the type of `like`.
  Value splat(Value like, uint64_t value) {
    auto type = cast<VectorType>(like.getType());
    unsigned width = type.getElementTypeBitWidth();
    APInt bits = APInt(64, value).trunc(width);
    return arith::ConstantOp::create(b, DenseElementsAttr::get(type, bits));
  }

  Value bitAnd(Value vector, uint64_t mask) {
    return arith::AndIOp::create(b, vector, splat(vector, mask));
  }
  Value shiftLeft(Value vector, unsigned by) {
    return arith::ShLIOp::create(b, vector, splat(vector, by));
  }
  Value shiftRight(Value vector, unsigned by) {
    return arith::ShRUIOp::create(b, vector, splat(vector, by));
  }

  Value extend(Value vector, unsigned width) {
    return arith::ExtUIOp::create(b, getType(getSize(vector), width), vector);
  }
  Value truncate(Value vector, unsigned width) {
    return arith::TruncIOp::create(b, getType(getSize(vector), width), vector);
  }
  Value bitcast(Value vector, int64_t lanes, unsigned width) {
    return vector::BitCastOp::create(b, getType(lanes, width), vector);
  }

  /// Lane i is lane `lanes[i]` of `vector`, or `other` where that is none.
  Value shuffle(Value vector, ArrayRef<std::optional<int64_t>> lanes,
                uint64_t other = 0) {
    int64_t size = getSize(vector);
    SmallVector<int64_t> indices;
    for (std::optional<int64_t> lane : lanes)
      indices.push_back(lane.value_or(size));
    return vector::ShuffleOp::create(b, vector, splat(vector, other), indices);
  }

  /// The first lanes, and `other` after the last one.
  Value resize(Value vector, int64_t size, uint64_t other = 0) {
    int64_t found = getSize(vector);
    if (size == found)
      return vector;
    if (size < found)
      return vector::ExtractStridedSliceOp::create(
          b, vector, ArrayRef<int64_t>{0}, ArrayRef(size),
          ArrayRef<int64_t>{1});
    SmallVector<std::optional<int64_t>> lanes(size);
    for (int64_t i = 0; i < found; ++i)
      lanes[i] = i;
    return shuffle(vector, lanes, other);
  }

  ImplicitLocOpBuilder &b;
};

//===----------------------------------------------------------------------===//
// Streams
//===----------------------------------------------------------------------===//

/// Reads bytes from the place of a chunk on.
using Read = llvm::function_ref<Value(int64_t offset, int64_t size)>;

/// How the codes of one chunk become bytes and back.
class Stream {
public:
  virtual ~Stream() = default;

  /// Bytes of `codes` packed codes.
  virtual int64_t getPackedSize(int64_t codes) const = 0;
  /// Codes of a chunk of the loop; they fill whole bytes.
  virtual int64_t getChunk() const = 0;
  /// Vectors of kLanes codes, the last one shorter. Reads each byte that holds
  /// a code and no byte beyond the last.
  virtual SmallVector<Value> unpack(VectorBuilder &v, Read read,
                                    int64_t codes) const = 0;
  /// The inverse.
  virtual Value pack(VectorBuilder &v, ArrayRef<Value> codes) const = 0;
};

//===----------------------------------------------------------------------===//
// Bits
//===----------------------------------------------------------------------===//

class BitStream : public Stream {
public:
  explicit BitStream(unsigned width)
      : width(width), unitCodes(8 / std::gcd(width, 8u)),
        unitBytes(width * unitCodes / 8) {}

  int64_t getPackedSize(int64_t codes) const override {
    return qfmt::getPackedSize(codes, width);
  }
  int64_t getChunk() const override { return kLanes; }

  SmallVector<Value> unpack(VectorBuilder &v, Read read,
                            int64_t codes) const override {
    Value words = loadUnits(v, read, codes);
    for (unsigned half = unitCodes / 2; half >= 1; half /= 2) {
      uint64_t low = repeat(getMask(half), half);
      uint64_t high = repeat(getMask(half) << (8 * half), half);
      Value moved = v.bitAnd(v.shiftLeft(words, getDistance(half)), high);
      words = arith::OrIOp::create(v.b, v.bitAnd(words, low), moved);
    }
    int64_t lanes = VectorBuilder::getSize(words) * unitCodes;
    return {v.resize(v.bitcast(words, lanes, 8), codes)};
  }

  Value pack(VectorBuilder &v, ArrayRef<Value> vectors) const override {
    int64_t codes = VectorBuilder::getSize(vectors.front());
    int64_t units = llvm::divideCeil(codes, unitCodes);
    Value bytes = v.resize(vectors.front(), units * unitCodes);
    Value words = v.bitcast(bytes, units, 8 * unitCodes);
    words = v.bitAnd(words, ~uint64_t(0) / 255 * getMask(1));
    for (unsigned half = 1; half < unitCodes; half *= 2) {
      uint64_t low = repeat(getMask(half), half);
      uint64_t high = repeat(getMask(half) << (half * width), half);
      Value moved = v.bitAnd(v.shiftRight(words, getDistance(half)), high);
      words = arith::OrIOp::create(v.b, v.bitAnd(words, low), moved);
    }
    return storeUnits(v, words, getPackedSize(codes));
  }

private:
  /// The bits of `codes` codes side by side.
  uint64_t getMask(unsigned codes) const {
    return (uint64_t(1) << (codes * width)) - 1;
  }
  /// `pattern` in each field of 2 * half bytes of a word.
  static uint64_t repeat(uint64_t pattern, unsigned half) {
    uint64_t word = 0;
    for (unsigned bit = 0; bit < 64; bit += 16 * half)
      word |= pattern << bit;
    return word;
  }
  /// How far the upper half of a field's codes moves.
  unsigned getDistance(unsigned half) const { return half * (8 - width); }

  /// The units as words, zeros above.
  Value loadUnits(VectorBuilder &v, Read read, int64_t codes) const {
    int64_t size = getPackedSize(codes);
    if (unitBytes == 1)
      return v.extend(read(0, size), 8 * unitCodes);
    int64_t units = llvm::divideCeil(codes, unitCodes);
    // Two whole registers, which overlap, are cheaper than one of an odd size.
    int64_t span = llvm::bit_floor(uint64_t(size));
    if (codes != kLanes || span == size)
      return v.bitcast(spread(v, read(0, size), 0, units), units,
                       8 * unitCodes);
    Value low = spread(v, read(0, span), 0, units / 2);
    Value high = spread(v, read(size - span, span), span - size / 2, units / 2);
    SmallVector<int64_t> lanes = llvm::to_vector(llvm::seq<int64_t>(kLanes));
    Value both = vector::ShuffleOp::create(v.b, low, high, lanes);
    return v.bitcast(both, units, 8 * unitCodes);
  }

  /// Units that begin at byte `first`, each in the low bytes of a word.
  Value spread(VectorBuilder &v, Value bytes, int64_t first,
               int64_t units) const {
    SmallVector<std::optional<int64_t>> lanes(units * unitCodes);
    for (int64_t i = 0; i < units * unitBytes; ++i)
      if (first + i < VectorBuilder::getSize(bytes))
        lanes[i / unitBytes * unitCodes + i % unitBytes] = first + i;
    return v.shuffle(bytes, lanes);
  }

  /// The low bytes of the words, `size` in all.
  Value storeUnits(VectorBuilder &v, Value words, int64_t size) const {
    if (unitBytes == 1)
      return v.truncate(words, 8);
    int64_t units = VectorBuilder::getSize(words);
    SmallVector<std::optional<int64_t>> lanes;
    for (int64_t i = 0; i < size; ++i)
      lanes.push_back(i / unitBytes * unitCodes + i % unitBytes);
    return v.shuffle(v.bitcast(words, units * unitCodes, 8), lanes);
  }

  unsigned width, unitCodes, unitBytes;
};

//===----------------------------------------------------------------------===//
// Base 3
//===----------------------------------------------------------------------===//

class Base3Stream : public Stream {
public:
  int64_t getPackedSize(int64_t codes) const override {
    return llvm::divideCeil(codes, kDigits);
  }
  int64_t getChunk() const override { return kDigits * kLanes; }

  SmallVector<Value> unpack(VectorBuilder &v, Read read,
                            int64_t codes) const override {
    Value bytes = read(0, getPackedSize(codes));
    SmallVector<Value> vectors;
    for (int64_t begin = 0; begin < codes; begin += kLanes) {
      int64_t size = std::min(kLanes, codes - begin);
      SmallVector<std::optional<int64_t>> lanes;
      SmallVector<APInt> factors;
      for (int64_t i = begin; i < begin + size; ++i) {
        lanes.push_back(i / kDigits);
        // The low 16 bits count.
        factors.push_back(
            APInt(64, kFraction * kPowers[i % kDigits]).trunc(16));
      }
      Value fraction = v.extend(v.shuffle(bytes, lanes), 16);
      Value factor = arith::ConstantOp::create(
          v.b, DenseElementsAttr::get(v.getType(size, 16), factors));
      fraction = arith::MulIOp::create(v.b, fraction, factor);
      // The product's high half: one instruction.
      Value wide = v.extend(fraction, 32);
      wide = arith::MulIOp::create(v.b, wide, v.splat(wide, 3));
      Value digit = v.truncate(v.shiftRight(wide, 16), 8);
      vectors.push_back(arith::SubIOp::create(v.b, digit, v.splat(digit, 1)));
    }
    return vectors;
  }

  /// byte = ((((d0 * 3) + d1) * 3 + d2) * 3 + d3) * 3 + d4
  Value pack(VectorBuilder &v, ArrayRef<Value> vectors) const override {
    int64_t codes = 0;
    SmallVector<Value> digits;
    for (Value vector : vectors) {
      codes += VectorBuilder::getSize(vector);
      digits.push_back(getDigits(v, v.resize(vector, kLanes, /*other=*/~0)));
    }
    int64_t size = getPackedSize(codes);
    Value bytes;
    for (int64_t k = 0; k < kDigits; ++k) {
      Value digit = gather(v, digits, k, size);
      if (bytes) {
        Value thrice = arith::MulIOp::create(v.b, bytes, v.splat(bytes, 3));
        digit = arith::AddIOp::create(v.b, thrice, digit);
      }
      bytes = digit;
    }
    return bytes;
  }

private:
  static constexpr int64_t kDigits = 5;
  static constexpr uint64_t kFraction = 270;
  static constexpr uint64_t kPowers[kDigits] = {1, 3, 9, 27, 81};

  /// max(code, -1) + 1, with the code in the low two bits: inverting the sign
  /// bit orders the codes -2, -1, 0, 1 as 0, 1, 2, 3.
  Value getDigits(VectorBuilder &v, Value codes) const {
    Value ordered = v.bitAnd(codes, 3);
    ordered = arith::XOrIOp::create(v.b, ordered, v.splat(codes, 2));
    Value one = v.splat(codes, 1);
    ordered = arith::MaxUIOp::create(v.b, ordered, one);
    return arith::SubIOp::create(v.b, ordered, one);
  }

  /// Digits k, k + 5, k + 10 ... of all vectors; beyond their end, 0.
  Value gather(VectorBuilder &v, ArrayRef<Value> digits, int64_t k,
               int64_t size) const {
    Value gathered;
    for (auto [source, vector] : llvm::enumerate(digits)) {
      SmallVector<int64_t> lanes;
      for (int64_t i = 0; i < size; ++i) {
        int64_t place = i * kDigits + k - int64_t(source) * kLanes;
        if (place >= 0 && place < kLanes)
          lanes.push_back(gathered ? size + place : place);
        else
          lanes.push_back(gathered ? i : kLanes);
      }
      Value first = gathered ? gathered : vector;
      Value second = gathered ? vector : v.splat(vector, 0);
      gathered = vector::ShuffleOp::create(v.b, first, second, lanes);
    }
    return gathered;
  }
};

//===----------------------------------------------------------------------===//
// Loops
//===----------------------------------------------------------------------===//

/// Writes the loops of one operation.
class LoopBuilder {
public:
  LoopBuilder(ImplicitLocOpBuilder &builder, const Stream &stream)
      : b(builder), v(builder), stream(stream) {}

  Value unpack(Value bytes, int64_t codes) {
    return emitLoop(
        codes, codes,
        [&](int64_t count, Value codeAt, Value byteAt, Value target) {
          auto readBytes = [&](int64_t offset, int64_t size) {
            return read(bytes, advance(byteAt, offset), size);
          };
          SmallVector<Value> vectors = stream.unpack(v, readBytes, count);
          for (auto [i, part] : llvm::enumerate(vectors))
            target = write(part, target, advance(codeAt, i * kLanes));
          return target;
        });
  }

  Value pack(Value codes, int64_t count) {
    return emitLoop(
        count, stream.getPackedSize(count),
        [&](int64_t count, Value codeAt, Value byteAt, Value target) {
          SmallVector<Value> vectors;
          for (int64_t i = 0; i < count; i += kLanes)
            vectors.push_back(
                read(codes, advance(codeAt, i), std::min(kLanes, count - i)));
          return write(stream.pack(v, vectors), target, byteAt);
        });
  }

private:
  using Body = llvm::function_ref<Value(int64_t count, Value codeAt,
                                        Value byteAt, Value target)>;

  Value index(int64_t value) {
    return arith::ConstantIndexOp::create(b, value);
  }
  Value advance(Value at, int64_t by) {
    return by == 0 ? at : arith::AddIOp::create(b, at, index(by)).getResult();
  }
  Value read(Value tensor, Value at, int64_t size) {
    Value padding = arith::ConstantIntOp::create(b, 0, 8);
    return vector::TransferReadOp::create(b, v.getType(size, 8), tensor,
                                          ValueRange(at), padding,
                                          ArrayRef<bool>(true));
  }
  Value write(Value vector, Value tensor, Value at) {
    return vector::TransferWriteOp::create(b, vector, tensor, ValueRange(at),
                                           ArrayRef<bool>(true))
        .getResult();
  }

  /// A new tensor of `size` bytes, written chunk by chunk.
  Value emitLoop(int64_t codes, int64_t size, Body body) {
    Value target = tensor::EmptyOp::create(b, ArrayRef(size), b.getI8Type());
    int64_t chunk = stream.getChunk(), chunkBytes = stream.getPackedSize(chunk);
    int64_t chunks = codes / chunk;
    if (chunks > 0) {
      auto loop = scf::ForOp::create(b, index(0), index(chunks), index(1),
                                     ValueRange(target));
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(loop.getBody());
      Value i = loop.getInductionVar();
      Value codeAt = arith::MulIOp::create(b, i, index(chunk));
      Value byteAt = arith::MulIOp::create(b, i, index(chunkBytes));
      scf::YieldOp::create(
          b, body(chunk, codeAt, byteAt, loop.getRegionIterArg(0)));
      target = loop.getResult(0);
    }
    if (codes % chunk != 0)
      target = body(codes % chunk, index(chunks * chunk),
                    index(chunks * chunkBytes), target);
    return target;
  }

  ImplicitLocOpBuilder &b;
  VectorBuilder v;
  const Stream &stream;
};

std::unique_ptr<Stream> getStream(RankedTensorType codes, CodePacking packing) {
  if (packing == CodePacking::Base3)
    return std::make_unique<Base3Stream>();
  return std::make_unique<BitStream>(codes.getElementTypeBitWidth());
}

//===----------------------------------------------------------------------===//
// Shapes and elements
//===----------------------------------------------------------------------===//

RankedTensorType getFlatType(RankedTensorType type) {
  return RankedTensorType::get(type.getNumElements(), type.getElementType());
}

/// The same elements in row-major order.
Value reshape(ImplicitLocOpBuilder &b, Value tensor, RankedTensorType type) {
  auto found = cast<RankedTensorType>(tensor.getType());
  if (found.getRank() == type.getRank())
    return tensor;
  // All dimensions, or none, are one.
  SmallVector<ReassociationIndices> dimensions;
  int64_t rank = std::max(found.getRank(), type.getRank());
  if (found.getRank() != 0 && type.getRank() != 0)
    dimensions.push_back(llvm::to_vector(llvm::seq(rank)));
  if (found.getRank() > type.getRank())
    return tensor::CollapseShapeOp::create(b, type, tensor, dimensions);
  return tensor::ExpandShapeOp::create(b, type, tensor, dimensions);
}

/// One code a byte, as a tensor of codes.
Value narrow(ImplicitLocOpBuilder &b, Value wide, RankedTensorType type) {
  if (wide.getType() == type)
    return wide;
  return UnrealizedConversionCastOp::create(b, type, wide).getResult(0);
}

Value widen(ImplicitLocOpBuilder &b, Value codes) {
  auto type = cast<RankedTensorType>(codes.getType());
  RankedTensorType wide = type.clone(b.getI8Type());
  if (type == wide)
    return codes;
  return UnrealizedConversionCastOp::create(b, wide, codes).getResult(0);
}

struct LowerUnpack : OpConversionPattern<UnpackOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(UnpackOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    RankedTensorType type = op.getCodes().getType();
    Value bytes = adaptor.getBytes();
    if (type.getElementTypeBitWidth() != 8)
      bytes = LoopBuilder(b, *getStream(type, op.getPacking()))
                  .unpack(bytes, type.getNumElements());
    Value shaped = reshape(b, bytes, type.clone(b.getI8Type()));
    rewriter.replaceOp(op, narrow(b, shaped, type));
    return success();
  }
};

struct LowerPack : OpConversionPattern<PackOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(PackOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    RankedTensorType type = op.getCodes().getType();
    Value codes = widen(b, adaptor.getCodes());
    codes = reshape(b, codes, getFlatType(type.clone(b.getI8Type())));
    if (type.getElementTypeBitWidth() != 8)
      codes = LoopBuilder(b, *getStream(type, op.getPacking()))
                  .pack(codes, type.getNumElements());
    rewriter.replaceOp(op, codes);
    return success();
  }
};

/// Number formats must not outlive this dialect's operations: tools that know
/// LLVM only could not read their types.
void dropDescriptions(Operation *root) {
  root->walk([&](FunctionOpInterface function) {
    for (StringRef name :
         {QFmtDialect::kPackedAttr, QFmtDialect::kFormatAttr}) {
      auto attribute = StringAttr::get(root->getContext(), name);
      for (unsigned i = 0, e = function.getNumArguments(); i < e; ++i)
        function.removeArgAttr(i, attribute);
      for (unsigned i = 0, e = function.getNumResults(); i < e; ++i)
        function.removeResultAttr(i, attribute);
    }
  });
}

struct ConvertPackingToLoopsPass
    : impl::ConvertPackingToLoopsBase<ConvertPackingToLoopsPass> {
  void runOnOperation() override {
    ConversionTarget target(getContext());
    target.addIllegalOp<PackOp, UnpackOp>();
    target.markUnknownOpDynamicallyLegal([](Operation *) { return true; });
    RewritePatternSet patterns(&getContext());
    patterns.add<LowerPack, LowerUnpack>(&getContext());
    if (failed(applyPartialConversion(getOperation(), target,
                                      std::move(patterns))))
      return signalPassFailure();
    dropDescriptions(getOperation());
  }
};

} // namespace
} // namespace mlir::qfmt
