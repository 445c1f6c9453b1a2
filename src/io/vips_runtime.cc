#include "io/vips_runtime.h"

#include <array>
#include <mutex>

namespace warifu {
namespace {

// HEIF stands for AVIF, too.
constexpr std::array kPictureLoaders = {"VipsForeignLoadJpeg", "VipsForeignLoadPng",   "VipsForeignLoadWebp",
                                        "VipsForeignLoadTiff", "VipsForeignLoadNsgif", "VipsForeignLoadSvg",
                                        "VipsForeignLoadHeif"};

void discard_log(const gchar*, GLogLevelFlags, const gchar*, gpointer) {}

bool start() {
  if (VIPS_INIT("warifu") != 0) return false;
  vips_concurrency_set(1);
  vips_cache_set_max(0);
  vips_cache_set_max_mem(0);
  vips_cache_set_max_files(0);
  vips_operation_block_set("VipsForeignLoad", TRUE);
  for (const char* loader : kPictureLoaders) vips_operation_block_set(loader, FALSE);
  // Warnings about odd pictures would go to stderr, where only cli/ may write.
  for (const char* domain : {"VIPS", "librsvg", "GLib-GIO", "GLib-GObject"})
    g_log_set_handler(domain, static_cast<GLogLevelFlags>(G_LOG_LEVEL_WARNING | G_LOG_LEVEL_MESSAGE | G_LOG_LEVEL_INFO),
                      discard_log, nullptr);
  return true;
}

}  // namespace

Result<void> start_vips() {
  static std::once_flag once;
  static bool started = false;
  std::call_once(once, [] { started = start(); });
  if (!started) return fail(ErrorCode::kInternal, "libvips does not start", "reinstall the package libvips42");
  return {};
}

void forget_vips_errors() { vips_error_clear(); }

}  // namespace warifu
