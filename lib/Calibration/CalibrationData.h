// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Samples for the arguments of a function, from .npz and .npy files.

#ifndef QFMT_LIB_CALIBRATION_CALIBRATIONDATA_H
#define QFMT_LIB_CALIBRATION_CALIBRATIONDATA_H

#include "qfmt/Runtime/CompiledFunction.h"
#include "qfmt/Runtime/Npy.h"

namespace mlir::qfmt {

class CalibrationData {
public:
  /// The samples in `path` for a function of this signature. `names` are what
  /// the source network calls its inputs, empty where it has no name. Errors
  /// name the file, and the argument with what is found and what is wanted.
  static llvm::Expected<CalibrationData> read(StringRef path,
                                              const FunctionSignature &function,
                                              ArrayRef<std::string> names);

  int64_t getNumSamples() const { return arrays.front().shape.front(); }
  /// One view an argument, valid as long as this object.
  SmallVector<TensorView> getSample(int64_t index) const;

private:
  /// In the order of the arguments; samples along the first axis, then the
  /// shape of the argument.
  std::vector<NpyArray> arrays;
};

} // namespace mlir::qfmt

#endif // QFMT_LIB_CALIBRATION_CALIBRATIONDATA_H
