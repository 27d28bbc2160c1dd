"""The Data API as its clients see it fail: error class and text with the SQLSTATE, and a transaction that ends at its
first error. Statements run beside the server's loop, so that one that waits for a lock does not stop all of the AWS.

Still missing: one statement a call, 65,536 characters, 45 seconds, idle transactions, 1 MiB. The tests of that
transport have an endpoint of their own for these.
"""
import asyncio

from ministack.core.concurrency import run_offloop
from ministack.services import rds_data


# A login that the server refuses has no SQLSTATE in psycopg2, only its words.
REFUSED = {'database "': "3D000", "password authentication failed": "28P01", 'role "': "28000"}


def sql_error(error):
    words = str(error).strip()
    if getattr(error, "pgcode", None) is not None:
        diagnostics, severity, sqlstate = error.diag, error.diag.severity, error.pgcode
        words = diagnostics.message_primary or ""
        if diagnostics.message_detail:
            words += f"\n  Detail: {diagnostics.message_detail}"
        if diagnostics.statement_position:
            words += f"; Position: {diagnostics.statement_position}"
    else:
        severity = "FATAL"
        # The first: libpq tries again without TLS, and is refused for that.
        words = words.partition("FATAL:")[2].partition("\n")[0].strip()
        sqlstate = next((code for start, code in REFUSED.items() if words.startswith(start)), None)
    if sqlstate is None:
        return rds_data._transient_database_error(f"Database endpoint is not available: {error}")
    return rds_data._error("DatabaseErrorException", f"{severity}: {words}; SQLState: {sqlstate}")


def end_transaction(transaction_id):
    with rds_data._lock:
        transaction = rds_data._transactions.pop(transaction_id, None)
    if transaction:
        transaction["conn"].close()


def install():
    rds_data._has_real_endpoint = lambda instance: bool(instance and instance.get("Endpoint"))
    rds_data._sql_execution_error = sql_error
    execute, handle = rds_data._execute_statement, rds_data.handle_request

    def execute_statement(data):
        response = execute(data)
        if response[0] >= 400 and data.get("transactionId"):
            end_transaction(data["transactionId"])
        return response

    def transaction_not_found(transaction_id):
        return rds_data._error("TransactionNotFoundException", f"Transaction {transaction_id} is not found", 404)

    async def handle_request(method, path, headers, body, query_params):
        return await run_offloop(lambda: asyncio.run(handle(method, path, headers, body, query_params)))

    rds_data._execute_statement = execute_statement
    rds_data._transaction_not_found_error = transaction_not_found
    rds_data.handle_request = handle_request
