# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# What every directory of qfmt builds with.

separate_arguments(_qfmt_llvm_definitions NATIVE_COMMAND "${LLVM_DEFINITIONS}")

add_library(QFmtBuildFlags INTERFACE)
target_compile_options(QFmtBuildFlags INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wno-unused-parameter -fvisibility-inlines-hidden>
  $<$<BOOL:${QFMT_ENABLE_WERROR}>:-Werror>)
if(NOT LLVM_ENABLE_RTTI)
  target_compile_options(QFmtBuildFlags INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-fno-rtti>)
endif()
if(QFMT_SANITIZE)
  target_compile_options(QFmtBuildFlags INTERFACE -fsanitize=${QFMT_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  # libMLIR is built without sanitizers and without our type information.
  target_compile_options(QFmtBuildFlags INTERFACE -fno-sanitize=vptr)
  target_link_options(QFmtBuildFlags INTERFACE -fsanitize=${QFMT_SANITIZE})
endif()
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  find_program(QFMT_LLD NAMES ld.lld-22 ld.lld)
  if(QFMT_LLD)
    target_link_options(QFmtBuildFlags INTERFACE "--ld-path=${QFMT_LLD}")
  endif()
endif()
find_program(QFMT_CCACHE ccache)
if(QFMT_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_C_COMPILER_LAUNCHER "${QFMT_CCACHE}")
  # What ccache asks for with precompiled headers.
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CMAKE_COMMAND}" -E env CCACHE_SLOPPINESS=pch_defines,time_macros "${QFMT_CCACHE}")
endif()
include(QFmtPrecompiledHeaders)

# qfmt_tablegen(TD.td OUTPUT -gen-x [OUTPUT -gen-y ...]): one mlir-tblgen run an output, collected for QFmtTableGen.
set_property(GLOBAL PROPERTY QFMT_TABLEGEN_TARGETS "")
function(qfmt_tablegen td target)
  set(LLVM_TARGET_DEFINITIONS ${td})
  set(arguments ${ARGN})
  while(arguments)
    list(POP_FRONT arguments output generator)
    set(extra)
    while(arguments)
      list(GET arguments 0 next)
      if(next MATCHES "^-")
        list(POP_FRONT arguments next)
        list(APPEND extra ${next})
      else()
        break()
      endif()
    endwhile()
    mlir_tablegen(${output} ${generator} ${extra} "-I${PROJECT_SOURCE_DIR}/include")
  endwhile()
  add_public_tablegen_target(${target})
  set_property(GLOBAL APPEND PROPERTY QFMT_TABLEGEN_TARGETS ${target})
endfunction()

# add_qfmt_library(Name a.cpp b.cpp [WITHOUT_IR] [LINK_LIBS QFmtIR ...]): a static library, part of the installed package. WITHOUT_IR:
# nothing in it includes MLIR.
function(add_qfmt_library name)
  cmake_parse_arguments(ARG "WITHOUT_IR" "" "LINK_LIBS" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  target_include_directories(${name} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
    $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/include>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_include_directories(${name} SYSTEM PUBLIC ${MLIR_INCLUDE_DIRS} ${LLVM_INCLUDE_DIRS})
  target_compile_definitions(${name} PUBLIC ${_qfmt_llvm_definitions})
  target_compile_features(${name} PUBLIC cxx_std_17)
  target_link_libraries(${name} PUBLIC ${ARG_LINK_LIBS} MLIR LLVM PRIVATE $<BUILD_INTERFACE:QFmtBuildFlags>)
  get_property(tablegen GLOBAL PROPERTY QFMT_TABLEGEN_TARGETS)
  if(tablegen)
    add_dependencies(${name} ${tablegen})
  endif()
  if(NOT ARG_WITHOUT_IR)
    qfmt_precompile_headers(${name})
  endif()
  set_property(GLOBAL APPEND PROPERTY QFMT_LIBRARIES ${name})
endfunction()

# add_qfmt_tool(qfmt-x x.cpp LINK_LIBS ...): an installed program.
function(add_qfmt_tool name)
  cmake_parse_arguments(ARG "" "" "LINK_LIBS" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE ${ARG_LINK_LIBS} MLIR LLVM QFmtBuildFlags)
  install(TARGETS ${name} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endfunction()

# add_qfmt_unittest(name a.cpp ... LINK_LIBS ...): a GoogleTest program, run by ctest and by check-qfmt.
function(add_qfmt_unittest name)
  cmake_parse_arguments(ARG "" "" "LINK_LIBS;LIBS" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/include ${PROJECT_BINARY_DIR}/include)
  target_include_directories(${name} SYSTEM PRIVATE ${MLIR_INCLUDE_DIRS} ${LLVM_INCLUDE_DIRS})
  target_compile_definitions(${name} PRIVATE ${_qfmt_llvm_definitions})
  target_link_libraries(${name} PRIVATE ${ARG_LINK_LIBS} ${ARG_LIBS} GTest::gtest_main GTest::gtest MLIR LLVM QFmtBuildFlags)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/unittests")
  add_test(NAME ${name} COMMAND ${name})
  set_property(GLOBAL APPEND PROPERTY QFMT_TEST_DEPENDS ${name})
endfunction()
