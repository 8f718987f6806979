// sedma memory: what the long-term memory holds.

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "cli/command.h"
#include "cli/memory_file.h"
#include "cli/output_file.h"
#include "cli/report.h"
#include "cli/table.h"
#include "cli/units.h"
#include "runtime/memory/episodic.h"
#include "runtime/memory/fields.h"

namespace sedma::cli {
namespace {

using runtime::EpisodicMemory;
using runtime::FieldValue;
using runtime::Pattern;
using runtime::Recalled;

struct Options {
  std::string memory, material, key, file;
  bool as_json = false, all = false, yes = false;
};

Result<std::unique_ptr<EpisodicMemory>> open_memory(const Options& options, bool make) {
  const std::string where = options.memory.empty() ? runtime::default_memory_path() : options.memory;
  if (where == "none")
    return fail(Code::invalid_argument, "the memory is none: --memory names a file or postgresql://user@host:port/database");
  std::error_code error;
  if (!make && where.find("://") == std::string::npos && !std::filesystem::exists(where, error))
    return fail(Code::unavailable, "there is no memory at {} yet: a run with a goal or an import begins one", where);
  runtime::EpisodicOptions told;
  told.log = [](const std::string& sentence) { fmt::print(stderr, "sedma: {}\n", printable(sentence)); };
  return EpisodicMemory::open(where, told);
}

std::vector<Recalled> chosen(const EpisodicMemory& memory, const std::string& material) {
  std::vector<Recalled> patterns = memory.all();
  const auto other = [&](const Recalled& each) { return !material.empty() && each.pattern->context.material != material; };
  patterns.erase(std::remove_if(patterns.begin(), patterns.end(), other), patterns.end());
  return patterns;
}

std::vector<Pattern> copies(const std::vector<Recalled>& recalled) {
  std::vector<Pattern> patterns;
  patterns.reserve(recalled.size());
  for (const Recalled& each : recalled) patterns.push_back(*each.pattern);
  return patterns;
}

/// The one whose key begins so.
Result<Recalled> named(const EpisodicMemory& memory, const std::string& key) {
  std::vector<Recalled> found = memory.all();
  const auto other = [&](const Recalled& each) { return each.key.hex().rfind(key, 0) != 0; };
  found.erase(std::remove_if(found.begin(), found.end(), other), found.end());
  if (key.empty() || found.empty()) return fail(Code::invalid_argument, "no pattern has the key '{}': sedma memory list shows them", key);
  if (found.size() > 1)
    return fail(Code::invalid_argument, "{} patterns have keys that begin with '{}': give more of it", found.size(), key);
  return found.front();
}

Json value_json(const FieldValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  if (const auto* whole = std::get_if<std::int64_t>(&value)) return *whole;
  if (const auto* number = std::get_if<double>(&value)) return *number;
  return nullptr;
}

Json pattern_json(const Recalled& recalled) {
  Json json;
  json["pattern_key"] = recalled.key.hex();
  const auto& fields = runtime::pattern_fields();
  const auto values = runtime::fields_from(*recalled.pattern);
  for (std::size_t k = 0; k < fields.size(); ++k) json[fields[k].name] = value_json(values[k]);
  return json;
}

std::string utc(std::int64_t seconds) {
  constexpr std::int64_t last = 253402300799;  // of the year 9999
  return fmt::format("{:%Y-%m-%d %H:%M}", fmt::gmtime(static_cast<std::time_t>(std::clamp<std::int64_t>(seconds, 0, last))));
}

std::string size_text(std::uint32_t lines) { return lines == 0 ? "largest" : fmt::format("{}", lines); }

Ending list(const Options& options) {
  const auto memory = open_memory(options, false);
  if (!memory.ok()) return Ending::of_request(memory.status());
  const auto patterns = chosen(**memory, options.material);
  if (options.as_json) {
    Json json = Json::array();
    for (const Recalled& each : patterns) json.push_back(pattern_json(each));
    return print(to_text(json));
  }
  using Align = Table::Align;
  Table table({{"key"},
               {"material"},
               {"matrix", Align::right},
               {"tile"},
               {"encoding"},
               {"slices", Align::right},
               {"passes", Align::right},
               {"error p95", Align::right},
               {"per vector", Align::right},
               {"evidence", Align::right},
               {"last used (UTC)"}});
  for (const Recalled& each : patterns) {
    const Pattern& pattern = *each.pattern;
    const runtime::Choice& choice = pattern.choice.choice;
    table.add({each.key.hex().substr(0, 12), printable(pattern.context.material),
               fmt::format("{:.0f} x {:.0f}", pattern.context.matrix.rows, pattern.context.matrix.cols),
               fmt::format("{} x {}", size_text(choice.tile_rows), size_text(choice.tile_cols)), name(choice.encoding),
               fmt::format("{}", choice.slices), fmt::format("{}", choice.passes),
               pattern.found.checked == 0 ? "unknown" : scientific(pattern.found.error_p95), si(pattern.found.vector_joules, "J"),
               count(pattern.evidence), utc(pattern.used_utc_seconds)});
  }
  return print(table.to_string());
}

Ending show(const Options& options) {
  const auto memory = open_memory(options, false);
  if (!memory.ok()) return Ending::of_request(memory.status());
  const auto found = named(**memory, options.key);
  if (!found.ok()) return Ending::of_request(found.status());
  if (options.as_json) return print(to_text(pattern_json(*found)));
  Table table = Table::of_facts();
  table.add({"pattern_key", found->key.hex()});
  const auto& fields = runtime::pattern_fields();
  const auto values = runtime::fields_from(*found->pattern);
  for (std::size_t k = 0; k < fields.size(); ++k) {
    const auto* text = std::get_if<std::string>(&values[k]);
    const auto* number = std::get_if<double>(&values[k]);
    const bool unknown = std::holds_alternative<std::monostate>(values[k]);
    std::string shown = text != nullptr ? printable(*text) : number != nullptr ? fmt::format("{:.6g}", *number) : unknown ? "unknown" : "";
    if (const auto* whole = std::get_if<std::int64_t>(&values[k])) shown = fmt::format("{}", *whole);
    table.add({fields[k].name, shown});
  }
  return print(table.to_string());
}

Ending export_to(const Options& options) {
  const std::string ending = std::filesystem::path(options.file).extension().string();
  if (ending != ".h5" && ending != ".hdf5" && ending != ".csv")
    return Ending::usage(fmt::format("export to what? {} ends neither in .h5 nor in .csv", options.file));
  if (const Status status = check_writable(options.file); !status.ok()) return status;
  const auto memory = open_memory(options, false);
  if (!memory.ok()) return Ending::of_request(memory.status());
  const auto patterns = copies(chosen(**memory, options.material));
  if (ending != ".csv") return write_patterns_hdf5(options.file, patterns);
  TextTarget target(options.file);
  if (const Status status = target.prepare(patterns_csv(patterns)); !status.ok()) return status;
  return target.commit();
}

Ending import_from(const Options& options) {
  const auto patterns = read_patterns_hdf5(options.file);
  if (!patterns.ok()) return patterns.status();
  const auto memory = open_memory(options, true);
  if (!memory.ok()) return Ending::of_request(memory.status());
  if (const Status status = (*memory)->import(*patterns); !status.ok()) return status;
  return print(
      fmt::format("imported {}; the memory holds {}\n", count(patterns->size(), "pattern"), count((*memory)->stats().patterns, "pattern")));
}

Ending forget(const Options& options) {
  if (options.all == !options.key.empty()) return Ending::usage("forget what? Either a KEY or --all");
  if (options.all && !options.yes) return Ending::usage("--all forgets every pattern for ever: add --yes if that is meant");
  const auto memory = open_memory(options, false);
  if (!memory.ok()) return Ending::of_request(memory.status());
  std::vector<Recalled> gone = (*memory)->all();
  if (!options.all) {
    const auto found = named(**memory, options.key);
    if (!found.ok()) return Ending::of_request(found.status());
    gone = {*found};
  }
  for (const Recalled& each : gone) (*memory)->forget(each.key);
  if (const Status status = (*memory)->flush(); !status.ok()) return status;
  return print(fmt::format("forgot {}\n", count(gone.size(), "pattern")));
}

Ending stats(const Options& options) {
  const auto memory = open_memory(options, false);
  if (!memory.ok()) return Ending::of_request(memory.status());
  const runtime::EpisodicStats found = (*memory)->stats();
  if (options.as_json) {
    const Json json = {
        {"store", found.store},   {"patterns", found.patterns},  {"capacity", found.capacity}, {"materials", found.materials},
        {"boards", found.boards}, {"matrices", found.matrices},  {"evidence", found.evidence}, {"schema_version", found.schema_version},
        {"bytes", found.bytes},   {"write_ahead_log", found.wal}};
    return print(to_text(json));
  }
  Table table = Table::of_facts();
  table.add({"store", printable(found.store)});
  table.add({"patterns", fmt::format("{} of {}", count(found.patterns), count(found.capacity))});
  table.add({"evidence", count(found.evidence, "time")});
  table.add(
      {"of", fmt::format("{}, {}, {} matrices", count(found.materials, "material"), count(found.boards, "board"), count(found.matrices))});
  table.add({"size", bytes(found.bytes)});
  table.add({"schema", fmt::format("version {}{}", found.schema_version, found.wal ? "" : ", no write-ahead log")});
  return print(table.to_string());
}

}  // namespace

Command add_memory(CLI::App& program) {
  CLI::App* command = program.add_subcommand("memory", "Show and keep what was learnt");
  command->require_subcommand(1);
  command->footer(examples({"sedma memory list --material TaOx-HfOx", "sedma memory show 3f9a", "sedma memory export learnt.h5",
                            "sedma memory export learnt.csv --memory postgresql://lab@db.example/sedma",
                            "sedma memory import learnt.h5 --memory other.sqlite", "sedma memory forget --all --yes"}));
  const auto options = std::make_shared<Options>();
  using Body = Ending (*)(const Options&);
  auto bodies = std::make_shared<std::vector<std::pair<CLI::App*, Body>>>();
  const auto add = [&](const std::string& verb, const std::string& help, Body body, const std::string& example) {
    CLI::App* each = command->add_subcommand(verb, help);
    // $SEDMA_MEMORY is read by default_memory_path(): the parser would set it for every verb, over what the command line says.
    each->add_option("--memory", options->memory,
                     "file or postgresql://user@host:port/database; default: $SEDMA_MEMORY, or sedma/memory.sqlite under $XDG_DATA_HOME")
        ->type_name("PATH|URI");
    each->footer(examples({example}));
    bodies->emplace_back(each, body);
    return each;
  };
  CLI::App* lists = add("list", "All patterns, by key", list, "sedma memory list --material TaOx-HfOx --json");
  CLI::App* shows = add("show", "One pattern, with all its fields", show, "sedma memory show 3f9a");
  CLI::App* exports = add("export", "Write patterns to HDF5, to import again, or to CSV", export_to, "sedma memory export learnt.h5");
  CLI::App* imports =
      add("import", "Merge the patterns of a file: all of them or, if one is wrong, none. Importing twice counts evidence twice",
          import_from, "sedma memory import learnt.h5");
  CLI::App* forgets = add("forget", "Remove patterns for ever", forget, "sedma memory forget 3f9a");
  CLI::App* counts = add("stats", "Where the memory is and how much it holds", stats, "sedma memory stats --json");
  for (CLI::App* each : {lists, exports}) each->add_option("--material", options->material, "only of this material")->type_name("NAME");
  for (CLI::App* each : {lists, shows, counts}) each->add_flag("--json", options->as_json, "JSON instead of a table");
  shows->add_option("key", options->key, "the first digits of its key")->required()->type_name("KEY");
  exports->add_option("file", options->file, "what to write")->required()->type_name("FILE.h5|FILE.csv");
  imports->add_option("file", options->file, "what sedma memory export wrote")->required()->type_name("FILE.h5");
  forgets->add_option("key", options->key, "the first digits of its key")->type_name("KEY");
  forgets->add_flag("--all", options->all, "every pattern");
  forgets->add_flag("--yes", options->yes, "yes, all");
  return {command, [options, bodies] {
            const auto body = std::find_if(bodies->begin(), bodies->end(), [](const auto& each) { return each.first->parsed(); });
            SEDMA_CHECK(body != bodies->end());
            return body->second(*options);
          }};
}

}  // namespace sedma::cli
