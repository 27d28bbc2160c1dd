"""RDS endpoints that lead to a real PostgreSQL, where the master user gets its secret's password.

LOCAL_AWS_PG_HOST, LOCAL_AWS_PG_PORT: where it listens. LOCAL_AWS_PG_ADMIN_URL: a superuser of it, under a name that
is not the master user's. Without the last one RDS stays as MiniStack has it: recorded only.
"""
import os

import psycopg2
from ministack.services import rds
from ministack.services.cloudformation import provisioners

HOST = os.environ.get("LOCAL_AWS_PG_HOST", "127.0.0.1")
PORT = int(os.environ.get("LOCAL_AWS_PG_PORT", "5432"))
ADMIN_URL = os.environ.get("LOCAL_AWS_PG_ADMIN_URL", "")


def run_sql(sql):
    """One SQL text, outside a transaction block; the first row, if there is one."""
    connection = psycopg2.connect(ADMIN_URL, connect_timeout=10)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchone() if cursor.description else None
    finally:
        connection.close()


def literal(text):
    return "'" + text.replace("'", "''") + "'"


def identifier(name):
    return '"' + name.replace('"', '""') + '"'


def create_role(name, options):
    if not run_sql(f"SELECT 1 FROM pg_roles WHERE rolname = {literal(name)}"):
        run_sql(f"CREATE ROLE {identifier(name)} {options}")


def create_master_user(user, password):
    """RDS's master user: no superuser, but a member of rds_superuser that may make roles and databases."""
    for group in ("rds_superuser", "rds_iam", "rds_password"):
        create_role(group, "NOLOGIN")
    run_sql("GRANT pg_monitor, pg_signal_backend TO rds_superuser WITH ADMIN OPTION")
    create_role(user, "LOGIN CREATEDB CREATEROLE")
    run_sql(f"GRANT rds_superuser, rds_iam, rds_password TO {identifier(user)} WITH ADMIN OPTION")
    run_sql(f"ALTER ROLE {identifier(user)} PASSWORD {literal(password)}")


def create_database(name, owner):
    """The database that the template names; without a name RDS has only `postgres`."""
    if name and not run_sql(f"SELECT 1 FROM pg_database WHERE datname = {literal(name)}"):
        run_sql(f"CREATE DATABASE {identifier(name)} OWNER {identifier(owner)}")


def on_real_postgres(resource_type, store, database_property):
    types = provisioners._RESOURCE_HANDLERS
    original = types[resource_type]

    def attached(physical_id, attrs):
        record = store()[physical_id]
        if record.get("DBName") == "mydb":  # MiniStack's own default
            record["DBName"] = ""
        if isinstance(record.get("Endpoint"), dict):
            record["Endpoint"].update(Address=HOST, Port=PORT)
        else:
            record["Endpoint"], record["Port"] = HOST, PORT
        for key in attrs:
            if key.endswith("Endpoint.Address"):
                attrs[key] = HOST
            elif key.endswith("Endpoint.Port"):
                attrs[key] = str(PORT)
        return physical_id, attrs

    def create(logical_id, props, stack):
        created = original["create"](logical_id, props, stack)
        if props.get("MasterUserPassword"):
            create_master_user(props["MasterUsername"], props["MasterUserPassword"])
            create_database(props.get(database_property), props["MasterUsername"])
        return attached(*created)

    def update(physical_id, *args, **kwargs):
        return attached(*original["update"](physical_id, *args, **kwargs))

    types[resource_type] = {**original, "create": create, **({"update": update} if "update" in original else {})}


def install():
    if not ADMIN_URL:
        return
    on_real_postgres("AWS::RDS::DBInstance", lambda: rds._instances, "DBName")
    on_real_postgres("AWS::RDS::DBCluster", lambda: rds._clusters, "DatabaseName")
