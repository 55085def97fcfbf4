/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech_vendor.h"
#include "hold.h"
#include "mech_family.h"
#include <stdlib.h>

/*
 * MACs of ISO/IEC 9797-1:2011, algorithms 1 and 3: the paddings, around the chaining of mech_cbc_mac.c, which fills the
 * last block with zeroes itself. The padded data is at least one block, so an empty message is padded with methods 1
 * and 3 as well. Method 3 puts the length in front: the data is held until the end.
 */
#define BLOCK_MAX 16

struct iso9797 {
	struct op chain; /* the operation below: cbc_mac_ops */
	size_t block;
	CK_ULONG padding;
	struct hold hold; /* padding 3: the message */
};

static CK_RV param_check(const struct mech_row *row, const CK_MECHANISM *m)
{
	const struct sr_iso9797_params *p = m->pParameter;

	if (p->padding < SR_ISO9797_PADDING_1 || p->padding > SR_ISO9797_PADDING_3 || p->macLen < 4 ||
	    p->macLen > BLOCK_MAX)
		return CKR_MECHANISM_PARAM_INVALID;
	return CKR_OK;
}

const struct mech_param param_iso9797 = {
	.text = "struct sr_iso9797_params", .size = sizeof(struct sr_iso9797_params), .flat = true, .check = param_check
};

static CK_RV iso9797_init(struct op *op, struct session *s, const CK_MECHANISM *m, struct object *key)
{
	const struct sr_iso9797_params *p = m->pParameter;
	size_t block = crypto_block(object_key_type(key));
	struct iso9797 *mac;
	CK_RV rv;

	if (p->macLen > block)
		return CKR_MECHANISM_PARAM_INVALID;
	mac = calloc(1, sizeof(*mac));
	if (mac == NULL)
		return CKR_HOST_MEMORY;
	op->state = mac;
	mac->chain = (struct op){ .row = op->row, .use = op->use };
	mac->block = block;
	mac->padding = p->padding;
	rv = cbc_mac_ops.init(&mac->chain, s, m, key);
	mac->chain.out_len = op->out_len = p->macLen;
	return rv;
}

static void iso9797_done(struct op *op)
{
	struct iso9797 *mac = op->state;

	if (mac == NULL)
		return;
	cbc_mac_ops.done(&mac->chain);
	hold_done(&mac->hold);
	free(mac);
}

static CK_RV iso9797_update(struct op *op, struct view data)
{
	struct iso9797 *mac = op->state;

	return mac->padding == SR_ISO9797_PADDING_3 ? hold_put(&mac->hold, data)
						    : cbc_mac_ops.update(&mac->chain, data);
}

/* pad: all but the zeroes that fill the last block. */
static CK_RV pad(struct iso9797 *mac)
{
	static const uint8_t one = 0x80;
	static const uint8_t zeroes[BLOCK_MAX];
	uint8_t length[BLOCK_MAX] = { 0 };
	struct view held = hold_view(&mac->hold);
	CK_RV rv;

	if (mac->padding == SR_ISO9797_PADDING_1)
		return CKR_OK;
	if (mac->padding == SR_ISO9797_PADDING_2)
		return cbc_mac_ops.update(&mac->chain, VIEW(&one, 1));
	be_put64(length + mac->block - 8, (uint64_t)held.n * 8);
	rv = cbc_mac_ops.update(&mac->chain, VIEW(length, mac->block));
	if (rv != CKR_OK)
		return rv;
	return cbc_mac_ops.update(&mac->chain, held.n > 0 ? held : VIEW(zeroes, mac->block));
}

static CK_RV iso9797_final(struct op *op, uint8_t *out)
{
	struct iso9797 *mac = op->state;
	CK_RV rv = pad(mac);

	return rv == CKR_OK ? cbc_mac_ops.final(&mac->chain, out) : rv;
}

const struct mech_ops mech_iso9797_ops = {
	.init = iso9797_init,
	.done = iso9797_done,
	.update = iso9797_update,
	.final = iso9797_final,
};
