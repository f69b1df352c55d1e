// REQUIRES: vulkan
// Integers of widths that SPIR-V has not: all pairs of i6, signed and unsigned, and products and sums that wrap.

// RUN: %npy make %t.x.npy '<i4' 64 $(seq -32 31)
// RUN: qfmt-run %s --gpu=vulkan --inputs=%t.x.npy --outputs=%t.v0.npy,%t.v1.npy,%t.v2.npy
// RUN: qfmt-run %s --engine=reference --inputs=%t.x.npy --outputs=%t.r0.npy,%t.r1.npy,%t.r2.npy
// RUN: for i in 0 1 2; do cmp %t.r$i.npy %t.v$i.npy || exit 1; done
#row = affine_map<(i, j) -> (i)>
#column = affine_map<(i, j) -> (j)>
#id = affine_map<(i, j) -> (i, j)>
func.func @main(%x: tensor<64xi32>) -> (tensor<64x64xi32>, tensor<64x64xi32>, tensor<64x64xf32>) {
  %e = tensor.empty() : tensor<64x64xi32>
  %ef = tensor.empty() : tensor<64x64xf32>
  %r:3 = linalg.generic {indexing_maps = [#row, #column, #id, #id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x, %x : tensor<64xi32>, tensor<64xi32>) outs(%e, %e, %ef : tensor<64x64xi32>, tensor<64x64xi32>, tensor<64x64xf32>) {
  ^bb0(%wx: i32, %wy: i32, %o0: i32, %o1: i32, %o2: f32):
    %a = arith.trunci %wx : i32 to i6
    %b = arith.trunci %wy : i32 to i6
    %one = arith.constant 1 : i6
    %five = arith.constant 5 : i6
    %negative = arith.constant -3 : i6
    // Wrap.
    %sum = arith.addi %a, %b : i6
    %difference = arith.subi %a, %b : i6
    %product = arith.muli %a, %b : i6
    %left = arith.shli %a, %five : i6
    %xor = arith.xori %product, %left : i6
    // Read the sign.
    // Never 0 or -1.
    %gap = arith.constant -17 : i6
    %less_bits = arith.andi %b, %gap : i6
    %divisor = arith.ori %less_bits, %one : i6
    %quotient = arith.divsi %sum, %divisor : i6
    %rest = arith.remsi %difference, %divisor : i6
    %right = arith.shrsi %product, %one : i6
    %less = arith.cmpi slt, %a, %b : i6
    %most = arith.maxsi %sum, %negative : i6
    %least = arith.minsi %difference, %five : i6
    // Do not.
    %uquotient = arith.divui %sum, %divisor : i6
    %urest = arith.remui %difference, %divisor : i6
    %uright = arith.shrui %product, %one : i6
    %uless = arith.cmpi ult, %a, %b : i6
    %umost = arith.maxui %sum, %negative : i6
    %uleast = arith.minui %difference, %five : i6
    // In loops, branches and other widths.
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c3 = arith.constant 3 : index
    %s0 = arith.xori %quotient, %rest : i6
    %looped = scf.for %i = %c0 to %c3 step %c1 iter_args(%n = %s0) -> i6 {
      %t = arith.muli %n, %negative : i6
      %u = arith.addi %t, %right : i6
      scf.yield %u : i6
    }
    %chosen = scf.if %less -> i6 {
      scf.yield %most : i6
    } else {
      scf.yield %least : i6
    }
    %uchosen = arith.select %uless, %umost, %uleast : i6
    %w0 = arith.extsi %looped : i6 to i12
    %w1 = arith.extui %uquotient : i6 to i12
    %w2 = arith.muli %w0, %w1 : i12
    %w3 = arith.trunci %w2 : i12 to i3
    %w4 = arith.extsi %w2 : i12 to i32
    %w5 = arith.extsi %w3 : i3 to i32
    %w6 = arith.extsi %chosen : i6 to i32
    %w7 = arith.extui %uchosen : i6 to i32
    %w8 = arith.extsi %xor : i6 to i32
    %p0 = arith.addi %w4, %w5 : i32
    %p1 = arith.muli %p0, %w8 : i32
    %r0 = arith.addi %p1, %w6 : i32
    %q0 = arith.extui %urest : i6 to i32
    %q1 = arith.extui %uright : i6 to i32
    %q2 = arith.extsi %difference : i6 to i32
    %c100 = arith.constant 100 : i32
    %m0 = arith.muli %q0, %c100 : i32
    %m1 = arith.addi %m0, %q1 : i32
    %m2 = arith.muli %m1, %c100 : i32
    %m3 = arith.addi %m2, %w7 : i32
    %m4 = arith.muli %m3, %c100 : i32
    %q3 = arith.extui %a : i6 to i32
    %m5 = arith.addi %m4, %q3 : i32
    %r1 = arith.addi %m5, %q2 : i32
    %f0 = arith.sitofp %sum : i6 to f32
    %f1 = arith.uitofp %product : i6 to f32
    %f2 = arith.mulf %f0, %f1 : f32
    %back = arith.fptosi %f0 : f32 to i6
    %f3 = arith.uitofp %back : i6 to f32
    %f4 = arith.addf %f2, %f3 : f32
    linalg.yield %r0, %r1, %f4 : i32, i32, f32
  } -> (tensor<64x64xi32>, tensor<64x64xi32>, tensor<64x64xf32>)
  return %r#0, %r#1, %r#2 : tensor<64x64xi32>, tensor<64x64xi32>, tensor<64x64xf32>
}

// Codes of 3 and 6 bits that are computed when the program runs.
// RUN: %npy make %t.q.npy '<f4' 7x67 $(seq -9.3 0.071 9.1)
// RUN: qfmt-run %s --entry=quantize --gpu=vulkan --inputs=%t.q.npy --outputs=%t.qv6.npy,%t.qv3.npy
// RUN: qfmt-run %s --entry=quantize --engine=reference --inputs=%t.q.npy --outputs=%t.qr6.npy,%t.qr3.npy
// RUN: for i in 3 6; do cmp %t.qr$i.npy %t.qv$i.npy || exit 1; done
#mx6 = #qfmt.scaled<f6E3M2FN, block = [1, 32], scale = f8E8M0FNU>
#int3 = #qfmt.scaled<i3, scale = 0.5>
func.func @quantize(%x: tensor<7x67xf32>) -> (tensor<7x67xf32>, tensor<7x67xf32>) {
  %a = qfmt.quantize %x : tensor<7x67xf32> to tensor<7x67xf32, #mx6>
  %b = qfmt.quantize %x : tensor<7x67xf32> to tensor<7x67xf32, #int3>
  %c = qfmt.dequantize %a : tensor<7x67xf32, #mx6> to tensor<7x67xf32>
  %d = qfmt.dequantize %b : tensor<7x67xf32, #int3> to tensor<7x67xf32>
  return %c, %d : tensor<7x67xf32>, tensor<7x67xf32>
}

// Floats of 4 and 6 bits, whose codes are such integers.
// RUN: qfmt-run %s --entry=floats --gpu=vulkan --inputs=%t.q.npy --outputs=%t.fv4.npy,%t.fv6.npy
// RUN: qfmt-run %s --entry=floats --engine=reference --inputs=%t.q.npy --outputs=%t.fr4.npy,%t.fr6.npy
// RUN: for i in 4 6; do cmp %t.fr$i.npy %t.fv$i.npy || exit 1; done
func.func @floats(%x: tensor<7x67xf32>) -> (tensor<7x67xf32>, tensor<7x67xf32>) {
  %a = arith.truncf %x : tensor<7x67xf32> to tensor<7x67xf4E2M1FN>
  %b = arith.truncf %x : tensor<7x67xf32> to tensor<7x67xf6E3M2FN>
  %c = arith.extf %a : tensor<7x67xf4E2M1FN> to tensor<7x67xf32>
  %d = arith.extf %b : tensor<7x67xf6E3M2FN> to tensor<7x67xf32>
  return %c, %d : tensor<7x67xf32>, tensor<7x67xf32>
}
