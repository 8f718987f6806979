#pragma once
// What a tuned run asks of its tuner. Internal: tests script one.

#include "runtime/memory/tuned_run.h"

namespace sedma::runtime {

/// As the functions of Tuner of the same names.
class Chooser {
 public:
  virtual ~Chooser() = default;
  virtual void begin_run() = 0;
  virtual Result<Proposal> propose(const Context& context, const Goal& goal) = 0;
  virtual void observe(const Context& context, const TunedChoice& choice, const Outcome& outcome) = 0;
  virtual bool notice(const Moment& moment) = 0;
};

/// run_tuned() with any chooser.
Result<TunedReport> run_chosen(const TunedRequest& request, Chooser& chooser);

}  // namespace sedma::runtime
