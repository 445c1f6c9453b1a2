#include <fmt/format.h>

#include "cli/verb.h"
#include "server/serve.h"

namespace warifu {
namespace {

class ServeVerb final : public Verb {
 public:
  void declare(Flags& flags) override {
    flags.value("--bind", options_.bind, "address to listen on; others than loopback need users")
        ->capture_default_str();
    flags.value("--port", options_.port, "port to listen on; 0: any free one")->capture_default_str();
    flags.value("--space", options_.service.space, "code space (default: the only one, or 'contrastive')");
    flags.value("--bits", options_.service.bits, "code length (default: the longest)");
    flags.toggle("--rerank", options_.service.rerank,
                 "keep the real-valued embedding too, for queries that ask for it");
    flags.value("--tls-certificate", options_.certificate, "PEM file of the certificate chain: serve HTTPS");
    flags.value("--tls-key", options_.key, "PEM file of its key");
    flags.value("--workers", options_.workers, "requests that are worked on at once")->capture_default_str();
    flags.value("--max-waiting", options_.max_waiting, "requests that may wait; more are answered by 503")
        ->capture_default_str();
    flags.value("--max-upload-mib", max_upload_mib_, "largest picture that is taken, in MiB")->capture_default_str();
    flags
        .value("--requests-per-second", options_.rate.requests_per_second,
               "of one key, in the long run; more are answered by 429; 0: as many as it likes")
        ->capture_default_str();
    flags.value("--in-flight", options_.rate.in_flight, "requests of one key at a time; 0: as many as it likes")
        ->capture_default_str();
    flags.value("--decoders", options_.service.decoders, "restricted processes that decode pictures")
        ->capture_default_str();
    flags.toggle("--no-sandbox", no_sandbox_,
                 "decode pictures even where the kernel cannot restrict the process that does it");
  }

  bool runs_until_stopped() const override { return true; }

  Result<int> run(const Invocation& invocation) override {
    const auto form = parse_output(invocation.output, {"table", "json", "jsonl"});
    if (!form) return std::unexpected(form.error());
    if (max_upload_mib_ < 1 || max_upload_mib_ > 1024)
      return fail(ErrorCode::kInvalidArgument, fmt::format("--max-upload-mib {} is not in 1 … 1024", max_upload_mib_));
    if (options_.workers < 1 || options_.workers > 1024)
      return fail(ErrorCode::kInvalidArgument, fmt::format("--workers {} is not in 1 … 1024", options_.workers));
    options_.workspace = invocation.workspace;
    options_.version = invocation.version;
    options_.max_upload_bytes = max_upload_mib_ << 20;
    options_.service.require_sandbox = !no_sandbox_;
    const auto served = serve(options_, *invocation.progress, [&](const std::string& url) {
      if (*form == OutputForm::kTable) {
        print_line("Serving " + invocation.workspace + ". Open " + url + " in a browser; Ctrl-C ends.");
      } else {
        print_json({{"type", "serving"}, {"url", url}}, OutputForm::kJsonl);
      }
      std::fflush(stdout);
    });
    if (!served) return std::unexpected(served.error());
    return 0;
  }

 private:
  ServeOptions options_;
  std::size_t max_upload_mib_ = 32;
  bool no_sandbox_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_serve_verb() { return std::make_unique<ServeVerb>(); }

}  // namespace warifu
