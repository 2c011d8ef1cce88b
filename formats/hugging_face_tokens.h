// What a Hugging Face checkpoint says of its tokens, as GGUF's tokenizer keys: the tokenizer itself as one text, which text/ reads.
#pragma once

#include "base/json.h"
#include "formats/checkpoint.h"
#include "formats/checkpoint_texts.h"

namespace halfbyte {

// tokenizer.json, tokenizer_config.json with special_tokens_map.json, chat_template.jinja, additional_chat_templates/tool_use.jinja, and
// the special ids of config.json and generation_config.json: its bos counts first, and every eos ends a reply. Ids outside the
// `vocabulary` are warned of and left out. Without tokenizer.json: "tokenizer.ggml.model" = "no_vocab".
Result<void> read_tokens(const CheckpointTexts& texts, const Json& config, uint64_t vocabulary, Metadata& out,
                         std::vector<std::string>& warnings);

}  // namespace halfbyte
