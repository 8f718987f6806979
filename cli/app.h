#pragma once
// The command line.

namespace sedma::cli {

/// Parses and runs a command line. Returns the exit code of the process (cli/ending.h).
int run(int argc, char** argv);

}  // namespace sedma::cli
