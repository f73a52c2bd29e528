# The commands of everyday work, for https://just.systems. Each is one line, so that it can be copied where just is not installed.

# List the recipes.
default:
    @just --list --unsorted

# Run the first tier of the tests: bash and git, no network, about two minutes.
test *filters:
    cargo test --locked -- {{ filters }}

# Run the second tier: tests that need other tools, PyPI, npm or many seconds.
second *filters:
    cargo test --locked --test protocol -- --ignored --test-threads 4 {{ filters }}

# Format and lint, as `.ci/run` does.
lint:
    cargo fmt --check
    cargo clippy --all-targets --locked -- -D warnings

# Rewrite what the tests compare with the program: schema/, generated pages of docs/, and what the documents show of real runs.
bless:
    BLESS=1 cargo test --locked --test protocol -- the_committed readme
    BLESS=1 cargo test --locked --test protocol -- --ignored the_session

# Measure the program against its peers: `just bench start`, `package`, `deploy` or `upload`.
bench name:
    cargo bench --locked --bench {{ name }}

# Build, pack and try what is shipped (RELEASING.md). `just release --allow-dirty` is for trying.
release *options:
    .ci/release {{ options }}

# Run everything that a change has to pass.
ci:
    .ci/run
