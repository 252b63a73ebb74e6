#!/bin/sh
# Runs once, when the database is first made: the owner migrates, the app may only use what it made.
set -eu
psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
    --set owner_password="$CUX_OWNER_PASSWORD" --set app_password="$CUX_APP_PASSWORD" <<'SQL'
CREATE ROLE cux_owner LOGIN PASSWORD :'owner_password';
CREATE ROLE cux_app LOGIN PASSWORD :'app_password';
ALTER ROLE cux_app SET lock_timeout = '10s';
ALTER ROLE cux_app SET idle_in_transaction_session_timeout = '60s';
CREATE DATABASE cux OWNER cux_owner;
\connect cux
ALTER DEFAULT PRIVILEGES FOR ROLE cux_owner GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO cux_app;
ALTER DEFAULT PRIVILEGES FOR ROLE cux_owner GRANT USAGE, SELECT ON SEQUENCES TO cux_app;
SQL
