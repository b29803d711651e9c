//! HTTP: API routes, envelopes, OpenAPI, metrics.
