"""Results of a Distributed Map in S3, where its ResultWriter says.

MiniStack gives them to the next state; AWS writes a manifest and a file for each status into the bucket, and gives their place
(https://docs.aws.amazon.com/step-functions/latest/dg/input-output-resultwriter.html).
"""
import json

from ministack.services import s3
from ministack.services import stepfunctions as sfn


def put(bucket, key, value):
    status, _headers, body = s3._put_object(bucket, key, json.dumps(value).encode(), {})[:3]
    if status >= 400:
        raise sfn._ExecutionError("States.ResultWriterFailed", f"{body!r}")


def written(map_run_arn, children, bucket, prefix):
    """The manifest's place, once the executions of one map lie in the bucket."""
    folder = f"{prefix}/{map_run_arn.rsplit(':', 1)[1]}"
    files = {"SUCCEEDED": [], "FAILED": [], "PENDING": []}
    for status, listed in files.items():
        found = [
            {"ExecutionArn": each["executionArn"], "Name": each["name"], "Status": status, "Input": each["input"],
             **({"Output": each["output"]} if status == "SUCCEEDED" else
                {"Error": each.get("error"), "Cause": each.get("cause")})}
            for each in children if each["status"] == status]
        if found:
            key = f"{folder}/{status}_0.json"
            put(bucket, key, found)
            listed.append({"Key": key, "Size": len(json.dumps(found))})
    manifest = f"{folder}/manifest.json"
    put(bucket, manifest, {"DestinationBucket": bucket, "MapRunArn": map_run_arn, "ResultFiles": files})
    return {"Bucket": bucket, "Key": manifest}


def install():
    run_original = sfn._run_distributed_map

    def run_distributed_map(state_def, raw_input, effective, iterator, execution, ctx):
        writer = state_def.get("ResultWriter")
        if not writer:
            return run_original(state_def, raw_input, effective, iterator, execution, ctx)
        before = set(sfn._map_runs)
        bare = {name: value for name, value in state_def.items() if name not in ("ResultSelector", "ResultPath")}
        _, following = run_original(bare, raw_input, effective, iterator, execution, ctx)
        # One server has one map of this label at a time in an execution.
        [map_run_arn] = [arn for arn in set(sfn._map_runs) - before
                         if f"/{state_def['Label']}:" in arn
                         and sfn._map_runs[arn]["executionArn"] == execution["executionArn"]]
        children = [each for each in list(sfn._executions.values()) if each.get("mapRunArn") == map_run_arn]
        place = sfn._resolve_params_obj(writer["Parameters"], effective, ctx)
        result = {"MapRunArn": map_run_arn,
                  "ResultWriterDetails": written(map_run_arn, children, place["Bucket"], place["Prefix"])}
        output = sfn._apply_result_path(state_def, raw_input, sfn._apply_result_selector(state_def, result))
        return sfn._apply_output_path(state_def, output, ctx), following

    sfn._run_distributed_map = run_distributed_map
