// The tuner as a tuned run asks it.

#include "runtime/memory/chooser.h"

namespace sedma::runtime {
namespace {

class TunerChooser final : public Chooser {
 public:
  explicit TunerChooser(Tuner& tuner) : tuner_(tuner) {}
  void begin_run() override { tuner_.begin_run(); }
  Result<Proposal> propose(const Context& context, const Goal& goal) override { return tuner_.propose(context, goal); }
  void observe(const Context& context, const TunedChoice& choice, const Outcome& outcome) override {
    tuner_.observe(context, choice, outcome);
  }
  bool notice(const Moment& moment) override { return tuner_.notice(moment); }

 private:
  Tuner& tuner_;
};

}  // namespace

Result<TunedReport> run_tuned(const TunedRequest& request, Tuner& tuner) {
  TunerChooser chooser(tuner);
  return run_chosen(request, chooser);
}

}  // namespace sedma::runtime
