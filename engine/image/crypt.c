#include "engine/image/crypt.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"

enum { PASSPHRASE_MAX = 4096 };

/* Schemes of ocicrypt's that pm has not. */
static int check_scheme(const char *option, const char *word, struct pm_err *err)
{
	static const struct {
		const char *prefix, *why;
	} refused[] = {
		{"pgp:", "keys of OpenPGP are not supported: use jwe or pkcs7"},
		{"pkcs11:", "modules of PKCS #11 are not loaded: use jwe or pkcs7"},
		{"provider:", "key providers are not executed: use jwe or pkcs7"},
	};
	for (size_t i = 0; i < PM_ARRAY_SIZE(refused); i++) {
		if (pm_startswith(word, refused[i].prefix))
			return pm_fail(err, PM_E_UNSUPPORTED, "%s: %.*s: %s", option,
				       (int)strlen(refused[i].prefix) - 1, word, refused[i].why);
	}
	return 0;
}

/* A whole decimal number; false when it is none, or beyond what an int holds. */
static bool parse_int(const char *text, int *ret)
{
	char *end;
	errno = 0;
	long n = strtol(text, &end, 10);
	if (errno || end == text || *end || n < -100000 || n > 100000)
		return false;
	*ret = (int)n;
	return true;
}

/* --- decrypting ---------------------------------------------------------------------------------- */

static void wipe(char *s)
{
	if (s)
		explicit_bzero(s, strlen(s));
	free(s);
}

void pm_decryption_free(struct pm_decryption *d)
{
	for (size_t i = 0; i < d->passphrases.n; i++)
		explicit_bzero(d->passphrases.v[i], strlen(d->passphrases.v[i]));
	pm_strv_free(&d->passphrases);
	pm_strv_free(&d->files);
}

/* The first line of what fd or the file gives; the caller wipes. */
static int read_passphrase(int fd, const char *path, char **ret, struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	int r = path ? pm_fs_read_file(AT_FDCWD, path, PASSPHRASE_MAX, &text, err)
		     : pm_fs_read_fd(fd, PASSPHRASE_MAX, &text, err);
	if (r >= 0)
		*ret = pm_strndup(pm_buf_str(&text), strcspn(pm_buf_str(&text), "\r\n"));
	if (text.data)
		explicit_bzero(text.data, text.len);
	return r < 0 ? pm_wrap(err, "--decryption-key: passphrase") : 0;
}

static int find_passphrase(const char *word, char **ret, struct pm_err *err)
{
	int fd;
	if (pm_startswith(word, "file="))
		return read_passphrase(-1, word + strlen("file="), ret, err);
	if (pm_startswith(word, "fd=")) {
		const char *number = word + strlen("fd=");
		if (!parse_int(number, &fd) || fd < 0)
			return pm_fail(err, PM_E_USAGE, "--decryption-key: '%.50s' is no file descriptor", number);
		return read_passphrase(fd, NULL, ret, err);
	}
	*ret = pm_strdup(pm_startswith(word, "pass=") ? word + strlen("pass=") : word);
	return 0;
}

int pm_decryption_parse(const struct pm_strv *words, struct pm_decryption *ret, struct pm_err *err)
{
	for (size_t i = 0; i < words->n; i++) {
		const char *word = words->v[i], *colon = strchr(word, ':');
		char *passphrase = NULL;
		int r = check_scheme("--decryption-key", word, err);
		if (r >= 0 && (!*word || colon == word))
			r = pm_fail(err, PM_E_USAGE, "--decryption-key: no file is named");
		if (r >= 0 && colon)
			r = find_passphrase(colon + 1, &passphrase, err);
		if (r < 0)
			return r;
		pm_strv_take(&ret->files, pm_strndup(word, colon ? (size_t)(colon - word) : strlen(word)));
		pm_strv_add(&ret->passphrases, passphrase ? passphrase : "");
		wipe(passphrase);
	}
	return 0;
}

void pm_decryption_add(struct pm_wire *w, const struct pm_decryption *d)
{
	if (!d)
		return;
	pm_wire_add_list(w, "decryption_key", &d->files);
	pm_wire_add_list(w, "decryption_passphrase", &d->passphrases);
}

/* --- encrypting ---------------------------------------------------------------------------------- */

int pm_encryption_check(const struct pm_encryption *e, struct pm_err *err)
{
	int index, r = 0;
	for (size_t i = 0; r >= 0 && i < e->keys->n; i++)
		r = check_scheme("--encryption-key", e->keys->v[i], err);
	if (r >= 0 && e->layers->n && !e->keys->n)
		r = pm_fail(err, PM_E_USAGE, "--encrypt-layer can only be used with --encryption-key");
	for (size_t i = 0; r >= 0 && i < e->layers->n; i++) {
		if (!parse_int(e->layers->v[i], &index))
			r = pm_fail(err, PM_E_USAGE, "--encrypt-layer: '%.100s' is not the index of a layer",
				    e->layers->v[i]);
	}
	return r;
}

void pm_encryption_add(struct pm_wire *w, const struct pm_encryption *e)
{
	if (!pm_encryption_wanted(e))
		return;
	pm_wire_add_list(w, "encryption_key", e->keys);
	pm_wire_add_list(w, "encrypt_layer", e->layers);
}
