# What people type; the work is in cargo, scripts/ and examples-c/.

export PATH := $(HOME)/.cargo/bin:$(PATH)
CARGO   ?= cargo
PREFIX  ?= /usr/local
LIBDIR  ?= $(PREFIX)/lib
DESTDIR ?=

VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)
# Below 1.0 every minor version may break the ABI, so it is part of the SONAME (as build.rs has it).
SOVERSION := $(shell echo $(VERSION) | awk -F. '{ print ($$1 == 0) ? $$1 "." $$2 : $$1 }')

.PHONY: build test demo bench gpu-check header fmt lint setup install clean

build: setup
	$(CARGO) build --release
	$(CARGO) build --release -p awqm-tokenizer
	$(MAKE) -s -C examples-c

test: setup
	scripts/test.sh

demo: build
	scripts/demo.sh

bench: build
	scripts/bench.sh

# .gpu-check/ with a run.sh for a machine that has a GPU.
gpu-check: setup
	scripts/gpu_check.sh

# Regenerates include/awq_marlin.h and the tables of exported names and struct layouts under tests/abi,
# and from them abi/interface.json.
header:
	AWQM_BLESS=1 $(CARGO) test --test abi_header
	AWQM_BLESS=1 $(CARGO) test --test abi_symbols --test abi_layout
	AWQM_BLESS=1 $(CARGO) test --test abi_interface

fmt:
	$(CARGO) fmt --all

lint:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --features test-hooks -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --no-deps

setup:
	@scripts/setup.sh

install:
	$(CARGO) build --release
	install -d $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(PREFIX)/include
	install -m 644 include/awq_marlin.h $(DESTDIR)$(PREFIX)/include/
	install -m 755 target/release/libawq_marlin.so $(DESTDIR)$(LIBDIR)/libawq_marlin.so.$(VERSION)
	install -m 644 target/release/libawq_marlin.a $(DESTDIR)$(LIBDIR)/
	ln -sf libawq_marlin.so.$(VERSION) $(DESTDIR)$(LIBDIR)/libawq_marlin.so.$(SOVERSION)
	ln -sf libawq_marlin.so.$(SOVERSION) $(DESTDIR)$(LIBDIR)/libawq_marlin.so
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@VERSION@|$(VERSION)|' \
	    packaging/awq_marlin.pc.in > $(DESTDIR)$(LIBDIR)/pkgconfig/awq_marlin.pc

clean:
	$(CARGO) clean
