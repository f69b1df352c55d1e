// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What #qfmt.additive means: the element at place p of group j denotes
// scale[block] * sum over k of tables[k, payload[j, k], p], exactly. How codes
// are searched is spec C84; scales and tables are always given.

#include "../Codec.h"
#include "Scales.h"
#include "qfmt/IR/QFmt.h"
#include "qfmt/Reference/ReferenceFormat.h"
#include <algorithm>
#include <limits>

using namespace mlir;
using namespace mlir::qfmt;

namespace mlir::qfmt::reference {

//===----------------------------------------------------------------------===//
// Groups
//===----------------------------------------------------------------------===//

namespace {
/// One group: its number, and the number of each of its elements in the
/// tensor, in row-major order.
struct Group {
  int64_t index;
  SmallVector<int64_t> elements;
};
} // namespace

/// Calls `visit` with each group, in row-major order.
static void forEachGroup(AdditiveAttr format, ArrayRef<int64_t> shape,
                         function_ref<void(const Group &)> visit) {
  SmallVector<int64_t> strides(shape.size(), 1);
  for (size_t dim = shape.size(); dim-- > 1;)
    strides[dim - 1] = strides[dim] * shape[dim];
  Group group{0, {}};
  forEachIndex(format.getGroupGrid(shape), [&](ArrayRef<int64_t> outer) {
    group.elements.clear();
    forEachIndex(format.getGroup(), [&](ArrayRef<int64_t> inner) {
      int64_t element = 0;
      for (auto [i, size, p, stride] :
           llvm::zip_equal(outer, format.getGroup(), inner, strides))
        element += (i * size + p) * stride;
      group.elements.push_back(element);
    });
    visit(group);
    ++group.index;
  });
}

/// The scale of each element.
static std::vector<ExactReal> readElementScales(AdditiveAttr format,
                                                EncodedTensorType type,
                                                ArrayRef<Tensor> constituents) {
  ScaledAttr scaling = format.getScaling();
  std::vector<ExactReal> blocks =
      readScales(scaling, type, constituents.drop_front());
  std::vector<ExactReal> scales(ShapedType::getNumElements(type.getShape()));
  forEachElement(scaling, type.getShape(), [&](int64_t element, int64_t block) {
    scales[element] = blocks[block];
  });
  return scales;
}

//===----------------------------------------------------------------------===//
// Tables
//===----------------------------------------------------------------------===//

namespace {
/// The tables' entries, exact.
class Tables {
public:
  Tables(AdditiveAttr format, const Tensor &stored)
      : groupSize(format.getGroupSize()),
        vectors(int64_t(1) << format.getBits()) {
    Codec codec(format.getTable());
    entries.reserve(stored.getNumElements());
    for (Scalar entry : stored.getData())
      entries.push_back(codec.decode(entry));
  }

  int64_t getNumVectors() const { return vectors; }
  int64_t getGroupSize() const { return groupSize; }
  /// The vector `code` of table `table`.
  ArrayRef<double> get(int64_t table, int64_t code) const {
    return ArrayRef(entries).slice((table * vectors + code) * groupSize,
                                   groupSize);
  }

private:
  int64_t groupSize, vectors;
  std::vector<double> entries;
};
} // namespace

static std::vector<ExactReal> readExact(AdditiveAttr format,
                                        EncodedTensorType type,
                                        ArrayRef<Tensor> constituents) {
  std::vector<ExactReal> reals = readElementScales(format, type, constituents);
  Tables tables(format, constituents.back());
  const Tensor &payload = constituents.front();
  int64_t numTables = format.getCodebooks();
  forEachGroup(format, type.getShape(), [&](const Group &group) {
    SmallVector<ExactReal> sums(group.elements.size());
    for (int64_t k = 0; k < numTables; ++k) {
      uint64_t code = getElementBits(payload[group.index * numTables + k],
                                     payload.getElementType());
      // Sums of finite entries fit (C80).
      for (auto [sum, entry] : llvm::zip_equal(sums, tables.get(k, code)))
        sum = sum + ExactReal::fromDouble(entry);
    }
    for (auto [element, sum] : llvm::zip_equal(group.elements, sums))
      reals[element] = sum * reals[element];
  });
  return reals;
}

//===----------------------------------------------------------------------===//
// Search (C84)
//===----------------------------------------------------------------------===//

namespace {
/// Finds the codes of one group after the other. All arithmetic is in f64, one
/// rounding an operation.
class Search {
public:
  Search(AdditiveAttr format, const Tables &tables)
      : tables(tables), codes(format.getCodebooks()) {}

  /// The codes of the vector `x`.
  ArrayRef<int64_t> run(ArrayRef<double> x, double scale) {
    for (size_t k = 0; k < codes.size(); ++k)
      codes[k] =
          findNearest(k, getResidual(x, scale, k, /*numOthers=*/k), scale);
    if (codes.size() == 1)
      return codes;
    for (unsigned sweep = 0; sweep < AdditiveAttr::kSearchSweeps; ++sweep)
      for (size_t k = 0; k < codes.size(); ++k)
        codes[k] =
            findNearest(k, getResidual(x, scale, k, codes.size()), scale);
    return codes;
  }

private:
  /// `x` less the vectors of the first `numOthers` tables, without that of
  /// table `skipped`.
  std::vector<double> getResidual(ArrayRef<double> x, double scale,
                                  size_t skipped, size_t numOthers) const {
    std::vector<double> residual(x.begin(), x.end());
    for (size_t k = 0; k < numOthers; ++k) {
      if (k == skipped)
        continue;
      for (auto [rest, entry] :
           llvm::zip_equal(residual, tables.get(k, codes[k]))) {
        double part = scale * entry;
        rest = rest - part;
      }
    }
    return residual;
  }

  /// The first code with the smallest error; 0 if none has a finite one.
  int64_t findNearest(size_t table, ArrayRef<double> target,
                      double scale) const {
    double best = std::numeric_limits<double>::infinity();
    int64_t nearest = 0;
    for (int64_t code = 0; code < tables.getNumVectors(); ++code) {
      double error = 0;
      for (auto [x, entry] : llvm::zip_equal(target, tables.get(table, code))) {
        // One rounding a statement: none may be contracted.
        double part = scale * entry;
        double difference = x - part;
        double square = difference * difference;
        error += square;
      }
      if (error < best) {
        best = error;
        nearest = code;
      }
    }
    return nearest;
  }

  const Tables &tables;
  SmallVector<int64_t> codes;
};
} // namespace

/// A real as the search takes it: a NaN is 0, and what lies beyond the largest
/// value of the logical type is that value.
static double getSearchReal(const ExactReal &real, FloatType logical) {
  if (real.isNaN())
    return 0;
  double largest =
      APFloat::getLargest(logical.getFloatSemantics()).convertToDouble();
  return std::clamp(real.roundToDouble(), -largest, largest);
}

static Tensor encodePayload(AdditiveAttr format, EncodedTensorType type,
                            const Reals &reals, ArrayRef<Tensor> constituents) {
  std::vector<ExactReal> scales = readElementScales(format, type, constituents);
  Tables tables(format, constituents.back());
  Search search(format, tables);
  RankedTensorType payloadType = type.getConstituents().front().type;
  Tensor payload(payloadType.getShape(), payloadType.getElementType());
  Scalar *next = payload.getMutableData().data();
  forEachGroup(format, type.getShape(), [&](const Group &group) {
    SmallVector<double> x;
    for (int64_t element : group.elements)
      x.push_back(getSearchReal(reals[element], type.getLogicalElementType()));
    // A group lies in one block (C82).
    double scale = scales[group.elements.front()].roundToDouble();
    for (int64_t code : search.run(x, scale))
      *next++ = getElementFromBits(code, payloadType.getElementType());
  });
  return payload;
}

//===----------------------------------------------------------------------===//
// The model
//===----------------------------------------------------------------------===//

namespace {
struct AdditiveModel
    : ReferenceFormat::ExternalModel<AdditiveModel, AdditiveAttr> {
  std::vector<ExactReal> readExact(Attribute attr, EncodedTensorType type,
                                   ArrayRef<Tensor> constituents) const {
    return reference::readExact(cast<AdditiveAttr>(attr), type, constituents);
  }
  SmallVector<Tensor> encode(Attribute attr, EncodedTensorType type,
                             const Reals &reals,
                             const EncodeModes &modes) const {
    assert(!modes.given.empty() && "verified (C84)");
    SmallVector<Tensor> parts(1);
    llvm::append_range(parts, modes.given);
    parts.front() = encodePayload(cast<AdditiveAttr>(attr), type, reals, parts);
    return parts;
  }
  /// Never called: no scale has this encoding, since none is given (C84).
  void setElements(Attribute, EncodedTensorType, MutableArrayRef<Tensor>,
                   ArrayRef<int64_t>, const ExactReal &) const {}
};
} // namespace

void attachAdditiveModel(MLIRContext *context) {
  AdditiveAttr::attachInterface<AdditiveModel>(*context);
}

} // namespace mlir::qfmt::reference
