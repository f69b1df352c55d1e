// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QFMT_REFERENCE_REFERENCEFORMAT_TD
#define QFMT_REFERENCE_REFERENCEFORMAT_TD

include "mlir/IR/OpBase.td"

def QFmt_ReferenceFormat : AttrInterface<"ReferenceFormat"> {
  let cppNamespace = "::mlir::qfmt::reference";
  let description = [{
    What the reference evaluator needs of a tensor format: an external model of its attribute. `type` has a static shape
    and this attribute as its encoding; `constituents` are those that the format names, in its order; elements are
    numbered in row-major order.
  }];
  let methods = [
    InterfaceMethod<"The exact real that each element denotes.",
      "::std::vector<::mlir::qfmt::ExactReal>", "readExact",
      (ins "::mlir::qfmt::EncodedTensorType":$type,
           "::llvm::ArrayRef<::mlir::qfmt::reference::Tensor>":$constituents)>,
    InterfaceMethod<[{
      The elements rounded once, half to even, to the logical type: `readExact`, rounded.}],
      "::mlir::qfmt::reference::Tensor", "read",
      (ins "::mlir::qfmt::EncodedTensorType":$type,
           "::llvm::ArrayRef<::mlir::qfmt::reference::Tensor>":$constituents),
      "", [{
        auto format = ::llvm::cast<::mlir::qfmt::reference::ReferenceFormat>(static_cast<::mlir::Attribute>($_attr));
        return roundToLogicalType(format.readExact(type, constituents), type);
      }]>,
    InterfaceMethod<[{
      The constituents of `reals`, as the operations `quantize` and `convert` define them; `modes.division` tells which.}],
      "::llvm::SmallVector<::mlir::qfmt::reference::Tensor>", "encode",
      (ins "::mlir::qfmt::EncodedTensorType":$type,
           "const ::mlir::qfmt::reference::Reals &":$reals,
           "const ::mlir::qfmt::reference::EncodeModes &":$modes)>,
    InterfaceMethod<[{
      Gives the elements `indices` the code nearest to `value`, which is not negative (half to even, saturating); no constituent
      but the payload changes. Where that code denotes 0 and `value` is not 0: the smallest positive number (spec C23).}],
      "void", "setElements",
      (ins "::mlir::qfmt::EncodedTensorType":$type,
           "::llvm::MutableArrayRef<::mlir::qfmt::reference::Tensor>":$constituents,
           "::llvm::ArrayRef<int64_t>":$indices, "const ::mlir::qfmt::ExactReal &":$value)>
  ];
}

#endif // QFMT_REFERENCE_REFERENCEFORMAT_TD
