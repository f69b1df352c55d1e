// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "PairwiseTerms.h"
#include "../FormatChoice.h"
#include "qfmt/IR/LayerAttributes.h"

using namespace mlir;
using namespace mlir::qfmt;
using assignment::PairwiseTerm;

/// The dialect has verified what the entry consists of.
static FailureOr<PairwiseTerm> readTerm(Operation *op, DictionaryAttr entry) {
  PairwiseTerm term;
  auto layers = entry.getAs<ArrayAttr>("layers");
  auto formats = entry.getAs<ArrayAttr>("formats");
  for (unsigned side : {0u, 1u}) {
    term.groups[side] = cast<StringAttr>(layers[side]).str();
    FailureOr<FormatChoice> format = FormatChoice::parse(
        cast<StringAttr>(formats[side]).getValue(), op->getContext(),
        [&] { return op->emitOpError() << kPairwiseAttr << ": "; });
    if (failed(format))
      return failure();
    term.formats[side] = format->str();
  }
  term.damage = entry.getAs<FloatAttr>("damage").getValueAsDouble();
  return term;
}

FailureOr<std::vector<PairwiseTerm>>
mlir::qfmt::readPairwiseAttrs(ModuleOp module) {
  std::vector<PairwiseTerm> terms;
  WalkResult result = module.walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (auto entries = op->getAttrOfType<ArrayAttr>(kPairwiseAttr))
      for (auto entry : entries.getAsRange<DictionaryAttr>()) {
        FailureOr<PairwiseTerm> term = readTerm(op, entry);
        if (failed(term))
          return WalkResult::interrupt();
        terms.push_back(std::move(*term));
      }
    return WalkResult::advance();
  });
  if (result.wasInterrupted())
    return failure();
  return terms;
}

void mlir::qfmt::addPairwiseTerms(ArrayRef<PairwiseTerm> terms,
                                  assignment::Problem &problem) {
  auto mayCount = [&](const PairwiseTerm &term, unsigned side) {
    std::optional<unsigned> group = problem.findGroup(term.groups[side]);
    return !group || problem.findChoice(*group, term.formats[side]);
  };
  for (const PairwiseTerm &term : terms)
    if (mayCount(term, 0) && mayCount(term, 1))
      problem.pairwise.push_back(term);
}
