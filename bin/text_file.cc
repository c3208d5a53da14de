// One bounded read.
#include "text_file.h"

#include <filesystem>
#include <fstream>
#include <system_error>

namespace steelyard::cli {

Result<std::string> ReadTextFile(const std::string& path, std::size_t bytes_max,
                                 const std::string& flag) {
  std::error_code error;
  const auto kind = std::filesystem::status(path, error).type();
  if (kind == std::filesystem::file_type::not_found) {
    return Status(StatusCode::kNotFound, "no such file, named by " + flag + "; check the path",
                  path);
  }
  if (kind == std::filesystem::file_type::directory) {
    return Status(StatusCode::kBadData, flag + " must name a file, this is a directory", path);
  }
  std::ifstream file(path, std::ios::binary);
  if (!file)
    return Status(StatusCode::kIoError, flag + " cannot be opened; check its permissions", path);
  std::string text(bytes_max + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad()) return Status(StatusCode::kIoError, flag + " cannot be read", path);
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > bytes_max) {
    return Status(
        StatusCode::kBadData,
        flag + " is larger than " + std::to_string(bytes_max) + " bytes; is it the right file?",
        path);
  }
  return text;
}

}  // namespace steelyard::cli
