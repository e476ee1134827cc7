-- When a job runs, and what a worker runs then. `spec` is JSON; of the environment it has names alone. `kind` is `times`, `sources` or `asked`; only
-- the first has `due_at`, the next time. `turn` is counted up by whoever queues or claims runs of the job: so they take turns. `claimed_at` is the
-- turn of the last claim of all jobs, so that jobs of the same priority take turns, too.
CREATE TABLE schedules (
    job TEXT PRIMARY KEY REFERENCES jobs (name),
    account TEXT NOT NULL,
    set_at BIGINT NOT NULL,
    spec TEXT NOT NULL,
    kind TEXT NOT NULL,
    may_overlap BIGINT NOT NULL,
    priority BIGINT NOT NULL,
    max_attempts BIGINT NOT NULL,
    backoff BIGINT NOT NULL,
    paused_at BIGINT,
    due_at BIGINT,
    turn BIGINT NOT NULL,
    claimed_at BIGINT NOT NULL
);
CREATE INDEX schedules_due ON schedules (due_at) WHERE paused_at IS NULL;
CREATE INDEX schedules_by_sources ON schedules (job) WHERE kind = 'sources' AND paused_at IS NULL;

-- Runs that were queued for workers; their states are those of the runs. `due` says what a run is for, so that there is one for each due time and attempt,
-- however many servers see that it is due. `ready_at` is before when no worker claims it, because it has to wait for `wait` (microseconds) since it was
-- queued.
CREATE TABLE queued_runs (
    run TEXT PRIMARY KEY REFERENCES runs (id),
    job TEXT NOT NULL,
    due TEXT NOT NULL,
    due_at BIGINT NOT NULL,
    attempt BIGINT NOT NULL,
    run_before TEXT,
    priority BIGINT NOT NULL,
    ready_at BIGINT NOT NULL,
    wait BIGINT NOT NULL,
    metadata TEXT NOT NULL,
    worker TEXT,
    claimed_by TEXT,
    log_size BIGINT NOT NULL,
    log_name TEXT,
    is_waiting BIGINT NOT NULL,
    UNIQUE (job, due, attempt)
);
CREATE INDEX queued_runs_waiting ON queued_runs (job, priority, run) WHERE is_waiting = 1;
CREATE INDEX queued_runs_before ON queued_runs (run_before);

CREATE INDEX queued_runs_with_log ON queued_runs (run) WHERE log_name IS NULL AND log_size > 0;

-- What workers have shipped of logs, in base64; `at_offset` is how many bytes of the log are before it. What has ended goes to the lake.
CREATE TABLE run_logs (
    run TEXT NOT NULL REFERENCES queued_runs (run),
    at_offset BIGINT NOT NULL,
    content TEXT NOT NULL,
    PRIMARY KEY (run, at_offset)
);

-- When somebody asked that a run ends. It is in the row of the run, which its end changes, so that of the two one comes first.
ALTER TABLE runs ADD COLUMN cancel_at BIGINT;
CREATE INDEX runs_going_on ON runs (job) WHERE state IN ('queued', 'running');
