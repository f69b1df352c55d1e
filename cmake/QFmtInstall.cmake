# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# The install tree: headers, static libraries, tools and the QFmt CMake package.
include(CMakePackageConfigHelpers)
set(QFMT_INSTALL_CMAKEDIR "${CMAKE_INSTALL_LIBDIR}/cmake/QFmt")

get_property(_qfmt_libraries GLOBAL PROPERTY QFMT_LIBRARIES)
install(TARGETS ${_qfmt_libraries} EXPORT QFmtTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT QFmtTargets NAMESPACE QFmt:: DESTINATION ${QFMT_INSTALL_CMAKEDIR})
install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/qfmt" "${PROJECT_BINARY_DIR}/include/qfmt"
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
  FILES_MATCHING PATTERN "*.h" PATTERN "*.td" PATTERN "*.h.inc" PATTERN "CMakeFiles" EXCLUDE)

configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/QFmtConfig.cmake.in" "${PROJECT_BINARY_DIR}/QFmtConfig.cmake"
  INSTALL_DESTINATION ${QFMT_INSTALL_CMAKEDIR})
write_basic_package_version_file("${PROJECT_BINARY_DIR}/QFmtConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/QFmtConfig.cmake" "${PROJECT_BINARY_DIR}/QFmtConfigVersion.cmake"
  "${PROJECT_SOURCE_DIR}/cmake/QFmtFindMLIR.cmake" "${PROJECT_SOURCE_DIR}/cmake/FindCBC.cmake" DESTINATION ${QFMT_INSTALL_CMAKEDIR})
