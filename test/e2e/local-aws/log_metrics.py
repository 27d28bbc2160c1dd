"""Metric filters that are evaluated, and the embedded metric format: a log line becomes a metric, the metric an alarm.

Known of CloudWatch's pattern language: terms ("…", -term, ?term), JSON ({ $.x = "y" && … }) and a regular expression
alone (%…%). A pattern of another form fails the stack instead of matching nothing.
"""
import json
import logging
import re

from ministack.core.responses import error_response_json, json_response
from ministack.services import cloudwatch as cw
from ministack.services import cloudwatch_logs as cwl
from ministack.services.cloudformation import provisioners

log = logging.getLogger("local_aws")


def json_value(document, path):
    for part in re.findall(r"[A-Za-z0-9_\-]+|\[\d+\]", path[1:]):
        if part.startswith("["):
            index = int(part[1:-1])
            document = document[index] if isinstance(document, list) and len(document) > index else None
        else:
            document = document.get(part) if isinstance(document, dict) else None
    return document


def json_term(term, document):
    term = term.strip().strip("()").strip()
    known = re.match(r"(\$[\w.\-\[\]]+)\s+(IS\s+TRUE|IS\s+FALSE|IS\s+NULL|EXISTS|NOT\s+EXISTS)$", term)
    if known:
        value, test = json_value(document, known[1]), re.sub(r"\s+", " ", known[2])
        return {"IS TRUE": value is True, "IS FALSE": value is False, "IS NULL": value is None,
                "EXISTS": value is not None, "NOT EXISTS": value is None}[test]
    parts = re.match(r"(\$[\w.\-\[\]]+)\s*(!=|>=|<=|=|>|<)\s*(.+)$", term)
    if not parts:
        raise ValueError(f"metric filter term not understood: {term}")
    value, operator, wanted = json_value(document, parts[1]), parts[2], parts[3].strip()
    if re.fullmatch(r"-?[\d.]+", wanted):
        if not isinstance(value, (int, float)):
            return operator == "!="
        number = float(wanted)
        return {"=": value == number, "!=": value != number, ">": value > number,
                "<": value < number, ">=": value >= number, "<=": value <= number}[operator]
    if wanted.startswith("%") and wanted.endswith("%"):
        hit = isinstance(value, str) and re.search(wanted[1:-1], value) is not None
    else:
        pattern = re.escape(wanted.strip('"')).replace(r"\*", ".*")
        hit = isinstance(value, (str, int, float)) and re.fullmatch(pattern, str(value)) is not None
    return hit if operator == "=" else not hit


def match(pattern, message):
    """True, or the JSON document, where the pattern matches; None where not. Case matters, as in AWS."""
    pattern = (pattern or "").strip()
    if pattern.startswith("["):
        raise ValueError("space-delimited filter patterns are not implemented here")
    if pattern.startswith("{"):
        try:
            document = json.loads(message)
        except ValueError:
            document = {}
        alternatives = pattern[1:-1].strip().split("||")
        matched = any(all(json_term(t, document) for t in a.split("&&")) for a in alternatives)
        return document if matched and document else None
    if pattern.startswith("%") and pattern.endswith("%") and len(pattern) > 1:
        return True if re.search(pattern[1:-1], message) else None
    words = [(sign, quoted.replace('\\"', '"') or bare)
             for sign, quoted, bare in re.findall(r'([-?]?)(?:"((?:[^"\\]|\\.)*)"|(\S+))', pattern)]
    required = [word for sign, word in words if sign == ""]
    optional = [word for sign, word in words if sign == "?"]
    excluded = [word for sign, word in words if sign == "-"]
    matched = (all(word in message for word in required) and not any(word in message for word in excluded)
               and (not optional or bool(required) or any(word in message for word in optional)))
    return True if matched else None


def metric_value(transformation, matched):
    if matched is None:
        default = transformation.get("defaultValue")
        return None if default is None else float(default)
    value = str(transformation.get("metricValue", "1"))
    if value.startswith("$"):
        value = json_value(matched, value)
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def apply_filter(metric_filter, message):
    matched = match(metric_filter["filterPattern"], message)
    for transformation in metric_filter["metricTransformations"]:
        value = metric_value(transformation, matched)
        if value is not None:
            dimensions = {name: str(json_value(matched, path)) for name, path
                          in (transformation.get("dimensions") or {}).items() if isinstance(matched, dict)}
            cw.record_metric(transformation["metricNamespace"], transformation["metricName"], value,
                             transformation.get("unit", "None"), dimensions)


def apply_embedded_metrics(message):
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html"""
    if not message.startswith("{") or '"CloudWatchMetrics"' not in message:
        return
    try:
        document = json.loads(message)
        directives = document["_aws"]["CloudWatchMetrics"]
    except (ValueError, KeyError, TypeError):
        return
    for directive in directives:
        for names in directive.get("Dimensions") or [[]]:
            dimensions = {name: str(document[name]) for name in names}
            for metric in directive["Metrics"]:
                values = document.get(metric["Name"])
                for value in values if isinstance(values, list) else [values]:
                    if value is not None:
                        cw.record_metric(directive["Namespace"], metric["Name"], float(value),
                                         metric.get("Unit", "None"), dimensions)


def test_metric_filter(data):
    """https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_TestMetricFilter.html; MiniStack has none."""
    messages = data.get("logEventMessages") or []
    if not 1 <= len(messages) <= 50:
        return error_response_json("InvalidParameterException", "logEventMessages takes 1 to 50 messages", 400)
    try:
        matches = [{"eventNumber": number, "eventMessage": message, "extractedValues": {}}
                   for number, message in enumerate(messages, 1) if match(data.get("filterPattern"), message) is not None]
    except ValueError as error:
        return error_response_json("InvalidParameterException", str(error), 400)
    return json_response({"matches": matches})


def answer_test_metric_filter():
    handle = cwl.handle_request

    async def handle_request(method, path, headers, body, query_params):
        if headers.get("x-amz-target", "").endswith(".TestMetricFilter"):
            return test_metric_filter(json.loads(body or b"{}"))
        return await handle(method, path, headers, body, query_params)

    cwl.handle_request = handle_request


def install():
    answer_test_metric_filter()
    to_subscriptions = cwl._fanout_to_subscription_filters

    def fan_out(group, stream, events):
        try:
            filters = [f for f in list(cwl._metric_filters.values()) if f["logGroupName"] == group]
            for event in events:
                message = event.get("message", "")
                for metric_filter in filters:
                    apply_filter(metric_filter, message)
                apply_embedded_metrics(message)
            cw._evaluate_all_alarms()
        except Exception:
            log.exception("metrics of log group %s", group)
        return to_subscriptions(group, stream, events)

    cwl._fanout_to_subscription_filters = fan_out
    # FilterLogEvents takes the same language.
    cwl._compile_filter_pattern = lambda pattern: lambda message: not pattern or match(pattern, message) is not None

    types = provisioners._RESOURCE_HANDLERS
    original = types["AWS::Logs::MetricFilter"]

    def create(logical_id, props, stack):
        match(props.get("FilterPattern", ""), "")
        return original["create"](logical_id, props, stack)

    types["AWS::Logs::MetricFilter"] = {**original, "create": create}
