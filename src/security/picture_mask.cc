#include "security/picture_mask.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <mutex>
#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>
#include <opencv2/objdetect.hpp>
#include <utility>
#include <vector>

namespace warifu {
namespace {

constexpr int kLongSide = 1280;     // of the picture that detectors look at
constexpr int kBlocks = 6;          // averages left along the longer side of a region
constexpr int kSmoothing = 8;       // pixels drawn for each of them before they are stretched
constexpr double kMargin = 0.2;     // around a region, of its size
constexpr double kScaleStep = 1.1;  // between sizes that are looked for
constexpr int kFaceNeighbours = 4;  // detections that must agree
constexpr int kPlateNeighbours = 3;

// A detection on the small picture, as it lies on the large one.
PictureRegion enlarged(const cv::Rect& found, double scale) {
  const double width = found.width * scale, height = found.height * scale;
  const double left = found.x * scale - kMargin * width, top = found.y * scale - kMargin * height;
  return {static_cast<int>(std::floor(left)), static_cast<int>(std::floor(top)),
          static_cast<int>(std::ceil(width * (1 + 2 * kMargin))),
          static_cast<int>(std::ceil(height * (1 + 2 * kMargin)))};
}

// Whether most of the smaller one lies in the other: one thing seen twice.
bool overlap(const cv::Rect& a, const cv::Rect& b) { return (a & b).area() * 2 > std::min(a.area(), b.area()); }

// Threads are ours; a second layer would only make the order of candidates a matter of chance. Errors are exceptions
// already: OpenCV must not print them as well.
void prepare_opencv() {
  static const bool once = [] {
    cv::setNumThreads(1);
    cv::redirectError([](int, const char*, const char*, const char*, int, void*) { return 0; });
    return true;
  }();
  static_cast<void>(once);
}

struct Detectors {
  cv::CascadeClassifier front;
  cv::CascadeClassifier side;
  cv::CascadeClassifier plate;
};

struct CascadeFile {
  const char* name;
  cv::CascadeClassifier Detectors::*detector;
};

constexpr std::array<CascadeFile, 3> kCascades = {{{"haarcascade_frontalface_default.xml", &Detectors::front},
                                                   {"haarcascade_profileface.xml", &Detectors::side},
                                                   {"haarcascade_russian_plate_number.xml", &Detectors::plate}}};

Result<std::unique_ptr<Detectors>> load_detectors(const std::filesystem::path& folder) {
  prepare_opencv();
  auto detectors = std::make_unique<Detectors>();
  for (const auto& [name, detector] : kCascades) {
    const std::filesystem::path file = folder / name;
    std::error_code failure;
    if (!std::filesystem::is_regular_file(file, failure))
      return fail(ErrorCode::kNotFound, file.string() + ": no such file; faces and number plates are found with it",
                  "install the package opencv-data");
    bool loaded = false;
    try {
      loaded = ((*detectors).*detector).load(file.string());
    } catch (const cv::Exception&) {
      loaded = false;
    }
    if (!loaded)
      return fail(ErrorCode::kBadFormat, file.string() + ": not a cascade that OpenCV can read",
                  "install the package opencv-data again");
  }
  return detectors;
}

// Adds what `cascade` sees in `grey` to `found`.
void detect(cv::CascadeClassifier& cascade, const cv::Mat& grey, int neighbours, std::vector<cv::Rect>& found) {
  std::vector<cv::Rect> more;
  cascade.detectMultiScale(grey, more, kScaleStep, neighbours);
  found.insert(found.end(), more.begin(), more.end());
}

// Equalised, a dark picture shows more faces, and one with much of one brightness fewer: both are looked at.
std::vector<cv::Rect> find_faces(Detectors& detectors, const cv::Mat& grey) {
  std::vector<cv::Rect> faces, mirrored;
  cv::Mat other;
  cv::equalizeHist(grey, other);
  detect(detectors.front, grey, kFaceNeighbours, faces);
  detect(detectors.front, other, kFaceNeighbours, faces);
  detect(detectors.side, grey, kFaceNeighbours, faces);
  cv::flip(grey, other, 1);  // the cascade knows one side only
  detect(detectors.side, other, kFaceNeighbours, mirrored);
  for (cv::Rect& face : mirrored) face.x = grey.cols - face.x - face.width;
  faces.insert(faces.end(), mirrored.begin(), mirrored.end());
  return faces;
}

std::size_t blur_all(Image& image, const std::vector<cv::Rect>& found, double scale) {
  std::size_t things = 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    blur_region(image, enlarged(found[i], scale));
    things += std::none_of(found.begin(), found.begin() + static_cast<std::ptrdiff_t>(i),
                           [&](const cv::Rect& other) { return overlap(other, found[i]); });
  }
  return things;
}

}  // namespace

void blur_region(Image& image, const PictureRegion& region) {
  const cv::Rect inside =
      cv::Rect(region.x, region.y, region.width, region.height) & cv::Rect(0, 0, image.width, image.height);
  if (inside.empty()) return;
  cv::Mat part = cv::Mat(image.height, image.width, CV_8UC3, image.rgb.data())(inside);
  const double block = std::max(1.0, std::max(inside.width, inside.height) / static_cast<double>(kBlocks));
  const cv::Size blocks(std::max(1, static_cast<int>(inside.width / block)),
                        std::max(1, static_cast<int>(inside.height / block)));
  cv::Mat averages, smooth;
  cv::resize(part, averages, blocks, 0, 0, cv::INTER_AREA);
  cv::resize(averages, smooth, blocks * kSmoothing, 0, 0, cv::INTER_NEAREST);
  cv::GaussianBlur(smooth, smooth, cv::Size(), kSmoothing / 2.0);
  cv::resize(smooth, part, inside.size(), 0, 0, cv::INTER_LINEAR);
}

class PictureMask::Pool {
 public:
  Pool(std::filesystem::path folder, std::unique_ptr<Detectors> first) : folder_(std::move(folder)) {
    idle_.push_back(std::move(first));
  }

  Result<std::unique_ptr<Detectors>> take() {
    {
      const std::scoped_lock lock(mutex_);
      if (!idle_.empty()) {
        auto detectors = std::move(idle_.back());
        idle_.pop_back();
        return detectors;
      }
    }
    return load_detectors(folder_);
  }

  void give_back(std::unique_ptr<Detectors> detectors) {
    const std::scoped_lock lock(mutex_);
    idle_.push_back(std::move(detectors));
  }

 private:
  std::filesystem::path folder_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Detectors>> idle_;
};

PictureMask::PictureMask(std::unique_ptr<Pool> pool) : pool_(std::move(pool)) {}
PictureMask::PictureMask(PictureMask&&) noexcept = default;
PictureMask& PictureMask::operator=(PictureMask&&) noexcept = default;
PictureMask::~PictureMask() = default;

Result<PictureMask> PictureMask::load(const std::filesystem::path& cascades) {
  auto detectors = load_detectors(cascades);
  if (!detectors) return std::unexpected(detectors.error());
  return PictureMask(std::make_unique<Pool>(cascades, std::move(*detectors)));
}

Result<MaskedPicture> PictureMask::mask(Image image) const {
  if (image.width < 1 || image.height < 1 ||
      image.rgb.size() != static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.height) * 3)
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{} bytes are not a picture of {} x {}", image.rgb.size(), image.width, image.height));
  auto detectors = pool_->take();
  if (!detectors) return std::unexpected(detectors.error());
  MaskedPicture masked;
  try {
    const double scale = std::max(1.0, std::max(image.width, image.height) / static_cast<double>(kLongSide));
    const cv::Mat whole(image.height, image.width, CV_8UC3, image.rgb.data());
    const cv::Size size(std::max(1, cvRound(image.width / scale)), std::max(1, cvRound(image.height / scale)));
    cv::Mat small, grey;
    cv::resize(whole, small, size, 0, 0, cv::INTER_AREA);
    cv::cvtColor(small, grey, cv::COLOR_RGB2GRAY);
    const std::vector<cv::Rect> faces = find_faces(**detectors, grey);
    std::vector<cv::Rect> plates;
    detect((*detectors)->plate, grey, kPlateNeighbours, plates);
    masked.faces = blur_all(image, faces, scale);
    masked.plates = blur_all(image, plates, scale);
  } catch (const cv::Exception& error) {
    return fail(ErrorCode::kInternal, std::string("OpenCV: ") + error.what());
  }
  pool_->give_back(std::move(*detectors));
  masked.image = std::move(image);
  return masked;
}

}  // namespace warifu
