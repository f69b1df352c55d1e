// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ActivationMemory.h"
#include "../LinalgUses.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "qfmt/Analysis/Moves.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;
using namespace mlir::qfmt;

namespace {

class Analysis {
public:
  Analysis(ModuleOp module, ArrayRef<Layer> layers) {
    for (auto [index, layer] : llvm::enumerate(layers))
      layerOf[layer.data] = index;
    unsigned position = 0;
    module.walk<WalkOrder::PreOrder>(
        [&](Operation *op) { positions[op] = position++; });
    module.walk<WalkOrder::PreOrder>(
        [&](ObserveOp op) { observers.push_back(op); });
  }

  FailureOr<ActivationMemory> run(ModuleOp module) {
    if (observers.empty())
      return emitError(module.getLoc())
             << "qfmt-assign-formats: a budget of activation bytes needs "
                "observers; run qfmt-insert-observers first";
    for (auto &[data, layer] : layerOf)
      if (!cast<ShapedType>(data->get().getType()).hasStaticShape())
        return data->getOwner()->emitOpError()
               << "reads data of a dynamic size, of which qfmt-assign-formats "
                  "knows no bytes";
    for (ObserveOp op : observers) {
      if (!op.getType().hasStaticShape())
        return op.emitOpError() << "is of a dynamic size, of which "
                                   "qfmt-assign-formats knows no bytes";
      StoredTensor tensor{op, {}, false};
      collectReaders(op.getResult(), tensor);
      llvm::sort(tensor.layers);
      tensor.layers.erase(llvm::unique(tensor.layers), tensor.layers.end());
      memory.tensors.push_back(std::move(tensor));
    }
    for (ObserveOp op : observers)
      ends.push_back(getEnd(op.getResult()));
    for (unsigned index = 0; index < observers.size(); ++index)
      addMoment(index);
    eraseCovered();
    return std::move(memory);
  }

private:
  void collectReaders(Value value, StoredTensor &tensor) const;
  unsigned getEnd(Value value) const;
  void addMoment(unsigned index);
  void eraseCovered();

  llvm::MapVector<OpOperand *, unsigned> layerOf;
  llvm::DenseMap<Operation *, unsigned> positions;
  SmallVector<ObserveOp> observers;
  /// Of each observer: where its tensor is not needed any more.
  SmallVector<unsigned> ends;
  ActivationMemory memory;
};

static bool isObserved(Value value) {
  return !value.use_empty() &&
         llvm::all_of(value.getUsers(), llvm::IsaPred<ObserveOp>);
}

/// What reads `value`, or what it is moved to.
void Analysis::collectReaders(Value value, StoredTensor &tensor) const {
  for (OpOperand &use : value.getUses()) {
    Operation *user = use.getOwner();
    auto layer = layerOf.find(&use);
    if (layer != layerOf.end())
      tensor.layers.push_back(layer->second);
    else if (isTensorMove(user) || getCopiedInput(user) == &use)
      collectReaders(user->getResult(0), tensor);
    else if (getMaximumInput(user) == &use && isObserved(user->getResult(0)))
      // A selection has the format of its source.
      for (Operation *observer : user->getResult(0).getUsers())
        collectReaders(observer->getResult(0), tensor);
    else if (readsElements(use))
      tensor.hasOtherReaders = true;
  }
}

/// The position of the last operation that computes with `value` or with what
/// is made of it and not stored.
unsigned Analysis::getEnd(Value value) const {
  unsigned end = 0;
  llvm::SetVector<Value> values;
  values.insert(value);
  for (size_t i = 0; i < values.size(); ++i)
    for (OpOperand &use : values[i].getUses()) {
      Operation *user = use.getOwner();
      if (!readsElements(use))
        continue;
      end = std::max(end, positions.lookup(user));
      if (isa<ObserveOp>(user))
        continue;
      values.insert_range(user->getResults());
      // What a loop or a branch passes on is computed by the time it ends.
      if (user->hasTrait<OpTrait::IsTerminator>() &&
          !isa<FunctionOpInterface>(user->getParentOp()))
        values.insert_range(user->getParentOp()->getResults());
    }
  return end;
}

/// What lives while the tensor of the observer is computed.
void Analysis::addMoment(unsigned index) {
  unsigned now = positions.lookup(observers[index]);
  auto function = observers[index]->getParentOfType<FunctionOpInterface>();
  Moment moment{observers[index].getId().str(), {}};
  for (auto [other, op] : llvm::enumerate(observers))
    if (op->getParentOfType<FunctionOpInterface>() == function &&
        positions.lookup(op) <= now && (other == index || ends[other] >= now))
      moment.live.push_back(other);
  memory.moments.push_back(std::move(moment));
}

/// A moment of less tensors than another one needs no row of its own.
void Analysis::eraseCovered() {
  std::vector<Moment> &moments = memory.moments;
  std::vector<Moment> kept;
  for (auto [index, moment] : llvm::enumerate(moments)) {
    bool isCovered = false;
    for (auto [other, larger] : llvm::enumerate(moments))
      // Of equal ones the first stays.
      isCovered |= other != index &&
                   (moment.live != larger.live || other < index) &&
                   std::includes(larger.live.begin(), larger.live.end(),
                                 moment.live.begin(), moment.live.end());
    if (!isCovered)
      kept.push_back(moment);
  }
  moments = std::move(kept);
}
} // namespace

FailureOr<ActivationMemory> ActivationMemory::analyze(ModuleOp module,
                                                      ArrayRef<Layer> layers) {
  return Analysis(module, layers).run(module);
}
