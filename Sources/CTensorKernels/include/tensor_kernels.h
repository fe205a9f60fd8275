// Conversions of weights that Swift cannot express at the processor's speed: the compiler builds each
// function for several instruction sets and the loader picks the best, which Swift has no attribute for.
#pragma once
#include <stddef.h>
#include <stdint.h>

/// Widens to double; exact.
void resect_decode_f16(const void *source, double *target, size_t count);
void resect_decode_bf16(const void *source, double *target, size_t count);
void resect_decode_f32(const void *source, double *target, size_t count);

/// Multiplies each value by high + low, a factor of some 100 bits. A product that is no double becomes that of the two doubles next to
/// it whose last bit is 1: rounded once more, to a narrower format, it is the product rounded once. Returns how many products are not
/// finite; counts in `unsure` those that 100 bits do not tell from a double.
size_t resect_scale_to_odd(double *values, double high, double low, size_t count, size_t *unsure);

/// Counts the numbers of `written` that are not surely the product of the value of `source` and high + low, rounded once to nearest.
/// `half` is half a unit in the last place of 1 in the format of the numbers, `smallest` its smallest normal number.
size_t resect_count_unsure(
    const double *source, double high, double low, const double *written, double half, double smallest, size_t count);

/// Whether two stretches of memory hold the same bytes.
int resect_same_bytes(const void *one, const void *other, size_t count);

/// Rounds to nearest even, once. Returns how many finite values became infinite.
size_t resect_encode_f16(const double *source, void *target, size_t count);
size_t resect_encode_bf16(const double *source, void *target, size_t count);
size_t resect_encode_f32(const double *source, void *target, size_t count);

/// Turns a matrix of 32-bit elements: target[row * target_stride + column] = source[column * source_stride + row].
void resect_transpose_32(
    const uint32_t *source, size_t source_stride, uint32_t *target, size_t target_stride, size_t rows, size_t columns);

/// The number whose multiples from −127 to 127 reach the largest magnitude of `values`; never below the smallest normal float, 1 if
/// all are zero, not finite if one of them is not.
float resect_integer_scale(const float *values, size_t count);
/// Each value over `scale`, which `resect_integer_scale` found for them, rounded to nearest even.
void resect_round_to_integers(const float *values, float scale, int8_t *integers, size_t count);
/// Each integer times `scale`, rounded once.
void resect_scale_integers(const int8_t *integers, float scale, float *values, size_t count);
