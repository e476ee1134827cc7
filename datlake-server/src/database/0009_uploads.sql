-- Uploads of S3 that come in parts. `place` is how far the branch had come when it began, `since` when somebody was first to put it there: behind that is
-- looked whether it was put. What has ended is kept for a while, so that a reply that got lost can be asked for again; `etag` is what it became, if it was completed.
CREATE TABLE uploads (
    id TEXT PRIMARY KEY,
    account TEXT NOT NULL,
    repository TEXT NOT NULL,
    object_key TEXT NOT NULL,
    place TEXT NOT NULL,
    notes TEXT NOT NULL,
    begun_at BIGINT NOT NULL,
    since TEXT,
    ended_at BIGINT,
    etag TEXT
);
CREATE INDEX uploads_going_on ON uploads (account, repository) WHERE ended_at IS NULL;
CREATE INDEX uploads_by_age ON uploads (begun_at);

-- What is kept of them in the lake's store, each known here before it is there: it is of the upload once it has `kept_at`. A number that is sent again is another part.
CREATE TABLE upload_parts (
    id TEXT PRIMARY KEY,
    upload TEXT NOT NULL REFERENCES uploads (id),
    part_number BIGINT NOT NULL,
    content TEXT NOT NULL,
    size BIGINT NOT NULL,
    begun_at BIGINT NOT NULL,
    kept_at BIGINT
);
CREATE INDEX upload_parts_of ON upload_parts (upload, part_number);
