#include "kernels/table.h"

#include "kernels/avx2/vec.h"
#include "quant/levels.h"
#include "quant/panel.h"

namespace halfbyte::avx2 {
#include "kernels/body/table.h"
}  // namespace halfbyte::avx2
