/** Splits a list of tenants (JSON lines) into entries with their line numbers. Pure. */

export const TENANT_FIELDS = ['name', 'database', 'schema', 'server', 'secret'] as const;

/** Maximum number of tenants in a list. A run needs about 300 bytes of memory for each. */
export const MAX_TENANTS = 100_000;
/** A file of 32 MB may contain many more entries. Splitting stops once there are too many. */
const MAX_ENTRIES = MAX_TENANTS + 1;
/**
 * Maximum number of characters of an entry: four names and the name of a secret, even if every character is escaped.
 */
const MAX_ENTRY_LENGTH = 8_000;

/**
 * Formats a value as JSON without characters that a terminal interprets or that change the order of a text; JSON itself
 * only escapes those below U+0020.
 */
export const formatJson = (value: unknown): string =>
  (JSON.stringify(value) ?? String(value)).replace(
    /[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

/**
 * Describes an unknown field. A misspelled field must not be ignored, since the entry would then mean another tenant.
 */
export const describeUnknownField = (names: readonly string[]): string | null => {
  const unknown = names.find((name) => !(TENANT_FIELDS as readonly string[]).includes(name));
  return unknown === undefined
    ? null
    : `${formatJson(unknown.slice(0, 80))} is not a field of a tenant; the fields are ${TENANT_FIELDS.join(', ')}`;
};

/** Fields as given in the list, or an error message if they cannot be read. */
export interface ListEntry {
  /** Line number, from 1. */
  readonly line: number;
  readonly fields: Readonly<Record<string, unknown>> | string;
}

export interface ListProblem {
  /** Line number, from 1; null if the problem concerns the whole list. */
  readonly line: number | null;
  /** The problem, as a clause. */
  readonly message: string;
}

/** Reports all problems of a list. */
export class ListError extends Error {
  override readonly name = 'ListError';
  /** @param unit the unit that `line` counts */
  constructor(
    readonly problems: readonly ListProblem[],
    unit: 'line' | 'row' = 'line',
  ) {
    super(
      problems
        .map(({ line, message }) => (line === null ? message : `${unit} ${line}: ${message}`))
        .join('\n'),
    );
  }
}

/**
 * Splits a list that has one tenant in each line, as JSON. Empty lines are skipped.
 * @throws {ListError} if the list is a JSON array or CSV
 */
export function parseEntries(given: string): ListEntry[] {
  const text = given.replace(/^\ufeff/, '');
  const foreign = describeForeignFormat(text);
  if (foreign !== null) throw new ListError([{ line: null, message: foreign }]);
  const entries: ListEntry[] = [];
  for (let [from, line] = [0, 1]; from < text.length && entries.length < MAX_ENTRIES; line++) {
    const end = text.indexOf('\n', from);
    const part = text.slice(from, end === -1 ? undefined : end);
    if (part.trim() !== '') entries.push({ line, fields: parseObject(part) });
    from = end === -1 ? text.length : end + 1;
  }
  return entries;
}

function parseObject(text: string): ListEntry['fields'] {
  if (text.length > MAX_ENTRY_LENGTH) return 'it is too long for a tenant';
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return 'it is not valid JSON';
  }
  if (!isObject(value)) return 'it is not an object with the fields of a tenant';
  // A field that is null counts as left out.
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== null));
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Describes a list in a format that people export; the description shows how its first tenant has to be written. */
function describeForeignFormat(text: string): string | null {
  const start = text.trimStart();
  if (start.startsWith('[')) return describeFormat('a JSON array', readFirstElement(start));
  const [head = '', ...rest] = start.slice(0, 2 * MAX_ENTRY_LENGTH).split(/\r?\n/);
  const [delimiter = ','] = /[,;\t]/.exec(head) ?? [];
  const names = splitCsv(head, delimiter).map((name) => name.toLowerCase());
  if (!names.includes('name') || !names.every((name) => /^[\w .-]+$/.test(name))) return null;
  const values = splitCsv(rest.find((line) => line.trim() !== '') ?? '', delimiter);
  // A row with another number of cells has a delimiter in a value: it could show a part of some other column.
  const first = values.length === names.length ? names.map((name, i) => [name, values[i]]) : [];
  return describeFormat('CSV', Object.fromEntries(first));
}

function describeFormat(format: string, first: Readonly<Record<string, unknown>>): string {
  const fields = TENANT_FIELDS.filter((field) => Object.hasOwn(first, field) && first[field] !== '').map(
    (field) => [field, first[field]] as const,
  );
  // Anything else would not be a valid line.
  const isShown =
    fields.length > 1 &&
    fields.every(([, value]) => typeof value === 'string' && /^[\w .:/@+-]{1,63}$/.test(value));
  const [start, shown] = isShown
    ? ['the first line would be', Object.fromEntries(fields)]
    : ['for example', { name: 'acme', database: 'shop', schema: 'acme' }];
  return `it is ${format}; a list has one tenant per line, as JSON, ${start} ${JSON.stringify(shown)}`;
}

/** The rest of the array is not parsed: it may have 32 MB. */
function readFirstElement(text: string): Readonly<Record<string, unknown>> {
  for (let end = text.indexOf('}'); end !== -1 && end < MAX_ENTRY_LENGTH; end = text.indexOf('}', end + 1)) {
    try {
      const first: unknown = JSON.parse(text.slice(1, end + 1));
      return isObject(first) ? first : {};
    } catch {
      // The brace is inside the element.
    }
  }
  return {};
}

/** Splits one line; good enough to show the first tenant. */
const splitCsv = (line: string, delimiter: string): string[] =>
  Array.from(
    line.matchAll(new RegExp(`(?:^|${delimiter})(?:"((?:[^"]|"")*)"|([^${delimiter}]*))`, 'g')),
    ([, quoted, plain = '']) => (quoted?.replaceAll('""', '"') ?? plain).trim(),
  );
