#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace warifu {

// JSON with keys in the order they were written.
using Json = nlohmann::ordered_json;

enum class OutputForm { kTable, kJson, kJsonl, kTsv, kTrec, kPaths, kQrels };

// What --output says; empty: a table on a terminal, JSON Lines otherwise. kInvalidArgument lists `allowed`.
Result<OutputForm> parse_output(std::string_view name, std::vector<std::string_view> allowed);

// Writes one line to standard output. Data goes there and nothing else does; kIo when it is closed.
void print_line(std::string_view line);

// What came from outside may hold control characters: they become blanks.
std::string one_line(std::string text);

// One object: pretty for json, one line for jsonl.
void print_json(const Json& object, OutputForm form);

// Text that may hold malformed bytes (file names) as JSON.
std::string json_text(const Json& object, int indent);

// Columns aligned by display width (East Asian wide characters count two), numbers to the right.
class Table {
 public:
  explicit Table(std::vector<std::string> header) : rows_{std::move(header)} {}
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  void print() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

// "0.623", "12.4 s", "1.2 MB", "9,583".
std::string fixed(double value, int decimals);
std::string seconds_text(double seconds);
std::string bytes_text(double bytes);
std::string count_text(std::size_t count);

}  // namespace warifu
