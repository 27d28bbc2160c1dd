/**
 * The role that a folder's files run as on a server of our own. They may be a stranger's, and a superuser's SQL may start
 * programs and write files: so it is a role like the master user of RDS, without a superuser's rights and without a way
 * to them.
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

/** Not `postgres`: databases that were moved have a role of that name, which is a superuser nowhere on RDS. */
export const SUPERUSER = 'trueup_scratch';

const NAME = 'trueup_trial';
const DATABASE = NAME;
/** Not the role's name: names without a schema are looked up there first. */
const FUNCTIONS = 'trueup_trial_extensions';

/**
 * A database with a role that owns it.
 * @param db connected as superuser to another database of the server
 * @param name of the role
 */
export async function createTrialRole(db: Database, name = NAME): Promise<TrialRole> {
  const role = quoteIdentifier(name);
  const password = randomBytes(16).toString('hex');
  const statements = [
    // Before PostgreSQL 16 who may create roles may grant any but a superuser: these must not be there to be granted.
    'SET LOCAL allow_system_table_mods = on',
    `DELETE FROM pg_catalog.pg_authid
     WHERE rolname IN ('pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files')`,
    `CREATE ROLE ${role} LOGIN CREATEDB CREATEROLE PASSWORD ${quoteLiteral(password)}`,
    `GRANT pg_monitor, pg_signal_backend TO ${role} WITH ADMIN OPTION`,
  ];
  await db.execute([{ statements }]);
  await db.executeOutside(`CREATE DATABASE ${quoteIdentifier(DATABASE)} OWNER ${role}`, {});
  return { name, password, database: DATABASE };
}

/**
 * Extensions that only a superuser may make, and that the server has: each such statement becomes a function that does
 * just this, with a superuser's rights, when the file comes to it.
 * @param db connected as superuser to the role's database
 */
export async function prepareExtensions(db: Database, manifest: Manifest): Promise<Manifest> {
  const { untrusted, add, create } = await superuserFunctions(db);
  const doneBySuperuser = (statement: Statement): Statement => {
    const { effects, sql } = statement;
    const needed = effects.some(
      (effect) =>
        effect.kind === 'move extension' ||
        (/extension$/.test(effect.kind) && 'name' in effect && untrusted.has(effect.name ?? '')),
    );
    if (!needed) return statement;
    return { ...statement, sql: add(sql) };
  };
  const migrations = manifest.migrations.map(
    (migration): Migration => ({ ...migration, statements: migration.statements.map(doneBySuperuser) }),
  );
  await create();
  return { ...manifest, migrations };
}

/**
 * What extensions bring that the files move to another schema belongs to the role afterwards: whoever moves one owns its
 * functions, and files that were written say so beforehand.
 * @param db connected as superuser to the role's database, which has the extensions
 */
export async function handOver(db: Database, { migrations }: Manifest, role: TrialRole): Promise<void> {
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
  /** Extensions that only a superuser may make. */
  readonly untrusted: ReadonlySet<string>;
  /** Takes a statement about one of them; the answer is what the role sends in its place. */
  readonly add: (sql: string) => string;
  /** Makes the functions, and gives the role its schema `public`. */
  readonly create: () => Promise<void>;
}

/** @param role whose database it is. @default - the one that has no other name */
export async function superuserFunctions(db: Database, role = NAME): Promise<SuperuserFunctions> {
  const untrusted = await db.query<{
    name: string;
  }>(`SELECT name FROM pg_catalog.pg_available_extension_versions
    GROUP BY name HAVING NOT pg_catalog.bool_or(trusted)`);
  const functions: string[] = [];
  return {
    untrusted: new Set(untrusted.map(({ name }) => name)),
    add: (sql) => {
      const name = `${FUNCTIONS}.extension_${functions.length + 1}`;
      functions.push(
        `CREATE FUNCTION ${name}() RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS ${quoteLiteral(`BEGIN ${sql}; END`)}`,
      );
      return `SELECT ${name}()`;
    },
    create: async () => {
      const owner = quoteIdentifier(role);
      const own =
        functions.length > 0
          ? [`CREATE SCHEMA ${FUNCTIONS}`, `GRANT USAGE ON SCHEMA ${FUNCTIONS} TO ${owner}`, ...functions]
          : [];
      await db.execute([{ statements: [`ALTER SCHEMA public OWNER TO ${owner}`, ...own] }]);
    },
  };
}
