// The inner loops of the encodings of `Docs/NativeFormat.md`: vector code for several instruction sets, which Swift has no
// means to choose between. Nothing here reads a length from a file or looks for the end of anything: callers check.
#pragma once
#include <stddef.h>
#include <stdint.h>

/// The probabilities of a coded block are multiples of 1 / 4096.
enum { RESECT_FREQUENCY_BITS = 12 };

/// Adds how often each byte stands among `count` symbols.
void resect_count_symbols(const uint8_t *symbols, size_t count, uint32_t histogram[256]);

/// Codes `count` symbols by interleaved rANS of `lanes` states (at most 32). Each symbol has a frequency from 1 to 4095.
///
/// Fills `states` and the last words of `words`, which holds `count` words; returns how many.
size_t resect_rans_encode(
  const uint8_t *symbols, size_t count, size_t lanes, const uint16_t frequencies[256],
  uint32_t *states, uint16_t *words);

/// The inverse. `words` points to `word_count` little-endian words at any address. The frequencies are below 4096 and add up
/// to it. Returns whether the words were used up and all states ended as the encoder began them.
int resect_rans_decode(
  const void *words, size_t word_count, const uint32_t *states, size_t lanes,
  const uint16_t frequencies[256], uint8_t *symbols, size_t count);

/// Takes elements apart into byte planes of `count` bytes each, the most significant first, after the sign has moved below
/// the eight bits that follow it.
void resect_split_planes_16(const void *elements, size_t count, uint8_t *planes);
void resect_split_planes_32(const void *elements, size_t count, uint8_t *planes);

/// The inverse; each plane lies where it lies.
void resect_join_planes_16(const uint8_t *high, const uint8_t *low, size_t count, void *elements);
void resect_join_planes_32(
  const uint8_t *first, const uint8_t *second, const uint8_t *third, const uint8_t *fourth, size_t count,
  void *elements);

/// `integers` times `step`, rounded to double and then to float.
void resect_dequantize(const int32_t *integers, size_t count, double step, void *floats);

/// Takes integers apart into a symbol each and `shift` low bits each, packed. `bits` is zero and has 8 bytes more than it needs.
/// Integers whose symbol is the escape go to `escapes` too. Returns how many there are.
size_t resect_take_apart(
  const int32_t *integers, size_t count, unsigned shift, uint8_t *symbols, uint8_t *bits, int32_t *escapes);

/// The inverse. `bits` can be read 8 bytes past its end. Returns how many of `escapes` were asked for; no more than
/// `escape_count` are read.
size_t resect_put_together(
  const uint8_t *symbols, size_t count, unsigned shift, const uint8_t *bits, const void *escapes,
  size_t escape_count, int32_t *integers);

/// Sorts symbols by class, keeping the order within each: class c goes to `sorted` from `starts[c]` on.
void resect_sort_by_class(
  const uint8_t *symbols, const uint8_t *classes, size_t count, const size_t starts[8], uint8_t *sorted);

/// The inverse.
void resect_merge_classes(
  const uint8_t *sorted, const uint8_t *classes, size_t count, const size_t starts[8], uint8_t *symbols);
