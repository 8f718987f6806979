#pragma once
// What the ranks of a job did and what became of them.

#include <span>
#include <string>
#include <vector>

#include "cli/job.h"
#include "cli/output_file.h"

namespace sedma::cli {

Json ranks_json(const std::vector<runtime::RankReport>& ranks);
Json losses_json(const std::vector<runtime::Loss>& losses);
Json sequence_json(const Sequence& sequence);
/// Of the content of all tiles, in the order of the plan, in hexadecimal digits.
std::string tiles_digest(std::span<const runtime::TileHash> hashes);
/// A table of the ranks, where there are several, and a line for every loss.
std::string ranks_text(const JobReport& job);

}  // namespace sedma::cli
