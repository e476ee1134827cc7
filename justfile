# What CI runs.
ci:
    .ci/run

# Every test.
test *args:
    ./test {{args}}

# What a hit costs, beside the least it could cost.
bench:
    cargo bench --bench hit
