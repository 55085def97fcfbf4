/* SPDX-License-Identifier: BSD-2-Clause */
#include "token_host.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "module.h"

#define SECRET_MIN 16
#define SECRET_MAX 4096
#define PATH_LEN 4096

/* find_path: %d is the directory of systemd's credentials. */
static CK_RV find_path(const char *setting, char ret[PATH_LEN], bool *ret_credential)
{
	const char *dir = secure_getenv("CREDENTIALS_DIRECTORY");
	bool credential = strncmp(setting, "%d/", 3) == 0;
	int n;

	if (credential && (dir == NULL || dir[0] == '\0')) {
		call_note("host_secret %s: CREDENTIALS_DIRECTORY is not set: start the program with LoadCredential",
			  setting);
		return CKR_DEVICE_ERROR;
	}
	n = credential ? snprintf(ret, PATH_LEN, "%s/%s", dir, setting + 3) : snprintf(ret, PATH_LEN, "%s", setting);
	if (n < 0 || n >= PATH_LEN) {
		call_note("host_secret: the path is too long");
		return CKR_DEVICE_ERROR;
	}
	*ret_credential = credential;
	return CKR_OK;
}

/* what_is_wrong: with the file; NULL: nothing. */
static const char *what_is_wrong(const struct stat *st, bool credential)
{
	mode_t mode = st->st_mode & 07777;
	bool ours = st->st_uid == geteuid();

	if (!S_ISREG(st->st_mode))
		return "is no regular file";
	if (!ours && !(credential && st->st_uid == 0))
		return "belongs to another user";
	/* A credential of root's is opened to the service by an access list, whose mask shows as the group's bits. */
	if (mode != 0400 && mode != 0600 && !(credential && mode == 0440))
		return "must have mode 0400 or 0600";
	if (st->st_size < SECRET_MIN || st->st_size > SECRET_MAX)
		return "must have 16 to 4096 bytes";
	return NULL;
}

static CK_RV read_all(int fd, const char *path, struct secret *ret)
{
	while (ret->len < ret->room) {
		ssize_t n = read(fd, ret->p + ret->len, ret->room - ret->len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			call_note("host_secret %s: %s", path, strerror(errno));
			return CKR_DEVICE_ERROR;
		}
		if (n == 0)
			break;
		ret->len += (size_t)n;
	}
	if (ret->len < SECRET_MIN || ret->len > SECRET_MAX) {
		call_note("host_secret %s must have 16 to 4096 bytes", path);
		return CKR_DEVICE_ERROR;
	}
	return CKR_OK;
}

static CK_RV read_secret(const char *setting, struct secret *ret)
{
	char path[PATH_LEN];
	const char *wrong;
	struct stat st;
	bool credential;
	CK_RV rv = find_path(setting, path, &credential);
	int fd;

	if (rv != CKR_OK)
		return rv;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) != 0) {
		call_note("host_secret %s: %s", path, strerror(errno));
		rv = CKR_DEVICE_ERROR;
		goto out;
	}
	wrong = what_is_wrong(&st, credential);
	if (wrong != NULL) {
		call_note("host_secret %s %s", path, wrong);
		rv = CKR_DEVICE_ERROR;
	} else if (!secret_init(ret, SECRET_MAX + 1)) {
		rv = CKR_HOST_MEMORY;
	} else {
		rv = read_all(fd, path, ret);
	}
out:
	if (fd >= 0)
		close(fd);
	return rv;
}

CK_RV host_key(const struct token_place *place, const char *setting, struct secret *ret)
{
	uint8_t salt[2 * STORE_ID_LEN];
	SECRET_AUTO secret = { 0 };
	CK_RV rv;

	if (setting == NULL) {
		call_note("this token is bound to a host: the setting host_secret is missing");
		return CKR_DEVICE_ERROR;
	}
	rv = read_secret(setting, &secret);
	memcpy(salt, place->serial, STORE_SERIAL_LEN);
	memcpy(salt + STORE_SERIAL_LEN, place->generation, STORE_ID_LEN);
	if (rv != CKR_OK)
		return rv;
	return seal_kdf(place->crypto, secret_view(&secret), VIEW(salt, sizeof(salt)), "strongroom host binding", ret);
}

static CK_RV covered(const struct token_place *place, struct view name, struct buf *out)
{
	buf_put_view(out, VIEW_STR("strongroom host"));
	buf_put(out, place->serial, STORE_SERIAL_LEN);
	buf_put(out, place->generation, STORE_ID_LEN);
	buf_put_view(out, name);
	return buf_ok(out) ? CKR_OK : CKR_HOST_MEMORY;
}

CK_RV host_seal(const struct token_place *place, struct view name, struct view inner, struct buf *out)
{
	BUF_AUTO aad = { 0 };
	CK_RV rv;

	if (place->host_key == NULL) {
		buf_put_view(out, inner);
		return buf_ok(out) ? CKR_OK : CKR_HOST_MEMORY;
	}
	rv = covered(place, name, &aad);
	return rv == CKR_OK ? seal_bytes(place->crypto, place->host_key->p, buf_view(&aad), inner, out) : rv;
}

CK_RV host_open(const struct token_place *place, struct view name, struct view outer, struct buf *out)
{
	SECRET_AUTO inner = { 0 };
	BUF_AUTO aad = { 0 };
	CK_RV rv = CKR_OK;

	if (place->host_key == NULL) {
		buf_put_view(out, outer);
		return buf_ok(out) ? CKR_OK : CKR_HOST_MEMORY;
	}
	rv = covered(place, name, &aad);
	if (rv == CKR_OK)
		rv = open_bytes(place->crypto, place->host_key->p, buf_view(&aad), outer, &inner);
	if (rv == CKR_ENCRYPTED_DATA_INVALID) {
		call_note("this token is bound to another host: host_secret is not the one that it was made with");
		return CKR_DEVICE_ERROR;
	}
	/* What stands inside is sealed itself. */
	buf_put_view(out, secret_view(&inner));
	return rv == CKR_OK && !buf_ok(out) ? CKR_HOST_MEMORY : rv;
}
