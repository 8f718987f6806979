#include "runtime/mpi_environment.h"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <thread>
#include <utility>

namespace sedma::runtime {
namespace {

std::optional<int> variable(const char* name) noexcept {
  const char* text = std::getenv(name);
  if (text == nullptr) return {};
  const std::string_view digits = text;
  int value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc{} || end != digits.data() + digits.size() || value < 0) return {};
  return value;
}

constexpr std::chrono::seconds abort_wait{5};

}  // namespace

std::optional<Launched> launched() noexcept {
  const auto rank = variable("OMPI_COMM_WORLD_RANK"), size = variable("OMPI_COMM_WORLD_SIZE");
  if (!rank || !size || *rank >= *size) return {};
  return Launched{*rank, *size, variable("OMPI_COMM_WORLD_LOCAL_RANK").value_or(0)};
}

Result<MpiEnvironment> MpiEnvironment::start() {
  ::signal(SIGPIPE, SIG_IGN);
  int provided = MPI_THREAD_SINGLE;
  if (MPI_Init_thread(nullptr, nullptr, MPI_THREAD_SERIALIZED, &provided) != MPI_SUCCESS)
    return fail(Code::internal, "MPI cannot be initialised");
  if (provided < MPI_THREAD_SERIALIZED) {
    MPI_Finalize();
    return fail(Code::unsupported, "this MPI library offers thread level {}; SEDMA needs MPI_THREAD_SERIALIZED ({})", provided,
                static_cast<int>(MPI_THREAD_SERIALIZED));
  }
  return MpiEnvironment();
}

MpiEnvironment::MpiEnvironment(MpiEnvironment&& other) noexcept : active_(std::exchange(other.active_, false)) {}

MpiEnvironment::~MpiEnvironment() {
  if (active_) MPI_Finalize();
}

void MpiEnvironment::finish(bool intact, int exit_code) {
  active_ = false;
  if (intact) {
    MPI_Finalize();
    return;
  }
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  std::fflush(nullptr);
  if (rank == 0) MPI_Abort(MPI_COMM_WORLD, exit_code);
  // mpirun takes a process that ends by itself for a failure: the abort should come first.
  if (exit_code == 0) std::this_thread::sleep_for(abort_wait);
  ::_exit(exit_code);
}

}  // namespace sedma::runtime
