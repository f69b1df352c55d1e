// Features that are part of a calling convention, and conventions that there is no code for.
// RUN: rm -rf %t && mkdir %t
// RUN: qfmt-run %s --emit=object --mtriple=mips64el-linux-gnuabi64 --mcpu=mips64r2 -o %t/good.o && ls %t/good.o && rm %t/good.*
// RUN: qfmt-run %s --emit=object --mtriple=mips64el-linux-gnuabi64 -o %t/good.o && ls %t/good.o && rm %t/good.*
// RUN: qfmt-run %s --emit=object --mtriple=powerpc64le-linux-gnu --mcpu=ppc64le -o %t/good.o && ls %t/good.o && rm %t/good.*
// RUN: qfmt-run %s --emit=object --mtriple=powerpc64le-linux-gnu -o %t/good.o && ls %t/good.o && rm %t/good.*
// RUN: qfmt-run %s --emit=object --mtriple=loongarch64-linux-gnu --mcpu=loongarch64 -o %t/good.o && ls %t/good.o && rm %t/good.*
// RUN: qfmt-run %s --emit=object --mtriple=loongarch64-linux-gnu -o %t/good.o && ls %t/good.o && rm %t/good.*
// RUN: qfmt-run %s --emit=object --mtriple=riscv64-linux-gnu --mcpu=generic-rv64 -o %t/good.o && ls %t/good.o && rm %t/good.*
// RUN: qfmt-run %s --emit=object --mtriple=riscv64-linux-gnu -o %t/good.o && ls %t/good.o && rm %t/good.*
// RUN: not qfmt-run %s --emit=object --mtriple=mips64el-linux-gnuabi64 --mcpu=mips64r2 --mattr=-fp64 -o %t/bad.o 2>&1 | FileCheck %s --check-prefix=F0
// F0: error: code for mips64el needs 'fp64', which 'mips64r2' with '-fp64' has not; choose another processor or other features
// RUN: not qfmt-run %s --emit=object --mtriple=mips64el-linux-gnuabi64 --mcpu=mips64r2 --mattr=+single-float -o %t/bad.o 2>&1 | FileCheck %s --check-prefix=F1
// F1: error: code for mips64el cannot have 'single-float', which 'mips64r2' with '+single-float' has; choose another processor or other features
// RUN: not qfmt-run %s --emit=object --mtriple=powerpc64le-linux-gnu --mcpu=ppc64le --mattr=+spe -o %t/bad.o 2>&1 | FileCheck %s --check-prefix=F2
// F2: error: code for powerpc64le cannot have 'spe', which 'ppc64le' with '+spe' has; choose another processor or other features
// RUN: not qfmt-run %s --emit=object --mtriple=powerpc64le-linux-gnu --mcpu=ppc64le --mattr=-hard-float -o %t/bad.o 2>&1 | FileCheck %s --check-prefix=F3
// F3: error: code for powerpc64le needs 'hard-float', which 'ppc64le' with '-hard-float' has not; choose another processor or other features
// RUN: not qfmt-run %s --emit=object --mtriple=powerpc64le-linux-gnu --mcpu=ppc64le --mattr=-altivec -o %t/bad.o 2>&1 | FileCheck %s --check-prefix=F4
// F4: error: code for powerpc64le needs 'altivec', which 'ppc64le' with '-altivec' has not; choose another processor or other features
// RUN: not qfmt-run %s --emit=object --mtriple=loongarch64-linux-gnu --mcpu=loongarch64 --mattr=-f -o %t/bad.o 2>&1 | FileCheck %s --check-prefix=F5
// F5: error: code for loongarch64 needs 'f', which 'loongarch64' with '-f' has not; choose another processor or other features
// RUN: not qfmt-run %s --emit=object --mtriple=loongarch64-linux-gnu --mcpu=loongarch64 --mattr=-d -o %t/bad.o 2>&1 | FileCheck %s --check-prefix=F6
// F6: error: code for loongarch64 needs 'd', which 'loongarch64' with '-d' has not; choose another processor or other features
// RUN: not qfmt-run %s --emit=object --mtriple=riscv64-linux-gnu --mcpu=generic-rv64 --mattr=+zfinx -o %t/bad.o 2>&1 | FileCheck %s --check-prefix=F7
// F7: error: code for riscv64 cannot have 'zfinx', which 'generic-rv64' with '+zfinx' has; choose another processor or other features
// RUN: not qfmt-run %s --emit=object --mtriple=mips64el-unknown-linux-gnuabin32 -o %t/bad.o 2>&1 | FileCheck %s --check-prefix=N32
// N32: error: cannot generate code for 'mips64el-unknown-linux-gnuabin32'
// RUN: not qfmt-run %s --emit=object --mtriple=arm64ec-pc-windows-msvc -o %t/bad.o 2>&1 | FileCheck %s --check-prefix=EC
// EC: error: cannot generate code for 'arm64ec-pc-windows-msvc'
// RUN: not ls %t/bad.o

func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  %e = tensor.empty() : tensor<4xf32>
  %y = linalg.add ins(%x, %x : tensor<4xf32>, tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}
