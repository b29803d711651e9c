-- A write that its caller named by a key: who does it until when, and its answer once there is one. `owner` is the environment or
-- account whose token was used; `answer` is sealed. `is_unknown`: whether the write was applied is not known.
CREATE TABLE idempotency_key (
    id text PRIMARY KEY NOT NULL,
    environment_id text NOT NULL REFERENCES environment (id) ON DELETE CASCADE,
    owner text NOT NULL,
    name text NOT NULL,
    fingerprint text NOT NULL,
    holder text NOT NULL,
    lease_until bigint NOT NULL,
    is_unknown boolean NOT NULL,
    answer text,
    expires_at bigint NOT NULL,
    created_at bigint NOT NULL
);
CREATE UNIQUE INDEX idempotency_key_owner_name ON idempotency_key (owner, name);
CREATE INDEX idempotency_key_by_environment ON idempotency_key (environment_id);
CREATE INDEX idempotency_key_by_expiry ON idempotency_key (expires_at);
