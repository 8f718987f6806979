#include "runtime/row_pattern.h"

#include <algorithm>
#include <bit>
#include <numeric>
#include <utility>

#include "hal/status.h"

namespace sedma::runtime {

RowPattern::RowPattern(std::uint32_t cols) : all_(cols) { std::iota(all_.begin(), all_.end(), 0u); }

void RowPattern::add_row(std::span<const std::uint32_t> columns) {
  if (columns.size() == all_.size()) {
    slots_.push_back(full_row);
    return;
  }
  const std::size_t begin = words_.size();
  slots_.push_back(static_cast<std::uint32_t>(begin / words_per_row()));
  words_.resize(begin + words_per_row(), 0);
  for (const std::uint32_t col : columns) words_[begin + col / 64] |= std::uint64_t{1} << (col % 64);
}

void RowPattern::append(const RowPattern& next) {
  SEDMA_CHECK(next.all_.size() == all_.size(), next.all_.size(), all_.size());
  const auto used = static_cast<std::uint32_t>(words_.size() / std::max<std::size_t>(1, words_per_row()));
  for (const std::uint32_t slot : next.slots_) slots_.push_back(slot == full_row ? full_row : used + slot);
  words_.insert(words_.end(), next.words_.begin(), next.words_.end());
}

std::span<const std::uint32_t> RowPattern::columns(std::size_t row, std::vector<std::uint32_t>& scratch) const {
  if (slots_[row] == full_row) return all_;
  scratch.clear();
  const std::size_t begin = slots_[row] * words_per_row();
  for (std::size_t w = 0; w < words_per_row(); ++w)
    for (std::uint64_t word = words_[begin + w]; word != 0; word &= word - 1)
      scratch.push_back(static_cast<std::uint32_t>(64 * w) + static_cast<std::uint32_t>(std::countr_zero(word)));
  return scratch;
}

std::uint64_t RowPattern::count() const noexcept {
  std::uint64_t found = 0;
  for (const std::uint32_t slot : slots_) found += slot == full_row ? all_.size() : 0;
  for (const std::uint64_t word : words_) found += static_cast<std::uint64_t>(std::popcount(word));
  return found;
}

std::uint64_t RowPattern::bytes() const noexcept {
  return 4 * std::uint64_t{all_.size()} + 4 * std::uint64_t{slots_.size()} + 8 * std::uint64_t{words_.size()};
}

bool RowPattern::assign(std::uint32_t cols, std::vector<std::uint32_t> slots, std::vector<std::uint64_t> words) {
  *this = RowPattern(cols);
  std::uint32_t partial = 0;
  for (const std::uint32_t slot : slots)
    if (slot != full_row && slot != partial++) return false;
  if (words.size() != partial * words_per_row()) return false;
  if (const std::uint32_t last = cols % 64; last != 0)
    for (std::size_t w = words_per_row(); w <= words.size(); w += words_per_row())
      if ((words[w - 1] >> last) != 0) return false;
  slots_ = std::move(slots);
  words_ = std::move(words);
  return true;
}

}  // namespace sedma::runtime
