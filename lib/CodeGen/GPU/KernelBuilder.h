// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Integers, addresses and buffers in the kernels of matrix products.

#ifndef QFMT_LIB_CODEGEN_GPU_KERNELBUILDER_H
#define QFMT_LIB_CODEGEN_GPU_KERNELBUILDER_H

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include <optional>

namespace mlir::qfmt {

/// NVVM's numbers of memories.
constexpr unsigned kGlobalMemory = 1, kSharedMemory = 3;

/// Emits arithmetic on integers of 32 or 64 bits, folded where it is known, and
/// addresses.
class KernelBuilder : public ImplicitLocOpBuilder {
public:
  using ImplicitLocOpBuilder::ImplicitLocOpBuilder;

  Value i32(int64_t value);
  /// Of the type of `like`.
  Value constant(Value like, int64_t value);

  Value add(Value a, Value b);
  Value sub(Value a, Value b);
  Value mul(Value a, Value b);
  Value bitAnd(Value a, Value b);
  Value bitXor(Value a, Value b);
  Value min(Value a, Value b);
  Value max(Value a, Value b);
  Value select(Value condition, Value a, Value b);
  Value isLess(Value a, Value b);
  /// Null stands for true.
  Value both(Value a, Value b);

  Value add(Value a, int64_t b) { return add(a, constant(a, b)); }
  Value sub(Value a, int64_t b) { return sub(a, constant(a, b)); }
  Value mul(Value a, int64_t b) { return mul(a, constant(a, b)); }
  Value bitAnd(Value a, int64_t b) { return bitAnd(a, constant(a, b)); }
  Value bitXor(Value a, int64_t b) { return bitXor(a, constant(a, b)); }
  Value min(Value a, int64_t b) { return min(a, constant(a, b)); }
  Value max(Value a, int64_t b) { return max(a, constant(a, b)); }
  Value isLess(Value a, int64_t b) { return isLess(a, constant(a, b)); }
  /// Of a number that is not negative, by a power of two or anything else.
  Value div(Value a, int64_t b);
  Value rem(Value a, int64_t b);
  Value div(Value a, Value b);
  Value rem(Value a, Value b);

  /// Digit i of `selector`, in hexadecimal, says which byte is byte i of the
  /// result: 0 ... 3 are those of `low`, 4 ... 7 those of `high`.
  Value selectBytes(Value low, Value high, Value selector);
  Value selectBytes(Value low, Value high, int64_t selector) {
    return selectBytes(low, high, i32(selector));
  }
  /// From an index.
  Value toI32(Value index);
  Value toI64(Value i32);

  /// `pointer` and a number of bytes.
  Value advance(Value pointer, Value bytes);
  Value advance(Value pointer, int64_t bytes);

  /// Emits `body` where `condition` holds; null stands for true.
  void emitIf(Value condition, function_ref<void()> body);
};

/// A buffer in the device's memory, as a kernel reads it: an address and
/// strides. Made outside of the kernel, entered in it.
class GlobalBuffer {
public:
  GlobalBuffer(KernelBuilder &b, Value buffer);

  /// The same as bytes, where elements of more lie one after the other along
  /// the last dimension. Before it is entered.
  void readAsBytes(KernelBuilder &b);

  void enter(KernelBuilder &b);
  /// In the kernel: the part with index `index` of the first dimension.
  GlobalBuffer select(KernelBuilder &b, Value index) const;

  Type getElementType() const { return elementType; }
  int64_t getElementBytes() const;
  /// Of elements; none if it is not known.
  std::optional<int64_t> getStride(unsigned dim) const;
  /// The largest power of two of elements, at most `limit`, that divides the
  /// offset and the strides of `dims`.
  int64_t getAlignment(ArrayRef<unsigned> dims, int64_t limit) const;

  /// In the kernel: the address of an element, indices of 32 bits.
  Value getAddress(KernelBuilder &b, ValueRange indices) const;
  /// In the kernel: the address of the first element.
  Value getFirst(KernelBuilder &b) const;
  /// Elements of an address, one a value; their number is a power of two. No
  /// other kernel thread may write the buffer.
  SmallVector<Value> load(KernelBuilder &b, Value address, int64_t count) const;
  void store(KernelBuilder &b, ArrayRef<Value> elements, Value address) const;

private:
  Type getStoredType(KernelBuilder &b) const;

  /// A buffer without dimensions: a pointer is all that a kernel gets.
  Value first;
  Type elementType;
  /// Constants, or indices outside of the kernel.
  OpFoldResult offset;
  SmallVector<OpFoldResult> strides;
  /// What `pointer` may be a multiple of each behind.
  SmallVector<OpFoldResult> selectedStrides;
  /// In the kernel.
  Value pointer;
};

} // namespace mlir::qfmt

#endif // QFMT_LIB_CODEGEN_GPU_KERNELBUILDER_H
