// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Damage.h"
#include "DataErrors.h"
#include "MomentLookup.h"
#include "OutputError.h"
#include "WeightErrors.h"

using namespace mlir;
using namespace mlir::qfmt;

Damage::~Damage() = default;

static double sumSquares(ArrayRef<double> values) {
  double sum = 0;
  for (double value : values)
    sum += value * value;
  return sum;
}

template <typename Table>
static LogicalResult emitMissing(const Layer &layer, StringRef what,
                                 StringRef file, const Table &table) {
  return layer.op->emitOpError()
         << "is the layer '" << layer.name << "', of which '" << file
         << "' has no " << what << "; it has those of " << listKeys(table);
}

namespace {

/// ||W - Q(W)||^2. Data does not count.
class WeightDamage : public Damage {
public:
  FailureOr<double> compute(const Layer &layer, const WeightedSum &sum,
                            const FormatChoice &choice) override {
    FailureOr<std::vector<double>> values =
        errors.compute(sum, getWeightEncoding(choice.weights, sum));
    if (failed(values))
      return failure();
    return weigh(layer, sum, choice.activations, *values);
  }

  StringRef explainBlindness(const Layer &) const override {
    return "this measure knows weights alone; 'moments' (with statistics) and "
           "'measured' see data, too";
  }

protected:
  /// Of these errors of the weights, with data in this format.
  virtual FailureOr<double> weigh(const Layer &layer, const WeightedSum &sum,
                                  const OperandFormat &data,
                                  ArrayRef<double> values) {
    return sumSquares(values);
  }

private:
  WeightErrors errors;
};

/// trace ||W - Q(W)||^2, with the layer's average Hessian trace (Yao et al.,
/// HAWQ-V3, 2021).
class TraceDamage : public WeightDamage {
public:
  TraceDamage(StringRef file, TraceTable traces)
      : file(file), traces(std::move(traces)) {}

private:
  FailureOr<double> weigh(const Layer &layer, const WeightedSum &sum,
                          const OperandFormat &,
                          ArrayRef<double> values) override {
    auto trace = traces.find(layer.name);
    if (trace == traces.end())
      return emitMissing(layer, "trace", file, traces);
    return trace->second * sumSquares(values);
  }

  std::string file;
  TraceTable traces;
};

/// The squared errors of the results, by the second moments of the data: those
/// which errors of weights cause, and those which errors of the data cause. The
/// latter are taken to be as large everywhere, and correlated with nothing.
class MomentDamage : public WeightDamage {
public:
  MomentDamage(StringRef file, MomentTable moments)
      : file(file), moments(std::move(moments)) {}

  StringRef explainBlindness(const Layer &layer) const override {
    return DataErrors::hasStatistics(layer)
               ? ""
               : "its data has no statistics; run qfmt-annotate first";
  }

private:
  FailureOr<double> weigh(const Layer &layer, const WeightedSum &sum,
                          const OperandFormat &data,
                          ArrayRef<double> values) override {
    auto matrices = WeightMatrices::get(sum);
    FailureOr<ArrayRef<double>> given =
        findMoments(moments, file, layer.name, layer.op, matrices);
    if (failed(given))
      return failure();
    double error = getOutputError(
        matrices, matrices.arrange(sum.values.getShape(), values), *given);
    // Rounding may leave a little less than nothing; what is more is no
    // matrix of moments, and is refused as negative damage.
    double scale = sumSquares(values) * getLargestMoment(*given);
    if (error < 0 && error > -1e-12 * scale)
      error = 0;
    if (!DataErrors::hasStatistics(layer))
      return error;
    FailureOr<double> ratio = dataErrors.getNoiseRatio(layer, data);
    if (failed(ratio))
      return failure();
    // Mean squares of the data, times those of the weights as they are then.
    std::vector<double> weights = sum.values.getElements();
    for (auto [weight, value] : llvm::zip_equal(weights, values))
      weight -= value;
    return error +
           *ratio * getMeanMoment(matrices, *given) * sumSquares(weights);
  }

  /// Of the diagonals.
  static double getMeanMoment(const WeightMatrices &matrices,
                              ArrayRef<double> moments) {
    int64_t depth = matrices.depth;
    double trace = 0;
    for (int64_t row = 0; row < matrices.groups * depth; ++row)
      trace += moments[row * depth + row % depth];
    return trace / (matrices.groups * depth);
  }

  static double getLargestMoment(ArrayRef<double> moments) {
    double largest = 0;
    for (double element : moments)
      largest = std::max(largest, std::abs(element));
    return largest;
  }

  std::string file;
  MomentTable moments;
  DataErrors dataErrors;
};

/// What somebody measured.
class MeasuredDamage : public Damage {
public:
  MeasuredDamage(StringRef file, MeasuredTable measured)
      : file(file), table(std::move(measured.alone)),
        pairwise(std::move(measured.pairwise)) {}

  FailureOr<double> compute(const Layer &layer, const WeightedSum &,
                            const FormatChoice &choice) override {
    auto entry = table.find(layer.name);
    if (entry == table.end())
      return emitMissing(layer, "damages", file, table);
    auto damage = entry->second.find(choice.str());
    if (damage == entry->second.end())
      return layer.op->emitOpError()
             << "is the layer '" << layer.name << "', of which '" << file
             << "' has no damage for " << choice.str() << "; it has those for "
             << listKeys(entry->second);
    return damage->second;
  }

  ArrayRef<assignment::PairwiseTerm> getPairwiseTerms() const override {
    return pairwise;
  }

private:
  std::string file;
  ChoiceTable table;
  std::vector<assignment::PairwiseTerm> pairwise;
};
} // namespace

/// The measure made of what `file` holds.
template <typename Measure, typename Table>
static FailureOr<std::unique_ptr<Damage>>
make(StringRef file, llvm::Expected<Table> table, Location loc) {
  if (!table)
    return emitError(loc) << "qfmt-assign-formats: "
                          << llvm::toString(table.takeError());
  return std::unique_ptr<Damage>(
      std::make_unique<Measure>(file, std::move(*table)));
}

FailureOr<std::unique_ptr<Damage>>
Damage::create(DamageMeasure measure, StringRef file, Location loc) {
  bool needsFile =
      measure != DamageMeasure::Given && measure != DamageMeasure::Weights;
  if (needsFile == file.empty())
    return emitError(loc)
           << "option 'damage-file' of qfmt-assign-formats is "
           << (needsFile ? "missing; this measure of damage needs it"
                         : "there, but this measure of damage reads none");
  switch (measure) {
  case DamageMeasure::Given:
    return std::unique_ptr<Damage>();
  case DamageMeasure::Weights:
    return std::unique_ptr<Damage>(std::make_unique<WeightDamage>());
  case DamageMeasure::Traces:
    return make<TraceDamage>(file, readTraces(file), loc);
  case DamageMeasure::Moments:
    return make<MomentDamage>(file, readMoments(file), loc);
  case DamageMeasure::Measured:
    return make<MeasuredDamage>(file, readMeasured(file, loc.getContext()),
                                loc);
  }
  llvm_unreachable("all measures are handled");
}
