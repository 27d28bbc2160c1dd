"""Resource types that MiniStack does not know: security group rules, composite alarms, and some that are only recorded."""
import hashlib

from ministack.core.responses import get_account_id, get_region
from ministack.services import cloudwatch as cw
from ministack.services import ec2
from ministack.services.cloudformation import provisioners


def short_id(prefix, stack, logical_id):
    return f"{prefix}-{hashlib.sha1(f'{stack}/{logical_id}'.encode()).hexdigest()[:17]}"


def security_group_rule(field):
    """AWS::EC2::SecurityGroupIngress and Egress; `field` is where MiniStack keeps a group's rules."""

    def create(logical_id, props, stack):
        group = ec2._security_groups.get(props.get("GroupId"))
        if group is None:
            raise ValueError(f"The security group '{props.get('GroupId')}' does not exist")
        group.setdefault(field, []).extend(provisioners._ec2_sg_permissions([props]))
        return short_id("sgr", stack, logical_id), {}

    def delete(physical_id, props):
        group = ec2._security_groups.get(props.get("GroupId"))
        if group is not None:
            gone = provisioners._ec2_sg_permissions([props])
            group[field] = [rule for rule in group.get(field, []) if rule not in gone]

    def update(physical_id, old, new, stack):
        delete(physical_id, old)
        return physical_id, create(physical_id, new, stack)[1]

    return {"create": create, "update": update, "delete": delete}


def composite_alarm_create(logical_id, props, stack):
    name = props.get("AlarmName") or f"{stack}-{logical_id}"
    status, _, body = cw._put_composite_alarm({}, {**props, "AlarmName": name}, False, is_json=True)[:3]
    if status >= 400:
        raise ValueError(f"AWS::CloudWatch::CompositeAlarm: {body!r}")
    return name, {"Arn": f"arn:aws:cloudwatch:{get_region()}:{get_account_id()}:alarm:{name}"}


def recorded(prefix, *attributes):
    """A resource that is only recorded: it gets an id, and changes nothing."""

    def create(logical_id, props, stack):
        physical_id = short_id(prefix, stack, logical_id)
        return physical_id, {name: physical_id for name in attributes}

    def update(physical_id, old, new, stack):
        return physical_id, {name: physical_id for name in attributes}

    return {"create": create, "update": update, "delete": lambda physical_id, props: None}


ADDED = {
    "AWS::EC2::SecurityGroupIngress": security_group_rule("IpPermissions"),
    "AWS::EC2::SecurityGroupEgress": security_group_rule("IpPermissionsEgress"),
    "AWS::CloudWatch::CompositeAlarm": {
        "create": composite_alarm_create,
        "update": lambda pid, old, new, stack: composite_alarm_create(pid, {**new, "AlarmName": pid}, stack),
        "delete": lambda pid, props: cw._composite_alarms.pop(pid, None),
    },
    "AWS::EC2::EIP": recorded("eipalloc", "AllocationId", "PublicIp"),
    "AWS::EC2::NatGateway": recorded("nat", "NatGatewayId"),
    "AWS::EC2::FlowLog": recorded("fl", "Id"),
    "AWS::RDS::DBProxy": recorded("prx", "Endpoint", "DBProxyArn"),
    "AWS::RDS::DBProxyTargetGroup": recorded("prx-tg", "TargetGroupArn"),
    "AWS::RDS::EventSubscription": recorded("es"),
    "AWS::SecretsManager::RotationSchedule": recorded("rotation"),
    "AWS::SecretsManager::ResourcePolicy": recorded("secret-policy"),
    "AWS::Logs::QueryDefinition": recorded("query", "QueryDefinitionId"),
}


def with_attributes(resource_type, attributes_of):
    """Attributes (Fn::GetAtt) that MiniStack's own type lacks."""
    types = provisioners._RESOURCE_HANDLERS
    create = types[resource_type]["create"]

    def created(logical_id, props, stack):
        physical_id, attributes = create(logical_id, props, stack)
        return physical_id, {**attributes_of(props), **attributes}

    types[resource_type] = {**types[resource_type], "create": created}


def install():
    for added_type, handlers in ADDED.items():
        provisioners._RESOURCE_HANDLERS.setdefault(added_type, handlers)
    with_attributes("AWS::EC2::VPC", lambda props: {"CidrBlock": props.get("CidrBlock", "")})
