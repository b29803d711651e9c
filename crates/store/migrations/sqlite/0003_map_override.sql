-- What an environment changes in the map of a unified resource. `method` is empty where it is for all methods.
CREATE TABLE map_override (
    id text PRIMARY KEY NOT NULL,
    environment_id text NOT NULL REFERENCES environment (id) ON DELETE CASCADE,
    integration text NOT NULL,
    model text NOT NULL,
    resource text NOT NULL,
    method text NOT NULL,
    config text NOT NULL,
    version bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL
);
CREATE UNIQUE INDEX map_override_environment_id_integration_model_resource_method
ON map_override (environment_id, integration, model, resource, method);
