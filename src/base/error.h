#pragma once

#include <expected>
#include <string>
#include <string_view>

// The one vocabulary of failure. Expected failures (a bad file, an unknown name) travel as
// Result<T>; exceptions come only from libraries and stop at the folder that calls them.
namespace warifu {

enum class ErrorCode {
  kInvalidArgument,   // the caller's value is out of its documented range
  kNotFound,          // a named thing does not exist
  kBadFormat,         // bytes of a file or request do not follow their format
  kIncompatible,      // right format, wrong model, code space or version
  kPermissionDenied,  // the caller may not see or do this
  kUnavailable,       // try again: a lock, a busy model
  kIo,                // the operating system could not read or write: full disk, broken device
  kInternal,          // our bug
};

struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;  // what is wrong, with the place and the offending value
  std::string hint;     // what the user can do next; may be empty
};

template <typename T>
using Result = std::expected<T, Error>;

using Fail = std::unexpected<Error>;

// fail(ErrorCode::kBadFormat, "pairs.csv:17: 3 fields, expected 4", "quote fields that hold commas")
inline Fail fail(ErrorCode code, std::string message, std::string hint = {}) {
  return Fail(Error{code, std::move(message), std::move(hint)});
}

// The same error with "context: " in front, so that a message names the file it is about.
inline Fail with_context(std::string_view context, Error error) {
  error.message = std::string(context) + ": " + error.message;
  return Fail(std::move(error));
}

// Process status in the manner of sysexits.h. No `default:`; a new code must be classified here
// or the build (-Werror=switch) stops.
constexpr int exit_status(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return 64;
    case ErrorCode::kBadFormat:
      return 65;
    case ErrorCode::kNotFound:
      return 66;
    case ErrorCode::kInternal:
      return 70;
    case ErrorCode::kIo:
      return 74;
    case ErrorCode::kUnavailable:
      return 75;
    case ErrorCode::kPermissionDenied:
      return 77;
    case ErrorCode::kIncompatible:
      return 78;
  }
  return 70;
}

}  // namespace warifu
