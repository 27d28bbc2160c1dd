/**
 * The role that runs a folder's files on a temporary server. The files may come from a stranger, and a superuser's SQL
 * can start programs and write files. The role is therefore like the master user of RDS: it is no superuser and cannot
 * become one.
 */
import { randomBytes } from 'node:crypto';
import type { Manifest, Migration, Statement } from '../../../lambda/contract/manifest';
import type { Database } from '../../../lambda/postgres/database';
import { quoteIdentifier, quoteLiteral } from '../../../lambda/sql/quote';

export interface TrialRole {
  readonly name: string;
  readonly password: string;
  readonly database: string;
}

/**
 * Differs from `postgres`: a database that was moved may have a role of that name, which is never a superuser on RDS.
 */
export const SCRATCH_SUPERUSER = 'trueup_scratch';

const TRIAL_ROLE_NAME = 'trueup_trial';
const TRIAL_DATABASE = TRIAL_ROLE_NAME;
/** Differs from the role's name: unqualified names are looked up first in a schema that is named like the role. */
const FUNCTIONS_SCHEMA = 'trueup_trial_extensions';

/**
 * Extensions of contrib, and pgvector, that only a superuser may create and that are safe in a folder of unknown
 * origin: their functions reach no other host, file or program, or require a superuser themselves. Only these are
 * created with superuser rights: any other may be dblink, postgres_fdw or file_fdw under whatever name.
 */
const HARMLESS_EXTENSIONS: ReadonlySet<string> = new Set([
  'amcheck',
  'autoinc',
  'bloom',
  'dict_xsyn',
  'earthdistance',
  'hstore_plperl',
  'insert_username',
  'intagg',
  'jsonb_plperl',
  'moddatetime',
  'pageinspect',
  'pg_buffercache',
  'pg_freespacemap',
  'pg_prewarm',
  'pg_stat_statements',
  'pg_surgery',
  'pg_visibility',
  'pg_walinspect',
  'pgrowlocks',
  'pgstattuple',
  'refint',
  'sslinfo',
  'vector',
  'xml2',
]);

/** Returns the replacement for a statement about an unsafe extension: it fails and explains why. */
const buildRefusalSql = (extension: string): string => {
  const message = `the extension ${extension} is not created on the scratch server: it may access other hosts, files or programs`;
  const hint =
    'Try this folder on a separate database: trueup up --database-url. A deployment creates the extension as usual.';
  return `DO ${quoteLiteral(`BEGIN RAISE EXCEPTION USING ERRCODE = 'feature_not_supported', MESSAGE = ${quoteLiteral(message)}, HINT = ${quoteLiteral(hint)}; END`)}`;
};

/**
 * Creates a database and the role that owns it.
 * @param db connected as superuser to another database of the server
 * @param name name of the role
 */
export async function createTrialRole(db: Database, name = TRIAL_ROLE_NAME): Promise<TrialRole> {
  const role = quoteIdentifier(name);
  const password = randomBytes(16).toString('hex');
  const statements = [
    // Before PostgreSQL 16 a role with CREATEROLE may grant every role except a superuser, so these must not exist.
    'SET LOCAL allow_system_table_mods = on',
    `DELETE FROM pg_catalog.pg_authid
     WHERE rolname IN ('pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files')`,
    `CREATE ROLE ${role} LOGIN CREATEDB CREATEROLE PASSWORD ${quoteLiteral(password)}`,
    `GRANT pg_monitor, pg_signal_backend TO ${role} WITH ADMIN OPTION`,
  ];
  await db.execute([{ statements }]);
  await db.executeOutside(`CREATE DATABASE ${quoteIdentifier(TRIAL_DATABASE)} OWNER ${role}`, {});
  return { name, password, database: TRIAL_DATABASE };
}

/**
 * Replaces statements about extensions that only a superuser may create and that the server offers. Each becomes a call
 * of a function that runs the statement with superuser rights when the file reaches it.
 * @param db connected as superuser to the role's database
 */
export async function prepareExtensions(db: Database, manifest: Manifest): Promise<Manifest> {
  const { replace, create } = await createSuperuserFunctions(db);
  const doneBySuperuser = (statement: Statement): Statement => {
    const { effects, sql } = statement;
    for (const effect of effects) {
      if (!/extension$/.test(effect.kind) || !('name' in effect)) continue;
      const replaced = replace(effect.name ?? '', sql, effect.kind === 'move extension');
      if (replaced !== null) return { ...statement, sql: replaced };
    }
    return statement;
  };
  const migrations = manifest.migrations.map(
    (migration): Migration => ({ ...migration, statements: migration.statements.map(doneBySuperuser) }),
  );
  await create();
  return { ...manifest, migrations };
}

/**
 * Makes the role the owner of the routines of each extension that the files move to another schema. Only their owner
 * can move an extension, and files that `audit --write` wrote check this in their preflight section.
 * @param db connected as superuser to the role's database, which has the extensions
 */
export async function transferOwnership(
  db: Database,
  { migrations }: Manifest,
  role: TrialRole,
): Promise<void> {
  const moved = migrations.flatMap(({ statements }) =>
    statements.flatMap(({ effects }) =>
      effects.flatMap((effect) => (effect.kind === 'move extension' ? [effect.name] : [])),
    ),
  );
  if (moved.length === 0) return;
  const routines = await db.query<{ routine: string }>(
    `SELECT d.objid::pg_catalog.regprocedure::text AS routine
     FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid
     WHERE d.deptype = 'e' AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass
       AND d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
       AND e.extname IN (${moved.map((name) => quoteLiteral(name)).join(', ')})`,
  );
  const owner = quoteIdentifier(role.name);
  await db.execute([
    { statements: routines.map(({ routine }) => `ALTER ROUTINE ${routine} OWNER TO ${owner}`) },
  ]);
}

export interface SuperuserFunctions {
  /**
   * Returns what the role sends in place of a statement about an extension; `null` if it sends the statement itself.
   * @param always whether the statement needs a superuser even if the role may create the extension
   */
  readonly replace: (extension: string, sql: string, always?: boolean) => string | null;
  /** Tells whether only a superuser may create the extension and it is not created here because it may be unsafe. */
  readonly isRefused: (extension: string) => boolean;
  /** Creates the functions, and makes the role the owner of schema `public`. */
  readonly create: () => Promise<void>;
}

/**
 * Prepares functions that run statements about extensions as superuser.
 * @param role owner of the database; by default the role that `createTrialRole` creates if it gets no name
 */
export async function createSuperuserFunctions(
  db: Database,
  role = TRIAL_ROLE_NAME,
): Promise<SuperuserFunctions> {
  const untrusted = await db.query<{
    name: string;
  }>(`SELECT name FROM pg_catalog.pg_available_extension_versions
    GROUP BY name HAVING NOT pg_catalog.bool_or(trusted)`);
  const ofSuperuser = new Set(untrusted.map(({ name }) => name));
  const isRefused = (extension: string): boolean =>
    ofSuperuser.has(extension) && !HARMLESS_EXTENSIONS.has(extension);
  const functions: string[] = [];
  return {
    isRefused,
    replace: (extension, sql, always = false) => {
      if (isRefused(extension)) return buildRefusalSql(extension);
      if (!ofSuperuser.has(extension) && !always) return null;
      const name = `${FUNCTIONS_SCHEMA}.extension_${functions.length + 1}`;
      functions.push(
        `CREATE FUNCTION ${name}() RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS ${quoteLiteral(`BEGIN ${sql}; END`)}`,
      );
      return `SELECT ${name}()`;
    },
    create: async () => {
      const owner = quoteIdentifier(role);
      const own =
        functions.length > 0
          ? [
              `CREATE SCHEMA ${FUNCTIONS_SCHEMA}`,
              `GRANT USAGE ON SCHEMA ${FUNCTIONS_SCHEMA} TO ${owner}`,
              ...functions,
            ]
          : [];
      await db.execute([{ statements: [`ALTER SCHEMA public OWNER TO ${owner}`, ...own] }]);
    },
  };
}
