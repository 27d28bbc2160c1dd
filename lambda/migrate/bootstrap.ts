/** What the first run makes where it is told to: the database, and the role that logs in with IAM authentication. */
import { type Database, SqlError } from '../postgres/database';
import { quoteIdentifier } from '../postgres/quote';

/** Somebody else made it in the meantime: duplicate_database, duplicate_object, unique_violation in the catalogue. */
const THERE_ALREADY = new Set(['42P04', '42710', '23505']);

/**
 * Makes the database unless it exists.
 * @param admin connected to another database of the same server
 * @returns whether it was not there
 */
export async function createDatabase(
  admin: Database,
  name: string,
  ownerRole: string | null,
): Promise<boolean> {
  const known = await admin.query(
    'SELECT 1 FROM pg_catalog.pg_database WHERE datname OPERATOR(pg_catalog.=) $1::name',
    [name],
  );
  if (known.length > 0) return false;
  const owner = ownerRole === null ? '' : ` OWNER ${quoteIdentifier(ownerRole)}`;
  await unlessThere(admin, `CREATE DATABASE ${quoteIdentifier(name)}${owner}`);
  return true;
}

export interface NewRole {
  readonly name: string;
  readonly database: string;
  readonly ownerRole: string | null;
}

/**
 * Makes the role unless it exists; one that exists is left as it is. `rds_iam` decides that a token is asked for, not a
 * password. CREATE on the database is for schema trueup.
 * @param admin connected to the database in question
 * @returns whether it was made
 */
export async function createRole(admin: Database, role: NewRole): Promise<boolean> {
  const name = quoteIdentifier(role.name);
  const known = await admin.query(
    'SELECT 1 FROM pg_catalog.pg_roles WHERE rolname OPERATOR(pg_catalog.=) $1::name',
    [role.name],
  );
  if (known.length > 0) return false;
  const [version] = await admin.query(
    `SELECT pg_catalog.current_setting('server_version_num')::int AS number`,
  );
  const options = Number(version?.number) >= 160000 ? ' WITH INHERIT TRUE, SET TRUE' : '';
  const rights =
    role.ownerRole === null
      ? `GRANT USAGE, CREATE ON SCHEMA public TO ${name}`
      : `GRANT ${quoteIdentifier(role.ownerRole)} TO ${name}${options}`;
  const statements = [
    `CREATE ROLE ${name} LOGIN`,
    `GRANT rds_iam TO ${name}`,
    `GRANT CONNECT, CREATE ON DATABASE ${quoteIdentifier(role.database)} TO ${name}`,
    rights,
  ];
  try {
    await admin.execute([{ statements }]);
  } catch (error) {
    if (!(error instanceof SqlError) || !THERE_ALREADY.has(error.sqlstate)) throw error;
  }
  return true;
}

async function unlessThere(db: Database, sql: string): Promise<void> {
  try {
    await db.executeOutside(sql, {});
  } catch (error) {
    if (!(error instanceof SqlError) || !THERE_ALREADY.has(error.sqlstate)) throw error;
  }
}
