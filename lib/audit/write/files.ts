/** Parts become files of migrations. Pure. */
import { oneLine } from '../../../lambda/audit/accepted';
import { withoutReturns } from './carriage-returns';
import type { Part } from './part';

export interface WrittenFile {
  readonly name: string;
  readonly text: string;
  /** Of the parts in it. */
  readonly group: string;
  /** Open decisions. */
  readonly decisions: number;
}

/** In their order, which the numbers keep. */
export function filesOf(parts: readonly Part[], consents: Consents = NONE): readonly WrittenFile[] {
  const groups = new Map<string, Part[]>();
  for (const part of parts) {
    const known = groups.get(part.group) ?? [];
    // A file stands where the last of its parts may stand.
    groups.delete(part.group);
    groups.set(part.group, [...known, part]);
  }
  const filled = [...groups].filter(([, all]) => all.some(({ up }) => up.length > 0));
  const digits = Math.max(4, String(filled.length).length);
  return filled.map(([group, all], i) => {
    const titled = all.find(({ up }) => up.length > 0)!;
    return {
      name: `${String(i + 1).padStart(digits, '0')}_${slug(titled.title)}.sql`,
      text: textOf(all, consents(group)),
      group,
      decisions: unique(all.flatMap(({ decide = [] }) => decide)).length,
    };
  });
}

/** More rules that the file of a group consents to, and why. */
export type Consents = (group: string) => Readonly<Record<string, string>>;
const NONE: Consents = () => ({});

const LONGEST_NAME = 60;

function slug(title: string): string {
  const words = title
    .normalize('NFKD')
    .replace(/[^A-Za-z0-9]+/g, '_')
    .replace(/^_+|_+$/g, '')
    .toLowerCase();
  return words.slice(0, LONGEST_NAME).replace(/_+$/, '') || 'unnamed';
}

function textOf(parts: readonly Part[], more: Readonly<Record<string, string>>): string {
  const all = (field: 'about' | 'decide' | 'preflight' | 'up' | 'verify'): string[] =>
    unique(parts.flatMap((part) => part[field] ?? []));
  const consents = Object.assign({}, ...parts.map((each) => each.consents ?? {}), more) as Record<
    string,
    string
  >;
  // What is not undone as a whole is not undone at all.
  const undone = parts.filter(({ up }) => up.length > 0);
  const down = undone.every((each) => each.down)
    ? unique([...undone].reverse().flatMap((each) => each.down ?? []))
    : [];
  const verify = all('verify');
  const directives = [
    ...all('decide').map((what) => `-- migrate:decide ${inComment(what)}`),
    ...Object.entries(consents).map(([rule, why]) => `-- migrate:consent ${rule} ${inComment(why)}`),
    ...(verify.length === 0 ? ['-- migrate:unproved no verification function looks at it'] : []),
  ];
  return [
    all('about')
      .map((sentence) => `-- ${inComment(sentence)}`)
      .join('\n'),
    directives.join('\n'),
    section('preflight', all('preflight')),
    section('up', all('up')),
    section('verify', verify),
    section('down', down),
  ]
    .filter((each) => each !== '')
    .join('\n\n')
    .concat('\n');
}

const section = (name: string, statements: readonly string[]): string =>
  statements.length === 0
    ? ''
    : `-- migrate:${name}\n${statements.map((each) => `${withoutReturns(each)};`).join('\n')}`;

/** A name may hold line breaks; a comment may not. */
const inComment = (text: string): string => oneLine(text.trim());

const unique = (texts: readonly string[]): string[] => [...new Set(texts)];
