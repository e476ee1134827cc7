-- Who is signed in on the page. Of a cookie there is its hash. What a session was begun with is in `token`, `key_pair` or `root`, and in none of
-- them where that was a link; `root` is a hash of the credentials of the environment, who has no account.
CREATE TABLE page_sessions (
    id TEXT PRIMARY KEY,
    hash TEXT NOT NULL,
    account TEXT REFERENCES accounts (id) ON DELETE CASCADE,
    token TEXT REFERENCES tokens (id) ON DELETE CASCADE,
    key_pair TEXT REFERENCES key_pairs (id) ON DELETE CASCADE,
    root TEXT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT
);
CREATE INDEX page_sessions_by_account ON page_sessions (account);

-- What failed is looked for first.
CREATE INDEX runs_unlucky ON runs (id) WHERE state IN ('failed', 'lost');

-- What happened in a run.
CREATE INDEX events_by_run ON events (run, id) WHERE run IS NOT NULL;
