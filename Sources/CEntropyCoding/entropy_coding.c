#include "entropy_coding.h"
#include <string.h>

#if defined(__x86_64__) && defined(__linux__)
#define FOR_EACH_CPU __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))
#else
#define FOR_EACH_CPU
#endif

enum { SCALE = 1 << RESECT_FREQUENCY_BITS, MASK = SCALE - 1, LANES = 32 };
/// Where every state begins in the encoder; a state below it takes in a word.
static const uint32_t LOWEST = 1u << 16;

void resect_count_symbols(const uint8_t *symbols, size_t count, uint32_t histogram[256]) {
  // Four tables: equal neighbours would wait for each other.
  uint32_t tables[4][256] = {{0}};
  size_t i = 0;
  for (; i + 4 <= count; i += 4) {
    for (size_t j = 0; j < 4; j++) tables[j][symbols[i + j]]++;
  }
  for (; i < count; i++) tables[0][symbols[i]]++;
  for (size_t s = 0; s < 256; s++) histogram[s] += tables[0][s] + tables[1][s] + tables[2][s] + tables[3][s];
}

size_t resect_rans_encode(
  const uint8_t *symbols, size_t count, size_t lanes, const uint16_t frequencies[256],
  uint32_t *states, uint16_t *words) {
  uint32_t starts[256];
  uint32_t start = 0;
  for (size_t s = 0; s < 256; s++) {
    starts[s] = start;
    start += frequencies[s];
  }
  for (size_t j = 0; j < lanes; j++) states[j] = LOWEST;
  // The decoder runs forwards, so the encoder runs backwards and fills the words from the end.
  uint16_t *word = words + count;
  for (size_t i = count; i-- > 0;) {
    uint32_t *state = &states[i & (lanes - 1)];
    uint32_t frequency = frequencies[symbols[i]], x = *state;
    if (x >> (32 - RESECT_FREQUENCY_BITS) >= frequency) {
      *--word = (uint16_t)x;
      x >>= 16;
    }
    *state = (x / frequency << RESECT_FREQUENCY_BITS) + x % frequency + starts[symbols[i]];
  }
  return (size_t)(words + count - word);
}

/// What each of the 4096 slots says: the symbol (bits 0-7), the slot's distance from the symbol's first (8-19), the
/// symbol's frequency (20-31).
static void fill_slots(const uint16_t frequencies[256], uint32_t slots[SCALE]) {
  uint32_t slot = 0;
  for (uint32_t s = 0; s < 256; s++) {
    for (uint32_t j = 0; j < frequencies[s] && slot < SCALE; j++) {
      slots[slot++] = s | j << 8 | (uint32_t)frequencies[s] << 20;
    }
  }
}

/// A decoder between two symbols.
struct decoder {
  const uint8_t *word, *end;
  uint32_t states[LANES];
  uint32_t slots[SCALE];
};

#if defined(__x86_64__)
#include <immintrin.h>

/// Decodes groups of 32 symbols, eight lanes at a time, as long as the words cannot run out. Returns how many symbols.
__attribute__((target("avx2,bmi2,popcnt"))) static size_t decode_groups(
  struct decoder *d, uint8_t *symbols, size_t count) {
  __m256i x[4];
  for (int j = 0; j < 4; j++) x[j] = _mm256_loadu_si256((const __m256i *)(d->states + 8 * j));
  const __m256i mask = _mm256_set1_epi32(MASK), byte = _mm256_set1_epi32(255);
  const uint8_t *word = d->word;
  size_t i = 0;
  for (; i + LANES <= count && d->end - word >= 2 * LANES; i += LANES) {
    __m256i decoded[4];
    for (int j = 0; j < 4; j++) {
      __m256i slot = _mm256_i32gather_epi32((const int *)d->slots, _mm256_and_si256(x[j], mask), 4);
      decoded[j] = _mm256_and_si256(slot, byte);
      __m256i next = _mm256_mullo_epi32(_mm256_srli_epi32(slot, 20), _mm256_srli_epi32(x[j], RESECT_FREQUENCY_BITS));
      next = _mm256_add_epi32(next, _mm256_and_si256(_mm256_srli_epi32(slot, 8), mask));
      __m256i is_low = _mm256_cmpeq_epi32(_mm256_srli_epi32(next, 16), _mm256_setzero_si256());
      unsigned lows = (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(is_low));
      // The k-th low lane takes the k-th word: spread 0, 1, 2, … over the low lanes' bytes.
      uint64_t low_bytes = _pdep_u64(lows, 0x0101010101010101u) * 255;
      __m256i order = _mm256_cvtepu8_epi32(_mm_cvtsi64_si128((long long)_pdep_u64(0x0706050403020100u, low_bytes)));
      __m256i fresh = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)word));
      fresh = _mm256_permutevar8x32_epi32(fresh, order);
      x[j] = _mm256_blendv_epi8(next, _mm256_or_si256(_mm256_slli_epi32(next, 16), fresh), is_low);
      word += 2 * __builtin_popcount(lows);
    }
    // Packing works within halves of 128 bits; the permutation puts the groups of four back in order.
    __m256i packed = _mm256_packus_epi16(
      _mm256_packus_epi32(decoded[0], decoded[1]), _mm256_packus_epi32(decoded[2], decoded[3]));
    packed = _mm256_permutevar8x32_epi32(packed, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
    _mm256_storeu_si256((__m256i *)(symbols + i), packed);
  }
  for (int j = 0; j < 4; j++) _mm256_storeu_si256((__m256i *)(d->states + 8 * j), x[j]);
  d->word = word;
  return i;
}

static int has_decode_groups(void) {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt");
}
#else
static size_t decode_groups(struct decoder *d, uint8_t *symbols, size_t count) { return 0; }
static int has_decode_groups(void) { return 0; }
#endif

int resect_rans_decode(
  const void *words, size_t word_count, const uint32_t *states, size_t lanes,
  const uint16_t frequencies[256], uint8_t *symbols, size_t count) {
  struct decoder d;
  d.word = words;
  d.end = d.word + 2 * word_count;
  memcpy(d.states, states, lanes * sizeof *states);
  fill_slots(frequencies, d.slots);
  size_t i = lanes == LANES && has_decode_groups() ? decode_groups(&d, symbols, count) : 0;
  for (; i < count; i++) {
    uint32_t *state = &d.states[i & (lanes - 1)];
    uint32_t slot = d.slots[*state & MASK];
    uint32_t x = (slot >> 20) * (*state >> RESECT_FREQUENCY_BITS) + (slot >> 8 & MASK);
    symbols[i] = (uint8_t)slot;
    if (x < LOWEST) {
      if (d.word == d.end) return 0;
      x = x << 16 | (uint32_t)d.word[0] | (uint32_t)d.word[1] << 8;
      d.word += 2;
    }
    *state = x;
  }
  uint32_t difference = 0;
  for (size_t j = 0; j < lanes; j++) difference |= d.states[j] ^ LOWEST;
  return difference == 0 && d.word == d.end;
}

FOR_EACH_CPU void resect_split_planes_16(const void *elements, size_t count, uint8_t *planes) {
  const uint16_t *values = elements;
  for (size_t i = 0; i < count; i++) {
    uint16_t x = values[i];
    planes[i] = (uint8_t)(x >> 7);
    planes[count + i] = (uint8_t)((x & 0x7f) | (x >> 8 & 0x80));
  }
}

FOR_EACH_CPU void resect_split_planes_32(const void *elements, size_t count, uint8_t *planes) {
  const uint32_t *values = elements;
  for (size_t i = 0; i < count; i++) {
    uint32_t x = values[i];
    planes[i] = (uint8_t)(x >> 23);
    planes[count + i] = (uint8_t)((x >> 16 & 0x7f) | (x >> 24 & 0x80));
    planes[2 * count + i] = (uint8_t)(x >> 8);
    planes[3 * count + i] = (uint8_t)x;
  }
}

FOR_EACH_CPU void resect_join_planes_16(
  const uint8_t *high, const uint8_t *low, size_t count, void *elements) {
  uint16_t *values = elements;
  for (size_t i = 0; i < count; i++) {
    values[i] = (uint16_t)((low[i] & 0x80u) << 8 | (uint32_t)high[i] << 7 | (low[i] & 0x7fu));
  }
}

FOR_EACH_CPU void resect_join_planes_32(
  const uint8_t *first, const uint8_t *second, const uint8_t *third, const uint8_t *fourth, size_t count,
  void *elements) {
  uint32_t *values = elements;
  for (size_t i = 0; i < count; i++) {
    values[i] = (second[i] & 0x80u) << 24 | (uint32_t)first[i] << 23 | (second[i] & 0x7fu) << 16
                | (uint32_t)third[i] << 8 | fourth[i];
  }
}

FOR_EACH_CPU void resect_dequantize(const int32_t *integers, size_t count, double step, void *floats) {
  float *values = floats;
  for (size_t i = 0; i < count; i++) values[i] = (float)((double)integers[i] * step);
}

enum { MIDDLE = 127, ESCAPE = 255 };

size_t resect_take_apart(
  const int32_t *integers, size_t count, unsigned shift, uint8_t *symbols, uint8_t *bits, int32_t *escapes) {
  const uint32_t low = (1u << shift) - 1;
  size_t escaped = 0;
  for (size_t i = 0; i < count; i++) {
    int32_t high = integers[i] >> shift;
    int is_near = high >= -MIDDLE && high <= MIDDLE;
    symbols[i] = (uint8_t)(is_near ? high + MIDDLE : ESCAPE);
    if (!is_near) escapes[escaped++] = integers[i];
    if (shift == 0) continue;
    uint32_t window;
    size_t position = i * shift;
    memcpy(&window, bits + position / 8, sizeof window);
    window |= (is_near ? (uint32_t)integers[i] & low : 0) << position % 8;
    memcpy(bits + position / 8, &window, sizeof window);
  }
  return escaped;
}

size_t resect_put_together(
  const uint8_t *symbols, size_t count, unsigned shift, const uint8_t *bits, const void *escapes,
  size_t escape_count, int32_t *integers) {
  const uint32_t low = (1u << shift) - 1;
  size_t escaped = 0;
  for (size_t i = 0; i < count; i++) {
    uint32_t window = 0;
    size_t position = i * shift;
    if (shift > 0) memcpy(&window, bits + position / 8, sizeof window);
    uint32_t high = (uint32_t)((int32_t)symbols[i] - MIDDLE) << shift;
    integers[i] = (int32_t)(high | (window >> position % 8 & low));
    if (symbols[i] == ESCAPE) {
      if (escaped < escape_count) memcpy(&integers[i], (const uint8_t *)escapes + 4 * escaped, 4);
      escaped++;
    }
  }
  return escaped;
}

void resect_sort_by_class(
  const uint8_t *symbols, const uint8_t *classes, size_t count, const size_t starts[8], uint8_t *sorted) {
  size_t next[8];
  memcpy(next, starts, sizeof next);
  for (size_t i = 0; i < count; i++) sorted[next[classes[i] & 7]++] = symbols[i];
}

void resect_merge_classes(
  const uint8_t *sorted, const uint8_t *classes, size_t count, const size_t starts[8], uint8_t *symbols) {
  size_t next[8];
  memcpy(next, starts, sizeof next);
  for (size_t i = 0; i < count; i++) symbols[i] = sorted[next[classes[i] & 7]++];
}
