#pragma once

#include <filesystem>
#include <span>

#include "data/drawing.h"

namespace warifu::fixtures {

// Writes the drawings below `folder` in every form that ingest reads:
//
//   pictures/<id>.png|jpg           the first of each pair as PNG, the second as JPEG
//   pairs.csv .tsv .jsonl           id, image, text, shape, colour; paths relative to the file
//   folder/<shape>/<id>.png + .txt  pictures with sidecars (.json for the Japanese ones)
//   pairs.tar                       webdataset: <id>.png, <id>.txt, <id>.json
//   image.npy text.npy ids.txt labels.txt   features [60, 32] and [60, 24] that know shape and colour, with noise
//   image_u8.npy                    the picture features as uint8, for use beside pairs.csv
//   splits/{query,database,train}.txt       12 / 48 / 40: one picture of each shape and some colours is asked for
void write_good_sources(const std::filesystem::path& folder, std::span<const Drawing> drawings);

}  // namespace warifu::fixtures
