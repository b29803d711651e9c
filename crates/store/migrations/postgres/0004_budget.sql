-- How far platforms' limits are used, one row a limit: see the crate upstream for what is in a state.
CREATE TABLE budget (
    name text COLLATE "C" PRIMARY KEY NOT NULL,
    version bigint NOT NULL,
    state jsonb NOT NULL,
    updated_at bigint NOT NULL
);
CREATE INDEX budget_by_time ON budget (updated_at);

-- How long a call waited for its turn, in milliseconds, and what for.
ALTER TABLE log ADD COLUMN wait_duration bigint;
ALTER TABLE log ADD COLUMN wait_reason text COLLATE "C";
