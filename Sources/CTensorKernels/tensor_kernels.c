#include "tensor_kernels.h"
#include <float.h>
#include <math.h>
#include <string.h>

#if defined(__x86_64__) && defined(__linux__)
#define FOR_EACH_CPU __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))
#else
#define FOR_EACH_CPU
#endif

static inline uint64_t bits_of_double(double value) {
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

static inline double double_of_bits(uint64_t bits) {
  double value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static inline uint32_t bits_of_float(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

static inline float float_of_bits(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

// Rounds to odd at float's 24 bits: what is cut off leaves its trace in the last bit kept, so that a second rounding, to a
// narrower format, gives what one rounding of the double would have given.
static inline float float_rounded_to_odd(double value) {
  uint64_t bits = bits_of_double(value);
  uint64_t cut = bits & 0x1fffffffu;
  bits = (bits & ~(uint64_t)0x1fffffffu) | (cut ? (uint64_t)0x20000000u : 0);
  return (float)double_of_bits(bits);
}

int resect_same_bytes(const void *one, const void *other, size_t count) {
  return count == 0 || memcmp(one, other, count) == 0;
}

FOR_EACH_CPU void resect_decode_f32(const void *source, double *target, size_t count) {
  const float *values = source;
  for (size_t i = 0; i < count; i++) target[i] = values[i];
}

FOR_EACH_CPU void resect_decode_f16(const void *source, double *target, size_t count) {
  const _Float16 *values = source;
  for (size_t i = 0; i < count; i++) target[i] = (double)(float)values[i];
}

FOR_EACH_CPU void resect_decode_bf16(const void *source, double *target, size_t count) {
  const uint16_t *values = source;
  for (size_t i = 0; i < count; i++) target[i] = (double)float_of_bits((uint32_t)values[i] << 16);
}

FOR_EACH_CPU size_t resect_scale_to_odd(double *values, double high, double low, size_t count, size_t *unsure) {
  size_t broken = 0, close = 0;
  for (size_t i = 0; i < count; i++) {
    double first = values[i] * high;
    double second = fma(values[i], high, -first) + values[i] * low;
    // A zero keeps its sign.
    double product = second == 0 ? first : first + second;
    double rest = second - (product - first);
    broken += !isfinite(product);
    close += (fabs(rest) <= fabs(product) * 0x1p-96) & (product != 0);
    uint64_t bits = bits_of_double(product);
    uint64_t moves = (rest != 0) & ~bits & 1;
    // Away from zero where the rest has the product's sign.
    uint64_t inward = (bits_of_double(rest) ^ bits) >> 63;
    values[i] = double_of_bits(bits + moves - 2 * (moves & inward));
  }
  *unsure += close;
  return broken;
}

FOR_EACH_CPU size_t resect_count_unsure(
    const double *source, double high, double low, const double *written, double half, double smallest, size_t count) {
  size_t unsure = 0;
  for (size_t i = 0; i < count; i++) {
    double product = source[i] * high;
    double rest = fma(source[i], high, -product) + source[i] * low;
    double difference = fabs((product - written[i]) + rest);
    uint64_t bits = bits_of_double(written[i]);
    double power = double_of_bits(bits & 0x7ff0000000000000u);
    double room = (power > smallest ? power : smallest) * half;
    // Below a power of two, numbers are twice as dense; and a part in a million is left for what 100 bits do not tell.
    room *= (bits << 12) == 0 ? 0.5 - 0x1p-20 : 1 - 0x1p-20;
    unsure += !(difference < room);
  }
  return unsure;
}

FOR_EACH_CPU size_t resect_encode_f32(const double *source, void *target, size_t count) {
  float *values = target;
  size_t overflows = 0;
  for (size_t i = 0; i < count; i++) {
    float value = (float)source[i];
    overflows += (isinf(value) != 0) & (isinf(source[i]) == 0);
    values[i] = value;
  }
  return overflows;
}

FOR_EACH_CPU size_t resect_encode_f16(const double *source, void *target, size_t count) {
  _Float16 *values = target;
  size_t overflows = 0;
  for (size_t i = 0; i < count; i++) {
    _Float16 value = (_Float16)float_rounded_to_odd(source[i]);
    overflows += (isinf((float)value) != 0) & (isinf(source[i]) == 0);
    values[i] = value;
  }
  return overflows;
}

FOR_EACH_CPU size_t resect_encode_bf16(const double *source, void *target, size_t count) {
  uint16_t *values = target;
  size_t overflows = 0;
  for (size_t i = 0; i < count; i++) {
    double value = source[i];
    double magnitude = fabs(value);
    uint32_t wide = bits_of_float(float_rounded_to_odd(value));
    uint32_t nearest = (wide + 0x7fffu + ((wide >> 16) & 1u)) >> 16;
    // Below the smallest normal value the steps are 2^-133 wide, and float's own rounding would come first.
    uint32_t tiny = (uint32_t)(int32_t)rint(magnitude < 0x1p-126 ? magnitude * 0x1p133 : 0.0) | (wide >> 31 << 15);
    uint32_t nan = (wide >> 16) | 0x40u;
    uint32_t bits = magnitude < 0x1p-126 ? tiny : nearest;
    bits = value != value ? nan : bits;
    overflows += ((bits & 0x7fffu) == 0x7f80u) & (magnitude < INFINITY);
    values[i] = (uint16_t)bits;
  }
  return overflows;
}

FOR_EACH_CPU float resect_integer_scale(const float *values, size_t count) {
  // Magnitudes compare as their bits do, and no vector code for floats would look past a NaN.
  uint32_t largest = 0;
  for (size_t i = 0; i < count; i++) {
    uint32_t magnitude = bits_of_float(values[i]) & 0x7fffffffu;
    largest = magnitude > largest ? magnitude : largest;
  }
  if (largest == 0) return 1;
  float scale = float_of_bits(largest) / 127;
  return scale < FLT_MIN ? FLT_MIN : scale;
}

FOR_EACH_CPU void resect_round_to_integers(const float *values, float scale, int8_t *integers, size_t count) {
  for (size_t i = 0; i < count; i++) integers[i] = (int8_t)(int32_t)rintf(values[i] / scale);
}

FOR_EACH_CPU void resect_scale_integers(const int8_t *integers, float scale, float *values, size_t count) {
  for (size_t i = 0; i < count; i++) values[i] = (float)integers[i] * scale;
}
