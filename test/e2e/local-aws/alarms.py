"""Metric alarms as CloudWatch evaluates them: by the clock, by exact dimensions, M of N periods, with missing data.

MiniStack evaluates an alarm when a metric arrives, over all dimensions, in one sum; it would never fall back to OK, nor
notice that a metric stopped. Left out: metric math, anomaly detection, and that CloudWatch looks at some periods more
than it evaluates when data is missing.
"""
import logging
import threading
import time

from ministack.core.responses import get_account_id, get_region
from ministack.services import cloudwatch as cw
from ministack.services import lambda_svc
from ministack.services.cloudformation import provisioners

from clock import now

log = logging.getLogger("local_aws")
ACTIONS = {"ALARM": "AlarmActions", "OK": "OKActions", "INSUFFICIENT_DATA": "InsufficientDataActions"}
COMPARE = {
    "GreaterThanOrEqualToThreshold": lambda value, threshold: value >= threshold,
    "GreaterThanThreshold": lambda value, threshold: value > threshold,
    "LessThanThreshold": lambda value, threshold: value < threshold,
    "LessThanOrEqualToThreshold": lambda value, threshold: value <= threshold,
}
evaluating = threading.RLock()


def datapoints(alarm, at):
    """The statistic of each evaluated period, newest first, None where no data arrived. The running period counts once
    it has data."""
    period = int(alarm.get("Period") or 60)
    wanted = {d["Name"]: d["Value"] for d in alarm.get("Dimensions") or []}
    key = (alarm["Namespace"], alarm["MetricName"], cw._dims_key(wanted))
    points = list(cw._metrics.get(key) or [])
    statistic = alarm.get("ExtendedStatistic") or alarm.get("Statistic") or "Average"

    def of(start):
        inside = [p for p in points if start <= p["Timestamp"] < start + period]
        return cw._stat_value(cw._calc_stats(inside), statistic, inside) if inside else None

    current = int(at // period) * period
    first = current if of(current) is not None else current - period
    return [of(first - n * period) for n in range(int(alarm.get("EvaluationPeriods") or 1))]


def state_of(alarm, values):
    breaches = COMPARE[alarm["ComparisonOperator"]]
    needed = int(alarm.get("DatapointsToAlarm") or len(values))
    missing = alarm.get("TreatMissingData") or "missing"
    present = [breaches(value, float(alarm.get("Threshold", 0))) for value in values if value is not None]
    if missing == "breaching":
        present += [True] * (len(values) - len(present))
    elif missing == "notBreaching":
        present += [False] * (len(values) - len(present))
    if not present:
        return alarm["StateValue"] if missing == "ignore" else "INSUFFICIENT_DATA"
    return "ALARM" if sum(present) >= min(needed, len(present)) else "OK"


def evaluate(alarm):
    if not alarm.get("Namespace") or not alarm.get("MetricName"):
        return
    with evaluating:
        values = datapoints(alarm, now())
        if None in values and now() < alarm.get("_warm_until", 0):
            return
        old, new = alarm["StateValue"], state_of(alarm, values)
        if old == new:
            return
        reason = f"Threshold Crossed: datapoints {values} {alarm['ComparisonOperator']} {alarm.get('Threshold', 0)}"
        alarm["StateValue"], alarm["StateReason"] = new, reason
        alarm["StateUpdatedTimestamp"] = alarm["StateTransitionedTimestamp"] = int(time.time())
        cw._record_history(alarm["AlarmName"], old, new, reason)
    cw._dispatch_alarm_actions(alarm, old, new, reason)
    cw._evaluate_parent_alarms(alarm)


def evaluate_all():
    for alarm in list(cw._alarms.values()):
        try:
            evaluate(alarm)
        except Exception:
            log.exception("alarm %s", alarm.get("AlarmName"))


def by_the_clock():
    while True:
        time.sleep(1)
        evaluate_all()


def with_warm_up(record):
    """WarmUpConfiguration: the alarm rests until the time is over, or until its periods are full."""
    def recorded(name, props):
        alarm = record(name, props)
        minutes = (props.get("WarmUpConfiguration") or {}).get("WarmUpPeriodDurationInMinutes", 0)
        return {**alarm, "_warm_until": now() + 60 * float(minutes)}
    return recorded


def function_event(alarm, old_state, new_state, reason):
    """What CloudWatch sends to a function: alarms/alarm-actions in its user guide."""
    at = time.strftime("%Y-%m-%dT%H:%M:%S.000+0000", time.gmtime())
    metric = {"metricStat": {"metric": {"namespace": alarm.get("Namespace", ""), "name": alarm.get("MetricName", ""),
                                        "dimensions": {d["Name"]: d["Value"] for d in alarm.get("Dimensions") or []}},
                             "period": alarm.get("Period", 60), "stat": alarm.get("Statistic", "")},
              "id": "m1", "returnData": True}
    configuration = {"description": alarm.get("AlarmDescription", "")}
    configuration.update({"alarmRule": alarm["AlarmRule"]} if alarm.get("AlarmRule") else {"metrics": [metric]})
    return {"source": "aws.cloudwatch", "alarmArn": alarm.get("AlarmArn", ""), "accountId": get_account_id(),
            "time": at, "region": get_region(),
            "alarmData": {"alarmName": alarm.get("AlarmName", ""), "configuration": configuration,
                          "state": {"value": new_state, "reason": reason, "timestamp": at},
                          "previousState": {"value": old_state}}}


def install():
    tell_topics = cw._dispatch_alarm_actions

    def dispatch(alarm, old_state, new_state, reason):
        tell_topics(alarm, old_state, new_state, reason)
        if not alarm.get("ActionsEnabled", True):
            return
        event = function_event(alarm, old_state, new_state, reason)
        for arn in alarm.get(ACTIONS.get(new_state, "")) or []:
            if not arn.startswith("arn:aws:lambda:"):
                continue
            record, config, _ = lambda_svc._get_func_record_for_ref(arn)
            if record is None:
                log.error("alarm action: no function %s", arn)
                continue
            lambda_svc.invoke_async_with_retry(lambda_svc._execution_record_for_config(record, config), event)

    provisioners._cw_metric_alarm_record = with_warm_up(provisioners._cw_metric_alarm_record)
    cw._dispatch_alarm_actions = dispatch
    cw._evaluate_alarm = evaluate
    cw._evaluate_all_alarms = evaluate_all
    threading.Thread(target=by_the_clock, daemon=True, name="alarm-clock").start()
