#include "kernels/table.h"

#include "kernels/avx2_vnni/vec.h"
#include "quant/levels.h"
#include "quant/panel.h"

namespace halfbyte::avx2_vnni {
#include "kernels/body/integer_table.h"
}  // namespace halfbyte::avx2_vnni
