/* SPDX-License-Identifier: BSD-2-Clause */
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "curl_start.h"
#include "secret.h"

static void wiping_free(void *p)
{
	if (p)
		memory_wipe(p, malloc_usable_size(p));
	free(p);
}

/* realloc would leave the old bytes behind when it moves them. */
static void *wiping_realloc(void *p, size_t n)
{
	size_t have = p ? malloc_usable_size(p) : 0;
	void *moved;

	if (p && n && n <= have && n > have / 2)
		return p;
	moved = malloc(n);
	if (!moved)
		return NULL;
	if (p)
		memcpy(moved, p, n < have ? n : have);
	wiping_free(p);
	return moved;
}

static void start(void)
{
	curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, wiping_free, wiping_realloc, strdup, calloc);
}

void curl_start(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, start);
}
