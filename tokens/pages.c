/* SPDX-License-Identifier: BSD-2-Clause */
#include "pages.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store_inner.h"

/* Pages of LMDB 0.9 on a 64-bit host of little-endian order; what differs is STORE_EFOREIGN before (check.c). */
enum {
	PAGE_NUMBER = 0,
	PAGE_FLAGS = 10,
	PAGE_LOWER = 12,
	PAGE_UPPER = 14,
	PAGE_COUNT = 12, /* of large values */
	PAGE_HEADER = 16,
	NODE_FLAGS = 4,
	NODE_KEY_LEN = 6,
	NODE_HEADER = 8,
	DB_LEN = 48,
	DB_FLAGS = 4,
	DB_DEPTH = 6,
	DB_BRANCHES = 8,
	DB_LEAVES = 16,
	DB_LARGE = 24,
	DB_ENTRIES = 32,
	DB_ROOT = 40,
	META_DB_FREE = 40,
	META_DB_MAIN = 88,
	META_LAST = 136,
	META_TXN = 144,
	META_END = 152,
};
#define PAGE_BRANCH 0x01u
#define PAGE_LEAF 0x02u
#define PAGE_LARGE 0x04u
#define NODE_LARGE 0x01u
#define NODE_TREE 0x02u
#define NO_PAGE UINT64_MAX
#define DEPTH_MAX 32u
#define KEY_MAX 511u

/* struct walk: one look at a file. */
struct walk {
	int fd;
	size_t page_size;
	uint64_t last;   /* highest page number */
	uint8_t *used;   /* a bit a page: 1 seen in a tree */
	uint8_t *vacant; /* likewise: in the list of free pages */
	uint64_t pages;
	store_page_fn each;
	void *ctx;
};

/* struct btree: a database on its way: what its record says, and what was counted. */
struct btree {
	const char *name;
	bool main; /* its values are the records of the other trees */
	bool free; /* keys are numbers, values lists of pages */
	unsigned depth;
	uint64_t branches, leaves, large, entries;
};

/* struct span: keys that a page may have: from lo on, below hi; p NULL: no limit. */
struct span {
	struct view lo, hi;
};

__attribute__((format(printf, 3, 4))) static void bad(struct walk *w, uint64_t page, const char *format, ...)
{
	char text[128];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	w->each(w->ctx, page, text);
}

static uint16_t get16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static uint32_t get32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static uint64_t get64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* take: the page is one of a tree now; false: it cannot be, or was already. */
static bool take(struct walk *w, uint64_t page, const char *name)
{
	uint8_t bit = (uint8_t)(1u << page % 8);

	if (page < 2 || page > w->last) {
		bad(w, page, "%s: there is no such page", name);
		return false;
	}
	if (w->used[page / 8] & bit) {
		bad(w, page, "%s: in use twice", name);
		return false;
	}
	w->used[page / 8] |= bit;
	return true;
}

static int read_at(struct walk *w, uint64_t page, size_t n, uint8_t *ret)
{
	size_t at = 0;

	while (at < n) {
		ssize_t got = pread(w->fd, ret + at, n - at, (off_t)(page * w->page_size + at));

		if (got <= 0)
			return got < 0 ? STORE_EIO : STORE_ECORRUPT;
		at += (size_t)got;
	}
	w->pages++;
	return STORE_OK;
}

static int compare(const struct btree *t, struct view a, struct view b)
{
	size_t n = a.n < b.n ? a.n : b.n;

	if (t->free) {
		uint64_t x = a.n == 8 ? get64(a.p) : 0, y = b.n == 8 ? get64(b.p) : 0;

		return x < y ? -1 : x > y;
	}
	int c = n > 0 ? memcmp(a.p, b.p, n) : 0;
	return c ? c : a.n < b.n ? -1 : a.n > b.n;
}

/* node_of: the i-th node, within its page; p NULL: it is not. The view goes on to the end of the page. */
static struct view node_of(struct walk *w, const uint8_t *page, unsigned i)
{
	size_t at = get16(page + PAGE_HEADER + 2 * (size_t)i);
	size_t upper = get16(page + PAGE_UPPER);

	if (at < upper || at % 2 || at + NODE_HEADER > w->page_size ||
	    at + NODE_HEADER + get16(page + at + NODE_KEY_LEN) > w->page_size)
		return VIEW(NULL, 0);
	return VIEW(page + at, w->page_size - at);
}

static struct view key_of(struct view node)
{
	return VIEW(node.p + NODE_HEADER, get16(node.p + NODE_KEY_LEN));
}

static int check_tree(struct walk *w, const uint8_t record[DB_LEN], struct btree *t);

/* large_value: pages of a value that has its own; into *ret when asked for. */
static int large_value(struct walk *w, struct btree *t, uint64_t page, size_t len, uint8_t **ret)
{
	size_t count = (PAGE_HEADER - 1 + len) / w->page_size + 1;
	uint8_t header[PAGE_HEADER];

	for (size_t i = 0; i < count; i++)
		if (!take(w, page + i, t->name))
			return STORE_OK;
	t->large += count;
	int rc = read_at(w, page, sizeof(header), header);
	if (rc)
		return rc;
	w->pages += count - 1;
	if (get64(header + PAGE_NUMBER) != page || get16(header + PAGE_FLAGS) != PAGE_LARGE ||
	    get32(header + PAGE_COUNT) != count) {
		bad(w, page, "%s: not the page of a large value", t->name);
		return STORE_OK;
	}
	if (!ret)
		return STORE_OK;
	uint8_t *all = malloc(count * w->page_size);
	if (!all)
		return STORE_ENOMEM;
	rc = read_at(w, page, count * w->page_size, all);
	if (rc) {
		free(all);
		return rc;
	}
	*ret = all;
	return STORE_OK;
}

/* vacate: a list of free pages: how many, then their numbers, falling. */
static void vacate(struct walk *w, uint64_t page, struct view list)
{
	uint64_t count = list.n >= 8 ? get64(list.p) : 0, before = NO_PAGE;

	if (list.n < 8 || list.n % 8 || count != list.n / 8 - 1) {
		bad(w, page, "free pages: a list of another length than it says");
		return;
	}
	for (uint64_t i = 1; i <= count; i++) {
		uint64_t free_page = get64(list.p + 8 * i);
		uint8_t bit = (uint8_t)(1u << free_page % 8);

		if (free_page < 2 || free_page > w->last || free_page >= before) {
			bad(w, page, "free pages: a list out of order");
			return;
		}
		before = free_page;
		if (w->vacant[free_page / 8] & bit) {
			bad(w, free_page, "free twice");
			return;
		}
		w->vacant[free_page / 8] |= bit;
	}
}

static int check_value(struct walk *w, struct btree *t, uint64_t page, struct view key, unsigned flags,
		       struct view value)
{
	char name[STORE_NAME_MAX + 1] = { 0 };

	if (t->free) {
		vacate(w, page, value);
		return STORE_OK;
	}
	if (!t->main)
		return STORE_OK;
	if (!(flags & NODE_TREE) || value.n != DB_LEN || key.n > STORE_NAME_MAX) {
		bad(w, page, "%s: something else than a database", t->name);
		return STORE_OK;
	}
	memcpy(name, key.p, key.n);
	return check_tree(w, value.p, &(struct btree){ .name = name });
}

static int check_leaf_node(struct walk *w, struct btree *t, uint64_t page, struct view node)
{
	unsigned flags = get16(node.p + NODE_FLAGS);
	size_t len = get16(node.p) | (size_t)get16(node.p + 2) << 16;
	struct view key = key_of(node);
	size_t at = NODE_HEADER + key.n, room = flags & NODE_LARGE ? 8 : len;
	uint8_t *value = NULL;

	t->entries++;
	if (key.n == 0 || key.n > KEY_MAX || (t->free && key.n != 8) || (flags & ~(NODE_LARGE | NODE_TREE)) ||
	    (flags & NODE_TREE && !t->main) || node.n < at + room) {
		bad(w, page, "%s: an entry that reaches beyond its page or is of no kind", t->name);
		return STORE_OK;
	}
	if (!(flags & NODE_LARGE))
		return check_value(w, t, page, key, flags, VIEW(node.p + at, len));
	int rc = large_value(w, t, get64(node.p + at), len, t->free ? &value : NULL);
	if (!rc && value)
		vacate(w, page, VIEW(value + PAGE_HEADER, len));
	free(value);
	return rc;
}

static int check_page(struct walk *w, struct btree *t, uint64_t page, unsigned level, struct span span);

/* check_nodes: keys in order and within the span; then what each node holds. */
static int check_nodes(struct walk *w, struct btree *t, uint64_t page, const uint8_t *p, unsigned level,
		       struct span span)
{
	unsigned n = (unsigned)(get16(p + PAGE_LOWER) - PAGE_HEADER) / 2;
	bool branch = get16(p + PAGE_FLAGS) & PAGE_BRANCH;
	struct view before = span.lo;

	for (unsigned i = 0; i < n; i++) {
		struct view node = node_of(w, p, i);
		struct view next = i + 1 < n ? node_of(w, p, i + 1) : VIEW(NULL, 0);
		struct span below = { .lo = span.lo, .hi = span.hi };
		int rc;

		if (!node.p || (i + 1 < n && !next.p)) {
			bad(w, page, "%s: an entry that reaches beyond its page", t->name);
			return STORE_OK;
		}
		struct view key = branch && i == 0 ? span.lo : key_of(node);
		if (key.p &&
		    ((before.p && compare(t, key, before) < (i > 0)) || (span.hi.p && compare(t, key, span.hi) >= 0))) {
			bad(w, page, "%s: keys out of order", t->name);
			return STORE_OK;
		}
		before = key;
		below.lo = key;
		if (next.p)
			below.hi = key_of(next);
		if (branch)
			rc = check_page(w, t,
					get16(node.p) | (uint64_t)get16(node.p + 2) << 16 |
					    (uint64_t)get16(node.p + NODE_FLAGS) << 32,
					level + 1, below);
		else
			rc = check_leaf_node(w, t, page, node);
		if (rc)
			return rc;
	}
	return STORE_OK;
}

static int check_page(struct walk *w, struct btree *t, uint64_t page, unsigned level, struct span span)
{
	if (!take(w, page, t->name))
		return STORE_OK;
	uint8_t *p = malloc(w->page_size);
	int rc = p ? read_at(w, page, w->page_size, p) : STORE_ENOMEM;
	if (rc)
		goto out;
	unsigned flags = get16(p + PAGE_FLAGS);
	size_t lower = get16(p + PAGE_LOWER), upper = get16(p + PAGE_UPPER);
	bool branch = flags == PAGE_BRANCH;
	if (get64(p + PAGE_NUMBER) != page)
		bad(w, page, "%s: it says that it is page %llu", t->name, (unsigned long long)get64(p + PAGE_NUMBER));
	else if (flags != PAGE_LEAF && !branch)
		bad(w, page, "%s: neither branch nor leaf", t->name);
	else if ((level < t->depth) != branch || level > t->depth)
		bad(w, page, "%s: at the wrong depth", t->name);
	else if (lower < PAGE_HEADER || lower % 2 || lower > upper || upper > w->page_size ||
		 lower < PAGE_HEADER + (branch ? 4u : 2u))
		bad(w, page, "%s: its room is wrong", t->name);
	else {
		t->branches += branch;
		t->leaves += !branch;
		rc = check_nodes(w, t, page, p, level, span);
	}
out:
	free(p);
	return rc;
}

static int check_tree(struct walk *w, const uint8_t record[DB_LEN], struct btree *t)
{
	uint64_t root = get64(record + DB_ROOT);
	bool empty = root == NO_PAGE;

	t->depth = get16(record + DB_DEPTH);
	if (t->depth > DEPTH_MAX || empty != (t->depth == 0) || (!t->free && get16(record + DB_FLAGS) != 0)) {
		bad(w, 0, "%s: its record is wrong", t->name);
		return STORE_OK;
	}
	if (!empty) {
		int rc = check_page(w, t, root, 1, (struct span){ { NULL, 0 }, { NULL, 0 } });
		if (rc)
			return rc;
	}
	if (t->branches != get64(record + DB_BRANCHES) || t->leaves != get64(record + DB_LEAVES) ||
	    t->large != get64(record + DB_LARGE) || t->entries != get64(record + DB_ENTRIES))
		bad(w, 0, "%s: %llu entries were found, %llu should be there, or their pages are miscounted", t->name,
		    (unsigned long long)t->entries, (unsigned long long)get64(record + DB_ENTRIES));
	return STORE_OK;
}

/* find_meta: the meta page of this transaction: not written over yet. STORE_EBUSY: it is. */
static int find_meta(struct walk *w, uint64_t txn, uint8_t ret[META_END])
{
	for (uint64_t i = 0; i < 2; i++) {
		int rc = read_at(w, i, META_END, ret);
		if (rc)
			return rc;
		if (get64(ret + META_TXN) == txn)
			return STORE_OK;
	}
	return STORE_EBUSY;
}

static int check_all(struct walk *w, const uint8_t meta[META_END])
{
	struct stat st;

	w->last = get64(meta + META_LAST);
	if (fstat(w->fd, &st) != 0)
		return STORE_EIO;
	if (w->last >= (uint64_t)st.st_size / w->page_size)
		return STORE_ECORRUPT;
	w->used = calloc(w->last / 8 + 1, 1);
	w->vacant = calloc(w->last / 8 + 1, 1);
	int rc = w->used && w->vacant ? STORE_OK : STORE_ENOMEM;
	if (!rc)
		rc = check_tree(w, meta + META_DB_FREE, &(struct btree){ .name = "free pages", .free = true });
	if (!rc)
		rc = check_tree(w, meta + META_DB_MAIN, &(struct btree){ .name = "databases", .main = true });
	for (uint64_t i = 0; !rc && i <= w->last / 8; i++)
		for (unsigned k = 0; k < 8; k++)
			if (w->used[i] & w->vacant[i] & 1u << k)
				bad(w, i * 8 + k, "free and in use");
	free(w->used);
	free(w->vacant);
	return rc;
}

int store_pages_check(struct store *s, store_page_fn each, void *ctx, uint64_t *ret_pages)
{
	struct walk w = { .each = each, .ctx = ctx, .page_size = s->page_size };
	uint8_t meta[META_END];
	int rc = STORE_EBUSY;

	for (int i = 0; i < 100 && rc == STORE_EBUSY; i++) {
		struct store_txn *t = NULL;
		mdb_filehandle_t fd;

		rc = store_begin(s, false, &t);
		if (rc)
			return rc;
		/* The transaction keeps its pages from being used again. */
		rc = store_error(mdb_env_get_fd(s->env, &fd));
		w.fd = fd;
		if (!rc)
			rc = find_meta(&w, mdb_txn_id(t->txn), meta);
		if (!rc)
			rc = check_all(&w, meta);
		store_abort(t);
	}
	if (!rc)
		*ret_pages = w.pages;
	return rc;
}
