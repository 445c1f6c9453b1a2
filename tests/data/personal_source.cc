#include "data/personal_source.h"

#include "data/raw_formats.h"
#include "io/image_file.h"
#include "io/picture_metadata_for_test.h"
#include "security/drawn_scene_for_test.h"

namespace warifu::fixtures {

void write_personal_source(const std::filesystem::path& folder) {
  const std::filesystem::path personal = folder / "personal";
  DrawnScene portrait(400, 400, 225);
  portrait.face(200, 200, 160);
  write(personal / "tanaka-taro.jpg", jpeg_with_metadata(encode_jpeg(portrait.image(), 92).value(), "tanaka taro"));
  DrawnScene car(600, 400, 90);
  car.plate(150, 150, 50);
  write(personal / "plate-of-suzuki.png", png_with_metadata(encode_png(car.image()).value(), "suzuki"));
  write(personal / "pairs.csv",
        "id,image,text,owner\n"
        "1,tanaka-taro.jpg,\"a worker at the press, tanaka@example.co.jp, "
        "電話０３－１２３４－５６７８\",社員番号：778899\n"
        "2,plate-of-suzuki.png,\"the delivery car, suzuki@example.com, 090-1234-5678, part ABC-1234-56\",Employee No. "
        "778899\n");
}

}  // namespace warifu::fixtures
