// REQUIRES: vulkan
// Lavapipe ends the loops of a thread after 65535 turns in all.

// RUN: %npy make %t.x.npy '|i1' 1x131073 1
// RUN: qfmt-run %s --gpu=vulkan --inputs=%t.x.npy --outputs=%t.v.npy
// RUN: qfmt-run %s --inputs=%t.x.npy --outputs=%t.c.npy
// RUN: cmp %t.c.npy %t.v.npy
func.func @main(%x: tensor<1x131073xi8>) -> tensor<1xi32> {
  %c = arith.extsi %x : tensor<1x131073xi8> to tensor<1x131073xi32>
  %z = arith.constant dense<0> : tensor<1xi32>
  %r = linalg.reduce { arith.addi } ins(%c : tensor<1x131073xi32>) outs(%z : tensor<1xi32>) dimensions = [1]
  return %r : tensor<1xi32>
}

// Nested loops, together.
// RUN: %npy make %t.n.npy '|i1' 2x3x150x200 1 2 -3 4 5
// RUN: qfmt-run %s --entry=nested --gpu=vulkan --inputs=%t.n.npy --outputs=%t.nv.npy
// RUN: qfmt-run %s --entry=nested --inputs=%t.n.npy --outputs=%t.nc.npy
// RUN: cmp %t.nc.npy %t.nv.npy
func.func @nested(%x: tensor<2x3x150x200xi8>) -> tensor<2xi32> {
  %c = arith.extsi %x : tensor<2x3x150x200xi8> to tensor<2x3x150x200xi32>
  %z = arith.constant dense<0> : tensor<2xi32>
  %r = linalg.reduce { arith.addi } ins(%c : tensor<2x3x150x200xi32>) outs(%z : tensor<2xi32>) dimensions = [1, 2, 3]
  return %r : tensor<2xi32>
}

// A product whose terms are too many for the loop of a kernel with dot products of bytes.
// RUN: %npy make %t.p.npy '|i1' 2x262148 1 2 -3
// RUN: qfmt-run %s --entry=product --gpu=vulkan --gpu-chip=vulkan1.3 --inputs=%t.p.npy --outputs=%t.pv.npy
// RUN: qfmt-run %s --entry=product --inputs=%t.p.npy --outputs=%t.pc.npy
// RUN: cmp %t.pc.npy %t.pv.npy
func.func @product(%x: tensor<2x262148xi8>) -> tensor<2x3xi32> {
  %w = arith.constant dense<3> : tensor<262148x3xi8>
  %z = arith.constant dense<0> : tensor<2x3xi32>
  %r = linalg.matmul ins(%x, %w : tensor<2x262148xi8>, tensor<262148x3xi8>) outs(%z : tensor<2x3xi32>) -> tensor<2x3xi32>
  return %r : tensor<2x3xi32>
}

// Loops in the body of a sum, whose turns count, too; 90000 in all.
// RUN: %npy make %t.b.npy '<i4' 4 1 -2 3 -4
// RUN: qfmt-run %s --entry=loops_in_body --gpu=vulkan --inputs=%t.b.npy --outputs=%t.bv.npy
// RUN: qfmt-run %s --entry=loops_in_body --inputs=%t.b.npy --outputs=%t.bc.npy
// RUN: cmp %t.bc.npy %t.bv.npy
func.func @loops_in_body(%x: tensor<4xi32>) -> tensor<4xi32> {
  %z = arith.constant 0 : i32
  %e = tensor.empty() : tensor<4xi32>
  %i = linalg.fill ins(%z : i32) outs(%e : tensor<4xi32>) -> tensor<4xi32>
  %shape = tensor.empty() : tensor<30x10xi32>
  %r = linalg.generic {indexing_maps = [affine_map<(a, b, c) -> (a)>, affine_map<(a, b, c) -> (b, c)>, affine_map<(a, b, c) -> (a)>],
                       iterator_types = ["parallel", "reduction", "reduction"]}
      ins(%x, %shape : tensor<4xi32>, tensor<30x10xi32>) outs(%i : tensor<4xi32>) {
  ^bb0(%k: i32, %u: i32, %o: i32):
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %n = arith.constant 300 : index
    %three = arith.constant 3 : i32
    %s = scf.for %j = %c0 to %n step %c1 iter_args(%a = %o) -> i32 {
      %m = arith.muli %a, %three : i32
      %b = arith.xori %m, %k : i32
      scf.yield %b : i32
    }
    linalg.yield %s : i32
  } -> tensor<4xi32>
  return %r : tensor<4xi32>
}
