/** Where the tenants of a fleet come from. */
import { Token } from 'aws-cdk-lib';
import type { TargetSource } from '../../../lambda/contract/fleet';
import { type Check, type Checks, checkProps, fault, optional } from '../validation/check';
import { databaseName } from '../validation/names';
import { list, text } from '../validation/values';

export interface QueryTargetsOptions {
  /**
   * The server that has the control database.
   * @default - the fleet's only server
   */
  readonly server?: string;
  /** The control database. */
  readonly database: string;
  /**
   * A query with the column `name`, and as far as they are needed `database`, `schema`, `server` and `secret`. A tenant without a
   * database is a schema of the control database, one without a server is on that of the control database. It runs read only, with a statement timeout, as the role that logs in.
   */
  readonly sql: string;
}

export interface DatabaseTargetsOptions {
  /**
   * The server.
   * @default - the fleet's only server
   */
  readonly server?: string;
  /** Each database whose name matches is a tenant. `*` stands for any characters, `?` for one. */
  readonly pattern: string;
  /**
   * Patterns of names that are no tenants.
   * @default - none
   */
  readonly except?: readonly string[];
}

export interface SchemaTargetsOptions extends DatabaseTargetsOptions {
  /** The database that has a schema for each tenant. */
  readonly database: string;
}

export interface ListTargetsOptions {
  /** Name of the bucket, in the stack's region. */
  readonly bucket: string;
  /** Its ending says how it is written: `.jsonl`, `.json`, `.csv`. */
  readonly key: string;
}

export const serverName = text({
  must: 'must be the name of a server of the fleet: up to 40 letters and digits, beginning with a letter',
  matches: /^[A-Za-z][A-Za-z0-9]{0,39}$/,
  known: true,
});
/** Whoever gives a URL meant something else. */
export const NO_URL = /^(?!.*:\/\/)/;
export const pattern = text({
  must: 'must be a pattern of names, up to 63 bytes, e.g. tenant_*',
  matches: NO_URL,
  maxBytes: 63,
  known: true,
});
const SQL_MAX = 4_000;
const sql: Check = (value, name) => {
  const must = `must be a query of at most ${SQL_MAX} characters`;
  if (typeof value !== 'string') return fault(name, value, must);
  if (Token.isUnresolved(value)) return `${name} is a token; it must be known at synth`;
  // What it says may be nobody's business.
  return value.trim() === '' || value.length > SQL_MAX
    ? `${name} has ${value.length} characters; it ${must}`
    : undefined;
};

const SERVERS_OWN = ['postgres', 'rdsadmin', 'template0', 'template1'];
const tenantsDatabase: Check = (value, name) =>
  databaseName(value, name) ??
  (typeof value === 'string' && SERVERS_OWN.includes(value)
    ? `${name} is ${value}, which belongs to the server; it must be a database that has tenants`
    : undefined);

const QUERY: Checks<QueryTargetsOptions> = { server: optional(serverName), database: databaseName, sql };
const DATABASES: Checks<DatabaseTargetsOptions> = {
  server: optional(serverName),
  pattern,
  except: optional(list(pattern)),
};
const SCHEMAS: Checks<SchemaTargetsOptions> = { ...DATABASES, database: tenantsDatabase };
const LIST: Checks<ListTargetsOptions> = {
  bucket: text({ must: 'must be the name of a bucket', matches: /^[a-z0-9.-]{3,63}$/, known: true }),
  key: text({ must: 'must be the key of an object', matches: NO_URL, maxBytes: 1024, known: true }),
};

/**
 * Where a fleet's tenants are listed. The list is read anew by every deployment.
 *
 * @example
 * // A query on a control database
 * FleetTargets.query({ database: 'control', sql: 'SELECT name, database_name AS database FROM tenants' });
 *
 * // A database, or a schema, for each tenant
 * FleetTargets.databases({ pattern: 'tenant_*' });
 * FleetTargets.schemas({ database: 'shop', pattern: '*', except: ['public', 'shared_*'] });
 *
 * // A file
 * FleetTargets.list({ bucket: 'acme-tenants', key: 'targets.jsonl' });
 */
export class FleetTargets {
  /** The rows of a query. */
  static query(options: QueryTargetsOptions): FleetTargets {
    checkProps('FleetTargets.query', options, QUERY);
    const { database, sql: text } = options;
    return new FleetTargets(options.server, { kind: 'query', database, sql: text }, undefined);
  }

  /** The databases of a server whose names match. */
  static databases(options: DatabaseTargetsOptions): FleetTargets {
    checkProps('FleetTargets.databases', options, DATABASES);
    const { server, ...source } = options;
    return new FleetTargets(server, { kind: 'databases', ...source }, undefined);
  }

  /** The schemas of a database whose names match. */
  static schemas(options: SchemaTargetsOptions): FleetTargets {
    checkProps('FleetTargets.schemas', options, SCHEMAS);
    const { server, ...source } = options;
    return new FleetTargets(server, { kind: 'schemas', ...source }, undefined);
  }

  /** A list in S3: JSON lines, a JSON array or CSV with `name`, `server`, `database`, `schema`, `secret`. */
  static list(options: ListTargetsOptions): FleetTargets {
    checkProps('FleetTargets.list', options, LIST);
    return new FleetTargets(undefined, undefined, options);
  }

  private constructor(
    /** Undefined: the fleet's only one. */
    readonly server: string | undefined,
    readonly source: TargetSource | undefined,
    readonly object: ListTargetsOptions | undefined,
  ) {}
}
