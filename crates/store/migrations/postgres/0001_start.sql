-- Ids are UUID version 7, times microseconds since 1970, JSON text. Both databases have the same names throughout; a unique
-- index is named after its table and columns, because SQLite names those when it refuses a row. Texts that are compared sort
-- by bytes, as in SQLite, whatever the database's locale.

CREATE TABLE environment (
    id text COLLATE "C" PRIMARY KEY NOT NULL,
    name text COLLATE "C" NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL
);
CREATE UNIQUE INDEX environment_name ON environment (name);

-- A token's text is never kept, only its digest.
CREATE TABLE api_token (
    id text COLLATE "C" PRIMARY KEY NOT NULL,
    environment_id text COLLATE "C" NOT NULL REFERENCES environment (id) ON DELETE CASCADE,
    name text COLLATE "C" NOT NULL,
    hash text COLLATE "C" NOT NULL,
    created_by text COLLATE "C",
    expires_at bigint,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL
);
CREATE UNIQUE INDEX api_token_hash ON api_token (hash);
CREATE INDEX api_token_by_environment ON api_token (environment_id, id);

-- An integration installed in an environment. `integration` is the name of its definition; `secrets` is sealed.
CREATE TABLE environment_integration (
    id text COLLATE "C" PRIMARY KEY NOT NULL,
    environment_id text COLLATE "C" NOT NULL REFERENCES environment (id) ON DELETE CASCADE,
    integration text COLLATE "C" NOT NULL,
    is_enabled boolean NOT NULL,
    show_in_catalog boolean NOT NULL,
    override text NOT NULL,
    secrets text,
    version bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL
);
CREATE UNIQUE INDEX environment_integration_environment_id_integration
ON environment_integration (environment_id, integration);

-- One connected account. `context` holds what is no secret; `secrets` is sealed.
CREATE TABLE integrated_account (
    id text COLLATE "C" PRIMARY KEY NOT NULL,
    environment_id text COLLATE "C" NOT NULL REFERENCES environment (id) ON DELETE CASCADE,
    environment_integration_id text COLLATE "C" NOT NULL REFERENCES environment_integration (id) ON DELETE CASCADE,
    tenant_id text COLLATE "C" NOT NULL,
    authentication_method text COLLATE "C" NOT NULL,
    region text COLLATE "C",
    status text COLLATE "C" NOT NULL,
    is_sandbox boolean NOT NULL,
    context text NOT NULL,
    secrets text,
    unified_model_override text NOT NULL,
    integration_override text NOT NULL,
    last_error text,
    last_forbidden_error text,
    last_action_result text,
    version bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL
);
CREATE INDEX integrated_account_by_environment ON integrated_account (environment_id, id);
CREATE INDEX integrated_account_by_tenant ON integrated_account (environment_id, tenant_id);
CREATE INDEX integrated_account_by_environment_integration ON integrated_account (environment_integration_id);

CREATE TABLE integrated_account_token (
    id text COLLATE "C" PRIMARY KEY NOT NULL,
    integrated_account_id text COLLATE "C" NOT NULL REFERENCES integrated_account (id) ON DELETE CASCADE,
    hash text COLLATE "C" NOT NULL,
    expires_at bigint NOT NULL,
    created_at bigint NOT NULL
);
CREATE UNIQUE INDEX integrated_account_token_hash ON integrated_account_token (hash);
CREATE INDEX integrated_account_token_by_account ON integrated_account_token (integrated_account_id);
CREATE INDEX integrated_account_token_by_expiry ON integrated_account_token (expires_at);

-- Calls that passed the gateway. No references: a row outlives its account, and inserting asks no other table.
CREATE TABLE log (
    id text COLLATE "C" PRIMARY KEY NOT NULL,
    log_type text COLLATE "C" NOT NULL,
    environment_id text COLLATE "C" NOT NULL,
    integrated_account_id text COLLATE "C",
    tenant_id text COLLATE "C",
    integration text COLLATE "C",
    request_type text COLLATE "C",
    resource text COLLATE "C",
    method text COLLATE "C",
    http_method text COLLATE "C",
    http_url text,
    http_status_code bigint,
    http_status_category text COLLATE "C",
    duration bigint,
    fetch_duration bigint,
    result_count bigint,
    integrated_account_needs_reauth boolean NOT NULL,
    logs text NOT NULL,
    message text,
    created_at bigint NOT NULL
);
CREATE INDEX log_by_environment ON log (environment_id, created_at, id);
CREATE INDEX log_by_account ON log (integrated_account_id, created_at, id);
CREATE INDEX log_by_time ON log (created_at);

-- Keys that seal credentials, each wrapped by the master key that is named. The newest seals; all of them open.
CREATE TABLE data_key (
    id text COLLATE "C" PRIMARY KEY NOT NULL,
    master_key_id text COLLATE "C" NOT NULL,
    wrapped text NOT NULL,
    created_at bigint NOT NULL
);

-- What changed, in the order of its commit: each write raises the one row of change_head, whose lock is held until the
-- commit. Only the latest changes are kept.
CREATE TABLE change_head (
    id bigint PRIMARY KEY NOT NULL CHECK (id = 1),
    sequence bigint NOT NULL
);
INSERT INTO change_head (id, sequence) VALUES (1, 0);

CREATE TABLE change (
    sequence bigint PRIMARY KEY NOT NULL,
    kind text COLLATE "C" NOT NULL,
    record_key text COLLATE "C" NOT NULL
);
