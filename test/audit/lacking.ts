/** What one catalog has and the other has not, or has otherwise, entry by entry: nothing of Trueup's comparison is in it. Pure. */
import { isDeepStrictEqual } from 'node:util';
import { type Catalog, OBJECT_KINDS } from '../../lambda/audit/catalog';

/** Of a server, or of one moment. */
const NOT_COMPARED: ReadonlySet<string> = new Set(['database', 'settings', 'subscriptions', 'others']);

/** What is better than in the source, or makes no difference. */
function isAsGood(field: string, source: Entry, target: Entry): boolean {
  const [was, is] = [source[field], target[field]];
  if (isDeepStrictEqual(was, is)) return true;
  // What a child has from its parent is as proven as the parent's.
  if (field === 'notValid' || field === 'notNullNotValid')
    return is === undefined || source.inherited === true;
  if (field === 'definition')
    return was === `${is} NOT VALID` || (source.inherited === true && is === `${was} NOT VALID`);
  if (field === 'rowSecurityForced') return !source.rowSecurity;
  // A child is made with the default and the NOT NULL of its parent.
  if (field === 'default' || field === 'notNull') return source.inherited === true && was === undefined;
  // A counter that is too small for its column is made wider.
  if (field === 'max' || (field === 'type' && 'increment' in source))
    return Number(target.max) > Number(source.max);
  // A sequence that a crash does not reset.
  if (field === 'unlogged') return 'increment' in source && is === undefined;
  // A child that is made with a default of its parent counts with it.
  if (field === 'usedBy') return isPart(was, is);
  // One that serves a column of its own is given to it.
  if (field === 'ownedBy') return was === undefined;
  return field === 'inherited';
}

const isPart = (some: unknown, all: unknown): boolean =>
  Array.isArray(all) &&
  ((some ?? []) as readonly unknown[]).every((one) => all.some((each) => isDeepStrictEqual(one, each)));

type Entry = Readonly<Record<string, unknown>>;

/** Of what `check --run` begins with: what others' objects get by default takes a role that an empty server does not have. */
export const lackingInBase = (found: Catalog, base: Catalog): readonly string[] =>
  lacking(found, base).filter((each) => !each.startsWith('grants ["default privileges"'));

export function lacking(source: Catalog, target: Catalog): readonly string[] {
  const isUnpublished = source.publications.length === 0;
  return Object.entries(OBJECT_KINDS).flatMap(([kind, { namedBy }]) => {
    if (NOT_COMPARED.has(kind)) return [];
    const entries = (catalog: Catalog) => catalog[kind as keyof Catalog] as unknown as readonly Entry[];
    const nameOf = (entry: Entry) => JSON.stringify(namedBy.map((field) => entry[field]));
    const there = new Map(entries(target).map((entry) => [nameOf(entry), entry]));
    return entries(source).flatMap((entry) => {
      const same = there.get(nameOf(entry));
      // What a child or a partition inherits is there with its parent's, under whatever name.
      if (same === undefined && entry.inherited && kind === 'constraints') return [];
      if (same === undefined) return [`${kind} ${nameOf(entry)} is missing`];
      const fields = [...new Set([...Object.keys(entry), ...Object.keys(same)])].filter(
        (field) => !isAsGood(field, entry, same) && !(isUnpublished && field.startsWith('replicaIdentity')),
      );
      if (fields.length === 0) return [];
      return [
        `${kind} ${nameOf(entry)}: ${fields.map((field) => `${field} ${JSON.stringify(same[field])} instead of ${JSON.stringify(entry[field])}`).join('; ')}`,
      ];
    });
  });
}
