# hal/version.h with a version.cpp written at build time: the commit may change without a new configure.
find_package(Git QUIET)
set(SEDMA_VERSION_CPP ${PROJECT_BINARY_DIR}/generated/version.cpp)
set(SEDMA_WRITE_VERSION ${CMAKE_COMMAND} -DSOURCE=${PROJECT_SOURCE_DIR} -DVERSION=${PROJECT_VERSION} -DOUTPUT=${SEDMA_VERSION_CPP}
    -DGIT=${GIT_EXECUTABLE} -P ${PROJECT_SOURCE_DIR}/cmake/WriteVersion.cmake)
add_custom_target(sedma_version COMMAND ${SEDMA_WRITE_VERSION} BYPRODUCTS ${SEDMA_VERSION_CPP} VERBATIM
                  COMMENT "Writing the version")
add_dependencies(sedma_hal sedma_version)
target_sources(sedma_hal PRIVATE ${SEDMA_VERSION_CPP} PUBLIC FILE_SET HEADERS FILES ${PROJECT_SOURCE_DIR}/hal/version.h)
