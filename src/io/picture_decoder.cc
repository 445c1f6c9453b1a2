#include "io/picture_decoder.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <thread>
#include <utility>

#include "io/decoder_process.h"
#include "io/picture_limits.h"

namespace warifu {
namespace {

using Bytes = std::span<const std::byte>;

constexpr std::uint64_t kSmallestAnswer = 4096;

// Between two attempts to start a decoder where the first failed.
constexpr std::chrono::milliseconds kPauseAfterFailure{500};

Result<std::filesystem::path> decoder_program(const std::filesystem::path& wanted) {
  std::error_code failure;
  auto program = wanted;
  if (program.empty()) {
    const auto self = std::filesystem::read_symlink("/proc/self/exe", failure);
    if (failure) return fail(ErrorCode::kIo, "/proc/self/exe: " + failure.message());
    program = self.parent_path() / "warifu-decoder";
  }
  if (!std::filesystem::exists(program, failure))
    return fail(ErrorCode::kNotFound, program.string() + ": the picture decoder is missing",
                "it is installed beside warifu; build both with 'make build'");
  return program;
}

Result<void> check_options(const PictureDecoder::Options& options) {
  constexpr int kMaxProcesses = 64;
  if (options.processes < 1 || options.processes > kMaxProcesses)
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{} picture decoders, expected 1 … {}", options.processes, kMaxProcesses));
  if (options.time_limit < std::chrono::milliseconds(1) || options.time_limit > std::chrono::hours(1))
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("a time limit of {} ms a picture, expected 1 ms … 1 h", options.time_limit.count()));
  if (options.pictures_per_process < 1)
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{} pictures a process, expected 1 or more", options.pictures_per_process));
  if (options.max_output_bytes < kSmallestAnswer)
    return fail(ErrorCode::kInvalidArgument, fmt::format("an output of at most {} bytes, expected {} or more",
                                                         options.max_output_bytes, kSmallestAnswer));
  return {};
}

DecoderRequest request_for(DecoderTask task, Bytes bytes, const ImageLimits& limits,
                           const std::optional<PictureFormat>& format) {
  DecoderRequest request;
  request.task = task;
  request.payload_bytes = bytes.size();
  request.max_bytes = limits.max_bytes;
  request.max_megapixels = limits.max_megapixels;
  if (format) {
    request.fitted = 1;
    request.size = format->size;
    request.fit = static_cast<std::int32_t>(format->fit);
    request.resampling = static_cast<std::int32_t>(format->resampling);
  }
  return request;
}

}  // namespace

// The processes, and the thread that starts them. It does nothing else and lives as long as the pool, because the
// system ends a process of ours with the thread that started it, not only with the program (PR_SET_PDEATHSIG).
class PictureDecoder::Pool {
 public:
  Pool(const Options& options, std::filesystem::path program)
      : options_(options),
        settings_{std::move(program), options.memory_bytes, options.require_sandbox},
        slots_(static_cast<std::size_t>(options.processes)),
        keeper_([this](const std::stop_token& stop) { keep(stop); }) {}

  // Until one process is ready or none can be started.
  Result<void> wait_until_started() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return failure_ || find(State::kIdle) != nullptr; });
    if (failure_) return Fail(*failure_);
    return {};
  }

  Result<DecoderAnswer> ask(DecoderRequest request, Bytes payload) {
    request.max_answer_bytes = options_.max_output_bytes;
    auto slot = take();
    if (!slot) return Fail(slot.error());
    // The slot is this thread's until it is given back.
    auto answer = (*slot)->process->ask(request, payload, options_.time_limit);
    give_back(**slot, answer.has_value());
    return answer;
  }

  std::vector<pid_t> processes() const {
    const std::lock_guard lock(mutex_);
    std::vector<pid_t> pids;
    for (const Slot& slot : slots_)
      if (slot.state != State::kEmpty && slot.pid > 0) pids.push_back(slot.pid);
    return pids;
  }

 private:
  enum class State { kEmpty, kIdle, kBusy };

  struct Slot {
    State state = State::kEmpty;
    std::optional<DecoderProcess> process;  // unless kEmpty
    pid_t pid = -1;
    int pictures = 0;
  };

  Slot* find(State state) {
    const auto found = std::ranges::find(slots_, state, &Slot::state);
    return found == slots_.end() ? nullptr : &*found;
  }

  Result<Slot*> take() {
    std::unique_lock lock(mutex_);
    for (;;) {
      Slot* slot = find(State::kIdle);
      if (slot != nullptr && slot->process->is_ready()) {
        slot->state = State::kBusy;
        return slot;
      }
      if (slot != nullptr) {  // it ended while nobody used it: no picture is to blame
        clear(*slot);
      } else if (failure_ && find(State::kBusy) == nullptr) {
        return fail(ErrorCode::kUnavailable, failure_->message, failure_->hint);
      } else {
        changed_.wait(lock);
      }
    }
  }

  void give_back(Slot& slot, bool sound) {
    std::optional<DecoderProcess> spent;  // ends after the lock
    const std::lock_guard lock(mutex_);
    ++slot.pictures;
    slot.state = State::kIdle;
    if (!sound || slot.pictures >= options_.pictures_per_process) {
      spent = std::move(slot.process);
      clear(slot);
    }
    changed_.notify_all();
  }

  void clear(Slot& slot) {
    slot = Slot();
    changed_.notify_all();
  }

  void keep(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    const auto wanted = [&] { return find(State::kEmpty) != nullptr; };
    while (changed_.wait(lock, stop, wanted) && !stop.stop_requested()) {
      lock.unlock();
      auto process = DecoderProcess::start(settings_);
      lock.lock();
      if (process) {
        Slot& slot = *find(State::kEmpty);  // only this thread fills one
        slot.pid = process->pid();
        slot.process.emplace(std::move(*process));
        slot.state = State::kIdle;
        failure_.reset();
        changed_.notify_all();
      } else {
        failure_ = process.error();
        changed_.notify_all();
        changed_.wait_for(lock, stop, kPauseAfterFailure, [] { return false; });
      }
    }
  }

  const Options options_;
  const DecoderProcess::Settings settings_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::vector<Slot> slots_;
  std::optional<Error> failure_;  // why the last start failed
  std::jthread keeper_;           // last: it uses all of the above, and its end ends the processes it started
};

PictureDecoder::PictureDecoder(std::unique_ptr<Pool> pool) : pool_(std::move(pool)) {}
PictureDecoder::~PictureDecoder() = default;

Result<std::unique_ptr<PictureDecoder>> PictureDecoder::start(const Options& options) {
  if (auto ok = check_options(options); !ok) return Fail(ok.error());
  auto program = decoder_program(options.program);
  if (!program) return Fail(program.error());
  auto pool = std::make_unique<Pool>(options, std::move(*program));
  if (auto ok = pool->wait_until_started(); !ok) return Fail(ok.error());
  return std::unique_ptr<PictureDecoder>(new PictureDecoder(std::move(pool)));
}

Result<Image> PictureDecoder::decode(Bytes bytes, const ImageLimits& limits,
                                     const std::optional<PictureFormat>& format) {
  if (auto ok = check_picture_bytes(bytes.size(), limits); !ok) return Fail(ok.error());
  auto answer = pool_->ask(request_for(DecoderTask::kDecode, bytes, limits, format), bytes);
  if (!answer) return Fail(answer.error());
  if (answer->failure) return Fail(*answer->failure);
  return Image{answer->width, answer->height, std::move(answer->body)};
}

Result<std::vector<std::byte>> PictureDecoder::thumbnail(Bytes bytes, int side, const ImageLimits& limits,
                                                         ThumbnailForm form, int quality) {
  if (auto ok = check_picture_bytes(bytes.size(), limits); !ok) return Fail(ok.error());
  auto request = request_for(DecoderTask::kThumbnail, bytes, limits,
                             PictureFormat{side, ImageFit::kShrinkOnly, Resampling::kBicubic});
  request.form = static_cast<std::int32_t>(form);
  request.quality = quality;
  auto answer = pool_->ask(request, bytes);
  if (!answer) return Fail(answer.error());
  if (answer->failure) return Fail(*answer->failure);
  const auto file = std::as_bytes(std::span(answer->body));
  return std::vector<std::byte>(file.begin(), file.end());
}

Result<std::vector<PictureDecoder::Attempt>> PictureDecoder::try_forbidden() {
  DecoderRequest request;
  request.task = DecoderTask::kTryForbidden;
  const auto answer = pool_->ask(request, {});
  if (!answer) return Fail(answer.error());
  if (answer->failure) return Fail(*answer->failure);
  std::vector<Attempt> attempts;
  for (std::size_t i = 0; i < kForbiddenAttempts.size(); ++i) {
    std::int32_t error = 0;
    std::memcpy(&error, answer->body.data() + i * sizeof error, sizeof error);
    attempts.push_back({kForbiddenAttempts[i], error});
  }
  return attempts;
}

std::vector<pid_t> PictureDecoder::processes() const { return pool_->processes(); }

}  // namespace warifu
