-- Times are microseconds since 1970, by the clock of the server that wrote them.

-- The id of the last event. A transaction takes its ids here as the last thing that it does: so ids
-- rise in the order of commits, and nobody who has read one of them has missed one before it.
CREATE TABLE event_head (
    id INTEGER PRIMARY KEY,
    last_id BIGINT NOT NULL
);
INSERT INTO event_head (id, last_id) VALUES (1, 0);

CREATE TABLE events (
    id BIGINT PRIMARY KEY,
    kind TEXT NOT NULL,
    noted_at BIGINT NOT NULL,
    account TEXT NOT NULL,
    run TEXT,
    subject TEXT NOT NULL,
    data TEXT NOT NULL
);

CREATE TABLE jobs (
    name TEXT PRIMARY KEY,
    account TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

-- `lease` is in microseconds; `beats` counts heartbeats. `ending` is what ended it, as JSON: what came twice is compared with that.
CREATE TABLE runs (
    id TEXT PRIMARY KEY,
    job TEXT NOT NULL REFERENCES jobs (name),
    state TEXT NOT NULL,
    account TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    ended_at BIGINT,
    lease BIGINT NOT NULL,
    beats BIGINT NOT NULL,
    beat_at BIGINT NOT NULL,
    metadata TEXT NOT NULL,
    ending TEXT
);
CREATE INDEX runs_by_job ON runs (job, id);
CREATE INDEX runs_running ON runs (id) WHERE state = 'running';

-- What a run read, wrote and left behind: `role` is `input`, `output` or `artifact`. `item` is the digest of all of it, so that what comes
-- twice is there once.
CREATE TABLE run_items (
    run TEXT NOT NULL REFERENCES runs (id),
    item TEXT NOT NULL,
    role TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    uri TEXT NOT NULL,
    snapshot TEXT NOT NULL,
    noted_at BIGINT NOT NULL,
    PRIMARY KEY (run, item)
);
CREATE INDEX run_items_by_name ON run_items (kind, name);

-- What requests with an `Idempotency-Key` were answered. `request` is the digest of what was asked.
CREATE TABLE answered (
    account TEXT NOT NULL,
    said_key TEXT NOT NULL,
    request TEXT NOT NULL,
    answer TEXT,
    noted_at BIGINT NOT NULL,
    PRIMARY KEY (account, said_key)
);
CREATE INDEX answered_by_time ON answered (noted_at);
