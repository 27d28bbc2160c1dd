/** Checks of names that PostgreSQL and AWS give meaning to. */
import { Token } from 'aws-cdk-lib';
import { RegionInfo } from 'aws-cdk-lib/region-info';
import { type Check, fault } from './check';
import { text } from './values';

/** NAMEDATALEN - 1: what is longer is cut off by the server. */
const NAME_BYTES = 63;

/** Made by initdb and by RDS; nobody's application is in them. */
const SYSTEM_DATABASES = new Set(['template0', 'template1', 'rdsadmin']);

/** PostgreSQL takes any text for a name; whoever gives a URL meant something else. */
const NO_URL = /^(?!.*:\/\/)/;

const anyDatabaseName = text({
  must: 'must be the name of a database, 1 to 63 bytes',
  matches: NO_URL,
  maxBytes: NAME_BYTES,
});

export const databaseName: Check = (value, name) =>
  anyDatabaseName(value, name) ??
  (SYSTEM_DATABASES.has(value as string)
    ? fault(name, value, "must be an application's database, not one of the server's own")
    : undefined);

/** https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html */
const anyInitialName = text({
  must: 'must be 1 to 63 letters, digits or _ and begin with a letter, which is all that RDS takes for an initial database',
  matches: /^[A-Za-z]\w{0,62}$/,
  known: true,
});
export const initialDatabaseName: Check = (value, name) =>
  anyInitialName(value, name) ?? databaseName(value, name);

export const roleName = text({
  must: 'must be the name of a role, 1 to 63 bytes, as it is in pg_roles (without quotes)',
  matches: NO_URL,
  maxBytes: NAME_BYTES,
});

/** It ends up in the resource of an IAM statement, where `*` would mean every role. */
export const loginRole = text({
  must: 'must be 1 to 63 letters, digits or any of _ . @ + - and not begin with pg_, which PostgreSQL keeps for itself',
  matches: /^(?!pg_)[A-Za-z0-9_.@+-]{1,63}$/,
});

/** It is part of file names, log lines and of the ledger's key. */
export const namespace = text({
  must: 'must be 1 to 63 letters, digits or any of _ . - and begin with a letter or digit',
  matches: /^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/,
  known: true,
});

export const resourceId = text({
  must: 'must be the DbiResourceId of an instance (db-ABC…) or the DbClusterResourceId of a cluster (cluster-ABC…), as `aws rds describe-db-instances` or describe-db-clusters shows it',
  matches: /^(?:db|cluster)-[A-Z0-9]{1,60}$/,
});

const CLUSTER_ARN =
  /^arn:(?<partition>aws[a-z-]*):rds:(?<region>[a-z0-9-]+):(?<account>\d{12}):cluster:[A-Za-z][A-Za-z0-9-]{0,62}$/;

/** Where a cluster is, by its ARN; undefined for what is not known at synth. */
export function placeOfCluster(arn: string): { region: string; account: string } | undefined {
  const { region, account } = CLUSTER_ARN.exec(arn)?.groups ?? {};
  return region === undefined || account === undefined ? undefined : { region, account };
}

const MUST_BE_CLUSTER_ARN =
  'must be the ARN of an Aurora cluster, e.g. arn:aws:rds:eu-central-1:123456789012:cluster:prod';

export const clusterArn: Check = (value, name) => {
  if (typeof value !== 'string') return fault(name, value, MUST_BE_CLUSTER_ARN);
  if (Token.isUnresolved(value)) return undefined;
  const { partition, region } = CLUSTER_ARN.exec(value)?.groups ?? {};
  if (partition === undefined) return fault(name, value, MUST_BE_CLUSTER_ARN);
  const expected = RegionInfo.get(region!).partition;
  return expected === undefined || expected === partition
    ? undefined
    : fault(name, value, `must begin with arn:${expected}, the partition of ${region}`);
};

/** RDS lowers an identifier's case, and the log group's name would then not be the one that RDS writes to. */
export const identifier = text({
  must: 'must be 1 to 63 lower-case letters, digits and single hyphens, begin with a letter and not end with a hyphen',
  matches: /^(?=.{1,63}$)[a-z](?:-?[a-z0-9])*$/,
  known: true,
});

/** The oldest major version that Trueup is tested on. */
const OLDEST_MAJOR = 13;

const anyVersion = text({
  must: 'must be a version of PostgreSQL, e.g. 18.3',
  matches: /^\d{1,2}(?:\.\d{1,2}){0,2}(?:-[A-Za-z0-9.]+)?$/,
  known: true,
});
export const version: Check = (value, name) =>
  anyVersion(value, name) ??
  (Number.parseInt(value as string, 10) < OLDEST_MAJOR
    ? fault(name, value, `must be ${OLDEST_MAJOR} or later`)
    : undefined);
