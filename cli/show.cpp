// halfbyte show: what a model file holds, from its header alone.
#include <algorithm>
#include <memory>
#include <optional>

#include "cli/commands.h"
#include "cli/json_writer.h"
#include "cli/model_facts.h"
#include "cli/model_file.h"
#include "cli/options.h"
#include "cli/output.h"

namespace halfbyte {
namespace {

std::string scaled(uint64_t n, std::string_view unit) {
  constexpr std::string_view kPrefixes[] = {"", " k", " M", " G", " T"};
  double value = static_cast<double>(n);
  size_t prefix = 0;
  for (; value >= 1000 && prefix + 1 < std::size(kPrefixes); ++prefix) value /= 1000;
  return prefix == 0 ? fmt::format("{}{}{}", n, unit.empty() ? "" : " ", unit) : fmt::format("{:.1f}{}{}", value, kPrefixes[prefix], unit);
}

std::string joined(const std::vector<int64_t>& values) {
  const auto [least, greatest] = std::minmax_element(values.begin(), values.end());
  return *least == *greatest ? fmt::format("{}", *least) : fmt::format("{} to {}, by layer", *least, *greatest);
}

std::string as_text(const ModelFacts& facts, const Checkpoint& file) {
  std::string out;
  const auto line = [&](std::string_view label, std::string_view value) {
    if (!value.empty()) out += fmt::format("{:<16} {}\n", label, value);
  };
  line("architecture", facts.architecture);
  line("name", facts.name);
  line("license", facts.license);
  if (facts.all.tensors > 0) line("parameters", scaled(facts.all.weights, ""));
  line("file size", scaled(facts.file_bytes, "B"));
  if (facts.all.weights > 0) line("bits per weight", fmt::format("{:.2f}", facts.all.bits_per_weight()));
  for (const Dimension& d : facts.dimensions) line(d.label, joined(d.values));
  line("vocabulary", facts.vocabulary > 0 ? fmt::format("{}", facts.vocabulary) : "");
  line("tokenizer", facts.pre_tokenizer.empty() ? facts.tokenizer : fmt::format("{} ({})", facts.tokenizer, facts.pre_tokenizer));
  for (const std::string& warning : file.warnings) line("warning", warning);

  if (!facts.types.empty()) {
    out += fmt::format("\n{:<10} {:>8} {:>10} {:>10} {:>12}\n", "type", "tensors", "weights", "bytes", "bits/weight");
    for (const TypeShare& share : facts.types)
      out += fmt::format("{:<10} {:>8} {:>10} {:>10} {:>12.2f}\n", share.type, share.tensors, scaled(share.weights, ""),
                         scaled(share.bytes, "B"), share.bits_per_weight());
  }
  if (!facts.chat_template.empty()) out += fmt::format("\ntemplate\n{}\n", facts.chat_template);
  return out;
}

std::string as_json(const ModelFacts& facts, const Checkpoint& file) {
  const auto text = [](const std::string& s) { return s.empty() ? std::nullopt : std::optional(s); };
  JsonWriter out;
  out.begin_object();
  out.member("architecture", text(facts.architecture)).member("name", text(facts.name)).member("license", text(facts.license));
  out.member("parameters", facts.all.weights).member("file_bytes", facts.file_bytes).member("weight_bytes", facts.all.bytes);
  out.member("bits_per_weight", facts.all.bits_per_weight());
  for (const Dimension& d : facts.dimensions) {
    if (d.values.size() == 1)
      out.member(d.name, d.values.front());
    else
      out.member(d.name, d.values);
  }
  out.member("vocabulary", facts.vocabulary);
  out.member("tokenizer", text(facts.tokenizer)).member("pre_tokenizer", text(facts.pre_tokenizer));
  out.member("tensors", facts.all.tensors).key("types").begin_array();
  for (const TypeShare& share : facts.types) {
    out.begin_object().member("type", share.type).member("tensors", share.tensors).member("weights", share.weights);
    out.member("bytes", share.bytes).member("bits_per_weight", share.bits_per_weight()).end_object();
  }
  out.end_array().member("chat_template", text(facts.chat_template));
  out.key("files").begin_array();
  for (const File& f : file.files) out.value(f.path());
  return out.end_array().member("warnings", file.warnings).end_object().take() + "\n";
}

Result<int> show(const std::string& model, bool json) {
  HB_TRY_ASSIGN(file, open_model_file(model));
  const ModelFacts facts = gather_facts(file);
  if (json)
    print(as_json(facts, file));
  else
    print(printable(as_text(facts, file)));
  return 0;
}

}  // namespace

Action declare_show(Arguments& args) {
  const auto model = std::make_shared<std::string>();
  const auto json = std::make_shared<bool>(false);
  args.positional("MODEL", *model, "a .gguf file or a model's name");
  declare_json(args, *json);
  return [model, json] { return show(*model, *json); };
}

}  // namespace halfbyte
