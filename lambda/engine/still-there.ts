/**
 * What applied migrations made, looked at again without a word in their verify sections: the bodies of functions, and
 * rights that were granted. The last migration that says something of an object is the one that counts.
 */
import type { FunctionEffect, ObjectName, PrivilegeEffect } from '../contract/effects';
import type { Manifest, Migration } from '../contract/manifest';
import type { VerifyFinding } from '../contract/status';
import type { Database } from '../postgres/database';
import { PINNED_PATH } from '../postgres/pinned';
import type { Ledger } from './ledger/ledger';

export interface Expected {
  readonly functions: readonly ExpectedFunction[];
  readonly rights: readonly ExpectedRight[];
}

interface ExpectedFunction extends Omit<FunctionEffect, 'kind' | 'source'> {
  readonly migration: string;
  readonly source: string;
}

interface ExpectedRight {
  readonly migration: string;
  readonly on: PrivilegeEffect['on'];
  readonly object: ObjectName;
  readonly role: string;
  /** In lower case. */
  readonly privilege: string;
}

/** @param applied in the order in which they were: versioned ones by number, then repeatables */
export function expectedOf(applied: readonly Migration[]): Expected {
  const functions = new Map<string, ExpectedFunction | null>();
  const rights = new Map<string, ExpectedRight>();
  const made = new Set<string>();
  const forget = (gone: (right: ExpectedRight) => boolean): void => {
    for (const [key, right] of rights) if (gone(right)) rights.delete(key);
  };
  for (const { name: migration, statements } of applied) {
    for (const effect of statements.flatMap((statement) => statement.effects)) {
      switch (effect.kind) {
        case 'function': {
          const { function: of, arguments: types, source } = effect;
          const key = JSON.stringify([of.schema, of.name, types]);
          made.add(of.name);
          functions.set(key, source === null ? null : { migration, function: of, arguments: types, source });
          break;
        }
        case 'drop function':
          for (const [key, each] of functions)
            if (each?.function.name === effect.function.name) functions.delete(key);
          forget(({ on, object }) => on === 'function' && object.name === effect.function.name);
          break;
        case 'grant':
        case 'revoke':
          replaceRight(rights, migration, effect);
          break;
        // What is made again has only the rights that are granted afterwards, the sequences of its serials too.
        case 'table':
        case 'drop table': {
          const { name } = effect.table;
          forget(({ on, object }) =>
            on === 'sequence' ? object.name.startsWith(`${name}_`) : object.name === name,
          );
          break;
        }
        case 'rights unknown':
          forget(
            ({ object, role }) =>
              (effect.object === null || effect.object === object.name) &&
              (effect.roles === null || effect.roles.includes(role)),
          );
          break;
        // Functions that none of these files made do not know of what they did.
        case 'code':
          if (effect.calls === null || effect.calls.some((name) => made.has(name))) {
            functions.clear();
            rights.clear();
          }
      }
    }
  }
  return { functions: [...functions.values()].filter((each) => each !== null), rights: [...rights.values()] };
}

/** ALL, without what only some majors have, and what no application needs. */
const ALL: Readonly<Record<PrivilegeEffect['on'], readonly string[]>> = {
  table: ['select', 'insert', 'update', 'delete'],
  sequence: ['usage', 'select', 'update'],
  schema: ['usage', 'create'],
  function: ['execute'],
};

function replaceRight(rights: Map<string, ExpectedRight>, migration: string, effect: PrivilegeEffect): void {
  const { kind, on, object, roles } = effect;
  for (const role of roles) {
    for (const privilege of effect.privileges.length === 0 ? ALL[on] : effect.privileges) {
      const key = JSON.stringify([on, object.name, role, privilege]);
      if (kind === 'grant') rights.set(key, { migration, on, object, role, privilege });
      else rights.delete(key);
    }
  }
}

/** Of what the ledger says was run as it stands in the files; what a baseline only recorded is left out. */
export async function lostSince(
  db: Database,
  manifest: Manifest,
  ledger: Ledger,
): Promise<readonly VerifyFinding[]> {
  const rows = new Map(ledger.migrations.map((row) => [row.name, row]));
  const applied = manifest.migrations.filter(({ name, checksums }) => {
    const row = rows.get(name);
    return row?.state === 'applied' && !row.baselined && row.upChecksum === checksums.up;
  });
  // A file that was applied and has changed since, or a later text of a repeatable, says nothing of what is there.
  const unsure = manifest.migrations.filter((each) => rows.has(each.name) && !applied.includes(each));
  const touched = new Set(expectedOf(unsure).functions.map((each) => each.function.name));
  // What has no schema in a file is in the tenant's own.
  const own = ledger.schemas?.[0] ?? null;
  const { functions, rights } = expectedOf(applied);
  const bodies = functions.filter((each) => !touched.has(each.function.name));
  return [...(await changedBodies(db, bodies, own)), ...(await revoked(db, rights, own))];
}

const PINNED = { search_path: PINNED_PATH };

/** A function that is not there at all is for `has_function` to find; one under several names is nobody's to judge. */
async function changedBodies(
  db: Database,
  expected: readonly ExpectedFunction[],
  own: string | null,
): Promise<readonly VerifyFinding[]> {
  if (expected.length === 0) return [];
  const rows = await db.query<{ at: number; signature: string; same: boolean }>(
    BODIES,
    [
      JSON.stringify(
        expected.map(({ function: of, arguments: types, source }, at) => ({
          at,
          schema: of.schema ?? own,
          name: of.name,
          types,
          source,
        })),
      ),
    ],
    PINNED,
  );
  return expected.flatMap(({ migration }, at): VerifyFinding[] => {
    const found = rows.filter((row) => Number(row.at) === at);
    if (found.length !== 1 || found[0]!.same) return [];
    return [
      { migration, sentence: `The body of ${found[0]!.signature} is not the one that this file defines.` },
    ];
  });
}

const BODIES = `
  SELECT w.at, format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)) AS signature,
    encode(sha256(convert_to(p.prosrc, 'UTF8')), 'hex') = w.source AS same
  FROM json_to_recordset($1::json) AS w (at int, schema text, name text, types json, source text)
  JOIN pg_proc p ON p.proname = w.name
  JOIN pg_namespace n ON n.oid = p.pronamespace AND n.nspname = coalesce(w.schema, n.nspname)
    AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'trueup')
  WHERE w.types IS NULL OR json_typeof(w.types) = 'null'
    OR ARRAY(SELECT json_array_elements_text(w.types))
      = ARRAY(SELECT format_type(t, NULL) FROM unnest(p.proargtypes) WITH ORDINALITY AS a (t, n) ORDER BY n)`;

async function revoked(
  db: Database,
  expected: readonly ExpectedRight[],
  own: string | null,
): Promise<readonly VerifyFinding[]> {
  if (expected.length === 0) return [];
  const rows = await db.query<{ at: number; object: string }>(
    RIGHTS,
    [
      JSON.stringify(
        expected.map(({ object, ...each }, at) => ({
          ...each,
          at,
          schema: object.schema ?? own,
          name: object.name,
        })),
      ),
    ],
    PINNED,
  );
  return rows.map((row): VerifyFinding => {
    const { migration, role, privilege } = expected[Number(row.at)]!;
    return {
      migration,
      sentence: `${role} no longer has ${privilege.toUpperCase()} on ${row.object}, which this file grants.`,
    };
  });
}

/** One object of the name, or none is judged; a role that is gone has lost nothing. */
const RIGHTS = `
  WITH w AS (SELECT * FROM json_to_recordset($1::json) AS w (at int, "on" text, schema text, name text, role text, privilege text)
    WHERE role = 'public' OR EXISTS (SELECT FROM pg_roles r WHERE r.rolname = role)),
  objects AS (
    SELECT w.at, c.oid, format('%I.%I', n.nspname, c.relname) AS object FROM w JOIN pg_class c ON c.relname = w.name
      AND CASE w."on" WHEN 'table' THEN c.relkind IN ('r', 'p', 'v', 'm', 'f') WHEN 'sequence' THEN c.relkind = 'S' END
    JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = coalesce(w.schema, n.nspname) AND n.nspname !~ '^pg_'
    UNION ALL SELECT w.at, n.oid, format('schema %I', n.nspname) FROM w JOIN pg_namespace n ON n.nspname = w.name AND w."on" = 'schema'
    UNION ALL SELECT w.at, p.oid, format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid))
    FROM w JOIN pg_proc p ON p.proname = w.name AND w."on" = 'function'
    JOIN pg_namespace n ON n.oid = p.pronamespace AND n.nspname = coalesce(w.schema, n.nspname) AND n.nspname !~ '^pg_'),
  single AS (SELECT at, min(oid) AS oid, min(object) AS object FROM objects GROUP BY at HAVING count(*) = 1)
  SELECT w.at, single.object FROM w JOIN single USING (at)
  WHERE NOT CASE w."on"
    WHEN 'table' THEN has_table_privilege(w.role, single.oid, w.privilege)
    WHEN 'sequence' THEN has_sequence_privilege(w.role, single.oid, w.privilege)
    WHEN 'schema' THEN has_schema_privilege(w.role, single.oid, w.privilege)
    ELSE has_function_privilege(w.role, single.oid, w.privilege) END
  ORDER BY w.at`;
