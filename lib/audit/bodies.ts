/** Functions that name what no schema has. Bodies are read by PostgreSQL's own parser, and none is run. */
import { callersOf, wasBroken } from '../../lambda/audit/bodies';
import type { Catalogue } from '../../lambda/audit/catalogue';
import type { Routine } from '../../lambda/audit/catalogue/functions';
import type { BrokenBody, Named } from '../../lambda/audit/evidence';
import { key } from '../../lambda/audit/names';
import type { NotSeen } from '../../lambda/audit/not-seen';
import { type Database, SqlError } from '../../lambda/postgres/database';
import { PINNED_PATH } from '../../lambda/postgres/pinned';
import { bodyOf, namedIn } from './body';

/** Whatever is called like a function: types are, and columns of rows. Of everything that the server has, too. */
const KNOWN = `SELECT 'function' AS what, n.nspname AS schema, p.proname AS name
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE p.proname = ANY ($1::name[])
  UNION SELECT 'function', n.nspname, t.typname FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
  WHERE t.typname = ANY ($1::name[])
  UNION SELECT 'function', n.nspname, a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace WHERE a.attname = ANY ($1::name[])
  UNION SELECT 'relation', n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relname = ANY ($2::name[])`;

export interface Bodies {
  readonly broken: readonly BrokenBody[];
  readonly notSeen: readonly NotSeen[];
}

/** The parser must be ready. */
export async function askBodies(db: Database, target: Catalogue, source: Catalogue | null): Promise<Bodies> {
  const read = target.functions.flatMap((routine) => {
    const names = namesOf(routine);
    return names === null ? [] : [{ routine, ...names }];
  });
  const named = read.flatMap((each) => each.named);
  if (named.length === 0) return { broken: [], notSeen: [] };
  const known = await knownNames(db, named);
  if (known === null)
    return {
      broken: [],
      notSeen: [{ what: 'bodies of functions', why: 'the server did not say what there is' }],
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
        !known.has(keyOf(each)) &&
        !(each.what === 'relation' && made.has(each.name)) &&
        !wasBroken(source, target, routine, each),
    );
    return missing.length === 0 ? [] : [{ routine, missing, callers: callersOf(target, routine) }];
  });
  return { broken, notSeen: [] };
}

function namesOf(routine: Routine): ReturnType<typeof namedIn> | null {
  const body = bodyOf(routine);
  return body === null ? null : namedIn(body);
}

const keyOf = ({ what, schema, name }: Named): string =>
  schema === null ? key(what, name) : key(what, schema, name);

async function knownNames(db: Database, named: readonly Named[]): Promise<ReadonlySet<string> | null> {
  const names = (what: Named['what']): string[] => [
    ...new Set(named.filter((each) => each.what === what).map(({ name }) => name)),
  ];
  try {
    const rows = await db.query<{ what: string; schema: string; name: string }>(
      KNOWN,
      [names('function'), names('relation')],
      { search_path: PINNED_PATH, statement_timeout: '60000', lock_timeout: '50' },
    );
    return new Set(rows.flatMap(({ what, schema, name }) => [key(what, name), key(what, schema, name)]));
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    return null;
  }
}
