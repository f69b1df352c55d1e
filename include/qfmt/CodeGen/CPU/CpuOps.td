// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QFMT_CODEGEN_CPU_CPUOPS_TD
#define QFMT_CODEGEN_CPU_CPUOPS_TD

include "mlir/IR/OpBase.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def QFmtCpu_Dialect : Dialect {
  let name = "qfmt_cpu";
  let cppNamespace = "::mlir::qfmt::cpu";
  let summary = "Instructions of CPUs";
  let description = [{
    What an instruction computes, as an operation without side effects, for IR on tensors and buffers: an `llvm.call_intrinsic` might
    do anything there, which bufferization refuses.
  }];
}

def QFmtCpu_DotOp : Op<QFmtCpu_Dialect, "dot", [Pure, AllTypesMatch<["accumulator", "result"]>, AllTypesMatch<["lhs", "rhs"]>]> {
  let summary = "Adds sums of neighbouring products";
  let description = [{
    `result[i] = accumulator[i] + sum of lhs[t i + j] * rhs[t i + j], j = 0 ... t - 1`, in 32 bits, modulo 2^32. With factors of 8 bits
    t is 4, `lhs` is unsigned and `rhs` signed (x86's vpdpbusd); with factors of 16 bits t is 2 and both are signed (vpmaddwd).

    ```mlir
    %sum = qfmt_cpu.dot %acc, %codes, %weights : vector<16xi32>, vector<64xi8>
    ```
  }];
  let arguments = (ins VectorOfRankAndType<[1], [I32]>:$accumulator, VectorOfRankAndType<[1], [I8, I16]>:$lhs,
                   VectorOfRankAndType<[1], [I8, I16]>:$rhs);
  let results = (outs VectorOfRankAndType<[1], [I32]>:$result);
  let assemblyFormat = "$accumulator `,` $lhs `,` $rhs attr-dict `:` type($result) `,` type($lhs)";
  let hasVerifier = 1;
}

#endif // QFMT_CODEGEN_CPU_CPUOPS_TD
