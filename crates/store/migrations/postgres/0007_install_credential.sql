-- The name and the password by which a platform tells of accounts that installed the product's app; the password as a digest.
CREATE TABLE install_credential (
    environment_integration_id text COLLATE "C" PRIMARY KEY NOT NULL REFERENCES environment_integration (id) ON DELETE CASCADE,
    hash text COLLATE "C" NOT NULL,
    created_at bigint NOT NULL
);
