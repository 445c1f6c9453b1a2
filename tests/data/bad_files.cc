#include "data/bad_files.h"

#include <fstream>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

#include "data/raw_formats.h"
#include "io/image_file.h"

namespace warifu::fixtures {
namespace {

namespace fs = std::filesystem;

Bytes content(const fs::path& path) {
  std::ostringstream all;
  all << std::ifstream(path, std::ios::binary).rdbuf();
  return all.str();
}

Bytes first_half(const Bytes& bytes) { return bytes.substr(0, bytes.size() / 2); }

// Noise that stays the same: enough bytes for a truncated picture to lose pixels.
Image large_picture() {
  Image image{320, 320, std::vector<std::uint8_t>(std::size_t{320} * 320 * 3)};
  std::uint32_t state = 1;
  for (std::uint8_t& value : image.rgb) value = static_cast<std::uint8_t>((state = state * 1664525 + 1013904223) >> 24);
  return image;
}

Bytes jpeg_of(const Image& image) {
  const auto bytes = encode_jpeg(image, 90);
  return {reinterpret_cast<const char*>(bytes.value().data()), bytes->size()};
}

Bytes png_of(const Image& image) {
  const auto bytes = encode_png(image);
  return {reinterpret_cast<const char*>(bytes.value().data()), bytes->size()};
}

// 12,500 x 8,001 pixels of one bit each: 100 megapixels in 12 kB.
Bytes bomb() {
  const Bytes scanlines((12500 / 8 + 2) * std::size_t{8001}, '\0');
  return png_header(12500, 8001, 1, 0) + png_chunk("IDAT", zlib_compressed(scanlines)) + png_chunk("IEND", "");
}

void write_pictures(const fs::path& folder, std::span<const Drawing> drawings) {
  const fs::path pictures = folder / "pictures";
  const Image large = large_picture();
  write(pictures / "good.png", png_of(drawings[0].image));
  write(pictures / "png_named.jpg", png_of(drawings[1].image));
  write(pictures / "empty.jpg", "");
  write(pictures / "truncated.jpg", first_half(jpeg_of(large)));
  write(pictures / "truncated.png", first_half(png_of(large)));
  write(pictures / "text.jpg", "This is not a picture.\n");
  write(pictures / "bomb.png", bomb());
  write(pictures / "signature_only.png", Bytes("\x89PNG\r\n\x1A\n", 8));
  write(pictures / "no_pixels.png", png_header(0, 0, 8, 2) + png_chunk("IEND", ""));
  write(pictures / "garbage_pixels.png",
        png_header(64, 64, 8, 2) + png_chunk("IDAT", "garbage") + png_chunk("IEND", ""));
  write(pictures / "claims_2_billion.png", png_header(2147483647, 2147483647, 8, 2) + png_chunk("IEND", ""));
  fs::create_directories(pictures / "folder.jpg");
  std::string table = "id,image,text\n";
  for (const std::string name : {"good.png", "png_named.jpg", "empty.jpg", "truncated.jpg", "truncated.png", "text.jpg",
                                 "bomb.png", "signature_only.png", "no_pixels.png", "garbage_pixels.png",
                                 "claims_2_billion.png", "folder.jpg", "missing.jpg"})
    table += name + ",pictures/" + name + ",what " + name + " shows\n";
  write(folder / "pictures.csv", table);
}

// Sidecars that are wrong beside pictures that are right.
void write_sidecars(const fs::path& folder, std::span<const Drawing> drawings) {
  const Bytes picture = png_of(drawings[0].image);
  for (const char* name : {"good.png", "bad_utf8.png", "bad_json.png"}) write(folder / name, picture);
  write(folder / "good.txt", "a good description\n");
  write(folder / "bad_utf8.txt", "half a character: \xE5\x86\n");
  write(folder / "bad_json.json", "{\"text\": ");
}

void write_tables(const fs::path& folder) {
  const std::string head = "id,image,text,shape\n";
  write(folder / "empty.csv", "");
  write(folder / "header_only.csv", head);
  write(folder / "field_count.csv", head + "a,,first,x\nb,,second\nc,,third,z,extra\nd,,fourth,x\n");
  write(folder / "open_quote.csv", head + "a,,first,x\nb,,\"never closed,y\nc,,third,z\n");
  write(folder / "repeated_column.csv", "id,image,text,text\na,,first,again\n");
  write(folder / "no_id_column.csv", "image,text\n,first\n");
  write(folder / "no_id_value.csv", head + ",,nameless,x\nb,,second,y\n");
  write(folder / "repeated_id.csv", head + "a,,first,x\na,,second,y\n");
  write(folder / "utf8.csv", head + "a,,first,x\nb,,\xFF\xFE broken,y\nc,,\xE8\xB5\xA4,z\n");
  write(folder / "nul.csv", head + "a,,first,x\nb,,with " + Bytes(1, '\0') + " inside,y\n");
  write(folder / "nothing_in_it.csv", head + "a,,,x\nb,,second,y\n");
  write(folder / "bad_line.jsonl", R"({"id":"a","text":"first"})"
                                   "\n{\"id\":\"b\", oops\n"
                                   R"({"id":"c","text":"third"})"
                                   "\n");
  write(folder / "nested.jsonl", R"({"id":"a","text":"first"})"
                                 "\n" +
                                     Bytes(200'000, '[') + "\n");
  write(folder / "wrong_type.jsonl", R"({"id":{"x":1},"text":"first"})"
                                     "\n"
                                     R"({"id":"b","text":[1,2]})"
                                     "\n"
                                     R"({"id":"c","text":"third","labels":7})"
                                     "\n"
                                     R"({"id":"d","text":"good"})"
                                     "\n");
  write(folder / "no_id.jsonl", R"({"text":"nameless"})"
                                "\n"
                                R"({"id":"b","text":"second"})"
                                "\n");
  write(folder / "not_objects.jsonl",
        "17\n[\"a\"]\n\"b\"\nnull\n"
        R"({"id":"e","text":"good"})"
        "\n");
  write(folder / "utf8.jsonl",
        "{\"id\":\"a\",\"text\":\"\xC3\x28\"}\n"
        R"({"id":"b","text":"second"})"
        "\n");
}

void write_archives(const fs::path& folder, const fs::path& good) {
  const Bytes tar = content(good / "pairs.tar");
  write(folder / "truncated.tar", first_half(tar));
  write(folder / "garbage.tar", "This is not an archive, whatever its name says.\n");
  Bytes broken = tar.substr(0, std::size_t{512} * 6);
  write(folder / "broken_member.tar", broken + Bytes(4096, '\xAA') + tar.substr(broken.size()));
  write(folder / "outside.tar", tar_member("../../outside.txt", "text") + tar_member("/etc/absolute.txt", "text") +
                                    tar_member("inside.txt", "text") + tar_end());
  write(folder / "empty.tar", tar_end());
}

void write_arrays(const fs::path& folder, const fs::path& good) {
  const Bytes array = content(good / "image.npy");
  write(folder / "wrong_magic.npy", "NUMPY" + array);
  write(folder / "truncated.npy", first_half(array));
  write(folder / "huge_shape.npy", npy(npy_header("<f4", 4'000'000'000'000'000'000, 4'000'000'000), "abcd"));
  write(folder / "objects.npy", npy(npy_header("|O", 60, 1), Bytes(480, 'x')));
  write(folder / "one_dimension.npy",
        npy("{'descr': '<f4', 'fortran_order': False, 'shape': (60,), }", Bytes(240, '\0')));
  write(folder / "bad_header.npy", npy("{'descr': __import__('os'), 'shape': (", ""));
  write(folder / "no_rows.npy", npy(npy_header("<f4", 0, 32), ""));
  write(folder / "fewer_rows.npy", npy_floats(32, std::vector<float>(std::size_t{59} * 32, 1.0F)));
  std::vector<float> values(std::size_t{60} * 32, 0.5F);
  values[33] = std::numeric_limits<float>::quiet_NaN();
  values[96] = std::numeric_limits<float>::infinity();
  write(folder / "not_a_number.npy", npy_floats(32, values));
  write(folder / "fewer_ids.txt", "a\nb\nc\n");
}

void write_weights(const fs::path& folder) {
  const std::string one = R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";
  write(folder / "other_model.safetensors", safetensors(one, Bytes(8, '\0')));
  write(folder / "truncated.safetensors", safetensors(one, Bytes(3, '\0')));
  write(folder / "header_too_long.safetensors", little_endian(std::uint64_t{1} << 62) + "{}");
  write(folder / "bad_json.safetensors", safetensors(R"({"w": )", ""));
  write(
      folder / "overlap.safetensors",
      safetensors(
          R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})",
          Bytes(12, '\0')));
  write(folder / "shape_lies.safetensors",
        safetensors(R"({"w":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8]}})", Bytes(8, '\0')));
  write(folder / "empty.safetensors", "");
}

void write_matlab(const fs::path& folder) {
  const std::vector<double> six(6, 1.0);
  const std::vector<double> eight(8, 1.0);
  const Bytes whole = mat_header() + mat_matrix("image", 3, 2, six) + mat_matrix("text", 3, 2, six);
  write(folder / "garbage.mat", Bytes(4000, '\x5A'));
  write(folder / "truncated.mat", first_half(whole));
  write(folder / "rows_differ.mat", mat_header() + mat_matrix("I_tr", 3, 2, six) + mat_matrix("T_tr", 4, 2, eight));
  write(folder / "nothing_known.mat", mat_header() + mat_matrix("foo", 3, 2, six));
}

void write_splits(const fs::path& folder, const fs::path& good) {
  for (const char* name : {"query.txt", "database.txt", "train.txt"})
    write(folder / "unknown_ids" / name, content(good / "splits" / name) + "nobody\n");
  write(folder / "no_query" / "train.txt", content(good / "splits" / "train.txt"));
  write(folder / "utf8" / "query.txt", "\xFF\xFE\n");
  write(folder / "utf8" / "database.txt", "a\n");
  write(folder / "utf8" / "train.txt", "a\n");
  fs::create_directories(folder / "empty");
}

}  // namespace

void write_bad_files(const fs::path& folder, std::span<const Drawing> drawings) {
  const fs::path bad = folder / "bad";
  write_pictures(bad, drawings);
  write_sidecars(bad / "sidecars", drawings);
  write_tables(bad);
  write_archives(bad, folder);
  write_arrays(bad, folder);
  write_weights(bad);
  write_matlab(bad);
  write_splits(bad / "splits", folder);
}

}  // namespace warifu::fixtures
