/** Splits a list in JSON, JSON lines or CSV into entries with their line numbers. Pure. */

export type ListFormat = 'json' | 'jsonl' | 'csv';

export const TENANT_FIELDS = ['name', 'database', 'schema', 'server', 'secret'] as const;

/** Maximum number of tenants in a list. A run needs about 300 bytes of memory for each. */
export const MAX_TENANTS = 100_000;
/** A file of 32 MB may contain many more entries. Splitting stops once there are too many. */
const MAX_ENTRIES = MAX_TENANTS + 1;
/**
 * Maximum number of characters of an entry: four names and the name of a secret, even if every character is escaped.
 */
const MAX_ENTRY_LENGTH = 8_000;
const MAX_FIELDS = 20;

/**
 * Describes an unknown field. A misspelled field must not be ignored, since the entry would then mean another tenant.
 */
export const describeUnknownField = (names: readonly string[]): string | null => {
  const unknown = names.find((name) => !(TENANT_FIELDS as readonly string[]).includes(name));
  return unknown === undefined
    ? null
    : `${JSON.stringify(unknown.slice(0, 80))} is not a field of a tenant; the fields are ${TENANT_FIELDS.join(', ')}`;
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

export interface ListEntries {
  readonly entries: readonly ListEntry[];
  readonly problems: readonly ListProblem[];
}

/** Detects the format by the file's name, or else by the beginning of the text. */
export function detectFormat(name: string, text: string): ListFormat {
  const [, ending] = /\.(json|jsonl|ndjson|csv)$/i.exec(name) ?? [];
  if (ending) return /^(jsonl|ndjson)$/i.test(ending) ? 'jsonl' : (ending.toLowerCase() as ListFormat);
  const start = text.trimStart()[0];
  return start === '[' ? 'json' : start === '{' ? 'jsonl' : 'csv';
}

export function parseEntries(given: string, format: ListFormat): ListEntries {
  const text = given.replace(/^\ufeff/, '');
  if (format === 'csv') return parseCsv(text);
  const parts = format === 'json' ? splitArrayElements(text) : splitLines(text);
  if (typeof parts === 'string') return { entries: [], problems: [{ line: null, message: parts }] };
  return {
    entries: parts.map(({ line, text: part }) => ({ line, fields: parseObject(part) })),
    problems: [],
  };
}

interface EntryText {
  readonly line: number;
  readonly text: string;
}

function splitLines(text: string): EntryText[] {
  const parts: EntryText[] = [];
  for (let [from, line] = [0, 1]; from < text.length && parts.length < MAX_ENTRIES; line++) {
    const end = text.indexOf('\n', from);
    const part = text.slice(from, end === -1 ? undefined : end);
    if (part.trim() !== '') parts.push({ line, text: part });
    from = end === -1 ? text.length : end + 1;
  }
  return parts;
}

const TOO_LONG_PROBLEM = 'it is too long for a tenant';

function parseObject(text: string): ListEntry['fields'] {
  if (text.length > MAX_ENTRY_LENGTH) return TOO_LONG_PROBLEM;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return 'it is not valid JSON';
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return 'it is not an object with the fields of a tenant';
  // A field that is null counts as left out.
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== null));
}

/** Returns the elements of an array, each with the line at which it begins, or a clause if the text is no array. */
function splitArrayElements(text: string): EntryText[] | string {
  const whole = text.trim();
  if (!whole.startsWith('[') || !whole.endsWith(']')) return 'it is not a JSON array of tenants';
  const open = text.indexOf('[');
  const close = text.lastIndexOf(']');
  const parts: EntryText[] = [];
  let [depth, inText, from, line] = [0, false, open + 1, 1];
  let begins = 0;
  const end = (at: number): void => {
    parts.push({ line: begins || line, text: text.slice(from, at) });
    [from, begins] = [at + 1, 0];
  };
  for (let at = 0; at < close && parts.length < MAX_ENTRIES; at++) {
    const c = text[at]!;
    if (c === '\n') line++;
    if (at <= open) continue;
    if (inText) {
      if (c === '\\') at++;
      else if (c === '"') inText = false;
      continue;
    }
    if (c === ',' && depth === 0) {
      end(at);
      continue;
    }
    if (begins === 0 && /\S/.test(c)) begins = line;
    if (c === '"') inText = true;
    else if (c === '{' || c === '[') depth++;
    else if (c === '}' || c === ']') depth--;
  }
  if (parts.length === MAX_ENTRIES) return parts;
  if (parts.length > 0 || text.slice(from, close).trim() !== '') end(close);
  return parts;
}

/** Parses CSV (RFC 4180) whose first record has the names of the fields. An empty field counts as left out. */
function parseCsv(text: string): ListEntries {
  const records = splitCsvRecords(text);
  const [head, ...rest] = records;
  if (!head) return { entries: [], problems: [] };
  if (typeof head.fields === 'string') return { entries: [head as ListEntry], problems: [] };
  const names = head.fields.map((name) => name.trim());
  const wrong = names.includes('name')
    ? describeUnknownField(names)
    : 'the first line of a CSV file names its columns, and none is `name`';
  if (wrong !== null) return { entries: [], problems: [{ line: head.line, message: wrong }] };
  const entries = rest.map(({ line, fields }): ListEntry => {
    if (typeof fields === 'string') return { line, fields };
    if (fields.length !== names.length)
      return { line, fields: `it has ${fields.length} fields, and the header has ${names.length}` };
    return {
      line,
      fields: Object.fromEntries(
        names.map((name, i) => [name, fields[i]]).filter(([, value]) => value !== ''),
      ),
    };
  });
  return { entries, problems: [] };
}

interface CsvRecord {
  readonly line: number;
  readonly fields: readonly string[] | string;
}

function splitCsvRecords(text: string): CsvRecord[] {
  const records: CsvRecord[] = [];
  let line = 1;
  for (let at = 0; at < text.length && records.length <= MAX_ENTRIES; ) {
    const first = line;
    const fields: string[] = [];
    let wrong: string | null = null;
    for (;;) {
      const quoted = text[at] === '"';
      const end = quoted ? findClosingQuote(text, at) : findFieldEnd(text, at);
      if (end === -1) return [...records, { line: first, fields: 'unterminated quote' }];
      const raw = text.slice(quoted ? at + 1 : at, end);
      line += countNewlines(raw);
      if (raw.length > MAX_ENTRY_LENGTH || fields.length === MAX_FIELDS) wrong = TOO_LONG_PROBLEM;
      else fields.push(quoted ? raw.replaceAll('""', '"') : raw.replace(/\r$/, ''));
      at = quoted ? end + 1 : end;
      if (quoted && text[at] === '\r') at++;
      if (at < text.length && text[at] !== ',' && text[at] !== '\n') {
        wrong = 'there is text after a closing quote';
        at = findFieldEnd(text, at);
      }
      if (text[at] !== ',') break;
      at++;
    }
    at++;
    line++;
    if (wrong !== null) records.push({ line: first, fields: wrong });
    else if (fields.length > 1 || fields[0] !== '') records.push({ line: first, fields });
  }
  return records;
}

function countNewlines(text: string): number {
  let count = 0;
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) count++;
  return count;
}

function findClosingQuote(text: string, open: number): number {
  for (let at = text.indexOf('"', open + 1); at !== -1; at = text.indexOf('"', at + 2))
    if (text[at + 1] !== '"') return at;
  return -1;
}

function findFieldEnd(text: string, from: number): number {
  for (let at = from; at < text.length; at++) if (text[at] === ',' || text[at] === '\n') return at;
  return text.length;
}
