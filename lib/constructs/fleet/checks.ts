/** What is checked of a fleet's props at synth. */
import { Stack, Token } from 'aws-cdk-lib';
import type * as ec2 from 'aws-cdk-lib/aws-ec2';
import type { Construct } from 'constructs';
import { reserve } from '../database/namespaces';
import { type Check, type Checks, kindOf, optional, refuse } from '../validation/check';
import { namespace, roleName } from '../validation/names';
import { key, logGroup, alarms as schemaAlarms, schemaDatabase } from '../validation/resources';
import {
  duration,
  flag,
  folder,
  list,
  objectOf,
  objectWith,
  oneOf,
  paths,
  plainObject,
  text,
  whole,
} from '../validation/values';
import type { SchemaFleetProps, TenantSecretsProps } from './schema-fleet-props';
import { NO_URL, pattern, serverName } from './targets';

const MOST_SERVERS = 30;
/** All of them travel from state to state, which may have 256 KiB. */
const MOST_CANARIES = 100;
const MOST_WAVES = 20;

const servers: Check = (value, name) => {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return `${name} is ${kindOf(value)}; it must be an object with a SchemaDatabase for each server, by its name`;
  const entries = Object.entries(value);
  if (entries.length === 0 || entries.length > MOST_SERVERS)
    return `${name} has ${entries.length} servers; it must have 1 to ${MOST_SERVERS}`;
  return entries
    .map(([key, each]) => serverName(key, `a key of ${name}`) ?? schemaDatabase(each, `${name}.${key}`))
    .find((problem) => problem !== undefined);
};

const targetName = text({
  must: 'must be the name of a target, 1 to 63 bytes',
  matches: NO_URL,
  maxBytes: 63,
  known: true,
});
const schemaName = text({
  must: 'must be the name of a schema, 1 to 63 bytes',
  matches: NO_URL,
  maxBytes: 63,
  known: true,
});
const secretsProps = plainObject('must be an object with prefix, encryptionKey');
const TENANT_SECRETS: Checks<TenantSecretsProps> = {
  prefix: text({
    must: 'must be how names of secrets begin, with a slash at the end, e.g. acme/tenants/',
    matches: /^(?!.*:\/\/)[\w/+=.@-]{1,199}\/$/,
    known: true,
  }),
  encryptionKey: optional(key),
};
/** It is part of the state machine, or decides about it. */
const known =
  (check: Check): Check =>
  (value, name) =>
    typeof value === 'number' && Token.isUnresolved(value)
      ? `${name} is a token; it must be known at synth`
      : check(value, name);

export const SCHEMA_FLEET: Checks<SchemaFleetProps> = {
  servers,
  targets: list(
    objectWith(
      'must be a FleetTargets: FleetTargets.query(…), databases(…), schemas(…) or list(…)',
      'server',
      'source',
      'object',
    ),
    { notEmpty: 'must have at least one FleetTargets' },
  ),
  folder,
  workload: optional(paths),
  namespace: optional(namespace),
  owner: optional(roleName),
  sharedSchemas: optional(list(schemaName)),
  databases: optional(list(pattern, { notEmpty: 'must have at least one pattern' })),
  tenantSecrets: optional(
    (value, name) => secretsProps(value, name) ?? objectOf(TENANT_SECRETS)(value, name),
  ),
  maxConcurrency: optional(known(whole(1, 1_000))),
  canary: optional(list(targetName, { notEmpty: 'must name at least one target', most: MOST_CANARIES })),
  waves: optional((value, name) =>
    list(known(whole(1, 100)), { key: () => ({}), most: MOST_WAVES })(value, name),
  ),
  tolerated: optional(known(whole(0, 100_000))),
  perTargetTimeout: optional(duration('seconds', 10, 3_600)),
  waitFor: optional(oneOf('all', 'canary')),
  alarms: optional(schemaAlarms),
  expectedTargets: optional(known(whole(1, 100_000))),
  expectedTime: optional(duration('seconds', 1, 3_600)),
  adopt: optional(flag),
  undoAfterSuccess: optional(flag),
  runId: optional((value, name) => (value === '' ? undefined : RUN_ID(value, name))),
  logGroup: optional(logGroup),
  outputs: optional(flag),
  // How they fit together is timing's.
  totalTimeout: optional(duration('seconds', 30, 3_600)),
  slice: optional(duration('seconds', 2, 3_600)),
  queryInterval: optional(duration('seconds', 1, 300)),
  databaseWait: optional(duration('seconds', 1, 3_600)),
};

const RUN_ID = text({ must: 'must be a text of one line, up to 256 bytes', maxBytes: 256 });

/** What one server may be is SchemaDatabase's; here is what all of a fleet have in common. */
export function checkServers(
  fleet: Construct,
  namespace: string,
  servers: SchemaFleetProps['servers'],
): void {
  const { account, region } = Stack.of(fleet);
  let vpc: ec2.IVpc | undefined;
  const seen = new Map<string, string>();
  for (const [name, { access, createDatabase, server }] of Object.entries(servers)) {
    if (access.transport === 'data-api')
      refuse(
        fleet,
        `servers.${name} is reached over the Data API; a fleet's servers are reached in their VPC`,
      );
    if (createDatabase)
      refuse(fleet, `servers.${name} has createDatabase; a fleet migrates tenants that are there`);
    vpc ??= access.vpc;
    if (access.vpc !== vpc)
      refuse(fleet, `servers.${name} is in another VPC than the first server; a fleet has one VPC`);
    const twin = seen.get(server);
    if (twin !== undefined)
      refuse(fleet, `servers.${name} is the server of servers.${twin}; it must be in the fleet once`);
    seen.set(server, name);
    reserve(fleet, `${account} ${region} ${server} fleet ${namespace}`);
  }
}
