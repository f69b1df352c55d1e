// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "CalibrationData.h"
#include "qfmt/Runtime/Npz.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mlir::qfmt;

/// The arrays of the file; an .npy file has one, without a name.
static llvm::Expected<std::vector<NamedArray>> readArrays(StringRef path) {
  if (!path.ends_with(".npy"))
    return readNpz(path);
  llvm::Expected<NpyArray> array = readNpy(path);
  if (!array)
    return array.takeError();
  std::vector<NamedArray> arrays(1);
  arrays.front().array = std::move(*array);
  return arrays;
}

/// Takes the array for argument `index` out of `arrays`; none if there is none.
static std::optional<NpyArray> takeArray(std::vector<NamedArray> &arrays,
                                         StringRef argumentName, size_t index,
                                         size_t numArguments) {
  std::string numbered = llvm::formatv("arr_{0}", index).str();
  auto found = llvm::find_if(arrays, [&](const NamedArray &entry) {
    return entry.name.empty() || entry.name == numbered ||
           (!argumentName.empty() && entry.name == argumentName);
  });
  // One array for one argument needs no name.
  if (found == arrays.end() && arrays.size() == 1 && numArguments == 1)
    found = arrays.begin();
  if (found == arrays.end())
    return std::nullopt;
  NpyArray array = std::move(found->array);
  arrays.erase(found);
  return array;
}

/// An argument with a leading dimension of 1 takes samples without it, too.
static void insertBatchAxis(NpyArray &array, const TensorSpec &spec) {
  bool lacksBatch = !spec.shape.empty() && spec.shape.front() == 1 &&
                    array.shape.size() == spec.shape.size();
  if (lacksBatch)
    array.shape.insert(array.shape.begin() + 1, 1);
}

static std::string joinNames(ArrayRef<NamedArray> arrays) {
  std::string names;
  for (const NamedArray &entry : arrays)
    names += (names.empty() ? "'" : ", '") + entry.name + "'";
  return names;
}

llvm::Expected<CalibrationData>
CalibrationData::read(StringRef path, const FunctionSignature &function,
                      ArrayRef<std::string> names) {
  llvm::Expected<std::vector<NamedArray>> file = readArrays(path);
  if (!file)
    return file.takeError();
  auto error = [&](const Twine &message) {
    return llvm::createStringError("'" + path + "': " + message);
  };
  size_t numArguments = function.inputs.size();
  if (numArguments == 0)
    return error("@" + Twine(function.function) + " has no arguments");
  if (file->size() != numArguments)
    return error("needs one array for each of the " + Twine(numArguments) +
                 " arguments of @" + function.function + ", found " +
                 Twine(file->size()));
  CalibrationData data;
  std::string found = joinNames(*file);
  for (auto [index, spec] : llvm::enumerate(function.inputs)) {
    std::optional<NpyArray> array =
        takeArray(*file, names[index], index, numArguments);
    if (!array)
      return error("no array for " + spec.name + "; it has " + found);
    insertBatchAxis(*array, spec);
    if (llvm::Error wrong = checkNpy(*array, spec, /*samples=*/true))
      return error(llvm::toString(std::move(wrong)));
    if (array->shape.front() == 0)
      return error(spec.name + " has no samples");
    if (!data.arrays.empty() && array->shape.front() != data.getNumSamples())
      return error(spec.name + " has " + Twine(array->shape.front()) +
                   " samples, but " + function.inputs.front().name + " has " +
                   Twine(data.getNumSamples()));
    data.arrays.push_back(std::move(*array));
  }
  return data;
}

SmallVector<TensorView> CalibrationData::getSample(int64_t index) const {
  SmallVector<TensorView> views;
  for (const NpyArray &array : arrays) {
    int64_t bytes = array.data.size() / array.shape.front();
    views.push_back({array.data.data() + index * bytes,
                     ArrayRef<int64_t>(array.shape).drop_front()});
  }
  return views;
}
