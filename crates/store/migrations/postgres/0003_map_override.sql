-- What an environment changes in the map of a unified resource. `method` is empty where it is for all methods.
CREATE TABLE map_override (
    id text COLLATE "C" PRIMARY KEY NOT NULL,
    environment_id text COLLATE "C" NOT NULL REFERENCES environment (id) ON DELETE CASCADE,
    integration text COLLATE "C" NOT NULL,
    model text COLLATE "C" NOT NULL,
    resource text COLLATE "C" NOT NULL,
    method text COLLATE "C" NOT NULL,
    config text NOT NULL,
    version bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL
);
CREATE UNIQUE INDEX map_override_environment_id_integration_model_resource_method
ON map_override (environment_id, integration, model, resource, method);
