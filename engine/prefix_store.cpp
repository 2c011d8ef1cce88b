#include "engine/prefix_store.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <system_error>
#include <tuple>
#include <vector>

#include "base/errors.h"
#include "base/fingerprint.h"

namespace halfbyte {
namespace {

constexpr std::string_view kMagic = "halfbyte prefix page 1\n";
constexpr std::string_view kSuffix = ".page";
constexpr size_t kNameDigits = 32;
constexpr auto kAbandoned = std::chrono::hours(1);  // what a writer has not finished by then it never will

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }
std::string_view text_of(std::span<const std::byte> bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

void append(std::string& out, uint64_t number) { out.append(reinterpret_cast<const char*>(&number), sizeof number); }

bool is_page_name(std::string_view name) {
  return name.size() > kNameDigits + 1 + kSuffix.size() && name.ends_with(kSuffix) && name[kNameDigits] == '-';
}

// How many tokens, of "<32 digits>-<tokens>.page".
std::optional<size_t> tokens_of(std::string_view name) {
  name = name.substr(kNameDigits + 1, name.size() - kNameDigits - 1 - kSuffix.size());
  size_t tokens = 0;
  for (const char c : name) {
    if (c < '0' || c > '9' || tokens > (size_t{1} << 40)) return std::nullopt;
    tokens = tokens * 10 + static_cast<size_t>(c - '0');
  }
  return tokens;
}

}  // namespace

Result<PrefixStore> PrefixStore::open(const std::filesystem::path& folder, std::string identity, uint64_t most_bytes, const World& world) {
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  if (failed) return io_error("{}: cannot make the folder: {}", folder.string(), failed.message());
  if (!std::filesystem::is_directory(folder, failed)) return io_error("{}: is not a folder", folder.string());
  std::filesystem::permissions(folder, std::filesystem::perms::owner_all, failed);  // what was asked can be read out of the pages
  PrefixStore store(folder, std::move(identity), most_bytes, world);
  store.find_files();
  store.make_room(0);
  return store;
}

void PrefixStore::find_files() {
  std::error_code failed;
  for (auto entry = std::filesystem::directory_iterator(folder_, failed); !failed && entry != std::filesystem::directory_iterator();
       entry.increment(failed)) {
    std::error_code odd;
    const std::string name = entry->path().filename().string();
    const auto written = entry->last_write_time(odd);
    if (odd || !entry->is_regular_file(odd) || odd) continue;
    if (is_page_name(name)) {
      const uint64_t size = entry->file_size(odd);
      const auto tokens = tokens_of(name);
      if (odd || !tokens) continue;
      files_.emplace(name, Kept{size, written, *tokens});
      bytes_ += size;
    } else if (const auto at = name.rfind('.');  // NewFile's: the name and six letters
               at != std::string::npos && is_page_name(name.substr(0, at)) &&
               written + kAbandoned < std::filesystem::file_time_type::clock::now()) {
      std::filesystem::remove(entry->path(), odd);
    }
  }
}

// What a page's file begins with.
std::string PrefixStore::head(std::string_view principal, std::span<const Token> tokens) const {
  std::string head(kMagic);
  for (const size_t size : {identity_.size(), principal.size(), tokens.size()}) append(head, size);
  head += identity_;
  head += principal;
  head += text_of(std::as_bytes(tokens));
  return head;
}

std::string PrefixStore::name(std::string_view head, size_t tokens) {
  return fmt::format("{:016x}{:016x}-{}{}", Fingerprint(1).add(bytes_of(head)).value(), Fingerprint(2).add(bytes_of(head)).value(), tokens,
                     kSuffix);
}

bool PrefixStore::has(std::string_view principal, std::span<const Token> tokens) const {
  return files_.contains(name(head(principal, tokens), tokens.size()));
}

bool PrefixStore::save(std::string_view principal, std::span<const Token> tokens, std::span<const std::span<const std::byte>> pieces) {
  const std::string head = this->head(principal, tokens), name = PrefixStore::name(head, tokens.size());
  if (files_.contains(name)) return true;
  uint64_t bytes = head.size() + sizeof(uint64_t);
  Fingerprint checksum;
  checksum.add(bytes_of(head));
  for (const std::span<const std::byte> piece : pieces) {
    bytes += piece.size();
    checksum.add(piece);
  }
  if (!make_room(bytes)) return false;
  std::string end;
  append(end, checksum.value());
  const auto written = [&]() -> Result<void> {
    HB_TRY_ASSIGN(file, world_->create(folder_ / name));
    HB_TRY(file->write(head));
    for (const std::span<const std::byte> piece : pieces) HB_TRY(file->write(text_of(piece)));
    HB_TRY(file->write(end));
    return file->publish();  // without sync(): what a power failure leaves of it has another checksum
  }();
  if (!written) return false;
  files_.emplace(name, Kept{bytes, std::filesystem::file_time_type::clock::now(), tokens.size()});
  bytes_ += bytes;
  return true;
}

bool PrefixStore::load(std::string_view principal, std::span<const Token> tokens, std::span<const std::span<std::byte>> pieces) {
  const std::string head = this->head(principal, tokens), name = PrefixStore::name(head, tokens.size());
  if (!files_.contains(name)) return false;
  const auto read = [&]() -> Result<bool> {
    HB_TRY_ASSIGN(file, world_->open(folder_ / name));
    uint64_t bytes = head.size() + sizeof(uint64_t);
    for (const std::span<std::byte> piece : pieces) bytes += piece.size();
    if (file->size() != bytes) return false;
    std::string found(head.size(), '\0');
    HB_TRY(file->read_at(0, std::as_writable_bytes(std::span(found))));
    if (found != head) return false;
    uint64_t at = head.size(), expected = 0;
    Fingerprint checksum;
    checksum.add(bytes_of(head));
    for (const std::span<std::byte> piece : pieces) {
      HB_TRY(file->read_at(at, piece));
      checksum.add(piece);
      at += piece.size();
    }
    HB_TRY(file->read_at(at, std::as_writable_bytes(std::span(&expected, 1))));
    return expected == checksum.value();
  }();
  if (read && *read) return true;
  remove(name);
  return false;
}

void PrefixStore::touch(std::string_view principal, std::span<const Token> tokens, size_t page_tokens) {
  const auto now = std::filesystem::file_time_type::clock::now();
  for (size_t n = page_tokens; n <= tokens.size(); n += page_tokens) {
    const auto found = files_.find(name(head(principal, tokens.first(n)), n));
    if (found == files_.end()) continue;
    found->second.used = now;
    std::error_code odd;
    std::filesystem::last_write_time(folder_ / found->first, now, odd);
  }
}

bool PrefixStore::make_room(uint64_t bytes) {
  if (bytes > most_bytes_) return false;
  while (bytes_ + bytes > most_bytes_) {
    const auto goes = std::ranges::min_element(files_, [](const auto& a, const auto& b) {
      return std::tuple(a.second.used, b.second.tokens) < std::tuple(b.second.used, a.second.tokens);
    });
    remove(goes->first);
  }
  return true;
}

void PrefixStore::remove(const std::string& name) {
  const auto found = files_.find(name);
  bytes_ -= found->second.bytes;
  std::error_code odd;
  std::filesystem::remove(folder_ / name, odd);
  files_.erase(found);
}

}  // namespace halfbyte
