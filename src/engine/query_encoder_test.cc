#include "engine/query_encoder.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace warifu {
namespace {

CodeSpace space_of_sixteen_bits() {
  CodeSpace space;
  space.name = "test";
  space.bits = 16;
  space.fingerprint = "f";
  return space;
}

// The code of a text is its length; one text it cannot bear. Counts its calls, and holds them up until it may go on.
class CountingEncoder final : public Encoder {
 public:
  std::span<const CodeSpace> spaces() const override { return {&space_, 1}; }
  bool encodes_raw(Modality) const override { return true; }
  PictureFormat picture_format() const override { return {}; }
  Result<std::vector<CodeMatrix>> encode(std::span<const EncoderInput> inputs, Modality) const override {
    ++calls;
    while (held) std::this_thread::yield();
    CodeMatrix codes(inputs.size(), 16);
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (inputs[i].text == "bad") return fail(ErrorCode::kBadFormat, "it is bad");
      codes.row(i)[0] = inputs[i].text->size();
    }
    return std::vector{codes};
  }
  mutable std::atomic<int> calls = 0;
  std::atomic<bool> held = false;

 private:
  CodeSpace space_ = space_of_sixteen_bits();
};

QueryContent words(std::string text) {
  QueryContent content;
  content.text = std::move(text);
  return content;
}

TEST(QueryEncoder, WhatWaitsAtAMomentIsEncodedTogetherAndEachGetsItsOwn) {
  auto owned = std::make_unique<CountingEncoder>();
  CountingEncoder& counted = *owned;
  counted.held = true;
  QueryEncoder encoder(std::move(owned), counted.spaces().front());
  std::vector<std::thread> callers;
  std::atomic<int> right = 0;
  const auto ask = [&](std::size_t i) {
    const auto encoded = encoder.encode(words(std::string(i, 'x')));
    if (encoded && encoded->code.row(0)[0] == i) ++right;
  };
  // The first is on its way alone; the others wait meanwhile.
  callers.emplace_back(ask, 1);
  while (counted.calls < 1) std::this_thread::yield();
  for (std::size_t i = 2; i <= 20; ++i) callers.emplace_back(ask, i);
  while (encoder.waiting() < 19) std::this_thread::yield();
  counted.held = false;
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(right, 20);
  EXPECT_EQ(counted.calls, 2);
}

TEST(QueryEncoder, OneBadQueryIsNotTheOthersFault) {
  auto owned = std::make_unique<CountingEncoder>();
  CountingEncoder& counted = *owned;
  counted.held = true;
  QueryEncoder encoder(std::move(owned), counted.spaces().front());
  std::vector<std::thread> callers;
  std::atomic<int> good = 0;
  std::atomic<int> bad = 0;
  const auto ask = [&](const char* text) { encoder.encode(words(text)) ? ++good : ++bad; };
  callers.emplace_back(ask, "a");
  while (counted.calls < 1) std::this_thread::yield();
  for (const char* text : {"bad", "b", "c"}) callers.emplace_back(ask, text);
  while (encoder.waiting() < 3) std::this_thread::yield();
  counted.held = false;
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(good, 3);
  EXPECT_EQ(bad, 1);
}

TEST(QueryEncoder, AnEmptyQueryAndACodeSpaceOfAnotherModelAreRefused) {
  auto owned = std::make_unique<CountingEncoder>();
  CodeSpace other = owned->spaces().front();
  other.fingerprint = "another";
  QueryEncoder encoder(std::move(owned), other);
  EXPECT_EQ(encoder.encode({}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(encoder.encode(words("a")).error().code, ErrorCode::kIncompatible);
}

}  // namespace
}  // namespace warifu
