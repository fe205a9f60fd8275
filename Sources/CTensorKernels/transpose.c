#include "tensor_kernels.h"
#include <string.h>

#if defined(__x86_64__) && defined(__linux__)
#define FOR_EACH_CPU __attribute__((target_clones("default", "arch=x86-64-v3")))
#else
#define FOR_EACH_CPU
#endif

// A square of 8 by 8 is turned in registers, in three rounds: neighbours, pairs, halves.
enum { SIDE = 8 };
typedef uint32_t eight __attribute__((vector_size(32)));

#define MIX(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)

static inline __attribute__((always_inline)) void turn_square(
    const uint32_t *source, size_t source_stride, uint32_t *target, size_t target_stride) {
  eight lines[SIDE], mixed[SIDE];
  for (int i = 0; i < SIDE; i++) memcpy(&lines[i], source + (size_t)i * source_stride, sizeof(eight));
  for (int i = 0; i < SIDE; i += 2) {
    mixed[i] = MIX(lines[i], lines[i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
    mixed[i + 1] = MIX(lines[i], lines[i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
  }
  for (int half = 0; half < SIDE; half += 4) {
    for (int i = 0; i < 2; i++) {
      lines[half + 2 * i] = MIX(mixed[half + i], mixed[half + i + 2], 0, 1, 8, 9, 4, 5, 12, 13);
      lines[half + 2 * i + 1] = MIX(mixed[half + i], mixed[half + i + 2], 2, 3, 10, 11, 6, 7, 14, 15);
    }
  }
  for (int i = 0; i < 4; i++) {
    mixed[i] = MIX(lines[i], lines[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
    mixed[i + 4] = MIX(lines[i], lines[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
  }
  for (int i = 0; i < SIDE; i++) memcpy(target + (size_t)i * target_stride, &mixed[i], sizeof(eight));
}

FOR_EACH_CPU void resect_transpose_32(
    const uint32_t *source, size_t source_stride, uint32_t *target, size_t target_stride, size_t rows, size_t columns) {
  // So many columns of the target come from as many pages of a large source: not more than the processor remembers.
  const size_t band = 64;
  for (size_t first = 0; first < columns; first += band) {
    size_t end = first + band < columns ? first + band : columns;
    for (size_t row = 0; row < rows; row += SIDE) {
      for (size_t column = first; column < end; column += SIDE) {
        if (row + SIDE <= rows && column + SIDE <= end) {
          turn_square(
              source + column * source_stride + row, source_stride, target + row * target_stride + column, target_stride);
          continue;
        }
        for (size_t r = row; r < row + SIDE && r < rows; r++)
          for (size_t c = column; c < column + SIDE && c < end; c++)
            target[r * target_stride + c] = source[c * source_stride + r];
      }
    }
  }
}
