#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "base/error.h"
#include "codes/code_space.h"
#include "engine/find_items.h"

namespace warifu {

// Asks a running server what a Finder would look up itself, which saves loading the model.
//
// Threads: one owner.
class RemoteFinder {
 public:
  // The server of `workspace`, if one runs that answers and serves what is wanted: `space` (empty: whichever) at `bits`
  // (0: whichever). Nothing otherwise, also where it wants a key and `key` is empty or not valid: whoever can read the
  // workspace's files can search without it. Answers of a stranger who listens on the port are not believed: it must
  // name the space that the workspace has.
  static std::optional<RemoteFinder> of_workspace(const std::filesystem::path& workspace, const std::string& space,
                                                  std::uint32_t bits, const std::string& key);

  RemoteFinder(RemoteFinder&&) noexcept;
  RemoteFinder& operator=(RemoteFinder&&) noexcept;
  ~RemoteFinder();

  // As Finder::find; the server's own problems as errors of the same kind. kUnavailable when it went away.
  Result<FoundItems> find(const FindRequest& request) const;

  const std::string& space() const { return space_; }
  std::uint32_t bits() const { return bits_; }

 private:
  class Client;
  RemoteFinder();
  std::unique_ptr<Client> client_;
  std::string space_;
  std::uint32_t bits_ = 0;
};

}  // namespace warifu
