# sedma::sedma: all layers for whoever does not care which one a function lives in.
add_library(sedma_sedma INTERFACE)
add_library(sedma::sedma ALIAS sedma_sedma)
set_target_properties(sedma_sedma PROPERTIES EXPORT_NAME sedma)
target_link_libraries(sedma_sedma INTERFACE sedma::hal sedma::kernels sedma::calibration sedma::backends sedma::runtime)

include(CMakePackageConfigHelpers)
set(SEDMA_CMAKE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/SEDMA)
install(TARGETS sedma_sedma EXPORT SEDMATargets)
install(TARGETS sedma_program RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(EXPORT SEDMATargets NAMESPACE sedma:: DESTINATION ${SEDMA_CMAKE_DIR})
configure_package_config_file(cmake/SEDMAConfig.cmake.in ${PROJECT_BINARY_DIR}/SEDMAConfig.cmake INSTALL_DESTINATION ${SEDMA_CMAKE_DIR})
# Before 1.0 a minor version may change any interface.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/SEDMAConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/SEDMAConfig.cmake ${PROJECT_BINARY_DIR}/SEDMAConfigVersion.cmake DESTINATION ${SEDMA_CMAKE_DIR})
