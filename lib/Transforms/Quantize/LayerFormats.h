//===- LayerFormats.h - The formats of each layer ---------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which formats the weights and the data of each layer get: those of its
// attribute `qfmt.assigned`, else those of the options.
//
//===----------------------------------------------------------------------===//

#ifndef QFMT_LIB_TRANSFORMS_QUANTIZE_LAYERFORMATS_H
#define QFMT_LIB_TRANSFORMS_QUANTIZE_LAYERFORMATS_H

#include "../OperandEncoding.h"
#include "mlir/IR/BuiltinOps.h"

namespace mlir::qfmt {

struct LayerFormat {
  /// Layer::name.
  std::string name;
  linalg::LinalgOp op;
  OpOperand *data;
  FormatChoice choice;
  /// True if the attribute says it.
  bool isOwn;
  /// Of the data, where it is read; null as getDataEncoding says.
  OperandEncoding dataEncoding;
};

class LayerFormats {
public:
  /// In the order of the program; the attributes are removed. Fails with a
  /// diagnostic if one cannot be read, or the data cannot be encoded so.
  static FailureOr<LayerFormats> collect(ModuleOp module,
                                         const FormatChoice &byDefault);

  ArrayRef<LayerFormat> getLayers() const { return layers; }
  /// The layer that reads its data through `use`; null if none does.
  const LayerFormat *findReader(OpOperand &use) const;

private:
  SmallVector<LayerFormat> layers;
  /// Positions in `layers`.
  llvm::DenseMap<OpOperand *, unsigned> readers;
};

} // namespace mlir::qfmt

#endif // QFMT_LIB_TRANSFORMS_QUANTIZE_LAYERFORMATS_H
