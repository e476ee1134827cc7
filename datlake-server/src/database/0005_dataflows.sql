-- Who makes data and who waits for it. The runs of a dataflow are those of its job. `turn` is counted up by whoever changes what hangs on a
-- dataflow: so they take turns.
CREATE TABLE dataflows (
    id TEXT PRIMARY KEY,
    job TEXT NOT NULL UNIQUE,
    zone TEXT NOT NULL,
    model_name TEXT NOT NULL,
    model_key TEXT NOT NULL,
    model_sec_key TEXT NOT NULL,
    take TEXT NOT NULL,
    batch_limit BIGINT NOT NULL,
    match_partition BIGINT NOT NULL,
    max_attempts BIGINT NOT NULL,
    account TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    turn BIGINT NOT NULL
);

-- Which dataflow is a source of which. One that ended is kept, since its deliveries name it.
CREATE TABLE dataflow_sources (
    id TEXT PRIMARY KEY,
    source TEXT NOT NULL REFERENCES dataflows (id),
    target TEXT NOT NULL REFERENCES dataflows (id),
    created_at BIGINT NOT NULL,
    ended_at BIGINT,
    UNIQUE (source, target)
);
CREATE INDEX dataflow_sources_by_target ON dataflow_sources (target);

-- Runs of dataflows: how many deliveries each claimed, what it said of its data, and, once it has succeeded, its place among all that have.
CREATE TABLE dataflow_runs (
    run TEXT PRIMARY KEY REFERENCES runs (id),
    dataflow TEXT NOT NULL REFERENCES dataflows (id),
    claimed BIGINT NOT NULL,
    position BIGINT,
    record_count BIGINT,
    batch_run_id TEXT,
    partition_key TEXT
);
CREATE INDEX dataflow_runs_by_dataflow ON dataflow_runs (dataflow, position);

-- A successful run of a source, for one target. `state` is `ready`, `claimed`, `consumed`, `set_aside`, or `dropped` where its source is none any
-- more; `last_run` has or had it.
CREATE TABLE deliveries (
    edge TEXT NOT NULL REFERENCES dataflow_sources (id),
    source_run TEXT NOT NULL REFERENCES dataflow_runs (run),
    target TEXT NOT NULL,
    position BIGINT NOT NULL,
    partition_key TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    last_run TEXT,
    PRIMARY KEY (edge, source_run)
);
CREATE INDEX deliveries_ready ON deliveries (target, position) WHERE state = 'ready';
CREATE INDEX deliveries_ready_of_edge ON deliveries (edge, position) WHERE state = 'ready';
CREATE INDEX deliveries_set_aside ON deliveries (target, position) WHERE state = 'set_aside';
CREATE INDEX deliveries_by_run ON deliveries (last_run);

-- The place of the last run that succeeded is in the row `position`. A transaction takes it late and keeps it until it is committed, so that places
-- rise in the order of commits. Who changes what is a source of what holds the row `graph`.
CREATE TABLE dataflow_turns (
    name TEXT PRIMARY KEY,
    value BIGINT NOT NULL
);
INSERT INTO dataflow_turns (name, value) VALUES ('position', 0), ('graph', 0);
