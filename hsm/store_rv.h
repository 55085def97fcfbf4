/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_STORE_RV_H
#define HSM_STORE_RV_H

#include "ck.h"

/* store_rv: the CK_RV of a STORE_E*: CKR_OK for STORE_OK; the only place that maps one to the other. */
CK_RV store_rv(int e);

#endif
