/*
 * pipeline - a layer blob through digest, decryption where it is encrypted, inflate, diff-id digest and untar, on three
 * threads with a bounded ring of buffers (engine/transfer/ring.h) between them: one reads, digests, decrypts and inflates,
 * one digests what came out, the caller's writes files. Run by the extractor process
 * (engine/transfer/extract.h); the umask must be 0.
 */
#ifndef PM_ENGINE_TRANSFER_PIPELINE_H
#define PM_ENGINE_TRANSFER_PIPELINE_H

#include "base/err.h"
#include "engine/transfer/extract.h"

struct pm_pipeline;

/* Starts the other threads, which wait. spec is borrowed until pm_pipeline_free. */
int pm_pipeline_new(const struct pm_extract_spec *spec, struct pm_pipeline **ret,
		    struct pm_err *err);
/* The whole work; once. Codes as pm_extract_finish. */
int pm_pipeline_run(struct pm_pipeline *p, struct pm_extract_result *ret, struct pm_err *err);
/* Ends the threads. NULL is fine. */
void pm_pipeline_free(struct pm_pipeline *p);

#endif
