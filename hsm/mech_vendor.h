/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_MECH_VENDOR_H
#define HSM_MECH_VENDOR_H

#include "mech.h"

/* The families of the vendor mechanisms (vendor.h says what each does), for the rows (mech_rows_payment.c). */
extern const struct mech_ops mech_component_ops;
extern const struct mech_ops mech_check_value_ops;
extern const struct mech_ops mech_tk_rewrap_ops;
extern const struct mech_ops mech_tk_open_ops;
extern const struct mech_ops mech_tk_generate_ops;
extern const struct mech_ops mech_tmk_export_ops;
extern const struct mech_ops mech_tmk_load_ops;
extern const struct mech_ops mech_handshake_ops;
extern const struct mech_ops mech_iso9797_ops; /* arg: struct mac_arg, kind MAC_CBC or MAC_RETAIL */
extern const struct mech_ops mech_key_block_ops;
extern const struct mech_ops mech_diversify_ops;
extern const struct mech_ops mech_pin_translate_ops;
extern const struct mech_ops mech_fingerprint_ops;
extern const struct mech_ops mech_transport_ops;

extern const struct mech_param param_tk_rewrap;     /* struct sr_tk_rewrap_params */
extern const struct mech_param param_tk_open;       /* struct sr_tk_open_params */
extern const struct mech_param param_tk_generate;   /* struct sr_tk_generate_params */
extern const struct mech_param param_tmk;           /* struct sr_tmk_params */
extern const struct mech_param param_iso9797;       /* struct sr_iso9797_params */
extern const struct mech_param param_key_block;     /* struct sr_key_block_params */
extern const struct mech_param param_diversify;     /* struct sr_diversify_params */
extern const struct mech_param param_pin_translate; /* struct sr_pin_translate_params */
extern const struct mech_param param_transport;     /* struct sr_transport_params */

#endif
