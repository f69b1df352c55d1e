// Number formats print as they are parsed, defaults left out.
//
// RUN: qfmt-opt %s --verify-roundtrip | FileCheck %s

// CHECK: #[[NESTED:.*]] = #qfmt.scaled<!qfmt.khot<8, 2>, block = [4], scale = !qfmt.float<5, 0, specials = fn>>

// CHECK: func.func private @integers(!qfmt.int<i8, -127, 127>, !qfmt.int<i2, -1, 1>, !qfmt.int<ui4, 0, 14>, !qfmt.int<i16, -32768, 0>, !qfmt.ternary)
func.func private @integers(!qfmt.int<i8, -127, 127>, !qfmt.int<i2, -1, 1>, !qfmt.int<ui4, 0, 14>, !qfmt.int<i16, -32768, 0>, !qfmt.ternary)

// CHECK: func.func private @fixed(!qfmt.fixed<8, 4>, !qfmt.fixed<8, 2, unsigned>, !qfmt.fixed<1, 0>, !qfmt.fixed<16, -3>, !qfmt.fixed<4, 128>, !qfmt.fixed<8, -141>)
func.func private @fixed(!qfmt.fixed<8, 4>, !qfmt.fixed<8, 2, unsigned>, !qfmt.fixed<1, 0>, !qfmt.fixed<16, -3>, !qfmt.fixed<4, 128>, !qfmt.fixed<8, -141>)

// CHECK: func.func private @floats(!qfmt.float<3, 4>, !qfmt.float<8, 3, specials = ieee>, !qfmt.float<4, 3, bias = 4, no_subnormals>)
func.func private @floats(!qfmt.float<3, 4, bias = 3, specials = none>, !qfmt.float<8, 3, specials = ieee>, !qfmt.float<4, 3, no_subnormals, bias = 4>)

// CHECK: func.func private @more_floats(!qfmt.float<2, 1, negative_zero = 5.000000e+00>, !qfmt.float<4, 3, bias = 8, specials = fn>, !qfmt.float<4, 3, specials = fnuz>, !qfmt.float<1, 14>)
func.func private @more_floats(!qfmt.float<2, 1, negative_zero = 5.0>, !qfmt.float<4, 3, bias = 8, specials = fn>, !qfmt.float<4, 3, specials = fnuz>, !qfmt.float<1, 14>)

// CHECK: func.func private @tables(!qfmt.codebook<[-1.000000e+00, 0.000000e+00, 2.500000e-01]>, !qfmt.power<4, 5.000000e-01>, !qfmt.khot<8, 2>, !qfmt.khot<8, 3, unsigned>)
func.func private @tables(!qfmt.codebook<[-1.0, 0.0, 0.25]>, !qfmt.power<4, 0.5>, !qfmt.khot<8, 2>, !qfmt.khot<8, 3, unsigned>)

// As elements and as scales.
// CHECK: func.func private @nested(tensor<4xf32, #[[NESTED]]>)
func.func private @nested(tensor<4xf32, #qfmt.scaled<!qfmt.khot<8, 2>, block = [4], scale = !qfmt.float<5, 0, specials = fn>>>)

// What differs from a shorter spelling in one code or one threshold.
// CHECK: func.func private @near_others(!qfmt.khot<8, 7, unsigned>, !qfmt.khot<8, 7>, !qfmt.codebook<[0.000000e+00, 1.000000e+00, 2.000000e+00]>, !qfmt.codebook<[0.000000e+00, 3.000000e+00]>, !qfmt.codebook<[1.000000e+00, 2.000000e+00]>, !qfmt.float<4, 0>)
func.func private @near_others(!qfmt.khot<8, 7, unsigned>, !qfmt.khot<8, 7>, !qfmt.codebook<[0.0, 1.0, 2.0]>, !qfmt.codebook<[0.0, 3.0]>, !qfmt.codebook<[1.0, 2.0]>, !qfmt.float<4, 0>)
