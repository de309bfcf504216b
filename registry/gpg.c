#include "registry/gpg.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/proc.h"

enum { OUTPUT_MAX = 4 << 20 };

/* A directory for one operation. */
struct home {
	char path[64];
	int fd; /* -1: none */
};

static void home_remove(struct home *h)
{
	if (h->fd < 0)
		return;
	close(h->fd);
	pm_fs_remove_tree(AT_FDCWD, h->path, NULL);
}

static int home_make(struct home *h, struct pm_err *err)
{
	h->fd = -1;
	snprintf(h->path, sizeof(h->path), "/tmp/pm-gpg-XXXXXX");
	if (!mkdtemp(h->path))
		return pm_fail_sys(err, "make a directory for gpg");
	h->fd = pm_fs_open(AT_FDCWD, h->path, O_RDONLY | O_DIRECTORY, 0, err);
	return h->fd < 0 ? h->fd : 0;
}

/* Run gpg; out may be NULL. */
static int gpg(char *const *argv, struct pm_buf *out, int *ret_code, struct pm_buf *errors,
	       struct pm_err *err)
{
	_cleanup_free_ char *path = NULL;
	int r = pm_proc_find("gpg", getenv("PATH"), &path, NULL);
	if (r < 0)
		return pm_fail(err, PM_E_UNSUPPORTED, "signatures of simple signing need gpg, which is not "
						      "installed");
	struct pm_proc_spec spec = PM_PROC_SPEC_INIT;
	spec.path = path;
	spec.argv = argv;
	spec.death_signal = 9;
	return pm_proc_run(&spec, out, OUTPUT_MAX, errors, ret_code, err);
}

/* Exactly one good and valid signature, and nothing doubtful. */
static bool status_good(const char *status)
{
	static const char *const bad[] = {"BADSIG", "ERRSIG", "EXPSIG", "EXPKEYSIG", "REVKEYSIG",
					  "NODATA", "FAILURE", "UNEXPECTED"};
	_cleanup_strv_ struct pm_strv lines = PM_STRV_INIT;
	unsigned int good = 0, valid = 0, began = 0, texts = 0;
	pm_strv_split(&lines, status, '\n');
	for (size_t i = 0; i < lines.n; i++) {
		if (!pm_startswith(lines.v[i], "[GNUPG:] "))
			continue;
		const char *word = lines.v[i] + 9;
		size_t len = strcspn(word, " ");
		for (size_t k = 0; k < PM_ARRAY_SIZE(bad); k++) {
			if (strlen(bad[k]) == len && strncmp(word, bad[k], len) == 0)
				return false;
		}
		good += len == 7 && strncmp(word, "GOODSIG", len) == 0;
		valid += len == 8 && strncmp(word, "VALIDSIG", len) == 0;
		began += len == 6 && strncmp(word, "NEWSIG", len) == 0;
		texts += len == 9 && strncmp(word, "PLAINTEXT", len) == 0;
	}
	return good == 1 && valid == 1 && began == 1 && texts == 1;
}

static int import(const struct home *h, const struct pm_buf *key, size_t index, struct pm_err *err)
{
	char name[24];
	snprintf(name, sizeof(name), "key%zu", index);
	int r = pm_fs_write_file(h->fd, name, pm_buf_str(key), key->len, 0600, false, err);
	if (r < 0)
		return r;
	_cleanup_free_ char *file = pm_asprintf("%s/%s", h->path, name);
	char *argv[] = {(char *)"gpg", (char *)"--homedir", (char *)h->path, (char *)"--batch",
			(char *)"--no-tty", (char *)"--quiet", (char *)"--no-autostart",
			(char *)"--import", file, NULL};
	_cleanup_buf_ struct pm_buf errors = PM_BUF_INIT;
	int code = 0;
	r = gpg(argv, NULL, &code, &errors, err);
	if (r >= 0 && code != 0)
		r = pm_fail(err, PM_E_FORMAT, "policy: a key of signedBy is no GPG key");
	return r;
}

int pm_gpg_verify(const struct pm_buf *keys, size_t n, const struct pm_buf *message,
		  struct pm_buf *ret_payload, struct pm_err *err)
{
	struct home h;
	int r = home_make(&h, err);
	for (size_t i = 0; r >= 0 && i < n; i++)
		r = import(&h, &keys[i], i, err);
	if (r >= 0)
		r = pm_fs_write_file(h.fd, "message", pm_buf_str(message), message->len, 0600, false,
				     err);
	_cleanup_free_ char *file = pm_asprintf("%s/message", h.path),
			    *plain = pm_asprintf("%s/plain", h.path);
	char *argv[] = {(char *)"gpg", (char *)"--homedir", h.path, (char *)"--batch",
			(char *)"--no-tty", (char *)"--quiet", (char *)"--no-autostart",
			(char *)"--no-auto-key-retrieve", (char *)"--trust-model", (char *)"always",
			(char *)"--status-fd", (char *)"1", (char *)"--output", plain,
			(char *)"--max-output", (char *)"1048576", (char *)"--decrypt", file, NULL};
	_cleanup_buf_ struct pm_buf status = PM_BUF_INIT, errors = PM_BUF_INIT;
	int code = 0;
	if (r >= 0)
		r = gpg(argv, &status, &code, &errors, err);
	if (r >= 0 && (code != 0 || !status_good(pm_buf_str(&status))))
		r = pm_fail(err, PM_E_REMOTE, "the signature is not by a key of the policy");
	if (r >= 0)
		r = pm_fs_read_file(h.fd, "plain", OUTPUT_MAX, ret_payload, err);
	home_remove(&h);
	return r;
}

int pm_gpg_sign(const char *key, const char *passphrase, const struct pm_buf *payload,
		struct pm_buf *ret_message, struct pm_err *err)
{
	struct home h;
	int r = home_make(&h, err);
	if (r >= 0)
		r = pm_fs_write_file(h.fd, "payload", pm_buf_str(payload), payload->len, 0600, false,
				     err);
	if (r >= 0 && passphrase)
		r = pm_fs_write_file(h.fd, "passphrase", passphrase, strlen(passphrase), 0600, false,
				     err);
	_cleanup_free_ char *file = pm_asprintf("%s/payload", h.path),
			    *signed_file = pm_asprintf("%s/signed", h.path),
			    *secret = pm_asprintf("%s/passphrase", h.path);
	char *argv[20];
	size_t n = 0;
	const char *const first[] = {"gpg", "--batch", "--no-tty", "--quiet", "--local-user", key};
	for (size_t i = 0; i < PM_ARRAY_SIZE(first); i++)
		argv[n++] = (char *)first[i];
	if (passphrase) {
		argv[n++] = (char *)"--pinentry-mode";
		argv[n++] = (char *)"loopback";
		argv[n++] = (char *)"--passphrase-file";
		argv[n++] = secret;
	}
	const char *const last[] = {"--output", signed_file, "--sign", file};
	for (size_t i = 0; i < PM_ARRAY_SIZE(last); i++)
		argv[n++] = (char *)last[i];
	argv[n] = NULL;
	_cleanup_buf_ struct pm_buf errors = PM_BUF_INIT;
	int code = 0;
	if (r >= 0)
		r = gpg(argv, NULL, &code, &errors, err);
	if (r >= 0 && code != 0)
		r = pm_fail(err, PM_E_STATE, "gpg does not sign with key '%.100s': %.300s", key,
			    pm_buf_str(&errors));
	if (r >= 0)
		r = pm_fs_read_file(h.fd, "signed", OUTPUT_MAX, ret_message, err);
	home_remove(&h);
	return r;
}
