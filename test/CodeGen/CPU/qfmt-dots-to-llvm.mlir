// RUN: qfmt-opt %s --qfmt-dots-to-llvm | FileCheck %s

// CHECK-LABEL: func.func @bytes
// CHECK: llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.512"(%arg0, %arg1, %arg2) : (vector<16xi32>, vector<64xi8>, vector<64xi8>) -> vector<16xi32>
func.func @bytes(%acc: vector<16xi32>, %a: vector<64xi8>, %b: vector<64xi8>) -> vector<16xi32> {
  %r = qfmt_cpu.dot %acc, %a, %b : vector<16xi32>, vector<64xi8>
  return %r : vector<16xi32>
}

// CHECK-LABEL: func.func @half_registers
// CHECK: llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.256"
func.func @half_registers(%acc: vector<8xi32>, %a: vector<32xi8>, %b: vector<32xi8>) -> vector<8xi32> {
  %r = qfmt_cpu.dot %acc, %a, %b : vector<8xi32>, vector<32xi8>
  return %r : vector<8xi32>
}

// CHECK-LABEL: func.func @words
// CHECK: %[[P:.*]] = llvm.call_intrinsic "llvm.x86.avx2.pmadd.wd"(%arg1, %arg2) : (vector<16xi16>, vector<16xi16>) -> vector<8xi32>
// CHECK: arith.addi %arg0, %[[P]]
func.func @words(%acc: vector<8xi32>, %a: vector<16xi16>, %b: vector<16xi16>) -> vector<8xi32> {
  %r = qfmt_cpu.dot %acc, %a, %b : vector<8xi32>, vector<16xi16>
  return %r : vector<8xi32>
}

// CHECK-LABEL: func.func @aarch64
// CHECK: llvm.call_intrinsic "llvm.aarch64.neon.usdot"(%arg0, %arg1, %arg2) : (vector<4xi32>, vector<16xi8>, vector<16xi8>) -> vector<4xi32>
// CHECK: llvm.call_intrinsic "llvm.aarch64.neon.sdot"
func.func @aarch64(%acc: vector<4xi32>, %a: vector<16xi8>, %b: vector<16xi8>) -> vector<4xi32> {
  %r = qfmt_cpu.dot %acc, %a, %b : vector<4xi32>, vector<16xi8>
  %s = qfmt_cpu.dot %r, signed %a, %b : vector<4xi32>, vector<16xi8>
  return %s : vector<4xi32>
}

// CHECK-LABEL: func.func @narrow
// CHECK: %[[P:.*]] = llvm.call_intrinsic "llvm.x86.avx2.pmadd.ub.sw"(%arg1, %arg2) : (vector<32xi8>, vector<32xi8>) -> vector<16xi16>
// CHECK: %[[ONES:.*]] = arith.constant dense<1> : vector<16xi16>
// CHECK: %[[S:.*]] = llvm.call_intrinsic "llvm.x86.avx2.pmadd.wd"(%[[P]], %[[ONES]])
// CHECK: arith.addi %arg0, %[[S]]
func.func @narrow(%acc: vector<8xi32>, %a: vector<32xi8>, %b: vector<32xi8>) -> vector<8xi32> {
  %r = qfmt_cpu.dot %acc, %a, %b narrow : vector<8xi32>, vector<32xi8>
  return %r : vector<8xi32>
}

// Two registers hold 128 bytes, the sign of an index says which two.
// CHECK-LABEL: func.func @lookup
// CHECK-DAG: %[[HIGH:.*]] = llvm.call_intrinsic "llvm.x86.avx512.vpermi2var.qi.512"(%arg3, %arg0, %arg4)
// CHECK-DAG: %[[LOW:.*]] = llvm.call_intrinsic "llvm.x86.avx512.vpermi2var.qi.512"(%arg1, %arg0, %arg2)
// CHECK-DAG: %[[SIGN:.*]] = arith.cmpi slt, %arg0,
// CHECK: arith.select %[[SIGN]], %[[HIGH]], %[[LOW]]
func.func @lookup(%i: vector<64xi8>, %a: vector<64xi8>, %b: vector<64xi8>, %c: vector<64xi8>, %d: vector<64xi8>) -> vector<64xi8> {
  %r = qfmt_cpu.lookup_bytes %i in %a, %b, %c, %d : vector<64xi8>
  return %r : vector<64xi8>
}

// The same 128 bytes whatever the sign.
// CHECK-LABEL: func.func @lookup_seven_bits
// CHECK-NEXT: %[[R:.*]] = llvm.call_intrinsic "llvm.x86.avx512.vpermi2var.qi.512"(%arg1, %arg0, %arg2)
// CHECK-NEXT: return %[[R]]
func.func @lookup_seven_bits(%i: vector<64xi8>, %a: vector<64xi8>, %b: vector<64xi8>) -> vector<64xi8> {
  %r = qfmt_cpu.lookup_bytes %i in %a, %b, %a, %b : vector<64xi8>
  return %r : vector<64xi8>
}

// One register has them all.
// CHECK-LABEL: func.func @lookup_six_bits
// CHECK-NEXT: %[[R:.*]] = llvm.call_intrinsic "llvm.x86.avx512.permvar.qi.512"(%arg1, %arg0)
// CHECK-NEXT: return %[[R]]
func.func @lookup_six_bits(%i: vector<64xi8>, %a: vector<64xi8>) -> vector<64xi8> {
  %r = qfmt_cpu.lookup_bytes %i in %a, %a, %a, %a : vector<64xi8>
  return %r : vector<64xi8>
}
