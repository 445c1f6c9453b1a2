#include "text/piece_library.h"

#include <dlfcn.h>

namespace warifu {
namespace {

constexpr const char* kModule = "libwarifu_sentencepiece.so";
constexpr const char* kEntry = "warifu_piece_library";

Result<const PieceLibrary*> open_module() {
  // dlmopen() into the program's own namespace is dlopen(), except that the address sanitizer refuses RTLD_DEEPBIND
  // in the latter: it fears memory taken from one allocator and given back to another. Under the sanitizer the
  // module is built with it too, so there is only one.
  void* const module = ::dlmopen(LM_ID_BASE, kModule, RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
  void* const entry = module == nullptr ? nullptr : ::dlsym(module, kEntry);
  if (entry == nullptr) {
    const char* const reason = ::dlerror();
    return fail(ErrorCode::kInternal, std::string(kModule) + ": " + (reason == nullptr ? "no reason given" : reason),
                "build or install warifu again: this file belongs to it");
  }
  return reinterpret_cast<const PieceLibrary* (*)()>(entry)();
}

}  // namespace

Result<const PieceLibrary*> piece_library() {
  static const Result<const PieceLibrary*> library = open_module();
  return library;
}

}  // namespace warifu
