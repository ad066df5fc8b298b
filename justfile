# The same commands as `cargo xtask`, for those who have just.

# List the recipes
default:
    @just --list

# Watch simulated agent runs, from a small Kafka in memory through the relay to the page
demo *ARGS:
    cargo xtask demo {{ARGS}}

# All tests, from set-up to a real Kafka and a real Chromium
test *ARGS:
    cargo xtask test {{ARGS}}

# What a change must pass
ci *ARGS:
    cargo xtask ci {{ARGS}}

# Measure, in release builds
bench *ARGS:
    cargo xtask bench {{ARGS}}

# Which test holds which requirement
requirements:
    cargo xtask requirements

# House rules that no compiler checks
tidy:
    cargo xtask tidy

# What people download: archive, npm package, lists and checksums, into target/dist
dist *ARGS:
    cargo xtask dist {{ARGS}}

# Take the pictures of the documents, in Chromium
pictures *ARGS:
    cargo xtask pictures {{ARGS}}

# Find or fetch every part that tests need, and print its variables
setup *ARGS:
    cargo xtask setup {{ARGS}}

# Compile the browser module and its bindings
wasm *ARGS:
    cargo xtask wasm {{ARGS}}

# Write the Rust code of the wire schema from dashstream.proto
proto:
    cargo xtask proto

# Build the page into web/dist
web *ARGS:
    cargo xtask web {{ARGS}}

# Format everything
fmt:
    cargo fmt --all
