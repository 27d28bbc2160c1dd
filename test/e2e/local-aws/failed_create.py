"""The Delete event that CloudFormation sends to a custom resource whose Create failed.

It goes out under the physical id of the FAILED answer (CDK's provider framework has a marker for just this event);
MiniStack forgets the resource instead.
"""
import threading
import time

from ministack.services.cloudformation import custom_resource, handlers, stacks

current = threading.local()
failed_ids = {}  # response token -> physical id in the FAILED answer
failed_creates = {}  # stack id -> resources that CloudFormation deletes on rollback


def install():
    invoke_original = custom_resource.invoke_custom_resource
    deliver_original = custom_resource.deliver_response
    register_original = custom_resource.register_token
    rollback_original = stacks._roll_back_operation

    def register_token(token):
        current.token = token
        return register_original(token)

    def deliver_response(token, response):
        if response.get("Status") == "FAILED":
            failed_ids[token] = response.get("PhysicalResourceId")
        return deliver_original(token, response)

    def invoke_custom_resource(request_type, logical_id, props, stack_name, stack_id, resource_type, **rest):
        current.token = None
        try:
            return invoke_original(request_type, logical_id, props, stack_name, stack_id, resource_type, **rest)
        except Exception:
            if request_type == "Create" and current.token:
                physical_id = failed_ids.get(current.token) or f"{stack_name}-{logical_id}-{int(time.time())}"
                failed_creates.setdefault(stack_id, []).append((logical_id, resource_type, props, physical_id))
            raise
        finally:
            failed_ids.pop(current.token, None)

    async def roll_back_operation(stack_name, stack_id, stack, operation, reason_override=""):
        for logical_id, resource_type, props, physical_id in failed_creates.pop(stack_id, []):
            stack.setdefault("_resources", {})[logical_id] = {
                "PhysicalResourceId": physical_id, "ResourceType": resource_type, "LogicalResourceId": logical_id,
                "ResourceStatus": "CREATE_FAILED", "Properties": props, "Attributes": {},
                "Timestamp": stacks.now_iso()}
            operation["created"] = [*operation.get("created", []), logical_id]
        return await rollback_original(stack_name, stack_id, stack, operation, reason_override)

    custom_resource.register_token = register_token
    custom_resource.deliver_response = deliver_response
    custom_resource.invoke_custom_resource = invoke_custom_resource
    stacks._roll_back_operation = handlers._roll_back_operation = roll_back_operation
