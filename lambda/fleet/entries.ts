/** A list in JSON, JSON lines or CSV, taken apart into entries that know their line. Pure. */

export type Format = 'json' | 'jsonl' | 'csv';

export const FIELDS = ['name', 'database', 'schema', 'server', 'secret'] as const;

/** More are no list of tenants. Measured in what a run needs: a target is about 300 bytes of memory. */
export const MOST_TARGETS = 100_000;
/** Whatever a file of 32 MB holds, no more is taken apart than shows that it has too many. */
const MOST_ENTRIES = MOST_TARGETS + 1;
/** Characters: four names and a secret's, were each of them escaped. */
const LONGEST_ENTRY = 8_000;
const MOST_FIELDS = 20;

/** A field that is misspelled would be left out, and mean another place. */
export const unknownField = (names: readonly string[]): string | null => {
  const unknown = names.find((name) => !(FIELDS as readonly string[]).includes(name));
  return unknown === undefined
    ? null
    : `${JSON.stringify(unknown.slice(0, 80))} is not a field of a target; there are ${FIELDS.join(', ')}`;
};

/** Fields as they were given; a sentence where they cannot be read. */
export interface Given {
  /** From 1. */
  readonly line: number;
  readonly fields: Readonly<Record<string, unknown>> | string;
}

export interface Problem {
  /** From 1; null where it is about the whole list. */
  readonly line: number | null;
  /** A clause. */
  readonly message: string;
}

/** All that is wrong in a list. */
export class ListError extends Error {
  override readonly name = 'ListError';
  /** @param unit what `line` counts */
  constructor(
    readonly problems: readonly Problem[],
    unit: 'line' | 'row' = 'line',
  ) {
    super(
      problems
        .map(({ line, message }) => (line === null ? message : `${unit} ${line}: ${message}`))
        .join('\n'),
    );
  }
}

export interface Entries {
  readonly entries: readonly Given[];
  readonly problems: readonly Problem[];
}

/** By the file's name, else by how it begins. */
export function formatOf(name: string, text: string): Format {
  const [, ending] = /\.(json|jsonl|ndjson|csv)$/i.exec(name) ?? [];
  if (ending) return /^(jsonl|ndjson)$/i.test(ending) ? 'jsonl' : (ending.toLowerCase() as Format);
  const start = text.trimStart()[0];
  return start === '[' ? 'json' : start === '{' ? 'jsonl' : 'csv';
}

export function entriesOf(given: string, format: Format): Entries {
  const text = given.replace(/^\ufeff/, '');
  if (format === 'csv') return ofCsv(text);
  const parts = format === 'json' ? elements(text) : lines(text);
  if (typeof parts === 'string') return { entries: [], problems: [{ line: null, message: parts }] };
  return { entries: parts.map(({ line, text: part }) => ({ line, fields: objectOf(part) })), problems: [] };
}

interface Part {
  readonly line: number;
  readonly text: string;
}

function lines(text: string): Part[] {
  const parts: Part[] = [];
  for (let [from, line] = [0, 1]; from < text.length && parts.length < MOST_ENTRIES; line++) {
    const end = text.indexOf('\n', from);
    const part = text.slice(from, end === -1 ? undefined : end);
    if (part.trim() !== '') parts.push({ line, text: part });
    from = end === -1 ? text.length : end + 1;
  }
  return parts;
}

const TOO_LONG = 'it is longer than any target';

function objectOf(text: string): Given['fields'] {
  if (text.length > LONGEST_ENTRY) return TOO_LONG;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return 'it is not valid JSON';
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return 'it is not an object with the fields of a target';
  // null says what leaving it out says.
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== null));
}

/** The elements of an array, each with the line at which it begins; a clause where it is none. */
function elements(text: string): Part[] | string {
  const whole = text.trim();
  if (!whole.startsWith('[') || !whole.endsWith(']')) return 'it is not a JSON array of targets';
  const open = text.indexOf('[');
  const close = text.lastIndexOf(']');
  const parts: Part[] = [];
  let [depth, inText, from, line] = [0, false, open + 1, 1];
  let begins = 0;
  const end = (at: number): void => {
    parts.push({ line: begins || line, text: text.slice(from, at) });
    [from, begins] = [at + 1, 0];
  };
  for (let at = 0; at < close && parts.length < MOST_ENTRIES; at++) {
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
  if (parts.length === MOST_ENTRIES) return parts;
  if (parts.length > 0 || text.slice(from, close).trim() !== '') end(close);
  return parts;
}

/** RFC 4180, with the fields' names in the first record. An empty field is one that is left out. */
function ofCsv(text: string): Entries {
  const records = recordsOf(text);
  const [head, ...rest] = records;
  if (!head) return { entries: [], problems: [] };
  if (typeof head.fields === 'string') return { entries: [head as Given], problems: [] };
  const names = head.fields.map((name) => name.trim());
  const wrong = names.includes('name')
    ? unknownField(names)
    : 'the first line of a CSV file names its columns, and none is `name`';
  if (wrong !== null) return { entries: [], problems: [{ line: head.line, message: wrong }] };
  const entries = rest.map(({ line, fields }): Given => {
    if (typeof fields === 'string') return { line, fields };
    if (fields.length !== names.length)
      return { line, fields: `it has ${fields.length} fields, and the first line ${names.length}` };
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

function recordsOf(text: string): CsvRecord[] {
  const records: CsvRecord[] = [];
  let line = 1;
  for (let at = 0; at < text.length && records.length <= MOST_ENTRIES; ) {
    const first = line;
    const fields: string[] = [];
    let wrong: string | null = null;
    for (;;) {
      const quoted = text[at] === '"';
      const end = quoted ? closing(text, at) : fieldEnd(text, at);
      if (end === -1) return [...records, { line: first, fields: 'a quote is not closed' }];
      const raw = text.slice(quoted ? at + 1 : at, end);
      line += newlinesIn(raw);
      if (raw.length > LONGEST_ENTRY || fields.length === MOST_FIELDS) wrong = TOO_LONG;
      else fields.push(quoted ? raw.replaceAll('""', '"') : raw.replace(/\r$/, ''));
      at = quoted ? end + 1 : end;
      if (quoted && text[at] === '\r') at++;
      if (at < text.length && text[at] !== ',' && text[at] !== '\n') {
        wrong = 'there is text after a closing quote';
        at = fieldEnd(text, at);
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

function newlinesIn(text: string): number {
  let count = 0;
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) count++;
  return count;
}

function closing(text: string, open: number): number {
  for (let at = text.indexOf('"', open + 1); at !== -1; at = text.indexOf('"', at + 2))
    if (text[at + 1] !== '"') return at;
  return -1;
}

function fieldEnd(text: string, from: number): number {
  for (let at = from; at < text.length; at++) if (text[at] === ',' || text[at] === '\n') return at;
  return text.length;
}
