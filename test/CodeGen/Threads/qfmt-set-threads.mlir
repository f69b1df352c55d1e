// RUN: qfmt-opt %s --qfmt-set-threads=threads=4 | FileCheck %s --check-prefix=FOUR
// RUN: qfmt-opt %s --qfmt-set-threads=threads=1 | FileCheck %s --check-prefix=ONE
// RUN: not qfmt-opt %s --qfmt-set-threads=threads=0 2>&1 | FileCheck %s --check-prefix=ZERO
// RUN: not qfmt-opt %s --qfmt-set-threads=threads=1025 2>&1 | FileCheck %s --check-prefix=MANY
// RUN: not qfmt-opt %s --qfmt-set-threads=threads=-1 2>&1 | FileCheck %s --check-prefix=NEGATIVE
// RUN: not qfmt-opt %s --qfmt-lower-to-llvm=threads=0 2>&1 | FileCheck %s --check-prefix=ZERO
// RUN: not qfmt-opt %s --qfmt-compile=threads=0 2>&1 | FileCheck %s --check-prefix=ZERO
// RUN: not qfmt-opt %s --qfmt-lower-to-llvm=threads=-3 2>&1 | FileCheck %s --check-prefix=PIPELINE
// RUN: not qfmt-opt %s --qfmt-compile=threads=1.5 2>&1 | FileCheck %s --check-prefix=FRACTION
// RUN: qfmt-opt %s --qfmt-set-threads=threads=auto | FileCheck %s --check-prefix=AUTO

// As many as this machine has for the process: one, or an attribute.
// AUTO: module {{(attributes \{qfmt_cpu.threads = [1-9][0-9]* : i64\} )?\{}}
// FOUR: module attributes {qfmt_cpu.threads = 4 : i64}
// ONE: module {
// ZERO: error: code is for 1 to 1024 threads, found 0
// MANY: error: code is for 1 to 1024 threads, found 1025
// NEGATIVE: error: code is for 1 to 1024 threads, found -1
// PIPELINE: error: code is for 1 to 1024 threads, found -3
// FRACTION: '1.5' value invalid
module attributes {qfmt_cpu.threads = 2 : i64} {
}
