# cmake -DCHECK=<CheckLayers.cmake> -DSCRATCH=<folder> -P bad_tree.cmake: the layering check must name each fault of a small bad tree,
# with its line, and nothing else.
file(REMOVE_RECURSE ${SCRATCH})
file(WRITE ${SCRATCH}/hal/a.h "#pragma once\n#include <vector>\n#include \"hal/b.h\"\n\n#include \"kernels/up.h\"  // [0, 1) ; x\n")
file(WRITE ${SCRATCH}/hal/b.cpp "// #include \"runtime/in_a_comment.h\"\n#include <mpi.h>\n")
file(WRITE ${SCRATCH}/kernels/threads.h "#include <omp.h>\n#include \"hal/a.h\"\n")
file(WRITE ${SCRATCH}/kernels/second.cpp "#  include <omp.h>\n")
file(WRITE ${SCRATCH}/calibration/hdf5.cpp "#include <hdf5.h>\n#include \"kernels/a.h\"\n")
file(WRITE ${SCRATCH}/calibration/fit.cpp "\n#include <hdf5.h>\n")
file(WRITE ${SCRATCH}/backends/emulator/e.cpp
     "#include \"calibration/profile.h\"\n#include \"calibration/hdf5.h\"\n#include \"calibration/fit.h\"\n#include <runtime/plan.h>\n")
file(WRITE ${SCRATCH}/runtime/r.cpp "#include <mpi.h>\n#include \"calibration/fit.h\"\n#include \"backends/emulator/e.h\"\n")
file(WRITE ${SCRATCH}/runtime/memory/m.cpp "#include \"../plan.h\"\n")
file(WRITE ${SCRATCH}/cli/main.cpp "#include \"runtime/plan.h\"\n#include \"backends/emulator/e.h\"\n#include \"tests/t.h\"\n")
file(WRITE ${SCRATCH}/tests/t.cpp "#include \"cli/table.h\"\n#include \"backends/emulator/e.h\"\n")
set(expected "hal/a.h:5: kernels/up.h" "hal/b.cpp:2: mpi.h" "kernels/second.cpp:1: omp.h" "calibration/fit.cpp:2: hdf5.h"
    "backends/emulator/e.cpp:3: calibration/fit.h" "backends/emulator/e.cpp:4: runtime/plan.h" "runtime/r.cpp:3: backends/emulator/e.h"
    "runtime/memory/m.cpp:1: ../plan.h" "cli/main.cpp:3: tests/t.h")

execute_process(COMMAND ${CMAKE_COMMAND} -DROOT=${SCRATCH} -P ${CHECK} RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
if(status EQUAL 0)
  message(FATAL_ERROR "The check accepted the bad tree:\n${output}")
endif()
foreach(fault IN LISTS expected)
  string(FIND "${output}" "${fault}" at)
  if(at EQUAL -1)
    message(FATAL_ERROR "The check did not name ${fault}:\n${output}")
  endif()
endforeach()
list(LENGTH expected count)
if(NOT output MATCHES "[^0-9]${count} includes break the order")
  message(FATAL_ERROR "Expected ${count} faults:\n${output}")
endif()

# Without them the tree is fine.
file(GLOB_RECURSE files ${SCRATCH}/*.h ${SCRATCH}/*.cpp)
foreach(file IN LISTS files)
  file(WRITE ${file} "#include <vector>\n#include \"hal/a.h\"\n")
endforeach()
execute_process(COMMAND ${CMAKE_COMMAND} -DROOT=${SCRATCH} -P ${CHECK} RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "The check refused a good tree:\n${output}")
endif()
