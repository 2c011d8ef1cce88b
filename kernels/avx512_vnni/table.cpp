#include "kernels/table.h"

#include "kernels/avx512_vnni/vec.h"
#include "quant/levels.h"
#include "quant/panel.h"

namespace halfbyte::avx512_vnni {
#include "kernels/body/integer_table.h"
}  // namespace halfbyte::avx512_vnni
