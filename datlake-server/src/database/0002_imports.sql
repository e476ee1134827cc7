-- Imports that run or ran. `ended` has what one came to: its commit, or what went wrong, as JSON.
CREATE TABLE imports (
    id TEXT PRIMARY KEY,
    repository TEXT NOT NULL,
    branch TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    objects BIGINT NOT NULL,
    cancelled_at BIGINT,
    ended TEXT
);
