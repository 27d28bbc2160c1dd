/** Checks a fleet's props at synth. */
import { Stack, Token } from 'aws-cdk-lib';
import type * as ec2 from 'aws-cdk-lib/aws-ec2';
import type { Construct } from 'constructs';
import { matchesPattern } from '../../../lambda/fleet/pattern';
import { alarmsCheck } from '../alarms/schema-alarms';
import { reserveNamespace, reserveOnServer } from '../database/namespaces';
import { schemaDatabaseCheck } from '../database/schema-database';
import { namespaceCheck, roleNameCheck } from '../validation/name-checks';
import {
  describeFault,
  describeKind,
  optional,
  type PropCheck,
  type PropChecks,
  throwProblems,
} from '../validation/prop-checks';
import { kmsKeyCheck, logGroupCheck } from '../validation/resources';
import {
  booleanCheck,
  durationCheck,
  enumCheck,
  filePathsCheck,
  folder,
  integerCheck,
  list,
  objectCheck,
  plainObjectCheck,
  propsCheck,
  text,
} from '../validation/values';
import { validateQuerySync } from './judge-query';
import { canContainTenant, isSystemSchema, patternsOverlap } from './patterns';
import type { SchemaFleetProps, TenantSecretsProps } from './schema-fleet-props';
import { databasePatternCheck, type FleetTenants, NO_URL, serverNameCheck } from './tenants';

const MAX_SERVERS = 30;
/** Limited because all canaries travel in the execution's state, which Step Functions limits to 256 KiB. */
const MAX_CANARIES = 100;
const MAX_WAVES = 20;

const serversCheck: PropCheck = (value, name) => {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return `${name} is ${describeKind(value)}; it must be an object with a SchemaDatabase for each server, by its name`;
  const entries = Object.entries(value);
  if (entries.length === 0 || entries.length > MAX_SERVERS)
    return `${name} has ${entries.length} servers; it must have 1 to ${MAX_SERVERS}`;
  return entries
    .map(
      ([key, each]) =>
        serverNameCheck(key, `a key of ${name}`) ?? schemaDatabaseCheck(each, `${name}.${key}`),
    )
    .find((problem) => problem !== undefined);
};

const tenantNameCheck = text({
  must: 'must be the name of a tenant, 1 to 63 bytes',
  matches: NO_URL,
  maxBytes: 63,
  known: true,
});
const schemaNameCheck = text({
  must: 'must be the name of a schema, 1 to 63 bytes',
  matches: NO_URL,
  maxBytes: 63,
  known: true,
});
const sharedSchemaCheck: PropCheck = (value, name) =>
  schemaNameCheck(value, name) ??
  (isSystemSchema(value as string)
    ? describeFault(name, value, "must be a schema of the application's, not one of the server's or Trueup's")
    : undefined);
const tenantSecretsCheck = plainObjectCheck('must be an object with prefix, encryptionKey');
const secretPrefixCheck = text({
  must: 'must be how names of secrets begin, with a slash at the end, e.g. acme/tenants/',
  matches: /^(?!.*:\/\/)[\w/+=.@-]{1,199}\/$/,
  known: true,
});
const TENANT_SECRETS_CHECKS: PropChecks<TenantSecretsProps> = {
  prefix: (value, name) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      return secretPrefixCheck(value, name);
    const of = Object.entries(value);
    if (of.length === 0)
      return `${name} is ${describeKind(value)}; it must have a prefix for at least one server`;
    return of
      .map(([server, each]) => secretPrefixCheck(each, `${name}.${server}`))
      .find((problem) => problem !== undefined);
  },
  encryptionKey: optional(kmsKeyCheck),
};
/** Refuses tokens, because the value is part of the state machine or shapes it. */
const knownAtSynth =
  (check: PropCheck): PropCheck =>
  (value, name) =>
    typeof value === 'number' && Token.isUnresolved(value)
      ? `${name} is a token; it must be known at synth`
      : check(value, name);

export const SCHEMA_FLEET_CHECKS: PropChecks<SchemaFleetProps> = {
  servers: serversCheck,
  tenants: list(
    objectCheck<FleetTenants>(
      'must be a FleetTenants: FleetTenants.query(…), databases(…), schemas(…) or list(…)',
      '_server',
      '_source',
      '_list',
    ),
    { notEmpty: 'must have at least one FleetTenants' },
  ),
  folder,
  workload: optional(filePathsCheck),
  removeWorkload: optional(booleanCheck),
  ledgerName: optional(namespaceCheck),
  owner: optional(roleNameCheck),
  sharedSchemas: optional(list(sharedSchemaCheck)),
  databases: optional(list(databasePatternCheck, { notEmpty: 'must have at least one pattern' })),
  tenantSecrets: optional(
    (value, name) => tenantSecretsCheck(value, name) ?? propsCheck(TENANT_SECRETS_CHECKS)(value, name),
  ),
  maxConcurrency: optional(knownAtSynth(integerCheck(1, 1_000))),
  canary: optional(list(tenantNameCheck, { notEmpty: 'must name at least one tenant', most: MAX_CANARIES })),
  waves: optional(
    (value, name) =>
      list(knownAtSynth(integerCheck(1, 100)), { key: () => ({}), most: MAX_WAVES })(value, name) ??
      ((value as readonly number[]).reduce((sum, share) => sum + share, 0) > 100
        ? `${name} add up to more than 100; they must be percent of all tenants, for each wave its own`
        : undefined),
  ),
  maxFailures: optional(knownAtSynth(integerCheck(0, 100_000))),
  tenantTimeout: optional(durationCheck('seconds', 10, 3_600)),
  waitFor: optional(enumCheck('all', 'canary')),
  alarms: optional(alarmsCheck),
  expectedTenants: optional(knownAtSynth(integerCheck(1, 100_000))),
  expectedTime: optional(durationCheck('seconds', 1, 3_600)),
  baseline: optional(text({ must: 'must be the name of a versioned migration of the folder', known: true })),
  adopt: optional(booleanCheck),
  rollbackAfterSuccess: optional(booleanCheck),
  forceRunToken: optional((value, name) => (value === '' ? undefined : forceRunTokenCheck(value, name))),
  logGroup: optional(logGroupCheck),
  outputs: optional(booleanCheck),
  // `computeTiming()` checks how the durations fit together.
  totalTimeout: optional(durationCheck('seconds', 30, 3_600)),
  slice: optional(durationCheck('seconds', 2, 3_600)),
  queryInterval: optional(durationCheck('seconds', 1, 300)),
  connectTimeout: optional(durationCheck('seconds', 1, 3_600)),
};

const forceRunTokenCheck = text({ must: 'must be a text of one line, up to 256 bytes', maxBytes: 256 });

/** Checks what the servers of a fleet must have in common. `SchemaDatabase` checks each server itself. */
export function checkServers(
  fleet: Construct,
  namespace: string,
  servers: SchemaFleetProps['servers'],
): void {
  const { account, region } = Stack.of(fleet);
  let vpc: ec2.IVpc | undefined;
  const seen = new Map<string, string>();
  for (const [name, { _access: access, createDatabase, _server: server }] of Object.entries(servers)) {
    if (access.transport === 'data-api')
      throwProblems(
        fleet,
        `servers.${name} is reached over the Data API; a fleet's servers are reached in their VPC`,
      );
    if (createDatabase)
      throwProblems(fleet, `servers.${name} has createDatabase; a fleet migrates tenants that are there`);
    vpc ??= access.vpc;
    if (access.vpc !== vpc)
      throwProblems(fleet, `servers.${name} is in another VPC than the first server; a fleet has one VPC`);
    const twin = seen.get(server);
    if (twin !== undefined)
      throwProblems(fleet, `servers.${name} is the server of servers.${twin}; it must be in the fleet once`);
    seen.set(server, name);
    reserveNamespace(fleet, `${account} ${region} ${server} fleet ${namespace}`);
    reserveOnServer(fleet, `${account} ${region} ${server} ${namespace}`, 'fleet');
  }
}

/**
 * Checks the secret prefixes of the servers: each function reads the secrets below its own server's prefix. @throws
 * {Error}
 */
export function checkTenantSecrets(fleet: Construct, props: SchemaFleetProps): void {
  const names = Object.keys(props.servers);
  const prefix = props.tenantSecrets?.prefix;
  if (typeof prefix === 'string' && names.length > 1) {
    const each = names.map((name) => `${name}: '${prefix}${name}/'`).join(', ');
    throwProblems(
      fleet,
      `tenantSecrets.prefix is one for ${names.length} servers. Give each server its own, so that no server's function can read the secrets of another server's tenants, e.g. { ${each} }`,
    );
  }
  if (prefix === undefined || typeof prefix === 'string') return;
  const stranger = Object.keys(prefix).find((name) => !names.includes(name));
  if (stranger !== undefined)
    throwProblems(
      fleet,
      `tenantSecrets.prefix names ${JSON.stringify(stranger)}, which is no server; it must name servers of the fleet (${names.join(', ')})`,
    );
  const of = Object.entries(prefix);
  for (const [a, own] of of)
    for (const [b, other] of of)
      if (a !== b && own.startsWith(other))
        throwProblems(
          fleet,
          `tenantSecrets.prefix.${a} begins with that of ${b}. No prefix may begin with another one, or a server's function could read the secrets of another server's tenants`,
        );
}

/** Returns the secret prefix of one server's tenants, or undefined if they may not name secrets. */
export const getSecretPrefix = (
  secrets: TenantSecretsProps | undefined,
  server: string,
): string | undefined => (typeof secrets?.prefix === 'string' ? secrets.prefix : secrets?.prefix[server]);

/** Checks the sources of tenants against the other props. @throws {Error} */
export function checkTenantSources(fleet: Construct, props: SchemaFleetProps): void {
  const { tenants, databases, canary = [], tenantSecrets } = props;
  const first = new Map<string, number>();
  tenants.forEach((each, i) => {
    const key = JSON.stringify([each._server ?? Object.keys(props.servers)[0], each._source, each._list]);
    const twin = first.get(key);
    if (twin !== undefined)
      throwProblems(
        fleet,
        `tenants[${i}] is the same as tenants[${twin}]; each source must be in the list once`,
      );
    first.set(key, i);
    const problem = findSourceProblem(each, databases, tenantSecrets !== undefined);
    if (problem !== undefined) throwProblems(fleet, `tenants[${i}] ${problem}`);
  });
  // The entries of a list in S3 and the rows of a query are known only during the deployment.
  const stranger = canary.find((name) =>
    tenants.every(({ _source: source }) => source && !canContainTenant(source, name)),
  );
  if (stranger !== undefined)
    throwProblems(
      fleet,
      `canary names ${JSON.stringify(stranger)}, which no source in \`tenants\` can match; it must name tenants`,
    );
}

function findSourceProblem(
  { _source: source }: FleetTenants,
  bounds: readonly string[] | undefined,
  hasSecrets: boolean,
): string | undefined {
  if (source === undefined) return undefined;
  if (source.kind === 'query') {
    const secret = !hasSecrets && validateQuerySync(source.sql).columns?.includes('secret');
    return secret ? 'has a column `secret`; for that the fleet must have `tenantSecrets`' : undefined;
  }
  if (bounds === undefined) return undefined;
  const where = source.kind === 'databases' ? source.pattern : source.database;
  const allowed =
    source.kind === 'databases'
      ? bounds.some((bound) => patternsOverlap(bound, where))
      : bounds.some((bound) => matchesPattern(bound, where));
  return allowed
    ? undefined
    : `can be in no database that \`databases\` allows (${bounds.join(', ')}); it must match one of these`;
}
