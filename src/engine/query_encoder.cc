#include "engine/query_encoder.h"

#include <algorithm>
#include <utility>

#include "text/normalize.h"

namespace warifu {

Result<std::string> query_text(std::string_view typed, std::string_view where) {
  auto text = normalize_text(typed);
  if (!text) return with_context(where, text.error());
  if (text->empty()) return fail(ErrorCode::kInvalidArgument, "the query text is empty", "give at least one word");
  return text;
}

namespace {

EncoderInput input_of(const QueryContent& content) {
  EncoderInput input;
  if (content.picture) input.picture = &*content.picture;
  if (content.text) input.text = *content.text;
  return input;
}

CodeMatrix one_row(const CodeMatrix& codes, std::size_t row) {
  CodeMatrix code(1, codes.bits());
  std::ranges::copy(codes.row(row), code.row(0).begin());
  return code;
}

// The answers to queries of one modality, in their order.
Result<std::vector<EncodedQuery>> encode_all(const Encoder& encoder, const CodeSpace& space,
                                             std::span<const QueryContent* const> contents) {
  std::vector<EncoderInput> inputs;
  for (const QueryContent* content : contents) inputs.push_back(input_of(*content));
  const Modality modality = contents.front()->modality();
  const auto codes = encoder.encode(inputs, modality);
  if (!codes) return std::unexpected(codes.error());
  const auto spaces = encoder.spaces();
  const auto position = static_cast<std::size_t>(std::ranges::find(spaces, space) - spaces.begin());
  if (position == spaces.size())
    return fail(ErrorCode::kIncompatible,
                "the model in space '" + space.name + "' is not the one its codes were made with",
                "run 'warifu index --space " + space.name + "'");
  std::vector<EncodedQuery> answers;
  for (std::size_t i = 0; i < contents.size(); ++i) {
    EncodedQuery& answer = answers.emplace_back(EncodedQuery{one_row((*codes)[position], i), {}});
    if (!contents[i]->wants_embedding) continue;
    const auto embedded = encoder.embed({&inputs[i], 1}, modality);
    if (!embedded) return std::unexpected(embedded.error());
    answer.embedding.assign(embedded->row(0).begin(), embedded->row(0).end());
  }
  return answers;
}

Fail nothing_to_encode() {
  return fail(ErrorCode::kInvalidArgument, "nothing to encode", "give a text, a picture, or both");
}

}  // namespace

Result<EncodedQuery> encode_query(const Encoder& encoder, const CodeSpace& space, const QueryContent& content) {
  if (!content.text && !content.picture) return nothing_to_encode();
  const QueryContent* const one = &content;
  auto answers = encode_all(encoder, space, {&one, 1});
  if (!answers) return std::unexpected(answers.error());
  return std::move(answers->front());
}

QueryEncoder::QueryEncoder(std::unique_ptr<Encoder> encoder, CodeSpace space)
    : encoder_(std::move(encoder)), space_(std::move(space)) {
  thread_ = std::thread([this] { run(); });
}

QueryEncoder::~QueryEncoder() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

std::size_t QueryEncoder::waiting() const {
  const std::lock_guard lock(mutex_);
  return jobs_.size();
}

Result<EncodedQuery> QueryEncoder::encode(const QueryContent& content) {
  if (!content.text && !content.picture) return nothing_to_encode();
  Job job{.content = &content};
  std::unique_lock lock(mutex_);
  jobs_.push_back(&job);
  wake_.notify_one();
  answered_.wait(lock, [&] { return job.done; });
  return std::move(job.answer);
}

void QueryEncoder::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [&] { return stop_ || !jobs_.empty(); });
    if (jobs_.empty()) return;
    // The oldest decides the modality; those of others keep their turn.
    const Modality modality = jobs_.front()->content->modality();
    std::vector<Job*> batch;
    std::deque<Job*> later;
    for (Job* job : jobs_)
      if (batch.size() < kLargestBatch && job->content->modality() == modality) {
        batch.push_back(job);
      } else {
        later.push_back(job);
      }
    jobs_ = std::move(later);
    lock.unlock();
    answer(batch);
    lock.lock();
    for (Job* job : batch) job->done = true;
    answered_.notify_all();
  }
}

void QueryEncoder::answer(std::span<Job* const> batch) {
  std::vector<const QueryContent*> contents;
  for (const Job* job : batch) contents.push_back(job->content);
  auto answers = encode_all(*encoder_, space_, contents);
  if (!answers && batch.size() > 1) {
    // One of them is at fault: the others are not to hear of it.
    for (Job* const& job : batch) answer({&job, 1});
    return;
  }
  for (std::size_t i = 0; i < batch.size(); ++i)
    batch[i]->answer = answers ? Result<EncodedQuery>(std::move((*answers)[i])) : std::unexpected(answers.error());
}

}  // namespace warifu
