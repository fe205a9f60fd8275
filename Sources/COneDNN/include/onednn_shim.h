// oneDNN for Swift: layers, memory layouts and steps of a forward pass as opaque handles.
//
// Swift needs it because the library is opened when a network first runs, not when the program starts (which does not pay for
// it otherwise, and works where it is missing), because its descriptors are structures of 700 bytes that Swift would pass by
// value, and because its array types do not import. Every function that can fail returns NULL or 0 for success, or the
// failure's name.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// The type of elements in memory.
typedef enum {
  RESECT_F32,
  RESECT_BF16,
  RESECT_S8,
  RESECT_U8,
  RESECT_S32,
} resect_type;

/// How a layout that everybody knows orders its axes.
typedef enum {
  RESECT_ANY,    // whatever suits the layer
  RESECT_PLAIN,  // row-major, in the order of the dimensions
  RESECT_NHWC,   // four axes, channels last
} resect_order;

/// An argument of a layer; the sources of a concatenation are RESECT_SOURCES and what follows.
typedef enum {
  RESECT_SOURCE,
  RESECT_SOURCE_2,
  RESECT_TARGET,
  RESECT_WEIGHTS,
  RESECT_BIAS,
  RESECT_MEAN,
  RESECT_VARIANCE,
  RESECT_SCALE_SHIFT,
  RESECT_SCRATCH,
  RESECT_SOURCES = 1024,
} resect_argument;

typedef struct resect_layout resect_layout;  // the type, shape and order of a tensor in memory
typedef struct resect_layer resect_layer;    // a kernel for given layouts
typedef struct resect_step resect_step;      // a layer with memory to work on

/// Opens the library, once. How its threads wait is the environment's to say.
const char *resect_onednn_open(void);
/// Whether the processor computes in this type without emulation.
bool resect_onednn_supports(resect_type type);
/// The number of threads that layers made and run by the calling thread use.
void resect_onednn_set_threads(int count);

resect_layout *resect_layout_create(int rank, const int64_t *axes, resect_type type, resect_order order);
void resect_layout_free(resect_layout *layout);
bool resect_layout_equal(const resect_layout *one, const resect_layout *other);
size_t resect_layout_size(const resect_layout *layout);

/// A function of each number, by the library's names.
typedef enum {
  RESECT_LINEAR,         // alpha · x + beta
  RESECT_RELU,           // x, or alpha · x where x is negative
  RESECT_CLIP,           // between alpha and beta
  RESECT_SWISH,          // x / (1 + exp(−alpha · x))
  RESECT_GELU_ERF,
  RESECT_GELU_TANH,
  RESECT_ELU,            // x, or alpha · (exp(x) − 1) where x is negative
  RESECT_LOGISTIC,
  RESECT_TANH,
  RESECT_HARD_SWISH,
} resect_function;

typedef struct {
  resect_function function;
  float alpha, beta;
} resect_eltwise;

/// What follows a layer in the same kernel: dst = scale · f(layer + add_scale · dst).
typedef struct {
  bool adds;  // dst holds what is added, of type add_type
  float add_scale;
  resect_type add_type;
  bool activates;
  float scale;
  resect_eltwise activation;
} resect_epilogue;

typedef struct {
  int64_t batch, channels, height, width;
  int64_t outputs, output_height, output_width;
  int64_t kernel_height, kernel_width, stride_height, stride_width, dilation_height, dilation_width, groups;
  int64_t padding_top, padding_left, padding_bottom, padding_right;
  resect_type weights, target;
  bool has_bias;
  bool winograd;
  resect_epilogue epilogue;
} resect_convolution;

/// `scales`: none, or one for each output channel.
const char *resect_convolution_create(const resect_convolution *what, const float *scales, int64_t scale_count,
                                      const resect_layout *source, const resect_layout *target, resect_layer **layer);

/// What a pooling makes of a window.
typedef enum {
  RESECT_MAXIMUM,         // of what is not padding
  RESECT_MEAN_INSIDE,     // of what is not padding
  RESECT_MEAN_OF_WINDOW,  // padding counts as zeros
} resect_reduction;

typedef struct {
  int64_t batch, channels, height, width;
  int64_t output_height, output_width;
  int64_t kernel_height, kernel_width, stride_height, stride_width;
  int64_t padding_top, padding_left, padding_bottom, padding_right;
  resect_reduction reduction;
} resect_pooling;

const char *resect_pooling_create(const resect_pooling *what, const resect_layout *source, resect_layer **layer);
const char *resect_batch_norm_create(const resect_layout *source, float epsilon, bool relu, resect_layer **layer);
/// target = source + source_2, or their product, then relu. A product's second operand may have one element a channel.
const char *resect_binary_create(const resect_layout *source, const resect_layout *other, bool multiplies, bool relu,
                                 resect_layer **layer);
const char *resect_eltwise_create(const resect_layout *source, const resect_eltwise *what, resect_layer **layer);
/// The sources one after the other along the axis 1.
const char *resect_concatenation_create(int count, const resect_layout *const *sources, resect_layer **layer);
/// A change of layout and type; target = scale[...] * source, one scale or one for each index of axis 0.
const char *resect_reorder_create(const resect_layout *source, const resect_layout *target, const float *scales,
                                  int64_t scale_count, resect_layer **layer);

/// The layout that the layer wants of an argument; NULL where it takes none.
resect_layout *resect_layer_layout(const resect_layer *layer, resect_argument argument);
/// The name of the kernel that was chosen.
const char *resect_layer_kernel(const resect_layer *layer);
/// Generates the kernel's code, once.
const char *resect_layer_build(resect_layer *layer);
void resect_layer_free(resect_layer *layer);

/// A layer on memory; `layouts` and `data` belong to `arguments`. The memory must outlive the step.
const char *resect_step_create(const resect_layer *layer, int count, const resect_argument *arguments,
                               const resect_layout *const *layouts, void *const *data, resect_step **step);
/// Points an argument, given by its position, to other memory.
void resect_step_set(resect_step *step, int position, void *data);
const char *resect_step_run(resect_step *step);
void resect_step_free(resect_step *step);
