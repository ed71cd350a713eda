# What people type. `make test` needs nothing but Debian and root, or the tools already there.

.PHONY: test lint docs bench chaos soak tools

test: tools
	scripts/test

lint:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings

docs:
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

tools:
	scripts/install

chaos: tools
	scripts/chaos

soak: tools
	scripts/soak

bench:
	bench/run
