# Paths relative to backends/.
set(SEDMA_EMULATOR_SOURCES
  emulator/array.cpp
  emulator/array_product.cpp
  emulator/costs.cpp
  emulator/emulator.cpp
  emulator/engine.cpp
  emulator/engine_read.cpp
  emulator/engine_write.cpp
  emulator/options.cpp
  emulator/options_physics.cpp
  emulator/writings.cpp)
# What others include; the rest of the folder's headers are its own.
set(SEDMA_EMULATOR_HEADERS
  emulator/emulator.h)
