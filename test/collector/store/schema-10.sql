CREATE TABLE task (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    state TEXT NOT NULL,
    version INTEGER NOT NULL,
    log_bytes INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    summary TEXT NOT NULL,
    span_count INTEGER NOT NULL,
    line_before TEXT,
    attempts TEXT NOT NULL
  , changed INTEGER NOT NULL DEFAULT 0, announced TEXT, attempt TEXT, worker_id TEXT, lost_heard INTEGER, lost_at INTEGER, trace_open INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE INDEX task_state ON task (state, id);
CREATE TABLE scope (
    task_id INTEGER NOT NULL,
    trace_id TEXT NOT NULL,
    span_id TEXT NOT NULL,
    task_span_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    parent_span_id TEXT NOT NULL,
    name TEXT NOT NULL,
    start INTEGER,
    "end" INTEGER,
    outcome TEXT,
    heading INTEGER,
    error TEXT,
    end_seq INTEGER,
    duration INTEGER,
    encloses INTEGER NOT NULL,
    share REAL,
    progress TEXT,
    plan TEXT,
    inside_units INTEGER NOT NULL,
    inside_by_name TEXT,
    units INTEGER NOT NULL,
    seen TEXT NOT NULL,
    notifications INTEGER NOT NULL,
    recent TEXT,
    attempt TEXT, remote INTEGER NOT NULL DEFAULT 0, child_of TEXT,
    PRIMARY KEY (task_id, trace_id, span_id)
  ) STRICT, WITHOUT ROWID;
CREATE INDEX task_changed ON task (changed);
CREATE TABLE deleted_change (last INTEGER NOT NULL) STRICT;
CREATE TABLE command (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    worker_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    task_uuid TEXT NOT NULL,
    span_id TEXT NOT NULL,
    time INTEGER NOT NULL,
    UNIQUE (kind, task_uuid, span_id)
  ) STRICT;
CREATE INDEX command_worker ON command (worker_id, number);
CREATE INDEX task_worker ON task (worker_id) WHERE worker_id IS NOT NULL;
CREATE TABLE worker (
    id TEXT PRIMARY KEY,
    host TEXT NOT NULL,
    pid INTEGER NOT NULL,
    interval_ms INTEGER NOT NULL,
    since INTEGER NOT NULL,
    beat INTEGER NOT NULL,
    beats INTEGER NOT NULL,
    busy_since INTEGER,
    silent_ms INTEGER NOT NULL,
    lost INTEGER NOT NULL
  , path TEXT) STRICT, WITHOUT ROWID;
CREATE INDEX task_ended ON task (updated, state) WHERE state IN ('completed', 'failed', 'cancelled');
CREATE TABLE removed (task_id INTEGER PRIMARY KEY) STRICT;
CREATE TABLE lease (name TEXT PRIMARY KEY, holder TEXT NOT NULL, until INTEGER NOT NULL) STRICT;
CREATE INDEX task_lost ON task (lost_at, state) WHERE lost_at IS NOT NULL;
CREATE TABLE "journal" (
    task_id INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    version INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    text TEXT NOT NULL,
    entries BLOB NOT NULL,
    PRIMARY KEY (task_id, offset)
  ) STRICT;
CREATE INDEX scope_child_of ON scope (child_of) WHERE child_of IS NOT NULL;
CREATE INDEX task_trace_open ON task (id) WHERE trace_open = 1 AND lost_heard IS NOT NULL;
CREATE TRIGGER task_deleted AFTER DELETE ON task BEGIN
    UPDATE deleted_change SET last = old.changed WHERE last < old.changed;
  END;
INSERT INTO task ("id", "uuid", "name", "state", "version", "log_bytes", "updated", "summary", "span_count", "line_before", "attempts", "changed", "announced", "attempt", "worker_id", "lost_heard", "lost_at", "trace_open") VALUES (1, '00000000-0000-4000-8000-000000000001', 'TEST', 'failed', 1, 511, 1700000000000016, '{"task_name":"TEST","task_uuid":"00000000-0000-4000-8000-000000000001","start":"2023-11-14T22:13:20.000001Z","end":"2023-11-14T22:13:20.000016Z","exception":"division by zero","finished":true,"status":0,"state":"failed","attempt":1,"jobs":{"total":4,"finished":3,"failed":1,"running":0},"progress":null,"result":null,"attributes":{},"parent_task_uuid":null,"trace_id":"3c6ef372fe94f82aabcdef0123456789","trace_sampled":true,"facts_missing":0,"updated":"2023-11-14T22:13:20.000016Z","cancellable":false}', 6, '3c6ef372fe94f82aabcdef0123456789-9e3779b97f4a7c15', '[["3c6ef372fe94f82aabcdef0123456789","9e3779b97f4a7c15"]]', 1, NULL, '3c6ef372fe94f82aabcdef0123456789-9e3779b97f4a7c15', NULL, NULL, NULL, 0);
INSERT INTO task ("id", "uuid", "name", "state", "version", "log_bytes", "updated", "summary", "span_count", "line_before", "attempts", "changed", "announced", "attempt", "worker_id", "lost_heard", "lost_at", "trace_open") VALUES (2, '00000000-0000-4000-8000-000000000002', 'TEST', 'running', 2, 3397, 1700000000000142, '{"task_name":"TEST","task_uuid":"00000000-0000-4000-8000-000000000002","start":"2023-11-14T22:13:20.000001Z","end":null,"exception":"no 36","finished":false,"status":2,"state":"running","attempt":1,"jobs":{"total":40,"finished":24,"failed":10,"running":6},"progress":0.222222222,"result":null,"attributes":{"queue":"imports","tries":3},"parent_task_uuid":null,"trace_id":"3c6ef372fe94f82aabcdef0123456789","trace_sampled":true,"facts_missing":0,"updated":"2023-11-14T22:13:20.000142Z","cancellable":false}', 42, '3c6ef372fe94f82aabcdef0123456789-935172286182d787', '[["3c6ef372fe94f82aabcdef0123456789","9e3779b97f4a7c15"]]', 3, NULL, '3c6ef372fe94f82aabcdef0123456789-9e3779b97f4a7c15', NULL, NULL, NULL, 0);
INSERT INTO task ("id", "uuid", "name", "state", "version", "log_bytes", "updated", "summary", "span_count", "line_before", "attempts", "changed", "announced", "attempt", "worker_id", "lost_heard", "lost_at", "trace_open") VALUES (3, '00000000-0000-4000-8000-000000000003', 'TEST', 'running', 1, 142, 1700000000000008, '{"task_name":"TEST","task_uuid":"00000000-0000-4000-8000-000000000003","start":"2023-11-14T22:13:20.000006Z","end":null,"exception":"","finished":false,"status":2,"state":"running","attempt":2,"jobs":{"total":1,"finished":0,"failed":0,"running":1},"progress":null,"result":{"rows":7},"attributes":{},"parent_task_uuid":null,"trace_id":"1715609f7c746c69abcdef0123456789","trace_sampled":true,"facts_missing":0,"updated":"2023-11-14T22:13:20.000008Z","cancellable":false}', 4, '1715609f7c746c69abcdef0123456789-b54cda58fbbee87e', '[["3c6ef372fe94f82aabcdef0123456789","9e3779b97f4a7c15"],["1715609f7c746c69abcdef0123456789","78dde6e5fd29f054"]]', 4, NULL, '1715609f7c746c69abcdef0123456789-78dde6e5fd29f054', NULL, NULL, NULL, 0);
INSERT INTO task ("id", "uuid", "name", "state", "version", "log_bytes", "updated", "summary", "span_count", "line_before", "attempts", "changed", "announced", "attempt", "worker_id", "lost_heard", "lost_at", "trace_open") VALUES (4, '00000000-0000-4000-8000-000000000004', 'Waiting', 'queued', 1, 0, 1700000000000001, '{"task_name":"Waiting","task_uuid":"00000000-0000-4000-8000-000000000004","start":null,"end":null,"exception":"","finished":false,"status":2,"state":"queued","attempt":0,"jobs":{"total":0,"finished":0,"failed":0,"running":0},"progress":null,"result":null,"attributes":{"queue":"imports"},"parent_task_uuid":null,"trace_id":null,"trace_sampled":false,"facts_missing":0,"updated":"2023-11-14T22:13:20.000001Z","cancellable":false}', 0, NULL, '[]', 5, '{"time":1700000000000001,"traceId":"9e3779b97f4a7c15abcdef0123456789","spanId":"3c6ef372fe94f82a","name":"Waiting","attributes":{"queue":"imports"}}', NULL, NULL, NULL, NULL, 0);
INSERT INTO task ("id", "uuid", "name", "state", "version", "log_bytes", "updated", "summary", "span_count", "line_before", "attempts", "changed", "announced", "attempt", "worker_id", "lost_heard", "lost_at", "trace_open") VALUES (5, '00000000-0000-4000-8000-000000000005', 'TEST', 'running', 2, 10, 1700000000000003, '{"task_name":"TEST","task_uuid":"00000000-0000-4000-8000-000000000005","start":"2023-11-14T22:13:20.000001Z","end":null,"exception":"","finished":false,"status":2,"state":"running","attempt":1,"jobs":{"total":1,"finished":0,"failed":0,"running":1},"progress":0.333333333,"result":null,"attributes":{},"parent_task_uuid":null,"trace_id":"3c6ef372fe94f82aabcdef0123456789","trace_sampled":true,"facts_missing":0,"updated":"2023-11-14T22:13:20.000003Z","cancellable":false}', 2, '3c6ef372fe94f82aabcdef0123456789-daa66d2c7ddf743f', '[["3c6ef372fe94f82aabcdef0123456789","9e3779b97f4a7c15"]]', 8, NULL, '3c6ef372fe94f82aabcdef0123456789-9e3779b97f4a7c15', NULL, NULL, NULL, 0);
INSERT INTO task ("id", "uuid", "name", "state", "version", "log_bytes", "updated", "summary", "span_count", "line_before", "attempts", "changed", "announced", "attempt", "worker_id", "lost_heard", "lost_at", "trace_open") VALUES (6, '00000000-0000-4000-8000-000000000006', 'TEST', 'running', 1, 0, 1700000000000002, '{"task_name":"TEST","task_uuid":"00000000-0000-4000-8000-000000000006","start":"2023-11-14T22:13:20.000001Z","end":null,"exception":"","finished":false,"status":2,"state":"running","attempt":1,"jobs":{"total":0,"finished":0,"failed":0,"running":0},"progress":0.3333333333333333,"result":null,"attributes":{},"parent_task_uuid":"00000000-0000-4000-8000-000000000005","trace_id":"3c6ef372fe94f82aabcdef0123456789","trace_sampled":true,"facts_missing":0,"updated":"2023-11-14T22:13:20.000002Z","cancellable":false}', 1, NULL, '[["3c6ef372fe94f82aabcdef0123456789","9e3779b97f4a7c15"]]', 7, NULL, '3c6ef372fe94f82aabcdef0123456789-9e3779b97f4a7c15', NULL, NULL, NULL, 0);
INSERT INTO sqlite_sequence ("name", "seq") VALUES ('task', 6);
INSERT INTO scope ("task_id", "trace_id", "span_id", "task_span_id", "number", "parent_span_id", "name", "start", "end", "outcome", "heading", "error", "end_seq", "duration", "encloses", "share", "progress", "plan", "inside_units", "inside_by_name", "units", "seen", "notifications", "recent", "attempt", "remote", "child_of") VALUES (1, '3c6ef372fe94f82aabcdef0123456789', '1715609f7c746c69', '9e3779b97f4a7c15', 4, '78dde6e5fd29f054', 'My subtask 1 in my task 2', 1700000000000006, 1700000000000008, 'completed', 0, NULL, 2, 2, 0, NULL, NULL, NULL, 0, NULL, 1000000000, '[0,2]', 1, '[0,1]', NULL, 0, NULL);
INSERT INTO scope ("task_id", "trace_id", "span_id", "task_span_id", "number", "parent_span_id", "name", "start", "end", "outcome", "heading", "error", "end_seq", "duration", "encloses", "share", "progress", "plan", "inside_units", "inside_by_name", "units", "seen", "notifications", "recent", "attempt", "remote", "child_of") VALUES (1, '3c6ef372fe94f82aabcdef0123456789', '538454127b096493', '9e3779b97f4a7c15', 6, '78dde6e5fd29f054', 'My subtask 3 in my task 2', 1700000000000012, 1700000000000014, 'completed', 0, NULL, 2, 2, 0, NULL, NULL, NULL, 0, NULL, 1000000000, '[0,2]', 1, '[0,1]', NULL, 0, NULL);
INSERT INTO scope ("task_id", "trace_id", "span_id", "task_span_id", "number", "parent_span_id", "name", "start", "end", "outcome", "heading", "error", "end_seq", "duration", "encloses", "share", "progress", "plan", "inside_units", "inside_by_name", "units", "seen", "notifications", "recent", "attempt", "remote", "child_of") VALUES (1, '3c6ef372fe94f82aabcdef0123456789', '78dde6e5fd29f054', '9e3779b97f4a7c15', 3, '9e3779b97f4a7c15', 'TEST - Second part', 1700000000000005, 1700000000000015, 'completed', 1, NULL, 1, 10, 1, NULL, NULL, NULL, 3000000000, NULL, 1000000000, '[0,1]', 0, NULL, NULL, 0, NULL);
INSERT INTO scope ("task_id", "trace_id", "span_id", "task_span_id", "number", "parent_span_id", "name", "start", "end", "outcome", "heading", "error", "end_seq", "duration", "encloses", "share", "progress", "plan", "inside_units", "inside_by_name", "units", "seen", "notifications", "recent", "attempt", "remote", "child_of") VALUES (1, '3c6ef372fe94f82aabcdef0123456789', '9e3779b97f4a7c15', '9e3779b97f4a7c15', 1, '', 'TEST', 1700000000000001, 1700000000000016, 'failed', 1, NULL, 1, 15, 1, NULL, NULL, NULL, 2000000000, NULL, 0, '[0,1]', 0, NULL, '{"attempt":1,"attributes":{},"workerId":"worker-1","workerIntervalMs":0,"cancellable":false,"parentTaskUuid":null,"sampled":true,"missing":0,"jobs":{"finished":3,"failed":1,"running":0},"exception":{"time":1700000000000010,"spanId":"b54cda58fbbee87e","seq":1,"text":"division by zero"},"result":null,"final":{"exception":"division by zero","jobs":{"total":4,"finished":3,"failed":1}}}', 0, NULL);
INSERT INTO scope ("task_id", "trace_id", "span_id", "task_span_id", "number", "parent_span_id", "name", "start", "end", "outcome", "heading", "error", "end_seq", "duration", "encloses", "share", "progress", "plan", "inside_units", "inside_by_name", "units", "seen", "notifications", "recent", "attempt", "remote", "child_of") VALUES (1, '3c6ef372fe94f82aabcdef0123456789', 'b54cda58fbbee87e', '9e3779b97f4a7c15', 5, '78dde6e5fd29f054', 'My subtask 2 in my task 2', 1700000000000009, 1700000000000011, 'failed', 0, '{"name":"ZeroDivisionError","message":"division by zero"}', 2, 2, 0, NULL, NULL, NULL, 0, NULL, 1000000000, '[0,2]', 0, NULL, NULL, 0, NULL);
INSERT INTO scope ("task_id", "trace_id", "span_id", "task_span_id", "number", "parent_span_id", "name", "start", "end", "outcome", "heading", "error", "end_seq", "duration", "encloses", "share", "progress", "plan", "inside_units", "inside_by_name", "units", "seen", "notifications", "recent", "attempt", "remote", "child_of") VALUES (1, '3c6ef372fe94f82aabcdef0123456789', 'daa66d2c7ddf743f', '9e3779b97f4a7c15', 2, '9e3779b97f4a7c15', 'TEST - First part', 1700000000000002, 1700000000000004, 'completed', 0, NULL, 2, 2, 0, NULL, NULL, NULL, 0, NULL, 1000000000, '[0,2]', 1, '[0,1]', NULL, 0, NULL);
INSERT INTO scope ("task_id", "trace_id", "span_id", "task_span_id", "number", "parent_span_id", "name", "start", "end", "outcome", "heading", "error", "end_seq", "duration", "encloses", "share", "progress", "plan", "inside_units", "inside_by_name", "units", "seen", "notifications", "recent", "attempt", "remote", "child_of") VALUES (2, '3c6ef372fe94f82aabcdef0123456789', '035e2aa2e7e47aca', '9e3779b97f4a7c15', 33, 'daa66d2c7ddf743f', '[1]', 1700000000000035, NULL, NULL, NULL, NULL, NULL, NULL, 0, 0.73170731707317072, '{"seq":2,"done":30,"total":41}', NULL, 0, NULL, 731707317, '[0,2]', 1, '[902,1]', NULL, 0, NULL);
INSERT INTO scope ("task_id", "trace_id", "span_id", "task_span_id", "number", "parent_span_id", "name", "start", "end", "outcome", "heading", "error", "end_seq", "duration", "encloses", "share", "progress", "plan", "inside_units", "inside_by_name", "units", "seen", "notifications", "recent", "attempt", "remote", "child_of") VALUES (2, '3c6ef372fe94f82aabcdef0123456789', '08d12e6b76c84d11', '9e3779b97f4a7c15', 12, 'daa66d2c7ddf743f', '"\""', 1700000000000014, 1700000000000070, 'completed', 0, NULL, 3, 56, 0, 0.21951219512195122, '{"seq":2,"done":9,"total":41}', NULL, 0, NULL, 1000000000, '[0,3]', 1, '[902,1]', NULL, 0, NULL);
INSERT INTO scope ("task_id", "trace_id", "span_id", "task_span_id", "number", "parent_span_id", "name", "start", "end", "outcome", "heading", "error", "end_seq", "duration", "encloses", "share", "progress", "plan", "inside_units", "inside_by_name", "units", "seen", "notifications", "recent", "attempt", "remote", "child_of") VALUES (2, '3c6ef372fe94f82aabcdef0123456789', '11a25cd6ed909a22', '9e3779b97f4a7c15', 25, 'daa66d2c7ddf743f', '[1]', 1700000000000027, 1700000000000101, 'completed', 0, NULL, 2, 74, 0, NULL, NULL, NULL, 0, NULL, 1000000000, '[0,2]', 1, '[902,1]', NULL, 0, NULL);
INSERT INTO scope ("task_id", "trace_id", "span_id", "task_span_id", "number", "parent_span_id", "name", "start", "end", "outcome", "heading", "error", "end_seq", "duration", "encloses", "share", "progress", "plan", "inside_units", "inside_by_name", "units", "seen", "notifications", "recent", "attempt", "remote", "child_of") VALUES (2, '3c6ef372fe94f82aabcdef0123456789', '1715609f7c746c69', '9e3779b97f4a7c15', 4, 'daa66d2c7ddf743f', '"\""', 1700000000000006, 1700000000000050, 'completed', 0, NULL, 2, 44, 0, NULL, NULL, NULL, 0, NULL, 1000000000, '[0,2]', 1, '[0,1]', NULL, 0, NULL);
INSERT INTO scope ("task_id", "trace_id", "span_id", "task_span_id", "number", "parent_span_id", "name", "start", "end", "outcome", "heading", "error", "end_seq", "duration", "encloses", "share", "progress", "plan", "inside_units", "inside_by_name", "units", "seen", "notifications", "recent", "attempt", "remote", "child_of") VALUES (2, '3c6ef372fe94f82aabcdef0123456789', '1a738b426458e733', '9e3779b97f4a7c15', 38, 'daa66d2c7ddf743f', '"a\u0000b"', 1700000000000040, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL, NULL, NULL, 0, NULL, 0, '[0,1]', 1, '[902,1]', NULL, 0, NULL);
INSERT INTO scope ("task_id", "trace_id", "span_id", "task_span_id", "number", "parent_span_id", "name", "start", "end", "outcome", "heading", "error", "end_seq", "duration", "encloses", "share", "progress", "plan", "inside_units", "inside_by_name", "units", "seen", "notifications", "recent", "attempt", "remote", "child_of") VALUES (2, '3c6ef372fe94f82aabcdef0123456789', '1fe68f0af33cb97a', '9e3779b97f4a7c15', 17, 'daa66d2c7ddf743f', '[1]', 1700000000000019, 1700000000000081, 'completed', 0, NULL, 2, 62, 0, NULL, NULL, NULL, 0, NULL, 1000000000, '[0,2]', 1, '[902,1]', NULL, 0, NULL);
INSERT INTO scope ("task_id", "trace_id", "span_id", "task_span_id", "number", "parent_span_id", "name", "start", "end", "outcome", "heading", "error", "end_seq", "duration", "encloses", "share", "progress", "plan", "inside_units", "inside_by_name", "units", "seen", "notifications", "recent", "attempt", "remote", "child_of") VALUES (2, '3c6ef372fe94f82aabcdef0123456789', '28b7bd766a05068b', '9e3779b97f4a7c15', 30, 'daa66d2c7ddf743f', '"a\u0000b"', 1700000000000032, 1700000000000113, 'completed', 0, NULL, 3, 81, 0, 0.65853658536585369, '{"seq":2,"done":27,"total":41}', NULL, 0, NULL, 1000000000, '[0,3]', 1, '[902,1]', NULL, 0, NULL);
INSERT INTO scope ("task_id", "trace_id", "span_id", "task_span_id", "number", "parent_span_id", "name", "start", "end", "outcome", "heading", "error", "end_seq", "duration", "encloses", "share", "progress", "plan", "inside_units", "inside_by_name", "units", "seen", "notifications", "recent", "attempt", "remote", "child_of") VALUES (2, '3c6ef372fe94f82aabcdef0123456789', '2e2ac13ef8e8d8d2', '9e3779b97f4a7c15', 9, 'daa66d2c7ddf743f', '[1]', 1700000000000011, 1700000000000062, 'completed', 0, NULL, 3, 51, 0, 0.14634146341463414, '{"seq":2,"done":6,"total":41}', NULL, 0, NULL, 1000000000, '[0,3]', 1, '[0,1]', NULL, 0, NULL);
INSERT INTO scope ("task_id", "trace_id", "span_id", "task_span_id", "number", "parent_span_id", "name", "start", "end", "outcome", "heading", "error", "end_seq", "duration", "encloses", "share", "progress", "plan", "inside_units", "inside_by_name", "units", "seen", "notifications", "recent", "attempt", "remote", "child_of") VALUES (2, '3c6ef372fe94f82aabcdef0123456789', '36fbefaa6fb125e3', '9e3779b97f4a7c15', 22, 'daa66d2c7ddf743f', '"a\u0000b"', 1700000000000024, 1700000000000093, 'completed', 0, NULL, 2, 69, 0, NULL, NULL, NULL, 0, NULL, 1000000000, '[0,2]', 1, '[902,1]', NULL, 0, NULL);
INSERT INTO scope ("task_id", "trace_id", "span_id", "task_span_id", "number", "parent_span_id", "name", "start", "end", "outcome", "heading", "error", "end_seq", "duration", "encloses", "share", "progress", "plan", "inside_units", "inside_by_name", "units", "seen", "notifications", "recent", "attempt", "remote", "child_of") VALUES (2, '3c6ef372fe94f82aabcdef0123456789', '3fcd1e15e67972f4', '9e3779b97f4a7c15', 35, 'daa66d2c7ddf743f', '', 1700000000000037, 1700000000000125, 'failed', 0, '{"name":"Error","message":"no 32"}', 3, 88, 0, NULL, NULL, NULL, 0, NULL, 1000000000, '[0,3]', 1, '[902,1]', NULL, 0, NULL);
INSERT INTO scope ("task_id", "trace_id", "span_id", "task_span_id", "number", "parent_span_id", "name", "start", "end", "outcome", "heading", "error", "end_seq", "duration", "encloses", "share", "progress", "plan", "inside_units", "inside_by_name", "units", "seen", "notifications", "recent", "attempt", "remote", "child_of") VALUES (2, '3c6ef372fe94f82aabcdef0123456789', '454021de755d453b', '9e3779b97f4a7c15', 14, 'daa66d2c7ddf743f', '"a\u0000b"', 1700000000000016, 1700000000000073, 'completed', 0, NULL, 2, 57, 0, NULL, NULL, NULL, 0, NULL, 1000000000, '[0,2]', 1, '[902,1]', NULL, 0, NULL);
INSERT INTO scope ("task_id", "trace_id", "span_id", "task_span_id", "number", "parent_span_id", "name", "start", "end", "outcome", "heading", "error", "end_seq", "duration", "encloses", "share", "progress", "plan", "inside_units", "inside_by_name", "units", "seen", "notifications", "recent", "attempt", "remote", "child_of") VALUES (2, '3c6ef372fe94f82aabcdef0123456789', '4e115049ec25924c', '9e3779b97f4a7c15', 27, 'daa66d2c7ddf743f', '', 1700000000000029, 1700000000000107, 'failed', 0, '{"name":"Error","message":"no 24"}', 4, 78, 0, 0.58536585365853655, '{"seq":2,"done":24,"total":41}', NULL, 0, NULL, 1000000000, '[0,4]', 1, '[902,1]', NULL, 0, NULL);
INSERT INTO scope ("task_id", "trace_id", "span_id", "task_span_id", "number", "parent_span_id", "name", "start", "end", "outcome", "heading", "error", "end_seq", "duration", "encloses", "share", "progress", "plan", "inside_units", "inside_by_name", "units", "seen", "notifications", "recent", "attempt", "remote", "child_of") VALUES (2, '3c6ef372fe94f82aabcdef0123456789', '538454127b096493', '9e3779b97f4a7c15', 6, 'daa66d2c7ddf743f', '"a\u0000b"', 1700000000000008, 1700000000000055, 'completed', 0, NULL, 3, 47, 0, 0.073170731707317069, '{"seq":2,"done":3,"total":41}', NULL, 0, NULL, 1000000000, '[0,3]', 1, '[0,1]', NULL, 0, NULL);
INSERT INTO scope ("task_id", "trace_id", "span_id", "task_span_id", "number", "parent_span_id", "name", "start", "end", "outcome", "heading", "error", "end_seq", "duration", "encloses", "share", "progress", "plan", "inside_units", "inside_by_name", "units", "seen", "notifications", "recent", "attempt", "remote", "child_of") VALUES (2, '3c6ef372fe94f82aabcdef0123456789', '56e27eb562eddf5d', '9e3779b97f4a7c15', 40, 'daa66d2c7ddf743f', 'é 漢 🙂', 1700000000000042, 1700000000000137, 'completed', 0, NULL, 2, 95, 0, NULL, NULL, NULL, 0, NULL, 1000000000, '[0,2]', 1, '[902,1]', NULL, 0, NULL);
INSERT INTO scope ("task_id", "trace_id", "span_id", "task_span_id", "number", "parent_span_id", "name", "start", "end", "outcome", "heading", "error", "end_seq", "duration", "encloses", "share", "progress", "plan", "inside_units", "inside_by_name", "units", "seen", "notifications", "recent", "attempt", "remote", "child_of") VALUES (2, '3c6ef372fe94f82aabcdef0123456789', '5c55827df1d1b1a4', '9e3779b97f4a7c15', 19, 'daa66d2c7ddf743f', '', 1700000000000021, 1700000000000086, 'failed', 0, '{"name":"Error","message":"no 16"}', 3, 65, 0, NULL, NULL, NULL, 0, NULL, 1000000000, '[0,3]', 1, '[902,1]', NULL, 0, NULL);
INSERT INTO scope ("task_id", "trace_id", "span_id", "task_span_id", "number", "parent_span_id", "name", "start", "end", "outcome", "heading", "error", "end_seq", "duration", "encloses", "share", "progress", "plan", "inside_units", "inside_by_name", "units", "seen", "notifications", "recent", "attempt", "remote", "child_of") VALUES (2, '3c6ef372fe94f82aabcdef0123456789', '6526b0e96899feb5', '9e3779b97f4a7c15', 32, 'daa66d2c7ddf743f', 'é 漢 🙂', 1700000000000034, 1700000000000118, 'completed', 0, NULL, 2, 84, 0, NULL, NULL, NULL, 0, NULL, 1000000000, '[0,2]', 1, '[902,1]', NULL, 0, NULL);
INSERT INTO scope ("task_id", "trace_id", "span_id", "task_span_id", "number", "parent_span_id", "name", "start", "end", "outcome", "heading", "error", "end_seq", "duration", "encloses", "share", "progress", "plan", "inside_units", "inside_by_name", "units", "seen", "notifications", "recent", "attempt", "remote", "child_of") VALUES (2, '3c6ef372fe94f82aabcdef0123456789', '6a99b4b1f77dd0fc', '9e3779b97f4a7c15', 11, 'daa66d2c7ddf743f', '', 1700000000000013, 1700000000000067, 'failed', 0, '{"name":"Error","message":"no 8"}', 3, 54, 0, NULL, NULL, NULL, 0, NULL, 1000000000, '[0,3]', 1, '[902,1]', NULL, 0, NULL);
INSERT INTO scope ("task_id", "trace_id", "span_id", "task_span_id", "number", "parent_span_id", "name", "start", "end", "outcome", "heading", "error", "end_seq", "duration", "encloses", "share", "progress", "plan", "inside_units", "inside_by_name", "units", "seen", "notifications", "recent", "attempt", "remote", "child_of") VALUES (2, '3c6ef372fe94f82aabcdef0123456789', '736ae31d6e461e0d', '9e3779b97f4a7c15', 24, 'daa66d2c7ddf743f', 'é 漢 🙂', 1700000000000026, 1700000000000099, 'completed', 0, NULL, 3, 73, 0, 0.51219512195121952, '{"seq":2,"done":21,"total":41}', NULL, 0, NULL, 1000000000, '[0,3]', 1, '[902,1]', NULL, 0, NULL);
INSERT INTO scope ("task_id", "trace_id", "span_id", "task_span_id", "number", "parent_span_id", "name", "start", "end", "outcome", "heading", "error", "end_seq", "duration", "encloses", "share", "progress", "plan", "inside_units", "inside_by_name", "units", "seen", "notifications", "recent", "attempt", "remote", "child_of") VALUES (2, '3c6ef372fe94f82aabcdef0123456789', '78dde6e5fd29f054', '9e3779b97f4a7c15', 3, 'daa66d2c7ddf743f', '', 1700000000000005, 1700000000000048, 'failed', 0, '{"name":"Error","message":"no 0"}', 4, 43, 0, 0.0, '{"seq":2,"done":0,"total":41}', NULL, 0, NULL, 1000000000, '[0,4]', 1, '[0,1]', NULL, 0, NULL);
INSERT INTO scope ("task_id", "trace_id", "span_id", "task_span_id", "number", "parent_span_id", "name", "start", "end", "outcome", "heading", "error", "end_seq", "duration", "encloses", "share", "progress", "plan", "inside_units", "inside_by_name", "units", "seen", "notifications", "recent", "attempt", "remote", "child_of") VALUES (2, '3c6ef372fe94f82aabcdef0123456789', '7c3c1188e50e6b1e', '9e3779b97f4a7c15', 37, 'daa66d2c7ddf743f', '"\"quoted\""', 1700000000000039, 1700000000000130, 'completed', 0, NULL, 2, 91, 0, NULL, NULL, NULL, 0, NULL, 1000000000, '[0,2]', 1, '[902,1]', NULL, 0, NULL);
INSERT INTO scope ("task_id", "trace_id", "span_id", "task_span_id", "number", "parent_span_id", "name", "start", "end", "outcome", "heading", "error", "end_seq", "duration", "encloses", "share", "progress", "plan", "inside_units", "inside_by_name", "units", "seen", "notifications", "recent", "attempt", "remote", "child_of") VALUES (2, '3c6ef372fe94f82aabcdef0123456789', '81af155173f23d65', '9e3779b97f4a7c15', 16, 'daa66d2c7ddf743f', 'é 漢 🙂', 1700000000000018, 1700000000000079, 'completed', 0, NULL, 2, 61, 0, NULL, NULL, NULL, 0, NULL, 1000000000, '[0,2]', 1, '[902,1]', NULL, 0, NULL);
INSERT INTO scope ("task_id", "trace_id", "span_id", "task_span_id", "number", "parent_span_id", "name", "start", "end", "outcome", "heading", "error", "end_seq", "duration", "encloses", "share", "progress", "plan", "inside_units", "inside_by_name", "units", "seen", "notifications", "recent", "attempt", "remote", "child_of") VALUES (2, '3c6ef372fe94f82aabcdef0123456789', '8a8043bceaba8a76', '9e3779b97f4a7c15', 29, 'daa66d2c7ddf743f', '"\"quoted\""', 1700000000000031, 1700000000000110, 'completed', 0, NULL, 2, 79, 0, NULL, NULL, NULL, 0, NULL, 1000000000, '[0,2]', 1, '[902,1]', NULL, 0, NULL);
INSERT INTO scope ("task_id", "trace_id", "span_id", "task_span_id", "number", "parent_span_id", "name", "start", "end", "outcome", "heading", "error", "end_seq", "duration", "encloses", "share", "progress", "plan", "inside_units", "inside_by_name", "units", "seen", "notifications", "recent", "attempt", "remote", "child_of") VALUES (2, '3c6ef372fe94f82aabcdef0123456789', '8ff34785799e5cbd', '9e3779b97f4a7c15', 8, 'daa66d2c7ddf743f', 'é 漢 🙂', 1700000000000010, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL, NULL, NULL, 0, NULL, 0, '[0,1]', 1, '[0,1]', NULL, 0, NULL);
INSERT INTO scope ("task_id", "trace_id", "span_id", "task_span_id", "number", "parent_span_id", "name", "start", "end", "outcome", "heading", "error", "end_seq", "duration", "encloses", "share", "progress", "plan", "inside_units", "inside_by_name", "units", "seen", "notifications", "recent", "attempt", "remote", "child_of") VALUES (2, '3c6ef372fe94f82aabcdef0123456789', '935172286182d787', '9e3779b97f4a7c15', 42, 'daa66d2c7ddf743f', 'back\slash', 1700000000000044, 1700000000000142, 'completed', 0, NULL, 3, 98, 0, 0.95121951219512191, '{"seq":2,"done":39,"total":41}', NULL, 0, NULL, 1000000000, '[0,3]', 1, '[902,1]', NULL, 0, NULL);
INSERT INTO scope ("task_id", "trace_id", "span_id", "task_span_id", "number", "parent_span_id", "name", "start", "end", "outcome", "heading", "error", "end_seq", "duration", "encloses", "share", "progress", "plan", "inside_units", "inside_by_name", "units", "seen", "notifications", "recent", "attempt", "remote", "child_of") VALUES (2, '3c6ef372fe94f82aabcdef0123456789', '98c475f0f066a9ce', '9e3779b97f4a7c15', 21, 'daa66d2c7ddf743f', '"\"quoted\""', 1700000000000023, 1700000000000091, 'completed', 0, NULL, 3, 68, 0, 0.43902439024390244, '{"seq":2,"done":18,"total":41}', NULL, 0, NULL, 1000000000, '[0,3]', 1, '[902,1]', NULL, 0, NULL);
INSERT INTO scope ("task_id", "trace_id", "span_id", "task_span_id", "number", "parent_span_id", "name", "start", "end", "outcome", "heading", "error", "end_seq", "duration", "encloses", "share", "progress", "plan", "inside_units", "inside_by_name", "units", "seen", "notifications", "recent", "attempt", "remote", "child_of") VALUES (2, '3c6ef372fe94f82aabcdef0123456789', '9e3779b97f4a7c15', '9e3779b97f4a7c15', 1, '', 'TEST', 1700000000000001, NULL, NULL, NULL, NULL, NULL, NULL, 1, NULL, NULL, '{"seq":1,"plan":{"Part":2,"Other":1}}', 333333333, '{"Part":333333333}', 0, '[0,1]', 0, NULL, '{"attempt":1,"attributes":{"queue":"imports","tries":3},"workerId":"worker-1","workerIntervalMs":0,"cancellable":false,"parentTaskUuid":null,"sampled":true,"missing":0,"jobs":{"finished":24,"failed":10,"running":6},"exception":{"time":1700000000000134,"spanId":"b8ab04fbe3a36348","seq":3,"text":"no 36"},"result":null,"final":null}', 0, NULL);
INSERT INTO scope ("task_id", "trace_id", "span_id", "task_span_id", "number", "parent_span_id", "name", "start", "end", "outcome", "heading", "error", "end_seq", "duration", "encloses", "share", "progress", "plan", "inside_units", "inside_by_name", "units", "seen", "notifications", "recent", "attempt", "remote", "child_of") VALUES (2, '3c6ef372fe94f82aabcdef0123456789', 'a195a45c672ef6df', '9e3779b97f4a7c15', 34, 'daa66d2c7ddf743f', 'back\slash', 1700000000000036, 1700000000000122, 'completed', 0, NULL, 2, 86, 0, NULL, NULL, NULL, 0, NULL, 1000000000, '[0,2]', 1, '[902,1]', NULL, 0, NULL);
INSERT INTO scope ("task_id", "trace_id", "span_id", "task_span_id", "number", "parent_span_id", "name", "start", "end", "outcome", "heading", "error", "end_seq", "duration", "encloses", "share", "progress", "plan", "inside_units", "inside_by_name", "units", "seen", "notifications", "recent", "attempt", "remote", "child_of") VALUES (2, '3c6ef372fe94f82aabcdef0123456789', 'a708a824f612c926', '9e3779b97f4a7c15', 13, 'daa66d2c7ddf743f', '"\"quoted\""', 1700000000000015, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL, NULL, NULL, 0, NULL, 0, '[0,1]', 1, '[902,1]', NULL, 0, NULL);
INSERT INTO scope ("task_id", "trace_id", "span_id", "task_span_id", "number", "parent_span_id", "name", "start", "end", "outcome", "heading", "error", "end_seq", "duration", "encloses", "share", "progress", "plan", "inside_units", "inside_by_name", "units", "seen", "notifications", "recent", "attempt", "remote", "child_of") VALUES (2, '3c6ef372fe94f82aabcdef0123456789', 'afd9d6906cdb1637', '9e3779b97f4a7c15', 26, 'daa66d2c7ddf743f', 'back\slash', 1700000000000028, 1700000000000103, 'completed', 0, NULL, 2, 75, 0, NULL, NULL, NULL, 0, NULL, 1000000000, '[0,2]', 1, '[902,1]', NULL, 0, NULL);
INSERT INTO scope ("task_id", "trace_id", "span_id", "task_span_id", "number", "parent_span_id", "name", "start", "end", "outcome", "heading", "error", "end_seq", "duration", "encloses", "share", "progress", "plan", "inside_units", "inside_by_name", "units", "seen", "notifications", "recent", "attempt", "remote", "child_of") VALUES (2, '3c6ef372fe94f82aabcdef0123456789', 'b54cda58fbbee87e', '9e3779b97f4a7c15', 5, 'daa66d2c7ddf743f', '"\"quoted\""', 1700000000000007, 1700000000000052, 'completed', 0, NULL, 2, 45, 0, NULL, NULL, NULL, 0, NULL, 1000000000, '[0,2]', 1, '[0,1]', NULL, 0, NULL);
INSERT INTO scope ("task_id", "trace_id", "span_id", "task_span_id", "number", "parent_span_id", "name", "start", "end", "outcome", "heading", "error", "end_seq", "duration", "encloses", "share", "progress", "plan", "inside_units", "inside_by_name", "units", "seen", "notifications", "recent", "attempt", "remote", "child_of") VALUES (2, '3c6ef372fe94f82aabcdef0123456789', 'b8ab04fbe3a36348', '9e3779b97f4a7c15', 39, 'daa66d2c7ddf743f', 'tab	and  ', 1700000000000041, 1700000000000135, 'failed', 0, '{"name":"Error","message":"no 36"}', 4, 94, 0, 0.87804878048780488, '{"seq":2,"done":36,"total":41}', NULL, 0, NULL, 1000000000, '[0,4]', 1, '[902,1]', NULL, 0, NULL);
INSERT INTO scope ("task_id", "trace_id", "span_id", "task_span_id", "number", "parent_span_id", "name", "start", "end", "outcome", "heading", "error", "end_seq", "duration", "encloses", "share", "progress", "plan", "inside_units", "inside_by_name", "units", "seen", "notifications", "recent", "attempt", "remote", "child_of") VALUES (2, '3c6ef372fe94f82aabcdef0123456789', 'be1e08c47287358f', '9e3779b97f4a7c15', 18, 'daa66d2c7ddf743f', 'back\slash', 1700000000000020, NULL, NULL, NULL, NULL, NULL, NULL, 0, 0.36585365853658536, '{"seq":2,"done":15,"total":41}', NULL, 0, NULL, 365853658, '[0,2]', 1, '[902,1]', NULL, 0, NULL);
INSERT INTO scope ("task_id", "trace_id", "span_id", "task_span_id", "number", "parent_span_id", "name", "start", "end", "outcome", "heading", "error", "end_seq", "duration", "encloses", "share", "progress", "plan", "inside_units", "inside_by_name", "units", "seen", "notifications", "recent", "attempt", "remote", "child_of") VALUES (2, '3c6ef372fe94f82aabcdef0123456789', 'c6ef372fe94f82a0', '9e3779b97f4a7c15', 31, 'daa66d2c7ddf743f', 'tab	and  ', 1700000000000033, 1700000000000116, 'failed', 0, '{"name":"Error","message":"no 28"}', 3, 83, 0, NULL, NULL, NULL, 0, NULL, 1000000000, '[0,3]', 1, '[902,1]', NULL, 0, NULL);
INSERT INTO scope ("task_id", "trace_id", "span_id", "task_span_id", "number", "parent_span_id", "name", "start", "end", "outcome", "heading", "error", "end_seq", "duration", "encloses", "share", "progress", "plan", "inside_units", "inside_by_name", "units", "seen", "notifications", "recent", "attempt", "remote", "child_of") VALUES (2, '3c6ef372fe94f82aabcdef0123456789', 'cc623af8783354e7', '9e3779b97f4a7c15', 10, 'daa66d2c7ddf743f', 'back\slash', 1700000000000012, 1700000000000064, 'completed', 0, NULL, 2, 52, 0, NULL, NULL, NULL, 0, NULL, 1000000000, '[0,2]', 1, '[902,1]', NULL, 0, NULL);
INSERT INTO scope ("task_id", "trace_id", "span_id", "task_span_id", "number", "parent_span_id", "name", "start", "end", "outcome", "heading", "error", "end_seq", "duration", "encloses", "share", "progress", "plan", "inside_units", "inside_by_name", "units", "seen", "notifications", "recent", "attempt", "remote", "child_of") VALUES (2, '3c6ef372fe94f82aabcdef0123456789', 'd5336963eefba1f8', '9e3779b97f4a7c15', 23, 'daa66d2c7ddf743f', 'tab	and  ', 1700000000000025, 1700000000000096, 'failed', 0, '{"name":"Error","message":"no 20"}', 3, 71, 0, NULL, NULL, NULL, 0, NULL, 1000000000, '[0,3]', 1, '[902,1]', NULL, 0, NULL);
INSERT INTO scope ("task_id", "trace_id", "span_id", "task_span_id", "number", "parent_span_id", "name", "start", "end", "outcome", "heading", "error", "end_seq", "duration", "encloses", "share", "progress", "plan", "inside_units", "inside_by_name", "units", "seen", "notifications", "recent", "attempt", "remote", "child_of") VALUES (2, '3c6ef372fe94f82aabcdef0123456789', 'daa66d2c7ddf743f', '9e3779b97f4a7c15', 2, '9e3779b97f4a7c15', 'Part', 1700000000000003, NULL, NULL, NULL, NULL, NULL, NULL, 1, 0.33333333333333332, '{"seq":1,"done":1,"total":3}', NULL, 35097560975, NULL, 333333333, '[0,1]', 0, NULL, NULL, 0, NULL);
INSERT INTO scope ("task_id", "trace_id", "span_id", "task_span_id", "number", "parent_span_id", "name", "start", "end", "outcome", "heading", "error", "end_seq", "duration", "encloses", "share", "progress", "plan", "inside_units", "inside_by_name", "units", "seen", "notifications", "recent", "attempt", "remote", "child_of") VALUES (2, '3c6ef372fe94f82aabcdef0123456789', 'de0497cf65c3ef09', '9e3779b97f4a7c15', 36, 'daa66d2c7ddf743f', '"\""', 1700000000000038, 1700000000000128, 'completed', 0, NULL, 3, 90, 0, 0.80487804878048785, '{"seq":2,"done":33,"total":41}', NULL, 0, NULL, 1000000000, '[0,3]', 1, '[902,1]', NULL, 0, NULL);
INSERT INTO scope ("task_id", "trace_id", "span_id", "task_span_id", "number", "parent_span_id", "name", "start", "end", "outcome", "heading", "error", "end_seq", "duration", "encloses", "share", "progress", "plan", "inside_units", "inside_by_name", "units", "seen", "notifications", "recent", "attempt", "remote", "child_of") VALUES (2, '3c6ef372fe94f82aabcdef0123456789', 'e3779b97f4a7c150', '9e3779b97f4a7c15', 15, 'daa66d2c7ddf743f', 'tab	and  ', 1700000000000017, 1700000000000077, 'failed', 0, '{"name":"Error","message":"no 12"}', 4, 60, 0, 0.29268292682926828, '{"seq":2,"done":12,"total":41}', NULL, 0, NULL, 1000000000, '[0,4]', 1, '[902,1]', NULL, 0, NULL);
INSERT INTO scope ("task_id", "trace_id", "span_id", "task_span_id", "number", "parent_span_id", "name", "start", "end", "outcome", "heading", "error", "end_seq", "duration", "encloses", "share", "progress", "plan", "inside_units", "inside_by_name", "units", "seen", "notifications", "recent", "attempt", "remote", "child_of") VALUES (2, '3c6ef372fe94f82aabcdef0123456789', 'ec48ca036b700e61', '9e3779b97f4a7c15', 28, 'daa66d2c7ddf743f', '"\""', 1700000000000030, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL, NULL, NULL, 0, NULL, 0, '[0,1]', 1, '[902,1]', NULL, 0, NULL);
INSERT INTO scope ("task_id", "trace_id", "span_id", "task_span_id", "number", "parent_span_id", "name", "start", "end", "outcome", "heading", "error", "end_seq", "duration", "encloses", "share", "progress", "plan", "inside_units", "inside_by_name", "units", "seen", "notifications", "recent", "attempt", "remote", "child_of") VALUES (2, '3c6ef372fe94f82aabcdef0123456789', 'f1bbcdcbfa53e0a8', '9e3779b97f4a7c15', 7, 'daa66d2c7ddf743f', 'tab	and  ', 1700000000000009, 1700000000000058, 'failed', 0, '{"name":"Error","message":"no 4"}', 3, 49, 0, NULL, NULL, NULL, 0, NULL, 1000000000, '[0,3]', 1, '[0,1]', NULL, 0, NULL);
INSERT INTO scope ("task_id", "trace_id", "span_id", "task_span_id", "number", "parent_span_id", "name", "start", "end", "outcome", "heading", "error", "end_seq", "duration", "encloses", "share", "progress", "plan", "inside_units", "inside_by_name", "units", "seen", "notifications", "recent", "attempt", "remote", "child_of") VALUES (2, '3c6ef372fe94f82aabcdef0123456789', 'f519f86ee2385b72', '9e3779b97f4a7c15', 41, 'daa66d2c7ddf743f', '[1]', 1700000000000043, 1700000000000139, 'completed', 0, NULL, 2, 96, 0, NULL, NULL, NULL, 0, NULL, 1000000000, '[0,2]', 1, '[902,1]', NULL, 0, NULL);
INSERT INTO scope ("task_id", "trace_id", "span_id", "task_span_id", "number", "parent_span_id", "name", "start", "end", "outcome", "heading", "error", "end_seq", "duration", "encloses", "share", "progress", "plan", "inside_units", "inside_by_name", "units", "seen", "notifications", "recent", "attempt", "remote", "child_of") VALUES (2, '3c6ef372fe94f82aabcdef0123456789', 'fa8cfc37711c2db9', '9e3779b97f4a7c15', 20, 'daa66d2c7ddf743f', '"\""', 1700000000000022, 1700000000000088, 'completed', 0, NULL, 2, 66, 0, NULL, NULL, NULL, 0, NULL, 1000000000, '[0,2]', 1, '[902,1]', NULL, 0, NULL);
INSERT INTO scope ("task_id", "trace_id", "span_id", "task_span_id", "number", "parent_span_id", "name", "start", "end", "outcome", "heading", "error", "end_seq", "duration", "encloses", "share", "progress", "plan", "inside_units", "inside_by_name", "units", "seen", "notifications", "recent", "attempt", "remote", "child_of") VALUES (3, '1715609f7c746c69abcdef0123456789', '78dde6e5fd29f054', '78dde6e5fd29f054', 3, '', 'TEST', 1700000000000006, NULL, NULL, NULL, NULL, NULL, NULL, 1, NULL, NULL, NULL, 0, NULL, 0, '[0,1]', 0, NULL, '{"attempt":2,"attributes":{},"workerId":"worker-1","workerIntervalMs":0,"cancellable":false,"parentTaskUuid":null,"sampled":true,"missing":0,"jobs":{"finished":0,"failed":0,"running":1},"exception":null,"result":{"seq":1,"json":"{\"rows\":7}"},"final":null}', 0, NULL);
INSERT INTO scope ("task_id", "trace_id", "span_id", "task_span_id", "number", "parent_span_id", "name", "start", "end", "outcome", "heading", "error", "end_seq", "duration", "encloses", "share", "progress", "plan", "inside_units", "inside_by_name", "units", "seen", "notifications", "recent", "attempt", "remote", "child_of") VALUES (3, '1715609f7c746c69abcdef0123456789', 'b54cda58fbbee87e', '78dde6e5fd29f054', 4, '78dde6e5fd29f054', 'Part', 1700000000000007, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL, NULL, NULL, 0, NULL, 0, '[0,0]', 0, NULL, NULL, 0, NULL);
INSERT INTO scope ("task_id", "trace_id", "span_id", "task_span_id", "number", "parent_span_id", "name", "start", "end", "outcome", "heading", "error", "end_seq", "duration", "encloses", "share", "progress", "plan", "inside_units", "inside_by_name", "units", "seen", "notifications", "recent", "attempt", "remote", "child_of") VALUES (3, '3c6ef372fe94f82aabcdef0123456789', '9e3779b97f4a7c15', '9e3779b97f4a7c15', 1, '', 'TEST', 1700000000000001, 1700000000000005, 'failed', 1, NULL, 1, 4, 1, NULL, NULL, NULL, 1000000000, NULL, 0, '[0,1]', 0, NULL, '{"attempt":1,"attributes":{},"workerId":"worker-1","workerIntervalMs":0,"cancellable":false,"parentTaskUuid":null,"sampled":true,"missing":0,"jobs":{"finished":0,"failed":1,"running":0},"exception":{"time":1700000000000003,"spanId":"daa66d2c7ddf743f","seq":1,"text":"the first time"},"result":null,"final":{"exception":"the first time","jobs":{"total":1,"finished":0,"failed":1}}}', 0, NULL);
INSERT INTO scope ("task_id", "trace_id", "span_id", "task_span_id", "number", "parent_span_id", "name", "start", "end", "outcome", "heading", "error", "end_seq", "duration", "encloses", "share", "progress", "plan", "inside_units", "inside_by_name", "units", "seen", "notifications", "recent", "attempt", "remote", "child_of") VALUES (3, '3c6ef372fe94f82aabcdef0123456789', 'daa66d2c7ddf743f', '9e3779b97f4a7c15', 2, '9e3779b97f4a7c15', 'Part', 1700000000000002, 1700000000000004, 'failed', 0, '{"name":"Error","message":"the first time"}', 2, 2, 0, NULL, NULL, NULL, 0, NULL, 1000000000, '[0,2]', 0, NULL, NULL, 0, NULL);
INSERT INTO scope ("task_id", "trace_id", "span_id", "task_span_id", "number", "parent_span_id", "name", "start", "end", "outcome", "heading", "error", "end_seq", "duration", "encloses", "share", "progress", "plan", "inside_units", "inside_by_name", "units", "seen", "notifications", "recent", "attempt", "remote", "child_of") VALUES (5, '3c6ef372fe94f82aabcdef0123456789', '9e3779b97f4a7c15', '9e3779b97f4a7c15', 1, '', 'TEST', 1700000000000001, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL, NULL, '{"seq":1,"plan":1}', 333333333, '{}', 0, '[0,1]', 0, NULL, '{"attempt":1,"attributes":{},"workerId":"worker-1","workerIntervalMs":0,"cancellable":false,"parentTaskUuid":null,"sampled":true,"missing":0,"jobs":{"finished":0,"failed":0,"running":1},"exception":null,"result":null,"final":null}', 0, NULL);
INSERT INTO scope ("task_id", "trace_id", "span_id", "task_span_id", "number", "parent_span_id", "name", "start", "end", "outcome", "heading", "error", "end_seq", "duration", "encloses", "share", "progress", "plan", "inside_units", "inside_by_name", "units", "seen", "notifications", "recent", "attempt", "remote", "child_of") VALUES (5, '3c6ef372fe94f82aabcdef0123456789', 'daa66d2c7ddf743f', '9e3779b97f4a7c15', 2, '9e3779b97f4a7c15', 'Child', 1700000000000003, NULL, NULL, NULL, NULL, NULL, NULL, 0, 0.33333333333333332, NULL, NULL, 0, NULL, 333333333, '[0,0]', 0, NULL, NULL, 1, NULL);
INSERT INTO scope ("task_id", "trace_id", "span_id", "task_span_id", "number", "parent_span_id", "name", "start", "end", "outcome", "heading", "error", "end_seq", "duration", "encloses", "share", "progress", "plan", "inside_units", "inside_by_name", "units", "seen", "notifications", "recent", "attempt", "remote", "child_of") VALUES (6, '3c6ef372fe94f82aabcdef0123456789', '9e3779b97f4a7c15', '9e3779b97f4a7c15', 1, '', 'TEST', 1700000000000001, NULL, NULL, NULL, NULL, NULL, NULL, 0, 0.33333333333333332, '{"seq":1,"done":1,"total":3}', NULL, 0, NULL, 0, '[0,1]', 0, NULL, '{"attempt":1,"attributes":{},"workerId":"worker-1","workerIntervalMs":0,"cancellable":false,"parentTaskUuid":"00000000-0000-4000-8000-000000000005","parentScope":{"taskSpanId":"9e3779b97f4a7c15","spanId":"daa66d2c7ddf743f"},"sampled":true,"missing":0,"jobs":{"finished":0,"failed":0,"running":0},"exception":null,"result":null,"final":null}', 0, '00000000-0000-4000-8000-000000000005-3c6ef372fe94f82aabcdef0123456789-daa66d2c7ddf743f');
INSERT INTO deleted_change ("last") VALUES (0);
INSERT INTO journal ("task_id", "offset", "version", "bytes", "text", "entries") VALUES (1, 0, 1, 511, '	 - TEST - First part
	Some notification related to the task
		Successfully completed
		Time spent: 0h0m
	 - TEST - Second part
	 - My subtask 1 in my task 2
	Some notification related to the task
		Successfully completed
		Time spent: 0h0m
	 - My subtask 2 in my task 2
		Failed
		Time spent: 0h0m
		See error message:
ZeroDivisionError: division by zero
	 - My subtask 3 in my task 2
	Some notification related to the task
		Successfully completed
		Time spent: 0h0m
	Task Finished - 3 out of 4 jobs finished
', X'10168480F28183898506112702102C02181702201E02212702202C02281E02285504301E02312702302C02082A04');
INSERT INTO journal ("task_id", "offset", "version", "bytes", "text", "entries") VALUES (2, 0, 1, 902, '	 - Part
	 - 
	 - "
	 - "quoted"
	 - a␀b
	 - tab	and
	 - é 漢 🙂
	 - [1]
	 - back\slash
	 - 
	 - "
	 - "quoted"
	 - a␀b
	 - tab	and
	 - é 漢 🙂
	 - [1]
	 - back\slash
	 - 
	 - "
	 - "quoted"
	 - a␀b
	 - tab	and
	 - é 漢 🙂
	 - [1]
	 - back\slash
	 - 
	 - "
	 - "quoted"
	 - a␀b
	 - tab	and
	 - é 漢 🙂
	 - [1]
	 - back\slash
	 - 
	 - "
	 - "quoted"
	 - a␀b
	 - tab	and
	 - é 漢 🙂
	 - [1]
	 - back\slash
	line of 0
		Failed
		Time spent: 0h0m
		See error message:
Error: no 0
	 - " (continued)
	line of 1
		Successfully completed
		Time spent: 0h0m
	 - "quoted" (continued)
	line of 2
		Successfully completed
		Time spent: 0h0m
	 - a␀b (continued)
	line of 3
		Successfully completed
		Time spent: 0h0m
	 - tab	and (continued)
	line of 4
		Failed
		Time spent: 0h0m
		See error message:
Error: no 4
	 - é 漢 🙂 (continued)
	line of 5
	 - [1] (continued)
	line of 6
', X'10098680F28183898506180504200602280D02300A02380C02401002480802500F02580502600602680D02700A02780C02800110028801080290010F0298010502A0010602A8010D02B0010A02B8010C02C0011002C8010802D0010F02D8010502E0010602E8010D02F0010A02F8010C02800210028802080290020F0298020502A0020602A8020D02B0020A02B8020C02C0021002C8020802D0020F02190B02183D06231D02202C022B2402282C02332102302C043B2302383D044327024B1F02');
INSERT INTO journal ("task_id", "offset", "version", "bytes", "text", "entries") VALUES (2, 902, 2, 2495, '		Successfully completed
		Time spent: 0h0m
	 - back\slash (continued)
	line of 7
		Successfully completed
		Time spent: 0h0m
	line of 8
		Failed
		Time spent: 0h0m
		See error message:
Error: no 8
	 - " (continued)
	line of 9
		Successfully completed
		Time spent: 0h0m
	 - "quoted" (continued)
	line of 10
	 - a␀b (continued)
	line of 11
		Successfully completed
		Time spent: 0h0m
	 - tab	and (continued)
	line of 12
		Failed
		Time spent: 0h0m
		See error message:
Error: no 12
	 - é 漢 🙂 (continued)
	line of 13
		Successfully completed
		Time spent: 0h0m
	 - [1] (continued)
	line of 14
		Successfully completed
		Time spent: 0h0m
	 - back\slash (continued)
	line of 15
	line of 16
		Failed
		Time spent: 0h0m
		See error message:
Error: no 16
	 - " (continued)
	line of 17
		Successfully completed
		Time spent: 0h0m
	 - "quoted" (continued)
	line of 18
		Successfully completed
		Time spent: 0h0m
	 - a␀b (continued)
	line of 19
		Successfully completed
		Time spent: 0h0m
	 - tab	and (continued)
	line of 20
		Failed
		Time spent: 0h0m
		See error message:
Error: no 20
	 - é 漢 🙂 (continued)
	line of 21
		Successfully completed
		Time spent: 0h0m
	 - [1] (continued)
	line of 22
		Successfully completed
		Time spent: 0h0m
	 - back\slash (continued)
	line of 23
		Successfully completed
		Time spent: 0h0m
	line of 24
		Failed
		Time spent: 0h0m
		See error message:
Error: no 24
	 - " (continued)
	line of 25
	 - "quoted" (continued)
	line of 26
		Successfully completed
		Time spent: 0h0m
	 - a␀b (continued)
	line of 27
		Successfully completed
		Time spent: 0h0m
	 - tab	and (continued)
	line of 28
		Failed
		Time spent: 0h0m
		See error message:
Error: no 28
	 - é 漢 🙂 (continued)
	line of 29
		Successfully completed
		Time spent: 0h0m
	 - [1] (continued)
	line of 30
	 - back\slash (continued)
	line of 31
		Successfully completed
		Time spent: 0h0m
	line of 32
		Failed
		Time spent: 0h0m
		See error message:
Error: no 32
	 - " (continued)
	line of 33
		Successfully completed
		Time spent: 0h0m
	 - "quoted" (continued)
	line of 34
		Successfully completed
		Time spent: 0h0m
	 - a␀b (continued)
	line of 35
	 - tab	and (continued)
	line of 36
		Failed
		Time spent: 0h0m
		See error message:
Error: no 36
	 - é 漢 🙂 (continued)
	line of 37
		Successfully completed
		Time spent: 0h0m
	 - [1] (continued)
	line of 38
		Successfully completed
		Time spent: 0h0m
	 - back\slash (continued)
	line of 39
		Successfully completed
		Time spent: 0h0m
', X'482CFC80F28183898506532602502C02590B02583D04631D02602C046B2502732202702C027B2402783E068301280280012C028B01200288012C029301270299010C0498013E04A3011E02A0012C02AB012502A8012C04B3012202B0012C02BB012402B8013E04C3012802C0012C04CB012002C8012C02D3012702D0012C02D9010C02D8013E06E3011E02EB012502E8012C02F3012202F0012C04FB012402F8013E048302280280022C028B0220029302270490022C0299020C0298023E04A3021E02A0022C04AB022502A8022C02B3022202BB022402B8023E06C3022802C0022C02CB022002C8022C02D3022702D0022C04');
INSERT INTO journal ("task_id", "offset", "version", "bytes", "text", "entries") VALUES (3, 0, 1, 142, '	 - Part
		Failed
		Time spent: 0h0m
		See error message:
Error: the first time
	Task Finished - 0 out of 1 jobs finished
	Attempt 2
	 - Part
', X'10098480F28183898506104704082A02180B02200902');
INSERT INTO journal ("task_id", "offset", "version", "bytes", "text", "entries") VALUES (5, 0, 1, 10, '	 - Child
', X'100A8680F28183898506');
PRAGMA user_version = 10;
PRAGMA application_id = 1953722478;
