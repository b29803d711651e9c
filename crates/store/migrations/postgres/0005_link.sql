-- Where an environment's accounts may be connected from, and how that looks: JSON.
ALTER TABLE environment ADD COLUMN link text NOT NULL DEFAULT '{}';

-- Raised each time an account is connected: what comes of an earlier attempt is dropped.
ALTER TABLE integrated_account ADD COLUMN attempt bigint NOT NULL DEFAULT 1;
-- When an account first became active. Accounts that never did are swept some day; which of those from before this column did is not
-- known, so they count as if they had.
ALTER TABLE integrated_account ADD COLUMN activated_at bigint;
UPDATE integrated_account SET activated_at = created_at;
CREATE INDEX integrated_account_by_activation ON integrated_account (activated_at, updated_at);
CREATE INDEX integrated_account_by_status ON integrated_account (status, updated_at);

-- The right to connect one account, kept as a digest. `integrated_account_id`: the account to connect again, or the one that was made
-- by the first try. `attempt`: the account's attempt that this token began last; when that makes it active, the token is used.
CREATE TABLE link_token (
    id text COLLATE "C" PRIMARY KEY NOT NULL,
    environment_id text COLLATE "C" NOT NULL REFERENCES environment (id) ON DELETE CASCADE,
    hash text COLLATE "C" NOT NULL,
    tenant_id text COLLATE "C" NOT NULL,
    integrated_account_id text COLLATE "C" REFERENCES integrated_account (id) ON DELETE SET NULL,
    is_reconnect boolean NOT NULL,
    attempt bigint,
    settings text NOT NULL,
    secrets text,
    expires_at bigint NOT NULL,
    used_at bigint,
    created_at bigint NOT NULL
);
CREATE UNIQUE INDEX link_token_hash ON link_token (hash);
CREATE INDEX link_token_by_environment ON link_token (environment_id);
CREATE INDEX link_token_by_account ON link_token (integrated_account_id);
CREATE INDEX link_token_by_expiry ON link_token (expires_at);

-- What happened, written in the transaction of its cause. No reference to the account: its events outlive it.
CREATE TABLE event (
    id text COLLATE "C" PRIMARY KEY NOT NULL,
    environment_id text COLLATE "C" NOT NULL REFERENCES environment (id) ON DELETE CASCADE,
    integrated_account_id text COLLATE "C",
    event text COLLATE "C" NOT NULL,
    payload text NOT NULL,
    created_at bigint NOT NULL
);
CREATE INDEX event_by_environment ON event (environment_id, created_at, id);
CREATE INDEX event_by_account ON event (integrated_account_id, created_at, id);
CREATE INDEX event_by_time ON event (created_at);
