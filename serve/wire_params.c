/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire.h"

/*
 * The structures of mechanism parameters, member by member (PKCS #11 3.2; hsm/vendor.h). The names are those that the
 * mechanism table says (struct mech_param, text), by which wire_mechanisms_make.c finds them.
 */
#define MEMBER(s, m) .name = #m, .at = offsetof(s, m)
#define NUMBER(s, m)                                                                                                   \
	{                                                                                                              \
		MEMBER(s, m), .type = WIRE_NUMBER, .way = WIRE_IN, .size = sizeof(((s *)0)->m)                         \
	}
#define NUMBER_BOTH(s, m)                                                                                              \
	{                                                                                                              \
		MEMBER(s, m), .type = WIRE_NUMBER, .way = WIRE_IN | WIRE_OUT, .size = sizeof(((s *)0)->m)              \
	}
#define NUMBER_OUT(s, m)                                                                                               \
	{                                                                                                              \
		MEMBER(s, m), .type = WIRE_NUMBER, .way = WIRE_OUT, .size = sizeof(((s *)0)->m)                        \
	}
#define ARRAY(s, m)                                                                                                    \
	{                                                                                                              \
		MEMBER(s, m), .type = WIRE_BYTES, .way = WIRE_IN, .size = sizeof(((s *)0)->m)                          \
	}
#define ARRAY_BOTH(s, m)                                                                                               \
	{                                                                                                              \
		MEMBER(s, m), .type = WIRE_BYTES, .way = WIRE_IN | WIRE_OUT, .size = sizeof(((s *)0)->m)               \
	}
#define AT_LEN(s, m, l, how, w)                                                                                        \
	MEMBER(s, m), .type = WIRE_BYTES, .way = (w), .count = (how), .size = 1, .count_at = offsetof(s, l)
#define BYTES(s, m, l)                                                                                                 \
	{                                                                                                              \
		AT_LEN(s, m, l, WIRE_MEMBER, WIRE_IN)                                                                  \
	}
#define BYTES_BOUND(s, m, l, n)                                                                                        \
	{                                                                                                              \
		AT_LEN(s, m, l, WIRE_MEMBER, WIRE_IN), .most = (n), .bound_all = true                                  \
	}
#define BYTES_BOTH(s, m, l)                                                                                            \
	{                                                                                                              \
		AT_LEN(s, m, l, WIRE_MEMBER, WIRE_IN | WIRE_OUT)                                                       \
	}
#define BITS(s, m, l)                                                                                                  \
	{                                                                                                              \
		AT_LEN(s, m, l, WIRE_BITS, WIRE_IN)                                                                    \
	}
#define BYTES_BOTH_MOST(s, m, l, n)                                                                                    \
	{                                                                                                              \
		AT_LEN(s, m, l, WIRE_MEMBER, WIRE_IN | WIRE_OUT), .most = (n)                                          \
	}
#define BITS_BOTH_MOST(s, m, l, n)                                                                                     \
	{                                                                                                              \
		AT_LEN(s, m, l, WIRE_BITS, WIRE_IN | WIRE_OUT), .most = (n)                                            \
	}
#define NONCE(s, m, l)                                                                                                 \
	{                                                                                                              \
		AT_LEN(s, m, l, WIRE_NONCE, WIRE_IN)                                                                   \
	}
#define NONCE_BOTH(s, m, l)                                                                                            \
	{                                                                                                              \
		AT_LEN(s, m, l, WIRE_NONCE, WIRE_IN | WIRE_OUT)                                                        \
	}
#define FIXED_BOTH(s, m, n)                                                                                            \
	{                                                                                                              \
		MEMBER(s, m), .type = WIRE_BYTES, .way = WIRE_IN | WIRE_OUT, .count = WIRE_FIXED, .size = 1,           \
			      .fixed = (n)                                                                             \
	}
#define HANDLE_OUT(s, m)                                                                                               \
	{                                                                                                              \
		MEMBER(s, m), .type = WIRE_NUMBER, .way = WIRE_OUT, .count = WIRE_FIXED, .size = sizeof(CK_ULONG),     \
			      .fixed = 1                                                                               \
	}
#define ONE(s, m, t, w, d)                                                                                             \
	{                                                                                                              \
		MEMBER(s, m), .type = WIRE_STRUCT, .way = (w), .count = WIRE_FIXED, .size = sizeof(t), .fixed = 1,     \
			      .of = &(d)                                                                               \
	}
#define INSIDE(s, m, t, d)                                                                                             \
	{                                                                                                              \
		MEMBER(s, m), .type = WIRE_STRUCT, .way = WIRE_IN, .size = sizeof(t), .of = &(d)                       \
	}
#define MANY(s, m, l, t, w, d)                                                                                         \
	{                                                                                                              \
		MEMBER(s, m), .type = WIRE_STRUCT, .way = (w), .count = WIRE_MEMBER, .size = sizeof(t),                \
			      .count_at = offsetof(s, l), .most = 1024, .of = &(d)                                     \
	}
#define STRUCT(id, type, title, ...)                                                                                   \
	static const struct wire_field id##_fields[] = { __VA_ARGS__ };                                                \
	static const struct wire_struct id = { title, sizeof(type), id##_fields, ARRAY_LEN(id##_fields), false };
#define STRUCT_MESSAGE(id, type, title, ...)                                                                           \
	static const struct wire_field id##_fields[] = { __VA_ARGS__ };                                                \
	static const struct wire_struct id = { title, sizeof(type), id##_fields, ARRAY_LEN(id##_fields), true };

/* Without pointers. */
#define S CK_AES_CTR_PARAMS
STRUCT(aes_ctr, S, "CK_AES_CTR_PARAMS", NUMBER(S, counter_bits), ARRAY(S, cb))
#undef S
#define S CK_RSA_PKCS_PSS_PARAMS
STRUCT(pss, S, "CK_RSA_PKCS_PSS_PARAMS", NUMBER(S, hash_alg), NUMBER(S, mgf), NUMBER(S, s_len))
#undef S
#define S CK_TLS_MAC_PARAMS
STRUCT(tls_mac, S, "CK_TLS_MAC_PARAMS", NUMBER(S, prfHashMechanism), NUMBER(S, ulMacLength),
       NUMBER(S, ulServerOrClient))
#undef S
#define S struct sr_iso9797_params
STRUCT(iso9797, S, "sr_iso9797_params", NUMBER(S, padding), NUMBER(S, macLen))
#undef S
#define S CK_VERSION
STRUCT(version, S, "CK_VERSION", NUMBER_BOTH(S, major), NUMBER_BOTH(S, minor))
#undef S

/* Encryption. More than these lengths no mechanism takes. */
#define IV_MOST 128
#define TAG_MOST 16
#define S CK_GCM_PARAMS
STRUCT(gcm, S, "CK_GCM_PARAMS", NUMBER(S, iv_len), NUMBER(S, iv_bits), NUMBER(S, aad_len), NUMBER(S, tag_bits),
       BYTES(S, iv_ptr, iv_len), BYTES(S, aad_ptr, aad_len))
#undef S
/* As the text of PKCS #11 2.40 has it, without ulIvBits. */
struct gcm_text {
	CK_BYTE_PTR pIv;
	CK_ULONG ulIvLen;
	CK_BYTE_PTR pAAD;
	CK_ULONG ulAADLen;
	CK_ULONG ulTagBits;
};
#define S struct gcm_text
STRUCT(gcm_text, S, "CK_GCM_PARAMS of five members", NUMBER(S, ulIvLen), NUMBER(S, ulAADLen), NUMBER(S, ulTagBits),
       BYTES(S, pIv, ulIvLen), BYTES(S, pAAD, ulAADLen))
#undef S
#define S CK_GCM_WRAP_PARAMS
STRUCT(gcm_wrap, S, "CK_GCM_WRAP_PARAMS", NUMBER(S, ulIvLen), NUMBER(S, ulIvFixedBits), NUMBER(S, ivGenerator),
       NUMBER(S, ulAADLen), NUMBER(S, ulTagBits), BYTES_BOTH_MOST(S, pIv, ulIvLen, IV_MOST), BYTES(S, pAAD, ulAADLen))
#undef S
#define S CK_GCM_MESSAGE_PARAMS
STRUCT_MESSAGE(gcm_message, S, "CK_GCM_MESSAGE_PARAMS", NUMBER(S, ulIvLen), NUMBER(S, ulIvFixedBits),
	       NUMBER(S, ivGenerator), NUMBER(S, ulTagBits), BYTES_BOTH_MOST(S, pIv, ulIvLen, IV_MOST),
	       BITS_BOTH_MOST(S, pTag, ulTagBits, TAG_MOST))
#undef S
#define S CK_CCM_PARAMS
STRUCT(ccm, S, "CK_CCM_PARAMS", NUMBER(S, ulDataLen), NUMBER(S, ulNonceLen), NUMBER(S, ulAADLen), NUMBER(S, ulMACLen),
       BYTES(S, pNonce, ulNonceLen), BYTES(S, pAAD, ulAADLen))
#undef S
#define S CK_CCM_WRAP_PARAMS
STRUCT(ccm_wrap, S, "CK_CCM_WRAP_PARAMS", NUMBER(S, ulDataLen), NUMBER(S, ulNonceLen), NUMBER(S, ulNonceFixedBits),
       NUMBER(S, nonceGenerator), NUMBER(S, ulAADLen), NUMBER(S, ulMACLen),
       BYTES_BOTH_MOST(S, pNonce, ulNonceLen, IV_MOST), BYTES(S, pAAD, ulAADLen))
#undef S
#define S CK_CCM_MESSAGE_PARAMS
STRUCT_MESSAGE(ccm_message, S, "CK_CCM_MESSAGE_PARAMS", NUMBER(S, ulDataLen), NUMBER(S, ulNonceLen),
	       NUMBER(S, ulNonceFixedBits), NUMBER(S, nonceGenerator), NUMBER(S, ulMACLen),
	       BYTES_BOTH_MOST(S, pNonce, ulNonceLen, IV_MOST), BYTES_BOTH_MOST(S, pMAC, ulMACLen, TAG_MOST))
#undef S
#define S CK_CHACHA20_PARAMS
STRUCT(chacha20, S, "CK_CHACHA20_PARAMS", NUMBER(S, blockCounterBits), NUMBER(S, ulNonceBits),
       BITS(S, pBlockCounter, blockCounterBits), BITS(S, pNonce, ulNonceBits))
#undef S
#define S CK_SALSA20_CHACHA20_POLY1305_PARAMS
STRUCT(chacha_poly, S, "CK_SALSA20_CHACHA20_POLY1305_PARAMS", NUMBER(S, ulNonceLen), NUMBER(S, ulAADLen),
       NONCE(S, pNonce, ulNonceLen), BYTES(S, pAAD, ulAADLen))
#undef S
#define S CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS
STRUCT_MESSAGE(chacha_message, S, "CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS", NUMBER(S, ulNonceLen),
	       NONCE_BOTH(S, pNonce, ulNonceLen), FIXED_BOTH(S, pTag, 16))
#undef S

/* RSA, signatures, parameters of groups. */
#define S CK_RSA_PKCS_OAEP_PARAMS
STRUCT(oaep, S, "CK_RSA_PKCS_OAEP_PARAMS", NUMBER(S, hash_alg), NUMBER(S, mgf), NUMBER(S, source),
       NUMBER(S, source_data_len), BYTES(S, source_data, source_data_len))
#undef S
#define S CK_RSA_AES_KEY_WRAP_PARAMS
STRUCT(rsa_aes, S, "CK_RSA_AES_KEY_WRAP_PARAMS", NUMBER(S, ulAESKeyBits),
       ONE(S, pOAEPParams, CK_RSA_PKCS_OAEP_PARAMS, WIRE_IN, oaep))
#undef S
#define S CK_EDDSA_PARAMS
STRUCT(eddsa, S, "CK_EDDSA_PARAMS", NUMBER(S, phFlag), NUMBER(S, ulContextDataLen),
       BYTES(S, pContextData, ulContextDataLen))
#undef S
#define S CK_SIGN_ADDITIONAL_CONTEXT
STRUCT(sign_context, S, "CK_SIGN_ADDITIONAL_CONTEXT", NUMBER(S, hedgeVariant), NUMBER(S, ulContextLen),
       BYTES(S, pContext, ulContextLen))
#undef S
#define S CK_HASH_SIGN_ADDITIONAL_CONTEXT
STRUCT(hash_sign_context, S, "CK_HASH_SIGN_ADDITIONAL_CONTEXT", NUMBER(S, hedgeVariant), NUMBER(S, ulContextLen),
       NUMBER(S, hash), BYTES(S, pContext, ulContextLen))
#undef S
#define S CK_DSA_PARAMETER_GEN_PARAM
STRUCT(dsa_seed, S, "CK_DSA_PARAMETER_GEN_PARAM", NUMBER(S, hash), NUMBER(S, ulSeedLen), NUMBER(S, ulIndex),
       BYTES(S, pSeed, ulSeedLen))
#undef S

/* Key agreement and derivation. */
#define S CK_ECDH1_DERIVE_PARAMS
STRUCT(ecdh, S, "CK_ECDH1_DERIVE_PARAMS", NUMBER(S, kdf), NUMBER(S, shared_data_len), NUMBER(S, public_data_len),
       BYTES(S, shared_data, shared_data_len), BYTES(S, public_data, public_data_len))
#undef S
#define S CK_ECDH_AES_KEY_WRAP_PARAMS
STRUCT(ecdh_wrap, S, "CK_ECDH_AES_KEY_WRAP_PARAMS", NUMBER(S, ulAESKeyBits), NUMBER(S, kdf), NUMBER(S, ulSharedDataLen),
       BYTES(S, pSharedData, ulSharedDataLen))
#undef S
#define S CK_X9_42_DH1_DERIVE_PARAMS
STRUCT(x9_42, S, "CK_X9_42_DH1_DERIVE_PARAMS", NUMBER(S, kdf), NUMBER(S, ulOtherInfoLen), NUMBER(S, ulPublicDataLen),
       BYTES(S, pOtherInfo, ulOtherInfoLen), BYTES(S, pPublicData, ulPublicDataLen))
#undef S
#define S CK_KEY_DERIVATION_STRING_DATA
STRUCT(string_data, S, "CK_KEY_DERIVATION_STRING_DATA", NUMBER(S, string_data_len),
       BYTES(S, string_data, string_data_len))
#undef S
#define S CK_DES_CBC_ENCRYPT_DATA_PARAMS
STRUCT(des_data, S, "CK_DES_CBC_ENCRYPT_DATA_PARAMS", ARRAY(S, iv), NUMBER(S, length), BYTES(S, data_params, length))
#undef S
#define S CK_AES_CBC_ENCRYPT_DATA_PARAMS
STRUCT(aes_data, S, "CK_AES_CBC_ENCRYPT_DATA_PARAMS", ARRAY(S, iv), NUMBER(S, length), BYTES(S, data_params, length))
#undef S
#define S CK_HKDF_PARAMS
STRUCT(hkdf, S, "CK_HKDF_PARAMS", NUMBER(S, bExtract), NUMBER(S, bExpand), NUMBER(S, prfHashMechanism),
       NUMBER(S, ulSaltType), NUMBER(S, ulSaltLen), NUMBER(S, hSaltKey), NUMBER(S, ulInfoLen),
       BYTES(S, pSalt, ulSaltLen), BYTES(S, pInfo, ulInfoLen))
#undef S
/*
 * The length of a password is bounded even where there is none: above that the module takes the number for the address
 * of one (CK_PKCS5_PBKD2_PARAMS, which the client turns into this one).
 */
#define S CK_PKCS5_PBKD2_PARAMS2
STRUCT(pbkdf2, S, "CK_PKCS5_PBKD2_PARAMS2", NUMBER(S, saltSource), NUMBER(S, ulSaltSourceDataLen),
       NUMBER(S, iterations), NUMBER(S, prf), NUMBER(S, ulPrfDataLen), NUMBER(S, ulPasswordLen),
       BYTES(S, pSaltSourceData, ulSaltSourceDataLen), BYTES(S, pPrfData, ulPrfDataLen),
       BYTES_BOUND(S, pPassword, ulPasswordLen, 4096))
#undef S
#define S CK_PRF_DATA_PARAM
STRUCT(prf_data, S, "CK_PRF_DATA_PARAM", NUMBER(S, type), NUMBER(S, ulValueLen), BYTES(S, pValue, ulValueLen))
#undef S
#define S CK_DERIVED_KEY
STRUCT(derived_key, S, "CK_DERIVED_KEY", NUMBER(S, ulAttributeCount),
       { MEMBER(S, pTemplate), .type = WIRE_ATTRIBUTES, .way = WIRE_IN, .count = WIRE_MEMBER,
	 .size = sizeof(CK_ATTRIBUTE), .count_at = offsetof(S, ulAttributeCount), .most = WIRE_ATTRIBUTES_MAX },
       HANDLE_OUT(S, phKey))
#undef S
#define S CK_SP800_108_KDF_PARAMS
STRUCT(kdf_108, S, "CK_SP800_108_KDF_PARAMS", NUMBER(S, prfType), NUMBER(S, ulNumberOfDataParams),
       NUMBER(S, ulAdditionalDerivedKeys),
       MANY(S, pDataParams, ulNumberOfDataParams, CK_PRF_DATA_PARAM, WIRE_IN, prf_data),
       MANY(S, pAdditionalDerivedKeys, ulAdditionalDerivedKeys, CK_DERIVED_KEY, WIRE_IN | WIRE_OUT, derived_key))
#undef S
#define S CK_SP800_108_FEEDBACK_KDF_PARAMS
STRUCT(kdf_108_feedback, S, "CK_SP800_108_FEEDBACK_KDF_PARAMS", NUMBER(S, prfType), NUMBER(S, ulNumberOfDataParams),
       NUMBER(S, ulIVLen), NUMBER(S, ulAdditionalDerivedKeys),
       MANY(S, pDataParams, ulNumberOfDataParams, CK_PRF_DATA_PARAM, WIRE_IN, prf_data), BYTES(S, pIV, ulIVLen),
       MANY(S, pAdditionalDerivedKeys, ulAdditionalDerivedKeys, CK_DERIVED_KEY, WIRE_IN | WIRE_OUT, derived_key))
#undef S

/* TLS. */
#define S CK_SSL3_RANDOM_DATA
STRUCT(random_data, S, "CK_SSL3_RANDOM_DATA", NUMBER(S, ulClientRandomLen), NUMBER(S, ulServerRandomLen),
       BYTES(S, pClientRandom, ulClientRandomLen), BYTES(S, pServerRandom, ulServerRandomLen))
#undef S
#define S CK_TLS12_MASTER_KEY_DERIVE_PARAMS
STRUCT(tls12_master, S, "CK_TLS12_MASTER_KEY_DERIVE_PARAMS", NUMBER(S, prfHashMechanism),
       INSIDE(S, RandomInfo, CK_SSL3_RANDOM_DATA, random_data),
       ONE(S, pVersion, CK_VERSION, WIRE_IN | WIRE_OUT, version))
#undef S
#define S CK_TLS12_EXTENDED_MASTER_KEY_DERIVE_PARAMS
STRUCT(tls12_extended, S, "CK_TLS12_EXTENDED_MASTER_KEY_DERIVE_PARAMS", NUMBER(S, prfHashMechanism),
       NUMBER(S, ulSessionHashLen), BYTES(S, pSessionHash, ulSessionHashLen),
       ONE(S, pVersion, CK_VERSION, WIRE_IN | WIRE_OUT, version))
#undef S
/* Where no IV is made, the caller's bytes stay. */
#define S CK_SSL3_KEY_MAT_OUT
#define IV_OUT(m)                                                                                                      \
	{                                                                                                              \
		MEMBER(S, m), .type = WIRE_BYTES, .way = WIRE_IN | WIRE_OUT, .count = WIRE_PARENT_BITS, .size = 1,     \
			      .most = 64, .count_at = offsetof(CK_TLS12_KEY_MAT_PARAMS, ulIVSizeInBits)                \
	}
STRUCT(key_mat_out, S, "CK_SSL3_KEY_MAT_OUT", NUMBER_OUT(S, hClientMacSecret), NUMBER_OUT(S, hServerMacSecret),
       NUMBER_OUT(S, hClientKey), NUMBER_OUT(S, hServerKey), IV_OUT(pIVClient), IV_OUT(pIVServer))
#undef S
#define S CK_TLS12_KEY_MAT_PARAMS
STRUCT(tls12_key_mat, S, "CK_TLS12_KEY_MAT_PARAMS", NUMBER(S, ulMacSizeInBits), NUMBER(S, ulKeySizeInBits),
       NUMBER(S, ulIVSizeInBits), NUMBER(S, bIsExport), NUMBER(S, prfHashMechanism),
       INSIDE(S, RandomInfo, CK_SSL3_RANDOM_DATA, random_data),
       ONE(S, pReturnedKeyMaterial, CK_SSL3_KEY_MAT_OUT, WIRE_IN | WIRE_OUT, key_mat_out))
#undef S
#define S CK_TLS_KDF_PARAMS
STRUCT(tls_kdf, S, "CK_TLS_KDF_PARAMS", NUMBER(S, prfMechanism), NUMBER(S, ulLabelLength),
       NUMBER(S, ulContextDataLength), INSIDE(S, RandomInfo, CK_SSL3_RANDOM_DATA, random_data),
       BYTES(S, pLabel, ulLabelLength), BYTES(S, pContextData, ulContextDataLength))
#undef S

/* vendor.h. */
#define S struct sr_sm2_params
STRUCT(sm2, S, "sr_sm2_params", NUMBER(S, ulIdLen), BYTES(S, pId, ulIdLen))
#undef S
#define S struct sr_tk_rewrap_params
STRUCT(tk_rewrap, S, "sr_tk_rewrap_params", NUMBER(S, hMak), NUMBER(S, ulPacketLen), NUMBER(S, ulCustomerLen),
       NUMBER(S, collectionTime), NUMBER(S, ulTekIvLen), NUMBER(S, ulAukIvLen), BYTES(S, pPacket, ulPacketLen),
       BYTES(S, pCustomer, ulCustomerLen), BYTES(S, pTekIv, ulTekIvLen), BYTES(S, pAukIv, ulAukIvLen))
#undef S
#define S struct sr_tk_open_params
STRUCT(tk_open, S, "sr_tk_open_params", NUMBER(S, hMak), HANDLE_OUT(S, phAuk))
#undef S
#define S struct sr_tmk_params
STRUCT(tmk, S, "sr_tmk_params", NUMBER(S, hAuk), NUMBER(S, ulTerminalRandomLen), NUMBER(S, ulHostRandomLen),
       NUMBER(S, ulIvLen), BYTES(S, pTerminalRandom, ulTerminalRandomLen), BYTES(S, pHostRandom, ulHostRandomLen),
       BYTES(S, pIv, ulIvLen))
#undef S
#define S struct sr_tk_generate_params
STRUCT(tk_generate, S, "sr_tk_generate_params", NUMBER(S, hPu), NUMBER(S, suite), NUMBER(S, handshake),
       NUMBER(S, oaepHash), NUMBER(S, keyType), NUMBER(S, keyLen), NUMBER(S, ulSerialLen), NUMBER(S, ulPinPadLen),
       NUMBER(S, ulCertSerialLen), NUMBER(S, counter), BYTES(S, pSerial, ulSerialLen), BYTES(S, pPinPad, ulPinPadLen),
       BYTES(S, pCertSerial, ulCertSerialLen), HANDLE_OUT(S, phAuk),
       { AT_LEN(S, pPacket, pulPacketLen, WIRE_POINTED, WIRE_OUT) },
       { MEMBER(S, pulPacketLen), .type = WIRE_NUMBER, .way = WIRE_IN | WIRE_OUT, .count = WIRE_FIXED,
	 .size = sizeof(CK_ULONG), .fixed = 1 })
#undef S
#define S struct sr_key_block_params
STRUCT(key_block, S, "sr_key_block_params", NUMBER_BOTH(S, version), ARRAY_BOTH(S, usage), NUMBER_BOTH(S, algorithm),
       NUMBER_BOTH(S, mode), ARRAY_BOTH(S, keyVersion), NUMBER_BOTH(S, exportability), NUMBER_BOTH(S, context),
       NUMBER(S, flags), NUMBER_BOTH(S, ulOptionalLen), BYTES_BOTH(S, pOptional, ulOptionalLen))
#undef S
#define S struct sr_diversify_params
STRUCT(diversify, S, "sr_diversify_params", NUMBER(S, method), NUMBER(S, levels), NUMBER(S, ulFactorsLen),
       NUMBER(S, parity), BYTES(S, pFactors, ulFactorsLen))
#undef S
#define S struct sr_pin_translate_params
STRUCT(pin_translate, S, "sr_pin_translate_params", NUMBER(S, hOutKey), NUMBER(S, inFormat), NUMBER(S, outFormat),
       NUMBER(S, ulPanLen), BYTES(S, pPan, ulPanLen))
#undef S

#define S struct sr_transport_params
STRUCT(transport, S, "sr_transport_params", NUMBER(S, hash), NUMBER(S, ulSourceLen), BYTES(S, pSource, ulSourceLen))
#undef S

static const struct wire_struct *const all[] = {
	&aes_ctr,
	&pss,
	&tls_mac,
	&iso9797,
	&version,
	&gcm,
	&gcm_text,
	&gcm_wrap,
	&gcm_message,
	&ccm,
	&ccm_wrap,
	&ccm_message,
	&chacha20,
	&chacha_poly,
	&chacha_message,
	&oaep,
	&rsa_aes,
	&eddsa,
	&sign_context,
	&hash_sign_context,
	&dsa_seed,
	&ecdh,
	&ecdh_wrap,
	&x9_42,
	&string_data,
	&des_data,
	&aes_data,
	&hkdf,
	&pbkdf2,
	&kdf_108,
	&kdf_108_feedback,
	&tls12_master,
	&tls12_extended,
	&tls12_key_mat,
	&tls_kdf,
	&sm2,
	&tk_rewrap,
	&tk_open,
	&tmk,
	&tk_generate,
	&key_block,
	&diversify,
	&pin_translate,
	&transport,
};

const struct wire_struct *wire_params(size_t i)
{
	return i < ARRAY_LEN(all) ? all[i] : NULL;
}
