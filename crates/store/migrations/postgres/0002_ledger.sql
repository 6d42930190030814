-- The days that have a table of rows, `ledger_20261121`; days are counted from 1970-01-01. The tables are made when they are needed.
-- Rows stand in them by the block, as JSON lists: `SELECT value ->> 'model', value ->> 'cost' FROM ledger_20261121, json_array_elements(attempts::json)`.
CREATE TABLE ledger_days (
    day BIGINT PRIMARY KEY
);

-- How far each process's journal has been folded. Moved in the transaction that brings the rows, so that each row comes once.
CREATE TABLE ledger_positions (
    journal TEXT PRIMARY KEY,
    segment BIGINT NOT NULL,
    at_byte BIGINT NOT NULL,
    changed BIGINT NOT NULL
);

-- Sums over all callers. Hours are counted from 1970-01-01; durations are microseconds, costs billionths of a dollar.
CREATE TABLE usage_totals (
    hour BIGINT NOT NULL,
    model TEXT NOT NULL,
    provider TEXT NOT NULL,
    target_model TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    outcome TEXT NOT NULL,
    requests BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    input BIGINT NOT NULL,
    output BIGINT NOT NULL,
    cache_read BIGINT NOT NULL,
    cache_write BIGINT NOT NULL,
    reasoning BIGINT NOT NULL,
    audio BIGINT NOT NULL,
    image BIGINT NOT NULL,
    cost BIGINT NOT NULL,
    estimated BIGINT NOT NULL,
    unpriced BIGINT NOT NULL,
    duration BIGINT NOT NULL,
    first_token_sum BIGINT NOT NULL,
    first_token_count BIGINT NOT NULL,
    PRIMARY KEY (hour, model, provider, target_model, endpoint, outcome)
);

-- Sums by key.
CREATE TABLE usage_hours (
    hour BIGINT NOT NULL,
    key TEXT NOT NULL,
    team TEXT NOT NULL,
    model TEXT NOT NULL,
    provider TEXT NOT NULL,
    target_model TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    outcome TEXT NOT NULL,
    requests BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    input BIGINT NOT NULL,
    output BIGINT NOT NULL,
    cache_read BIGINT NOT NULL,
    cache_write BIGINT NOT NULL,
    reasoning BIGINT NOT NULL,
    audio BIGINT NOT NULL,
    image BIGINT NOT NULL,
    cost BIGINT NOT NULL,
    estimated BIGINT NOT NULL,
    unpriced BIGINT NOT NULL,
    duration BIGINT NOT NULL,
    first_token_sum BIGINT NOT NULL,
    first_token_count BIGINT NOT NULL,
    PRIMARY KEY (hour, key, team, model, provider, target_model, endpoint, outcome)
);
CREATE INDEX usage_hours_by_key ON usage_hours (key, hour);

-- Sums by end user.
CREATE TABLE usage_users (
    day BIGINT NOT NULL,
    key TEXT NOT NULL,
    team TEXT NOT NULL,
    end_user TEXT NOT NULL,
    model TEXT NOT NULL,
    requests BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    input BIGINT NOT NULL,
    output BIGINT NOT NULL,
    cache_read BIGINT NOT NULL,
    cache_write BIGINT NOT NULL,
    reasoning BIGINT NOT NULL,
    audio BIGINT NOT NULL,
    image BIGINT NOT NULL,
    cost BIGINT NOT NULL,
    estimated BIGINT NOT NULL,
    unpriced BIGINT NOT NULL,
    duration BIGINT NOT NULL,
    first_token_sum BIGINT NOT NULL,
    first_token_count BIGINT NOT NULL,
    PRIMARY KEY (day, key, team, end_user, model)
);

-- Every tag that a key had when it was used.
CREATE TABLE key_tags (
    tag TEXT NOT NULL,
    key TEXT NOT NULL,
    PRIMARY KEY (tag, key)
);
CREATE INDEX key_tags_by_key ON key_tags (key, tag);
