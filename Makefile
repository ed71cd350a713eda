# What people type. `make test` needs nothing but Debian and root, or the tools already there.

.PHONY: test lint docs bench chaos soak sql-fuzz tools

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

# Random queries here and on PostgreSQL: `make sql-fuzz SECONDS=600`.
sql-fuzz: tools
	SECONDS_OF_FUZZING=$(or $(SECONDS),600) scripts/sql-fuzz

bench:
	bench/run
