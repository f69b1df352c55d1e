// RUN: qfmt-opt %s -split-input-file -verify-diagnostics -allow-unregistered-dialect -o /dev/null

// (C85) Attributes of layers. What formats are called is for the passes to say.

func.func @c85_name_is_a_string() {
  // expected-error @+1 {{'qfmt.layer' is a string that is not empty, found 3 : i64}}
  "test.layer"() {qfmt.layer = 3 : i64} : () -> ()
  return
}

// -----

func.func @c85_formats_are_not_empty() {
  // expected-error @+1 {{'qfmt.assigned' is a string that is not empty, found ""}}
  "test.layer"() {qfmt.assigned = ""} : () -> ()
  return
}

// -----

func.func @c85_formats_are_text() {
  // expected-error @+1 {{'qfmt.forced' is a string that is not empty, found i8}}
  "test.layer"() {qfmt.forced = i8} : () -> ()
  return
}

// -----

func.func @c85_label_is_a_string() {
  // expected-error @+1 {{'qfmt.tie' is a string that is not empty, found unit}}
  "test.layer"() {qfmt.tie} : () -> ()
  return
}

// -----

func.func @c85_candidate_without_damage() {
  // expected-error @+1 {{'qfmt.candidates' is an array of dictionaries {format = string, damage = float, costs = {name = float, ...}}, found [}}
  "test.layer"() {qfmt.candidates = [{format = "i4", costs = {bytes = 1.0}}]} : () -> ()
  return
}

// -----

func.func @c85_no_candidates() {
  // expected-error @+1 {{'qfmt.candidates' is an array of dictionaries}}
  "test.layer"() {qfmt.candidates = []} : () -> ()
  return
}

// -----

func.func @c85_cost_is_no_number() {
  // expected-error @+1 {{'qfmt.candidates' is an array of dictionaries}}
  "test.layer"() {qfmt.candidates = [{format = "i4", damage = 1.0, costs = {bytes = "1"}}]} : () -> ()
  return
}

// -----

// expected-error @+1 {{'qfmt.pairwise' is an array of dictionaries {layers = [string, string], formats = [string, string], damage = float} of a module or a function, found [}}
func.func @c85_pairwise_of_three() attributes {qfmt.pairwise = [{layers = ["a", "b", "c"], formats = ["i4", "i4"], damage = 1.0}]} {
  return
}

// -----

// expected-error @+1 {{'qfmt.pairwise' is an array of dictionaries}}
func.func @c85_pairwise_without_damage() attributes {qfmt.pairwise = [{layers = ["a", "b"], formats = ["i4", "i4"]}]} {
  return
}

// -----

func.func @c85_pairwise_of_a_layer() {
  // expected-error @+1 {{'qfmt.pairwise' is an array of dictionaries}}
  "test.layer"() {qfmt.pairwise = []} : () -> ()
  return
}

// -----

func.func @c85_valid() attributes {qfmt.pairwise = [{layers = ["a", "b"], formats = ["i4", "i4/i8"], damage = -1.0}]} {
  "test.layer"() {qfmt.layer = "a", qfmt.tie = "b", qfmt.forced = "i8", qfmt.candidates = [{format = "i4", damage = 0.5, costs = {}}]} : () -> ()
  return
}
