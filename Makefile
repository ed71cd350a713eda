# What people type. `make test` needs nothing but Debian and root, or the tools already there.

.PHONY: test lint docs bench chaos soak sql-fuzz reuse-edits tools

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

# Random edits of a project against full rebuilds: `make reuse-edits EDITS=10000`.
reuse-edits: tools
	EDITS=$(or $(EDITS),10000) scripts/reuse-edits

bench:
	bench/run
