/** Checks names that have a meaning in PostgreSQL or AWS. */
import { Token } from 'aws-cdk-lib';
import { RegionInfo } from 'aws-cdk-lib/region-info';
import { describeFault, type PropCheck } from './prop-checks';
import { text } from './values';

/** NAMEDATALEN - 1: the server truncates longer names. */
const MAX_NAME_BYTES = 63;

/** Databases that initdb and RDS create; they hold no application's data. */
const SYSTEM_DATABASES = new Set(['template0', 'template1', 'rdsadmin']);

/** Refuses URLs: PostgreSQL accepts any text as a name, but a URL here is a mistake. */
const NO_URL = /^(?!.*:\/\/)/;

const databaseTextCheck = text({
  must: 'must be the name of a database, 1 to 63 bytes',
  matches: NO_URL,
  maxBytes: MAX_NAME_BYTES,
});

export const databaseNameCheck: PropCheck = (value, name) =>
  databaseTextCheck(value, name) ??
  (SYSTEM_DATABASES.has(value as string)
    ? describeFault(name, value, "must be an application's database, not one of the server's own")
    : undefined);

/**
 * Names that RDS accepts for an initial database:
 * https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html
 */
const initialTextCheck = text({
  must: 'must be 1 to 63 letters, digits or _ and begin with a letter, which is all that RDS takes for an initial database',
  matches: /^[A-Za-z]\w{0,62}$/,
  known: true,
});
export const initialDatabaseNameCheck: PropCheck = (value, name) =>
  initialTextCheck(value, name) ?? databaseNameCheck(value, name);

export const roleNameCheck = text({
  must: 'must be the name of a role, 1 to 63 bytes, as it is in pg_roles (without quotes)',
  matches: NO_URL,
  maxBytes: MAX_NAME_BYTES,
});

/**
 * Checks the name of a login role. It becomes part of a resource in an IAM statement, where `*` would mean every role.
 */
export const loginRoleCheck = text({
  must: 'must be 1 to 63 letters, digits or any of _ . @ + - and not begin with pg_, which PostgreSQL keeps for itself',
  matches: /^(?!pg_)[A-Za-z0-9_.@+-]{1,63}$/,
});

/** Checks a namespace, which is part of file names, log lines and the ledger's key. */
export const namespaceCheck = text({
  must: 'must be 1 to 63 letters, digits or any of _ . - and begin with a letter or digit',
  matches: /^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/,
  known: true,
});

export const resourceIdCheck = text({
  must: 'must be the DbiResourceId of an instance (db-ABC…) or the DbClusterResourceId of a cluster (cluster-ABC…), as `aws rds describe-db-instances` or describe-db-clusters shows it',
  matches: /^(?:db|cluster)-[A-Z0-9]{1,60}$/,
});

const CLUSTER_ARN =
  /^arn:(?<partition>aws[a-z-]*):rds:(?<region>[a-z0-9-]+):(?<account>\d{12}):cluster:[A-Za-z][A-Za-z0-9-]{0,62}$/;

/** Returns a cluster's region and account from its ARN, or undefined if they are unknown at synth. */
export function parseClusterArn(arn: string): { region: string; account: string } | undefined {
  const { region, account } = CLUSTER_ARN.exec(arn)?.groups ?? {};
  return region === undefined || account === undefined ? undefined : { region, account };
}

const CLUSTER_ARN_RULE =
  'must be the ARN of an Aurora cluster, e.g. arn:aws:rds:eu-central-1:123456789012:cluster:prod';

export const clusterArnCheck: PropCheck = (value, name) => {
  if (typeof value !== 'string') return describeFault(name, value, CLUSTER_ARN_RULE);
  if (Token.isUnresolved(value)) return undefined;
  const { partition, region } = CLUSTER_ARN.exec(value)?.groups ?? {};
  if (partition === undefined) return describeFault(name, value, CLUSTER_ARN_RULE);
  const expected = RegionInfo.get(region!).partition;
  return expected === undefined || expected === partition
    ? undefined
    : describeFault(name, value, `must begin with arn:${expected}, the partition of ${region}`);
};

/**
 * Checks an identifier. RDS converts it to lower case, so with capitals the log group would not be the one that RDS
 * writes to.
 */
export const identifierCheck = text({
  must: 'must be 1 to 63 lower-case letters, digits and single hyphens, begin with a letter and not end with a hyphen',
  matches: /^(?=.{1,63}$)[a-z](?:-?[a-z0-9])*$/,
  known: true,
});

/** Oldest major version of PostgreSQL that Trueup is tested on. */
const MIN_MAJOR = 13;

const versionTextCheck = text({
  must: 'must be a version of PostgreSQL, e.g. 18.3',
  matches: /^\d{1,2}(?:\.\d{1,2}){0,2}(?:-[A-Za-z0-9.]+)?$/,
  known: true,
});
export const versionCheck: PropCheck = (value, name) =>
  versionTextCheck(value, name) ??
  (Number.parseInt(value as string, 10) < MIN_MAJOR
    ? describeFault(name, value, `must be ${MIN_MAJOR} or later`)
    : undefined);
