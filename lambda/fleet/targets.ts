/** The list of a fleet's tenants: read, and all that is wrong in it said, before any database is asked. Pure. */
import type { ListBounds } from '../contract/fleet';
import {
  entriesOf,
  type Format,
  type Given,
  ListError,
  MOST_TARGETS,
  type Problem,
  unknownField,
} from './entries';
import { matches } from './pattern';

/** One tenant: a database, or a schema in one. */
export interface Target {
  /** For people; unique in the list. */
  readonly name: string;
  readonly database: string;
  /** @default - the tenant has the whole database */
  readonly schema?: string;
  /** One of those that the fleet declares. @default - its only one */
  readonly server?: string;
  /** Of its own login. @default - the login of the server */
  readonly secret?: string;
}

export interface ListOptions {
  /** Where an entry names none. @default - each has to name one */
  readonly database?: string;
  /** Names of the fleet's servers; an entry names one of them, and need not where there is one. @default - entries name none */
  readonly servers?: readonly string[];
  /** What the owner of a fleet on AWS allows. @default - a list of a person's own, for a connection of theirs */
  readonly bounds?: ListBounds;
  /** What an entry's `line` counts. @default 'line' */
  readonly unit?: 'line' | 'row';
}

export const MOST_LIST_BYTES = 32 * 1024 * 1024;
/** What the server keeps of a name; it would cut the rest off, and two tenants could become one. */
const NAME_BYTES = 63;

/** @throws {ListError} */
export function checkSize(bytes: number): void {
  if (bytes <= MOST_LIST_BYTES) return;
  const mb = (count: number): string => `${Math.ceil(count / (1024 * 1024))} MB`;
  throw new ListError([
    { line: null, message: `it has ${mb(bytes)}; a list of targets has at most ${mb(MOST_LIST_BYTES)}` },
  ]);
}

/** @throws {ListError} with all that is wrong in the list */
export function readTargets(text: string, format: Format, options: ListOptions = {}): Target[] {
  checkSize(Buffer.byteLength(text));
  const { entries, problems } = entriesOf(text, format);
  return targetsOf(entries, problems, options);
}

/**
 * @param problems that are known already
 * @throws {ListError} with all that is wrong
 */
export function targetsOf(
  entries: readonly Given[],
  problems: readonly Problem[],
  options: ListOptions = {},
): Target[] {
  const { unit = 'line' } = options;
  if (entries.length > MOST_TARGETS)
    throw new ListError([{ line: null, message: `it has more than ${MOST_TARGETS} targets` }]);
  const found: Problem[] = [...problems];
  const targets: Placed[] = [];
  for (const entry of entries) {
    const read = targetOf(entry, options);
    if (typeof read === 'string') found.push({ line: entry.line, message: read });
    else targets.push({ line: entry.line, target: read });
  }
  found.push(...together(targets, unit));
  if (entries.length === 0 && found.length === 0) found.push({ line: null, message: 'it names no target' });
  if (found.length > 0)
    throw new ListError(
      found.sort((a, b) => (a.line ?? 0) - (b.line ?? 0)),
      unit,
    );
  return targets.map(({ target }) => target);
}

interface Placed {
  readonly line: number;
  readonly target: Target;
}

/** @returns a clause where it is none */
export function targetOf(
  { fields }: Pick<Given, 'fields'>,
  { database: given, servers, bounds }: ListOptions,
): Target | string {
  if (typeof fields === 'string') return fields;
  const unknown = unknownField(Object.keys(fields));
  if (unknown !== null) return unknown;
  const { name, schema, database = given, secret } = fields;
  if (name === undefined) return 'the target has no name';
  const server = serverOf(fields, servers);
  if (typeof server === 'object') return server.wrong;
  if (database === undefined)
    return `target ${shown(name)} names no database, and the connection names none either`;
  for (const [field, value] of Object.entries({ name, database, schema })) {
    const wrong = value === undefined ? null : wrongName(field, value);
    if (wrong !== null) return wrong;
  }
  const forbidden =
    forbiddenDatabase(database as string, bounds) ?? forbiddenSecret(name as string, secret, bounds);
  if (forbidden !== null) return forbidden;
  const own = given !== undefined && fields.database === undefined;
  if (own && schema === undefined) return `target ${shown(name)} names neither a database nor a schema`;
  return {
    name: name as string,
    database: database as string,
    ...(schema === undefined ? {} : { schema: schema as string }),
    ...(server === undefined ? {} : { server }),
    ...(secret === undefined ? {} : { secret: secret as string }),
  };
}

/** Nobody's tenant on any server. */
const OF_ANY_SERVER = ['template0', 'template1', 'rdsadmin'];
/** On a server of a fleet; a person may keep tenants' schemas there. */
const OF_A_FLEETS_SERVER = [...OF_ANY_SERVER, 'postgres'];

function forbiddenDatabase(database: string, bounds: ListBounds | undefined): string | null {
  if ((bounds ? OF_A_FLEETS_SERVER : OF_ANY_SERVER).includes(database))
    return `database ${shown(database)} belongs to the server, and to no tenant`;
  const allowed = bounds?.databases;
  return allowed === undefined || allowed.some((pattern) => matches(pattern, database))
    ? null
    : `database ${shown(database)} is not one that the fleet allows (databases: ${allowed.join(', ')})`;
}

/** https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html; an ARN is no name. */
const SECRET_NAME = /^[\w/+=.@-]{1,512}$/;

function forbiddenSecret(name: string, secret: unknown, bounds: ListBounds | undefined): string | null {
  if (secret === undefined) return null;
  const target = `target ${shown(name)}`;
  if (bounds === undefined) return `${target} names a secret; here the login is that of the connection`;
  const { secretPrefix: prefix } = bounds;
  if (prefix === undefined) return `${target} names a secret, and the fleet declares no tenantSecrets`;
  if (typeof secret !== 'string' || !SECRET_NAME.test(secret))
    return `${target} names a secret by something that is no name of one`;
  return secret.startsWith(prefix) && secret.length > prefix.length
    ? null
    : `${target} names a secret that does not begin with ${prefix}`;
}

function serverOf(
  { name, server }: Readonly<Record<string, unknown>>,
  servers: readonly string[] | undefined,
): string | undefined | { readonly wrong: string } {
  if (servers === undefined)
    return server === undefined
      ? undefined
      : { wrong: `target ${shown(name)} names a server; here it is that of the connection` };
  if (server === undefined)
    return servers.length === 1
      ? servers[0]
      : { wrong: `target ${shown(name)} names no server; there are ${servers.join(', ')}` };
  return (
    servers.find((each) => each === server) ?? {
      wrong: `server ${shown(server)} is not of this fleet; there are ${servers.join(', ')}`,
    }
  );
}

function wrongName(field: string, value: unknown): string | null {
  if (typeof value !== 'string') return `the ${field} is not a text`;
  if (value === '') return `the ${field} is empty`;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what no name may hold
  if (/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(value))
    return `the ${field} ${shown(value)} holds a control character`;
  const bytes = Buffer.byteLength(value);
  if (bytes > NAME_BYTES)
    return `the ${field} ${shown(value)} has ${bytes} bytes; PostgreSQL keeps ${NAME_BYTES} of a name`;
  // "$user" stands for the role even in quotes; what begins with pg_ belongs to the server.
  if (field === 'schema' && (/^pg_/.test(value) || ['trueup', 'information_schema', '$user'].includes(value)))
    return `schema ${shown(value)} belongs to no tenant`;
  return null;
}

/** What no entry shows by itself: two that are the same tenant, or one inside the other. */
function together(all: readonly Placed[], unit: string): Problem[] {
  const problems: Problem[] = [];
  const names = new Map<string, number>();
  const places = new Map<string, number>();
  const databases = new Map<string, { whole: boolean; line: number }>();
  for (const { line, target } of all) {
    const { name, database, schema, server } = target;
    const on = server === undefined ? '' : ` on server ${server}`;
    const inDatabase = `database ${shown(database)}${on}`;
    const place = schema === undefined ? inDatabase : `schema ${shown(schema)} of ${inDatabase}`;
    const [named, there] = [names.get(name), places.get(place)];
    const beside = databases.get(inDatabase);
    if (there !== undefined) problems.push({ line, message: `${place} is in ${unit} ${there} already` });
    else if (named !== undefined)
      problems.push({ line, message: `the name ${shown(name)} is in ${unit} ${named} already` });
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

/** As JSON has it: whatever it holds, it stays one line. */
function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 77)}…"` : text;
}

/** What tells a tenant apart in its database: the ledger's namespace. */
export const namespaceOfTarget = (folder: string, { schema }: Target): string =>
  schema === undefined ? folder : `${folder}/${schema}`;
