"""Certificates that the managed runtime ships: a function that asks for /var/runtime/ca-cert.pem gets LOCAL_AWS_ROOTS.

There it holds Amazon's roots for RDS. Here it holds the authority that the PostgreSQL behind RDS is certified by.
"""
import os

from ministack.core import lambda_runtime

SHIPPED = "/var/runtime/ca-cert.pem"
ROOTS = os.environ.get("LOCAL_AWS_ROOTS", "")


def install():
    if not ROOTS:
        return
    init = lambda_runtime.Worker.__init__

    def with_roots(self, func_name, config, code_zip):
        environment = config.get("Environment") or {}
        variables = {name: ROOTS if value == SHIPPED else value
                     for name, value in (environment.get("Variables") or {}).items()}
        init(self, func_name, {**config, "Environment": {**environment, "Variables": variables}}, code_zip)

    lambda_runtime.Worker.__init__ = with_roots
