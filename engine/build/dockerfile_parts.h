/*
 * dockerfile_parts - what the files of engine/build/dockerfile.h share: reading instructions off a text, and taking
 * one apart into words.
 */
#ifndef PM_ENGINE_BUILD_DOCKERFILE_PARTS_H
#define PM_ENGINE_BUILD_DOCKERFILE_PARTS_H

#include "engine/build/dockerfile.h"

struct pm_df_reader {
	const char *file; /* for messages */
	const char *p, *end;
	unsigned int line;  /* of p, from 1 */
	char escape;
	bool directives;    /* may be met still */
};

/* One instruction's text. */
struct pm_df_text {
	unsigned int line;
	struct pm_buf text; /* joined, trimmed */
	struct pm_buf tail; /* lines of here-documents as they are, terminators included */
	struct pm_heredoc *heredocs; /* of pool */
	size_t n_heredocs;
};

#define _cleanup_df_text_ _cleanup_(pm_df_text_free)
void pm_df_text_free(struct pm_df_text *t);

/* 1: *ret is the next instruction; 0: no more. */
int pm_df_read(struct pm_df_reader *r, struct pm_json_pool *pool, struct pm_df_text *ret,
	       struct pm_err *err);

/* Words as ENV has them: blanks within quotes or after the escape character do not part; quotes stay. */
void pm_df_quoted_words(const char *s, char escape, struct pm_strv *ret);
/* Words between blanks, nothing else. */
void pm_df_blank_words(const char *s, struct pm_strv *ret);
/* Is the word a here-document's ("<<EOF", "3<<-'EOF'")? Then *ret_name (the caller frees) is its name. */
bool pm_df_heredoc_word(const char *word, char **ret_name, bool *ret_expand, bool *ret_strip);

/* The kind of the instruction whose keyword s begins with; -1: none. *ret_len: the keyword's. */
int pm_df_keyword(const char *s, size_t *ret_len);

#endif
