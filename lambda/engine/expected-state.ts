/**
 * Checks objects that applied migrations created even if no verify section mentions them: function bodies and granted
 * privileges. The last migration that affects an object determines what is expected of it.
 */
import type { FunctionEffect, ObjectName, PrivilegeEffect } from '../contract/effects';
import type { Manifest, Migration } from '../contract/manifest';
import type { VerifyFinding } from '../contract/status';
import type { Database } from '../postgres/database';
import { PINNED_SEARCH_PATH } from '../postgres/pinned-search-path';
import type { Ledger } from './ledger/ledger';

export interface ExpectedState {
  readonly functions: readonly ExpectedFunction[];
  readonly rights: readonly ExpectedPrivilege[];
}

interface ExpectedFunction extends Omit<FunctionEffect, 'kind' | 'source'> {
  readonly migration: string;
  readonly source: string;
}

interface ExpectedPrivilege {
  readonly migration: string;
  readonly on: PrivilegeEffect['on'];
  readonly object: ObjectName;
  readonly role: string;
  /** The privilege in lower case, e.g. `select`. */
  readonly privilege: string;
}

/**
 * Returns what the applied migrations leave behind. @param applied in order of application: versioned by number, then
 * repeatables
 */
export function computeExpectedState(applied: readonly Migration[]): ExpectedState {
  const functions = new Map<string, ExpectedFunction | null>();
  const rights = new Map<string, ExpectedPrivilege>();
  const made = new Set<string>();
  const forget = (gone: (right: ExpectedPrivilege) => boolean): void => {
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
          replacePrivilege(rights, migration, effect);
          break;
        // A recreated object has only the privileges that are granted afterwards; this includes the sequences of its
        // serial columns.
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
        // A function that none of these files created is assumed not to change their objects.
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

/**
 * The privileges that ALL stands for, without those that exist only in some major versions or that no application
 * needs.
 */
const ALL_PRIVILEGES: Readonly<Record<PrivilegeEffect['on'], readonly string[]>> = {
  table: ['select', 'insert', 'update', 'delete'],
  sequence: ['usage', 'select', 'update'],
  schema: ['usage', 'create'],
  function: ['execute'],
};

function replacePrivilege(
  rights: Map<string, ExpectedPrivilege>,
  migration: string,
  effect: PrivilegeEffect,
): void {
  const { kind, on, object, roles } = effect;
  for (const role of roles) {
    for (const privilege of effect.privileges.length === 0 ? ALL_PRIVILEGES[on] : effect.privileges) {
      const key = JSON.stringify([on, object.name, role, privilege]);
      if (kind === 'grant') rights.set(key, { migration, on, object, role, privilege });
      else rights.delete(key);
    }
  }
}

/**
 * Finds changed function bodies and lost privileges. Considers migrations that were run with the text that the files
 * have now; those that a baseline only recorded are left out.
 */
export async function findDrift(
  db: Database,
  manifest: Manifest,
  ledger: Ledger,
): Promise<readonly VerifyFinding[]> {
  const rows = new Map(ledger.migrations.map((row) => [row.name, row]));
  const applied = manifest.migrations.filter(({ name, checksums }) => {
    const row = rows.get(name);
    return row?.state === 'applied' && !row.baselined && row.upChecksum === checksums.up;
  });
  // A file edited since it was applied, or a repeatable with a newer text, does not describe what the database holds.
  const unsure = manifest.migrations.filter((each) => rows.has(each.name) && !applied.includes(each));
  const touched = new Set(computeExpectedState(unsure).functions.map((each) => each.function.name));
  // Unqualified names in a file refer to the tenant's own schema.
  const own = ledger.schemas?.[0] ?? null;
  const { functions, rights } = computeExpectedState(applied);
  const bodies = functions.filter((each) => !touched.has(each.function.name));
  return [...(await findChangedBodies(db, bodies, own)), ...(await findRevokedPrivileges(db, rights, own))];
}

const PINNED_SETTINGS = { search_path: PINNED_SEARCH_PATH };

/**
 * Finds functions whose body differs. A missing function is reported by `has_function`; a name that matches several
 * functions is not checked.
 */
async function findChangedBodies(
  db: Database,
  expected: readonly ExpectedFunction[],
  own: string | null,
): Promise<readonly VerifyFinding[]> {
  if (expected.length === 0) return [];
  const rows = await db.query<{ at: number; signature: string; same: boolean }>(
    FUNCTION_BODIES_SQL,
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
    PINNED_SETTINGS,
  );
  return expected.flatMap(({ migration }, at): VerifyFinding[] => {
    const found = rows.filter((row) => Number(row.at) === at);
    if (found.length !== 1 || found[0]!.same) return [];
    return [
      { migration, sentence: `The body of ${found[0]!.signature} is not the one that this file defines.` },
    ];
  });
}

const FUNCTION_BODIES_SQL = `
  SELECT w.at, format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)) AS signature,
    encode(sha256(convert_to(p.prosrc, 'UTF8')), 'hex') = w.source AS same
  FROM json_to_recordset($1::json) AS w (at int, schema text, name text, types json, source text)
  JOIN pg_proc p ON p.proname = w.name
  JOIN pg_namespace n ON n.oid = p.pronamespace AND n.nspname = coalesce(w.schema, n.nspname)
    AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'trueup')
  WHERE w.types IS NULL OR json_typeof(w.types) = 'null'
    OR ARRAY(SELECT json_array_elements_text(w.types))
      = ARRAY(SELECT format_type(t, NULL) FROM unnest(p.proargtypes) WITH ORDINALITY AS a (t, n) ORDER BY n)`;

async function findRevokedPrivileges(
  db: Database,
  expected: readonly ExpectedPrivilege[],
  own: string | null,
): Promise<readonly VerifyFinding[]> {
  if (expected.length === 0) return [];
  const rows = await db.query<{ at: number; object: string }>(
    PRIVILEGES_SQL,
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
    PINNED_SETTINGS,
  );
  return rows.map((row): VerifyFinding => {
    const { migration, role, privilege } = expected[Number(row.at)]!;
    return {
      migration,
      sentence: `${role} no longer has ${privilege.toUpperCase()} on ${row.object}, which this file grants.`,
    };
  });
}

/** Checks a privilege only if its object name matches exactly one object. A role that was dropped is not reported. */
const PRIVILEGES_SQL = `
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
