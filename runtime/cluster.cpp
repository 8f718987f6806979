#include "runtime/cluster.h"

#include <fmt/format.h>

#include <numeric>
#include <string_view>
#include <utility>

#include "hal/version.h"
#include "kernels/random.h"
#include "runtime/comm/hello.h"
#include "runtime/comm/mpi_transport.h"
#include "runtime/process.h"

namespace sedma::runtime {

struct Cluster::Impl {
  MPI_Comm comm = MPI_COMM_NULL;
  LocalRank local;
  ClusterOptions options;
  std::vector<RankFacts> ranks;
  std::string isa;
  std::unique_ptr<MpiTransport> transport;
  bool closed = false;
};

namespace {

// A rank that cannot take part says why; all ranks learn it.
Status local_status(const LocalRank& local, const ClusterOptions& options) {
  int provided = MPI_THREAD_SINGLE;
  MPI_Query_thread(&provided);
  if (provided < MPI_THREAD_SERIALIZED)
    return fail(Code::unsupported, "MPI was initialised with thread level {}; a cluster needs MPI_THREAD_SERIALIZED ({})", provided,
                static_cast<int>(MPI_THREAD_SERIALIZED));
  if (!local.status.ok()) return local.status;
  if (local.device == nullptr) return fail(Code::invalid_argument, "a rank needs a device");
  if (!(options.dead_after_seconds >= 0.1 && options.dead_after_seconds <= 3600))
    return fail(Code::invalid_argument, "dead_after_seconds = {} is not in [0.1, 3600]", options.dead_after_seconds);
  return {};
}

Hello hello_of(const LocalRank& local, const ClusterOptions& options) {
  Hello hello;
  hello.status = local_status(local, options);
  hello.version = fmt::format("{} ({})", version(), commit());
  hello.dead_after_seconds = options.dead_after_seconds;
  hello.facts.host = host_name();
  hello.facts.uri = local.uri;
  if (local.device != nullptr) hello.facts.capabilities = local.device->capabilities();
  hello.facts.mask = local.mask;
  if (local.matrix != nullptr) hello.facts.content = local.matrix->content();
  hello.facts.isa = kernels::isa_name();
  // Best first; those better than the one in use were ruled out by whoever chose it.
  bool may = false;
  for (const std::string_view isa : kernels::supported_isas()) {
    may |= isa == hello.facts.isa;
    if (may) hello.isas.emplace_back(isa);
  }
  return hello;
}

struct Agreed {
  std::vector<RankFacts> ranks;
  std::string isa;
};

// The same on every rank: a function of what all have told.
Result<Agreed> agree(const std::vector<std::string>& texts) {
  std::vector<Hello> hellos;
  for (const std::string& text : texts) {
    SEDMA_ASSIGN_OR_RETURN(Hello hello, read_hello(text));
    hellos.push_back(std::move(hello));
  }
  SEDMA_RETURN_IF_ERROR(check_hellos(hellos));
  Agreed agreed;
  SEDMA_ASSIGN_OR_RETURN(agreed.isa, common_isa(hellos));
  for (Hello& hello : hellos) agreed.ranks.push_back(std::move(hello.facts));
  return agreed;
}

}  // namespace

Result<Cluster> Cluster::open(MPI_Comm comm, const LocalRank& local, const ClusterOptions& options) {
  int initialised = 0;
  MPI_Initialized(&initialised);
  if (initialised == 0) return fail(Code::invalid_argument, "a cluster needs MPI to be initialised");
  SEDMA_ASSIGN_OR_RETURN(Agreed agreed, agree(share(comm, write_hello(hello_of(local, options)))));
  SEDMA_RETURN_IF_ERROR(kernels::use_isa(agreed.isa));

  auto impl = std::make_unique<Impl>();
  if (MPI_Comm_dup(comm, &impl->comm) != MPI_SUCCESS) return fail(Code::internal, "MPI cannot duplicate the communicator");
  MPI_Comm_set_errhandler(impl->comm, MPI_ERRORS_RETURN);
  impl->local = local;
  impl->options = options;
  impl->ranks = std::move(agreed.ranks);
  impl->isa = std::move(agreed.isa);
  ExchangeOptions exchange{options.dead_after_seconds, {}, options.log, options.stop_asked};
  for (const RankFacts& facts : impl->ranks) exchange.hosts.push_back(facts.host);
  int rank = 0, size = 1;
  MPI_Comm_rank(impl->comm, &rank);
  MPI_Comm_size(impl->comm, &size);
  MPI_Barrier(impl->comm);  // from here on silence counts
  impl->transport = std::make_unique<MpiTransport>(impl->comm, rank, size, std::move(exchange));
  return Cluster(std::move(impl));
}

Cluster::Cluster(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Cluster::Cluster(Cluster&&) noexcept = default;

Cluster& Cluster::operator=(Cluster&& other) noexcept {
  std::swap(impl_, other.impl_);
  return *this;
}

Cluster::~Cluster() {
  if (impl_) close(Status(Code::internal, "the cluster was left without a verdict"));
}

int Cluster::rank() const noexcept { return impl_->transport->rank(); }
int Cluster::size() const noexcept { return impl_->transport->size(); }
const std::vector<RankFacts>& Cluster::ranks() const noexcept { return impl_->ranks; }
const std::string& Cluster::isa() const noexcept { return impl_->isa; }
Job Cluster::job() noexcept { return {*impl_->transport, impl_->ranks, impl_->local, impl_->options}; }

void Cluster::close(const Status& verdict) {
  if (std::exchange(impl_->closed, true)) return;
  impl_->transport->close(verdict);
  if (impl_->transport->complete()) MPI_Comm_free(&impl_->comm);
}

bool Cluster::intact() const { return impl_->closed ? impl_->transport->complete() : !impl_->transport->anybody_lost(); }

std::vector<std::string> share(MPI_Comm comm, const std::string& mine) {
  int size = 1;
  MPI_Comm_size(comm, &size);
  const auto count = static_cast<std::size_t>(size);
  const int length = static_cast<int>(mine.size());
  std::vector<int> lengths(count), starts(count);
  MPI_Allgather(&length, 1, MPI_INT, lengths.data(), 1, MPI_INT, comm);
  std::exclusive_scan(lengths.begin(), lengths.end(), starts.begin(), 0);
  std::string all(static_cast<std::size_t>(starts.back() + lengths.back()), '\0');
  MPI_Allgatherv(mine.data(), length, MPI_CHAR, all.data(), lengths.data(), starts.data(), MPI_CHAR, comm);
  std::vector<std::string> texts;
  for (std::size_t k = 0; k < count; ++k)
    texts.push_back(all.substr(static_cast<std::size_t>(starts[k]), static_cast<std::size_t>(lengths[k])));
  return texts;
}

}  // namespace sedma::runtime
