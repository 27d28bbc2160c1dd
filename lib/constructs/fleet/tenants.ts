/** Defines the sources of a fleet's tenants. */
import { Token } from 'aws-cdk-lib';
import type { TenantSource } from '../../../lambda/contract/fleet';
import { databaseNameCheck } from '../validation/name-checks';
import {
  checkProps,
  describeFault,
  optional,
  type PropCheck,
  type PropChecks,
  throwProblems,
} from '../validation/prop-checks';
import { booleanCheck, list, text } from '../validation/values';
import { validateQuerySync } from './judge-query';
import { describeForeignPattern, isCoveredBy, isSystemDatabase, isSystemSchema } from './patterns';

/** Options of every source of tenants. */
export interface SourceOptions {
  /**
   * Whether this source may name no tenant, e.g. for a product without customers yet or a server whose last tenant has
   * left. By default such a source fails the deployment, because a misspelled pattern finds no tenant either.
   * @default false
   */
  readonly allowEmpty?: boolean;
}

/** Options of `FleetTenants.query`. */
export interface QueryTenantsOptions extends SourceOptions {
  /**
   * Name of the server that has the control database, a key of `servers`.
   * @default - the fleet's only server
   */
  readonly server?: string;
  /** Name of the control database. */
  readonly database: string;
  /**
   * Query that returns the tenants. It has the column `name` and, if needed, `database`, `schema`, `server` and
   * `secret`. A tenant without a database is a schema of the control database, and one without a server is on the
   * server of the control database. The query runs read-only, with a statement timeout, as the login role.
   */
  readonly sql: string;
}

/** Options of `FleetTenants.databases`. */
export interface DatabaseTenantsOptions extends SourceOptions {
  /**
   * Name of the server that has the databases, a key of `servers`.
   * @default - the fleet's only server
   */
  readonly server?: string;
  /**
   * Pattern of the tenants' names: each database (with `FleetTenants.schemas`, each schema) whose name matches is a
   * tenant. `*` matches any characters, `?` matches one. Databases and schemas of the server itself never match.
   */
  readonly pattern: string;
  /**
   * Patterns of names that match `pattern` but are not tenants.
   * @default - no names are excluded
   */
  readonly exclude?: string[];
}

/** Options of `FleetTenants.schemas`. */
export interface SchemaTenantsOptions extends DatabaseTenantsOptions {
  /** Name of the database that has a schema for each tenant. */
  readonly database: string;
}

/** Options of `FleetTenants.list`. */
export interface ListTenantsOptions extends SourceOptions {
  /** Name of the bucket, which must be in the stack's region. */
  readonly bucket: string;
  /** Key of the object, which has one tenant per line, as JSON. It ends with `.jsonl` or `.ndjson`. */
  readonly key: string;
}

export const serverNameCheck = text({
  must: 'must be the name of a server of the fleet: up to 40 letters and digits, beginning with a letter',
  matches: /^[A-Za-z][A-Za-z0-9]{0,39}$/,
  known: true,
});
/** Refuses URLs, which are a mistake where a name is expected. */
export const NO_URL = /^(?!.*:\/\/)/;
const patternTextCheck = text({
  must: 'must be a pattern of names, up to 63 bytes, e.g. tenant_*',
  matches: NO_URL,
  maxBytes: 63,
  known: true,
});
/** Checks a pattern of names. The syntax of LIKE and of regular expressions is refused. */
const patternCheck: PropCheck = (value, name) => {
  const problem = patternTextCheck(value, name);
  const foreign = problem === undefined ? describeForeignPattern(value as string) : undefined;
  return foreign === undefined ? problem : `${name} is ${JSON.stringify(value)}, which ${foreign}`;
};
export const databasePatternCheck: PropCheck = (value, name) =>
  patternCheck(value, name) ??
  (isSystemDatabase(value as string)
    ? describeFault(
        name,
        value,
        "must match databases of tenants; this one is the server's own, and never a tenant",
      )
    : undefined);
const schemaPatternCheck: PropCheck = (value, name) =>
  patternCheck(value, name) ??
  (isSystemSchema(value as string)
    ? describeFault(
        name,
        value,
        "must match schemas of tenants; such schemas are the server's or Trueup's, and never a tenant",
      )
    : undefined);
const MAX_SQL_LENGTH = 4_000;
const sqlCheck: PropCheck = (value, name) => {
  const must = `must be a query of at most ${MAX_SQL_LENGTH} characters`;
  if (typeof value !== 'string') return describeFault(name, value, must);
  if (Token.isUnresolved(value)) return `${name} is a token; it must be known at synth`;
  // The query's text may be confidential, so it is not shown.
  if (value.trim() === '' || value.length > MAX_SQL_LENGTH)
    return `${name} has ${value.length} characters; it ${must}`;
  const { problem } = validateQuerySync(value);
  return problem === null ? undefined : `${name} ${problem}. It ${must} that gives the tenants`;
};

const SYSTEM_DATABASES = ['postgres', 'rdsadmin', 'template0', 'template1'];
const tenantDatabaseCheck: PropCheck = (value, name) =>
  databaseNameCheck(value, name) ??
  (typeof value === 'string' && SYSTEM_DATABASES.includes(value)
    ? `${name} is ${value}, which belongs to the server; it must be a database that has tenants`
    : undefined);

const SOURCE_CHECKS: PropChecks<SourceOptions> = { allowEmpty: optional(booleanCheck) };
const QUERY_CHECKS: PropChecks<QueryTenantsOptions> = {
  ...SOURCE_CHECKS,
  server: optional(serverNameCheck),
  database: databaseNameCheck,
  sql: sqlCheck,
};
const DATABASES_CHECKS: PropChecks<DatabaseTenantsOptions> = {
  ...SOURCE_CHECKS,
  server: optional(serverNameCheck),
  pattern: databasePatternCheck,
  exclude: optional(list(patternCheck)),
};
const SCHEMAS_CHECKS: PropChecks<SchemaTenantsOptions> = {
  ...DATABASES_CHECKS,
  pattern: schemaPatternCheck,
  database: tenantDatabaseCheck,
};
const LIST_CHECKS: PropChecks<ListTenantsOptions> = {
  ...SOURCE_CHECKS,
  // Rules for bucket names: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
  bucket: text({
    must: 'must be the name of a bucket: 3 to 63 small letters, digits, hyphens and single dots, a letter or digit first and last',
    matches: /^(?=.{3,63}$)(?!(?:\d+\.){3}\d+$)[a-z0-9](?:[a-z0-9-]|\.(?!\.))*[a-z0-9]$/,
    known: true,
  }),
  key: text({
    must: 'must be the key of a list that has one tenant per line, as JSON, and ends with .jsonl or .ndjson, e.g. acme/tenants.jsonl',
    matches: /^(?!.*:\/\/).*\.(?:jsonl|ndjson)$/i,
    maxBytes: 1024,
    known: true,
  }),
};

/**
 * Checks that the exclusions leave some names.
 * @throws {Error} if `exclude` covers every name that the pattern matches
 */
function checkExclude(where: string, { pattern: of, exclude = [] }: DatabaseTenantsOptions): void {
  if (isCoveredBy(of, exclude))
    throwProblems(
      where,
      `exclude covers every name that the pattern ${JSON.stringify(of)} matches; it must leave some names`,
    );
}

/**
 * A source of a fleet's tenants. Every deployment reads it again.
 *
 * @example
 * // A query on a control database
 * FleetTenants.query({ database: 'control', sql: 'SELECT name, database_name AS database FROM tenants' });
 *
 * // A database, or a schema, for each tenant
 * FleetTenants.databases({ pattern: 'tenant_*' });
 * FleetTenants.schemas({ database: 'shop', pattern: '*', exclude: ['public', 'shared_*'] });
 *
 * // A file
 * FleetTenants.list({ bucket: 'acme-tenants', key: 'tenants.jsonl' });
 */
export class FleetTenants {
  /** Uses the rows of a query. */
  static query(options: QueryTenantsOptions): FleetTenants {
    checkProps('FleetTenants.query', options, QUERY_CHECKS);
    const { server, ...source } = options;
    return new FleetTenants(server, { kind: 'query', ...source }, undefined);
  }

  /** Uses the databases of a server whose names match. */
  static databases(options: DatabaseTenantsOptions): FleetTenants {
    checkProps('FleetTenants.databases', options, DATABASES_CHECKS);
    checkExclude('FleetTenants.databases', options);
    const { server, ...source } = options;
    return new FleetTenants(server, { kind: 'databases', ...source }, undefined);
  }

  /** Uses the schemas of a database whose names match. */
  static schemas(options: SchemaTenantsOptions): FleetTenants {
    checkProps('FleetTenants.schemas', options, SCHEMAS_CHECKS);
    checkExclude('FleetTenants.schemas', options);
    const { server, ...source } = options;
    return new FleetTenants(server, { kind: 'schemas', ...source }, undefined);
  }

  /**
   * Uses a list in S3: one tenant per line, as JSON, with the fields `name`, `server`, `database`, `schema` and
   * `secret`.
   */
  static list(options: ListTenantsOptions): FleetTenants {
    checkProps('FleetTenants.list', options, LIST_CHECKS);
    return new FleetTenants(undefined, undefined, options);
  }

  private constructor(
    /**
     * Name of the server; undefined means the fleet's only server.
     * @internal
     */
    readonly _server: string | undefined,
    /** @internal */
    readonly _source: TenantSource | undefined,
    /** @internal */
    readonly _list: ListTenantsOptions | undefined,
  ) {}
}
