# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# Finds COIN-OR's branch and cut (CBC) and linear programming (CLP) with their C interfaces: CBC::CBC, CBC_FOUND.
# CBC_ROOT or CMAKE_PREFIX_PATH say where, if not in the system.
find_path(CBC_INCLUDE_DIR coin/Cbc_C_Interface.h)
find_path(CLP_INCLUDE_DIR coin/Clp_C_Interface.h HINTS "${CBC_INCLUDE_DIR}")
set(_cbc_variables CBC_INCLUDE_DIR CLP_INCLUDE_DIR)
set(_cbc_libraries)
# The C interface is in CbcSolver; the others are what it is made of.
foreach(_library CbcSolver Cbc Cgl OsiClp ClpSolver Clp Osi CoinUtils)
  find_library(CBC_${_library}_LIBRARY ${_library})
  mark_as_advanced(CBC_${_library}_LIBRARY)
  list(APPEND _cbc_variables CBC_${_library}_LIBRARY)
  list(APPEND _cbc_libraries "${CBC_${_library}_LIBRARY}")
endforeach()
mark_as_advanced(CBC_INCLUDE_DIR CLP_INCLUDE_DIR)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(CBC REQUIRED_VARS ${_cbc_variables}
  REASON_FAILURE_MESSAGE "install coinor-libcbc-dev, or set CBC_ROOT")

if(CBC_FOUND AND NOT TARGET CBC::CBC)
  # Whoever links our static library, in whatever directory, needs it.
  add_library(CBC::CBC INTERFACE IMPORTED GLOBAL)
  set_target_properties(CBC::CBC PROPERTIES
    INTERFACE_INCLUDE_DIRECTORIES "${CBC_INCLUDE_DIR};${CLP_INCLUDE_DIR}"
    INTERFACE_LINK_LIBRARIES "${_cbc_libraries}")
endif()
