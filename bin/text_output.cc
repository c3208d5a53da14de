// An output file behind a packer.
#include "text_output.h"

#include <utility>

namespace steelyard::cli {

Result<TextOutput> TextOutput::Open(const std::string& path) {
  Result<OutputFile> file = OutputFile::Open(path);
  if (!file.ok()) return file.status();
  const data::Packing packing = data::PackingOfName(path);
  std::unique_ptr<data::Packer> packer;
  if (packing != data::Packing::kNone) packer = data::MakePacker(packing);
  return TextOutput(std::move(file.value()), std::move(packer));
}

Status TextOutput::Write(std::string_view text) {
  if (packer_ == nullptr) return file_.Write(text);
  packed_.clear();
  SY_RETURN_IF_ERROR(packer_->Add(text, packed_));
  return file_.Write(packed_);
}

Status TextOutput::Commit() {
  if (packer_ != nullptr) {
    packed_.clear();
    SY_RETURN_IF_ERROR(packer_->Finish(packed_));
    SY_RETURN_IF_ERROR(file_.Write(packed_));
  }
  return file_.Commit();
}

}  // namespace steelyard::cli
