/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_CK_STRUCTS_H
#define HSM_CK_STRUCTS_H

/* Mechanism parameters of PKCS#11 up to 3.2, as OASIS publishes them. Only ck.h includes it. */
#define CK_EC_KDF_TYPE CK_ULONG
#define CK_EXTRACT_PARAMS CK_ULONG
#define CK_GENERATOR_FUNCTION CK_ULONG
#define CK_HEDGE_TYPE CK_ULONG
#define CK_PKCS5_PBKD2_PSEUDO_RANDOM_FUNCTION_TYPE CK_ULONG
#define CK_PKCS5_PBKDF2_SALT_SOURCE_TYPE CK_ULONG
#define CK_PRF_DATA_TYPE CK_ULONG
#define CK_SP800_108_DKM_LENGTH_METHOD CK_ULONG
#define CK_SP800_108_PRF_TYPE CK_MECHANISM_TYPE
#define CK_X9_42_DH_KDF_TYPE CK_ULONG

/* Those that p11-kit has; members as in its version 0.24. */
struct ck_rsa_pkcs_pss_params {
	CK_MECHANISM_TYPE hash_alg;
	CK_RSA_PKCS_MGF_TYPE mgf;
	CK_ULONG s_len;
};
#define CK_RSA_PKCS_PSS_PARAMS struct ck_rsa_pkcs_pss_params
#define CK_RSA_PKCS_PSS_PARAMS_PTR struct ck_rsa_pkcs_pss_params *

struct ck_rsa_pkcs_oaep_params {
	CK_MECHANISM_TYPE hash_alg;
	CK_RSA_PKCS_MGF_TYPE mgf;
	CK_RSA_PKCS_OAEP_SOURCE_TYPE source;
	CK_VOID_PTR source_data;
	CK_ULONG source_data_len;
};
#define CK_RSA_PKCS_OAEP_PARAMS struct ck_rsa_pkcs_oaep_params
#define CK_RSA_PKCS_OAEP_PARAMS_PTR struct ck_rsa_pkcs_oaep_params *

struct ck_aes_ctr_params {
	CK_ULONG counter_bits;
	CK_BYTE cb[16];
};
#define CK_AES_CTR_PARAMS struct ck_aes_ctr_params
#define CK_AES_CTR_PARAMS_PTR struct ck_aes_ctr_params *

struct ck_gcm_params {
	CK_BYTE_PTR iv_ptr;
	CK_ULONG iv_len;
	CK_ULONG iv_bits;
	CK_BYTE_PTR aad_ptr;
	CK_ULONG aad_len;
	CK_ULONG tag_bits;
};
#define CK_GCM_PARAMS struct ck_gcm_params
#define CK_GCM_PARAMS_PTR struct ck_gcm_params *

struct ck_ecdh1_derive_params {
	CK_EC_KDF_TYPE kdf;
	CK_ULONG shared_data_len;
	CK_BYTE_PTR shared_data;
	CK_ULONG public_data_len;
	CK_BYTE_PTR public_data;
};
#define CK_ECDH1_DERIVE_PARAMS struct ck_ecdh1_derive_params
#define CK_ECDH1_DERIVE_PARAMS_PTR struct ck_ecdh1_derive_params *

struct ck_key_derivation_string_data {
	CK_BYTE_PTR string_data;
	CK_ULONG string_data_len;
};
#define CK_KEY_DERIVATION_STRING_DATA struct ck_key_derivation_string_data
#define CK_KEY_DERIVATION_STRING_DATA_PTR struct ck_key_derivation_string_data *

struct ck_des_cbc_encrypt_data_params {
	CK_BYTE iv[8];
	CK_BYTE_PTR data_params;
	CK_ULONG length;
};
#define CK_DES_CBC_ENCRYPT_DATA_PARAMS struct ck_des_cbc_encrypt_data_params
#define CK_DES_CBC_ENCRYPT_DATA_PARAMS_PTR struct ck_des_cbc_encrypt_data_params *

struct ck_aes_cbc_encrypt_data_params {
	CK_BYTE iv[16];
	CK_BYTE_PTR data_params;
	CK_ULONG length;
};
#define CK_AES_CBC_ENCRYPT_DATA_PARAMS struct ck_aes_cbc_encrypt_data_params
#define CK_AES_CBC_ENCRYPT_DATA_PARAMS_PTR struct ck_aes_cbc_encrypt_data_params *

/* Those that it lacks, or has since 0.25. */
struct ck_x9_42_dh1_derive_params {
	CK_X9_42_DH_KDF_TYPE kdf;
	CK_ULONG ulOtherInfoLen;
	CK_BYTE_PTR pOtherInfo;
	CK_ULONG ulPublicDataLen;
	CK_BYTE_PTR pPublicData;
};
#define CK_X9_42_DH1_DERIVE_PARAMS struct ck_x9_42_dh1_derive_params
#define CK_X9_42_DH1_DERIVE_PARAMS_PTR struct ck_x9_42_dh1_derive_params *

struct ck_ssl3_random_data {
	CK_BYTE_PTR pClientRandom;
	CK_ULONG ulClientRandomLen;
	CK_BYTE_PTR pServerRandom;
	CK_ULONG ulServerRandomLen;
};
#define CK_SSL3_RANDOM_DATA struct ck_ssl3_random_data
#define CK_SSL3_RANDOM_DATA_PTR struct ck_ssl3_random_data *

struct ck_ssl3_master_key_derive_params {
	CK_SSL3_RANDOM_DATA RandomInfo;
	CK_VERSION_PTR pVersion;
};
#define CK_SSL3_MASTER_KEY_DERIVE_PARAMS struct ck_ssl3_master_key_derive_params
#define CK_SSL3_MASTER_KEY_DERIVE_PARAMS_PTR struct ck_ssl3_master_key_derive_params *

struct ck_ssl3_key_mat_out {
	CK_OBJECT_HANDLE hClientMacSecret;
	CK_OBJECT_HANDLE hServerMacSecret;
	CK_OBJECT_HANDLE hClientKey;
	CK_OBJECT_HANDLE hServerKey;
	CK_BYTE_PTR pIVClient;
	CK_BYTE_PTR pIVServer;
};
#define CK_SSL3_KEY_MAT_OUT struct ck_ssl3_key_mat_out
#define CK_SSL3_KEY_MAT_OUT_PTR struct ck_ssl3_key_mat_out *

struct ck_ssl3_key_mat_params {
	CK_ULONG ulMacSizeInBits;
	CK_ULONG ulKeySizeInBits;
	CK_ULONG ulIVSizeInBits;
	CK_BBOOL bIsExport;
	CK_SSL3_RANDOM_DATA RandomInfo;
	CK_SSL3_KEY_MAT_OUT_PTR pReturnedKeyMaterial;
};
#define CK_SSL3_KEY_MAT_PARAMS struct ck_ssl3_key_mat_params
#define CK_SSL3_KEY_MAT_PARAMS_PTR struct ck_ssl3_key_mat_params *

struct ck_tls_prf_params {
	CK_BYTE_PTR pSeed;
	CK_ULONG ulSeedLen;
	CK_BYTE_PTR pLabel;
	CK_ULONG ulLabelLen;
	CK_BYTE_PTR pOutput;
	CK_ULONG_PTR pulOutputLen;
};
#define CK_TLS_PRF_PARAMS struct ck_tls_prf_params
#define CK_TLS_PRF_PARAMS_PTR struct ck_tls_prf_params *

struct ck_pkcs5_pbkd2_params {
	CK_PKCS5_PBKDF2_SALT_SOURCE_TYPE saltSource;
	CK_VOID_PTR pSaltSourceData;
	CK_ULONG ulSaltSourceDataLen;
	CK_ULONG iterations;
	CK_PKCS5_PBKD2_PSEUDO_RANDOM_FUNCTION_TYPE prf;
	CK_VOID_PTR pPrfData;
	CK_ULONG ulPrfDataLen;
	CK_UTF8CHAR_PTR pPassword;
	CK_ULONG_PTR ulPasswordLen;
};
#define CK_PKCS5_PBKD2_PARAMS struct ck_pkcs5_pbkd2_params
#define CK_PKCS5_PBKD2_PARAMS_PTR struct ck_pkcs5_pbkd2_params *

struct ck_pkcs5_pbkd2_params2 {
	CK_PKCS5_PBKDF2_SALT_SOURCE_TYPE saltSource;
	CK_VOID_PTR pSaltSourceData;
	CK_ULONG ulSaltSourceDataLen;
	CK_ULONG iterations;
	CK_PKCS5_PBKD2_PSEUDO_RANDOM_FUNCTION_TYPE prf;
	CK_VOID_PTR pPrfData;
	CK_ULONG ulPrfDataLen;
	CK_UTF8CHAR_PTR pPassword;
	CK_ULONG ulPasswordLen;
};
#define CK_PKCS5_PBKD2_PARAMS2 struct ck_pkcs5_pbkd2_params2
#define CK_PKCS5_PBKD2_PARAMS2_PTR struct ck_pkcs5_pbkd2_params2 *

struct ck_ccm_params {
	CK_ULONG ulDataLen;
	CK_BYTE_PTR pNonce;
	CK_ULONG ulNonceLen;
	CK_BYTE_PTR pAAD;
	CK_ULONG ulAADLen;
	CK_ULONG ulMACLen;
};
#define CK_CCM_PARAMS struct ck_ccm_params
#define CK_CCM_PARAMS_PTR struct ck_ccm_params *

struct ck_dsa_parameter_gen_param {
	CK_MECHANISM_TYPE hash;
	CK_BYTE_PTR pSeed;
	CK_ULONG ulSeedLen;
	CK_ULONG ulIndex;
};
#define CK_DSA_PARAMETER_GEN_PARAM struct ck_dsa_parameter_gen_param
#define CK_DSA_PARAMETER_GEN_PARAM_PTR struct ck_dsa_parameter_gen_param *

struct ck_ecdh_aes_key_wrap_params {
	CK_ULONG ulAESKeyBits;
	CK_EC_KDF_TYPE kdf;
	CK_ULONG ulSharedDataLen;
	CK_BYTE_PTR pSharedData;
};
#define CK_ECDH_AES_KEY_WRAP_PARAMS struct ck_ecdh_aes_key_wrap_params
#define CK_ECDH_AES_KEY_WRAP_PARAMS_PTR struct ck_ecdh_aes_key_wrap_params *

struct ck_rsa_aes_key_wrap_params {
	CK_ULONG ulAESKeyBits;
	CK_RSA_PKCS_OAEP_PARAMS_PTR pOAEPParams;
};
#define CK_RSA_AES_KEY_WRAP_PARAMS struct ck_rsa_aes_key_wrap_params
#define CK_RSA_AES_KEY_WRAP_PARAMS_PTR struct ck_rsa_aes_key_wrap_params *

struct ck_tls12_master_key_derive_params {
	CK_SSL3_RANDOM_DATA RandomInfo;
	CK_VERSION_PTR pVersion;
	CK_MECHANISM_TYPE prfHashMechanism;
};
#define CK_TLS12_MASTER_KEY_DERIVE_PARAMS struct ck_tls12_master_key_derive_params
#define CK_TLS12_MASTER_KEY_DERIVE_PARAMS_PTR struct ck_tls12_master_key_derive_params *

struct ck_tls12_key_mat_params {
	CK_ULONG ulMacSizeInBits;
	CK_ULONG ulKeySizeInBits;
	CK_ULONG ulIVSizeInBits;
	CK_BBOOL bIsExport;
	CK_SSL3_RANDOM_DATA RandomInfo;
	CK_SSL3_KEY_MAT_OUT_PTR pReturnedKeyMaterial;
	CK_MECHANISM_TYPE prfHashMechanism;
};
#define CK_TLS12_KEY_MAT_PARAMS struct ck_tls12_key_mat_params
#define CK_TLS12_KEY_MAT_PARAMS_PTR struct ck_tls12_key_mat_params *

struct ck_tls_kdf_params {
	CK_MECHANISM_TYPE prfMechanism;
	CK_BYTE_PTR pLabel;
	CK_ULONG ulLabelLength;
	CK_SSL3_RANDOM_DATA RandomInfo;
	CK_BYTE_PTR pContextData;
	CK_ULONG ulContextDataLength;
};
#define CK_TLS_KDF_PARAMS struct ck_tls_kdf_params
#define CK_TLS_KDF_PARAMS_PTR struct ck_tls_kdf_params *

struct ck_tls_mac_params {
	CK_MECHANISM_TYPE prfHashMechanism;
	CK_ULONG ulMacLength;
	CK_ULONG ulServerOrClient;
};
#define CK_TLS_MAC_PARAMS struct ck_tls_mac_params
#define CK_TLS_MAC_PARAMS_PTR struct ck_tls_mac_params *

struct ck_gcm_message_params {
	CK_BYTE_PTR pIv;
	CK_ULONG ulIvLen;
	CK_ULONG ulIvFixedBits;
	CK_GENERATOR_FUNCTION ivGenerator;
	CK_BYTE_PTR pTag;
	CK_ULONG ulTagBits;
};
#define CK_GCM_MESSAGE_PARAMS struct ck_gcm_message_params
#define CK_GCM_MESSAGE_PARAMS_PTR struct ck_gcm_message_params *

struct ck_ccm_message_params {
	CK_ULONG ulDataLen;
	CK_BYTE_PTR pNonce;
	CK_ULONG ulNonceLen;
	CK_ULONG ulNonceFixedBits;
	CK_GENERATOR_FUNCTION nonceGenerator;
	CK_BYTE_PTR pMAC;
	CK_ULONG ulMACLen;
};
#define CK_CCM_MESSAGE_PARAMS struct ck_ccm_message_params
#define CK_CCM_MESSAGE_PARAMS_PTR struct ck_ccm_message_params *

struct ck_prf_data_param {
	CK_PRF_DATA_TYPE type;
	CK_VOID_PTR pValue;
	CK_ULONG ulValueLen;
};
#define CK_PRF_DATA_PARAM struct ck_prf_data_param
#define CK_PRF_DATA_PARAM_PTR struct ck_prf_data_param *

struct ck_sp800_108_counter_format {
	CK_BBOOL bLittleEndian;
	CK_ULONG ulWidthInBits;
};
#define CK_SP800_108_COUNTER_FORMAT struct ck_sp800_108_counter_format
#define CK_SP800_108_COUNTER_FORMAT_PTR struct ck_sp800_108_counter_format *

struct ck_sp800_108_dkm_length_format {
	CK_SP800_108_DKM_LENGTH_METHOD dkmLengthMethod;
	CK_BBOOL bLittleEndian;
	CK_ULONG ulWidthInBits;
};
#define CK_SP800_108_DKM_LENGTH_FORMAT struct ck_sp800_108_dkm_length_format
#define CK_SP800_108_DKM_LENGTH_FORMAT_PTR struct ck_sp800_108_dkm_length_format *

struct ck_derived_key {
	CK_ATTRIBUTE_PTR pTemplate;
	CK_ULONG ulAttributeCount;
	CK_OBJECT_HANDLE_PTR phKey;
};
#define CK_DERIVED_KEY struct ck_derived_key
#define CK_DERIVED_KEY_PTR struct ck_derived_key *

struct ck_sp800_108_kdf_params {
	CK_SP800_108_PRF_TYPE prfType;
	CK_ULONG ulNumberOfDataParams;
	CK_PRF_DATA_PARAM_PTR pDataParams;
	CK_ULONG ulAdditionalDerivedKeys;
	CK_DERIVED_KEY_PTR pAdditionalDerivedKeys;
};
#define CK_SP800_108_KDF_PARAMS struct ck_sp800_108_kdf_params
#define CK_SP800_108_KDF_PARAMS_PTR struct ck_sp800_108_kdf_params *

struct ck_sp800_108_feedback_kdf_params {
	CK_SP800_108_PRF_TYPE prfType;
	CK_ULONG ulNumberOfDataParams;
	CK_PRF_DATA_PARAM_PTR pDataParams;
	CK_ULONG ulIVLen;
	CK_BYTE_PTR pIV;
	CK_ULONG ulAdditionalDerivedKeys;
	CK_DERIVED_KEY_PTR pAdditionalDerivedKeys;
};
#define CK_SP800_108_FEEDBACK_KDF_PARAMS struct ck_sp800_108_feedback_kdf_params
#define CK_SP800_108_FEEDBACK_KDF_PARAMS_PTR struct ck_sp800_108_feedback_kdf_params *

struct ck_eddsa_params {
	CK_BBOOL phFlag;
	CK_ULONG ulContextDataLen;
	CK_BYTE_PTR pContextData;
};
#define CK_EDDSA_PARAMS struct ck_eddsa_params
#define CK_EDDSA_PARAMS_PTR struct ck_eddsa_params *

struct ck_chacha20_params {
	CK_BYTE_PTR pBlockCounter;
	CK_ULONG blockCounterBits;
	CK_BYTE_PTR pNonce;
	CK_ULONG ulNonceBits;
};
#define CK_CHACHA20_PARAMS struct ck_chacha20_params
#define CK_CHACHA20_PARAMS_PTR struct ck_chacha20_params *

struct ck_salsa20_chacha20_poly1305_params {
	CK_BYTE_PTR pNonce;
	CK_ULONG ulNonceLen;
	CK_BYTE_PTR pAAD;
	CK_ULONG ulAADLen;
};
#define CK_SALSA20_CHACHA20_POLY1305_PARAMS struct ck_salsa20_chacha20_poly1305_params
#define CK_SALSA20_CHACHA20_POLY1305_PARAMS_PTR struct ck_salsa20_chacha20_poly1305_params *

struct ck_salsa20_chacha20_poly1305_msg_params {
	CK_BYTE_PTR pNonce;
	CK_ULONG ulNonceLen;
	CK_BYTE_PTR pTag;
};
#define CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS struct ck_salsa20_chacha20_poly1305_msg_params
#define CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS_PTR struct ck_salsa20_chacha20_poly1305_msg_params *

struct ck_hkdf_params {
	CK_BBOOL bExtract;
	CK_BBOOL bExpand;
	CK_MECHANISM_TYPE prfHashMechanism;
	CK_ULONG ulSaltType;
	CK_BYTE_PTR pSalt;
	CK_ULONG ulSaltLen;
	CK_OBJECT_HANDLE hSaltKey;
	CK_BYTE_PTR pInfo;
	CK_ULONG ulInfoLen;
};
#define CK_HKDF_PARAMS struct ck_hkdf_params
#define CK_HKDF_PARAMS_PTR struct ck_hkdf_params *

struct ck_gcm_wrap_params {
	CK_BYTE_PTR pIv;
	CK_ULONG ulIvLen;
	CK_ULONG ulIvFixedBits;
	CK_GENERATOR_FUNCTION ivGenerator;
	CK_BYTE_PTR pAAD;
	CK_ULONG ulAADLen;
	CK_ULONG ulTagBits;
};
#define CK_GCM_WRAP_PARAMS struct ck_gcm_wrap_params
#define CK_GCM_WRAP_PARAMS_PTR struct ck_gcm_wrap_params *

struct ck_ccm_wrap_params {
	CK_ULONG ulDataLen;
	CK_BYTE_PTR pNonce;
	CK_ULONG ulNonceLen;
	CK_ULONG ulNonceFixedBits;
	CK_GENERATOR_FUNCTION nonceGenerator;
	CK_BYTE_PTR pAAD;
	CK_ULONG ulAADLen;
	CK_ULONG ulMACLen;
};
#define CK_CCM_WRAP_PARAMS struct ck_ccm_wrap_params
#define CK_CCM_WRAP_PARAMS_PTR struct ck_ccm_wrap_params *

struct ck_tls12_extended_master_key_derive_params {
	CK_MECHANISM_TYPE prfHashMechanism;
	CK_BYTE_PTR pSessionHash;
	CK_ULONG ulSessionHashLen;
	CK_VERSION_PTR pVersion;
};
#define CK_TLS12_EXTENDED_MASTER_KEY_DERIVE_PARAMS struct ck_tls12_extended_master_key_derive_params
#define CK_TLS12_EXTENDED_MASTER_KEY_DERIVE_PARAMS_PTR struct ck_tls12_extended_master_key_derive_params *

struct ck_async_data {
	CK_ULONG ulVersion;
	CK_BYTE_PTR pValue;
	CK_ULONG ulValue;
	CK_OBJECT_HANDLE hObject;
	CK_OBJECT_HANDLE hAdditionalObject;
};
#define CK_ASYNC_DATA struct ck_async_data
#define CK_ASYNC_DATA_PTR struct ck_async_data *

struct ck_sign_additional_context {
	CK_HEDGE_TYPE hedgeVariant;
	CK_BYTE_PTR pContext;
	CK_ULONG ulContextLen;
};
#define CK_SIGN_ADDITIONAL_CONTEXT struct ck_sign_additional_context
#define CK_SIGN_ADDITIONAL_CONTEXT_PTR struct ck_sign_additional_context *

struct ck_hash_sign_additional_context {
	CK_HEDGE_TYPE hedgeVariant;
	CK_BYTE_PTR pContext;
	CK_ULONG ulContextLen;
	CK_MECHANISM_TYPE hash;
};
#define CK_HASH_SIGN_ADDITIONAL_CONTEXT struct ck_hash_sign_additional_context
#define CK_HASH_SIGN_ADDITIONAL_CONTEXT_PTR struct ck_hash_sign_additional_context *

#endif
