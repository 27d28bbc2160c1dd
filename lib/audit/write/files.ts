/** Turns repair steps into migration files. Pure. */
import { toSingleLine } from '../../../lambda/audit/suppressions';
import { escapeCarriageReturns } from './carriage-returns';
import { type FamilyResolver, type FileUnit, groupFilesByTable } from './grouping';
import type { RepairStep } from './repair-step';

export interface WrittenFile {
  readonly name: string;
  readonly text: string;
  /** Groups of the steps in the file. */
  readonly groups: readonly string[];
  /** Number of open decisions. */
  readonly decisions: number;
}

/**
 * Builds the files. Their numbers follow the order of the steps.
 * @param findFamily groups the steps of related tables into files; `null` makes one file for each group
 */
export function buildFiles(
  parts: readonly RepairStep[],
  findFamily: FamilyResolver | null,
  consents: Consents = NO_CONSENTS,
): readonly WrittenFile[] {
  const groups = new Map<string, RepairStep[]>();
  for (const part of parts) {
    const known = groups.get(part.group) ?? [];
    // The position of a file is that of its last step.
    groups.delete(part.group);
    groups.set(part.group, [...known, part]);
  }
  const filled = [...groups].filter(([, all]) => all.some(({ up }) => up.length > 0));
  const units = filled.map(([group, all]): FileUnit => ({ group, parts: all }));
  const files = findFamily
    ? groupFilesByTable(units, findFamily)
    : units.map((unit) => ({ units: [unit], title: '' }));
  const digits = Math.max(4, String(files.length).length);
  return files.map(({ units: own, title }, i) => {
    const all = own.flatMap((unit) => unit.parts);
    const titled = all.find(({ up }) => up.length > 0)!;
    const of = own.map(({ group }) => group);
    return {
      name: `${String(i + 1).padStart(digits, '0')}_${toSlug(own.length > 1 ? title : titled.title)}.sql`,
      text: renderFile(all, Object.assign({}, ...of.map(consents)) as Readonly<Record<string, string>>),
      groups: of,
      decisions: removeDuplicates(all.flatMap(({ decide = [] }) => decide)).length,
    };
  });
}

/** Returns additional consents for the file of a group: rule and reason. */
export type Consents = (group: string) => Readonly<Record<string, string>>;
const NO_CONSENTS: Consents = () => ({});

const MAX_NAME_LENGTH = 60;

function toSlug(title: string): string {
  const words = title
    .normalize('NFKD')
    .replace(/[^A-Za-z0-9]+/g, '_')
    .replace(/^_+|_+$/g, '')
    .toLowerCase();
  return words.slice(0, MAX_NAME_LENGTH).replace(/_+$/, '') || 'unnamed';
}

function renderFile(parts: readonly RepairStep[], more: Readonly<Record<string, string>>): string {
  const all = (field: 'about' | 'decide' | 'preflight' | 'up' | 'verify'): string[] =>
    removeDuplicates(parts.flatMap((part) => part[field] ?? []));
  const consents = Object.assign({}, ...parts.map((each) => each.consents ?? {}), more) as Record<
    string,
    string
  >;
  // A down section that undoes only some of the steps would be wrong, so it is left out.
  const undone = parts.filter(({ up }) => up.length > 0);
  const down = undone.every((each) => each.down)
    ? removeDuplicates([...undone].reverse().flatMap((each) => each.down ?? []))
    : [];
  const verify = all('verify');
  const directives = [
    ...all('decide').map((what) => `-- migrate:decide ${formatComment(what)}`),
    ...Object.entries(consents).map(([rule, why]) => `-- migrate:consent ${rule} ${formatComment(why)}`),
    ...(verify.length === 0 ? ['-- migrate:no-verify no verification function covers it'] : []),
  ];
  return [
    all('about')
      .map((sentence) => `-- ${formatComment(sentence)}`)
      .join('\n'),
    directives.join('\n'),
    renderSection('preflight', all('preflight')),
    renderSection('up', removeDuplicates(orderStatements(parts))),
    renderSection('verify', verify),
    renderSection('down', down),
  ]
    .filter((each) => each !== '')
    .join('\n\n')
    .concat('\n');
}

/** For consecutive NOT NULL steps, adds all CHECKs in one transaction and drops them all in another. */
function orderStatements(parts: readonly RepairStep[]): string[] {
  const runs: RepairStep[][] = [];
  for (const part of parts) {
    const isNotNull = ({ phase, up }: RepairStep): boolean => phase === 'not null' && up.length === 4;
    const last = runs.at(-1);
    if (last && isNotNull(part) && last.every(isNotNull)) last.push(part);
    else runs.push([part]);
  }
  return runs.flatMap((run) =>
    run.length === 1
      ? run[0]!.up
      : [
          ...run.map(({ up }) => up[0]!),
          ...run.map(({ up }) => up[1]!),
          ...run.flatMap(({ up }) => up.slice(2)),
        ],
  );
}

const renderSection = (name: string, statements: readonly string[]): string =>
  statements.length === 0
    ? ''
    : `-- migrate:${name}\n${statements.map((each) => `${escapeCarriageReturns(each)};`).join('\n')}`;

/** A name may contain line breaks; a comment may not. */
const formatComment = (text: string): string => toSingleLine(text.trim());

const removeDuplicates = (texts: readonly string[]): string[] => [...new Set(texts)];
