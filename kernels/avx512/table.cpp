#include "kernels/table.h"

#include "kernels/avx512/vec.h"
#include "quant/levels.h"
#include "quant/panel.h"

namespace halfbyte::avx512 {
#include "kernels/body/table.h"
}  // namespace halfbyte::avx512
