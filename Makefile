# What people type; the work is in cargo, scripts/ and examples-c/.

export PATH := $(HOME)/.cargo/bin:$(PATH)
CARGO   ?= cargo
PREFIX  ?= /usr/local
LIBDIR  ?= $(PREFIX)/lib
DESTDIR ?=

.PHONY: build test demo bench gpu-check header fmt lint setup install dist clean

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
	bindings/csharp/generate.py
	scripts/check_abi.sh --update

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
	$(CARGO) build --release -p awqm-tokenizer
	$(MAKE) -s -C examples-c
	packaging/install.sh "$(DESTDIR)" "$(PREFIX)" "$(LIBDIR)"

# target/awq-marlin-VERSION-MACHINE.tar.gz, byte for byte the same for the same sources, compiler and folder.
dist:
	packaging/dist.sh

clean:
	$(CARGO) clean
