// A session's file: a value whose lengths hold, or an error. Its checksum is set right first, lest nothing behind it is ever reached.
#include <cstdlib>
#include <cstring>
#include <string>

#include "base/fingerprint.h"
#include "engine/session_file.h"
#include "formats/memory_bytes.h"

using namespace halfbyte;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

class OneFile final : public World {
 public:
  explicit OneFile(std::string_view bytes) : bytes_(bytes) {}
  Result<std::unique_ptr<ByteSource>> open(const std::filesystem::path& path) const override {
    return std::unique_ptr<ByteSource>(std::make_unique<MemoryBytes>(path.string(), bytes_));
  }

 private:
  std::string_view bytes_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string input(reinterpret_cast<const char*>(data), size);
  const uint64_t sum = Fingerprint().add(std::as_bytes(std::span(input))).value();
  input.append(reinterpret_cast<const char*>(&sum), sizeof sum);
  auto file = SessionFile::open(OneFile(input), "fuzz");
  if (!file) {
    require(!file.error().message.empty());
    return 0;
  }
  require(file->session().tokens.size() * sizeof(Token) + file->session().note.size() + file->identity().size() < input.size());
  for (size_t g = 0; g < file->groups().size(); ++g) {
    const SessionPages& group = file->groups()[g];
    require(group.first <= file->pages());
    if (group.first == file->pages() || group.page_bytes == 0) continue;
    std::string page(group.page_bytes, '\0');
    for (uint64_t at = group.first; at < file->pages(); ++at)
      require(static_cast<bool>(file->read_page(g, at, std::as_writable_bytes(std::span(page)))));
  }
  return 0;
}
