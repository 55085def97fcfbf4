/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "store_inner.h"

/*
 * The file audit.state (docs/store.md): two copies of the state of the audit chain, each in a block of its own,
 * overwritten in place, one after the other, so that a write that is torn leaves the other copy. It stands outside of
 * LMDB, whose freed pages would keep the states before.
 */
#define SLOTS 2
#define SLOT_STEP 4096
#define SLOT_HEAD 14
#define SLOT_CHECK 8
#define SLOT_BYTES (SLOT_HEAD + STORE_STATE_MAX + SLOT_CHECK)
#define MAGIC "SRAS"

struct slot {
	uint64_t rank;
	struct secret state;
};

/* FNV-1a: tells a torn copy; who writes the file with intent is found by the module. */
static uint64_t check_of(const uint8_t *p, size_t n)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * 0x100000001b3u;
	return h;
}

static bool ours(const struct stat *st)
{
	mode_t need = S_IRUSR | S_IWUSR;

	return S_ISREG(st->st_mode) && st->st_uid == geteuid() && (st->st_mode & need) == need &&
	       !(st->st_mode & (S_IRWXG | S_IRWXO));
}

static void close_file(struct store *s)
{
	if (s->state_fd > 0)
		close(s->state_fd);
	s->state_fd = 0;
}

/* open_file: the descriptor stays as long as its file is the one in the directory. Under state_mutex. */
static int open_file(struct store *s)
{
	char path[STORE_PATH_MAX];
	struct stat st;
	int rc = store_path(s->path, STORE_STATE_FILE, NULL, path);

	if (rc)
		return rc;
	if (lstat(path, &st) != 0) {
		rc = store_error(errno);
		close_file(s);
		return rc;
	}
	if (s->state_fd > 0 && (st.st_ino != s->state_inode || st.st_dev != s->device))
		close_file(s);
	if (!ours(&st))
		return STORE_EACCESS;
	if (s->state_fd > 0)
		return STORE_OK;
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd == 0) { /* which stands for none here */
		fd = fcntl(0, F_DUPFD_CLOEXEC, 3);
		close(0);
	}
	if (fd < 0)
		return store_error(errno);
	s->state_fd = fd;
	if (fstat(fd, &st) != 0)
		return store_error(errno);
	s->state_inode = st.st_ino;
	return ours(&st) ? STORE_OK : STORE_EACCESS;
}

static int make_file(struct store *s)
{
	char path[STORE_PATH_MAX];

	close_file(s);
	int rc = store_path(s->path, STORE_STATE_FILE, NULL, path);
	if (rc)
		return rc;
	if (unlink(path) != 0 && errno != ENOENT)
		return store_error(errno);
	int fd = open(path, O_RDWR | O_CLOEXEC | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
	if (fd < 0)
		return store_error(errno);
	close(fd);
	fd = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return store_error(errno);
	rc = fsync(fd) == 0 ? STORE_OK : store_error(errno);
	close(fd);
	return rc ? rc : open_file(s);
}

/* STORE_ECORRUPT: nothing legible stands there. */
static int slot_read(struct store *s, int n, struct slot *ret)
{
	SECRET_AUTO raw = { 0 };
	SECRET_AUTO state = { 0 };

	if (!secret_init(&raw, SLOT_BYTES) || !secret_init(&state, STORE_STATE_MAX))
		return STORE_ENOMEM;
	ssize_t got = pread(s->state_fd, raw.p, SLOT_BYTES, (off_t)n * SLOT_STEP);
	if (got < 0)
		return store_error(errno);
	raw.len = (size_t)got;
	struct reader r = reader_of(secret_view(&raw));
	struct view magic = reader_bytes(&r, 4);
	uint64_t rank = reader_u64(&r);
	struct view bytes = reader_lv(&r, 1, STORE_STATE_MAX);
	uint64_t check = reader_u64(&r);
	if (r.failed || !view_equal(magic, VIEW_STR(MAGIC)) || check != check_of(raw.p, SLOT_HEAD + bytes.n))
		return STORE_ECORRUPT;
	if (!secret_set(&state, bytes.p, bytes.n))
		return STORE_ENOMEM;
	ret->rank = rank;
	secret_move(&ret->state, &state);
	return STORE_OK;
}

/* slot_write: the whole room, so that nothing of a longer state stays. */
static int slot_write(struct store *s, int n, uint64_t rank, const struct secret *state)
{
	SECRET_AUTO raw = { 0 };
	uint8_t *p;

	if (!secret_init(&raw, SLOT_BYTES))
		return STORE_ENOMEM;
	p = raw.p;
	memcpy(p, MAGIC, 4);
	be_put64(p + 4, rank);
	be_put16(p + 12, (uint16_t)state->len);
	memcpy(p + SLOT_HEAD, state->p, state->len);
	be_put64(p + SLOT_HEAD + state->len, check_of(p, SLOT_HEAD + state->len));
	ssize_t done = pwrite(s->state_fd, p, SLOT_BYTES, (off_t)n * SLOT_STEP);
	if (done < 0)
		return store_error(errno);
	return done == SLOT_BYTES ? STORE_OK : STORE_EIO;
}

/* Other processes write their commits' states, too; an older one must not take the place of a newer one. */
static int lock_file(struct store *s, short type)
{
	struct flock lock = { .l_type = type, .l_whence = SEEK_SET };

	while (fcntl(s->state_fd, F_OFD_SETLKW, &lock) != 0)
		if (errno != EINTR)
			return store_error(errno);
	return STORE_OK;
}

static int write_both(struct store *s, const struct audit_pending *p)
{
	int rc = lock_file(s, F_WRLCK);
	if (rc)
		return rc;
	for (int n = 0; n < SLOTS && !rc; n++) {
		struct slot old = { 0 };
		bool newer = !p->anew && slot_read(s, n, &old) == STORE_OK && old.rank >= p->rank;
		if (!newer)
			rc = slot_write(s, n, p->rank, &p->state);
		secret_done(&old.state);
	}
	if (!rc && p->anew && fdatasync(s->state_fd) != 0)
		rc = store_error(errno);
	int unlocked = lock_file(s, F_UNLCK);
	return rc ? rc : unlocked;
}

/* first_write: a new chain stands beside the old one until its transaction is committed. */
static int first_write(struct store *s, const struct audit_pending *p)
{
	int rc = open_file(s);
	if (rc == STORE_ENOTFOUND || rc == STORE_EACCESS)
		rc = make_file(s);
	if (!rc)
		rc = lock_file(s, F_WRLCK);
	if (rc)
		return rc;
	rc = slot_write(s, SLOTS - 1, p->rank, &p->state);
	if (!rc && fdatasync(s->state_fd) != 0)
		rc = store_error(errno);
	int unlocked = lock_file(s, F_UNLCK);
	return rc ? rc : unlocked;
}

/* slots_read: those that are legible. */
static int slots_read(struct store *s, struct slot slots[SLOTS], unsigned *ret_n)
{
	unsigned n = 0;
	int rc = STORE_OK;

	for (int i = 0; i < SLOTS && !rc; i++) {
		int e = slot_read(s, i, &slots[n]);
		if (!e)
			n++;
		else if (e != STORE_ECORRUPT)
			rc = e;
	}
	*ret_n = n;
	return rc;
}

int store_state_read(struct store *s, struct secret ret[STORE_STATES], unsigned *ret_n)
{
	struct slot slots[SLOTS] = { { 0 } };
	unsigned n = 0;

	pthread_mutex_lock(&s->state_mutex);
	int rc = open_file(s);
	if (!rc)
		rc = slots_read(s, slots, &n);
	/* Another process may be writing them just now. */
	if (!rc && n == 0)
		rc = lock_file(s, F_RDLCK);
	if (!rc && n == 0) {
		rc = slots_read(s, slots, &n);
		int unlocked = lock_file(s, F_UNLCK);
		rc = rc ? rc : unlocked;
	}
	pthread_mutex_unlock(&s->state_mutex);
	if (!rc && n == 0)
		rc = STORE_ECORRUPT;
	if (!rc && n == 2 && slots[1].rank > slots[0].rank) {
		struct slot newer = slots[1];
		slots[1] = slots[0];
		slots[0] = newer;
	}
	/* Equal copies are one. */
	if (!rc && n == 2 && secret_equal(&slots[0].state, &slots[1].state))
		n = 1;
	for (unsigned i = 0; i < n && !rc; i++)
		secret_move(&ret[i], &slots[i].state);
	if (!rc)
		*ret_n = n;
	for (int i = 0; i < SLOTS; i++)
		secret_done(&slots[i].state);
	return rc;
}

int store_state_there(struct store *s, uint64_t *ret_file)
{
	pthread_mutex_lock(&s->state_mutex);
	int rc = open_file(s);
	if (!rc)
		*ret_file = s->state_inode;
	pthread_mutex_unlock(&s->state_mutex);
	return rc;
}

/* pending: what the transaction has put, or those whose commit it shares. A follower has the turn, its leader waits. */
static const struct audit_pending *pending(const struct store_txn *t)
{
	const struct store_txn *leader = t->store->group.leader;

	return t->audit.state.len == 0 && t->write && leader != NULL ? &leader->audit : &t->audit;
}

int store_state_get(struct store_txn *t, struct secret ret[STORE_STATES], unsigned *ret_n)
{
	const struct audit_pending *p = pending(t);

	if (p->state.len == 0)
		return store_state_read(t->store, ret, ret_n);
	if (!secret_init(&ret[0], STORE_STATE_MAX) || !secret_set(&ret[0], p->state.p, p->state.len))
		return STORE_ENOMEM;
	*ret_n = 1;
	return STORE_OK;
}

int store_state_put(struct store_txn *t, const struct secret *state, uint64_t rank, enum store_state_how how)
{
	struct audit_pending *p = &t->audit;
	struct audit_pending now = { .rank = rank, .anew = how == STORE_STATE_ANEW };
	int rc = STORE_OK;

	if (!t->write || state->len == 0 || state->len > STORE_STATE_MAX)
		return STORE_EINVAL;
	if (!secret_init(&now.state, STORE_STATE_MAX) || !secret_set(&now.state, state->p, state->len)) {
		secret_done(&now.state);
		return txn_fail(t, STORE_ENOMEM);
	}
	if (how != STORE_STATE_NEXT) {
		pthread_mutex_lock(&t->store->state_mutex);
		rc = how == STORE_STATE_ANEW ? first_write(t->store, &now) : open_file(t->store);
		if (!rc && how == STORE_STATE_NOW)
			rc = write_both(t->store, &now);
		pthread_mutex_unlock(&t->store->state_mutex);
	}
	if (how == STORE_STATE_NOW || rc) {
		secret_done(&now.state);
		return txn_fail(t, rc);
	}
	now.anew = now.anew || p->anew;
	state_drop(p);
	*p = now;
	return STORE_OK;
}

bool store_state_pending(const struct store_txn *t)
{
	return pending(t)->state.len > 0;
}

void state_drop(struct audit_pending *p)
{
	secret_done(&p->state);
	*p = (struct audit_pending){ .rank = 0 };
}

void state_move(struct audit_pending *to, struct audit_pending *from)
{
	if (from->state.len == 0)
		return;
	from->anew = from->anew || to->anew;
	state_drop(to);
	*to = *from;
	*from = (struct audit_pending){ .rank = 0 };
}

void state_commit(struct store *s, struct audit_pending *p)
{
	if (p->state.len > 0) {
		pthread_mutex_lock(&s->state_mutex);
		/* When it fails the state lags behind; the next entry is not written before it has caught up. */
		if (open_file(s) == STORE_OK && write_both(s, p) == STORE_OK)
			s->state_unsynced = !p->anew;
		pthread_mutex_unlock(&s->state_mutex);
	}
	state_drop(p);
}

void state_close(struct store *s)
{
	if (s->state_fd > 0 && s->state_unsynced)
		(void)!fdatasync(s->state_fd);
	close_file(s);
}

void state_abandon(struct store *s)
{
	struct stat st;

	if (s->state_fd > 0 && fstat(s->state_fd, &st) == 0 && st.st_dev == s->device && st.st_ino == s->state_inode)
		close(s->state_fd);
	s->state_fd = 0;
}
