/** Reads a fleet's list of tenants, and reports all problems in it before the first database is queried. Pure. */
import type { TenantListLimits } from '../contract/fleet';
import {
  describeUnknownField,
  formatJson,
  type ListEntry,
  ListError,
  type ListProblem,
  MAX_TENANTS,
  parseEntries,
} from './entries';
import { matchesPattern } from './pattern';

/** One tenant: a database, or a schema in one. */
export interface ListedTenant {
  /** Name for people, unique in the list. */
  readonly name: string;
  readonly database: string;
  /** @default - the tenant has the whole database */
  readonly schema?: string;
  /** One of the fleet's servers. @default - the fleet's only server */
  readonly server?: string;
  /** Name of the secret with the tenant's own login. @default - the login of the server */
  readonly secret?: string;
}

export interface TenantListOptions {
  /** Database of entries that name none. @default - every entry has to name one */
  readonly database?: string;
  /**
   * Names of the fleet's servers. An entry names one of them, and may leave it out if there is only one. @default -
   * entries name no server
   */
  readonly servers?: readonly string[];
  /** Limits that the owner of a fleet on AWS declares. @default - no limits, for a person's own list and connection */
  readonly bounds?: TenantListLimits;
  /** The unit that an entry's `line` counts. @default 'line' */
  readonly unit?: 'line' | 'row';
  /** Whether the list may be empty. @default false */
  readonly allowEmpty?: boolean;
}

export const MAX_LIST_BYTES = 32 * 1024 * 1024;
/** Maximum length of a name in PostgreSQL. The server would truncate a longer one, and two tenants could become one. */
const MAX_NAME_BYTES = 63;

/** @throws {ListError} if the list is too large */
export function assertListSize(bytes: number): void {
  if (bytes <= MAX_LIST_BYTES) return;
  const mb = (count: number): string => `${Math.ceil(count / (1024 * 1024))} MB`;
  throw new ListError([
    {
      line: null,
      message: `it has ${mb(bytes)}; the maximum for a list of tenants is ${mb(MAX_LIST_BYTES)}`,
    },
  ]);
}

/** @throws {ListError} with all problems in the list */
export function readTenantList(text: string, options: TenantListOptions = {}): ListedTenant[] {
  assertListSize(Buffer.byteLength(text));
  return parseTenants(parseEntries(text), options);
}

/** @throws {ListError} with all problems in the list */
export function parseTenants(entries: readonly ListEntry[], options: TenantListOptions = {}): ListedTenant[] {
  const { unit = 'line', allowEmpty = false } = options;
  if (entries.length > MAX_TENANTS)
    throw new ListError([{ line: null, message: `it has more than ${MAX_TENANTS} tenants` }]);
  const found: ListProblem[] = [];
  const tenants: TenantAtLine[] = [];
  for (const entry of entries) {
    const read = parseTenant(entry, options);
    if (typeof read === 'string') found.push({ line: entry.line, message: read });
    else tenants.push({ line: entry.line, tenant: read });
  }
  found.push(...findConflicts(tenants, unit));
  if (entries.length === 0 && found.length === 0 && !allowEmpty)
    found.push({ line: null, message: 'it has no tenants' });
  if (found.length > 0)
    throw new ListError(
      found.sort((a, b) => (a.line ?? 0) - (b.line ?? 0)),
      unit,
    );
  return tenants.map(({ tenant }) => tenant);
}

interface TenantAtLine {
  readonly line: number;
  readonly tenant: ListedTenant;
}

/** @returns the tenant, or a clause if the entry is not valid */
export function parseTenant(
  { fields }: Pick<ListEntry, 'fields'>,
  { database: given, servers, bounds }: TenantListOptions,
): ListedTenant | string {
  if (typeof fields === 'string') return fields;
  const unknown = describeUnknownField(Object.keys(fields));
  if (unknown !== null) return unknown;
  const { name, schema, database = given, secret } = fields;
  if (name === undefined) return 'the tenant has no name';
  const server = resolveServer(fields, servers);
  if (typeof server === 'object') return server.wrong;
  if (database === undefined)
    return `tenant ${formatValue(name)} names no database, and the connection names none either`;
  for (const [field, value] of Object.entries({ name, database, schema })) {
    const wrong = value === undefined ? null : describeInvalidName(field, value);
    if (wrong !== null) return wrong;
  }
  const forbidden =
    describeForbiddenDatabase(database as string, bounds) ??
    describeForbiddenSecret({ name: name as string, server }, secret, bounds);
  if (forbidden !== null) return forbidden;
  const own = given !== undefined && fields.database === undefined;
  if (own && schema === undefined) return `tenant ${formatValue(name)} names neither a database nor a schema`;
  return {
    name: name as string,
    database: database as string,
    ...(schema === undefined ? {} : { schema: schema as string }),
    ...(server === undefined ? {} : { server }),
    ...(secret === undefined ? {} : { secret: secret as string }),
  };
}

/** Databases that are never a tenant's, on any server. */
const SYSTEM_DATABASES = ['template0', 'template1', 'rdsadmin'];
/**
 * Databases that are never a tenant's on a fleet's server. On their own server, people may have tenants' schemas in
 * `postgres`.
 */
const FLEET_SYSTEM_DATABASES = [...SYSTEM_DATABASES, 'postgres'];

function describeForbiddenDatabase(database: string, bounds: TenantListLimits | undefined): string | null {
  if ((bounds ? FLEET_SYSTEM_DATABASES : SYSTEM_DATABASES).includes(database))
    return `database ${formatValue(database)} belongs to the server, not to a tenant`;
  const allowed = bounds?.databases;
  return allowed === undefined || allowed.some((pattern) => matchesPattern(pattern, database))
    ? null
    : `database ${formatValue(database)} is not allowed in this fleet (databases: ${allowed.join(', ')})`;
}

/**
 * https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html; an ARN is not accepted as a
 * name.
 */
const SECRET_NAME_PATTERN = /^[\w/+=.@-]{1,512}$/;

function describeForbiddenSecret(
  { name, server }: { readonly name: string; readonly server: string | undefined },
  secret: unknown,
  bounds: TenantListLimits | undefined,
): string | null {
  if (secret === undefined) return null;
  const tenant = `tenant ${formatValue(name)}`;
  if (bounds === undefined) return `${tenant} names a secret; here the connection determines the login`;
  const { secretPrefix } = bounds;
  if (secretPrefix === undefined) return `${tenant} names a secret, and the fleet declares no tenantSecrets`;
  const prefix =
    typeof secretPrefix === 'string'
      ? secretPrefix
      : Object.entries(secretPrefix).find(([of]) => of === server)?.[1];
  if (prefix === undefined)
    return `${tenant} names a secret, and tenantSecrets has no prefix for the server ${server}`;
  if (typeof secret !== 'string' || !SECRET_NAME_PATTERN.test(secret))
    return `${tenant} names a secret with a name that is not valid`;
  return secret.startsWith(prefix) && secret.length > prefix.length
    ? null
    : `${tenant} names a secret that does not begin with ${prefix}`;
}

function resolveServer(
  { name, server }: Readonly<Record<string, unknown>>,
  servers: readonly string[] | undefined,
): string | undefined | { readonly wrong: string } {
  if (servers === undefined)
    return server === undefined
      ? undefined
      : { wrong: `tenant ${formatValue(name)} names a server; here the connection determines the server` };
  if (server === undefined)
    return servers.length === 1
      ? servers[0]
      : { wrong: `tenant ${formatValue(name)} names no server; the servers are ${servers.join(', ')}` };
  return (
    servers.find((each) => each === server) ?? {
      wrong: `server ${formatValue(server)} is not in this fleet; the servers are ${servers.join(', ')}`,
    }
  );
}

function describeInvalidName(field: string, value: unknown): string | null {
  if (typeof value !== 'string') return `the ${field} is not a string`;
  if (value === '') return `the ${field} is empty`;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what no name may hold
  if (/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(value))
    return `the ${field} ${formatValue(value)} contains a control character`;
  const bytes = Buffer.byteLength(value);
  if (bytes > MAX_NAME_BYTES)
    return `the ${field} ${formatValue(value)} has ${bytes} bytes; PostgreSQL truncates names to ${MAX_NAME_BYTES}`;
  // "$user" means the role even in quotes, and names that begin with pg_ belong to the server.
  if (field === 'schema' && (/^pg_/.test(value) || ['trueup', 'information_schema', '$user'].includes(value)))
    return `schema ${formatValue(value)} is not a tenant's schema`;
  return null;
}

/** Finds problems that no single entry shows: two entries for the same tenant, or one tenant inside another. */
function findConflicts(all: readonly TenantAtLine[], unit: string): ListProblem[] {
  const problems: ListProblem[] = [];
  const names = new Map<string, number>();
  const places = new Map<string, number>();
  const databases = new Map<string, { whole: boolean; line: number }>();
  for (const { line, tenant } of all) {
    const { name, database, schema, server } = tenant;
    const on = server === undefined ? '' : ` on server ${server}`;
    const inDatabase = `database ${formatValue(database)}${on}`;
    const place = schema === undefined ? inDatabase : `schema ${formatValue(schema)} of ${inDatabase}`;
    const [named, there] = [names.get(name), places.get(place)];
    const beside = databases.get(inDatabase);
    if (there !== undefined) problems.push({ line, message: `${place} is already in ${unit} ${there}` });
    else if (named !== undefined)
      problems.push({ line, message: `the name ${formatValue(name)} is already in ${unit} ${named}` });
    else if (beside && beside.whole !== (schema === undefined))
      problems.push({
        line,
        message: `${inDatabase} is one tenant as a whole and has tenants in its schemas, see ${unit} ${beside.line}`,
      });
    else {
      names.set(name, line);
      places.set(place, line);
      if (!beside) databases.set(inDatabase, { whole: schema === undefined, line });
    }
  }
  return problems;
}

/** Formats a value as JSON, which keeps it on one line whatever it contains. */
function formatValue(value: unknown): string {
  const text = formatJson(value);
  return text.length > 80 ? `${text.slice(0, 77)}…"` : text;
}

/** Returns the namespace of the tenant's ledger, which distinguishes the tenants of one database. */
export const buildTenantNamespace = (folder: string, { schema }: ListedTenant): string =>
  schema === undefined ? folder : `${folder}/${schema}`;
