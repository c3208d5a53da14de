// Expanding and probing input files.
#include "data/input_files.h"

#include <dirent.h>
#include <fmt/format.h>
#include <glob.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "data/criteo.h"
#include "data/libsvm.h"
#include "data/near_miss.h"
#include "data/vw.h"

namespace steelyard::data {
namespace {

std::vector<std::string> NamesIn(const std::string& folder) {
  std::vector<std::string> names;
  DIR* const dir = ::opendir(folder.c_str());
  if (dir == nullptr) return names;
  // readdir() on a stream of one's own is safe; only sharing the stream is not.
  while (const dirent* entry = ::readdir(dir)) {  // NOLINT(concurrency-mt-unsafe)
    if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
  }
  ::closedir(dir);
  return names;
}

Status NoSuchFile(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::string prefix = slash == std::string::npos ? "" : path.substr(0, slash + 1);
  const std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
  const std::string folder = prefix.empty() ? "." : prefix;
  struct stat about {};
  if (::stat(folder.c_str(), &about) != 0) {
    return Status(StatusCode::kNotFound,
                  fmt::format("no such file: the folder {} does not exist", folder), path);
  }
  std::vector<std::string> near = NearMisses(name, NamesIn(folder));
  std::string hint;
  for (const std::string& other : near) {
    hint += hint.empty() ? "; did you mean '" : " or '";
    hint += prefix + other + '\'';
  }
  return Status(StatusCode::kNotFound, "no such file" + hint + (hint.empty() ? "" : "?"), path);
}

bool IsFolder(const std::string& path) {
  struct stat about {};
  return ::stat(path.c_str(), &about) == 0 && S_ISDIR(about.st_mode);
}

Status ExpandGlob(const std::string& pattern, std::vector<std::string>& files) {
  glob_t found{};
  // NOLINTNEXTLINE(concurrency-mt-unsafe): unsafe only beside setenv() and the like, which nobody here calls.
  const int code = ::glob(pattern.c_str(), GLOB_BRACE | GLOB_NOSORT, nullptr, &found);
  std::vector<std::string> matches;
  if (code == 0) matches.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  ::globfree(&found);
  std::erase_if(matches, IsFolder);
  if (matches.empty()) {
    return Status(StatusCode::kNotFound, "no file matches this pattern", pattern);
  }
  std::sort(matches.begin(), matches.end());
  files.insert(files.end(), matches.begin(), matches.end());
  return {};
}

/// Append what one path means: itself, or the files its pattern matches.
Status ExpandPath(const std::string& path, std::vector<std::string>& files) {
  struct stat about {};
  if (path != "-" && ::stat(path.c_str(), &about) != 0) {
    const bool pattern = path.find_first_of("*?[{") != std::string::npos;
    return pattern ? ExpandGlob(path, files) : NoSuchFile(path);
  }
  if (S_ISDIR(about.st_mode)) {
    return Status(StatusCode::kBadData,
                  fmt::format("this is a folder; name files, or a pattern such as '{}{}*.svm'",
                              path, path.ends_with('/') ? "" : "/"),
                  path);
  }
  files.push_back(path);
  return {};
}

struct Magic {
  std::string_view bytes;
  std::string_view what;
};
constexpr std::array<Magic, 11> kForeign = {{
    {"\x7f"
     "ELF",
     "a program (ELF)"},
    {"PK\x03\x04", "a zip archive; unpack it first"},
    {"\xfd"
     "7zXZ",
     "packed by xz, which is not read; unpack it with 'xz -dk'"},
    {"BZh", "packed by bzip2, which is not read; unpack it with 'bzip2 -dk'"},
    {"\x04\x22\x4d\x18", "packed by lz4, which is not read; unpack it with 'lz4 -d'"},
    {"\x89PNG", "a picture (PNG)"},
    {"%PDF", "a PDF document"},
    {"SQLite format 3", "an SQLite database; export the table as CSV"},
    {"\xff\xfe", "UTF-16 text; convert it to UTF-8"},
    {"\xfe\xff", "UTF-16 text; convert it to UTF-8"},
    {"\x89HDF", "an HDF5 file; export the table as CSV or Parquet"},
}};

/// Why `head` is no text, or "".
std::string WhyBinary(std::string_view head) {
  if (head.starts_with("PAR1")) return "a Parquet file; say --format parquet";
  for (const Magic& magic : kForeign) {
    if (head.starts_with(magic.bytes)) return std::string(magic.what);
  }
  const std::size_t nul = head.find('\0');
  if (nul != std::string_view::npos) return fmt::format("no text: byte {} is NUL", nul);
  const auto control = [](char c) {
    return static_cast<unsigned char>(c) < 0x20 && !std::strchr("\t\n\r\f\v", c);
  };
  const auto strange = static_cast<std::size_t>(std::count_if(head.begin(), head.end(), control));
  if (strange * 20 > head.size()) {
    return fmt::format("no text: {} of its first {} bytes are control characters", strange,
                       head.size());
  }
  return "";
}

std::string_view FirstRow(std::string_view head) {
  const char* p = head.data();
  const char* const limit = p + head.size();
  const RecordShape shape{.comments = true};
  while (p < limit) {
    const char* end = RecordEnd(p, limit, shape);
    if (end == nullptr) end = limit;
    if (!IsNoRow({p, end}, shape)) return {p, static_cast<std::size_t>(end - p)};
    p = end + (end < limit ? 1 : 0);
  }
  return {};
}

Result<Format> FormatByContent(const ProbedFile& probed) {
  const std::string_view row = FirstRow(probed.head);
  const bool numbers = LooksLikeLibsvm(row);
  // Numbers between tabs may be ids or the columns of a table without a header.
  const bool table =
      row.find(':') == std::string_view::npos && row.find('\t') != std::string_view::npos;
  if (numbers && !table) return Format::kLibsvm;
  if (LooksLikeLibffm(row)) return Format::kLibffm;
  if (LooksLikeVw(row)) return Format::kVw;
  if (LooksLikeCriteo(row)) return Format::kCriteo;
  if (!numbers && row.find_first_of(",\t;") != std::string_view::npos) return Format::kCsv;
  return Status(StatusCode::kBadData,
                fmt::format("the format is not clear from the name or the first row, {}; say "
                            "--format libsvm, libfm, libffm, vw, criteo, csv or parquet",
                            Quoted(row)),
                probed.file.path);
}

}  // namespace

const char* FormatName(Format format) {
  switch (format) {
    case Format::kAuto:
      return "auto";
    case Format::kLibsvm:
      return "libsvm";
    case Format::kLibfm:
      return "libfm";
    case Format::kLibffm:
      return "libffm";
    case Format::kVw:
      return "vw";
    case Format::kCriteo:
      return "criteo";
    case Format::kCsv:
      return "csv";
    case Format::kParquet:
      return "parquet";
  }
  return "unknown";
}

Format FormatOfName(std::string path) {
  for (const char* packed : {".gz", ".gzip", ".zst", ".zstd"}) {
    if (path.ends_with(packed)) path.erase(path.size() - std::strlen(packed));
  }
  const auto ends = [&path](std::initializer_list<const char*> endings) {
    return std::any_of(endings.begin(), endings.end(),
                       [&](const char* e) { return path.ends_with(e); });
  };
  if (ends({".svm", ".libsvm", ".svmlight"})) return Format::kLibsvm;
  if (ends({".libfm", ".fm"})) return Format::kLibfm;
  if (ends({".libffm", ".ffm"})) return Format::kLibffm;
  if (ends({".vw"})) return Format::kVw;
  if (ends({".criteo"})) return Format::kCriteo;
  if (ends({".csv", ".tsv"})) return Format::kCsv;
  if (ends({".parquet", ".pq"})) return Format::kParquet;
  return Format::kAuto;
}

Status StreamAmongFiles(const std::string& path) {
  return Status(StatusCode::kInvalidArgument,
                "a stream cannot be read together with other files; name it alone", path);
}

Result<std::vector<std::string>> ExpandPaths(const std::vector<std::string>& paths) {
  if (paths.empty()) return Status(StatusCode::kInvalidArgument, "no input file was named");
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    if (path == "-" && paths.size() > 1) return StreamAmongFiles(path);
    SY_RETURN_IF_ERROR(ExpandPath(path, files));
  }
  return files;
}

bool NamesStream(const std::string& path) {
  struct stat about {};
  if (path == "-") return true;
  return ::stat(path.c_str(), &about) == 0 && !S_ISREG(about.st_mode) && !S_ISDIR(about.st_mode);
}

Result<ProbedFile> ProbeFile(const std::string& path) {
  ProbedFile probed;
  probed.file.path = path == "-" ? "standard input" : path;
  probed.file.stream = NamesStream(path);
  struct stat about {};
  if (!probed.file.stream && ::stat(path.c_str(), &about) == 0) {
    probed.file.bytes = static_cast<std::uint64_t>(about.st_size);
  }

  Result<std::unique_ptr<ByteSource>> opened =
      probed.file.stream ? OpenStream(path) : OpenFile(path);
  if (!opened.ok()) return opened.status();
  std::unique_ptr<ByteSource> source = std::move(opened.value());
  constexpr std::size_t kMagicBytes = 4;
  std::string magic;
  SY_RETURN_IF_ERROR(ReadUpTo(*source, kMagicBytes, magic));
  if (magic.empty()) return Status(StatusCode::kBadData, "the input is empty", probed.file.path);
  probed.file.packing = DetectPacking(magic);
  const bool packed = probed.file.packing != Packing::kNone;
  const bool named_packed = path.ends_with(".gz") || path.ends_with(".zst");
  if (named_packed && !packed) {
    return Status(StatusCode::kCorruption,
                  "the name says packed, but the content is neither gzip nor zstd",
                  probed.file.path);
  }
  source = Unpack(probed.file.packing, Prepend(magic, std::move(source)), probed.file.path);
  SY_RETURN_IF_ERROR(ReadUpTo(*source, kHeadBytes, probed.head));
  if (probed.head.empty()) {
    return Status(StatusCode::kBadData, "the input unpacks to nothing", probed.file.path);
  }
  if (probed.file.stream) probed.source = Prepend(probed.head, std::move(source));
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  if (probed.head.starts_with(kByteOrderMark)) {
    probed.file.rows_start = kByteOrderMark.size();
    probed.head.erase(0, kByteOrderMark.size());
  }
  return probed;
}

Result<Format> DetectFormat(const ProbedFile& probed, Format wanted) {
  const bool named = wanted != Format::kAuto;
  Format format = named ? wanted : FormatOfName(probed.file.path);
  const bool is_parquet = probed.head.starts_with("PAR1");
  const bool plain = probed.file.packing == Packing::kNone && !probed.file.stream;
  if (format == Format::kAuto && is_parquet) format = Format::kParquet;
  if (format == Format::kParquet) {
    if (!is_parquet) {
      return Status(
          StatusCode::kBadData,
          fmt::format("this is no Parquet file, though {} says so: it does not begin with PAR1",
                      named ? "--format" : "its name"),
          probed.file.path);
    }
    if (plain) return format;
    return Status(StatusCode::kBadData,
                  "Parquet is read from plain files only, not packed and not from a stream",
                  probed.file.path);
  }
  if (const std::string why = WhyBinary(probed.head); !why.empty()) {
    return Status(StatusCode::kBadData, fmt::format("this is {}", why), probed.file.path);
  }
  if (format == Format::kAuto) return FormatByContent(probed);
  // Criteo's logs have no header, and no header looks like one of their rows.
  if (!named && format == Format::kCsv && LooksLikeCriteo(FirstRow(probed.head)))
    return Format::kCriteo;
  return format;
}

}  // namespace steelyard::data
