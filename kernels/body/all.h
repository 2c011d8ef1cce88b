// All bodies, for the set in whose unnamed namespace this is included.

// clang-format off: each builds on those before it
#include "kernels/body/lanes.h"
#include "kernels/body/elementwise.h"
#include "kernels/body/quantize.h"
#include "kernels/body/vocabulary.h"
#include "kernels/body/cache.h"
#include "kernels/body/attend.h"
#include "kernels/body/product.h"
#include "kernels/body/float_columns.h"
#include "kernels/body/panel_floats.h"
#include "kernels/body/panel_per32.h"
#include "kernels/body/panel_per256.h"
#include "kernels/body/panel_pairs.h"
// clang-format on
