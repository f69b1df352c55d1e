// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ChannelMap.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include <cmath>
#include <numeric>
#include <tuple>

using namespace mlir;
using namespace mlir::qfmt;

static int64_t product(ArrayRef<int64_t> shape) {
  return std::accumulate(shape.begin(), shape.end(), int64_t(1),
                         std::multiplies<>());
}

ChannelMap::ChannelMap(ArrayRef<int64_t> axes, ArrayRef<int64_t> shape)
    : axes(axes), shape(shape), order(product(shape)) {
  std::iota(order.begin(), order.end(), 0);
  scale.assign(order.size(), 1.0);
  shift.assign(order.size(), 0.0);
}

ChannelMap ChannelMap::permute(ArrayRef<int64_t> axes, ArrayRef<int64_t> shape,
                               std::vector<int64_t> order) {
  ChannelMap map(axes, shape);
  map.order = std::move(order);
  return map;
}

ChannelMap ChannelMap::affine(ArrayRef<int64_t> axes, ArrayRef<int64_t> shape,
                              std::vector<double> scale,
                              std::vector<double> shift) {
  ChannelMap map(axes, shape);
  map.scale = std::move(scale);
  if (!shift.empty())
    map.shift = std::move(shift);
  return map;
}

ChannelMap ChannelMap::rotate(ArrayRef<int64_t> axes, ArrayRef<int64_t> shape,
                              std::shared_ptr<const Rotation> rotation) {
  ChannelMap map(axes, shape);
  map.rotation = std::move(rotation);
  return map;
}

//===----------------------------------------------------------------------===//
// What it does
//===----------------------------------------------------------------------===//

bool ChannelMap::permutes() const {
  for (size_t i = 0; i < order.size(); ++i)
    if (order[i] != static_cast<int64_t>(i))
      return true;
  return false;
}

bool ChannelMap::scales() const {
  return llvm::any_of(scale, [](double value) { return value != 1; });
}

bool ChannelMap::shifts() const {
  return llvm::any_of(shift, [](double value) { return value != 0; });
}

bool ChannelMap::isIdentity() const {
  return !permutes() && !scales() && !shifts() && !rotation;
}

bool ChannelMap::isExact() const {
  auto isPowerOfTwo = [](double value) {
    int exponent;
    return std::frexp(value, &exponent) == 0.5;
  };
  return !shifts() && !rotation && llvm::all_of(scale, isPowerOfTwo);
}

bool ChannelMap::operator==(const ChannelMap &other) const {
  if (axes != other.axes || shape != other.shape || order != other.order ||
      scale != other.scale || shift != other.shift)
    return false;
  if (!rotation || !other.rotation)
    return rotation == other.rotation;
  return *rotation == *other.rotation;
}

bool ChannelMap::keepsIndex(int64_t axis) const {
  const int64_t *found = llvm::find(axes, axis);
  if (found == axes.end())
    return true;
  int64_t position = found - axes.begin();
  int64_t inner = product(ArrayRef(shape).drop_front(position + 1));
  if (rotation && inner % rotation->getBlock() != 0)
    return false;
  for (size_t i = 0; i < order.size(); ++i)
    if ((order[i] / inner) % shape[position] !=
        (static_cast<int64_t>(i) / inner) % shape[position])
      return false;
  return true;
}

std::string ChannelMap::describe() const {
  SmallVector<StringRef> parts;
  if (permutes())
    parts.push_back("permutation");
  if (scales())
    parts.push_back("scale");
  if (shifts())
    parts.push_back("shift");
  if (rotation)
    parts.push_back("rotation");
  return parts.empty() ? "identity" : llvm::join(parts, " and ");
}

//===----------------------------------------------------------------------===//
// Maps made of it
//===----------------------------------------------------------------------===//

ChannelMap ChannelMap::getOrder() const { return permute(axes, shape, order); }

ChannelMap ChannelMap::getScale() const { return affine(axes, shape, scale); }

ChannelMap ChannelMap::getShift() const {
  ChannelMap map(axes, shape);
  map.shift = shift;
  return map;
}

ChannelMap ChannelMap::dual() const {
  assert(!shifts() && "a shift has no dual");
  ChannelMap map = *this;
  for (double &value : map.scale)
    value = 1 / value;
  return map;
}

ChannelMap ChannelMap::extended(ArrayRef<int64_t> newAxes,
                                ArrayRef<int64_t> newShape) const {
  if (newAxes == ArrayRef(axes))
    return *this;
  ChannelMap map(newAxes, newShape);
  // Of each new axis the stride in this map's numbers, 0 if it is not there.
  SmallVector<int64_t> strides(newAxes.size(), 0);
  SmallVector<int64_t> own = computeSuffixProduct(shape);
  for (auto [axis, stride] : llvm::zip_equal(axes, own))
    strides[llvm::find(newAxes, axis) - newAxes.begin()] = stride;
  SmallVector<int64_t> newStrides = computeSuffixProduct(newShape);
  for (int64_t i = 0; i < map.size(); ++i) {
    SmallVector<int64_t> index = delinearize(i, newStrides);
    int64_t number = linearize(index, strides);
    map.scale[i] = scale[number];
    map.shift[i] = shift[number];
    SmallVector<int64_t> source = delinearize(order[number], own);
    for (auto [axis, position] : llvm::zip_equal(axes, source))
      index[llvm::find(newAxes, axis) - newAxes.begin()] = position;
    map.order[i] = linearize(index, newStrides);
  }
  map.rotation = rotation;
  return map;
}

ChannelMap ChannelMap::simplified() const {
  if (isIdentity())
    return ChannelMap();
  if (rotation)
    return *this;
  for (size_t position = 0; position < axes.size(); ++position) {
    SmallVector<int64_t> restAxes = axes, restShape = shape;
    restAxes.erase(restAxes.begin() + position);
    restShape.erase(restShape.begin() + position);
    // What it does where the index along the axis is 0.
    ChannelMap rest(restAxes, restShape);
    int64_t inner = product(ArrayRef(shape).drop_front(position + 1));
    auto widen = [&](int64_t number) {
      return number / inner * inner * shape[position] + number % inner;
    };
    auto narrow = [&](int64_t number) {
      return number / (inner * shape[position]) * inner + number % inner;
    };
    for (int64_t i = 0; i < rest.size(); ++i) {
      rest.order[i] = narrow(order[widen(i)]);
      rest.scale[i] = scale[widen(i)];
      rest.shift[i] = shift[widen(i)];
    }
    std::vector<bool> seen(rest.size(), false);
    for (int64_t source : rest.order)
      seen[source] = true;
    if (llvm::all_of(seen, [](bool value) { return value; }) &&
        rest.extended(axes, shape) == *this)
      return rest.simplified();
  }
  return *this;
}

std::optional<ChannelMap> ChannelMap::merge(const ChannelMap &a,
                                            const ChannelMap &b) {
  if (a.rotation || b.rotation)
    return std::nullopt;
  SmallVector<int64_t> axes = a.axes, shape = a.shape;
  for (auto [axis, size] : llvm::zip_equal(b.axes, b.shape)) {
    size_t position = llvm::lower_bound(axes, axis) - axes.begin();
    if (position != axes.size() && axes[position] == axis)
      continue;
    axes.insert(axes.begin() + position, axis);
    shape.insert(shape.begin() + position, size);
  }
  ChannelMap result = a.extended(axes, shape), other = b.extended(axes, shape);
  for (int64_t i = 0; i < result.size(); ++i) {
    auto get = [&](const ChannelMap &map) {
      return std::tuple(map.order[i], map.scale[i], map.shift[i]);
    };
    const std::tuple<int64_t, double, double> unchanged(i, 1.0, 0.0);
    if (get(other) == unchanged || get(other) == get(result))
      continue;
    if (get(result) != unchanged)
      return std::nullopt;
    result.order[i] = other.order[i];
    result.scale[i] = other.scale[i];
    result.shift[i] = other.shift[i];
  }
  // An order of each is one of the channels that it changes.
  std::vector<bool> seen(result.size(), false);
  for (int64_t source : result.order) {
    if (seen[source])
      return std::nullopt;
    seen[source] = true;
  }
  return result.simplified();
}

std::optional<ChannelMap>
ChannelMap::renamed(function_ref<int64_t(int64_t)> name) const {
  SmallVector<int64_t> names = llvm::map_to_vector(axes, name);
  SmallVector<size_t> places(axes.size());
  std::iota(places.begin(), places.end(), 0);
  llvm::sort(places, [&](size_t a, size_t b) {
    return std::pair(names[a], a) < std::pair(names[b], b);
  });
  ChannelMap map = *this;
  for (auto [position, place] : llvm::enumerate(places)) {
    map.axes[position] = names[place];
    map.shape[position] = shape[place];
    if (position > 0 && map.axes[position] == map.axes[position - 1])
      return std::nullopt;
  }
  if (llvm::is_sorted(places))
    return map;
  if (rotation)
    return std::nullopt;
  SmallVector<int64_t> own = computeSuffixProduct(shape),
                       strides = computeSuffixProduct(map.shape);
  auto renumber = [&](int64_t number) {
    SmallVector<int64_t> index = delinearize(number, own);
    int64_t result = 0;
    for (auto [position, place] : llvm::enumerate(places))
      result += index[place] * strides[position];
    return result;
  };
  for (int64_t i = 0; i < size(); ++i) {
    int64_t to = renumber(i);
    map.order[to] = renumber(order[i]);
    map.scale[to] = scale[i];
    map.shift[to] = shift[i];
  }
  return map;
}

ChannelMap ChannelMap::withShape(ArrayRef<int64_t> newAxes,
                                 ArrayRef<int64_t> newShape) const {
  assert(product(newShape) == size() && "another number of channels");
  ChannelMap map = *this;
  map.axes.assign(newAxes.begin(), newAxes.end());
  map.shape.assign(newShape.begin(), newShape.end());
  return map;
}
