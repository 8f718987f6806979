#include "cli/app.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <exception>
#include <new>

#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/output_file.h"
#include "cli/units.h"
#include "hal/version.h"
#include "kernels/random.h"

namespace sedma::cli {
namespace {

constexpr const char* description =
    "SEDMA multiplies matrices on analog RRAM crossbar boards, real or emulated, and says what the product costs and how wrong it is.";
constexpr const char* footer =
    "sedma COMMAND --help explains a command, with examples. Every option can also be given as SEDMA_NAME (SEDMA_DEVICE for --device) or "
    "in a\n"
    "--config FILE with a [COMMAND] section. Exit codes: 0 done, 1 failed, 2 wrong usage, 130 and 143 stopped by SIGINT and SIGTERM.";

Ending dispatch(const std::vector<Command>& commands) {
  const auto chosen = std::find_if(commands.begin(), commands.end(), [](const Command& command) { return command.options->parsed(); });
  SEDMA_CHECK(chosen != commands.end());
  try {
    return chosen->run();
  } catch (const std::bad_alloc&) {
    return Status(Code::unavailable, "out of memory");
  } catch (const std::exception& error) {
    return Status(Code::internal, fmt::format("a defect in SEDMA, please report it: {}", error.what()));
  }
}

}  // namespace

CLI::Validator non_negative() {
  const auto check = [](std::string& text) -> std::string {
    double value = 0;
    if (CLI::detail::lexical_cast(text, value) && std::isfinite(value) && value >= 0) return {};
    return fmt::format("{} is not a number >= 0", text);
  };
  return {check, ""};
}

int run(int argc, char** argv) {
  const std::vector<std::string> arguments(argv, argv + argc);
  CLI::App program(description, "sedma");
  program.footer(footer);
  program.set_version_flag("--version", fmt::format("sedma {} ({})", version(), commit()));
  program.set_config("--config", "", "read options from FILE, one [COMMAND] section each")->type_name("FILE");
  program.allow_config_extras(CLI::config_extras_mode::error);
  std::string isa;
  const auto isas = kernels::supported_isas();
  program.add_option("--isa", isa, "instruction set of the kernels; default: the best that this processor has")
      ->type_name("NAME")
      ->envname("SEDMA_ISA")
      ->check(CLI::IsMember(std::vector<std::string>(isas.begin(), isas.end())));
  program.require_subcommand(0, 1);  // 0: so that a misspelt command is named, not called missing
  program.failure_message([](const CLI::App*, const CLI::Error& error) {
    return fmt::format("sedma: {}\nsedma --help and sedma COMMAND --help explain more.\n", printable(error.what()));
  });
  program.fallthrough();
  const std::vector<Command> commands = {add_multiply(program, arguments),
                                         add_sweep(program, arguments),
                                         add_run(program),
                                         add_demo(program, arguments),
                                         add_info(program),
                                         add_plan(program),
                                         add_devices(program),
                                         add_memory(program),
                                         add_conformance(program, arguments),
                                         add_board_check(program, arguments)};
  try {
    program.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return program.exit(error) == exit_ok ? exit_ok : exit_usage;
  }
  if (program.get_subcommands().empty()) {
    fmt::print(stderr, "{}", program.help());
    return exit_usage;
  }
  if (!isa.empty()) SEDMA_CHECK(kernels::use_isa(isa).ok(), isa);
  const Ending ending = unless_interrupted(dispatch(commands));
  say(ending);
  return ending.exit_code();
}

}  // namespace sedma::cli
