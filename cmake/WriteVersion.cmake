# cmake -DSOURCE= -DVERSION= -DOUTPUT= [-DGIT=] -P WriteVersion.cmake: version.cpp, touched only when it says something new.
set(COMMIT unknown)
if(GIT)
  get_filename_component(parent ${SOURCE} DIRECTORY)
  set(ENV{GIT_CEILING_DIRECTORIES} ${parent})  # an unpacked archive inside somebody's repository is not of that commit
  # No optional locks: a build must not get in the way of a commit made at the same time.
  execute_process(COMMAND ${GIT} --no-optional-locks describe --always --dirty WORKING_DIRECTORY ${SOURCE} RESULT_VARIABLE failed
                  OUTPUT_VARIABLE described OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  if(NOT failed AND described MATCHES "^[-.+/_A-Za-z0-9]+$")
    set(COMMIT ${described})
  endif()
endif()
configure_file(${CMAKE_CURRENT_LIST_DIR}/version.cpp.in ${OUTPUT} @ONLY)
