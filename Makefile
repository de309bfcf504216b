# pm - see docs/ARCHITECTURE.md. Main targets: all, check, lint, quickstart, bench, install.

VERSION := 0.1.0
PREFIX ?= /usr/local
DESTDIR ?=
# Build tree. SAN=1 builds with ASan and UBSan (in out-san by default) and links dynamically.
SAN ?= 0
ifeq ($(SAN),1)
OUT ?= out-san
else
OUT ?= out
endif

CC ?= gcc
AR ?= ar
WERROR ?= $(if $(CI),-Werror,)

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wvla \
	-Wswitch-enum -Wimplicit-fallthrough -Wundef -Wno-format-truncation \
	-Wno-missing-field-initializers $(WERROR)
BASEFLAGS := -std=gnu17 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -I. -fno-common -g \
	-DPM_VERSION='"$(VERSION)"' -DPM_LIBEXECDIR='"$(PREFIX)/libexec/pm"' \
	-DPM_DATADIR='"$(PREFIX)/share/pm"' -DPM_BINDIR='"$(PREFIX)/bin"'
ifeq ($(SAN),1)
# Lines but no variables in the debug information: half of the compiler's time is otherwise spent on where they are.
OPT := -O1 -g1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined \
	-DPM_FAULTS
STATIC :=
# The tests start sanitized programs thousands of times. No -pie and the runtime linked in: half the page faults. libc the first
# library: the runtime looks up some hundred functions of libc, in all libraries before it.
PIE := -no-pie
LDHARD := -fsanitize=address,undefined -static-libasan -static-libubsan -Wl,--no-as-needed -lc
else
OPT := -O2 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -fstack-protector-strong -fstack-clash-protection \
	-fcf-protection -ffunction-sections -fdata-sections
STATIC := -static-pie
PIE := -pie
LDHARD := -Wl,-z,relro,-z,now -Wl,--gc-sections
endif
CFLAGS ?=
ALL_CFLAGS := $(BASEFLAGS) $(OPT) -fPIE $(WARN) $(CFLAGS) -include base/banned.h

ifeq ($(SAN),1)
# Option tables are most of pm's globals, and guarding each costs a third of its start.
$(OUT)/obj/cli/%.o: ALL_CFLAGS += --param asan-globals=0
# Nothing here is worth optimizing: no bytes of images go through it.
$(OUT)/obj/cli/%.o $(OUT)/obj/tests/%.o: ALL_CFLAGS += -O0
endif

# One archive a layer; main.c files are the programs. The linker takes from the archives only what
# a program uses, so pm-monitor gets no SQLite. base/nodl.o is for the static pm alone.
LAYERS := base storage registry netns engine cli
srcs = $(filter-out %/main.c %/nodl.c,$(wildcard $(1)/*.c $(1)/*/*.c))
$(foreach l,$(LAYERS),$(eval $(l)_OBJS := $(patsubst %.c,$(OUT)/obj/%.o,$(call srcs,$(l)))))
$(foreach l,$(LAYERS),$(eval $(OUT)/lib$(l).a: $($(l)_OBJS)))
ARCHIVES := $(foreach l,$(LAYERS),$(OUT)/lib$(l).a)
link_layers = -Wl,--start-group $(foreach l,$(1),$(OUT)/lib$(l).a) -Wl,--end-group

GLIB_FREE_SLIRP := $(shell pkg-config --cflags slirp 2>/dev/null)
$(OUT)/obj/netns/slirp/%.o: ALL_CFLAGS += $(GLIB_FREE_SLIRP)

PROGRAMS := $(OUT)/bin/pm $(OUT)/libexec/pm/pm-transfer $(OUT)/libexec/pm/pm-monitor \
	$(OUT)/libexec/pm/pm-slirp $(OUT)/libexec/pm/pm-netd $(OUT)/libexec/pm/pm-init $(OUT)/libexec/pm/pm-journal \
	$(OUT)/libexec/pm/pm-systemd $(OUT)/libexec/pm/pm-user-generator

all: $(PROGRAMS)

ifeq ($(SAN),1)
SAN_OPTIONS := $(OUT)/obj/tests/tools/san_options.o
$(PROGRAMS): $(SAN_OPTIONS)
$(PROGRAMS): LDHARD += $(SAN_OPTIONS)
endif

# With sanitizers only libc is dynamic, for the same reason as above.
comma := ,
pm_LIBS := $(if $(STATIC),,-Wl$(comma)-Bstatic) -lsqlite3 -lzstd -lyajl_s -lyaml -lseccomp -lcrypto \
	$(if $(STATIC),,-Wl$(comma)-Bdynamic) -lm
pm_OBJS := $(OUT)/obj/cli/main.o $(if $(STATIC),$(OUT)/obj/base/nodl.o)
pm_NODL := $(if $(STATIC),$(foreach f,dlopen dlsym dlclose dlerror dladdr,-Wl,--wrap=$(f)))
$(OUT)/bin/pm: $(pm_OBJS) $(ARCHIVES)
	@mkdir -p $(@D)
	$(CC) $(STATIC) $(if $(STATIC),,$(PIE)) $(LDHARD) $(LDFLAGS) -o $@ $(pm_OBJS) \
		$(pm_NODL) $(call link_layers,$(LAYERS)) $(pm_LIBS)

# libsodium, of which one function is used, is linked in: pm-transfer starts no slower for it.
SODIUM := -l:libsodium.a
transfer_LIBS := -lcurl -larchive -lisal -lz -lzstd -lyajl -lyaml -lcrypto $(SODIUM) -lpthread
$(OUT)/libexec/pm/pm-transfer: $(OUT)/obj/engine/transfer/main.o $(ARCHIVES)
	@mkdir -p $(@D)
	$(CC) $(PIE) $(LDHARD) $(LDFLAGS) -o $@ $< \
		$(call link_layers,base storage registry netns engine) $(transfer_LIBS) -lsqlite3 -lseccomp

# pm-monitor is executed for each container and lives as long: with musl its start costs a third of
# glibc's (whose start-up asks the processor much, which is slow in a virtual machine) and its memory
# half. Without musl-gcc, and with sanitizers, it is linked with glibc.
MUSL_CC := $(if $(STATIC),$(shell command -v musl-gcc 2>/dev/null))
ifneq ($(MUSL_CC),)
MONITOR_SRCS := $(wildcard engine/monitor/*.c) engine/cgroup/cgroup.c engine/cgroup/group.c \
	engine/container/logfile.c engine/container/logline.c engine/events/eventlog.c storage/overlay.c storage/idmapped.c storage/vfs.c \
	storage/trash.c storage/volume_mount.c \
	$(wildcard $(addprefix netns/,userns.c subid.c tap.c publish.c slirp_client.c)) \
	$(wildcard $(addprefix base/,err.c log.c mem.c buf.c fs.c fs_in.c fs_tree.c io.c journal.c lock.c notify.c proc.c \
	proc_info.c utf8.c wire.c timefmt.c))
MONITOR_SRCS += netns/rtnl.c netns/mark.c netns/addr.c netns/answer.c netns/netd_config.c netns/netd_client.c
MONITOR_OBJS := $(patsubst %.c,$(OUT)/obj/musl/%.o,$(MONITOR_SRCS))
$(OUT)/obj/musl/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(MUSL_CC) $(BASEFLAGS) -O2 -fstack-protector-strong -ffunction-sections -fdata-sections -fno-pie \
		$(WARN) $(CFLAGS) -idirafter /usr/include -idirafter /usr/include/$(shell $(CC) -dumpmachine) \
		-include base/musl.h -include base/banned.h -MMD -MP -c -o $@ $<
$(OUT)/libexec/pm/pm-monitor: $(MONITOR_OBJS)
	@mkdir -p $(@D)
	$(MUSL_CC) -static -no-pie $(LDHARD) $(LDFLAGS) -o $@ $^
else
$(OUT)/libexec/pm/pm-monitor: $(OUT)/obj/engine/monitor/main.o $(ARCHIVES)
	@mkdir -p $(@D)
	$(CC) $(STATIC) $(if $(STATIC),,$(PIE)) $(LDHARD) $(LDFLAGS) -o $@ $< \
		$(call link_layers,base storage netns engine)
endif

$(OUT)/libexec/pm/pm-journal: $(OUT)/obj/engine/journal/main.o $(ARCHIVES)
	@mkdir -p $(@D)
	$(CC) $(PIE) $(LDHARD) $(LDFLAGS) -o $@ $< $(call link_layers,base) -lsystemd -lyajl

$(OUT)/libexec/pm/pm-systemd: $(OUT)/obj/engine/sdbus/main.o $(ARCHIVES)
	@mkdir -p $(@D)
	$(CC) $(PIE) $(LDHARD) $(LDFLAGS) -o $@ $< $(call link_layers,engine) -lsystemd

# One program under two names: which of both says whose files it reads. With glibc, whose malloc is faster than musl's.
$(OUT)/libexec/pm/pm-user-generator: $(OUT)/obj/engine/quadlet/main.o $(ARCHIVES)
	@mkdir -p $(@D)
	$(CC) $(STATIC) $(if $(STATIC),,$(PIE)) $(LDHARD) $(LDFLAGS) -o $@ $< $(call link_layers,base engine)
	ln -sf $(@F) $(@D)/pm-system-generator

$(OUT)/libexec/pm/pm-slirp: $(OUT)/obj/netns/slirp/main.o $(ARCHIVES)
	@mkdir -p $(@D)
	$(CC) $(PIE) $(LDHARD) $(LDFLAGS) -o $@ $< $(call link_layers,base netns) -lslirp -lseccomp

# libldns, and the libcrypto that it needs, are linked in: to load them takes longer than the rest of pm-netd's start.
netd_LIBS := $(if $(STATIC),-Wl$(comma)-Bstatic -lldns -lcrypto -lseccomp -Wl$(comma)-Bdynamic,-lldns -lseccomp) -lnftables
$(OUT)/libexec/pm/pm-netd: $(OUT)/obj/netns/netd/main.o $(ARCHIVES)
	@mkdir -p $(@D)
	$(CC) $(PIE) $(LDHARD) $(LDFLAGS) -o $@ $< $(call link_layers,base netns) $(netd_LIBS)

# Mounted into containers: always static, never sanitized.
$(OUT)/libexec/pm/pm-init: engine/init/main.c
	@mkdir -p $(@D)
	$(CC) $(BASEFLAGS) -Os $(WARN) $(CFLAGS) -static -o $@ $<

$(OUT)/obj/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(OUT)/lib%.a:
	@mkdir -p $(@D)
	@rm -f $@
	$(AR) rcs $@ $^

# --- tests -------------------------------------------------------------------------------------

UNIT_SRCS := $(wildcard tests/unit/*.c)
UNIT_OBJS := $(patsubst %.c,$(OUT)/obj/%.o,$(UNIT_SRCS))
$(OUT)/tests/unit: $(UNIT_OBJS) $(ARCHIVES)
	@mkdir -p $(@D)
	$(CC) $(PIE) $(LDHARD) $(LDFLAGS) -o $@ $(UNIT_OBJS) $(call link_layers,$(LAYERS)) \
		-lsqlite3 -lyajl -lyaml -lseccomp -lcrypto -lcurl -larchive -lisal -lz -lzstd -lslirp -lldns -lnftables $(SODIUM) -lm -lpthread

# make check-unit [ONLY=prefix]
check-unit: $(OUT)/tests/unit all
	$(OUT)/tests/unit $(ONLY)

# A fuzz target tests/fuzz/NAME.c defines LLVMFuzzerTestOneInput; its corpus is tests/fuzz/corpus/NAME.
# Replayed over the corpus here by a plain driver; `make fuzz-NAME` runs libFuzzer.
FUZZ_SRCS := $(filter-out tests/fuzz/replay.c,$(wildcard tests/fuzz/*.c))
FUZZ_BINS := $(patsubst tests/fuzz/%.c,$(OUT)/fuzz/%,$(FUZZ_SRCS))
$(OUT)/fuzz/%: $(OUT)/obj/tests/fuzz/%.o $(OUT)/obj/tests/fuzz/replay.o $(ARCHIVES)
	@mkdir -p $(@D)
	$(CC) $(PIE) $(LDHARD) $(LDFLAGS) -o $@ $(filter %.o,$^) $(call link_layers,$(LAYERS)) \
		-lsqlite3 -lyajl -lyaml -lseccomp -lcrypto -lcurl -larchive -lisal -lz -lzstd -lslirp -lldns -lnftables $(SODIUM) -lm -lpthread
.PRECIOUS: $(OUT)/obj/tests/fuzz/%.o

check-fuzz: $(FUZZ_BINS)
	@for b in $(FUZZ_BINS); do n=$$(basename $$b); \
		$$b tests/fuzz/corpus/$$n || exit 1; done

fuzz-%:
	clang -g -O1 -fsanitize=fuzzer,address,undefined $(BASEFLAGS) -include base/banned.h \
		-o $(OUT)/fuzz-$* tests/fuzz/$*.c $(foreach l,$(LAYERS),$(call srcs,$(l))) \
		-lsqlite3 -lyajl -lyaml -lseccomp -lcrypto -lcurl -larchive -lisal -lz -lzstd -lslirp -lldns -lnftables $(SODIUM) -lm \
		$(GLIB_FREE_SLIRP)
	mkdir -p $(OUT)/fuzz-corpus/$*
	$(OUT)/fuzz-$* -max_total_time=$(or $(TIME),60) $(OUT)/fuzz-corpus/$* tests/fuzz/corpus/$*

# What a bats run needs beside the programs.
# Runs inside of containers: always static.
$(OUT)/tests/exchange: tests/tools/exchange.c
	@mkdir -p $(@D)
	$(CC) -std=gnu17 -D_GNU_SOURCE -O2 -static $(WARN) -o $@ $<
$(OUT)/tests/reaper: tests/tools/reaper.c | $(OUT)/tests/exchange
	@mkdir -p $(@D)
	$(CC) -std=gnu17 -D_GNU_SOURCE -O1 $(WARN) -o $@ $<

# make check-bats [FILES="tests/bats/020-run.bats"]; SAN=1 for the sanitized build
check-bats: all $(OUT)/tests/reaper
	tests/run-bats -o $(OUT) $(FILES)

# The same command lines with pm and podman; as root.
check-compare: all
	@tools/install-deps run test compare
	tests/compare/run -o $(OUT) $(FILES)

# A Debian virtual machine (qemu, no KVM needed) with systemd as process 1: limits, boot, units; as root. The disk image
# is built once, below /var/cache/pm-vm. QUICK=1: without the slowest tests and those of tests/bats.
check-vm: all $(OUT)/tests/reaper
	@tools/install-deps run test vm
	tests/vm/run $(if $(QUICK),-q) -o $(OUT) $(FILES)

# Everything, with sanitizers, as an unprivileged user; a skip is a failure. Ends with 'N passed, N failed'.
check:
	@tools/install-deps build run test
	@$(MAKE) -s all
	@$(MAKE) -s SAN=1 check-build
	@PM_TEST_STRICT=1 tests/check out-san

check-build: all $(OUT)/tests/unit $(FUZZ_BINS) $(OUT)/tests/reaper

check-layers:
	@tests/check-layers

lint:
	@tools/install-deps build lint
	@tests/lint

# --- for users ---------------------------------------------------------------------------------

quickstart:
	@tools/quickstart

# The budgets beside podman, crun, conmon and slirp4netns, interleaved; as root. SECTIONS="run exec" for some.
bench: all
	@tools/install-deps run test bench
	bench/run $(SECTIONS)

INSTALL ?= install
install: all
	$(INSTALL) -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/libexec/pm \
		$(DESTDIR)$(PREFIX)/share/man/man1 $(DESTDIR)$(PREFIX)/share/man/man5 \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions \
		$(DESTDIR)$(PREFIX)/share/zsh/site-functions \
		$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d
	$(INSTALL) -m 755 $(OUT)/bin/pm $(DESTDIR)$(PREFIX)/bin/pm
	$(INSTALL) -m 755 $(filter $(OUT)/libexec/%,$(PROGRAMS)) $(DESTDIR)$(PREFIX)/libexec/pm/
	$(INSTALL) -m 644 $(wildcard docs/man/*.1) $(DESTDIR)$(PREFIX)/share/man/man1/
	$(INSTALL) -m 644 $(wildcard docs/man/*.5) $(DESTDIR)$(PREFIX)/share/man/man5/
	ln -sf pm-user-generator $(DESTDIR)$(PREFIX)/libexec/pm/pm-system-generator
	$(INSTALL) -m 644 completions/pm.bash \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions/pm
	$(INSTALL) -m 644 completions/_pm $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_pm
	$(INSTALL) -d $(DESTDIR)$(PREFIX)/lib/systemd/user $(DESTDIR)$(PREFIX)/lib/systemd/system
	sed 's,@BINDIR@,$(PREFIX)/bin,' share/systemd/pm-restart.service.in \
		>$(DESTDIR)$(PREFIX)/lib/systemd/user/pm-restart.service
	sed 's,@BINDIR@,$(PREFIX)/bin,; s,default.target,multi-user.target,' share/systemd/pm-restart.service.in \
		>$(DESTDIR)$(PREFIX)/lib/systemd/system/pm-restart.service
	sed 's,@LIBEXEC@,$(PREFIX)/libexec/pm,' share/systemd/pm-user-wait-network-online.service.in \
		>$(DESTDIR)$(PREFIX)/lib/systemd/user/pm-user-wait-network-online.service
	for kind in user system; do \
		sed 's,@BINDIR@,$(PREFIX)/bin,' share/systemd/pm-auto-update.service.in \
			>$(DESTDIR)$(PREFIX)/lib/systemd/$$kind/pm-auto-update.service && \
		$(INSTALL) -m 644 share/systemd/pm-auto-update.timer $(DESTDIR)$(PREFIX)/lib/systemd/$$kind/ && \
		$(INSTALL) -d $(DESTDIR)$(PREFIX)/lib/systemd/$$kind-generators && \
		ln -sf $(PREFIX)/libexec/pm/pm-user-generator \
			$(DESTDIR)$(PREFIX)/lib/systemd/$$kind-generators/pm-$$kind-generator || exit 1; \
	done
	$(INSTALL) -m 644 completions/pm.fish $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/

clean:
	rm -rf out out-san

-include $(shell find $(OUT)/obj -name '*.d' 2>/dev/null)

.PHONY: all check check-build check-bats check-compare check-unit check-fuzz check-layers lint quickstart bench install clean
