#include "methods/contrastive/clean_pairs.h"

#include <algorithm>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include "base/rng.h"
#include "nn/known_noise_mixture.h"
#include "nn/mixture.h"

namespace warifu {
namespace {

constexpr std::int64_t kRowsAtOnce = 256;
constexpr std::int64_t kFewestHeldOut = 50;
// A loss is small that one in 20 of the exchanged pairs falls below. Of right pairs 1.4 deviations away
// 40 % do, of a set with 60 % wrong and the others well apart about the same; of right pairs 1 away, 26 %.
constexpr std::int64_t kSmallOneIn = 20;
constexpr double kSmallShare = 0.25;
constexpr double kOutlierShare = 0.01;  // of losses at either end that do not stretch the scale of the mixture

// log of the sum over all keys of exp(similarity / temperature), for each query.
torch::Tensor log_sums(const torch::Tensor& queries, const torch::Tensor& keys, double temperature) {
  std::vector<torch::Tensor> parts;
  for (const auto& rows : queries.split(kRowsAtOnce))
    parts.push_back(torch::logsumexp(rows.mm(keys.t()) / temperature, 1));
  return torch::cat(parts);
}

// Another item for each.
torch::Tensor exchanged_partners(std::int64_t pairs, Rng& rng) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(pairs));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  shuffle(std::span(order), rng);
  std::vector<std::int64_t> partners(order.size());
  for (std::size_t i = 0; i < order.size(); ++i)
    partners[static_cast<std::size_t>(order[i])] = order[(i + 1) % order.size()];
  return torch::tensor(partners, torch::kInt64);
}

std::vector<double> as_doubles(const torch::Tensor& values) {
  const auto doubles = values.to(torch::kFloat64).contiguous();
  return {doubles.data_ptr<double>(), doubles.data_ptr<double>() + doubles.numel()};
}

// Whether own pairs have small losses far more often than exchanged ones: a model that cannot tell right
// pairs from exchanged ones takes all for wrong.
bool stand_out(const torch::Tensor& own, const torch::Tensor& exchanged) {
  const auto small = exchanged.kthvalue(std::max<std::int64_t>(exchanged.size(0) / kSmallOneIn, 1));
  return own.lt(std::get<0>(small)).to(torch::kFloat64).mean().item<double>() > kSmallShare;
}

torch::Tensor as_floats(const std::vector<double>& values) {
  return torch::tensor(values, torch::kFloat64).to(torch::kFloat32);
}

}  // namespace

PairLosses pair_losses(const torch::Tensor& image, const torch::Tensor& text, double temperature, std::int64_t keys) {
  const std::int64_t pairs = image.size(0);
  TORCH_CHECK(image.sizes() == text.sizes() && pairs > 1 && temperature > 0 && keys > 0, "pairs ", image.sizes(),
              " and ", text.sizes(), ", temperature ", temperature, ", keys ", keys);
  const torch::NoGradGuard no_grad;
  const std::int64_t stride = (pairs + keys - 1) / keys;
  const auto items = torch::arange(pairs, torch::kInt64);
  const auto chosen = torch::arange(0, pairs, stride, torch::kInt64);
  const auto of_image = log_sums(image, text.index_select(0, chosen), temperature);
  const auto of_text = log_sums(text, image.index_select(0, chosen), temperature);
  // Picture i with the text of item partners[i], which is among the keys once: already, or by being added.
  const auto losses_with = [&](const torch::Tensor& partners) {
    const auto match = (image * text.index_select(0, partners)).sum(1) / temperature;
    const auto choice = [&](const torch::Tensor& log_sum, const torch::Tensor& own_key) {
      return torch::where(own_key.remainder(stride).eq(0), log_sum, torch::logaddexp(log_sum, match));
    };
    return (choice(of_image, partners) + choice(of_text.index_select(0, partners), items)) / 2 - match;
  };
  PairLosses losses{.own = losses_with(items), .exchanged = {}};
  Rng rng(static_cast<std::uint64_t>(pairs));
  std::vector<torch::Tensor> exchanged;
  for (std::int64_t k = 0; k < kExchanges; ++k) exchanged.push_back(losses_with(exchanged_partners(pairs, rng)));
  losses.exchanged = torch::cat(exchanged);
  return losses;
}

CleanPairs::CleanPairs(std::int64_t pairs, torch::Tensor held_out)
    : held_out_(std::move(held_out)),
      losses_{torch::zeros({pairs}), torch::zeros({pairs * kExchanges})},
      looks_(torch::zeros({1}, torch::kInt64)),
      probability_(torch::ones({pairs})) {
  if (held_out_.size(0) < kFewestHeldOut) held_out_ = torch::arange(pairs, torch::kInt64);
  auto learnt = torch::ones({pairs}, torch::kBool);
  learnt.index_fill_(0, held_out_, false);
  learnt_ = learnt.nonzero().squeeze(1);
}

void CleanPairs::observe(const PairLosses& losses, double momentum) {
  TORCH_CHECK(losses.own.sizes() == losses_.own.sizes() && losses.exchanged.sizes() == losses_.exchanged.sizes(),
              "losses ", losses.own.sizes(), " of ", losses_.own.size(0), " pairs");
  const double kept = observed() ? momentum : 0;
  losses_.own.mul_(kept).add_(losses.own, 1 - kept);
  losses_.exchanged.mul_(kept).add_(losses.exchanged, 1 - kept);
  looks_.add_(1);
  const auto exchanged = losses_.exchanged.view({kExchanges, -1}).index_select(1, held_out_).reshape({-1});
  const auto own = losses_.own.index_select(0, held_out_);
  if (!stand_out(own, exchanged)) {
    probability_.fill_(1);
    return;
  }
  const auto known = fit_known_noise_mixture(as_doubles(own), as_doubles(exchanged));
  TORCH_CHECK(known.has_value(), "losses of pairs: ", known.error().message);
  probability_.index_copy_(0, held_out_, as_floats(known->clean));
  const auto mixture = fit_gaussian_mixture(as_doubles(losses_.own.index_select(0, learnt_)),
                                            {.outlier_share = kOutlierShare, .noisy_share = known->noise_share});
  TORCH_CHECK(mixture.has_value(), "losses of pairs: ", mixture.error().message);
  probability_.index_copy_(0, learnt_, as_floats(mixture->clean));
}

NamedTensors CleanPairs::state() const {
  return {{"own", losses_.own.clone()},
          {"exchanged", losses_.exchanged.clone()},
          {"looks", looks_.clone()},
          {"probability", probability_.clone()}};
}

void CleanPairs::restore(const NamedTensors& state) {
  losses_.own.copy_(state.at("own"));
  losses_.exchanged.copy_(state.at("exchanged"));
  looks_.copy_(state.at("looks"));
  probability_ = state.at("probability").clone();
}

}  // namespace warifu
