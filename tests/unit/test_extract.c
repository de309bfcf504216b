#include "tests/unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/hash.h"
#include "engine/transfer/extract.h"
#include "engine/transfer/sandbox.h"
#include "tests/unit/tarball.h"
#include "tests/unit/tree.h"

static struct pm_extract_spec spec;
static struct pm_extract_result result;
static char layer[100];

static void set_up(void)
{
	snprintf(layer, sizeof(layer), "%s/layer", test_dir());
	CHECK(mkdir(layer, 0755) == 0);
	signal(SIGPIPE, SIG_IGN);
	spec = (struct pm_extract_spec)PM_EXTRACT_SPEC_INIT;
	spec.directory = open(layer, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	spec.single_id = geteuid() != 0;
	CHECK(spec.directory >= 0);
}

/* The blob through the pipe, in pieces. */
static int send_blob(const struct pm_buf *blob, struct pm_err *err)
{
	struct pm_extract x = PM_EXTRACT_INIT;
	CHECK_OK(pm_extract_spawn(&spec, &x, err), *err);
	for (size_t at = 0; at < blob->len;) {
		size_t n = blob->len - at < 30000 ? blob->len - at : 30000;
		ssize_t w = write(x.input, blob->data + at, n);
		if (w < 0 && errno == EPIPE)
			break; /* it has failed: its report says why */
		CHECK(w > 0);
		at += (size_t)w;
	}
	pm_extract_end_input(&x);
	struct pollfd p = {.fd = x.report, .events = POLLIN};
	CHECK_INT(poll(&p, 1, 30000), 1);
	int r = pm_extract_finish(&x, &result, err);
	CHECK_INT(x.pid, -1);
	return r;
}

static struct pm_buf load(const char *name)
{
	struct pm_buf b = PM_BUF_INIT;
	struct pm_err err = PM_ERR_INIT;
	_cleanup_free_ char *path = pm_asprintf("%s/%s", test_dir(), name);
	CHECK_OK(pm_fs_read_file(AT_FDCWD, path, 64 << 20, &b, &err), err);
	return b;
}

static void sh(const char *script)
{
	const char *const argv[] = {"sh", "-ec", script, NULL};
	CHECK_INT(tree_run(test_dir(), argv), 0);
}

static const char *digest_of(const struct pm_buf *b)
{
	static char text[4][80];
	static int next;
	char hex[65];
	char *out = text[next++ % 4];
	pm_sha256_of(b->data, b->len, hex);
	snprintf(out, sizeof(text[0]), "sha256:%s", hex);
	return out;
}

/* A layer "l.tar", also as l.tar.gz, l.tar.zst, l.tar.bz2. */
static void make_layer(void)
{
	sh("mkdir -p s/usr/bin; seq 100000 >s/usr/big; echo sh >s/usr/bin/sh; ln -s usr/bin s/bin\n"
	   "tar -cf l.tar --owner=0 --group=0 -C s usr bin; printf trailing >>l.tar; rm -r s\n"
	   "gzip -k l.tar; zstd -q l.tar; bzip2 -k l.tar\n");
}

TEST(each_compression_gives_files_digests_and_sizes)
{
	struct pm_err err = PM_ERR_INIT;
	set_up();
	make_layer();
	_cleanup_buf_ struct pm_buf tar = load("l.tar");
	static const char *const names[] = {"l.tar", "l.tar.gz", "l.tar.zst"};
	for (size_t i = 0; i < 3; i++) {
		_cleanup_buf_ struct pm_buf blob = load(names[i]);
		spec.blob_digest = digest_of(&blob);
		spec.blob_size = (int64_t)blob.len;
		spec.diff_id = digest_of(&tar);
		CHECK_OK(send_blob(&blob, &err), err);
		CHECK_STR(result.blob_digest, spec.blob_digest);
		CHECK_STR(result.diff_id, spec.diff_id);
		CHECK_INT(result.blob_size, blob.len);
		CHECK_INT(result.stream_size, tar.len);
		CHECK_INT(result.files.bytes, 588895 + 3);
		CHECK_STR(tree_content(layer, "usr/bin/sh"), "sh\n");
		CHECK_OK(pm_fs_remove_tree(AT_FDCWD, layer, &err), err);
		close(spec.directory);
		CHECK(mkdir(layer, 0755) == 0);
		spec.directory = open(layer, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	_cleanup_buf_ struct pm_buf blob = load("l.tar.bz2");
	spec.blob_digest = NULL;
	spec.blob_size = -1;
	CHECK_INT(send_blob(&blob, &err), -PM_E_FORMAT);
	spec.foreign = true;
	CHECK_OK(send_blob(&blob, &err), err);
	CHECK_STR(tree_content(layer, "usr/bin/sh"), "sh\n");
}

TEST(sha512_digests)
{
	struct pm_err err = PM_ERR_INIT;
	set_up();
	make_layer();
	_cleanup_buf_ struct pm_buf blob = load("l.tar");
	spec.blob_digest = "sha512:00";
	CHECK_INT(send_blob(&blob, &err), -PM_E_DIGEST);
	CHECK(strstr(err.text, "the blob's digest is sha512:"));
}

TEST(a_part_of_a_file_is_a_layer)
{
	struct pm_err err = PM_ERR_INIT;
	set_up();
	make_layer();
	_cleanup_buf_ struct pm_buf gz = load("l.tar.gz");
	sh("(printf before; cat l.tar.gz; printf after) >all");
	_cleanup_free_ char *path = pm_asprintf("%s/all", test_dir());
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	spec.input = fd;
	spec.input_offset = 6;
	spec.input_size = (int64_t)gz.len;
	spec.blob_digest = digest_of(&gz);
	struct pm_extract x;
	CHECK_OK(pm_extract_spawn(&spec, &x, &err), err);
	CHECK_INT(x.input, -1);
	CHECK_OK(pm_extract_finish(&x, &result, &err), err);
	CHECK_STR(tree_content(layer, "usr/bin/sh"), "sh\n");
	CHECK_INT(lseek(fd, 0, SEEK_CUR), 0);
}

TEST(wrong_content_is_a_digest_error_whatever_it_looks_like)
{
	struct pm_err err = PM_ERR_INIT;
	set_up();
	make_layer();
	_cleanup_buf_ struct pm_buf blob = load("l.tar.gz");
	spec.blob_digest = digest_of(&blob);

	/* flipped bits, first in the middle, then in the magic number */
	blob.data[blob.len / 2] ^= 1;
	CHECK_INT(send_blob(&blob, &err), -PM_E_DIGEST);
	CHECK(strstr(err.text, spec.blob_digest));
	blob.data[blob.len / 2] ^= 1;
	blob.data[0] ^= 1;
	CHECK_INT(send_blob(&blob, &err), -PM_E_DIGEST);
	blob.data[0] ^= 1;

	/* cut, and longer */
	spec.blob_size = (int64_t)blob.len;
	blob.len -= 100;
	CHECK_INT(send_blob(&blob, &err), -PM_E_DIGEST);
	CHECK(strstr(err.text, "bytes"));
	blob.len += 100;
	pm_buf_add(&blob, "more", 4);
	CHECK_INT(send_blob(&blob, &err), -PM_E_DIGEST);
	CHECK(strstr(err.text, "larger"));

	/* the blob is right, the layer is not what the image says */
	pm_buf_cut(&blob, blob.len - 4);
	spec.diff_id = "sha256:0000000000000000000000000000000000000000000000000000000000000000";
	CHECK_INT(send_blob(&blob, &err), -PM_E_DIGEST);
	CHECK(strstr(err.text, "diff id"));

	/* nothing is known of it: then it is malformed */
	spec.diff_id = spec.blob_digest = NULL;
	spec.blob_size = -1;
	blob.len -= 100;
	CHECK_INT(send_blob(&blob, &err), -PM_E_FORMAT);
}

TEST(hostile_layers_end_in_one_error)
{
	struct pm_err err = PM_ERR_INIT;
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	set_up();
	tarball_file(&b, "fine", "1");
	tarball_file(&b, "../../escaped", "2");
	tarball_end(&b);
	CHECK_INT(send_blob(&b, &err), -PM_E_FORMAT);
	CHECK(strstr(err.text, "extract '../../escaped'"));
	pm_buf_cut(&b, 0);
	tarball_symlink(&b, "l", "/");
	tarball_file(&b, "l/tmp/pm-test-extract-escaped", "2");
	tarball_end(&b);
	CHECK_OK(send_blob(&b, &err), err);
	CHECK(access("/tmp/pm-test-extract-escaped", F_OK) < 0);
	CHECK_STR(tree_content(layer, "tmp/pm-test-extract-escaped"), "2");
}

TEST(the_parent_can_give_up)
{
	struct pm_err err = PM_ERR_INIT;
	set_up();
	struct pm_extract x;
	CHECK_OK(pm_extract_spawn(&spec, &x, &err), err);
	CHECK(write(x.input, "x", 1) == 1);
	pm_extract_cancel(&x);
	CHECK_INT(waitpid(-1, NULL, WNOHANG), -1);
	CHECK_INT(errno, ECHILD);
	pm_extract_cancel(&x);

	/* killed by someone else */
	CHECK_OK(pm_extract_spawn(&spec, &x, &err), err);
	kill(x.pid, SIGKILL);
	CHECK_INT(pm_extract_finish(&x, &result, &err), -PM_E_INTERNAL);
	CHECK(strstr(err.text, "killed by signal 9"));
}

/* A user namespace with this user as its only id; its descriptor. */
static int make_userns(void)
{
	int ready[2], done[2];
	char c;
	CHECK(pipe2(ready, O_CLOEXEC) == 0 && pipe2(done, O_CLOEXEC) == 0);
	uid_t uid = geteuid();
	gid_t gid = getegid();
	pid_t pid = fork();
	if (pid == 0) {
		close(done[1]);
		if (unshare(CLONE_NEWUSER) < 0)
			_exit(1);
		if (write(ready[1], "", 1) != 1 || read(done[0], &c, 1) < 0)
			_exit(1);
		_exit(0);
	}
	CHECK(read(ready[0], &c, 1) == 1);
	static const char *const files[] = {"setgroups", "uid_map", "gid_map"};
	for (size_t i = 0; i < 3; i++) {
		char path[64], text[64];
		snprintf(path, sizeof(path), "/proc/%d/%s", pid, files[i]);
		snprintf(text, sizeof(text), i == 0 ? "deny" : "0 %u 1\n", i == 1 ? uid : gid);
		int fd = open(path, O_WRONLY | O_CLOEXEC);
		CHECK(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
		close(fd);
	}
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/ns/user", pid);
	int ns = open(path, O_RDONLY | O_CLOEXEC);
	CHECK(ns >= 0);
	close(done[1]);
	close(done[0]);
	waitpid(pid, NULL, 0);
	return ns;
}

TEST(inside_a_user_namespace)
{
	struct pm_err err = PM_ERR_INIT;
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	set_up();
	spec.userns = make_userns();
	spec.single_id = false;
	tarball_file(&b, "etc/f", "1");
	tarball_file(&b, "etc/.wh.gone", "");
	/* version 2 of file capabilities, cap_net_raw=ep; the kernel makes it version 3 */
	static const char caps[] = "\1\0\0\2\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0";
	struct pm_tar_xattr x = {"security.capability", caps, 20};
	struct pm_tar_entry e = {.type = PM_TAR_FILE,
				 .path = "bin/ping",
				 .mode = 04755,
				 .xattrs = &x,
				 .n_xattrs = 1};
	tarball_entry(&b, &e, "");
	tarball_end(&b);
	CHECK_OK(send_blob(&b, &err), err);
	CHECK_STR(tree_content(layer, "etc/f"), "1");
	CHECK_INT(result.files.skipped_xattrs, 0);

	/* an id that the namespace does not have */
	pm_buf_cut(&b, 0);
	e = (struct pm_tar_entry){.type = PM_TAR_FILE, .path = "home/u", .uid = 1000, .gid = 1000};
	tarball_entry(&b, &e, "");
	tarball_end(&b);
	CHECK_INT(send_blob(&b, &err), -EINVAL);
	CHECK(strstr(err.text, "insufficient UIDs or GIDs available in user namespace (requested "
			       "1000:1000 for /home/u)"));
	spec.single_id = true;
	CHECK_OK(send_blob(&b, &err), err);
}

/* In a child that has given everything up: what still works? */
TEST(the_sandbox_has_no_network_no_exec_and_no_way_out)
{
	struct pm_err err = PM_ERR_INIT;
	set_up();
	int dir = spec.directory;
	pid_t pid = fork();
	if (pid == 0) {
		CHECK_OK(pm_sandbox_close_others(&dir, 1, &err), err);
		CHECK_OK(pm_sandbox_chroot(dir, &err), err);
		CHECK_OK(pm_sandbox_drop_capabilities(PM_SANDBOX_EXTRACT, &err), err);
		CHECK_OK(pm_sandbox_filter(PM_SANDBOX_EXTRACT, &err), err);
		char *const argv[] = {"sh", NULL};
		CHECK(socket(AF_INET, SOCK_STREAM, 0) < 0);
		CHECK(socket(AF_UNIX, SOCK_STREAM, 0) < 0);
		CHECK(execve("/bin/sh", argv, NULL) < 0);
		CHECK_INT(errno, ENOSYS);
		CHECK(unshare(CLONE_NEWUSER) < 0);
		CHECK(kill(getppid(), 0) < 0);
		CHECK(chroot(".") < 0);
		int fd = openat(dir, "f", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		CHECK(fd >= 0 && write(fd, "x", 1) == 1);
		if (geteuid() == 0)
			CHECK(open("/etc/passwd", O_RDONLY | O_CLOEXEC) < 0);
		_exit(0);
	}
	int status;
	waitpid(pid, &status, 0);
	CHECK_INT(status, 0);
	CHECK_STR(tree_content(layer, "f"), "x");
}

TEST(the_extractor_holds_no_descriptor_of_its_parent)
{
	struct pm_err err = PM_ERR_INIT;
	set_up();
	int fds[2];
	CHECK(pipe(fds) == 0); /* inherited over fork, and by exec: a careless caller's */
	struct pm_extract x;
	CHECK_OK(pm_extract_spawn(&spec, &x, &err), err);
	CHECK(write(x.input, "12345678", 8) == 8);
	close(fds[1]);
	struct pollfd p = {.fd = fds[0], .events = POLLIN};
	CHECK_INT(poll(&p, 1, 20000), 1);
	CHECK(p.revents & POLLHUP);
	pm_extract_cancel(&x);
}
