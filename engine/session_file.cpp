#include "engine/session_file.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/checked.h"
#include "base/errors.h"
#include "base/fingerprint.h"

namespace halfbyte {
namespace {

constexpr std::string_view kMagic = "halfbyte session 1\n";
constexpr uint64_t kChecked = uint64_t{1} << 20;  // bytes that are read at once

std::string_view text_of(std::span<const std::byte> bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
std::span<std::byte> bytes_of(std::string& text) { return std::as_writable_bytes(std::span(text)); }

// What is written, and the checksum of it. Pieces are of the reader's size, however they came.
class Sum {
 public:
  void add(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto taken = std::min<size_t>(bytes.size(), kChecked - held_.size());
      held_ += bytes.substr(0, taken);
      bytes.remove_prefix(taken);
      if (held_.size() == kChecked) flush();
    }
  }
  uint64_t value() {
    if (!held_.empty()) flush();
    return sum_.value();
  }

 private:
  void flush() {
    sum_.add(std::as_bytes(std::span(held_)));
    held_.clear();
  }
  Fingerprint sum_;
  std::string held_;
};

struct Place {
  uint64_t at, bytes;
};

// Of what comes next in a file of so many bytes. Nothing: it does not fit.
std::optional<Place> next(uint64_t& at, uint64_t count, uint64_t size_of_each, uint64_t file_bytes) {
  const auto bytes = checked_mul(count, size_of_each);
  const auto end = bytes ? checked_add(at, *bytes) : std::nullopt;
  if (!end || *end > file_bytes) return std::nullopt;
  return Place{std::exchange(at, *end), *bytes};
}

Result<uint64_t> checksum(const ByteSource& file, uint64_t bytes) {
  Fingerprint sum;
  std::string piece;
  for (uint64_t at = 0; at < bytes; at += piece.size()) {
    piece.resize(std::min(kChecked, bytes - at));
    HB_TRY(file.read_at(at, bytes_of(piece)));
    sum.add(std::as_bytes(std::span(piece)));
  }
  return sum.value();
}

}  // namespace

Result<void> write_session(const World& world, const std::filesystem::path& path, const std::string& identity, const Session& session,
                           uint64_t pages, std::span<const SessionPages> groups) {
  HB_TRY_ASSIGN(file, world.create(path));
  Sum sum;
  const auto write = [&](std::string_view bytes) {
    sum.add(bytes);
    return file->write(bytes);
  };
  std::vector<uint64_t> numbers{identity.size(), session.note.size(), session.tokens.size(), pages, groups.size()};
  for (const SessionPages& group : groups) numbers.insert(numbers.end(), {group.first, group.page_bytes});
  HB_TRY(write(kMagic));
  HB_TRY(write(text_of(std::as_bytes(std::span(numbers)))));
  HB_TRY(write(identity));
  HB_TRY(write(session.note));
  HB_TRY(write(text_of(std::as_bytes(std::span(session.tokens)))));
  for (const SessionPages& group : groups)
    for (const std::span<const std::byte> page : group.pages) HB_TRY(write(text_of(page)));
  const uint64_t value = sum.value();
  HB_TRY(file->write(text_of(std::as_bytes(std::span(&value, 1)))));
  HB_TRY(file->sync());  // a conversation is not to be had again
  return file->publish();
}

Result<SessionFile> SessionFile::open(const World& world, const std::filesystem::path& path) {
  SessionFile session;
  HB_TRY_INTO(session.file_, world.open(path));
  const ByteSource& file = *session.file_;
  const auto damaged = [&](std::string_view what) { return corrupt("{}: session: {}", path.string(), what); };
  std::string magic(kMagic.size(), '\0');
  if (file.size() < kMagic.size() + sizeof(uint64_t)) return damaged("too short to be one");
  HB_TRY(file.read_at(0, bytes_of(magic)));
  if (magic != kMagic) return damaged("does not begin like one");
  const uint64_t end = file.size() - sizeof(uint64_t);
  uint64_t expected = 0;
  HB_TRY(file.read_at(end, std::as_writable_bytes(std::span(&expected, 1))));
  HB_TRY_ASSIGN(found, checksum(file, end));
  if (found != expected) return damaged("its checksum is another one: it was changed, or not written to its end");

  // Whoever can write a file can write its checksum, too.
  const auto too_long = [&] { return damaged("is longer than the file"); };
  uint64_t at = kMagic.size();
  std::array<uint64_t, 5> numbers{};
  const auto header = next(at, numbers.size(), sizeof(uint64_t), end);
  if (!header) return too_long();
  HB_TRY(file.read_at(header->at, std::as_writable_bytes(std::span(numbers))));
  const auto [identity_bytes, note_bytes, tokens, pages, groups] = numbers;
  const auto of_groups = next(at, groups, 2 * sizeof(uint64_t), end);
  const auto identity = of_groups ? next(at, identity_bytes, 1, end) : std::nullopt;
  const auto note = identity ? next(at, note_bytes, 1, end) : std::nullopt;
  const auto of_tokens = note ? next(at, tokens, sizeof(Token), end) : std::nullopt;
  if (!of_tokens) return too_long();
  std::vector<uint64_t> sizes(2 * groups);
  HB_TRY(file.read_at(of_groups->at, std::as_writable_bytes(std::span(sizes))));
  for (uint64_t g = 0; g < groups; ++g) {
    const SessionPages group{.first = sizes[2 * g], .page_bytes = sizes[2 * g + 1]};
    if (group.first > pages) return damaged("pages that begin behind their end");
    const auto place = next(at, pages - group.first, group.page_bytes, end);
    if (!place) return too_long();
    session.groups_.push_back(group);
    session.begins_.push_back(place->at);
  }
  if (at != end) return damaged("is shorter than the file");
  session.pages_ = pages;
  session.identity_.resize(identity->bytes);
  session.session_.note.resize(note->bytes);
  session.session_.tokens.resize(tokens);
  HB_TRY(file.read_at(identity->at, bytes_of(session.identity_)));
  HB_TRY(file.read_at(note->at, bytes_of(session.session_.note)));
  HB_TRY(file.read_at(of_tokens->at, std::as_writable_bytes(std::span(session.session_.tokens))));
  return session;
}

Result<void> SessionFile::read_page(size_t group, uint64_t page, std::span<std::byte> bytes) const {
  return file_->read_at(begins_[group] + (page - groups_[group].first) * groups_[group].page_bytes, bytes);
}

}  // namespace halfbyte
