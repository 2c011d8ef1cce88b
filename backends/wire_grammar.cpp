#include "backends/wire_grammar.h"

#include "backends/json_members.h"
#include "base/errors.h"

namespace halfbyte {
namespace {

Result<Json> schema_of(const GrammarSource& grammar, std::string_view service) {
  if (grammar.kind != GrammarKind::kJsonSchema) return unsupported("{} takes JSON and JSON Schemas, and no other grammar", service);
  auto schema = parse_json(grammar.source, "grammar");
  if (!schema) return invalid("{}", schema.error().message);
  return schema;
}

}  // namespace

Result<void> add_ollama_format(Json::Object& fields, const std::optional<GrammarSource>& grammar) {
  if (!grammar) return {};
  if (grammar->kind == GrammarKind::kJsonObject) {
    add(fields, "format", {"json"});
    return {};
  }
  HB_TRY_ASSIGN(schema, schema_of(*grammar, "Ollama"));
  add(fields, "format", std::move(schema));
  return {};
}

Result<void> add_response_format(Json::Object& fields, const std::optional<GrammarSource>& grammar) {
  if (!grammar) return {};
  Json::Object format;
  if (grammar->kind == GrammarKind::kJsonObject) {
    add(format, "type", {"json_object"});
  } else {
    HB_TRY_ASSIGN(schema, schema_of(*grammar, "an OpenAI-style service"));
    add(format, "type", {"json_schema"});
    add(format, "json_schema", {Json::Object{{"name", {"reply"}}, {"schema", std::move(schema)}, {"strict", {true}}}});
  }
  add(fields, "response_format", {std::move(format)});
  return {};
}

}  // namespace halfbyte
