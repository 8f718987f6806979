#include "cli/output_file.h"

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <system_error>

namespace sedma::cli {

Status check_writable(const std::string& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status))
    return fail(Code::unavailable, "cannot write {}: it is {}", path,
                std::filesystem::is_directory(status) ? "a directory" : "not a regular file");
  return calibration::AtomicFile::create(path).status();  // destroyed without commit: nothing stays
}

Status check_product_writable(const std::string& reference) {
  const auto ends = [](const std::string& text, const char* ending) { return std::filesystem::path(text).extension() == ending; };
  const std::size_t split = reference.rfind(":/");
  const std::string path = reference.substr(0, split);
  const bool hdf5 = ends(path, ".h5") || ends(path, ".hdf5");
  if (!hdf5 && !ends(reference, ".npy") && !ends(reference, ".mtx"))
    return fail(Code::invalid_argument, "cannot write {}: expected a name that ends in .npy, .mtx or .h5[:/dataset]", reference);
  return check_writable(hdf5 ? path : reference);
}

Status TextTarget::check() const { return !wanted() || takes_stdout() ? Status() : check_writable(path_); }

Status TextTarget::prepare(std::string text) {
  if (!wanted()) return {};
  text_ = std::move(text);
  if (takes_stdout()) return {};
  SEDMA_ASSIGN_OR_RETURN(file_, calibration::AtomicFile::create(path_));
  return file_.write(text_);
}

Status TextTarget::commit() {
  if (!wanted()) return {};
  return takes_stdout() ? print(text_) : file_.commit();
}

Status JsonTarget::prepare(const Json& json) { return wanted() ? TextTarget::prepare(to_text(json)) : Status(); }

std::string to_text(const Json& json) { return json.dump(2, ' ', false, Json::error_handler_t::replace) + '\n'; }

Status print(const std::string& text) {
  errno = 0;
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0) return {};
  return fail(Code::unavailable, "cannot write to stdout: {}", std::generic_category().message(errno));
}

}  // namespace sedma::cli
