/**
 * Finds functions whose bodies name objects that do not exist. PostgreSQL's own parser reads the bodies; none of them
 * is run.
 */
import { findCallers, wasAlreadyBroken } from '../../lambda/audit/bodies';
import type { Catalog } from '../../lambda/audit/catalog';
import type { Routine } from '../../lambda/audit/catalog/functions';
import type { BrokenBody, ReferencedName } from '../../lambda/audit/evidence';
import { joinKey } from '../../lambda/audit/names';
import type { NotCheckedItem } from '../../lambda/audit/not-checked';
import { type Database, SqlError } from '../../lambda/postgres/database';
import { PINNED_SEARCH_PATH } from '../../lambda/postgres/pinned-search-path';
import { findReferencedNames, parseRoutineBody } from './body';

/**
 * Looks up names in all schemas, including the server's own. Types and columns can be called like functions, so they
 * count as functions too.
 */
const KNOWN_NAMES_SQL = `SELECT 'function' AS what, n.nspname AS schema, p.proname AS name
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE p.proname = ANY ($1::name[])
  UNION SELECT 'function', n.nspname, t.typname FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
  WHERE t.typname = ANY ($1::name[])
  UNION SELECT 'function', n.nspname, a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace WHERE a.attname = ANY ($1::name[])
  UNION SELECT 'relation', n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relname = ANY ($2::name[])`;

export interface BrokenReferences {
  readonly broken: readonly BrokenBody[];
  readonly notChecked: readonly NotCheckedItem[];
}

/**
 * Returns the functions whose bodies name missing objects, except those that were just as broken in the source. The
 * parser must be loaded.
 */
export async function findBrokenReferences(
  db: Database,
  target: Catalog,
  source: Catalog | null,
): Promise<BrokenReferences> {
  const read = target.functions.flatMap((routine) => {
    const names = listBodyNames(routine);
    return names === null ? [] : [{ routine, ...names }];
  });
  const named = read.flatMap((each) => each.named);
  if (named.length === 0) return { broken: [], notChecked: [] };
  const known = await readKnownNames(db, named);
  if (known === null)
    return {
      broken: [],
      notChecked: [{ what: 'bodies of functions', why: 'the names of existing objects could not be read' }],
    };
  const made = new Set([
    ...read.flatMap((each) => each.made),
    ...target.triggers.flatMap(({ definition }) =>
      [...definition.matchAll(/ (?:OLD|NEW) TABLE AS (\S+)/g)].map(([, name]) => name!.replaceAll('"', '')),
    ),
  ]);
  const broken = read.flatMap(({ routine, named: names }): BrokenBody[] => {
    const missing = names.filter(
      (each) =>
        !known.has(buildNameKey(each)) &&
        !(each.what === 'relation' && made.has(each.name)) &&
        !wasAlreadyBroken(source, target, routine, each),
    );
    return missing.length === 0 ? [] : [{ routine, missing, callers: findCallers(target, routine) }];
  });
  return { broken, notChecked: [] };
}

function listBodyNames(routine: Routine): ReturnType<typeof findReferencedNames> | null {
  const body = parseRoutineBody(routine);
  return body === null ? null : findReferencedNames(body);
}

const buildNameKey = ({ what, schema, name }: ReferencedName): string =>
  schema === null ? joinKey(what, name) : joinKey(what, schema, name);

async function readKnownNames(
  db: Database,
  named: readonly ReferencedName[],
): Promise<ReadonlySet<string> | null> {
  const names = (what: ReferencedName['what']): string[] => [
    ...new Set(named.filter((each) => each.what === what).map(({ name }) => name)),
  ];
  try {
    const rows = await db.query<{ what: string; schema: string; name: string }>(
      KNOWN_NAMES_SQL,
      [names('function'), names('relation')],
      { search_path: PINNED_SEARCH_PATH, statement_timeout: '60000', lock_timeout: '50' },
    );
    return new Set(
      rows.flatMap(({ what, schema, name }) => [joinKey(what, name), joinKey(what, schema, name)]),
    );
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    return null;
  }
}
