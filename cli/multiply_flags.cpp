#include "cli/multiply_flags.h"

#include <fmt/format.h>

#include "cli/command.h"

namespace sedma::cli {
namespace {

std::string tile_mistake(std::string& text) {
  TileSize tile;
  return lexical_cast(text, tile) ? "" : fmt::format("'{}' is not ROWSxCOLS, two whole numbers > 0 such as 64x32", text);
}

std::string lambda_mistake(std::string& text) {
  LambdaOption lambda;
  return lexical_cast(text, lambda) ? "" : fmt::format("{} is not a number >= 0 or 'adaptive'", text);
}

}  // namespace

void add_subject_options(CLI::App& command, MultiplyOptions& o) {
  add_option(command, "--matrix", o.matrix,
             "Matrix Market, Harwell-Boeing, NumPy .npy, HDF5 (file.h5:/dataset), or gallery:NAME?key=value such as gallery:fem9?n=255")
      ->required()
      ->type_name("FILE");
  add_option(command, "--batch", o.batch, "random vectors to multiply; default 1")->check(CLI::Range(1u, 1000000u))->type_name("K");
  add_option(command, "--input", o.input, "vectors to multiply, one a row, from a file of any format above")->type_name("FILE");
  add_option(command, "--input-seed", o.input_seed, "of the random vectors; default as --seed")->check(non_negative())->type_name("N");
  add_option(command, "--seed", o.seed, "default of the URI's seed= and of --input-seed")
      ->check(non_negative())
      ->capture_default_str()
      ->type_name("N");
}

void add_layout_options(CLI::App& command, MultiplyOptions& o) {
  add_option(command, "--tile", o.tile, "largest tile, in matrix rows and columns; default: what an array holds")
      ->check(CLI::Validator(tile_mistake, ""))
      ->type_name("ROWSxCOLS");
  add_option(command, "--encoding", o.encoding, "two cells a value (pair), or one and a shared reference line (offset)")
      ->check(CLI::IsMember({"pair", "offset"}))
      ->capture_default_str()
      ->type_name("KIND");
  add_option(
      command, "--partition", o.partition,
      "static (every block of a grid, one on an array), grid (blocks that hold something) or clustered (rows that use the same columns "
      "are brought together)")
      ->check(CLI::IsMember({"static", "grid", "clustered"}))
      ->capture_default_str()
      ->type_name("KIND");
  add_option(command, "--sharing", o.sharing,
             "most tiles and slices that take turns with an array; 0: as many as fit, 1: none, the fastest")
      ->check(CLI::Range(0u, 1000000u))
      ->capture_default_str()
      ->type_name("N");
}

void add_session_options(CLI::App& command, MultiplyOptions& o) {
  add_option(command, "--correction", o.correction,
             "none, products (x is written on the board for every x) or residual (slices hold what was written wrong)")
      ->check(CLI::IsMember({"none", "products", "residual"}))
      ->type_name("KIND");
  add_option(command, "--slices", o.slices, "residual slices; more than 0 means --correction residual, whose default is 1")
      ->check(CLI::Range(0u, 16u))
      ->type_name("K");
  add_option(command, "--lambda", o.lambda,
             "smooth the product: second-order denoising; 0: off; adaptive: as much as lowers the risk of error")
      ->check(CLI::Validator(lambda_mistake, ""))
      ->type_name("VALUE|adaptive");
  add_option(command, "--passes", o.passes, "write-verify rounds at most")
      ->check(CLI::Range(1u, 100000u))
      ->capture_default_str()
      ->type_name("N");
  add_option(command, "--tolerance", o.tolerance, "stop writing a cell within so many levels of its target")
      ->check(CLI::Range(1e-6, 1e6))
      ->capture_default_str()
      ->type_name("LEVELS");
  add_option(command, "--wait", o.wait, "time that passes between writing and multiplying: cells relax (a board really waits)")
      ->check(non_negative())
      ->capture_default_str()
      ->type_name("SECONDS");
  add_layout_options(command, o);
  add_option(command, "--headroom", o.conversion.headroom,
             "full scale of the converters / largest possible current; below 1 they are finer and large outputs may saturate")
      ->check(CLI::Range(1e-3, 1e3))
      ->capture_default_str()
      ->type_name("H");
  add_option(command, "--repeats", o.conversion.repeats, "products averaged for every vector, each driven at a scale of its own")
      ->check(CLI::Range(1u, 1000u))
      ->capture_default_str()
      ->type_name("R");
  add_option(command, "--scale", o.scale, "one scale and converter range for each output, or for the tile")
      ->check(CLI::IsMember({"output", "tile"}))
      ->capture_default_str()
      ->type_name("PER");
}

std::vector<std::string> session_option_keys() {
  CLI::App flags;
  flags.set_help_flag();
  MultiplyOptions unused;
  add_session_options(flags, unused);
  std::vector<std::string> keys;
  for (const CLI::Option* option : flags.get_options()) keys.push_back(option->get_lnames().front());
  return keys;
}

Status set_session_option(MultiplyOptions& options, const std::string& key, const std::string& value) {
  CLI::App flags;
  add_session_options(flags, options);
  try {
    CLI::Option* const option = flags.get_option("--" + key);  // alone: parsing would ask the environment for the others again
    option->add_result(value);
    option->run_callback();
  } catch (const CLI::ParseError& error) {
    return Status(Code::invalid_argument, error.what());
  }
  return {};
}

void add_board_options(CLI::App& command, MultiplyOptions& o) {
  add_option(command, "--mask", o.mask, "bad lines and cells to go around, JSON")->type_name("FILE");
  add_option(command, "--limits", o.limits, "what may reach the chip, JSON with the fields of hal::Limits")->type_name("FILE");
}

}  // namespace sedma::cli
