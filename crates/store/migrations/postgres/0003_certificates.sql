-- What instances share of certificates: accounts, certificates with their keys, answers to challenges.
CREATE TABLE certificates (
    name TEXT PRIMARY KEY,
    text TEXT NOT NULL,
    written BIGINT NOT NULL -- seconds since 1970
);
-- Who may do what one instance alone may do. Free when its time is over.
CREATE TABLE leases (
    name TEXT PRIMARY KEY,
    holder TEXT NOT NULL,
    ends BIGINT NOT NULL -- milliseconds since 1970
);
