/** The list of a fleet's tenants: read, and all that is wrong in it said, before any database is asked. Pure. */
import { entriesOf, type Format, type Given, ListError, type Problem, unknownField } from './entries';

/** One tenant: a database, or a schema in one. */
export interface Target {
  /** For people; unique in the list. */
  readonly name: string;
  readonly database: string;
  /** @default - the tenant has the whole database */
  readonly schema?: string;
}

/** More are no list of tenants. Measured in what a run needs: a target is about 300 bytes of memory. */
export const MOST_TARGETS = 100_000;
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

/**
 * @param database where an entry names none. @default - each has to name one
 * @throws {ListError} with all that is wrong in the list
 */
export function readTargets(text: string, format: Format, database?: string): Target[] {
  checkSize(Buffer.byteLength(text));
  const { entries, problems } = entriesOf(text, format);
  if (entries.length > MOST_TARGETS)
    throw new ListError([
      { line: null, message: `it has ${entries.length} targets; ${MOST_TARGETS} are the most` },
    ]);
  const found: Problem[] = [...problems];
  const targets: { readonly line: number; readonly target: Target }[] = [];
  for (const entry of entries) {
    const read = targetOf(entry, database);
    if (typeof read === 'string') found.push({ line: entry.line, message: read });
    else targets.push({ line: entry.line, target: read });
  }
  found.push(...together(targets));
  if (entries.length === 0 && found.length === 0) found.push({ line: null, message: 'it names no target' });
  if (found.length > 0) throw new ListError(found.sort((a, b) => (a.line ?? 0) - (b.line ?? 0)));
  return targets.map(({ target }) => target);
}

/** A sentence where it is none. */
function targetOf({ fields }: Given, given: string | undefined): Target | string {
  if (typeof fields === 'string') return fields;
  const unknown = unknownField(Object.keys(fields));
  if (unknown !== null) return unknown;
  const { name, schema, database = given } = fields;
  if (name === undefined) return 'the target has no name';
  if (database === undefined)
    return `target ${shown(name)} names no database, and the connection names none either`;
  for (const [field, value] of Object.entries({ name, database, schema })) {
    const wrong = value === undefined ? null : wrongName(field, value);
    if (wrong !== null) return wrong;
  }
  const own = given !== undefined && fields.database === undefined;
  if (own && schema === undefined) return `target ${shown(name)} names neither a database nor a schema`;
  return {
    name: name as string,
    database: database as string,
    ...(schema === undefined ? {} : { schema: schema as string }),
  };
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
function together(targets: readonly { readonly line: number; readonly target: Target }[]): Problem[] {
  const problems: Problem[] = [];
  const names = new Map<string, number>();
  const places = new Map<string, number>();
  const databases = new Map<string, { whole: boolean; line: number }>();
  for (const { line, target } of targets) {
    const { name, database, schema } = target;
    const place =
      schema === undefined
        ? `database ${shown(database)}`
        : `schema ${shown(schema)} of database ${shown(database)}`;
    const [named, there] = [names.get(name), places.get(place)];
    const beside = databases.get(database);
    if (there !== undefined) problems.push({ line, message: `${place} is in line ${there} already` });
    else if (named !== undefined)
      problems.push({ line, message: `the name ${shown(name)} is in line ${named} already` });
    else if (beside && beside.whole !== (schema === undefined))
      problems.push({
        line,
        message: `database ${shown(database)} is one tenant as a whole and has tenants in its schemas, see line ${beside.line}`,
      });
    else {
      names.set(name, line);
      places.set(place, line);
      if (!beside) databases.set(database, { whole: schema === undefined, line });
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
