"""CloudWatch's and EventBridge's clock, which a test can set forward: an hour without metrics, a schedule that is due.

LOCAL_AWS_CLOCK_FILE holds a number of seconds to add. Everything else keeps the real time.
"""
import os
import time
from types import SimpleNamespace

from ministack.services import cloudwatch, eventbridge

FILE = os.environ.get("LOCAL_AWS_CLOCK_FILE", "")


def now():
    try:
        with open(FILE) as file:
            return time.time() + float(file.read())
    except (OSError, ValueError):
        return time.time()


def install():
    cloudwatch.time = SimpleNamespace(time=now)
    eventbridge._now_ts = now
    eventbridge._SCHEDULER_TICK_INTERVAL = 1
