// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Registration of everything that qfmt's tools know.

#ifndef QFMT_INITALL_H
#define QFMT_INITALL_H

#include "qfmt/Calibration/Passes.h"
#include "qfmt/ChannelRewrites/Passes.h"
#include "qfmt/CodeGen/CPU/CpuOps.h"
#include "qfmt/CodeGen/CPU/Passes.h"
#include "qfmt/CodeGen/GPU/GpuOps.h"
#include "qfmt/CodeGen/GPU/Passes.h"
#include "qfmt/CodeGen/Products/Passes.h"
#include "qfmt/CodeGen/Threads/Passes.h"
#include "qfmt/Conversion/Passes.h"
#include "qfmt/IR/QFmt.h"
#include "qfmt/Pipelines/Pipelines.h"
#include "qfmt/Transforms/FormatLowering.h"
#include "qfmt/Transforms/Passes.h"

namespace mlir::qfmt {

/// The dialects of qfmt with their interface models; upstream dialects come
/// from mlir::registerAllDialects.
inline void registerAllQFmtDialects(DialectRegistry &registry) {
  registry.insert<QFmtDialect, cpu::QFmtCpuDialect, kernel::QFmtGpuDialect>();
  registerFormatLowerings(registry);
  registerGpuTranslations(registry);
}

/// Every pass and pipeline of qfmt.
inline void registerAllQFmtPasses() {
  registerQFmtCalibrationPasses();
  registerQFmtChannelRewritesPasses();
  registerQFmtTransformsPasses();
  registerQFmtConversionPasses();
  registerQFmtCpuPasses();
  registerQFmtGpuPasses();
  registerQFmtProductsPasses();
  registerQFmtThreadsPasses();
  registerQFmtPipelines();
}

} // namespace mlir::qfmt

#endif // QFMT_INITALL_H
