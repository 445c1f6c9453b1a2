#include "nn/residual_mlp.h"

namespace warifu {

ResidualMlpBlockImpl::ResidualMlpBlockImpl(std::int64_t width, std::int64_t hidden, double dropout)
    : norm_(register_module("norm", torch::nn::LayerNorm(torch::nn::LayerNormOptions({width})))),
      expand_(register_module("expand", torch::nn::Linear(width, hidden))),
      contract_(register_module("contract", torch::nn::Linear(hidden, width))),
      dropout_(register_module("dropout", torch::nn::Dropout(dropout))) {}

torch::Tensor ResidualMlpBlockImpl::forward(const torch::Tensor& rows) {
  return rows + contract_(dropout_(torch::gelu(expand_(norm_(rows)))));
}

ResidualMlpImpl::ResidualMlpImpl(std::int64_t width, std::int64_t hidden, std::int64_t blocks, double dropout)
    : blocks_(register_module("blocks", torch::nn::ModuleList())) {
  TORCH_CHECK(width >= 1 && hidden >= 1 && blocks >= 0 && dropout >= 0 && dropout < 1, "width ", width, ", hidden ",
              hidden, ", blocks ", blocks, ", dropout ", dropout);
  for (std::int64_t i = 0; i < blocks; ++i) blocks_->push_back(ResidualMlpBlock(width, hidden, dropout));
}

torch::Tensor ResidualMlpImpl::forward(torch::Tensor rows) {
  for (const auto& block : *blocks_) rows = block->as<ResidualMlpBlock>()->forward(rows);
  return rows;
}

}  // namespace warifu
