"""AWS/Lambda metrics of every execution. MiniStack counts the synchronous ones, and an asynchronous one as no error."""
import time

from ministack.services import lambda_svc


def install():
    emit = lambda_svc._emit_lambda_metrics
    dispatch = lambda_svc._execute_function_dispatch

    def execute(func, config, *rest):
        began = time.time()
        result = dispatch(func, config, *rest)
        emit(config.get("FunctionName", ""), (time.time() - began) * 1000, bool(result.get("error")), False)
        return result

    def throttled_only(name, duration_ms, error, throttle):
        if throttle:
            emit(name, duration_ms, error, throttle)

    lambda_svc._execute_function_dispatch = execute
    lambda_svc._emit_lambda_metrics = throttled_only
