/*
 * HPACK of nghttp2 over the fields that ours is measured with (the benchmarks in core/http/h2/hpack):
 * a block of indexed fields, and one whose last two fields are written out; of those that it encodes
 * the values are new each time. Arguments: rounds, then names and values in turn. A line of JSON for
 * each figure goes to stdout.
 */
#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { FIELDS_MAX = 64, BLOCK_MAX = 8192, CALLS = 200000, COPIES = 1000, NEW_FIELDS = 2 };

static nghttp2_nv fields[FIELDS_MAX];
static size_t count;
static nghttp2_nv copies[COPIES][FIELDS_MAX];

static void fail(const char *what) {
  fprintf(stderr, "%s\n", what);
  exit(1);
}

static double measure_nanos(void (*call)(void *), void *state) {
  struct timespec from, to;
  clock_gettime(CLOCK_MONOTONIC, &from);
  for (int i = 0; i < CALLS; i++) call(state);
  clock_gettime(CLOCK_MONOTONIC, &to);
  return ((to.tv_sec - from.tv_sec) * 1e9 + (to.tv_nsec - from.tv_nsec)) / CALLS;
}

static void report(const char *name, int rounds, void (*call)(void *), void *state) {
  measure_nanos(call, state);
  printf("{\"name\":\"nghttp2 (C): %s\",\"nanos\":[", name);
  for (int round = 0; round < rounds; round++)
    printf("%s%.1f", round == 0 ? "" : ",", measure_nanos(call, state));
  printf("]}\n");
}

static size_t deflate_block(nghttp2_hd_deflater *deflater, const nghttp2_nv *nva, uint8_t *out) {
  ssize_t length = nghttp2_hd_deflate_hd(deflater, out, BLOCK_MAX, nva, count);
  if (length <= 0) fail("not encoded");
  return (size_t)length;
}

struct decoding {
  nghttp2_hd_inflater *inflater;
  uint8_t block[BLOCK_MAX];
  size_t length;
};

static void decode(void *state) {
  struct decoding *at = state;
  const uint8_t *in = at->block;
  size_t left = at->length, found = 0;
  for (;;) {
    nghttp2_nv field;
    int flags = 0;
    ssize_t used = nghttp2_hd_inflate_hd2(at->inflater, &field, &flags, in, left, 1);
    if (used < 0) fail("not decoded");
    in += used;
    left -= (size_t)used;
    if (flags & NGHTTP2_HD_INFLATE_EMIT) found++;
    if (flags & NGHTTP2_HD_INFLATE_FINAL) break;
  }
  if (found != count) fail("not decoded");
  nghttp2_hd_inflate_end_headers(at->inflater);
}

/* The table knows all fields; the last `literals` are written out all the same. */
static void measure_decode(const char *name, int rounds, size_t literals) {
  struct decoding at;
  nghttp2_hd_deflater *deflater;
  nghttp2_nv written[FIELDS_MAX];
  if (nghttp2_hd_deflate_new(&deflater, 4096) || nghttp2_hd_inflate_new(&at.inflater)) fail("memory");
  at.length = deflate_block(deflater, fields, at.block);
  decode(&at);
  memcpy(written, copies[0], sizeof written);
  for (size_t i = count - literals; i < count; i++) written[i].flags = NGHTTP2_NV_FLAG_NO_INDEX;
  for (size_t i = 0; i < count - literals; i++) written[i] = fields[i];
  at.length = deflate_block(deflater, written, at.block);
  report(name, rounds, decode, &at);
}

struct encoding {
  nghttp2_hd_deflater *deflater;
  size_t next, copies;
  uint8_t out[BLOCK_MAX];
};

static void encode(void *state) {
  struct encoding *at = state;
  at->next = (at->next + 1) % at->copies;
  deflate_block(at->deflater, copies[at->next], at->out);
}

static void measure_encode(const char *name, int rounds, size_t different) {
  struct encoding at = {.copies = different};
  if (nghttp2_hd_deflate_new(&at.deflater, 4096)) fail("memory");
  report(name, rounds, encode, &at);
}

int main(int argc, char **argv) {
  if (argc < 2 + 2 * NEW_FIELDS || argc % 2 != 0) fail("rounds, then names and values");
  count = (size_t)(argc - 2) / 2;
  if (count > FIELDS_MAX) fail("too many fields");
  for (size_t i = 0; i < count; i++) {
    char *name = argv[2 + 2 * i], *value = argv[3 + 2 * i];
    fields[i] = (nghttp2_nv){(uint8_t *)name, (uint8_t *)value, strlen(name), strlen(value), 0};
  }
  for (size_t copy = 0; copy < COPIES; copy++) {
    memcpy(copies[copy], fields, sizeof fields);
    for (size_t i = count - NEW_FIELDS; i < count; i++) {
      char *value = strdup((char *)fields[i].value);
      char digits[8];
      int length = snprintf(digits, sizeof digits, "%zu", copy);
      memcpy(value, digits, (size_t)length < fields[i].valuelen ? (size_t)length : fields[i].valuelen);
      copies[copy][i].value = (uint8_t *)value;
    }
  }
  int rounds = atoi(argv[1]);
  measure_decode("decode a field block of 12 indexed fields", rounds, 0);
  measure_decode("the same with 2 literals, Huffman-coded", rounds, NEW_FIELDS);
  measure_encode("encode a field block of 12 indexed fields", rounds, 1);
  measure_encode("the same with 2 new literals", rounds, COPIES);
  return 0;
}
