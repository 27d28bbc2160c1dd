"""The Data API as its clients see it fail: error class and text with the SQLSTATE, and a transaction that ends at its
first error. Statements run beside the server's loop, so that one that waits for a lock does not stop all of the AWS.

Still missing: one statement a call, 65,536 characters, 45 seconds, idle transactions, 1 MiB. The tests of that
transport have an endpoint of their own for these.
"""
import asyncio

from ministack.core.concurrency import run_offloop
from ministack.services import rds_data


def sql_error(error):
    sqlstate = getattr(error, "pgcode", None)
    if sqlstate is None:
        return rds_data._transient_database_error(f"Database endpoint is not available: {error}")
    message = error.diag.message_primary or "unknown"
    position = f"\n  Position: {error.diag.statement_position}" if error.diag.statement_position else ""
    return rds_data._error("DatabaseErrorException", f"ERROR: {message}{position}; SQLState: {sqlstate}")


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
