-- Keys and teams. `spec` is a JSON document of everything that is not asked for by column.
CREATE TABLE teams (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    spec TEXT NOT NULL,
    created BIGINT NOT NULL,
    changed BIGINT NOT NULL
);

-- `hash` is the HMAC of the key in hex; the key itself is nowhere. After a rotation `old_hash` works until `old_until`.
CREATE TABLE keys (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    hash TEXT NOT NULL UNIQUE,
    hint TEXT NOT NULL,
    old_hash TEXT UNIQUE,
    old_until BIGINT,
    team TEXT REFERENCES teams (id),
    spec TEXT NOT NULL,
    created BIGINT NOT NULL,
    changed BIGINT NOT NULL
);
CREATE INDEX keys_by_team ON keys (team, id);

-- Every change of a key or team: other instances read on from the last one that they know, and people see who did what.
CREATE TABLE audit (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    detail TEXT NOT NULL
);

-- Values of one instance or of all: the secret that keys are hashed with, the admin key's hash.
CREATE TABLE settings (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
);
