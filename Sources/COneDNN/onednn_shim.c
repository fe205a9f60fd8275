#include "onednn_shim.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#if !__has_include(<oneapi/dnnl/dnnl.h>)
#error "oneDNN's headers are missing: install libdnnl-dev"
#endif
#include <oneapi/dnnl/dnnl.h>

// Every function of the library that is used, found when the library is opened.
#define FUNCTIONS(X)                        \
  X(dnnl_engine_create)                     \
  X(dnnl_stream_create)                     \
  X(dnnl_stream_wait)                       \
  X(dnnl_get_effective_cpu_isa)             \
  X(dnnl_memory_desc_init_by_tag)           \
  X(dnnl_memory_desc_equal)                 \
  X(dnnl_memory_desc_get_size)              \
  X(dnnl_memory_create)                     \
  X(dnnl_memory_set_data_handle)            \
  X(dnnl_memory_destroy)                    \
  X(dnnl_primitive_attr_create)             \
  X(dnnl_primitive_attr_destroy)            \
  X(dnnl_primitive_attr_set_scratchpad_mode) \
  X(dnnl_primitive_attr_set_post_ops)       \
  X(dnnl_primitive_attr_set_output_scales)  \
  X(dnnl_post_ops_create)                   \
  X(dnnl_post_ops_destroy)                  \
  X(dnnl_post_ops_append_sum_v2)            \
  X(dnnl_post_ops_append_eltwise)           \
  X(dnnl_dilated_convolution_forward_desc_init) \
  X(dnnl_pooling_forward_desc_init)         \
  X(dnnl_batch_normalization_forward_desc_init) \
  X(dnnl_binary_desc_init)                  \
  X(dnnl_eltwise_forward_desc_init)         \
  X(dnnl_primitive_desc_create)             \
  X(dnnl_reorder_primitive_desc_create)     \
  X(dnnl_concat_primitive_desc_create)      \
  X(dnnl_primitive_desc_query_md)           \
  X(dnnl_primitive_desc_query)              \
  X(dnnl_primitive_desc_destroy)            \
  X(dnnl_primitive_create)                  \
  X(dnnl_primitive_execute)                 \
  X(dnnl_primitive_destroy)

static struct {
#define DECLARE(name) __typeof__(name) *name;
  FUNCTIONS(DECLARE)
#undef DECLARE
  void (*omp_set_num_threads)(int);
  dnnl_engine_t engine;
} library;

static const char *opening_failure = "oneDNN was not opened";
static pthread_once_t opened = PTHREAD_ONCE_INIT;

static const char *failure(dnnl_status_t status) {
  switch (status) {
    case dnnl_success: return NULL;
    case dnnl_out_of_memory: return "out of memory";
    case dnnl_invalid_arguments: return "invalid arguments";
    case dnnl_unimplemented: return "unimplemented";
    case dnnl_runtime_error: return "runtime error";
    default: return "unexpected status";
  }
}

static void open_library(void) {
  void *handle = dlopen("libdnnl.so.2", RTLD_LAZY | RTLD_LOCAL);
  if (!handle) {
    opening_failure = "libdnnl.so.2 is not installed";
    return;
  }
#define FIND(name)                                    \
  library.name = (__typeof__(name) *)dlsym(handle, #name); \
  if (!library.name) {                                \
    opening_failure = "libdnnl.so.2 lacks " #name;    \
    return;                                           \
  }
  FUNCTIONS(FIND)
#undef FIND
  library.omp_set_num_threads = (void (*)(int))dlsym(handle, "omp_set_num_threads");
  if (!library.omp_set_num_threads) {
    opening_failure = "libdnnl.so.2 does not use OpenMP";
    return;
  }
  opening_failure = failure(library.dnnl_engine_create(&library.engine, dnnl_cpu, 0));
}

const char *resect_onednn_open(void) {
  pthread_once(&opened, open_library);
  return opening_failure;
}

bool resect_onednn_supports(resect_type type) {
  dnnl_cpu_isa_t isa = library.dnnl_get_effective_cpu_isa();
  switch (type) {
    case RESECT_BF16: return (isa & dnnl_cpu_isa_avx512_core_bf16) == dnnl_cpu_isa_avx512_core_bf16;
    case RESECT_S8:
    case RESECT_U8:
      // Without these dot products, sums of two products saturate.
      return (isa & dnnl_cpu_isa_avx512_core_vnni) == dnnl_cpu_isa_avx512_core_vnni ||
             (isa & dnnl_cpu_isa_avx2_vnni) == dnnl_cpu_isa_avx2_vnni;
    case RESECT_F32:
    case RESECT_S32: return true;
  }
  return false;
}

void resect_onednn_set_threads(int count) { library.omp_set_num_threads(count); }

// Layouts

struct resect_layout {
  dnnl_memory_desc_t desc;
};

static dnnl_data_type_t type_of(resect_type type) {
  switch (type) {
    case RESECT_F32: return dnnl_f32;
    case RESECT_BF16: return dnnl_bf16;
    case RESECT_S8: return dnnl_s8;
    case RESECT_U8: return dnnl_u8;
    case RESECT_S32: return dnnl_s32;
  }
  return dnnl_data_type_undef;
}

static dnnl_status_t describe(dnnl_memory_desc_t *desc, int rank, const int64_t *axes, resect_type type,
                              resect_order order) {
  static const dnnl_format_tag_t plain[] = {0, dnnl_a, dnnl_ab, dnnl_abc, dnnl_abcd, dnnl_abcde};
  dnnl_format_tag_t tag = dnnl_format_tag_undef;
  switch (order) {
    case RESECT_ANY: tag = dnnl_format_tag_any; break;
    case RESECT_PLAIN: tag = plain[rank]; break;
    case RESECT_NHWC: tag = dnnl_nhwc; break;
  }
  dnnl_dims_t dims = {0};
  memcpy(dims, axes, (size_t)rank * sizeof *axes);
  return library.dnnl_memory_desc_init_by_tag(desc, rank, dims, type_of(type), tag);
}

static resect_layout *layout_of(const dnnl_memory_desc_t *desc) {
  resect_layout *layout = malloc(sizeof *layout);
  if (layout) layout->desc = *desc;
  return layout;
}

resect_layout *resect_layout_create(int rank, const int64_t *axes, resect_type type, resect_order order) {
  dnnl_memory_desc_t desc;
  if (rank < 1 || rank > 5 || describe(&desc, rank, axes, type, order) != dnnl_success) return NULL;
  return layout_of(&desc);
}

void resect_layout_free(resect_layout *layout) { free(layout); }

bool resect_layout_equal(const resect_layout *one, const resect_layout *other) {
  return library.dnnl_memory_desc_equal(&one->desc, &other->desc) != 0;
}

size_t resect_layout_size(const resect_layout *layout) { return library.dnnl_memory_desc_get_size(&layout->desc); }

// Layers

struct resect_layer {
  dnnl_primitive_desc_t desc;
  dnnl_primitive_t primitive;
};

// While one thread chooses an 8-bit kernel and another a kernel for floats, oneDNN 2.6 now and then makes one that computes
// nonsense.
static pthread_mutex_t choosing = PTHREAD_MUTEX_INITIALIZER;

static const char *finish(dnnl_status_t status, dnnl_primitive_desc_t desc, resect_layer **layer) {
  if (status != dnnl_success) return failure(status);
  *layer = calloc(1, sizeof **layer);
  if (!*layer) {
    library.dnnl_primitive_desc_destroy(desc);
    return "out of memory";
  }
  (*layer)->desc = desc;
  return NULL;
}

static dnnl_alg_kind_t kind_of(resect_function function) {
  switch (function) {
    case RESECT_LINEAR: return dnnl_eltwise_linear;
    case RESECT_RELU: return dnnl_eltwise_relu;
    case RESECT_CLIP: return dnnl_eltwise_clip;
    case RESECT_SWISH: return dnnl_eltwise_swish;
    case RESECT_GELU_ERF: return dnnl_eltwise_gelu_erf;
    case RESECT_GELU_TANH: return dnnl_eltwise_gelu_tanh;
    case RESECT_ELU: return dnnl_eltwise_elu;
    case RESECT_LOGISTIC: return dnnl_eltwise_logistic;
    case RESECT_TANH: return dnnl_eltwise_tanh;
    case RESECT_HARD_SWISH: return dnnl_eltwise_hardswish;
  }
  return dnnl_alg_kind_undef;
}

// A layer by its operation's description, with scratch memory that the caller provides and post-operations.
static const char *create(const void *operation, const resect_epilogue *epilogue, const float *scales, int64_t scale_count,
                          resect_layer **layer) {
  dnnl_primitive_attr_t attributes = NULL;
  dnnl_post_ops_t after = NULL;
  dnnl_primitive_desc_t desc = NULL;
  dnnl_status_t status = library.dnnl_primitive_attr_create(&attributes);
  if (status == dnnl_success) status = library.dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user);
  if (status == dnnl_success) status = library.dnnl_post_ops_create(&after);
  if (status == dnnl_success && scale_count > 0)
    status = library.dnnl_primitive_attr_set_output_scales(attributes, scale_count, scale_count > 1 ? 2 : 0, scales);
  if (status == dnnl_success && epilogue && epilogue->adds)
    status = library.dnnl_post_ops_append_sum_v2(after, epilogue->add_scale, type_of(epilogue->add_type));
  if (status == dnnl_success && epilogue && epilogue->activates)
    status = library.dnnl_post_ops_append_eltwise(after, epilogue->scale, kind_of(epilogue->activation.function),
                                                  epilogue->activation.alpha, epilogue->activation.beta);
  if (status == dnnl_success) status = library.dnnl_primitive_attr_set_post_ops(attributes, after);
  if (status == dnnl_success) {
    pthread_mutex_lock(&choosing);
    status = library.dnnl_primitive_desc_create(&desc, operation, attributes, library.engine, NULL);
    pthread_mutex_unlock(&choosing);
  }
  if (after) library.dnnl_post_ops_destroy(after);
  if (attributes) library.dnnl_primitive_attr_destroy(attributes);
  return finish(status, desc, layer);
}

const char *resect_convolution_create(const resect_convolution *what, const float *scales, int64_t scale_count,
                                      const resect_layout *source, const resect_layout *target, resect_layer **layer) {
  dnnl_memory_desc_t weights, bias, output;
  bool grouped = what->groups > 1;
  const int64_t weights_axes[] = {what->groups, what->outputs / what->groups, what->channels / what->groups,
                                  what->kernel_height, what->kernel_width};
  const int64_t output_axes[] = {what->batch, what->outputs, what->output_height, what->output_width};
  dnnl_status_t status = describe(&weights, grouped ? 5 : 4, grouped ? weights_axes : weights_axes + 1, what->weights, RESECT_ANY);
  if (status == dnnl_success) status = describe(&bias, 1, &what->outputs, RESECT_F32, RESECT_PLAIN);
  if (status == dnnl_success) status = describe(&output, 4, output_axes, what->target, RESECT_ANY);
  if (status != dnnl_success) return failure(status);
  const dnnl_dims_t strides = {what->stride_height, what->stride_width};
  const dnnl_dims_t dilates = {what->dilation_height - 1, what->dilation_width - 1};
  const dnnl_dims_t before = {what->padding_top, what->padding_left};
  const dnnl_dims_t after = {what->padding_bottom, what->padding_right};
  dnnl_convolution_desc_t operation;
  status = library.dnnl_dilated_convolution_forward_desc_init(
      &operation, dnnl_forward_inference, what->winograd ? dnnl_convolution_winograd : dnnl_convolution_direct,
      &source->desc, &weights, what->has_bias ? &bias : NULL, target ? &target->desc : &output, strides, dilates, before, after);
  if (status != dnnl_success) return failure(status);
  return create(&operation, &what->epilogue, scales, scale_count, layer);
}

const char *resect_pooling_create(const resect_pooling *what, const resect_layout *source, resect_layer **layer) {
  dnnl_memory_desc_t output;
  const dnnl_dims_t axes = {what->batch, what->channels, what->output_height, what->output_width};
  dnnl_status_t status = library.dnnl_memory_desc_init_by_tag(&output, 4, axes, source->desc.data_type, dnnl_format_tag_any);
  if (status != dnnl_success) return failure(status);
  const dnnl_dims_t strides = {what->stride_height, what->stride_width};
  const dnnl_dims_t kernel = {what->kernel_height, what->kernel_width};
  const dnnl_dims_t before = {what->padding_top, what->padding_left};
  const dnnl_dims_t after = {what->padding_bottom, what->padding_right};
  dnnl_pooling_desc_t operation;
  dnnl_alg_kind_t kind = what->reduction == RESECT_MAXIMUM       ? dnnl_pooling_max
                         : what->reduction == RESECT_MEAN_INSIDE ? dnnl_pooling_avg_exclude_padding
                                                                 : dnnl_pooling_avg_include_padding;
  status = library.dnnl_pooling_forward_desc_init(
      &operation, dnnl_forward_inference, kind, &source->desc, &output, strides, kernel, before, after);
  if (status != dnnl_success) return failure(status);
  return create(&operation, NULL, NULL, 0, layer);
}

const char *resect_batch_norm_create(const resect_layout *source, float epsilon, bool relu, resect_layer **layer) {
  dnnl_batch_normalization_desc_t operation;
  dnnl_status_t status = library.dnnl_batch_normalization_forward_desc_init(
      &operation, dnnl_forward_inference, &source->desc, epsilon,
      dnnl_use_global_stats | dnnl_use_scaleshift | (relu ? dnnl_fuse_norm_relu : 0));
  if (status != dnnl_success) return failure(status);
  return create(&operation, NULL, NULL, 0, layer);
}

const char *resect_binary_create(const resect_layout *source, const resect_layout *other, bool multiplies, bool relu,
                                 resect_layer **layer) {
  dnnl_binary_desc_t operation;
  dnnl_status_t status = library.dnnl_binary_desc_init(&operation, multiplies ? dnnl_binary_mul : dnnl_binary_add,
                                                       &source->desc, &other->desc, &source->desc);
  if (status != dnnl_success) return failure(status);
  const resect_epilogue epilogue = {.activates = relu, .scale = 1, .activation = {.function = RESECT_RELU}};
  return create(&operation, &epilogue, NULL, 0, layer);
}

const char *resect_eltwise_create(const resect_layout *source, const resect_eltwise *what, resect_layer **layer) {
  dnnl_eltwise_desc_t operation;
  dnnl_status_t status = library.dnnl_eltwise_forward_desc_init(
      &operation, dnnl_forward_inference, kind_of(what->function), &source->desc, what->alpha, what->beta);
  if (status != dnnl_success) return failure(status);
  return create(&operation, NULL, NULL, 0, layer);
}

const char *resect_concatenation_create(int count, const resect_layout *const *sources, resect_layer **layer) {
  dnnl_memory_desc_t *list = malloc((size_t)count * sizeof *list);
  if (!list) return "out of memory";
  for (int index = 0; index < count; index++) list[index] = sources[index]->desc;
  dnnl_primitive_attr_t attributes = NULL;
  dnnl_primitive_desc_t desc = NULL;
  dnnl_status_t status = library.dnnl_primitive_attr_create(&attributes);
  if (status == dnnl_success) status = library.dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user);
  if (status == dnnl_success) {
    pthread_mutex_lock(&choosing);
    status = library.dnnl_concat_primitive_desc_create(&desc, NULL, count, 1, list, attributes, library.engine);
    pthread_mutex_unlock(&choosing);
  }
  if (attributes) library.dnnl_primitive_attr_destroy(attributes);
  free(list);
  return finish(status, desc, layer);
}

const char *resect_reorder_create(const resect_layout *source, const resect_layout *target, const float *scales,
                                  int64_t scale_count, resect_layer **layer) {
  dnnl_primitive_attr_t attributes = NULL;
  dnnl_primitive_desc_t desc = NULL;
  dnnl_status_t status = library.dnnl_primitive_attr_create(&attributes);
  if (status == dnnl_success) status = library.dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user);
  if (status == dnnl_success && scales)
    status = library.dnnl_primitive_attr_set_output_scales(attributes, scale_count, scale_count > 1 ? 1 : 0, scales);
  if (status == dnnl_success) {
    pthread_mutex_lock(&choosing);
    status = library.dnnl_reorder_primitive_desc_create(&desc, &source->desc, library.engine, &target->desc,
                                                        library.engine, attributes);
    pthread_mutex_unlock(&choosing);
  }
  if (attributes) library.dnnl_primitive_attr_destroy(attributes);
  return finish(status, desc, layer);
}

static int execution_argument(resect_argument argument) {
  if (argument >= RESECT_SOURCES) return DNNL_ARG_MULTIPLE_SRC + (int)(argument - RESECT_SOURCES);
  switch (argument) {
    case RESECT_SOURCE: return DNNL_ARG_SRC;
    case RESECT_SOURCE_2: return DNNL_ARG_SRC_1;
    case RESECT_TARGET: return DNNL_ARG_DST;
    case RESECT_WEIGHTS: return DNNL_ARG_WEIGHTS;
    case RESECT_BIAS: return DNNL_ARG_BIAS;
    case RESECT_MEAN: return DNNL_ARG_MEAN;
    case RESECT_VARIANCE: return DNNL_ARG_VARIANCE;
    case RESECT_SCALE_SHIFT: return DNNL_ARG_SCALE_SHIFT;
    case RESECT_SCRATCH: return DNNL_ARG_SCRATCHPAD;
    case RESECT_SOURCES: break;
  }
  return 0;
}

resect_layout *resect_layer_layout(const resect_layer *layer, resect_argument argument) {
  const dnnl_memory_desc_t *desc =
      library.dnnl_primitive_desc_query_md(layer->desc, dnnl_query_exec_arg_md, execution_argument(argument));
  return desc && desc->ndims > 0 ? layout_of(desc) : NULL;
}

const char *resect_layer_kernel(const resect_layer *layer) {
  const char *name = NULL;
  library.dnnl_primitive_desc_query(layer->desc, dnnl_query_impl_info_str, 0, &name);
  return name ? name : "unknown";
}

const char *resect_layer_build(resect_layer *layer) {
  if (layer->primitive) return NULL;
  return failure(library.dnnl_primitive_create(&layer->primitive, layer->desc));
}

void resect_layer_free(resect_layer *layer) {
  if (!layer) return;
  if (layer->primitive) library.dnnl_primitive_destroy(layer->primitive);
  library.dnnl_primitive_desc_destroy(layer->desc);
  free(layer);
}

// Steps

struct resect_step {
  dnnl_primitive_t primitive;
  dnnl_stream_t stream;
  int count;
  dnnl_exec_arg_t arguments[];
};

// A stream of the processor's own engine holds no state: layers run in it when they are called.
static dnnl_stream_t shared_stream;
static pthread_once_t stream_made = PTHREAD_ONCE_INIT;
static void make_stream(void) { library.dnnl_stream_create(&shared_stream, library.engine, dnnl_stream_default_flags); }

const char *resect_step_create(const resect_layer *layer, int count, const resect_argument *arguments,
                               const resect_layout *const *layouts, void *const *data, resect_step **step) {
  pthread_once(&stream_made, make_stream);
  if (!shared_stream || !layer->primitive || count < 0) return "invalid arguments";
  resect_step *made = calloc(1, sizeof *made + (size_t)count * sizeof made->arguments[0]);
  if (!made) return "out of memory";
  made->primitive = layer->primitive;
  made->stream = shared_stream;
  for (int index = 0; index < count; index++) {
    dnnl_exec_arg_t *argument = &made->arguments[index];
    argument->arg = execution_argument(arguments[index]);
    dnnl_status_t status = library.dnnl_memory_create(&argument->memory, &layouts[index]->desc, library.engine, data[index]);
    if (status != dnnl_success) {
      resect_step_free(made);
      return failure(status);
    }
    made->count = index + 1;
  }
  *step = made;
  return NULL;
}

void resect_step_set(resect_step *step, int position, void *data) {
  library.dnnl_memory_set_data_handle(step->arguments[position].memory, data);
}

const char *resect_step_run(resect_step *step) {
  dnnl_status_t status = library.dnnl_primitive_execute(step->primitive, step->stream, step->count, step->arguments);
  return failure(status);
}

void resect_step_free(resect_step *step) {
  if (!step) return;
  for (int index = 0; index < step->count; index++) library.dnnl_memory_destroy(step->arguments[index].memory);
  free(step);
}
