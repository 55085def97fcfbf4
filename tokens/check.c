/* SPDX-License-Identifier: BSD-2-Clause */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "store_inner.h"

/*
 * Where LMDB 0.9 keeps its facts in the two meta pages, on a 64-bit host, in host order. LMDB maps the file and trusts
 * it: a file that is shorter than its meta pages say would end in SIGBUS, so it is refused here first.
 */
enum {
	META_FLAGS = 10,
	META_MAGIC = 16,
	META_VERSION = 20,
	META_FREE_DB = 40,
	META_MAIN_DB = 88,
	META_LAST_PAGE = 136,
	META_TXN = 144,
	META_BYTES = 152,
	DB_ROOT = 40,
};
#define META_PAGE_FLAG 0x08
#define LMDB_MAGIC 0xBEEFC0DEu
#define LMDB_DATA_VERSION 1
#define LMDB_NO_PAGE UINT64_MAX

int store_error(int rc)
{
	switch (rc) {
	case MDB_SUCCESS:
		return STORE_OK;
	case MDB_NOTFOUND:
	case ENOENT:
	case ENOTDIR:
		return STORE_ENOTFOUND;
	case MDB_KEYEXIST:
	case EEXIST:
	case ENOTEMPTY:
		return STORE_EEXIST;
	case ENOMEM:
		return STORE_ENOMEM;
	case MDB_MAP_FULL:
	case MDB_TXN_FULL:
	case MDB_MAP_RESIZED:
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return STORE_EFULL;
	case EACCES:
	case EPERM:
	case EROFS:
	case ELOOP:
		return STORE_EACCESS;
	case MDB_CORRUPTED:
	case MDB_PAGE_NOTFOUND:
		return STORE_ECORRUPT;
	case MDB_INVALID:
	case MDB_VERSION_MISMATCH:
	case MDB_INCOMPATIBLE:
		return STORE_EFOREIGN;
	case MDB_READERS_FULL:
	case EAGAIN:
	case EBUSY:
		return STORE_EBUSY;
	case MDB_PANIC:
		return STORE_EPANIC;
	case MDB_BAD_VALSIZE:
	case EINVAL:
		return STORE_EINVAL;
	default:
		return STORE_EIO;
	}
}

bool store_serial_ok(const char *serial)
{
	size_t n = serial ? strlen(serial) : 0;

	for (size_t i = 0; i < n; i++) {
		if (!isascii((unsigned char)serial[i]) || !isalnum((unsigned char)serial[i]))
			return false;
	}
	return n == STORE_SERIAL_LEN;
}

int store_path(const char *dir, const char *name, const char *file, char ret_path[STORE_PATH_MAX])
{
	char path[STORE_PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/%s%s%s", dir, name, file ? "/" : "", file ? file : "");

	if (n < 0 || (size_t)n >= sizeof(path))
		return STORE_EINVAL;
	memcpy(ret_path, path, (size_t)n + 1);
	return STORE_OK;
}

static int wrong_owner(const char *path, const struct stat *st)
{
	return store_fault(STORE_EACCESS, path, "belongs to user %u, this process runs as %u", (unsigned)st->st_uid,
			   (unsigned)geteuid());
}

int store_check_dir(const char *dir)
{
	struct stat st;

	if (stat(dir, &st) != 0)
		return errno == ENOENT ? STORE_ENOTFOUND : store_fault_errno(errno, dir, "no directory of tokens");
	if (!S_ISDIR(st.st_mode))
		return store_fault(STORE_EFOREIGN, dir, "not a directory");
	if (st.st_uid != geteuid() && st.st_uid != 0)
		return wrong_owner(dir, &st);
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return store_fault(STORE_EACCESS, dir, "others may write here (mode %04o): chmod go-w",
				   st.st_mode & 07777);
	return STORE_OK;
}

/* Ours alone, readable and writable by us. */
static int owner_check(const char *path, const struct stat *st, mode_t need)
{
	if (st->st_uid != geteuid())
		return wrong_owner(path, st);
	if ((st->st_mode & need) != need || (st->st_mode & (S_IRWXG | S_IRWXO)))
		return store_fault(STORE_EACCESS, path, "mode %04o, must be %04o", st->st_mode & 07777, need);
	return STORE_OK;
}

int store_check_token(const char *path, struct stat *ret_data)
{
	char file[STORE_PATH_MAX];
	struct stat dir, data;

	if (lstat(path, &dir) != 0)
		return errno == ENOENT ? STORE_ENOTFOUND : store_fault_errno(errno, path, "the token's directory");
	if (!S_ISDIR(dir.st_mode))
		return store_fault(STORE_EFOREIGN, path, "not a directory");
	int rc = owner_check(path, &dir, S_IRWXU);
	if (!rc)
		rc = store_path(path, STORE_DATA_FILE, NULL, file);
	if (rc)
		return rc;
	if (lstat(file, &data) != 0) {
		int e = errno;
		rc = store_fault_errno(e, file, "the token's data file");
		return e == ENOENT ? STORE_EFOREIGN : rc;
	}
	if (!S_ISREG(data.st_mode))
		return store_fault(STORE_EFOREIGN, file, "not a plain file");
	rc = owner_check(file, &data, S_IRUSR | S_IWUSR);
	if (!rc)
		*ret_data = data;
	return rc;
}

static uint64_t host_get(const uint8_t *p, size_t n)
{
	uint64_t u64;
	uint32_t u32;
	uint16_t u16;

	if (n == 8) {
		memcpy(&u64, p, 8);
		return u64;
	}
	if (n == 4) {
		memcpy(&u32, p, 4);
		return u32;
	}
	memcpy(&u16, p, 2);
	return u16;
}

/* What the two meta pages say, for comparison. */
struct meta {
	uint64_t txn;
	uint64_t pages;
	bool roots_ok; /* within the pages */
};

/* One meta page; page_size 0: not known yet. */
static int meta_check(const uint8_t *meta, uint64_t *page_size, struct meta *ret)
{
	uint64_t size = host_get(meta + META_FREE_DB, 4);
	uint64_t last = host_get(meta + META_LAST_PAGE, 8);
	uint64_t free_root = host_get(meta + META_FREE_DB + DB_ROOT, 8);
	uint64_t main_root = host_get(meta + META_MAIN_DB + DB_ROOT, 8);

	if (host_get(meta + META_MAGIC, 4) != LMDB_MAGIC || !(host_get(meta + META_FLAGS, 2) & META_PAGE_FLAG))
		return STORE_EFOREIGN;
	if (host_get(meta + META_VERSION, 4) != LMDB_DATA_VERSION)
		return STORE_EFOREIGN;
	if (size < 512 || size > 65536 || (size & (size - 1)) || (*page_size && size != *page_size))
		return STORE_ECORRUPT;
	if (last == LMDB_NO_PAGE)
		return STORE_ECORRUPT;
	*page_size = size;
	ret->txn = host_get(meta + META_TXN, 8);
	ret->pages = last + 1;
	ret->roots_ok =
	    (free_root == LMDB_NO_PAGE || free_root <= last) && (main_root == LMDB_NO_PAGE || main_root <= last);
	return STORE_OK;
}

static int pages_check(int fd)
{
	uint8_t meta[META_BYTES];
	uint64_t page_size = 0;
	struct meta metas[2] = { { 0 } };
	struct stat st;

	for (int i = 0; i < 2; i++) {
		ssize_t n = pread(fd, meta, sizeof(meta), (off_t)page_size * i);
		if (n < 0)
			return store_error(errno);
		if (n != sizeof(meta))
			return STORE_ECORRUPT;
		int rc = meta_check(meta, &page_size, &metas[i]);
		/* What began as one of LMDB's files and has a second meta page that is not is damaged, not foreign. */
		if (rc)
			return i == 1 ? STORE_ECORRUPT : rc;
	}
	/*
	 * Only the newer one is used. The older may have roots that are not its own: when the write of a meta page
	 * fails, LMDB takes back its number and its last page, nothing else.
	 */
	if (!metas[metas[1].txn > metas[0].txn].roots_ok)
		return STORE_ECORRUPT;
	/* The size is read last: a writer in another process only lets the file grow. */
	if (fstat(fd, &st) != 0)
		return store_error(errno);
	uint64_t have = (uint64_t)st.st_size / page_size;
	return have < metas[0].pages || have < metas[1].pages || have < 2 ? STORE_ECORRUPT : STORE_OK;
}

int store_check_pages(const char *path)
{
	char file[STORE_PATH_MAX];
	int rc = store_path(path, STORE_DATA_FILE, NULL, file);

	if (rc)
		return rc;
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return store_fault_errno(errno, file, "cannot be opened");
	/* Another process may be writing a meta page just now; what is wrong for good is wrong the third time too. */
	rc = pages_check(fd);
	for (int i = 0; i < 2 && (rc == STORE_ECORRUPT || rc == STORE_EFOREIGN); i++) {
		usleep(2000);
		rc = pages_check(fd);
	}
	close(fd);
	if (rc == STORE_EFOREIGN)
		return store_fault(rc, file, "not a file of this store (LMDB 0.9, this machine's byte order)");
	return rc ? store_fault(rc, file, "truncated or damaged: meta pages and size do not agree") : STORE_OK;
}

void store_record_put(struct buf *out, const char *serial)
{
	buf_put(out, "SRST", 4);
	buf_put_u16(out, STORE_SCHEMA);
	buf_put(out, serial, STORE_SERIAL_LEN);
}

int store_record_check(struct view record, const char *serial, unsigned *ret_schema)
{
	struct reader r = reader_of(record);
	struct view magic = reader_bytes(&r, 4);
	uint16_t schema = reader_u16(&r);
	struct view stored = reader_bytes(&r, STORE_SERIAL_LEN);

	if (!view_equal(magic, VIEW("SRST", 4)) || schema < STORE_SCHEMA_OLDEST || schema > STORE_SCHEMA)
		return STORE_EFOREIGN;
	if (!reader_done(&r))
		return STORE_ECORRUPT;
	if (!view_equal(stored, VIEW(serial, STORE_SERIAL_LEN)))
		return STORE_EFOREIGN;
	*ret_schema = schema;
	return STORE_OK;
}
