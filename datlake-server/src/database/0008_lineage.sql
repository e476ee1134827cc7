-- Which runs read and wrote something, by where it is and by the snapshot that it was.
CREATE INDEX run_items_by_uri ON run_items (uri);
CREATE INDEX run_items_by_snapshot ON run_items (snapshot) WHERE snapshot <> '';
CREATE INDEX table_snapshots_by_run ON table_snapshots (run);
CREATE INDEX table_snapshots_by_uri ON table_snapshots (uri);
