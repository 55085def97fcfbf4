/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sweep FILE...: looks for secrets in files. The secrets come on standard input, one a line: a name, a space, hex.
 * Every 8-byte piece of a secret (all offsets that are multiples of 8) is looked for raw, as hex in either case and as
 * base64 at each of the three alignments; with the parity bits as they are, set odd, and cleared. Prints one line for
 * each hit: file, offset, form, name. Exit status 0: nothing found, 1: found, 2: could not look.
 */
#include <ctype.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE 8
#define NEEDLE 8    /* what is hashed of every needle: its first 8 bytes */
#define SLOTS 65536 /* per table; power of two, kept under half full */

struct needle {
	unsigned char bytes[16];
	size_t n;
	const char *form;
	char name[48];
};

static struct needle *needles;
static size_t needle_count, needle_room;
static uint32_t slots[SLOTS]; /* index + 1 into needles, chained by next */
static uint32_t *next;

static uint64_t load(const unsigned char *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static uint32_t slot_of(uint64_t v)
{
	return (uint32_t)((v * 0x9E3779B97F4A7C15ULL) >> 48) & (SLOTS - 1);
}

static void needle_add(const unsigned char *p, size_t n, const char *form, const char *name)
{
	struct needle *x;
	uint32_t s;

	if (needle_count == needle_room) {
		needle_room = needle_room ? 2 * needle_room : 1024;
		needles = realloc(needles, needle_room * sizeof(*needles));
		next = realloc(next, needle_room * sizeof(*next));
		if (!needles || !next)
			exit(2);
	}
	x = &needles[needle_count];
	memcpy(x->bytes, p, n);
	x->n = n;
	x->form = form;
	snprintf(x->name, sizeof(x->name), "%s", name);
	s = slot_of(load(p));
	next[needle_count] = slots[s];
	slots[s] = (uint32_t)++needle_count;
}

/* 8 bytes at bit offset 0, 2 (after one byte) or 4 (after two) of a base64 text: the characters they fill alone. */
static void base64_needles(const unsigned char piece[PIECE], const char *name)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (unsigned before = 0; before < 3; before++) {
		unsigned char text[16];
		size_t n = 0;
		for (unsigned bit = (6 - before * 8 % 6) % 6; bit + 6 <= PIECE * 8; bit += 6) {
			unsigned v = 0;
			for (unsigned i = bit; i < bit + 6; i++)
				v = v << 1 | (piece[i / 8] >> (7 - i % 8) & 1);
			text[n++] = (unsigned char)letters[v];
		}
		needle_add(text, n, "base64", name);
	}
}

static void piece_needles(const unsigned char piece[PIECE], const char *name)
{
	static const char *const digits[] = { "0123456789abcdef", "0123456789ABCDEF" };
	unsigned char hex[2 * PIECE];

	needle_add(piece, PIECE, "raw", name);
	for (int i = 0; i < 2; i++) {
		for (int j = 0; j < PIECE; j++) {
			hex[2 * j] = (unsigned char)digits[i][piece[j] >> 4];
			hex[2 * j + 1] = (unsigned char)digits[i][piece[j] & 15];
		}
		needle_add(hex, sizeof(hex), "hex", name);
	}
	base64_needles(piece, name);
}

static void secret_needles(const unsigned char *p, size_t n, const char *name)
{
	for (size_t at = 0; at + PIECE <= n; at += PIECE) {
		unsigned char odd[PIECE], bare[PIECE];
		for (int i = 0; i < PIECE; i++) {
			bare[i] = p[at + i] & 0xFE;
			odd[i] = bare[i] | !__builtin_parity(bare[i]);
		}
		piece_needles(p + at, name);
		if (memcmp(odd, p + at, PIECE) != 0)
			piece_needles(odd, name);
		if (memcmp(bare, p + at, PIECE) != 0)
			piece_needles(bare, name);
	}
}

static void read_secrets(void)
{
	char line[16384];

	while (fgets(line, sizeof(line), stdin)) {
		unsigned char bytes[sizeof(line) / 2];
		char *hex = strchr(line, ' ');
		size_t n = 0;
		if (!hex)
			exit(2);
		*hex++ = 0;
		for (; isxdigit((unsigned char)hex[0]) && isxdigit((unsigned char)hex[1]); hex += 2)
			sscanf(hex, "%2hhx", &bytes[n++]);
		secret_needles(bytes, n, line);
	}
}

static size_t sweep(const char *file)
{
	struct stat st;
	const unsigned char *p;
	size_t hits = 0, size;
	int fd = open(file, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) != 0) {
		perror(file);
		exit(2);
	}
	size = (size_t)st.st_size;
	p = size ? mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0) : NULL;
	if (p == MAP_FAILED)
		exit(2);
	for (size_t at = 0; at + NEEDLE <= size; at++) {
		uint64_t here = load(p + at);
		for (uint32_t i = slots[slot_of(here)]; i; i = next[i - 1]) {
			const struct needle *x = &needles[i - 1];
			if (at + x->n <= size && memcmp(p + at, x->bytes, x->n) == 0) {
				printf("%s offset %zu: %s of %s\n", file, at, x->form, x->name);
				hits++;
			}
		}
	}
	if (p)
		munmap((void *)p, size);
	close(fd);
	return hits;
}

int main(int argc, char **argv)
{
	size_t hits = 0;

	read_secrets();
	if (!needle_count) {
		fprintf(stderr, "sweep: no secrets on standard input\n");
		return 2;
	}
	for (int i = 1; i < argc; i++)
		hits += sweep(argv[i]);
	fprintf(stderr, "sweep: %zu needles, %d files, %zu hits\n", needle_count, argc - 1, hits);
	return hits != 0;
}
