-- migrate:up
CREATE TABLE people (id bigint PRIMARY KEY, name text);
-- migrate:no-verify A sample.
