// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Memory in pages of 2 MiB, where Linux has such for those who ask
// (/sys/kernel/mm/transparent_hugepage/enabled: madvise or always). New memory
// takes one interrupt for each page, and the processor has to find fewer
// addresses of pages.

#ifndef QFMT_LIB_RUNTIME_HUGEPAGES_H
#define QFMT_LIB_RUNTIME_HUGEPAGES_H

#include <cstddef>

namespace llvm {
class Module;
}

namespace mlir::qfmt {

/// `size` bytes at a multiple of `alignment`, a power of two; null if there is
/// no memory. What fills huge pages lies in some. Whoever calls frees it with
/// std::free.
void *allocateInHugePages(size_t size, size_t alignment);

/// Lets the module's calls of malloc ask for huge pages, where sizes are not
/// known to be smaller. Only for Linux. The data layout must be the target's.
void useHugePages(llvm::Module &module);

} // namespace mlir::qfmt

#endif // QFMT_LIB_RUNTIME_HUGEPAGES_H
