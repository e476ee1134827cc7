-- `snapshots` counts those of a table, `schema_version` its schemas.
CREATE TABLE known_tables (
    name TEXT PRIMARY KEY,
    account TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    snapshots BIGINT NOT NULL,
    schema_version BIGINT NOT NULL
);

CREATE TABLE table_schemas (
    table_name TEXT NOT NULL REFERENCES known_tables (name),
    version BIGINT NOT NULL,
    schema_json TEXT NOT NULL,
    diff TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (table_name, version)
);

-- `schema_version` is null where nothing is known of the schema; `digest` is that of a file of the lake.
CREATE TABLE table_snapshots (
    id TEXT PRIMARY KEY,
    table_name TEXT NOT NULL REFERENCES known_tables (name),
    number BIGINT NOT NULL,
    uri TEXT NOT NULL,
    format TEXT NOT NULL,
    schema_version BIGINT,
    digest TEXT,
    run TEXT REFERENCES runs (id),
    account TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (table_name, number)
);

-- Who asked for what write, when and from where, and what it was answered.
CREATE TABLE audit (
    id TEXT PRIMARY KEY,
    noted_at BIGINT NOT NULL,
    account TEXT NOT NULL,
    method TEXT NOT NULL,
    path TEXT NOT NULL,
    status BIGINT NOT NULL,
    address TEXT NOT NULL,
    request_id TEXT NOT NULL
);
