#include "registry/gpg.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/lock.h"
#include "base/proc.h"

enum { OUTPUT_MAX = 4 << 20 };

/* A directory for one operation, held by a lock while its process lives. */
struct home {
	char *path;
	int fd, lock; /* -1: none */
};

#define HOME_INIT {.fd = -1, .lock = -1}

static void home_remove(struct home *h)
{
	if (h->fd >= 0)
		close(h->fd);
	if (h->path)
		pm_fs_remove_tree(AT_FDCWD, h->path, NULL);
	if (h->lock >= 0)
		close(h->lock);
	free(h->path);
}

/* What killed processes left; the caller holds the directory's lock. */
static int sweep(int dir, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	int r = pm_fs_list(dir, ".", &names, err);
	for (size_t i = 0; r >= 0 && i < names.n; i++) {
		_cleanup_free_ char *lock = pm_asprintf("%s/lock", names.v[i]);
		if (!pm_startswith(names.v[i], "home-"))
			continue;
		r = pm_lock_is_held(dir, lock, err);
		if (r == 0)
			r = pm_fs_remove_tree(dir, names.v[i], err);
	}
	return r;
}

/* Where keys are imported to decides what is trusted: nobody else may have a say in what is there. */
static int open_base(struct pm_err *err)
{
	const char *runroot = getenv(PM_GPG_RUNROOT);
	struct stat st;
	if (!runroot || *runroot != '/')
		return pm_fail(err, PM_E_INTERNAL, PM_GPG_RUNROOT " says no directory for keys");
	int r = pm_fs_mkdirs(AT_FDCWD, runroot, 0700, err);
	_cleanup_close_ int root =
		r < 0 ? r : pm_fs_open(AT_FDCWD, runroot, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, err);
	if (root < 0)
		return root;
	if (fstat(root, &st) < 0 || st.st_uid != geteuid() || (st.st_mode & 022))
		return pm_fail(err, EPERM, "run root '%s' is not ours alone: no keys are kept in it", runroot);
	r = pm_fs_mkdirs(root, "gpg", 0700, err);
	return r < 0 ? r : pm_fs_open(root, "gpg", O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, err);
}

/* In the run root, which is its user's alone and goes with the boot. */
static int home_make(struct home *h, struct pm_err *err)
{
	_cleanup_close_ int dir = open_base(err);
	_cleanup_close_ int making = dir < 0 ? dir : pm_lock_take(dir, "lock", PM_LOCK_EXCLUSIVE, err);
	if (making < 0)
		return making;
	int r = sweep(dir, err);
	if (r < 0)
		return r;
	h->path = pm_asprintf("%s/gpg/home-XXXXXX", getenv(PM_GPG_RUNROOT));
	if (!mkdtemp(h->path)) {
		free(pm_steal(&h->path));
		return pm_fail_sys(err, "make a directory for gpg");
	}
	h->fd = pm_fs_open(AT_FDCWD, h->path, O_RDONLY | O_DIRECTORY, 0, err);
	h->lock = h->fd < 0 ? -1 : pm_lock_take(h->fd, "lock", PM_LOCK_EXCLUSIVE, err);
	return h->fd < 0 ? h->fd : h->lock < 0 ? h->lock : 0;
}

/* Run gpg; out may be NULL. fds: what it gets beside its standard streams. */
static int gpg_with(char *const *argv, const struct pm_proc_fd *fds, size_t n_fds, struct pm_buf *out,
		    int *ret_code, struct pm_buf *errors, struct pm_err *err)
{
	_cleanup_free_ char *path = NULL;
	int r = pm_proc_find("gpg", getenv("PATH"), &path, NULL);
	if (r < 0)
		return pm_fail(err, PM_E_UNSUPPORTED, "signatures of simple signing need gpg, which is not "
						      "installed");
	struct pm_proc_spec spec = PM_PROC_SPEC_INIT;
	spec.path = path;
	spec.argv = argv;
	spec.fds = fds;
	spec.n_fds = n_fds;
	spec.death_signal = 9;
	return pm_proc_run(&spec, out, OUTPUT_MAX, errors, ret_code, err);
}

static int gpg(char *const *argv, struct pm_buf *out, int *ret_code, struct pm_buf *errors,
	       struct pm_err *err)
{
	return gpg_with(argv, NULL, 0, out, ret_code, errors, err);
}

static bool is_word(const char *line, const char *word)
{
	size_t n = strlen(word);
	return strncmp(line, word, n) == 0 && (!line[n] || line[n] == ' ');
}

/* Cut out of errors. */
static const char *last_line(struct pm_buf *errors)
{
	while (errors->len && strchr("\n ", errors->data[errors->len - 1]))
		pm_buf_cut(errors, errors->len - 1);
	const char *text = pm_buf_str(errors), *line = strrchr(text, '\n');
	return line ? line + 1 : text;
}

/* Exactly one good and valid signature, and nothing doubtful. by: and it is of that key, by its own or its primary key's
 * fingerprint (the first and the last field of VALIDSIG); or NULL. */
static bool status_good(const char *status, const char *by)
{
	static const char *const bad[] = {"BADSIG", "ERRSIG", "EXPSIG", "EXPKEYSIG", "REVKEYSIG",
					  "NODATA", "FAILURE", "UNEXPECTED"};
	_cleanup_strv_ struct pm_strv lines = PM_STRV_INIT;
	unsigned int good = 0, valid = 0, began = 0, texts = 0;
	bool known = !by;
	pm_strv_split(&lines, status, '\n');
	for (size_t i = 0; i < lines.n; i++) {
		if (!pm_startswith(lines.v[i], "[GNUPG:] "))
			continue;
		const char *word = lines.v[i] + 9;
		for (size_t k = 0; k < PM_ARRAY_SIZE(bad); k++) {
			if (is_word(word, bad[k]))
				return false;
		}
		good += is_word(word, "GOODSIG");
		began += is_word(word, "NEWSIG");
		texts += is_word(word, "PLAINTEXT");
		if (!is_word(word, "VALIDSIG"))
			continue;
		valid++;
		_cleanup_strv_ struct pm_strv fields = PM_STRV_INIT;
		pm_strv_split(&fields, word, ' ');
		known = known || (fields.n > 2 && (strcasecmp(fields.v[1], by) == 0 ||
						   strcasecmp(fields.v[fields.n - 1], by) == 0));
	}
	return good == 1 && valid == 1 && began == 1 && texts == 1 && known;
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
	struct home h = HOME_INIT;
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
	if (r >= 0 && (code != 0 || !status_good(pm_buf_str(&status), NULL)))
		r = pm_fail(err, PM_E_REMOTE, "the signature is not by a key of the policy");
	if (r >= 0)
		r = pm_fs_read_file(h.fd, "plain", OUTPUT_MAX, ret_payload, err);
	home_remove(&h);
	return r;
}

int pm_gpg_verify_by(const char *fingerprint, const struct pm_buf *message, struct pm_buf *ret_payload,
		     struct pm_err *err)
{
	enum { STATUS_FD = 3 };
	char *argv[] = {(char *)"gpg", (char *)"--batch", (char *)"--no-tty", (char *)"--quiet",
			(char *)"--no-auto-key-retrieve", (char *)"--trust-model", (char *)"always",
			(char *)"--status-fd", (char *)"3", (char *)"--max-output", (char *)"1048576",
			(char *)"--decrypt", NULL};
	_cleanup_buf_ struct pm_buf plain = PM_BUF_INIT, status = PM_BUF_INIT, errors = PM_BUF_INIT;
	_cleanup_close_ int in = pm_fs_memfd("message", message, err);
	_cleanup_close_ int said = in < 0 ? -1 : pm_fs_memfd("status", &status, err);
	struct pm_proc_fd fds[] = {{in, STDIN_FILENO}, {said, STATUS_FD}};
	int code = 0;
	int r = said < 0 ? -PM_E_INTERNAL : gpg_with(argv, fds, 2, &plain, &code, &errors, err);
	if (r >= 0 && lseek(said, 0, SEEK_SET) < 0)
		r = pm_fail_sys(err, "lseek");
	if (r >= 0)
		r = pm_fs_read_fd(said, OUTPUT_MAX, &status, err);
	if (r >= 0 && (code != 0 || !status_good(pm_buf_str(&status), fingerprint)))
		r = pm_fail(err, PM_E_REMOTE, "the signature is not by key %.100s", fingerprint);
	if (r >= 0)
		pm_buf_add(ret_payload, pm_buf_str(&plain), plain.len);
	return r;
}

int pm_gpg_sign(const char *key, const char *passphrase, const struct pm_buf *payload,
		struct pm_buf *ret_message, struct pm_err *err)
{
	enum { PASSPHRASE_FD = 3 };
	char *argv[20];
	size_t n = 0, n_fds = 0;
	struct pm_proc_fd fds[2];
	const char *const first[] = {"gpg", "--batch", "--no-tty", "--quiet", "--local-user", key};
	for (size_t i = 0; i < PM_ARRAY_SIZE(first); i++)
		argv[n++] = (char *)first[i];
	_cleanup_close_ int in = pm_fs_memfd("payload", payload, err), secret = -1;
	if (in < 0)
		return in;
	fds[n_fds++] = (struct pm_proc_fd){in, STDIN_FILENO};
	if (passphrase) {
		struct pm_buf text = {.data = (char *)passphrase, .len = strlen(passphrase)};
		secret = pm_fs_memfd("passphrase", &text, err);
		if (secret < 0)
			return secret;
		fds[n_fds++] = (struct pm_proc_fd){secret, PASSPHRASE_FD};
		const char *const more[] = {"--pinentry-mode", "loopback", "--passphrase-fd", "3"};
		for (size_t i = 0; i < PM_ARRAY_SIZE(more); i++)
			argv[n++] = (char *)more[i];
	}
	argv[n++] = (char *)"--sign";
	argv[n] = NULL;
	_cleanup_buf_ struct pm_buf errors = PM_BUF_INIT, message = PM_BUF_INIT;
	int code = 0;
	int r = gpg_with(argv, fds, n_fds, &message, &code, &errors, err);
	if (r >= 0 && code != 0)
		r = pm_fail(err, PM_E_STATE, "gpg does not sign with key '%.100s': %.300s", key,
			    last_line(&errors));
	if (r >= 0)
		pm_buf_add(ret_message, pm_buf_str(&message), message.len);
	return r;
}
