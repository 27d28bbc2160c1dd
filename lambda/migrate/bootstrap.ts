/** What the first run makes where it is told to: the database, and the role that logs in with IAM authentication. */
import { setTimeout as sleep } from 'node:timers/promises';
import { TrueupError } from '../contract/errors';
import { type Database, SqlError } from '../postgres/database';
import { quoteIdentifier, quoteLiteral } from '../sql/quote';

/**
 * Makes the database unless it exists.
 * @param admin connected to another database of the same server; it need not be a superuser, and RDS's master user is none
 * @returns whether it was not there
 * @throws {TrueupError} naming the GRANT that is missing
 */
export async function createDatabase(
  admin: Database,
  name: string,
  ownerRole: string | null,
): Promise<boolean> {
  const known = exists('pg_database', 'datname', name);
  if (await holds(admin, known)) return false;
  const server = await serverOf(admin);
  // Only who can act as a role may give it a database.
  if (ownerRole !== null) await give(admin, server, [membership(server, ownerRole, server.role)]);
  const owner = ownerRole === null ? '' : ` OWNER ${quoteIdentifier(ownerRole)}`;
  await explained(server, [`ALTER ROLE ${quoteIdentifier(server.role)} CREATEDB`], () =>
    unlessThere(admin, known, () =>
      admin.executeOutside(`CREATE DATABASE ${quoteIdentifier(name)}${owner}`, {}),
    ),
  );
  return true;
}

/** Which role may work where: as the database's owner, or (null) as itself in schema public. */
export interface Access {
  readonly role: string;
  readonly database: string;
  readonly ownerRole: string | null;
}

/**
 * Makes the role, with its access, unless it exists; one that exists is left as it is. `rds_iam` decides that a token is
 * asked for, not a password.
 * @param admin connected to the database in question
 * @returns whether it was not there
 * @throws {TrueupError} naming the GRANTs that are missing
 */
export async function createRole(admin: Database, access: Access): Promise<boolean> {
  const known = exists('pg_roles', 'rolname', access.role);
  if (await holds(admin, known)) return false;
  const server = await serverOf(admin);
  const role = quoteIdentifier(access.role);
  const grants = grantsFor(server, access);
  // One transaction: a role that is there has all of it.
  const statements = [
    `CREATE ROLE ${role} LOGIN`,
    `GRANT rds_iam TO ${role}`,
    ...grants.map(({ sql }) => sql),
  ];
  await explained(server, statements, () => unlessThere(admin, known, () => admin.execute([{ statements }])));
  await give(admin, server, grants);
  return true;
}

/**
 * Lets a role that was there before into a database that is new.
 * @param admin connected to the database
 * @throws {TrueupError} naming the GRANTs that are missing
 */
export async function giveAccess(admin: Database, access: Access): Promise<void> {
  const server = await serverOf(admin);
  await give(admin, server, grantsFor(server, access));
}

interface Grant {
  readonly sql: string;
  /** A condition: it is there already. */
  readonly given: string;
}

/** CREATE on the database is for schema trueup. */
function grantsFor(server: Server, { role, database, ownerRole }: Access): Grant[] {
  const name = quoteIdentifier(role);
  const may = (kind: 'database' | 'schema', object: string, right: string): string =>
    `pg_catalog.has_${kind}_privilege(${quoteLiteral(role)}, ${quoteLiteral(object)}, '${right}')`;
  return [
    {
      sql: `GRANT CONNECT, CREATE ON DATABASE ${quoteIdentifier(database)} TO ${name}`,
      given: `${may('database', database, 'CONNECT')} AND ${may('database', database, 'CREATE')}`,
    },
    ownerRole === null
      ? {
          sql: `GRANT USAGE, CREATE ON SCHEMA public TO ${name}`,
          given: `${may('schema', 'public', 'USAGE')} AND ${may('schema', 'public', 'CREATE')}`,
        }
      : membership(server, ownerRole, role),
  ];
}

/**
 * `member` has the role's rights and can act as it. From PostgreSQL 16 on each membership says so for itself; who makes a
 * role may grant it to anybody, himself included, and has neither until he does.
 */
function membership({ version }: Server, role: string, member: string): Grant {
  const may = (right: string): string =>
    `pg_catalog.pg_has_role(${quoteLiteral(member)}, ${quoteLiteral(role)}, '${right}')`;
  const options = version >= 160000 ? ' WITH INHERIT TRUE, SET TRUE' : '';
  return {
    sql: `GRANT ${quoteIdentifier(role)} TO ${quoteIdentifier(member)}${options}`,
    given: `${may('USAGE')} AND ${may(version >= 160000 ? 'SET' : 'MEMBER')}`,
  };
}

/** Gives what is missing only: the rest may come from somebody whose right to give it the admin does not have. */
async function give(admin: Database, server: Server, grants: readonly Grant[]): Promise<void> {
  const statements = grants.map(({ sql }) => sql);
  await explained(server, statements, async () => {
    const missing: Grant[] = [];
    for (const grant of grants) if (!(await holds(admin, grant.given))) missing.push(grant);
    if (missing.length === 0) return;
    const all = missing.map(({ given }) => given).join(' AND ');
    await unlessThere(admin, all, () => admin.execute([{ statements: missing.map(({ sql }) => sql) }]));
    // To who may use a right but not give it, the server answers with a warning, and gives nothing.
    if (!(await holdsSoon(admin, all)))
      throw new SqlError('no privileges were granted', INSUFFICIENT_PRIVILEGE);
  });
}

/** Another first run's grant can be seen in the catalogue before this session is told to forget the roles that it knew. */
async function holdsSoon(admin: Database, condition: string): Promise<boolean> {
  for (let attempt = 1; attempt < ATTEMPTS; attempt++) {
    if (await holds(admin, condition)) return true;
    await sleep(attempt * 20);
  }
  return holds(admin, condition);
}

const INSUFFICIENT_PRIVILEGE = '42501';
const UNDEFINED_OBJECT = '42704';

/** @throws {TrueupError} with what somebody who may has to run */
async function explained(
  server: Server,
  statements: readonly string[],
  work: () => Promise<unknown>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    const sqlstate = error instanceof SqlError ? error.sqlstate : '';
    if (sqlstate !== INSUFFICIENT_PRIVILEGE && sqlstate !== UNDEFINED_OBJECT) throw error;
    const missing = sqlstate === UNDEFINED_OBJECT;
    throw new TrueupError(
      {
        code: 'privilege',
        message: missing
          ? 'the first run cannot create the database and role: a role they need does not exist'
          : `the first run cannot create the database and role: ${server.role} lacks a privilege`,
        remedy: missing
          ? `Create it, and deploy again. It is used in: ${statements.join('; ')};`
          : `Run this as a role that has it, and deploy again: ${statements.join('; ')};`,
        sqlstate,
      },
      { cause: error },
    );
  }
}

/** duplicate_database, duplicate_object, unique_violation in the catalogue, "tuple concurrently updated". */
const RACES = new Set(['42P04', '42710', '23505', 'XX000']);
const ATTEMPTS = 5;

/** Two first runs at once: who loses looks whether it is there now, and else tries again. */
async function unlessThere(admin: Database, there: string, work: () => Promise<unknown>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await work();
      return;
    } catch (error) {
      if (!(error instanceof SqlError) || !RACES.has(error.sqlstate) || attempt === ATTEMPTS) throw error;
      if (await holds(admin, there)) return;
    }
  }
}

interface Server {
  readonly version: number;
  /** The admin's. */
  readonly role: string;
}

async function serverOf(admin: Database): Promise<Server> {
  const [row] = await admin.query(
    `SELECT pg_catalog.current_setting('server_version_num')::int AS version, current_user::pg_catalog.text AS role`,
  );
  return { version: Number(row!.version), role: String(row!.role) };
}

const exists = (catalogue: string, column: string, name: string): string =>
  `EXISTS (SELECT FROM pg_catalog.${catalogue} WHERE ${column} OPERATOR(pg_catalog.=) ${quoteLiteral(name)}::pg_catalog.name)`;

const holds = async (admin: Database, condition: string): Promise<boolean> =>
  (await admin.query(`SELECT ${condition} AS holds`))[0]!.holds === true;
