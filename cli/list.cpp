// halfbyte list: the models that can be named.
#include <memory>

#include "base/json_writer.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "cli/output.h"
#include "store/model_store.h"

namespace halfbyte {

Action declare_list(Arguments& args) {
  const auto json = std::make_shared<bool>(false);
  declare_json(args, *json);
  return [json]() -> Result<int> {
    const std::vector<ResolvedModel> models = list_models(StoreLocations::from_environment());
    JsonWriter out;
    out.begin_object().key("models").begin_array();
    std::string lines;
    for (const ResolvedModel& model : models) {
      out.begin_object().member("name", model.name).member("place", model.place).member("path", model.path.string()).end_object();
      lines += fmt::format("{:<32} {}\n", printable(model.name), model.place);
    }
    out.end_array().end_object();
    print(*json ? out.take() + "\n" : lines);
    if (models.empty()) notify("no models found: 'make model' fetches one");
    return 0;
  };
}

}  // namespace halfbyte
