/* SPDX-License-Identifier: BSD-2-Clause */
#include "token_rebind.h"

#include <stdlib.h>
#include <string.h>

#include "token_key.h"
#include "user.h"

/* struct moved: users with their new outer seal; written behind the walk, which must not write. */
struct moved {
	const struct token_place *from;
	const struct token_place *to;
	struct user_record *users;
	size_t n;
};

static CK_RV move_one(void *ctx, const struct user_record *r)
{
	struct moved *m = ctx;
	struct view name = VIEW(r->user.id, STORE_ID_LEN);
	struct user_record *more = NULL;
	BUF_AUTO inner = { 0 };
	BUF_AUTO outer = { 0 };
	CK_RV rv = host_open(m->from, name, VIEW(r->wrapped, r->wrapped_len), &inner);

	if (rv == CKR_OK)
		rv = host_seal(m->to, name, buf_view(&inner), &outer);
	if (rv == CKR_OK && outer.len > sizeof(r->wrapped))
		rv = CKR_GENERAL_ERROR;
	if (rv == CKR_OK)
		more = realloc(m->users, (m->n + 1) * sizeof(*more));
	if (more == NULL)
		return rv == CKR_OK ? CKR_HOST_MEMORY : rv;
	m->users = more;
	more[m->n] = *r;
	memcpy(more[m->n].wrapped, outer.p, outer.len);
	more[m->n++].wrapped_len = outer.len;
	return CKR_OK;
}

CK_RV token_rebind(const struct token_place *from, const struct token_place *to, struct store_txn *txn)
{
	struct moved m = { .from = from, .to = to };
	CK_RV rv = user_each(from->crypto, txn, move_one, &m);

	for (size_t i = 0; rv == CKR_OK && i < m.n; i++)
		rv = user_store(from->crypto, txn, &m.users[i]);
	if (rv == CKR_OK)
		rv = token_keys_rebind(from, to, txn);
	free(m.users);
	return rv;
}
