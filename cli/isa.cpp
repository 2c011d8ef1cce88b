// halfbyte isa: the instruction sets that this machine runs, so that tests and scripts can force each with HALFBYTE_ISA.
#include "kernels/isa.h"

#include <memory>

#include "base/json_writer.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "cli/output.h"

namespace halfbyte {

Action declare_isa(Arguments& args) {
  const auto json = std::make_shared<bool>(false);
  declare_json(args, *json);
  return [json]() -> Result<int> {
    HB_TRY_ASSIGN(chosen, choose_isa());
    JsonWriter out;
    std::string lines;
    out.begin_object().key("isas").begin_array();
    for (const Isa isa : isas_here()) {
      out.value(name(isa));
      lines += fmt::format("{}\n", name(isa));
    }
    out.end_array().member("chosen", name(chosen)).end_object();
    print(*json ? out.take() + "\n" : lines);
    return 0;
  };
}

}  // namespace halfbyte
