/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>

#include "waiting.h"

static _Thread_local struct waiting *mine;

void waiting_init(struct waiting *w)
{
	*w = (struct waiting){ 0 };
	pthread_mutex_init(&w->mutex, NULL);
}

void waiting_done(struct waiting *w)
{
	pthread_mutex_destroy(&w->mutex);
}

void waiting_watch(struct waiting *w)
{
	mine = w;
}

void waiting_for(const char *whom, const char *what)
{
	if (!mine || mine->depth++)
		return;
	pthread_mutex_lock(&mine->mutex);
	mine->whom = whom;
	snprintf(mine->what, sizeof(mine->what), "%s", what);
	pthread_mutex_unlock(&mine->mutex);
}

void waiting_over(void)
{
	if (!mine || --mine->depth)
		return;
	pthread_mutex_lock(&mine->mutex);
	mine->whom = NULL;
	pthread_mutex_unlock(&mine->mutex);
}

void waiting_text(struct waiting *w, char ret[160])
{
	pthread_mutex_lock(&w->mutex);
	if (w->whom)
		snprintf(ret, 160, "waits for the %s: %s", w->whom, w->what);
	else
		snprintf(ret, 160, "works");
	pthread_mutex_unlock(&w->mutex);
}
