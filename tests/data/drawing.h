#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/image.h"

namespace warifu::fixtures {

// One drawn picture and what is said about it.
struct Drawing {
  std::string id;           // "red-circle-1"
  std::string shape;        // "circle"
  std::string colour;       // "red"
  std::string description;  // "a red circle", or in Japanese "赤い円"
  bool japanese = false;
  Image image;  // 64 x 64, the shape on white at a place and size of its own
};

// Sixty drawings: five shapes x six colours x two, the second of each described in Japanese. The same on every machine.
std::vector<Drawing> draw_all();

}  // namespace warifu::fixtures
