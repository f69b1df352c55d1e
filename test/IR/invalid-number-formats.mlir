// Diagnostics of number formats, each with its rule of docs/spec.md.
//
// RUN: qfmt-opt %s -split-input-file -verify-diagnostics

// expected-error @+1 {{integer formats have 1 to 16 bits, found 'i0'}}
func.func private @c8_no_bits(!qfmt.int<i0, 0, 1>)

// -----

// expected-error @+1 {{!qfmt.int is a range of iN or uiN, found 'f8E5M2'}}
func.func private @c50_range_of_a_float(!qfmt.int<f8E5M2, -1, 1>)

// -----

// expected-error @+1 {{integer formats have 1 to 16 bits, found 'i17'}}
func.func private @c50_range_of_too_many_bits(!qfmt.int<i17, -1, 1>)

// -----

// expected-error @+1 {{!qfmt.int<'i8', -129, 1> needs two or more values of 'i8', 0 among them}}
func.func private @c50_beyond_the_bits(!qfmt.int<i8, -129, 1>)

// -----

// expected-error @+1 {{!qfmt.int<'ui4', 0, 16> needs two or more values of 'ui4', 0 among them}}
func.func private @c50_above_the_bits(!qfmt.int<ui4, 0, 16>)

// -----

// expected-error @+1 {{!qfmt.int<'i8', 3, -3> needs two or more values of 'i8', 0 among them}}
func.func private @c50_descending(!qfmt.int<i8, 3, -3>)

// -----

// expected-error @+1 {{!qfmt.int<'i8', 0, 0> needs two or more values of 'i8', 0 among them}}
func.func private @c50_one_value(!qfmt.int<i8, 0, 0>)

// -----

// expected-error @+1 {{!qfmt.int<'i8', 1, 5> needs two or more values of 'i8', 0 among them}}
func.func private @c50_without_zero(!qfmt.int<i8, 1, 5>)

// -----

// expected-error @+1 {{!qfmt.int<'i8', -128, 127> is 'i8', use that}}
func.func private @c50_whole_range(!qfmt.int<i8, -128, 127>)

// -----

// expected-error @+1 {{!qfmt.int<'ui3', 0, 7> is 'ui3', use that}}
func.func private @c50_whole_unsigned_range(!qfmt.int<ui3, 0, 7>)

// -----

// expected-error @+1 {{!qfmt.fixed needs 1 to 16 bits and values that are exact in f32, found <0, 0>}}
func.func private @c51_no_bits(!qfmt.fixed<0, 0>)

// -----

// expected-error @+1 {{!qfmt.fixed needs 1 to 16 bits and values that are exact in f32, found <17, 4>}}
func.func private @c51_too_many_bits(!qfmt.fixed<17, 4>)

// -----

// expected-error @+1 {{!qfmt.fixed needs 1 to 16 bits and values that are exact in f32, found <8, 1000000>}}
func.func private @c51_huge_position(!qfmt.fixed<8, 1000000>)

// -----

// expected-error @+1 {{expected a number from 0 to 65536, found -8}}
func.func private @c51_negative_width(!qfmt.fixed<-8, 4>)

// -----

// expected-error @+1 {{expected '>'}}
func.func private @c51_unsigned_twice(!qfmt.fixed<8, 4, unsigned, unsigned>)

// -----

// expected-error @+1 {{!qfmt.fixed<8, 129> has values that f32 does not hold}}
func.func private @c51_values_beyond_f32(!qfmt.fixed<8, 129>)

// -----

// expected-error @+1 {{!qfmt.fixed<8, -142> has values that f32 does not hold}}
func.func private @c51_values_below_f32(!qfmt.fixed<8, -142>)

// -----

// expected-error @+1 {{!qfmt.fixed<8, 8> is i8, use that}}
func.func private @c51_an_integer(!qfmt.fixed<8, 8>)

// -----

// expected-error @+1 {{!qfmt.fixed<8, 8, unsigned> is ui8, use that}}
func.func private @c51_an_unsigned_integer(!qfmt.fixed<8, 8, unsigned>)

// -----

// expected-error @+1 {{!qfmt.float needs 1 to 8 exponent bits and at most 16 bits with sign and mantissa, found <9, 1>}}
func.func private @c10_too_many_exponent_bits(!qfmt.float<9, 1>)

// -----

// expected-error @+1 {{!qfmt.float needs 1 to 8 exponent bits and at most 16 bits with sign and mantissa, found <1, 15>}}
func.func private @c10_too_long_mantissa(!qfmt.float<1, 15>)

// -----

// expected-error @+1 {{!qfmt.float<4, 3> has no value in f32 with bias = 1000}}
func.func private @c10_bias_beyond_f32(!qfmt.float<4, 3, bias = 1000>)

// -----

// expected-error @+1 {{!qfmt.float<4, 3> with bias 148 has values that f32 does not hold}}
func.func private @c10_values_below_f32(!qfmt.float<4, 3, bias = 148>)

// -----

// expected-error @+1 {{!qfmt.float<4, 3> with bias -113 has values that f32 does not hold}}
func.func private @c10_values_above_f32(!qfmt.float<4, 3, bias = -113>)

// -----

// expected-error @+1 {{!qfmt.float<4, 0> with bias 7 needs two exponent bits and a mantissa bit for infinity and NaN}}
func.func private @c10_infinity_without_mantissa(!qfmt.float<4, 0, specials = ieee>)

// -----

// expected-error @+1 {{!qfmt.float<1, 3> with bias 0 needs two exponent bits and a mantissa bit for infinity and NaN}}
func.func private @c10_infinity_without_exponent(!qfmt.float<1, 3, specials = ieee>)

// -----

// expected-error @+1 {{!qfmt.float<1, 0> with bias 0 has no finite value but zero}}
func.func private @c10_nothing_but_zero(!qfmt.float<1, 0, specials = fn>)

// -----

// expected-error @+1 {{specials is none, ieee, fn or fnuz, found 'some'}}
func.func private @c10_unknown_specials(!qfmt.float<4, 3, specials = some>)

// -----

// expected-error @+1 {{expected 'bias', 'specials', 'no_subnormals' or 'negative_zero', found 'subnormals'}}
func.func private @c10_unknown_option(!qfmt.float<4, 3, subnormals>)

// -----

// expected-error @+1 {{'bias' is given twice}}
func.func private @c10_two_biases(!qfmt.float<4, 3, bias = 1, bias = 2>)

// -----

// expected-error @+1 {{'no_subnormals' is given twice}}
func.func private @c10_flag_twice(!qfmt.float<4, 3, no_subnormals, bias = 4, no_subnormals>)

// -----

// expected-error @+1 {{expected '='}}
func.func private @c10_bias_without_a_value(!qfmt.float<4, 3, bias>)

// -----

// expected-error @+1 {{expected a number from 0 to 65536, found -4}}
func.func private @c10_negative_exponent_bits(!qfmt.float<-4, 3>)

// -----

// expected-error @+1 {{!qfmt.float<4, 0> has no subnormals, drop 'no_subnormals'}}
func.func private @c10_no_subnormals_to_leave_out(!qfmt.float<4, 0, no_subnormals>)

// -----

// expected-error @+1 {{!qfmt.float<4, 3> with bias 7 can give negative zero a value only without special values}}
func.func private @c10_nan_has_no_other_value(!qfmt.float<4, 3, specials = fnuz, negative_zero = 5.0>)

// -----

// expected-error @+1 {{!qfmt.float<2, 1> with bias 1 gives negative zero a value that f32 does not hold}}
func.func private @c10_negative_zero_beyond_f32(!qfmt.float<2, 1, negative_zero = 1.0e39>)

// -----

// expected-error @+1 {{!qfmt.float<2, 1> with bias 1 gives negative zero a value that f32 does not hold}}
func.func private @c10_negative_zero_not_in_f32(!qfmt.float<2, 1, negative_zero = 0.1>)

// -----

// expected-error @+1 {{!qfmt.float<2, 1> with bias 1 gives negative zero a value that f32 does not hold}}
func.func private @c10_negative_zero_is_infinite(!qfmt.float<2, 1, negative_zero = 0x7FF0000000000000>)

// -----

// expected-error @+1 {{!qfmt.float<2, 1> with bias 1 gives negative zero a value that it has already}}
func.func private @c10_negative_zero_twice(!qfmt.float<2, 1, negative_zero = 3.0>)

// -----

// expected-error @+1 {{!qfmt.float<4, 3> is the builtin type f8E4M3FN, use that}}
func.func private @c10_builtin_fp8(!qfmt.float<4, 3, specials = fn>)

// -----

// expected-error @+1 {{!qfmt.float<4, 3> is the builtin type f8E4M3B11FNUZ, use that}}
func.func private @c10_builtin_fp8_fnuz(!qfmt.float<4, 3, specials = fnuz, bias = 11>)

// -----

// expected-error @+1 {{!qfmt.float<8, 7> is the builtin type bf16, use that}}
func.func private @c10_builtin_bf16(!qfmt.float<8, 7, specials = ieee>)

// -----

// expected-error @+1 {{!qfmt.codebook must have 2 to 256 values, has 0}}
func.func private @c53_empty(!qfmt.codebook<[]>)

// -----

// expected-error @+1 {{!qfmt.codebook must have 2 to 256 values, has 1}}
func.func private @c53_one_value(!qfmt.codebook<[1.0]>)

// -----

// expected-error @+1 {{!qfmt.codebook must have 2 to 256 values, has 257}}
func.func private @c53_257_values(!qfmt.codebook<[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0, 16.0, 17.0, 18.0, 19.0, 20.0, 21.0, 22.0, 23.0, 24.0, 25.0, 26.0, 27.0, 28.0, 29.0, 30.0, 31.0, 32.0, 33.0, 34.0, 35.0, 36.0, 37.0, 38.0, 39.0, 40.0, 41.0, 42.0, 43.0, 44.0, 45.0, 46.0, 47.0, 48.0, 49.0, 50.0, 51.0, 52.0, 53.0, 54.0, 55.0, 56.0, 57.0, 58.0, 59.0, 60.0, 61.0, 62.0, 63.0, 64.0, 65.0, 66.0, 67.0, 68.0, 69.0, 70.0, 71.0, 72.0, 73.0, 74.0, 75.0, 76.0, 77.0, 78.0, 79.0, 80.0, 81.0, 82.0, 83.0, 84.0, 85.0, 86.0, 87.0, 88.0, 89.0, 90.0, 91.0, 92.0, 93.0, 94.0, 95.0, 96.0, 97.0, 98.0, 99.0, 100.0, 101.0, 102.0, 103.0, 104.0, 105.0, 106.0, 107.0, 108.0, 109.0, 110.0, 111.0, 112.0, 113.0, 114.0, 115.0, 116.0, 117.0, 118.0, 119.0, 120.0, 121.0, 122.0, 123.0, 124.0, 125.0, 126.0, 127.0, 128.0, 129.0, 130.0, 131.0, 132.0, 133.0, 134.0, 135.0, 136.0, 137.0, 138.0, 139.0, 140.0, 141.0, 142.0, 143.0, 144.0, 145.0, 146.0, 147.0, 148.0, 149.0, 150.0, 151.0, 152.0, 153.0, 154.0, 155.0, 156.0, 157.0, 158.0, 159.0, 160.0, 161.0, 162.0, 163.0, 164.0, 165.0, 166.0, 167.0, 168.0, 169.0, 170.0, 171.0, 172.0, 173.0, 174.0, 175.0, 176.0, 177.0, 178.0, 179.0, 180.0, 181.0, 182.0, 183.0, 184.0, 185.0, 186.0, 187.0, 188.0, 189.0, 190.0, 191.0, 192.0, 193.0, 194.0, 195.0, 196.0, 197.0, 198.0, 199.0, 200.0, 201.0, 202.0, 203.0, 204.0, 205.0, 206.0, 207.0, 208.0, 209.0, 210.0, 211.0, 212.0, 213.0, 214.0, 215.0, 216.0, 217.0, 218.0, 219.0, 220.0, 221.0, 222.0, 223.0, 224.0, 225.0, 226.0, 227.0, 228.0, 229.0, 230.0, 231.0, 232.0, 233.0, 234.0, 235.0, 236.0, 237.0, 238.0, 239.0, 240.0, 241.0, 242.0, 243.0, 244.0, 245.0, 246.0, 247.0, 248.0, 249.0, 250.0, 251.0, 252.0, 253.0, 254.0, 255.0, 256.0]>)

// -----

// expected-error @+1 {{!qfmt.codebook has the value 1 at index 2, which is less than the one before it}}
func.func private @c53_unsorted(!qfmt.codebook<[0.0, 2.0, 1.0]>)

// -----

// expected-error @+1 {{!qfmt.codebook has the value 1 at index 2, which is there twice}}
func.func private @c53_duplicate(!qfmt.codebook<[0.0, 1.0, 1.0]>)

// -----

// expected-error @+1 {{!qfmt.codebook has the value 0 at index 1, which is there twice}}
func.func private @c53_both_zeros(!qfmt.codebook<[-0.0, 0.0]>)

// -----

// expected-error @+1 {{!qfmt.codebook has the value nan at index 1, which is not finite}}
func.func private @c53_nan(!qfmt.codebook<[0.0, 0x7FF8000000000000]>)

// -----

// expected-error @+1 {{!qfmt.codebook has the value -inf at index 0, which is not finite}}
func.func private @c53_infinity(!qfmt.codebook<[0xFFF0000000000000, 0.0]>)

// -----

// expected-error @+1 {{!qfmt.codebook has the value 0.10000000000000001 at index 1, which is not exact in f32}}
func.func private @c53_not_in_f32(!qfmt.codebook<[0.0, 0.1]>)

// -----

// expected-error @+1 {{!qfmt.codebook has the value 9.9999999999999994e+38 at index 1, which is not exact in f32}}
func.func private @c53_beyond_f32(!qfmt.codebook<[0.0, 1.0e39]>)

// -----

// expected-error @+1 {{!qfmt.codebook has the value 1e-46 at index 1, which is not exact in f32}}
func.func private @c53_below_f32(!qfmt.codebook<[0.0, 1.0e-46]>)

// -----

// 0, 1, 2, ... are the codes themselves, whatever the power of two between them.
// expected-error @+1 {{!qfmt.codebook with the multiples of 1.000000e+00 from 0 to 3.000000e+00 is ui2, use that}}
func.func private @c53_an_integer(!qfmt.codebook<[0.0, 1.0, 2.0, 3.0]>)

// -----

// expected-error @+1 {{!qfmt.codebook with the multiples of 2.500000e-01 from 0 to 7.500000e-01 is !qfmt.fixed<2, 0, unsigned>, use that}}
func.func private @c53_fixed_point(!qfmt.codebook<[0.0, 0.25, 0.5, 0.75]>)

// -----

// expected-error @+1 {{!qfmt.codebook with the multiples of 4.000000e+00 from 0 to 4.000000e+00 is !qfmt.fixed<1, 3, unsigned>, use that}}
func.func private @c53_fixed_point_of_one_bit(!qfmt.codebook<[0.0, 4.0]>)

// -----

// expected-error @+1 {{!qfmt.power<4, 1.000000e+00> is !qfmt.int<i4, -7, 7>, use that}}
func.func private @c54_an_integer(!qfmt.power<4, 1.0>)

// -----

// expected-error @+1 {{expected a number from 0 to 65536, found -4}}
func.func private @c54_negative_width(!qfmt.power<-4, 0.5>)

// -----

// expected-error @+1 {{!qfmt.power<1, 5.000000e-01> must have 2 to 16 bits}}
func.func private @c54_one_bit(!qfmt.power<1, 0.5>)

// -----

// expected-error @+1 {{!qfmt.power<17, 5.000000e-01> must have 2 to 16 bits}}
func.func private @c54_too_many_bits(!qfmt.power<17, 0.5>)

// -----

// expected-error @+1 {{!qfmt.power<4, 0.000000e+00> must have a finite exponent above 0}}
func.func private @c54_zero_exponent(!qfmt.power<4, 0.0>)

// -----

// expected-error @+1 {{!qfmt.power<4, -5.000000e-01> must have a finite exponent above 0}}
func.func private @c54_negative_exponent(!qfmt.power<4, -0.5>)

// -----

// expected-error @+1 {{!qfmt.power<4, nan> must have a finite exponent above 0}}
func.func private @c54_nan_exponent(!qfmt.power<4, 0x7FF8000000000000>)

// -----

// expected-error @+1 {{!qfmt.power<8, 1.000000e-02> has values beyond f32}}
func.func private @c54_values_beyond_f32(!qfmt.power<8, 0.01>)

// -----

// expected-error @+1 {{!qfmt.power<4, 1.000000e+09> has values that f32 does not tell apart}}
func.func private @c54_values_too_near(!qfmt.power<4, 1.0e+9>)

// -----

// expected-error @+1 {{!qfmt.khot<8, 8, unsigned> is ui8, use that}}
func.func private @c55_an_integer(!qfmt.khot<8, 8, unsigned>)

// -----

// expected-error @+1 {{expected a number from 0 to 65536, found -1}}
func.func private @c55_negative_ones(!qfmt.khot<8, -1>)

// -----

// expected-error @+1 {{expected '>'}}
func.func private @c55_unsigned_twice(!qfmt.khot<8, 2, unsigned, unsigned>)

// -----

// expected-error @+1 {{!qfmt.khot<1, 1> must have 2 to 16 bits}}
func.func private @c55_one_bit(!qfmt.khot<1, 1>)

// -----

// expected-error @+1 {{!qfmt.khot<17, 2> must have 2 to 16 bits}}
func.func private @c55_too_many_bits(!qfmt.khot<17, 2>)

// -----

// expected-error @+1 {{!qfmt.khot<16, 2, unsigned> must have 1 to 15 bits}}
func.func private @c55_too_many_unsigned_bits(!qfmt.khot<16, 2, unsigned>)

// -----

// expected-error @+1 {{!qfmt.khot<8, 0> must allow at least one one bit and no more than its magnitude has}}
func.func private @c55_no_ones(!qfmt.khot<8, 0>)

// -----

// expected-error @+1 {{!qfmt.khot<8, 8> must allow at least one one bit and no more than its magnitude has}}
func.func private @c55_more_ones_than_bits(!qfmt.khot<8, 8>)

// -----

func.func @c21_range(%x: tensor<4xf32>) {
  // expected-error @+1 {{'qfmt.quantize' op overflow = wrap needs an integer or fixed-point format all of whose codes are used, found '!qfmt.int<i8, -127, 127>'; use saturate or infinity}}
  %q = qfmt.quantize %x overflow = wrap : tensor<4xf32> to tensor<4xf32, #qfmt.scaled<!qfmt.int<i8, -127, 127>>>
  return
}

// -----

func.func @c21_codebook(%x: tensor<4xf32>) {
  // expected-error @+1 {{'qfmt.quantize' op overflow = wrap needs an integer or fixed-point format all of whose codes are used, found '!qfmt.codebook<[0.000000e+00, 3.000000e+00]>'; use saturate or infinity}}
  %q = qfmt.quantize %x overflow = wrap : tensor<4xf32> to tensor<4xf32, #qfmt.scaled<!qfmt.codebook<[0.0, 3.0]>>>
  return
}

// -----

func.func @c21_ternary(%x: tensor<4xf32>) {
  // expected-error @+1 {{'qfmt.quantize' op overflow = wrap needs an integer or fixed-point format all of whose codes are used, found '!qfmt.ternary'; use saturate or infinity}}
  %q = qfmt.quantize %x overflow = wrap : tensor<4xf32> to tensor<4xf32, #qfmt.scaled<!qfmt.ternary>>
  return
}

// -----

// expected-error @+1 {{a zero point needs an integer format, found '!qfmt.fixed<8, 4>'}}
func.func private @c9_zero_point_of_fixed_point(tensor<4xf32, #qfmt.scaled<!qfmt.fixed<8, 4>, zero_point = 1>>)

// -----

// expected-error @+1 {{zero point -128 is not a value of '!qfmt.int<i8, -127, 127>' (-127 to 127)}}
func.func private @c9_zero_point_beyond_the_range(tensor<4xf32, #qfmt.scaled<!qfmt.int<i8, -127, 127>, zero_point = -128>>)

// -----

// expected-error @+1 {{the scale's format '!qfmt.codebook<[5.000000e-01, 2.000000e+00]>' lacks the value 1, the scale of a block of zeros}}
func.func private @c11_scale_without_one(tensor<4xf32, #qfmt.scaled<i8, scale = !qfmt.codebook<[0.5, 2.0]>>>)
