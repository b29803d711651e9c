-- Who does something that only one node may do at a time, and until when others take it for done.
CREATE TABLE lease (
    name text PRIMARY KEY NOT NULL,
    holder text NOT NULL,
    expires_at bigint NOT NULL
);

-- A person who was sent to a platform to say yes, by the digest of what comes back with them. `secrets` is sealed: what the attempt goes
-- on with.
CREATE TABLE oauth_state (
    id text PRIMARY KEY NOT NULL,
    environment_id text NOT NULL REFERENCES environment (id) ON DELETE CASCADE,
    hash text NOT NULL,
    secrets text NOT NULL,
    expires_at bigint NOT NULL,
    created_at bigint NOT NULL
);
CREATE UNIQUE INDEX oauth_state_hash ON oauth_state (hash);
CREATE INDEX oauth_state_by_environment ON oauth_state (environment_id);
CREATE INDEX oauth_state_by_expiry ON oauth_state (expires_at);
