"""A local AWS: MiniStack (PyPI, MIT) with the few things added that a deployment of ours needs.

MiniStack itself is not changed on disk; each module here adds one thing to the running process and says why.
`test/e2e/support/emulator.ts` starts it; docs/testing.md says how it differs from AWS.
"""
import logging
import sys

import alarms
import clock
import data_api
import failed_create
import function_logs
import function_metrics
import log_metrics
import map_results
import real_postgres
import resource_types
import runtime_roots

if __name__ == "__main__":
    import ministack.app as app

    for addition in (clock, resource_types, runtime_roots, function_metrics, function_logs, failed_create, real_postgres,
                     data_api, log_metrics, alarms, map_results):
        addition.install()
    logging.getLogger("local_aws").info("additions installed")
    sys.argv = sys.argv[:1]
    app.main()
