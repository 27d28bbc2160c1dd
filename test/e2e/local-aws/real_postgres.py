"""RDS instances and clusters that lead to a real PostgreSQL, where the master user gets its secret's password.

LOCAL_AWS_DATABASES: a folder with `<identifier>.json` for each instance or cluster that a stack may make, written by
whoever started that server: {"host", "port", "adminUrl"}, the last of a superuser whose name is not the master user's.
"""
import json
import os
import secrets
import uuid

import psycopg2
from ministack.services import rds
from ministack.services.cloudformation import provisioners

FOLDER = os.environ.get("LOCAL_AWS_DATABASES", "")


class Server:
    def __init__(self, identifier):
        file = os.path.join(FOLDER, f"{identifier}.json")
        if not os.path.exists(file):
            raise ValueError(f"no PostgreSQL is registered for the RDS identifier {identifier}")
        with open(file) as text:
            self.__dict__.update(json.load(text))

    def run(self, sql):
        """One SQL text, outside a transaction block; the first row, if there is one."""
        connection = psycopg2.connect(self.adminUrl, connect_timeout=10)
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(sql)
                return cursor.fetchone() if cursor.description else None
        finally:
            connection.close()

    def create_role(self, name, options):
        if not self.run(f"SELECT 1 FROM pg_roles WHERE rolname = {literal(name)}"):
            self.run(f"CREATE ROLE {identifier(name)} {options}")

    def create_master_user(self, user, password):
        """No superuser, but a member of rds_superuser that may make roles and databases."""
        for group in ("rds_superuser", "rds_iam", "rds_password"):
            self.create_role(group, "NOLOGIN")
        self.run("GRANT pg_monitor, pg_signal_backend TO rds_superuser WITH ADMIN OPTION")
        self.create_role(user, "LOGIN CREATEDB CREATEROLE")
        self.run(f"GRANT rds_superuser, rds_iam, rds_password TO {identifier(user)} WITH ADMIN OPTION")
        self.run(f"ALTER ROLE {identifier(user)} PASSWORD {literal(password)}")

    def create_database(self, name, owner):
        """The database that the template names; without a name RDS has only `postgres`."""
        if name and not self.run(f"SELECT 1 FROM pg_database WHERE datname = {literal(name)}"):
            self.run(f"CREATE DATABASE {identifier(name)} OWNER {identifier(owner)}")


def literal(text):
    return "'" + text.replace("'", "''") + "'"


def identifier(name):
    return '"' + name.replace('"', '""') + '"'


def managed_secret(user, stack):
    """What RDS makes with ManageMasterUserPassword: its ARN, its physical id, the password."""
    password = secrets.token_urlsafe(24)
    name, attributes = provisioners._RESOURCE_HANDLERS["AWS::SecretsManager::Secret"]["create"](
        "MasterUserSecret",
        {"Name": f"rds!{uuid.uuid4()}", "SecretString": json.dumps({"username": user, "password": password})}, stack)
    return attributes["Arn"], name, password


def on_real_postgres(resource_type, store, database_property):
    types = provisioners._RESOURCE_HANDLERS
    original = types[resource_type]
    managed = {}  # physical id -> (secret's ARN, secret's physical id)

    def attached(physical_id, attrs):
        record = store()[physical_id]
        cluster = record.get("DBClusterIdentifier") if resource_type == "AWS::RDS::DBInstance" else None
        server = Server(cluster or physical_id)
        if record.get("DBName") == "mydb":  # MiniStack's own default
            record["DBName"] = ""
        if isinstance(record.get("Endpoint"), dict):
            record["Endpoint"].update(Address=server.host, Port=server.port)
        else:
            record["Endpoint"], record["Port"] = server.host, server.port
        for key in attrs:
            if key.endswith("Endpoint.Address"):
                attrs[key] = server.host
            elif key.endswith("Endpoint.Port"):
                attrs[key] = str(server.port)
        if physical_id in managed:
            attrs["MasterUserSecret.SecretArn"] = managed[physical_id][0]
        return physical_id, attrs

    def create(logical_id, props, stack):
        physical_id, attrs = original["create"](logical_id, props, stack)
        user, password = props.get("MasterUsername"), props.get("MasterUserPassword")
        if str(props.get("ManageMasterUserPassword")).lower() == "true":
            arn, secret, password = managed_secret(user, stack)
            managed[physical_id] = (arn, secret)
        if password:
            server = Server(physical_id)
            server.create_master_user(user, password)
            server.create_database(props.get(database_property), user)
        return attached(physical_id, attrs)

    def update(physical_id, *args, **kwargs):
        return attached(*original["update"](physical_id, *args, **kwargs))

    def delete(physical_id, props):
        original["delete"](physical_id, props)
        if physical_id in managed:
            types["AWS::SecretsManager::Secret"]["delete"](managed.pop(physical_id)[1], {})

    types[resource_type] = {**original, "create": create, "update": update, "delete": delete}


def install():
    on_real_postgres("AWS::RDS::DBInstance", lambda: rds._instances, "DBName")
    on_real_postgres("AWS::RDS::DBCluster", lambda: rds._clusters, "DatabaseName")
