// The error budget: on boards whose sources of error are known exactly, and on the emulator.
#include "runtime/budget.h"

#include <cmath>

#include "kernels/correct.h"
#include "kernels/random.h"
#include "tests/runtime/support.h"

namespace sedma::test {
namespace {

using runtime::Budget;
using runtime::BudgetOptions;
using runtime::BudgetPart;

class DoneAlready : public hal::Operation {
 public:
  explicit DoneAlready(Result<hal::Completion> result) : result_(std::move(result)) {}
  bool done() const noexcept override { return true; }
  bool wait_until(hal::Clock::time_point) override { return true; }
  Result<hal::Completion> take() override { return result_; }

 private:
  Result<hal::Completion> result_;
};

/// What a source adds to every current, in full scales of its output: noise of its own and a constant.
struct Disturbance {
  double sd = 0, shift = 0;
};

/// An ideal board whose currents are disturbed by independent sources.
class DisturbedBoard : public hal::Device {
 public:
  DisturbedBoard(std::unique_ptr<hal::Device> inner, std::vector<Disturbance> sources, std::uint32_t stream)
      : Device(inner->capabilities(), {}), inner_(std::move(inner)), sources_(std::move(sources)), stream_(stream) {}
  void cancel() override { inner_->cancel(); }

 private:
  Result<std::unique_ptr<hal::Operation>> do_submit(const hal::Command& command, hal::Clock::time_point) override {
    auto completion = inner_->run(command);
    if (const auto* mvm = std::get_if<hal::Mvm>(&command); mvm != nullptr && completion.ok()) disturb(*mvm);
    return std::unique_ptr<hal::Operation>(std::make_unique<DoneAlready>(std::move(completion)));
  }
  void disturb(const hal::Mvm& mvm) const {
    for (std::size_t k = 0; k < sources_.size(); ++k)
      for (std::size_t b = 0; b < mvm.amps.rows; ++b) {
        std::vector<float> normals(mvm.amps.cols);
        kernels::fill_normals({k}, kernels::Use::test, (std::uint64_t{stream_} << 32) | (mvm.vector + b), 0, normals);
        for (std::size_t i = 0; i < mvm.amps.cols; ++i)
          mvm.amps(b, i) +=
              mvm.full_scale_amps[i] * static_cast<float>(sources_[k].sd * static_cast<double>(normals[i]) + sources_[k].shift);
      }
  }

  std::unique_ptr<hal::Device> inner_;
  std::vector<Disturbance> sources_;
  std::uint32_t stream_;
};

constexpr const char* ideal = "emulator:EpiRAM?ideal_writing=on&adc_bits=0&dac_bits=0&lanes=inline&arrays=4&rows=64&cols=128";

/// Boards with those disturbances, each source off where it is asked.
runtime::OpenBoard disturbed(std::vector<Disturbance> sources) {
  return [sources](std::uint32_t stream, std::span<const std::size_t> off) -> Result<std::shared_ptr<hal::Device>> {
    std::vector<Disturbance> left = sources;
    for (const std::size_t k : off) left[k] = {};
    return std::shared_ptr<hal::Device>(std::make_shared<DisturbedBoard>(open_device(ideal), left, stream));
  };
}

/// Emulators with `always`, and one more option for every source that is on.
runtime::OpenBoard emulated(const std::string& always, const std::vector<std::string>& on, const std::vector<std::string>& off_options) {
  return [=](std::uint32_t stream, std::span<const std::size_t> off) -> Result<std::shared_ptr<hal::Device>> {
    std::vector<std::string> options = on;
    for (const std::size_t k : off) options[k] = off_options[k];
    std::string uri = always + "&seed=" + std::to_string(stream + 1);
    for (const std::string& option : options) uri += "&" + option;
    return std::shared_ptr<hal::Device>(open_device(uri));
  };
}

Budget budget_of(const runtime::OpenBoard& open, const std::vector<std::string>& sources, const runtime::Matrix& matrix,
                 const runtime::SessionOptions& session = {}, std::size_t batch = 8, const BudgetOptions& options = {}) {
  auto budget = runtime::error_budget(open, sources, matrix, session, runtime::random_inputs(1, batch, matrix.cols()), batch, options);
  EXPECT_TRUE(budget.ok()) << budget.status().to_string();
  return budget.ok() ? std::move(budget).value() : Budget{};
}

double sum_of_parts(const Budget& budget) {
  double sum = budget.encoding.squared;
  for (const BudgetPart& part : budget.sources) sum += part.squared;
  return sum;
}

TEST(Student, QuantilesAreThoseOfTheTables) {
  EXPECT_NEAR(runtime::student_quantile(0.95, 1), 12.7062047, 1e-6);
  EXPECT_NEAR(runtime::student_quantile(0.95, 2), 4.3026527, 1e-6);
  EXPECT_NEAR(runtime::student_quantile(0.95, 3), 3.1824463, 1e-6);
  EXPECT_NEAR(runtime::student_quantile(0.95, 4), 2.7764451, 1e-6);
  EXPECT_NEAR(runtime::student_quantile(0.99, 10), 3.1692727, 1e-6);
  EXPECT_NEAR(runtime::student_quantile(0.95, 31), 2.0395134, 1e-6);
  EXPECT_NEAR(runtime::student_quantile(0.95, 9999), 1.9602012, 1e-6);
}

TEST(Budget, IndependentZeroMeanSourcesAddUp) {
  const runtime::Matrix matrix = random_matrix(60, 50, 1, 3);
  const Budget budget = budget_of(disturbed({{0.01, 0}, {0.005, 0}}), {"a", "b"}, matrix);
  EXPECT_NEAR(sum_of_parts(budget) / budget.total.squared, 1, 0.05);
  EXPECT_LT(budget.interaction.low, 0);
  EXPECT_GT(budget.interaction.high, 0);
  EXPECT_NEAR(budget.sources[0].squared / budget.sources[1].squared, 4, 0.4) << "variances, in the ratio of sd^2";
  const double alone = budget_of(disturbed({{0.01, 0}}), {"a"}, matrix).total.squared;
  EXPECT_NEAR(budget.sources[0].squared / alone, 1, 0.05);
  for (const BudgetPart& part : budget.sources) {
    // |mean error|^2 alone would be 1/32 of it; the estimate's own sd is sqrt(2/480)/32.
    EXPECT_NEAR(part.variance / budget.total.squared, part.squared / budget.total.squared, 0.01) << part.name;
    EXPECT_NEAR(part.bias / budget.total.squared, 0, 0.01) << part.name;
    EXPECT_LT(part.low, part.squared);
    EXPECT_GT(part.high, part.squared);
  }
  EXPECT_LT(budget.encoding.squared, 1e-10) << "floats";
  EXPECT_EQ(budget.streams, 32u);
  EXPECT_EQ(budget.products, 4u * 32u);
}

// Constants c and -c/2, in units of c^2: together 1/4, without a 1/4, without b 1.
TEST(Budget, ErrorsThatCancelGiveANegativePartAndAnInteraction) {
  const runtime::Matrix matrix = random_matrix(60, 50, 1, 3);
  const double unit = budget_of(disturbed({{0, 0.01}}), {"a"}, matrix).total.squared;
  const Budget budget = budget_of(disturbed({{0, 0.01}, {0, -0.005}}), {"a", "b"}, matrix, {}, 8, {4, {}});
  EXPECT_NEAR(budget.total.squared / unit, 0.25, 1e-3);
  EXPECT_NEAR(budget.sources[0].squared / unit, 0, 1e-3);
  EXPECT_NEAR(budget.sources[1].squared / unit, -0.75, 1e-3);
  EXPECT_NEAR(budget.interaction.squared / unit, 1, 1e-3);
  EXPECT_NEAR(budget.sources[1].share, -3, 0.01);
  EXPECT_NEAR(budget.sources[1].bias / budget.sources[1].squared, 1, 1e-6);
}

// Both at once: the bias is found under noise ten times its size.
TEST(Budget, TellsBiasFromVariance) {
  const runtime::Matrix matrix = random_matrix(60, 50, 1, 3);
  const double shift = budget_of(disturbed({{0, 0.002}}), {"a"}, matrix).total.squared;
  const double noise = budget_of(disturbed({{0.006, 0}}), {"a"}, matrix).total.squared;
  const Budget budget = budget_of(disturbed({{0.006, 0.002}}), {"a"}, matrix, {}, 8, {128, {}});
  EXPECT_NEAR(budget.sources[0].bias / shift, 1, 0.1);
  EXPECT_NEAR(budget.sources[0].variance / noise, 1, 0.03);
  EXPECT_NEAR(budget.sources[0].bias + budget.sources[0].variance, budget.sources[0].squared, 1e-12 * budget.sources[0].squared);
}

TEST(Budget, ReadNoiseAndConvertersAddUp) {
  const runtime::Matrix matrix = random_matrix(64, 64, 1, 5);
  const auto open = emulated("emulator:TaOx-HfOx?ideal_writing=on&dac_bits=0&lanes=inline", {"read_noise=0.02", "adc_bits=8"},
                             {"read_noise=0", "adc_bits=0"});
  const Budget budget = budget_of(open, {"read noise", "ADC"}, matrix, {}, 16);
  EXPECT_NEAR(sum_of_parts(budget) / budget.total.squared, 1, 0.05);
  EXPECT_LE(budget.interaction.low, 0);
  EXPECT_GE(budget.interaction.high, 0);
  for (const BudgetPart& part : budget.sources) EXPECT_GT(part.low, 0) << part.name << " is seen";
}

TEST(Budget, ADeterministicSourceIsBias) {
  const auto open = emulated("emulator:TaOx-HfOx?ideal_writing=on&adc_bits=0&lanes=inline", {"dac_bits=6"}, {"dac_bits=0"});
  const Budget budget = budget_of(open, {"DAC"}, random_matrix(40, 50, 0.3, 2));
  const BudgetPart& dac = budget.sources[0];
  EXPECT_GT(dac.squared, 1e-5);
  EXPECT_NEAR(dac.bias / dac.squared, 1, 1e-9);
  EXPECT_NEAR(dac.variance / dac.squared, 0, 1e-9);
  EXPECT_NEAR((dac.high - dac.low) / dac.squared, 0, 1e-9);
  EXPECT_NEAR(dac.share, 1, 1e-6);
  EXPECT_EQ(budget.products, 2u * 32u) << "without the one source is without any";
  EXPECT_EQ(budget.interaction.squared, 0);
}

TEST(Budget, WithoutSourcesOnlyTheEncodingIsLeft) {
  const runtime::Matrix matrix = random_matrix(40, 50, 0.3, 2);
  const Budget rounding = budget_of(disturbed({}), {}, matrix);
  EXPECT_TRUE(rounding.sources.empty());
  EXPECT_EQ(rounding.encoding.squared, rounding.total.squared);
  EXPECT_EQ(rounding.interaction.squared, 0);
  EXPECT_LT(rounding.total.squared, 1e-10);
  // What smoothing takes away from a rough product.
  runtime::SessionOptions session;
  session.lambda.value = 0.5;
  const auto x = runtime::random_inputs(1, 8, matrix.cols());
  const auto exact = reference(matrix, x, 8);
  auto smooth = exact;
  std::vector<double> scratch(matrix.rows());
  for (std::size_t b = 0; b < 8; ++b) kernels::denoise(std::span(smooth).subspan(b * 40, 40), session.lambda.value, scratch);
  const double taken = std::pow(runtime::compare(smooth, exact).relative_l2, 2);
  const Budget smoothed = budget_of(disturbed({{0.01, 0}, {0.01, 0}}), {"a", "b"}, matrix, session);
  EXPECT_NEAR(smoothed.encoding.squared / taken, 1, 1e-4);
}

// Turns, slices and the products correction are the session's: E^2 is that of single runs with the same seeds.
TEST(Budget, TheTotalIsTheMeanOfSingleRuns) {
  const runtime::Matrix matrix = random_matrix(40, 40, 0.5, 7);
  const std::string board = "emulator:AlOx-HfO2?rows=32&cols=32&read_noise=0.01&lanes=inline";
  runtime::SessionOptions slices, products;
  slices.choice.slices = 1;
  products.products = true;
  const std::pair<std::string, runtime::SessionOptions> cases[] = {
      {board + "&arrays=2", {}}, {board + "&arrays=16", slices}, {"emulator:AlOx-HfO2?arrays=4&lanes=inline", products}};
  for (const auto& [uri, session] : cases) {
    const Budget budget = budget_of(emulated(uri, {"adc_bits=8"}, {"adc_bits=0"}), {"ADC"}, matrix, session, 2, {3, {}});
    double mean = 0, squares = 0;
    for (const char* seed : {"1", "2", "3"}) {
      const test::Run single = test::run(*open_device(uri + "&adc_bits=8&seed=" + seed), matrix, session, 2);
      const double squared = std::pow(single.error.relative_l2, 2);
      mean += squared / 3;
      squares += squared * squared;
    }
    EXPECT_NEAR(budget.total.squared / mean, 1, 1e-9) << uri;
    const double half = 4.3026527 * std::sqrt((squares - 3 * mean * mean) / 2 / 3);  // t of two degrees, sd / sqrt(3)
    EXPECT_NEAR((budget.total.high - budget.total.low) / (2 * half), 1, 1e-4) << uri;
    EXPECT_NEAR(budget.total.high + budget.total.low, 2 * budget.total.squared, 1e-12 * mean) << uri;
  }
}

TEST(Budget, SameStreamsGiveTheSameBits) {
  const runtime::Matrix matrix = random_matrix(30, 30, 0.5, 7);
  const auto once = [&](const std::string& more) {
    return budget_of(emulated("emulator:EpiRAM?read_noise=0.02" + more, {"adc_bits=8", "dac_bits=8"}, {"adc_bits=0", "dac_bits=0"}),
                     {"ADC", "DAC"}, matrix, {}, 2, {4, {}});
  };
  const Budget a = once("&lanes=inline"), b = once("&lanes=threads");
  for (const auto& [p, q] : {std::pair(a.total, b.total),
                             {a.sources[0], b.sources[0]},
                             {a.sources[1], b.sources[1]},
                             {a.interaction, b.interaction},
                             {a.encoding, b.encoding}}) {
    EXPECT_EQ(p.squared, q.squared) << p.name;
    EXPECT_EQ(p.low, q.low) << p.name;
    EXPECT_EQ(p.bias, q.bias) << p.name;
  }
  EXPECT_NE(a.total.squared, once("&d2d=0.01").total.squared);
}

TEST(Budget, RefusesWhatHasNoMeaning) {
  const runtime::Matrix matrix = random_matrix(20, 30, 0.5, 1);
  const auto refused = [&](const runtime::OpenBoard& open, const std::vector<double>& x, std::size_t batch, const BudgetOptions& options) {
    return runtime::error_budget(open, {"a", "b"}, matrix, {}, x, batch, options).status();
  };
  const auto open = disturbed({{0.1, 0}, {0.1, 0}});
  const auto x = runtime::random_inputs(1, 1, 30);
  EXPECT_EQ(refused(open, x, 1, {1, {}}).code(), Code::invalid_argument);
  EXPECT_EQ(refused(open, x, 1, {10001, {}}).message(), "an error budget over 10001 streams; 2 to 10000 are possible");
  EXPECT_EQ(refused(open, x, 2, {}).code(), Code::invalid_argument);
  EXPECT_EQ(refused(open, std::vector<double>(30, 0.0), 1, {}).message(), "A x is zero; an error budget takes parts of a relative error");
  std::vector<std::pair<std::uint64_t, std::uint64_t>> told;
  const Status stopped = refused(open, x, 1, {2, [&](std::uint64_t done, std::uint64_t total) {
                                                told.emplace_back(done, total);
                                                return done < 3;
                                              }});
  EXPECT_EQ(stopped.code(), Code::aborted);
  EXPECT_EQ(told, (std::vector<std::pair<std::uint64_t, std::uint64_t>>{{1, 8}, {2, 8}, {3, 8}}));
  const auto broken = [&](std::uint32_t stream, std::span<const std::size_t> off) -> Result<std::shared_ptr<hal::Device>> {
    if (stream == 1 && off.size() == 2) return Status(Code::unavailable, "no board");
    return open(stream, off);
  };
  const Status failed = refused(broken, x, 1, {});
  EXPECT_EQ(failed.code(), Code::unavailable);
  EXPECT_EQ(failed.message(), "error budget, stream 1, without a, b: no board");
}

}  // namespace
}  // namespace sedma::test
