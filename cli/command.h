#pragma once
// The subcommands of the program. Each adds its options to the parser; the returned function does the work once they are parsed.

#include <CLI/CLI.hpp>
#include <cctype>
#include <functional>
#include <string>
#include <vector>

#include "cli/ending.h"

namespace sedma::cli {

struct Command {
  CLI::App* options;
  std::function<Ending()> run;
};

Command add_devices(CLI::App& program);
Command add_info(CLI::App& program);
Command add_plan(CLI::App& program);
Command add_multiply(CLI::App& program, const std::vector<std::string>& argv);
Command add_sweep(CLI::App& program, const std::vector<std::string>& argv);
Command add_conformance(CLI::App& program, const std::vector<std::string>& argv);
Command add_board_check(CLI::App& program, const std::vector<std::string>& argv);
Command add_demo(CLI::App& program, const std::vector<std::string>& argv);
Command add_run(CLI::App& program);
Command add_memory(CLI::App& program);

/// "--input-seed" is also set by SEDMA_INPUT_SEED.
inline std::string environment_name(const std::string& option) {
  std::string name = "SEDMA";
  for (const char c : option.substr(1)) name += c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return name;
}

template <class T>
CLI::Option* add_option(CLI::App& command, const std::string& option, T& value, const std::string& help) {
  return command.add_option(option, value, help)->envname(environment_name(option));
}

inline CLI::Option* add_flag(CLI::App& command, const std::string& option, bool& value, const std::string& help) {
  return command.add_flag(option, value, help)->envname(environment_name(option));
}

/// Refuses what is negative or not finite; CLI11 would wrap a negative number around where an unsigned one is expected.
CLI::Validator non_negative();

/// Each example on its own line, for the end of --help.
inline std::string examples(const std::vector<std::string>& lines) {
  std::string text = "Examples:";
  for (const std::string& line : lines) text += "\n  " + line;
  return text;
}

}  // namespace sedma::cli
