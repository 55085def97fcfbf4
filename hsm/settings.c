/* SPDX-License-Identifier: BSD-2-Clause */
#include "settings.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf.h"
#include "log.h"
#include "policy.h"

static const struct conf_key keys[] = {
	{ "", "token_dir", NULL,
	  "directory of the tokens; default: /var/lib/strongroom/tokens for root, "
	  "$XDG_DATA_HOME/strongroom/tokens otherwise" },
	{ "", "log", "off", "off, stderr, or a file to append to: one line per call" },
	{ "", "policy", "token", "token, strict, or forbid NAME ...: what to take away from what the token allows" },
	{ "", "host_secret", NULL,
	  "file whose bytes C_InitToken binds new tokens to, and which those tokens need from then on; "
	  "%d/NAME: in $CREDENTIALS_DIRECTORY" },
	{ "", "hold_max", "67108864",
	  "bytes that one operation may keep in memory, where a mechanism cannot work in parts; 4096 to 1073741824" },
};

static const char *env(const char *name)
{
	const char *v = secure_getenv(name);

	return v != NULL && v[0] != '\0' ? v : NULL;
}

/* under: <value of variable>/<tail>, or <home>/<home_tail>/<tail>; NULL when neither is set. */
static char *under(const char *variable, const char *home_tail, const char *tail)
{
	char *ret = NULL;

	if (env(variable) != NULL) {
		if (asprintf(&ret, "%s/%s", env(variable), tail) < 0)
			return NULL;
	} else if (env("HOME") != NULL) {
		if (asprintf(&ret, "%s/%s/%s", env("HOME"), home_tail, tail) < 0)
			return NULL;
	}
	return ret;
}

/* find_file: the configuration file to read; NULL: none. */
static char *find_file(void)
{
	char *path;

	if (env("STRONGROOM_CONF") != NULL)
		return strdup(env("STRONGROOM_CONF"));
	path = under("XDG_CONFIG_HOME", ".config", "strongroom/strongroom.conf");
	if (path != NULL && access(path, F_OK) == 0)
		return path;
	free(path);
	if (access("/etc/strongroom/strongroom.conf", F_OK) == 0)
		return strdup("/etc/strongroom/strongroom.conf");
	return NULL;
}

static char *find_token_dir(const struct conf *conf)
{
	const char *v = env("STRONGROOM_TOKEN_DIR");
	char *dir;

	if (v == NULL)
		v = conf_get(conf, "", "token_dir");
	if (v != NULL && v[0] != '\0')
		return strdup(v);
	if (geteuid() == 0)
		return strdup("/var/lib/strongroom/tokens");
	dir = under("XDG_DATA_HOME", ".local/share", "strongroom/tokens");
	return dir != NULL ? dir : strdup("/var/lib/strongroom/tokens");
}

static int open_log(const char *where)
{
	if (where == NULL || where[0] == '\0' || strcmp(where, "off") == 0)
		return -1;
	if (strcmp(where, "stderr") == 0)
		return fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	return open(where, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
}

/* find_number: a decimal number between min and max. */
static bool find_number(const struct conf *conf, const char *name, size_t min, size_t max, size_t *ret,
			char ret_error[SETTINGS_ERROR_LEN])
{
	const char *text = conf_get(conf, "", name);
	unsigned long n = 0;
	char *end = NULL;

	if (text != NULL && text[0] >= '0' && text[0] <= '9' && strlen(text) < 16)
		n = strtoul(text, &end, 10);
	if (end == NULL || *end != '\0' || n < min || n > max) {
		snprintf(ret_error, SETTINGS_ERROR_LEN, "%s: a number from %zu to %zu", name, min, max);
		return false;
	}
	*ret = n;
	return true;
}

/* find_policy: what a policy setting leaves. */
static bool find_policy(const char *text, uint64_t *mask, char ret_error[SETTINGS_ERROR_LEN])
{
	static const char word[] = "forbid ";
	uint64_t bits;

	if (text == NULL || strcmp(text, "token") == 0)
		return true;
	if (strcmp(text, "strict") == 0) {
		*mask &= policy_strict();
		return true;
	}
	if (strncmp(text, word, strlen(word)) == 0 && strcmp(text + strlen(word), "strict") != 0 &&
	    policy_parse(view_of_string(text + strlen(word)), &bits)) {
		*mask &= ~bits;
		return true;
	}
	snprintf(ret_error, SETTINGS_ERROR_LEN, "policy: token, strict, or forbid and names of relaxations");
	return false;
}

CK_RV settings_load(struct settings *ret, char ret_error[SETTINGS_ERROR_LEN])
{
	struct settings s = { .log_fd = -1, .policy_mask = UINT64_MAX };
	struct conf *conf = NULL;
	char *path = find_file();
	const char *log, *secret;
	CK_RV rv = CKR_GENERAL_ERROR;

	if (!conf_load(path, keys, ARRAY_LEN(keys), &conf, ret_error) ||
	    !find_number(conf, "hold_max", HOLD_MAX_LEAST, HOLD_MAX_MOST, &s.hold_max, ret_error) ||
	    !find_policy(conf_get(conf, "", "policy"), &s.policy_mask, ret_error) ||
	    !find_policy(env("STRONGROOM_POLICY"), &s.policy_mask, ret_error))
		goto out;
	rv = CKR_HOST_MEMORY;
	s.token_dir = find_token_dir(conf);
	if (s.token_dir == NULL)
		goto out;
	secret = conf_get(conf, "", "host_secret");
	if (secret != NULL && secret[0] != '\0' && (s.host_secret = strdup(secret)) == NULL) {
		free(s.token_dir);
		goto out;
	}
	log = env("STRONGROOM_LOG");
	s.log_fd = open_log(log != NULL ? log : conf_get(conf, "", "log"));
	*ret = s;
	rv = CKR_OK;
out:
	conf_free(conf);
	free(path);
	return rv;
}

void settings_done(struct settings *s)
{
	free(s->token_dir);
	free(s->host_secret);
	if (s->log_fd >= 0)
		close(s->log_fd);
	*s = (struct settings){ .log_fd = -1 };
}
