// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QFMT_IR_TENSORFORMAT_TD
#define QFMT_IR_TENSORFORMAT_TD

include "mlir/IR/OpBase.td"
include "mlir/IR/TensorEncoding.td"

def QFmt_TensorFormat : AttrInterface<"TensorFormat", [VerifiableTensorEncoding]> {
  let cppNamespace = "::mlir::qfmt";
  let description = [{
    A tensor encoding that says of which ordinary tensors (its *constituents*) an encoded tensor consists. The reference
    evaluator and the lowerings attach what they need as interfaces of their own.
  }];
  let methods = [
    InterfaceMethod<[{
      The constituents of a tensor of `shape` (dynamic sizes allowed) with the logical type `elementType`, in the order
      that `assemble`, `constituents` and split signatures use: payload, the scale's constituents, zero point, selector,
      tables. A dimension of the tensor that is dynamic is the payload's dimension of the same number.}],
      "::llvm::SmallVector<::mlir::qfmt::Constituent>", "getConstituents",
      (ins "::llvm::ArrayRef<int64_t>":$shape, "::mlir::Type":$elementType)>,
    InterfaceMethod<[{
      Bits a tensor of the static `shape` takes when all its constituents are packed without gaps.}],
      "uint64_t", "getPackedBits", (ins "::llvm::ArrayRef<int64_t>":$shape), "", [{
        return ::mlir::qfmt::getPackedBits(
            ::llvm::cast<::mlir::qfmt::TensorFormat>(static_cast<::mlir::Attribute>($_attr))
                .getConstituents(shape, ::mlir::Float32Type::get($_attr.getContext())));
      }]>,
    InterfaceMethod<[{
      The block shape with one entry a dimension of a tensor of rank `rank`, the smallest unit in which a tensor can be
      cut, moved or joined; `ShapedType::kDynamic` stands for a whole dimension. A format whose constituents all have the
      tensor's own shape answers 1 everywhere.}],
      "::llvm::SmallVector<int64_t>", "getBlockShape", (ins "int64_t":$rank)>,
    InterfaceMethod<[{
      For each constituent of a tensor of rank `rank` the box of elements that share one of its entries, as getBlockShape (of
      which it is a divisor): moves of whole blocks move each constituent alike, in units of its box. Empty if a constituent is
      not laid out like the tensor (tables, grids of groups), so that the tensor moves only as a whole.}],
      "::llvm::SmallVector<::llvm::SmallVector<int64_t>>", "getConstituentBlocks", (ins "int64_t":$rank)>,
    InterfaceMethod<[{
      True if the real `value` has a code in every block whatever the run-time constituents are: what padding may use.
      `elementType` is the logical type, in whose precision static scales are read.}],
      "bool", "canRepresent", (ins "double":$value, "::mlir::Type":$elementType)>,
    InterfaceMethod<[{
      True if every constituent but the payload is fixed by the type: no scale or zero point comes at run time.}],
      "bool", "isStatic", (ins)>,
    InterfaceMethod<[{
      The number formats one of which the elements of a block have, before any scale; none if tables of the tensor itself say
      what codes denote.}],
      "::llvm::SmallVector<::mlir::Type>", "getElementFormats", (ins)>,
    InterfaceMethod<[{
      Says why reals cannot be encoded in this format in the way that is asked for, or succeeds: constraints on `quantize` and
      `convert` that belong to the format.}],
      "::llvm::LogicalResult", "verifyEncode",
      (ins "const ::mlir::qfmt::EncodeRequest &":$request,
           "::llvm::function_ref<::mlir::InFlightDiagnostic()>":$emitError),
      "", "return ::llvm::success();">
  ];
}

#endif // QFMT_IR_TENSORFORMAT_TD
