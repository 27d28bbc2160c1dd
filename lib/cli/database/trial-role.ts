/**
 * The role that a folder's files run as on a server of our own. They may be a stranger's, and a superuser's SQL may start
 * programs and write files: so it is a role like the master user of RDS, without a superuser's rights and without a way
 * to them.
 */
import { randomBytes } from 'node:crypto';
import type { Manifest, Migration, Statement } from '../../../lambda/contract/manifest';
import type { Database } from '../../../lambda/postgres/database';
import { quoteLiteral } from '../../../lambda/sql/quote';

export interface TrialRole {
  readonly name: string;
  readonly password: string;
  readonly database: string;
}

const NAME = 'trueup_trial';
/** Not the role's name: names without a schema are looked up there first. */
const FUNCTIONS = 'trueup_trial_extensions';

/**
 * A database with a role that owns it.
 * @param db connected as superuser to another database of the server
 */
export async function createTrialRole(db: Database): Promise<TrialRole> {
  const password = randomBytes(16).toString('hex');
  const statements = [
    // Before PostgreSQL 16 who may create roles may grant any but a superuser: these must not be there to be granted.
    'SET LOCAL allow_system_table_mods = on',
    `DELETE FROM pg_catalog.pg_authid
     WHERE rolname IN ('pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files')`,
    `CREATE ROLE ${NAME} LOGIN CREATEDB CREATEROLE PASSWORD ${quoteLiteral(password)}`,
    `GRANT pg_monitor, pg_signal_backend TO ${NAME} WITH ADMIN OPTION`,
  ];
  await db.execute([{ statements }]);
  await db.executeOutside(`CREATE DATABASE ${NAME} OWNER ${NAME}`, {});
  return { name: NAME, password, database: NAME };
}

/**
 * Extensions that only a superuser may make, and that the server has: each such statement becomes a function that does
 * just this, with a superuser's rights, when the file comes to it.
 * @param db connected as superuser to the role's database
 */
export async function prepareExtensions(db: Database, manifest: Manifest): Promise<Manifest> {
  const untrusted = new Set(
    (
      await db.query<{ name: string }>(`SELECT name FROM pg_catalog.pg_available_extension_versions
        GROUP BY name HAVING NOT pg_catalog.bool_or(trusted)`)
    ).map(({ name }) => name),
  );
  const functions: string[] = [];
  const doneBySuperuser = (statement: Statement): Statement => {
    const { effects, sql } = statement;
    const needed = effects.some(
      (effect) => /extension$/.test(effect.kind) && 'name' in effect && untrusted.has(effect.name ?? ''),
    );
    if (!needed) return statement;
    const name = `${FUNCTIONS}.extension_${functions.length + 1}`;
    functions.push(
      `CREATE FUNCTION ${name}() RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS ${quoteLiteral(`BEGIN ${sql}; END`)}`,
    );
    return { ...statement, sql: `SELECT ${name}()` };
  };
  const migrations = manifest.migrations.map(
    (migration): Migration => ({ ...migration, statements: migration.statements.map(doneBySuperuser) }),
  );
  const statements = [
    `ALTER SCHEMA public OWNER TO ${NAME}`,
    ...(functions.length > 0
      ? [`CREATE SCHEMA ${FUNCTIONS}`, `GRANT USAGE ON SCHEMA ${FUNCTIONS} TO ${NAME}`, ...functions]
      : []),
  ];
  await db.execute([{ statements }]);
  return { ...manifest, migrations };
}
