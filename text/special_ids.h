// Which tokens begin and end a text, and which end a reply: from the file's keys, its model's customs, and the texts that
// end-of-turn tokens are known by.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "formats/checkpoint.h"
#include "halfbyte/result.h"
#include "halfbyte/token.h"
#include "text/vocabulary.h"

namespace halfbyte {

struct SpecialIds {
  std::optional<Token> bos, eos;  // bos is [CLS] and eos is [SEP] where the model has those
  bool adds_bos = false, adds_eos = false;
  std::vector<Token> ends;  // ascending: a reply stops at any of these
  // What a template sees of them where the files say it as a text; empty: nothing.
  std::optional<std::string> bos_text, eos_text;
};

// What holds where the file's keys do not say.
struct SpecialDefaults {
  bool adds_bos, adds_eos;
  std::optional<Token> bos = {}, eos = {};
};

// Marks as kControl what ends a reply, whatever type the file gives it: such text must not arise from a user's words.
// kCorrupt: bos or eos lies past the vocabulary, or the file asks to add one it does not have. Other ids past it are warnings.
Result<SpecialIds> read_special_ids(const Metadata& metadata, SpecialDefaults defaults, Vocabulary& vocabulary,
                                    std::vector<std::string>& warnings);

}  // namespace halfbyte
