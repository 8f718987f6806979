// The program `sedma`.

#include "cli/app.h"

int main(int argc, char** argv) { return sedma::cli::run(argc, argv); }
