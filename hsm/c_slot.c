/* SPDX-License-Identifier: BSD-2-Clause */
#include "module.h"

#include <string.h>

#include "login.h"
#include "padded.h"
#include "slot_event.h"
#include "store_rv.h"
#include "token_create.h"
#include "token_own.h"
#include "user.h"

#define EVERY_TOKEN (CKF_RNG | CKF_LOGIN_REQUIRED | CKF_DUAL_CRYPTO_OPERATIONS)

/* In the list tokens come before the free slot, so that tools which take the first slot take a token. */
static CK_ULONG list_slots(struct tokens *all, CK_SLOT_ID *list, CK_ULONG room)
{
	CK_ULONG n = 0;

	for (int pass = 0; pass < 2; pass++) {
		for (struct token *t = atomic_load(&all->first); t != NULL; t = atomic_load(&t->next)) {
			if ((atomic_load(&t->store) == NULL) != (pass == 1))
				continue;
			if (list != NULL && n < room)
				list[n] = t->slot;
			n++;
		}
	}
	return n;
}

/* Every slot holds a token, if only one to be initialised, so tokenPresent makes no difference. */
static CK_RV get_slot_list(CK_SLOT_ID *list, CK_ULONG *count)
{
	struct tokens *all = module_get()->tokens;
	CK_ULONG n;
	CK_RV rv = CKR_OK;

	if (count == NULL)
		return CKR_ARGUMENTS_BAD;
	if (list == NULL)
		rv = tokens_scan(all);
	if (rv != CKR_OK)
		return rv;
	n = list_slots(all, list, *count);
	if (list != NULL && n > *count)
		rv = CKR_BUFFER_TOO_SMALL;
	*count = n;
	return rv;
}

CK_RV C_GetSlotList(CK_BBOOL present, CK_SLOT_ID_PTR list, CK_ULONG_PTR count)
{
	CALL_MODULE(0, get_slot_list(list, count));
}

static CK_RV get_slot_info(CK_SLOT_ID id, CK_SLOT_INFO *info)
{
	struct token *t;
	CK_RV rv;

	if (info == NULL)
		return CKR_ARGUMENTS_BAD;
	rv = token_find(id, &t);
	if (rv != CKR_OK)
		return rv;
	memset(info, 0, sizeof(*info));
	padded(info->slotDescription, sizeof(info->slotDescription),
	       atomic_load(&t->store) != NULL ? "strongroom slot" : "strongroom free slot");
	padded(info->manufacturerID, sizeof(info->manufacturerID), "strongroom");
	info->flags = CKF_TOKEN_PRESENT;
	info->firmwareVersion = (CK_VERSION){ 0, 1 };
	return CKR_OK;
}

CK_RV C_GetSlotInfo(CK_SLOT_ID id, CK_SLOT_INFO_PTR info)
{
	CALL_MODULE(id, get_slot_info(id, info));
}

struct pin_flags {
	CK_FLAGS low, last, locked, change;
};
static const struct pin_flags user_flags = { CKF_USER_PIN_COUNT_LOW, CKF_USER_PIN_FINAL_TRY, CKF_USER_PIN_LOCKED,
					     CKF_USER_PIN_TO_BE_CHANGED };
static const struct pin_flags so_flags = { CKF_SO_PIN_COUNT_LOW, CKF_SO_PIN_FINAL_TRY, CKF_SO_PIN_LOCKED,
					   CKF_SO_PIN_TO_BE_CHANGED };

static CK_FLAGS pin_state(const struct user_record *r, const struct pin_flags *f)
{
	CK_FLAGS flags = r->user.must_change ? f->change : 0;

	if (r->retries_left == 0)
		return flags | f->locked;
	if (r->retries_left < r->retries_max)
		flags |= f->low;
	if (r->retries_left == 1)
		flags |= f->last;
	return flags;
}

/* token_flags: the user's flags are those of who is logged in as CKU_USER, else of the default user. */
static CK_RV token_flags(struct token *t, CK_FLAGS *ret)
{
	CK_FLAGS flags = EVERY_TOKEN | CKF_TOKEN_INITIALIZED;
	struct store_txn *txn = NULL;
	struct token_user user;
	struct user_record r;
	bool any = false;
	CK_RV rv = store_rv(store_begin(token_store(t), false, &txn));

	if (rv != CKR_OK)
		return rv;
	token_user(t, &user);
	rv = user_any(t->crypto, txn, &any);
	if (any)
		flags |= CKF_USER_PIN_INITIALIZED;
	if (rv == CKR_OK && user_find(t->crypto, txn, USER_SO, "", &r) == CKR_OK)
		flags |= pin_state(&r, &so_flags);
	if (rv == CKR_OK && user_find(t->crypto, txn, user.kind == USER_CUSTODIAN ? USER_CUSTODIAN : USER_DEFAULT,
				      user.kind == USER_CUSTODIAN ? user.name : "", &r) == CKR_OK)
		flags |= pin_state(&r, &user_flags);
	store_abort(txn);
	if (rv == CKR_OK)
		*ret = flags;
	return rv;
}

static CK_RV get_token_info(CK_SLOT_ID id, CK_TOKEN_INFO *info)
{
	CK_TOKEN_INFO i = { 0 };
	struct token *t;
	CK_RV rv;

	if (info == NULL)
		return CKR_ARGUMENTS_BAD;
	rv = token_find(id, &t);
	if (rv != CKR_OK)
		return rv;
	i.flags = EVERY_TOKEN;
	if (atomic_load(&t->store) != NULL) {
		token_refresh(t);
		rv = token_flags(t, &i.flags);
	}
	if (rv != CKR_OK)
		return rv;
	padded(i.manufacturerID, sizeof(i.manufacturerID), "strongroom");
	padded(i.model, sizeof(i.model), "soft HSM");
	i.ulMaxSessionCount = CK_EFFECTIVELY_INFINITE;
	i.ulMaxRwSessionCount = CK_EFFECTIVELY_INFINITE;
	i.ulMaxPinLen = TOKEN_PIN_NAMED_MAX;
	i.ulMinPinLen = policy_pin_min(t);
	i.ulTotalPublicMemory = CK_UNAVAILABLE_INFORMATION;
	i.ulFreePublicMemory = CK_UNAVAILABLE_INFORMATION;
	i.ulTotalPrivateMemory = CK_UNAVAILABLE_INFORMATION;
	i.ulFreePrivateMemory = CK_UNAVAILABLE_INFORMATION;
	i.firmwareVersion = (CK_VERSION){ 0, 1 };
	memset(i.utcTime, ' ', sizeof(i.utcTime));
	pthread_mutex_lock(&t->lock);
	padded(i.serialNumber, sizeof(i.serialNumber), t->serial);
	memcpy(i.label, t->label, sizeof(i.label));
	i.ulSessionCount = t->sessions;
	i.ulRwSessionCount = t->rw_sessions;
	pthread_mutex_unlock(&t->lock);
	*info = i;
	return CKR_OK;
}

CK_RV C_GetTokenInfo(CK_SLOT_ID id, CK_TOKEN_INFO_PTR info)
{
	CALL_MODULE(id, get_token_info(id, info));
}

static CK_RV wait_for_event(CK_FLAGS flags, CK_SLOT_ID *slot, const void *reserved)
{
	CK_SLOT_ID id = 0;
	CK_RV rv;

	if (slot == NULL || reserved != NULL)
		return CKR_ARGUMENTS_BAD;
	rv = flags & CKF_DONT_BLOCK ? slot_event_take(module_get(), &id) : slot_event_wait(module_get(), &id);
	if (rv == CKR_OK)
		*slot = id;
	return rv;
}

CK_RV C_WaitForSlotEvent(CK_FLAGS flags, CK_SLOT_ID_PTR slot, CK_VOID_PTR reserved)
{
	CALL_MODULE(0, wait_for_event(flags, slot, reserved));
}

static CK_RV init_token(CK_SLOT_ID id, struct view pin, const uint8_t *label)
{
	struct token *t;
	CK_RV rv;

	if (pin.p == NULL || label == NULL)
		return CKR_ARGUMENTS_BAD;
	rv = token_find(id, &t);
	return rv == CKR_OK ? token_create(t, pin, label) : rv;
}

CK_RV C_InitToken(CK_SLOT_ID id, CK_UTF8CHAR_PTR pin, CK_ULONG pin_len, CK_UTF8CHAR_PTR label)
{
	CALL_MODULE(id, init_token(id, VIEW(pin, pin_len), label));
}

static CK_RV init_pin(struct session *s, struct view pin)
{
	if (pin.p == NULL)
		return CKR_ARGUMENTS_BAD;
	return login_init_pin(s, pin);
}

CK_RV C_InitPIN(CK_SESSION_HANDLE handle, CK_UTF8CHAR_PTR pin, CK_ULONG pin_len)
{
	CALL_SESSION(handle, 0, init_pin(call_s, VIEW(pin, pin_len)));
}

static CK_RV set_pin(struct session *s, struct view old, struct view new)
{
	if (old.p == NULL || new.p == NULL)
		return CKR_ARGUMENTS_BAD;
	if (!s->rw)
		return CKR_SESSION_READ_ONLY;
	return login_set_pin(s, old, new);
}

CK_RV C_SetPIN(CK_SESSION_HANDLE handle, CK_UTF8CHAR_PTR old, CK_ULONG old_len, CK_UTF8CHAR_PTR new, CK_ULONG new_len)
{
	CALL_SESSION(handle, CALL_EXPIRED_OK, set_pin(call_s, VIEW(old, old_len), VIEW(new, new_len)));
}
