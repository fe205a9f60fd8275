// Conversions of weights that Swift cannot express at the processor's speed: the compiler builds each
// function for several instruction sets and the loader picks the best, which Swift has no attribute for.
#pragma once
#include <stddef.h>
#include <stdint.h>

/// Widens to double; exact.
void resect_decode_f16(const void *source, double *target, size_t count);
void resect_decode_bf16(const void *source, double *target, size_t count);
void resect_decode_f32(const void *source, double *target, size_t count);

/// Multiplies each value by factor. Returns how many products are not finite.
size_t resect_scale(double *values, double factor, size_t count);

/// Rounds to nearest even, once. Returns how many finite values became infinite.
size_t resect_encode_f16(const double *source, void *target, size_t count);
size_t resect_encode_bf16(const double *source, void *target, size_t count);
size_t resect_encode_f32(const double *source, void *target, size_t count);

/// Turns a matrix of 32-bit elements: target[row * target_stride + column] = source[column * source_stride + row].
void resect_transpose_32(
    const uint32_t *source, size_t source_stride, uint32_t *target, size_t target_stride, size_t rows, size_t columns);
