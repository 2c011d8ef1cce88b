#include "kernels/table.h"

#include "kernels/scalar/vec.h"
#include "quant/levels.h"
#include "quant/panel.h"

namespace halfbyte::scalar {
#include "kernels/body/table.h"
}  // namespace halfbyte::scalar
