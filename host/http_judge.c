/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>
#include <strings.h>

#include <event2/http.h>

#include "http_head.h"

/* application/json, with or without parameters. */
static bool is_json(struct evhttp_request *rq)
{
	static const char json[] = "application/json";
	const char *type = evhttp_find_header(evhttp_request_get_input_headers(rq), "Content-Type");
	size_t n = sizeof(json) - 1;

	return type && !strncasecmp(type, json, n) && (!type[n] || type[n] == ';' || type[n] == ' ');
}

int http_judge(struct evhttp_request *rq, size_t body, size_t body_max, enum err *ret, const char **ret_why)
{
	if (evhttp_request_get_command(rq) != EVHTTP_REQ_POST) {
		*ret = ERR_MALFORMED;
		*ret_why = "not a POST";
		return 405;
	}
	if (body > body_max) {
		*ret = ERR_TOO_LARGE;
		*ret_why = "body above the largest of any message";
		return 413;
	}
	if (!is_json(rq)) {
		*ret = ERR_MALFORMED;
		*ret_why = "Content-Type is not application/json";
		return 415;
	}
	return 0;
}
