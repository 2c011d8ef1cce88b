// What kind each character is.
#pragma once

#include <array>
#include <cstdint>

namespace halfbyte {

// Every code point is of exactly one kind; the sets that pre-tokenizers speak of are unions of these.
// ASCII is cut finer than the rest because patterns single out its characters.
enum class CharKind : uint8_t {
  kSpace,             // ' '
  kTab,               // '\t'
  kLineFeed,          // '\n'
  kCarriageReturn,    // '\r'
  kOtherSpace,        // the rest of White_Space
  kApostrophe,        // '\''
  kSlash,             // '/'
  kUnderscore,        // '_'
  kAsciiPunctuation,  // the rest of it
  kAsciiSymbol,       // $ + < = > ^ ` | ~
  kAsciiUpper,
  kAsciiLower,
  kAsciiDigit,
  kUpper,     // Lu
  kLower,     // Ll
  kTitle,     // Lt
  kModifier,  // Lm
  kHan,       // Lo or Lm of the script Han
  kLetter,    // Lo, any other
  kMark,      // Mn Mc Me
  kDigit,     // Nd
  kNumber,    // Nl No
  kPunctuation,
  kSymbol,
  kControl,       // Cc that is no White_Space
  kOther,         // Cf Co Cs
  kUnassigned,    // Cn
  kContinuation,  // not a character: a byte inside one, in arrays of kinds by byte
};

CharKind kind_of(char32_t code_point);
const std::array<CharKind, 128>& ascii_kinds();  // of the first 128, without the table that the others need

// A set of kinds, written much as patterns write it: ~(chars::kS | chars::kL) is [^\s\p{L}].
class CharSet {
 public:
  constexpr CharSet() = default;
  constexpr CharSet(CharKind kind) : bits_(1u << static_cast<unsigned>(kind)) {}  // NOLINT: implicit by design
  constexpr bool contains(CharKind kind) const { return (bits_ >> static_cast<unsigned>(kind) & 1u) != 0; }
  constexpr CharSet operator|(CharSet other) const { return CharSet(bits_ | other.bits_); }
  constexpr CharSet operator&(CharSet other) const { return CharSet(bits_ & other.bits_); }
  constexpr CharSet operator~() const { return CharSet(~bits_ & kAll); }
  constexpr bool operator==(const CharSet&) const = default;

 private:
  static constexpr uint32_t kAll = (1u << static_cast<unsigned>(CharKind::kContinuation)) - 1;
  explicit constexpr CharSet(uint32_t bits) : bits_(bits) {}
  uint32_t bits_ = 0;
};

// The kinds of the characters from `first` to `last`, or some more: quick for any range.
CharSet kinds_between(char32_t first, char32_t last);

// The names patterns use: chars::kL is \p{L}, chars::kS is \s, chars::kSymbol is \p{S}.
namespace chars {
inline constexpr CharSet kCrLf = CharSet(CharKind::kLineFeed) | CharKind::kCarriageReturn;
inline constexpr CharSet kS = kCrLf | CharKind::kSpace | CharKind::kTab | CharKind::kOtherSpace;
inline constexpr CharSet kAsciiLetter = CharSet(CharKind::kAsciiUpper) | CharKind::kAsciiLower;
inline constexpr CharSet kUpperOrTitle = CharSet(CharKind::kAsciiUpper) | CharKind::kUpper | CharKind::kTitle;  // Lu Lt
inline constexpr CharSet kLower = CharSet(CharKind::kAsciiLower) | CharKind::kLower;                            // Ll
inline constexpr CharSet kUncased = CharSet(CharKind::kModifier) | CharKind::kLetter | CharKind::kHan;          // Lm Lo
inline constexpr CharSet kL = kUpperOrTitle | kLower | kUncased;
inline constexpr CharSet kM = CharKind::kMark;
inline constexpr CharSet kN = CharSet(CharKind::kAsciiDigit) | CharKind::kDigit | CharKind::kNumber;
inline constexpr CharSet kAsciiP = CharSet(CharKind::kApostrophe) | CharKind::kSlash | CharKind::kUnderscore | CharKind::kAsciiPunctuation;
inline constexpr CharSet kP = kAsciiP | CharKind::kPunctuation;
inline constexpr CharSet kSymbol = CharSet(CharKind::kAsciiSymbol) | CharKind::kSymbol;
inline constexpr CharSet kAnything = ~CharSet();
}  // namespace chars

}  // namespace halfbyte
