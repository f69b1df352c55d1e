// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Table.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"
#include <algorithm>
#include <cassert>

using namespace mlir;
using namespace mlir::qfmt;

static int64_t product(llvm::ArrayRef<int64_t> sizes) {
  int64_t count = 1;
  for (int64_t size : sizes)
    count *= size;
  return count;
}

Table::Table(llvm::ArrayRef<unsigned> dims, llvm::ArrayRef<int64_t> sizes,
             std::vector<double> values)
    : dims(dims), sizes(sizes), values(std::move(values)) {
  assert(llvm::is_sorted(dims) && "dimensions ascend");
  assert(static_cast<int64_t>(this->values.size()) == product(sizes) &&
         "one value a point");
}

bool Table::variesAlong(unsigned dim) const {
  return llvm::is_contained(simplified().dims, dim);
}

std::optional<double> Table::getUniform() const {
  if (!llvm::all_equal(values))
    return std::nullopt;
  return values.front();
}

double Table::getMin() const { return *llvm::min_element(values); }
double Table::getMax() const { return *llvm::max_element(values); }

bool Table::all(llvm::function_ref<bool(double)> predicate) const {
  return llvm::all_of(values, predicate);
}

/// Calls `visit(index along dim, flat offset)` for every entry.
static void forEachAlong(llvm::ArrayRef<int64_t> sizes, unsigned position,
                         llvm::function_ref<void(int64_t, int64_t)> visit) {
  int64_t inner = product(sizes.drop_front(position + 1));
  for (int64_t flat = 0, end = product(sizes); flat < end; ++flat)
    visit(flat / inner % sizes[position], flat);
}

/// Drops a dimension and keeps, of the entries along it, what `keep` says.
static Table reduceAlong(const Table &table, unsigned position,
                         llvm::function_ref<double(double, double)> keep) {
  auto sizes = llvm::to_vector(table.getSizes());
  auto dims = llvm::to_vector(table.getDims());
  int64_t size = sizes[position];
  int64_t inner = product(llvm::ArrayRef(sizes).drop_front(position + 1));
  sizes.erase(sizes.begin() + position);
  dims.erase(dims.begin() + position);
  std::vector<double> values(product(sizes));
  for (int64_t flat = 0, end = values.size(); flat < end; ++flat) {
    int64_t base = flat / inner * inner * size + flat % inner;
    double kept = table.getValues()[base];
    for (int64_t i = 1; i < size; ++i)
      kept = keep(kept, table.getValues()[base + i * inner]);
    values[flat] = kept;
  }
  return Table(dims, sizes, std::move(values));
}

Table Table::simplified() const {
  Table result = *this;
  for (unsigned position = dims.size(); position-- > 0;) {
    int64_t inner =
        product(llvm::ArrayRef(result.sizes).drop_front(position + 1));
    bool varies = false;
    forEachAlong(result.sizes, position, [&](int64_t index, int64_t flat) {
      varies |= result.values[flat] != result.values[flat - index * inner];
    });
    if (!varies)
      result = reduceAlong(result, position,
                           [](double first, double) { return first; });
  }
  return result;
}

Table Table::map(llvm::function_ref<double(double)> function) const {
  Table result = *this;
  for (double &value : result.values)
    value = function(value);
  return result;
}

Table Table::combine(const Table &a, const Table &b,
                     llvm::function_ref<double(double, double)> function) {
  llvm::SmallVector<unsigned> dims;
  std::set_union(a.dims.begin(), a.dims.end(), b.dims.begin(), b.dims.end(),
                 std::back_inserter(dims));
  auto sizeIn = [](const Table &table, unsigned dim) -> int64_t {
    const auto *it = llvm::find(table.dims, dim);
    return it == table.dims.end() ? 1 : table.sizes[it - table.dims.begin()];
  };
  llvm::SmallVector<int64_t> sizes;
  for (unsigned dim : dims)
    sizes.push_back(std::max(sizeIn(a, dim), sizeIn(b, dim)));

  // Stride of each of the dimensions in a table; 0 where it has none.
  auto stridesIn = [&](const Table &table) {
    llvm::SmallVector<int64_t> strides(dims.size(), 0);
    int64_t stride = 1;
    for (unsigned i = dims.size(); i-- > 0;)
      if (llvm::is_contained(table.dims, dims[i])) {
        strides[i] = stride;
        stride *= sizes[i];
      }
    return strides;
  };
  llvm::SmallVector<int64_t> stridesA = stridesIn(a), stridesB = stridesIn(b);

  std::vector<double> values(product(sizes));
  for (int64_t flat = 0, end = values.size(); flat < end; ++flat) {
    int64_t rest = flat, offsetA = 0, offsetB = 0;
    for (unsigned i = dims.size(); i-- > 0; rest /= sizes[i]) {
      offsetA += rest % sizes[i] * stridesA[i];
      offsetB += rest % sizes[i] * stridesB[i];
    }
    values[flat] = function(a.values[offsetA], b.values[offsetB]);
  }
  return Table(dims, sizes, std::move(values));
}

Table Table::minAlong(unsigned dim) const {
  const auto *it = llvm::find(dims, dim);
  if (it == dims.end())
    return *this;
  return reduceAlong(*this, it - dims.begin(),
                     [](double a, double b) { return std::min(a, b); });
}

std::optional<Table> Table::renamed(llvm::ArrayRef<unsigned> newDims) const {
  // Sort the dimensions by their new names, moving the values along.
  llvm::SmallVector<unsigned> order = llvm::to_vector(
      llvm::seq<unsigned>(0, static_cast<unsigned>(dims.size())));
  llvm::sort(order, [&](unsigned a, unsigned b) {
    return newDims[dims[a]] < newDims[dims[b]];
  });
  llvm::SmallVector<unsigned> resultDims;
  llvm::SmallVector<int64_t> resultSizes;
  for (unsigned i : order) {
    if (!resultDims.empty() && resultDims.back() == newDims[dims[i]])
      return std::nullopt;
    resultDims.push_back(newDims[dims[i]]);
    resultSizes.push_back(sizes[i]);
  }
  std::vector<double> resultValues(values.size());
  for (int64_t flat = 0, end = values.size(); flat < end; ++flat) {
    llvm::SmallVector<int64_t> index(dims.size());
    int64_t rest = flat;
    for (unsigned i = dims.size(); i-- > 0; rest /= sizes[i])
      index[i] = rest % sizes[i];
    int64_t target = 0;
    for (auto [size, i] : llvm::zip(resultSizes, order))
      target = target * size + index[i];
    resultValues[target] = values[flat];
  }
  return Table(resultDims, resultSizes, std::move(resultValues));
}

bool Table::operator==(const Table &other) const {
  Table a = simplified(), b = other.simplified();
  return a.dims == b.dims && a.sizes == b.sizes && a.values == b.values;
}

Table mlir::qfmt::operator*(const Table &a, const Table &b) {
  return Table::combine(a, b, [](double x, double y) { return x * y; });
}

Table mlir::qfmt::operator/(const Table &a, const Table &b) {
  return Table::combine(a, b, [](double x, double y) { return x / y; });
}

std::optional<Table> mlir::qfmt::toLoops(const Table &table, AffineMap map) {
  Table simple = table.simplified();
  SmallVector<unsigned> loops(map.getNumResults(), 0);
  for (unsigned dim : simple.getDims()) {
    auto loop = dyn_cast<AffineDimExpr>(map.getResult(dim));
    if (!loop)
      return std::nullopt;
    loops[dim] = loop.getPosition();
  }
  return simple.renamed(loops);
}

std::optional<Table> mlir::qfmt::toTensor(const Table &table, AffineMap map) {
  Table simple = table.simplified();
  SmallVector<unsigned> dims(map.getNumDims(), 0);
  for (unsigned loop : simple.getDims()) {
    std::optional<unsigned> position =
        map.getResultPosition(getAffineDimExpr(loop, map.getContext()));
    if (!position)
      return std::nullopt;
    dims[loop] = *position;
  }
  return simple.renamed(dims);
}
