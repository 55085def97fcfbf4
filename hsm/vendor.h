/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef STRONGROOM_VENDOR_H
#define STRONGROOM_VENDOR_H

/*
 * The vendor side of the strongroom PKCS#11 module: mechanism and attribute numbers, parameter structs.
 *
 * Public: any PKCS#11 client may include it after a PKCS#11 header that defines CK_ULONG and friends. All numbers are
 * fixed for good. The bytes that the mechanisms read and write stand in docs/formats.md; the sections named below are
 * sections of that page. CK_ULONG fields hold host integers, byte strings are given as pointer and length in bytes.
 *
 * Secrets: no parameter ever carries a clear key. Keys enter and leave as handles or as ciphertext.
 */

#define SR_MECHANISM(n) (CKM_VENDOR_DEFINED | 0x53520000UL | (n))
#define SR_KEY_TYPE(n) (CKK_VENDOR_DEFINED | 0x53520000UL | (n))
#define SR_ATTRIBUTE(n) (CKA_VENDOR_DEFINED | 0x53520000UL | (n))

/*
 * C_GenerateKey, no parameter. CKA_LABEL names the key (PK, MAK, PK-<customer> ...), CKA_KEY_TYPE and, for stock tools,
 * CKA_VALUE_LEN its type. XORs all components <label>#1/n .. <label>#n/n, sets DES parity, consumes them (R1.3).
 */
#define CKM_SR_COMPONENT_COMBINE SR_MECHANISM(0x0001UL)

/*
 * C_Sign (3 bytes; data must be empty), C_Digest (data is the label of exactly one visible key; for pkcs11-tool
 * --hash). No parameter. DES keys: ECB of a zero block; AES keys: CMAC of a zero block (ANSI X9.24-1:2017 annex A).
 */
#define CKM_SR_CHECK_VALUE SR_MECHANISM(0x0002UL)

/* C_WrapKey: wrapping key PK, key Pr, parameter struct sr_tk_rewrap_params; out: a record (R1.7). */
#define CKM_SR_TK_REWRAP SR_MECHANISM(0x0003UL)

/* C_UnwrapKey: key PK, wrapped key a record, parameter struct sr_tk_open_params; out: TEK, and AUK in *phAuk (R1.9). */
#define CKM_SR_TK_OPEN SR_MECHANISM(0x0004UL)

/* C_WrapKey: wrapping key TEK, key TMK, parameter struct sr_tmk_params; out: a TMK message (R1.11). */
#define CKM_SR_TMK_EXPORT SR_MECHANISM(0x0005UL)

/* C_UnwrapKey: key TEK, wrapped key a TMK message, parameter struct sr_tmk_params; out: the TMK (R1.11). */
#define CKM_SR_TMK_LOAD SR_MECHANISM(0x0006UL)

/* C_Sign, C_Verify. X9.9: CKK_DES; X9.19: CKK_DES2. 4 bytes, or CK_MAC_GENERAL_PARAMS 4 to 8 bytes (R5.4). */
#define CKM_SR_X9_9_MAC SR_MECHANISM(0x0007UL)
#define CKM_SR_X9_9_MAC_GENERAL SR_MECHANISM(0x0008UL)
#define CKM_SR_X9_19_MAC SR_MECHANISM(0x0009UL)
#define CKM_SR_X9_19_MAC_GENERAL SR_MECHANISM(0x000aUL)

/* C_GenerateKey in a terminal, parameter struct sr_tk_generate_params; out: TEK, AUK in *phAuk, a TK packet (R1.4). */
#define CKM_SR_TK_GENERATE SR_MECHANISM(0x000bUL)

/*
 * C_Sign, C_Verify with an AUK of handshake version 2, no parameter. Data is a handshake transcript (formats.md,
 * Handshake); the key's side (CKA_SR_SIDE) signs its own directions and verifies the other side's. The direction of a
 * TMK message is refused here: those MACs are made and verified inside CKM_SR_TMK_EXPORT and CKM_SR_TMK_LOAD alone.
 */
#define CKM_SR_HANDSHAKE_MAC SR_MECHANISM(0x000cUL)

/*
 * X9.19 again, under the numbers that ProtectToolkit gives it, for clients written against that: CKK_DES2 and CKK_DES3
 * (all blocks but the last under K1, the last one under the whole key). 4 bytes, or CK_MAC_GENERAL_PARAMS 4 to 8 bytes.
 */
#ifndef CKM_DES3_X919_MAC
#define CKM_DES3_X919_MAC (CKM_VENDOR_DEFINED | 0x0134UL)
#define CKM_DES3_X919_MAC_GENERAL (CKM_VENDOR_DEFINED | 0x0135UL)
#endif

/*
 * C_Sign, C_Verify: MACs of ISO/IEC 9797-1:2011, parameter struct sr_iso9797_params. Algorithm 1 (CBC-MAC) with DES,
 * DES2, DES3 and AES keys, algorithm 3 (retail MAC) with DES2 and DES3 keys. In parts too; padding 3 keeps the message
 * until the end, up to the setting hold_max (then CKR_DATA_LEN_RANGE).
 */
#define CKM_SR_ISO9797_ALG1_MAC SR_MECHANISM(0x0010UL)
#define CKM_SR_ISO9797_ALG3_MAC SR_MECHANISM(0x0011UL)

/*
 * SM3 and SM4 (GB/T 32905, GB/T 32907), for which PKCS #11 has no numbers. They work as their SHA-256 and AES likes:
 * parameters, functions and rules of lengths are those of CKM_SHA256, CKM_SHA256_HMAC(_GENERAL), CKM_AES_ECB, _CBC,
 * _CBC_PAD, _CTR (CK_AES_CTR_PARAMS), _CMAC(_GENERAL), _KEY_GEN. An SM4 key has 16 bytes; its CKA_CHECK_VALUE is SM4 of
 * a zero block. CKK_SR_SM3_HMAC: as CKK_SHA256_HMAC.
 */
#define CKK_SR_SM4 SR_KEY_TYPE(0x0100UL)
#define CKK_SR_SM3_HMAC SR_KEY_TYPE(0x0101UL)
#define CKM_SR_SM3 SR_MECHANISM(0x0100UL)
#define CKM_SR_SM3_HMAC SR_MECHANISM(0x0101UL)
#define CKM_SR_SM3_HMAC_GENERAL SR_MECHANISM(0x0102UL)
#define CKM_SR_SM3_KEY_GEN SR_MECHANISM(0x0103UL)
#define CKM_SR_SM4_KEY_GEN SR_MECHANISM(0x0110UL)
#define CKM_SR_SM4_ECB SR_MECHANISM(0x0111UL)
#define CKM_SR_SM4_CBC SR_MECHANISM(0x0112UL)
#define CKM_SR_SM4_CBC_PAD SR_MECHANISM(0x0113UL)
#define CKM_SR_SM4_CTR SR_MECHANISM(0x0114UL)
#define CKM_SR_SM4_CMAC SR_MECHANISM(0x0115UL)
#define CKM_SR_SM4_CMAC_GENERAL SR_MECHANISM(0x0116UL)
#define CKM_SR_SM4_GCM SR_MECHANISM(0x0117UL) /* where the OpenSSL underneath has it */

/*
 * SM2 (GB/T 32918). A key type of its own, so that no key serves SM2 and ECDSA both; attributes as CKK_EC has them,
 * with the curve 1.2.156.10197.1.301. PKCS #8 as everybody writes it (id-ecPublicKey and that curve).
 *
 * CKM_SR_SM2_KEY_PAIR_GEN  C_GenerateKeyPair, no parameter; CKA_EC_PARAMS may be left out
 * CKM_SR_SM2               C_Sign, C_Verify over e, the 32 bytes that SM3 gives of Z and the message; single part
 * CKM_SR_SM2_SM3           C_Sign, C_Verify over a message; no parameter (the identifier 1234567812345678) or struct
 *                          sr_sm2_params. Signatures are r || s, 64 bytes.
 * CKM_SR_SM2_ENCRYPT       C_Encrypt, C_Decrypt, C_WrapKey, C_UnwrapKey of secret keys; no parameter. C1 || C3 || C2: a
 *                          point of 65 bytes, SM3 of 32, as many bytes as the plaintext. Single part.
 */
#define CKK_SR_SM2 SR_KEY_TYPE(0x0200UL)
#define CKM_SR_SM2_KEY_PAIR_GEN SR_MECHANISM(0x0200UL)
#define CKM_SR_SM2 SR_MECHANISM(0x0201UL)
#define CKM_SR_SM2_SM3 SR_MECHANISM(0x0202UL)
#define CKM_SR_SM2_ENCRYPT SR_MECHANISM(0x0203UL)

/* struct sr_sm2_params: the signer's distinguishing identifier, 0 to 8190 bytes. */
struct sr_sm2_params {
	CK_BYTE_PTR pId;
	CK_ULONG ulIdLen;
};

/*
 * C_WrapKey, C_UnwrapKey: key blocks of ASC X9 TR-31:2018 and ANSI X9.143:2022, parameter struct sr_key_block_params
 * (may be absent in C_UnwrapKey). Version B under DES2 and DES3, version D under AES, both ways; versions A and C are
 * opened only. A protection key carries no key stronger than itself, and no TDES key carries an AES key.
 *
 * The header decides what the unwrapped key is: type and length, and by the table of docs/roles.md (Key blocks) usages,
 * allowed mechanisms and, under a protection key that has a role, its role; a template may ask for less, for more is
 * CKR_TEMPLATE_INCONSISTENT. The key is sensitive. Exportability N: never extractable; E: leaves in key blocks only; S:
 * as CKA_EXTRACTABLE in the template says. CKA_EXTRACTABLE must be asked for (of a key with a role the role says it).
 * Nothing widens the usages later. On the way out the header may not say more than the key may do.
 *
 * CKR_WRAPPED_KEY_INVALID for every fault of the block: form, MAC, key length, check values of KC and KP, usages that
 * mean nothing here. CKR_KEY_FUNCTION_NOT_PERMITTED: the block is good, but the protection key may carry no such key.
 */
#define CKM_SR_KEY_BLOCK SR_MECHANISM(0x0012UL)

/*
 * C_DeriveKey: key diversification (R3.1), parameter struct sr_diversify_params. A DES2 or DES3 key gives a DES2 key,
 * an AES key an AES key of its own length. From a key with a role: the template names the new role (CKA_SR_ROLE), which
 * the role table must allow (docs/roles.md); a base, and each value on the way to a lower level, derives keys of the
 * one role that it derived first (CKR_KEY_FUNCTION_NOT_PERMITTED): to one place of the tree belongs one role. From an
 * ordinary key: an ordinary key, protected like it.
 */
#define CKM_SR_DIVERSIFY SR_MECHANISM(0x0013UL)

/*
 * C_Decrypt, in a single part: translates a PIN block (ISO 9564-1:2017) from the key of the operation to that of the
 * parameter (struct sr_pin_translate_params); both PINKEYs of the host. In: one encrypted PIN block, out: another.
 * C_Decrypt, as the block comes in under the operation's key and needs its CKA_DECRYPT; the other key needs
 * CKA_ENCRYPT. The PIN is never seen outside. Pairs of formats as in PCI PIN 3.1, requirement 3-3: 0, 3, 4 to 0, 3, 4
 * with the same PAN; 1 to 0, 1, 3, 4. Formats 0, 1, 3 stand under DES2 and DES3 keys, format 4 under AES keys.
 *
 * CKR_ENCRYPTED_DATA_INVALID for every fault inside the block; CKR_ENCRYPTED_DATA_LEN_RANGE for its length. The digits
 * of a PIN that formats 0 and 3 mask with the PAN are not checked to be decimal, nor are they in format 4, into which
 * such a block goes: whoever may try PANs would learn the PIN from the answers.
 */
#define CKM_SR_PIN_TRANSLATE SR_MECHANISM(0x0014UL)

/*
 * C_Sign by a key of role FPK, no data (R2.5): the fingerprint of another key, by which a database finds keys that are
 * there twice. The parameter is that key's handle (CK_OBJECT_HANDLE): a TEK, AUK or TMK. 16 bytes: the first ones of
 * SHA-256 over the key's value wrapped under FPK by AES key wrap (RFC 3394). CKR_KEY_HANDLE_INVALID: no such key;
 * CKR_KEY_FUNCTION_NOT_PERMITTED: another role, or none.
 */
#define CKM_SR_KEY_FINGERPRINT SR_MECHANISM(0x0015UL)

/*
 * C_WrapKey, C_UnwrapKey: transport of a key that services share (PK, MAK, SRK, KBPK, FPK, ROOT, DMK; docs/roles.md)
 * from one token to another, parameter struct sr_transport_params; the bytes are a transport block (formats.md), which
 * the token signs, whose wrapped key any PKCS#11 token unwraps with a standard mechanism.
 *
 * CKM_SR_TRANSPORT_RSA  under a public RSA key of 2048 to 4096 bits, any object with CKA_WRAP: RSAES-OAEP without
 *                       label; comes in under the private key, of role KTR
 * CKM_SR_TRANSPORT_AES  under a key of role KTK, combined from components in both tokens: AES key wrap (RFC 3394)
 *
 * Out: always, whatever dual control the token has chosen, with the approvals of two custodians for this key and this
 * target (SR_ACTION_TRANSPORT_OUT); who calls is none of them. The key is a token object and not retired.
 * In: with the approvals of two custodians for this block from this source (SR_ACTION_TRANSPORT_IN), one of whom may
 * call. The block says role, label and generation; the template may repeat the label and say CKA_ID. Rules as for
 * CKM_SR_COMPONENT_COMBINE: there is no key of that label, or this is another generation of it and another value. An
 * SRK comes into no token that holds Pr. The key is never extractable.
 *
 * CKR_SR_NOT_APPROVED; CKR_KEY_NOT_WRAPPABLE: the role does not travel; CKR_WRAPPED_KEY_INVALID for every fault of a
 * block: form, signature, target, padding, key, check value; CKR_ACTION_PROHIBITED: the state of the token.
 */
#define CKM_SR_TRANSPORT_RSA SR_MECHANISM(0x0016UL)
#define CKM_SR_TRANSPORT_AES SR_MECHANISM(0x0017UL)

/* Attributes. Read-only, given by the mechanism at creation, but for CKA_SR_ROLE where the role table says so. */
#define CKA_SR_ROLE SR_ATTRIBUTE(0x0001UL)          /* CK_ULONG, SR_ROLE_*; absent: an ordinary key */
#define CKA_SR_CUSTODIAN SR_ATTRIBUTE(0x0002UL)     /* UTF-8 name of the user who entered a component */
#define CKA_SR_COMPONENT SR_ATTRIBUTE(0x0003UL)     /* 2 bytes: k, n */
#define CKA_SR_SERIAL_NUMBER SR_ATTRIBUTE(0x0004UL) /* POS serial number of a TEK or AUK, ASCII */
#define CKA_SR_COUNTER SR_ATTRIBUTE(0x0005UL)       /* CK_ULONG, the terminal's TK counter */
#define CKA_SR_HANDSHAKE SR_ATTRIBUTE(0x0006UL)     /* CK_ULONG, handshake version of a TEK or AUK, 1 or 2 */
#define CKA_SR_SIDE SR_ATTRIBUTE(0x0007UL)          /* CK_ULONG, SR_SIDE_* of TEK, AUK, TMK, PINKEY, MACKEY */
#define CKA_SR_CUSTODIAN_ID SR_ATTRIBUTE(0x0008UL)  /* 16 bytes, internal id of that user */
#define CKA_SR_GENERATION                                                                                              \
	SR_ATTRIBUTE(0x000AUL)                /* CK_ULONG, from 1, of PK, MAK, SRK, KBPK; absent: an older token's     \
					       */
#define CKA_SR_RETIRED SR_ATTRIBUTE(0x000BUL) /* true (SR_RetireKey): opens, and makes nothing any more */
/*
 * CKA_UNIQUE_ID of the token key that this one came in under, was derived from, or is a copy of; of several: all, a
 * blank between. Where that one lived in a session, the token keys that it had come of itself. Absent: of nobody in
 * this token: generated, combined of components, or brought in clear.
 */
#define CKA_SR_PARENT SR_ATTRIBUTE(0x000CUL)
#define CKA_SR_KEY_BLOCK_HEADER SR_ATTRIBUTE(0x0009UL) /* 7 bytes of the key block's header that the key came with */

/*
 * The policy object: one per token, readable by all, found by searching for its class. C_SetAttributeValue of
 * CKA_SR_POLICY, CKA_SR_PIN_MIN and CKA_SR_DUAL by the SO in a R/W session changes the token's policy (docs/policy.md);
 * those that one call names change together. Values are ASCII text: names of relaxations separated by blanks; `strict`
 * may be set and means those that strict has. The others are read-only.
 *
 * CKA_SR_DUAL     what two custodians must approve; _NAMES: what there is
 * CKA_SR_PIN_MIN  CK_ULONG: letters that a new PIN has at least, 4 to 64; may be set to 0, the default, which is 8
 *                 (6 in a token that is bound to its host)
 * _IN_FORCE  what this process's configuration leaves of it
 * _NAMES     every name that the module knows
 * _STRICT    the names that strict has
 */
#define CKO_SR_POLICY (CKO_VENDOR_DEFINED | 0x53520001UL)
#define CKA_SR_POLICY SR_ATTRIBUTE(0x0101UL)
#define CKA_SR_POLICY_IN_FORCE SR_ATTRIBUTE(0x0102UL)
#define CKA_SR_POLICY_NAMES SR_ATTRIBUTE(0x0103UL)
#define CKA_SR_POLICY_STRICT SR_ATTRIBUTE(0x0105UL)
#define CKA_SR_PIN_MIN SR_ATTRIBUTE(0x0106UL)
#define CKA_SR_DUAL SR_ATTRIBUTE(0x0107UL)
#define CKA_SR_DUAL_NAMES SR_ATTRIBUTE(0x0108UL)

/*
 * On keys: CK_ULONG, CKF_WRAP, CKF_DECRYPT, CKF_UNWRAP, CKF_ENCRYPT: usages that this key gave up and that never come
 * back; CKF_DERIVE: wrapping in key blocks; absent: none. Read-only.
 */
#define CKA_SR_GIVEN_UP SR_ATTRIBUTE(0x0104UL)

/* Roles (formats.md, Key attributes, uses the same numbers in its role byte). */
#define SR_ROLE_COMPONENT 1UL
#define SR_ROLE_PK 2UL
#define SR_ROLE_MAK 3UL
#define SR_ROLE_PR 4UL
#define SR_ROLE_TEK 5UL
#define SR_ROLE_AUK 6UL
#define SR_ROLE_TMK 7UL
#define SR_ROLE_SRK 8UL     /* storage root key: keeps TMKs and working keys in the KMS database (R1.12) */
#define SR_ROLE_PINKEY 9UL  /* PIN encryption: translates PIN blocks, nothing else (R3.4) */
#define SR_ROLE_MACKEY 10UL /* message authentication between terminal and host (R3.4, R5.4) */
#define SR_ROLE_DMK 11UL    /* download master key (R5.6): carries and derives DWKs, and DMKs of one terminal each */
#define SR_ROLE_DWK 12UL    /* download work key (R5.2): makes MACs, carries the terminal's key (R5.5) */
#define SR_ROLE_ROOT 13UL   /* root key of a card or terminal system: derives master keys (R3.1, R3.5) */
#define SR_ROLE_KBPK 14UL   /* key block protection key shared with another party: carries keys with roles */
#define SR_ROLE_FPK 15UL    /* fingerprint key: tells which keys are equal, nothing else (R2.5) */

#define SR_ROLE_KTK 16UL /* transport key combined from components in two tokens: carries keys that services share */
#define SR_ROLE_KTR 17UL /* private RSA key of the receiver of such keys */

#define SR_SIDE_TERMINAL 1UL
#define SR_SIDE_HOST 2UL

#define SR_SUITE_TDES 1UL  /* TDES PK and MAK, DES3-CBC, DES3-CMAC of 8 bytes */
#define SR_SUITE_AES 2UL   /* AES-256 PK and MAK, AES key wrap (RFC 3394), AES-CMAC of 16 bytes */
#define SR_SUITE_BLOCK 3UL /* AES-256 PK and MAK, X9.143 key blocks of version D, AES-CMAC of 16 bytes */

#define SR_HANDSHAKE_V1 1UL
#define SR_HANDSHAKE_V2 2UL

/*
 * CKM_SR_TK_REWRAP. One error, CKR_WRAPPED_KEY_INVALID, for every fault inside the packet (form, padding, length,
 * parity, possession MAC, TEK equal to AUK). The length query (NULL output) checks handles and form only.
 *
 * hMak            key of role MAK, of the suite of the PK
 * pPacket         the TK packet of the terminal (formats.md, TK packet)
 * pCustomer       customer (KMS) id, 1 to 32 bytes of [A-Za-z0-9._-]
 * collectionTime  seconds since 1970-01-01 UTC
 * pTekIv, pAukIv  suite 1: 8 bytes each, or NULL with length 0: made by the token; suites 2, 3: NULL and 0
 */
struct sr_tk_rewrap_params {
	CK_OBJECT_HANDLE hMak;
	CK_BYTE_PTR pPacket;
	CK_ULONG ulPacketLen;
	CK_BYTE_PTR pCustomer;
	CK_ULONG ulCustomerLen;
	CK_ULONG collectionTime;
	CK_BYTE_PTR pTekIv;
	CK_ULONG ulTekIvLen;
	CK_BYTE_PTR pAukIv;
	CK_ULONG ulAukIvLen;
};

/*
 * CKM_SR_TK_OPEN. The MAC is verified before anything is decrypted; suite 3: what the headers of the key blocks say of
 * usage, algorithm, mode of use and serial number must be what the record says. CKR_WRAPPED_KEY_INVALID for every fault
 * inside the record. The template may hold CKA_LABEL, CKA_ID and what the role gives anyway; both keys are session
 * objects.
 *
 * hMak    key of role MAK, of the suite of the PK
 * phAuk   out: handle of the AUK; written only with CKR_OK
 */
struct sr_tk_open_params {
	CK_OBJECT_HANDLE hMak;
	CK_OBJECT_HANDLE_PTR phAuk;
};

/*
 * CKM_SR_TMK_EXPORT and CKM_SR_TMK_LOAD. TEK and AUK must be of one pair (serial number, counter, handshake version).
 * Version 2: the message carries a CMAC under AUK over the nonces; version 1: none, lengths of the nonces must be 0.
 * Load: CKR_WRAPPED_KEY_INVALID for every fault inside the message; the MAC is verified first.
 *
 * hAuk         the AUK that belongs to the TEK
 * pTerminalRandom, pHostRandom  16 bytes each (handshake version 2)
 * pIv          export under a TDES TEK: 8 bytes, or NULL with length 0: made by the token; otherwise NULL and 0
 */
struct sr_tmk_params {
	CK_OBJECT_HANDLE hAuk;
	CK_BYTE_PTR pTerminalRandom;
	CK_ULONG ulTerminalRandomLen;
	CK_BYTE_PTR pHostRandom;
	CK_ULONG ulHostRandomLen;
	CK_BYTE_PTR pIv;
	CK_ULONG ulIvLen;
};

/*
 * CKM_SR_TK_GENERATE. Makes TEK and AUK as token objects (CKA_TOKEN in the template; default true) of their roles, side
 * terminal, and the TK packet. pPacket NULL with phAuk set is not a length query: the packet buffer must be given,
 * SR_TK_PACKET_MAX bytes are always enough, CKR_BUFFER_TOO_SMALL makes nothing.
 *
 * hPu              public RSA key of HSM 1, 2048 to 4096 bits, CKA_WRAP
 * suite, handshake SR_SUITE_*, SR_HANDSHAKE_*
 * oaepHash         CKM_SHA256 (default of the field), CKM_SHA384, CKM_SHA512, or CKM_SHA_1 for HSMs that know no other
 * keyType, keyLen  CKK_AES 16, 24, 32 or CKK_DES2 16, CKK_DES3 24; suite 1: DES only
 * pSerial, pPinPad POS serial number 1 to 32, PIN-pad serial number 0 to 32 printable ASCII bytes without space
 * pCertSerial      serial number of HsmWCRT, 1 to 20 bytes
 * counter          above the counter of every TEK in this token, else CKR_ARGUMENTS_BAD
 * phAuk, pPacket, pulPacketLen  outputs; *pulPacketLen in: room
 */
struct sr_tk_generate_params {
	CK_OBJECT_HANDLE hPu;
	CK_ULONG suite;
	CK_ULONG handshake;
	CK_MECHANISM_TYPE oaepHash;
	CK_KEY_TYPE keyType;
	CK_ULONG keyLen;
	CK_BYTE_PTR pSerial;
	CK_ULONG ulSerialLen;
	CK_BYTE_PTR pPinPad;
	CK_ULONG ulPinPadLen;
	CK_BYTE_PTR pCertSerial;
	CK_ULONG ulCertSerialLen;
	CK_ULONG counter;
	CK_OBJECT_HANDLE_PTR phAuk;
	CK_BYTE_PTR pPacket;
	CK_ULONG_PTR pulPacketLen;
};

/*
 * CKM_SR_ISO9797_ALG1_MAC, CKM_SR_ISO9797_ALG3_MAC. CKR_MECHANISM_PARAM_INVALID for anything else.
 *
 * padding  SR_ISO9797_PADDING_1 (zeroes), _2 (80 then zeroes), _3 (a block with the length in bits, then as 1)
 * macLen   bytes of the MAC, 4 to the block of the cipher (DES* 8, AES 16): the leftmost ones
 */
#define SR_ISO9797_PADDING_1 1UL
#define SR_ISO9797_PADDING_2 2UL
#define SR_ISO9797_PADDING_3 3UL
struct sr_iso9797_params {
	CK_ULONG padding;
	CK_ULONG macLen;
};

/*
 * CKM_SR_KEY_BLOCK. Letters are ASCII. Wrap reads all members; algorithm follows from the key and is written. Unwrap
 * writes all but flags, and only with CKR_OK; with CKR_BUFFER_TOO_SMALL ulOptionalLen alone, and no key is made.
 *
 * version        'B' or 'D'; 0: by the protection key
 * usage, mode    X9.143 tables 2 and 4; SR_KEY_BLOCK_USAGE_* are our own for roles that X9.143 does not know
 * keyVersion     "00" where there is none
 * exportability  'E', 'N' or 'S'
 * context        '0', '1' or '2'; 0 means '0'
 * flags          SR_KEY_BLOCK_*: what the token adds or leaves out
 * pOptional      optional blocks, one after the other, without PB, which the token adds. Unwrap: room for those of the
 *                block, PB included; NULL: not wanted. A key for HMAC needs an HM,
 *                which gives it its key type (CKK_SHA256_HMAC ...) when it comes back.
 */
#define SR_KEY_BLOCK_NO_LENGTH_HIDING 1UL /* pads to a cipher block only, as TR-31 before X9.143 */
#define SR_KEY_BLOCK_ADD_KC 2UL           /* check value of the key */
#define SR_KEY_BLOCK_ADD_KP 4UL           /* check value of the protection key */
#define SR_KEY_BLOCK_ADD_TS 8UL           /* time stamp, UTC */
#define SR_KEY_BLOCK_ADD_LB 16UL          /* CKA_LABEL of the key, printable ASCII */
#define SR_KEY_BLOCK_USAGE_DMK "20"
#define SR_KEY_BLOCK_USAGE_DWK "21"
struct sr_key_block_params {
	CK_BYTE version;
	CK_BYTE usage[2];
	CK_BYTE algorithm;
	CK_BYTE mode;
	CK_BYTE keyVersion[2];
	CK_BYTE exportability;
	CK_BYTE context;
	CK_ULONG flags;
	CK_BYTE_PTR pOptional;
	CK_ULONG ulOptionalLen;
};
/* CKA_SR_KEY_BLOCK_HEADER: usage (2), algorithm, mode, key version (2), exportability. */
#define SR_KEY_BLOCK_HEADER_FACTS 7
#define SR_KEY_BLOCK_MAX 9999

/*
 * CKM_SR_DIVERSIFY. E: encryption of a block under the base key; ~F: F inverted bit by bit.
 *
 * method     SR_DIVERSIFY_FACTOR: the factors as given. TDES, 8 bytes F: E(F) and E(~F). TDES, 16 bytes F1 F2: E(F1)
 *            and E(F2) (EMV session keys: R with F0 and with 0F as third byte). AES, 16 bytes F: as much of E(F) and
 *            E(~F) as the key is long.
 *            SR_DIVERSIFY_EMV_A, _B: EMV 4.3 book 2, A1.4.1 and A1.4.2 (TDES); _C: its option for AES. F is made of
 *            pFactors: the PAN (1 to 19 ASCII digits), then the 2 digits of the PAN sequence number; one level.
 * levels     1 to SR_DIVERSIFY_LEVELS: the key of each level is the base of the next, with the next factor
 * pFactors   as many factors as levels, of equal length, one after the other
 * parity     CK_TRUE: a DES key gets odd parity (EMV); CK_FALSE: the bytes as they come (PSAM practice). Parity
 *            changes nothing of what a key computes, but what demands it (TMK message, unwrapping into a token)
 *            refuses a key without.
 *
 * CKR_MECHANISM_PARAM_INVALID: other values, lengths that the key's algorithm does not have, F1 equal to F2.
 */
#define SR_DIVERSIFY_FACTOR 1UL
#define SR_DIVERSIFY_EMV_A 2UL
#define SR_DIVERSIFY_EMV_B 3UL
#define SR_DIVERSIFY_EMV_C 4UL
#define SR_DIVERSIFY_LEVELS 4UL
struct sr_diversify_params {
	CK_ULONG method;
	CK_ULONG levels;
	CK_BYTE_PTR pFactors;
	CK_ULONG ulFactorsLen;
	CK_BBOOL parity;
};

/*
 * CKM_SR_PIN_TRANSLATE.
 *
 * hOutKey               PINKEY, CKA_ENCRYPT
 * inFormat, outFormat   0, 1, 3, 4
 * pPan                  the whole PAN, 12 to 19 ASCII digits, check digit included; NULL and 0 for 1 to 1
 */
struct sr_pin_translate_params {
	CK_OBJECT_HANDLE hOutKey;
	CK_ULONG inFormat;
	CK_ULONG outFormat;
	CK_BYTE_PTR pPan;
	CK_ULONG ulPanLen;
};

/*
 * CKM_SR_TRANSPORT_RSA, CKM_SR_TRANSPORT_AES.
 *
 * hash     out under RSA: of OAEP and its MGF1: CKM_SHA_1, CKM_SHA256, CKM_SHA384, CKM_SHA512; otherwise 0
 * pSource  in: the statement key of the token that the block comes from (SR_GetStatementKey); out: NULL and 0
 */
struct sr_transport_params {
	CK_MECHANISM_TYPE hash;
	CK_BYTE_PTR pSource;
	CK_ULONG ulSourceLen;
};

/* Upper bounds of the formats, in bytes. */
#define SR_TRANSPORT_MAX 1024
#define SR_TK_PACKET_MAX 1536
#define SR_RECORD_MAX 768
#define SR_TMK_MESSAGE_MAX 256

#endif
