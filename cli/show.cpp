// halfbyte show: what a model file holds, from its header alone.
#include <memory>
#include <optional>

#include "base/json_writer.h"
#include "cli/commands.h"
#include "cli/model_facts.h"
#include "cli/model_file.h"
#include "cli/options.h"
#include "cli/output.h"

namespace halfbyte {
namespace {

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
  for (const auto& f : file.files) out.value(f->path());
  return out.end_array().member("warnings", facts.warnings).end_object().take() + "\n";
}

Result<int> show(const std::string& model, bool json) {
  HB_TRY_ASSIGN(file, open_model_file(model));
  const ModelFacts facts = gather_facts(file);
  if (json)
    print(as_json(facts, file));
  else
    print(printable(facts_text(facts) + (facts.chat_template.empty() ? "" : fmt::format("\ntemplate\n{}\n", facts.chat_template))));
  return 0;
}

}  // namespace

Action declare_show(Arguments& args) {
  const auto model = std::make_shared<std::string>();
  const auto json = std::make_shared<bool>(false);
  args.positional("MODEL", *model, "a .gguf file, a checkpoint's directory or a model's name");
  declare_json(args, *json);
  return [model, json] { return show(*model, *json); };
}

}  // namespace halfbyte
