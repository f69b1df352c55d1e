// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Arrays.h"
#include "llvm/Support/FileSystem.h"

using namespace mlir;
using namespace mlir::qfmt;

LogicalResult mlir::qfmt::readInputs(const Options &options,
                                     const FunctionSignature &signature,
                                     SmallVectorImpl<NpyArray> &arrays) {
  if (options.inputs.size() != signature.inputs.size())
    return error("'" + signature.function + "' takes " +
                 Twine(signature.inputs.size()) + " arrays, found " +
                 Twine(options.inputs.size()) + " with --inputs");
  for (auto [path, spec] : llvm::zip_equal(options.inputs, signature.inputs)) {
    llvm::Expected<NpyArray> array = readNpy(path);
    if (!array)
      return error(array.takeError());
    if (llvm::Error failed = checkNpy(*array, spec, options.samples))
      return error("'" + path + "': " + llvm::toString(std::move(failed)));
    if (options.samples && !arrays.empty() &&
        array->shape.front() != arrays.front().shape.front())
      return error("'" + path + "' has " + Twine(array->shape.front()) +
                   " samples, but '" + options.inputs.front() + "' has " +
                   Twine(arrays.front().shape.front()));
    arrays.push_back(std::move(*array));
  }
  return success();
}

int64_t mlir::qfmt::getNumSamples(const Options &options,
                                  ArrayRef<NpyArray> inputs) {
  return options.samples && !inputs.empty() ? inputs.front().shape.front() : 1;
}

SmallVector<TensorView> mlir::qfmt::getSample(const Options &options,
                                              ArrayRef<NpyArray> inputs,
                                              int64_t index) {
  SmallVector<TensorView> views;
  for (const NpyArray &array : inputs) {
    ArrayRef<int64_t> shape = array.shape;
    size_t offset = 0;
    if (options.samples) {
      shape = shape.drop_front();
      offset = index * ShapedType::getNumElements(shape) * array.itemSize;
    }
    views.push_back({array.data.data() + offset, shape});
  }
  return views;
}

LogicalResult
OutputFiles::write(StringRef path,
                   llvm::function_ref<void(llvm::raw_ostream &)> print) {
  std::error_code code;
  files.push_back(std::make_unique<llvm::ToolOutputFile>(
      path, code, llvm::sys::fs::OF_None));
  if (code)
    return error("cannot write '" + path + "': " + code.message());
  llvm::raw_fd_ostream &os = files.back()->os();
  print(os);
  os.flush();
  if (!os.has_error())
    return success();
  code = os.error();
  os.clear_error();
  return error("cannot write '" + path + "': " + code.message());
}

void OutputFiles::keep() {
  for (auto &file : files)
    file->keep();
}
