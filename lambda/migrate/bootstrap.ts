/** Creates the database, its owner and the login role at the first run, where the settings allow it. */
import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { TrueupError } from '../contract/errors';
import { ConnectionLostError, type Database, SqlError } from '../postgres/database';
import { PINNED_SEARCH_PATH } from '../postgres/pinned-search-path';
import { quoteIdentifier, quoteIfNeeded, quoteLiteral } from '../sql/quote';
import { OWN_LOGIN_COMMENT } from '../sql/trust';

/**
 * Creates the database unless it exists.
 * @param admin connected to another database of the same server; it need not be a superuser (RDS's master user is not
 * one)
 * @returns whether the database was missing
 * @throws {TrueupError} naming the missing GRANT
 */
export async function createDatabase(
  admin: Database,
  name: string,
  ownerRole: string | null,
): Promise<boolean> {
  const known = buildExistsSql('pg_database', 'datname', name);
  if (await isConditionTrue(admin, known)) return false;
  const server = await readServer(admin);
  const needsToken = ownerRole !== null && (await isConditionTrue(admin, buildUsesIamTokenSql(ownerRole)));
  // A role can give a database only to a role that it can SET ROLE to.
  if (ownerRole !== null && !needsToken)
    await applyMissingGrants(admin, server, [buildMembershipGrant(server, ownerRole, server.role)]);
  const owner = ownerRole === null || needsToken ? '' : ` OWNER ${quoteIdentifier(ownerRole)}`;
  await explainRefusal(server, [`ALTER ROLE ${quoteIdentifier(server.role)} CREATEDB`], () =>
    createUnlessExists(admin, known, () =>
      admin.executeOutside(`CREATE DATABASE ${quoteIdentifier(name)}${owner}`, {}),
    ),
  );
  if (needsToken) {
    const given = `ALTER DATABASE ${quoteIdentifier(name)} OWNER TO ${quoteIdentifier(ownerRole)}`;
    await explainRefusal(server, [given], async () => {
      await admin.execute([{ statements: await buildActAsStatements(admin, ownerRole, [given]) }]);
    });
  }
  return true;
}

/**
 * Returns a SQL condition that is true if the role is in rds_iam. Every member of that role is then in rds_iam too, and
 * RDS no longer accepts the member's password
 * (https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/database-authentication.html). The master user must therefore
 * never become a member of it.
 */
const buildUsesIamTokenSql = (role: string): string =>
  `EXISTS (SELECT FROM pg_catalog.pg_roles i CROSS JOIN pg_catalog.pg_roles r
  WHERE i.rolname OPERATOR(pg_catalog.=) 'rds_iam'::pg_catalog.name AND NOT r.rolsuper
    AND r.rolname OPERATOR(pg_catalog.=) ${quoteLiteral(role)}::pg_catalog.name AND pg_catalog.pg_has_role(r.oid, i.oid, 'MEMBER'))`;

/**
 * Returns the statements of one transaction in which the admin is temporarily a member of the role. The membership is
 * revoked before the commit, so other sessions never see it.
 */
export async function buildActAsStatements(
  admin: Database,
  role: string,
  statements: readonly string[],
): Promise<string[]> {
  const server = await readServer(admin);
  const { sql, given } = buildMembershipGrant(server, role, server.role);
  if (await isConditionTrue(admin, given)) return [...statements];
  return [sql, ...statements, `REVOKE ${quoteIdentifier(role)} FROM ${quoteIdentifier(server.role)}`];
}

/**
 * The access of a role to a database: as a member of the database's owner or, if `ownerRole` is `null`, as itself in
 * schema public.
 */
export interface RoleAccess {
  readonly role: string;
  readonly database: string;
  readonly ownerRole: string | null;
}

/**
 * Creates the role and its access, unless the role exists; an existing role is not changed. Being in `rds_iam` makes
 * RDS expect a token from the role and not a password.
 * @param admin connected to the database in question
 * @returns whether the role was missing
 * @throws {TrueupError} naming the missing GRANTs
 */
export async function createRole(admin: Database, access: RoleAccess): Promise<boolean> {
  const known = buildExistsSql('pg_roles', 'rolname', access.role);
  if (await isConditionTrue(admin, known)) return false;
  const server = await readServer(admin);
  const role = quoteIdentifier(access.role);
  const grants = listGrants(server, access);
  // All in one transaction, so that an existing role always has its full access.
  const statements = [
    `CREATE ROLE ${role} LOGIN`,
    `GRANT rds_iam TO ${role}`,
    ...grants.map(({ sql }) => sql),
  ];
  await explainRefusal(server, statements, () =>
    createUnlessExists(admin, known, () => admin.execute([{ statements }])),
  );
  await applyMissingGrants(admin, server, grants);
  return true;
}

/**
 * Grants an existing role access to a new database.
 * @param admin connected to the database
 * @throws {TrueupError} naming the missing GRANTs
 */
export async function grantAccess(admin: Database, access: RoleAccess): Promise<void> {
  const server = await readServer(admin);
  await applyMissingGrants(admin, server, listGrants(server, access));
}

/** A login role that Trueup manages, one per database. */
export interface OwnLogin {
  readonly role: string;
  readonly database: string;
  readonly ownerRole: string;
  /** The password from the login's secret, or `null` if it logs in with a token. */
  readonly password: string | null;
}

/** Returns the comment that marks a role as created by Trueup. The password of a role without it is never changed. */
const buildRoleComment = (database: string): string => `${OWN_LOGIN_COMMENT}${quoteIfNeeded(database)}`;

/**
 * Creates the role that owns the application's tables, if `mayMake` is set, and makes the admin a member of it. Without
 * the membership, the admin could not give tables to the owner. The admin does not join an owner that is in rds_iam,
 * since RDS would then no longer accept the admin's password.
 * @throws {TrueupError} naming the missing GRANT
 */
export async function createOwner(admin: Database, owner: string, mayMake: boolean): Promise<void> {
  const server = await readServer(admin);
  const known = buildExistsSql('pg_roles', 'rolname', owner);
  if (mayMake && !(await isConditionTrue(admin, known))) {
    const statements = [`CREATE ROLE ${quoteIdentifier(owner)} NOLOGIN`];
    await explainRefusal(server, statements, () =>
      createUnlessExists(admin, known, () => admin.execute([{ statements }])),
    );
  }
  if (!(await isConditionTrue(admin, buildUsesIamTokenSql(owner))))
    await applyMissingGrants(admin, server, [buildMembershipGrant(server, owner, server.role)]);
}

/**
 * Creates the login with everything it needs on the server, or adds what is missing.
 * @param refused whether the server refused the login; an existing role then gets LOGIN and the password of its secret
 * again
 * @returns whether anything was changed
 * @throws {TrueupError} if the role was not created by Trueup, or naming the missing GRANTs
 */
export async function createOwnLogin(admin: Database, login: OwnLogin, refused: boolean): Promise<boolean> {
  const { role, password } = login;
  const server = await readServer(admin);
  const known = buildExistsSql('pg_roles', 'rolname', role);
  const name = quoteIdentifier(role);
  const member = buildMembershipGrant(server, login.ownerRole, role);
  const marked = `COMMENT ON ROLE ${name} IS ${quoteLiteral(buildRoleComment(login.database))}`;
  // Never the plain password: failing statements are written to the server's log.
  const secret = password === null ? '' : ` PASSWORD ${quoteLiteral(computeScramVerifier(password))}`;
  if (!(await isConditionTrue(admin, known))) {
    const statements = [
      `CREATE ROLE ${name} LOGIN${secret}`,
      marked,
      ...(password === null ? [`GRANT rds_iam TO ${name}`] : []),
      member.sql,
    ];
    const shown = statements.map((each) => redactSecret(each, secret));
    await explainRefusal(server, shown, () =>
      createUnlessExists(admin, known, () => admin.execute([{ statements }])),
    );
    await applyMissingGrants(admin, server, [member]);
    return true;
  }
  let changed = false;
  if (refused) {
    const [found] = await admin.query<{ ours: boolean; login: boolean }>(
      `SELECT rolcanlogin AS login, coalesce(pg_catalog.shobj_description(oid, 'pg_authid'), '') OPERATOR(pg_catalog.=) ${quoteLiteral(buildRoleComment(login.database))} AS ours
FROM pg_catalog.pg_roles WHERE rolname OPERATOR(pg_catalog.=) ${quoteLiteral(role)}::pg_catalog.name`,
      [],
      { search_path: PINNED_SEARCH_PATH },
    );
    if (found?.ours !== true) throw makeForeignRoleError(role, marked);
    // RDS accepts no password for a role in rds_iam. The role may have been set up for tokens when the other
    // transport was used.
    const needsNoToken = password !== null && (await isConditionTrue(admin, buildUsesIamTokenSql(role)));
    const statements = [
      ...(password === null && found.login ? [] : [`ALTER ROLE ${name} LOGIN${secret}`]),
      ...(needsNoToken ? [`REVOKE rds_iam FROM ${name}`] : []),
    ];
    const shown = statements.map((each) => redactSecret(each, secret));
    // A concurrent first run may update the same catalog row. Both retry, and both set the same password.
    if (statements.length > 0)
      await explainRefusal(server, shown, () =>
        createUnlessExists(admin, 'false', () => admin.execute([{ statements }])),
      );
    changed = statements.length > 0;
  }
  const iam: RoleGrant = {
    sql: `GRANT rds_iam TO ${name}`,
    given: `pg_catalog.pg_has_role(${quoteLiteral(role)}, 'rds_iam', 'MEMBER')`,
  };
  const gave = await applyMissingGrants(admin, server, [
    ...(password === null && refused ? [iam] : []),
    member,
  ]);
  return changed || gave;
}

const redactSecret = (statement: string, secret: string): string =>
  secret === '' ? statement : statement.replace(secret, " PASSWORD '<from its secret>'");

const makeForeignRoleError = (role: string, marked: string): TrueupError =>
  new TrueupError({
    code: 'privilege',
    message: `role ${role}, which Trueup would use as its login, already exists and was not created by Trueup; it was left unchanged`,
    remedy: `Give another \`user\`, or let Trueup manage the role and set its password: ${marked};`,
  });

/** Grants the owner and the login the privileges they need in the database. @returns whether any were missing */
export async function grantOwnAccess(admin: Database, login: OwnLogin): Promise<boolean> {
  const server = await readServer(admin);
  const { database, ownerRole } = login;
  const [connecting] = listGrants(server, login);
  return applyMissingGrants(admin, server, [connecting!, ...listOwnerGrants(database, ownerRole)]);
}

/** Grants privileges to an owner role that does not own the database. @returns whether any were missing */
export async function grantOwnerAccess(admin: Database, database: string, owner: string): Promise<boolean> {
  return applyMissingGrants(admin, await readServer(admin), listOwnerGrants(database, owner));
}

const listOwnerGrants = (database: string, owner: string): RoleGrant[] => [
  {
    sql: `GRANT CREATE ON DATABASE ${quoteIdentifier(database)} TO ${quoteIdentifier(owner)}`,
    given: `pg_catalog.has_database_privilege(${quoteLiteral(owner)}, ${quoteLiteral(database)}, 'CREATE')`,
  },
  {
    sql: `GRANT USAGE, CREATE ON SCHEMA public TO ${quoteIdentifier(owner)}`,
    // No privileges are needed on a schema that was dropped.
    given: `CASE WHEN pg_catalog.to_regnamespace('public') IS NULL THEN true ELSE
  pg_catalog.has_schema_privilege(${quoteLiteral(owner)}, 'public', 'USAGE')
  AND pg_catalog.has_schema_privilege(${quoteLiteral(owner)}, 'public', 'CREATE') END`,
  },
];

/**
 * Lets the login see running statements, which the guard needs. @returns whether it can see them now; not every master
 * user may grant this
 */
export async function grantStatistics(admin: Database, role: string): Promise<boolean> {
  const given = `pg_catalog.pg_has_role(${quoteLiteral(role)}, 'pg_read_all_stats', 'USAGE')`;
  if (await isConditionTrue(admin, given)) return true;
  const sql = `GRANT pg_read_all_stats TO ${quoteIdentifier(role)}`;
  try {
    await createUnlessExists(admin, given, () => admin.execute([{ statements: [sql] }]));
    return true;
  } catch (error) {
    if (!(error instanceof SqlError) || error.sqlstate !== INSUFFICIENT_PRIVILEGE_SQLSTATE) throw error;
    return false;
  }
}

const SCRAM_ITERATIONS = 4096;
const SCRAM_SALT_BYTES = 16;

/**
 * Returns the verifier that the server stores for a password, so that the password itself is never sent. The verifier
 * follows RFC 5803 in the form of https://www.postgresql.org/docs/current/catalog-pg-authid.html.
 * @throws {TrueupError} for non-ASCII characters, which SASLprep (RFC 4013) may change
 */
export function computeScramVerifier(password: string, salt = randomBytes(SCRAM_SALT_BYTES)): string {
  if (!/^[ -~]+$/.test(password)) {
    throw new TrueupError({
      code: 'connection',
      message:
        "the password in the login's secret is empty, or contains characters other than printable ASCII",
      remedy: 'Put another password into the secret, and deploy again.',
    });
  }
  const salted = pbkdf2Sync(password, salt, SCRAM_ITERATIONS, 32, 'sha256');
  const key = (name: string): Buffer => createHmac('sha256', salted).update(name).digest();
  const stored = createHash('sha256').update(key('Client Key')).digest('base64');
  return `SCRAM-SHA-256$${SCRAM_ITERATIONS}:${salt.toString('base64')}$${stored}:${key('Server Key').toString('base64')}`;
}

interface RoleGrant {
  readonly sql: string;
  /** A SQL condition that is true if the privilege has already been granted. */
  readonly given: string;
}

/** Returns the grants of a role. It needs CREATE on the database to create schema trueup. */
function listGrants(server: AdminServer, { role, database, ownerRole }: RoleAccess): RoleGrant[] {
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
      : buildMembershipGrant(server, ownerRole, role),
  ];
}

/**
 * Returns the grant that gives `member` the role's privileges and lets it SET ROLE to it. From PostgreSQL 16 on, each
 * membership has its own INHERIT and SET options. The creator of a role may grant it to any role, including itself, and
 * has neither option until it does.
 */
function buildMembershipGrant({ version }: AdminServer, role: string, member: string): RoleGrant {
  const may = (right: string): string =>
    `pg_catalog.pg_has_role(${quoteLiteral(member)}, ${quoteLiteral(role)}, '${right}')`;
  const options = version >= 160000 ? ' WITH INHERIT TRUE, SET TRUE' : '';
  return {
    sql: `GRANT ${quoteIdentifier(role)} TO ${quoteIdentifier(member)}${options}`,
    given: `${may('USAGE')} AND ${may(version >= 160000 ? 'SET' : 'MEMBER')}`,
  };
}

/**
 * Grants only what is missing. Existing privileges may come from another grantor, and the admin may not be able to
 * grant them.
 * @returns whether anything was missing
 */
async function applyMissingGrants(
  admin: Database,
  server: AdminServer,
  grants: readonly RoleGrant[],
): Promise<boolean> {
  const statements = grants.map(({ sql }) => sql);
  let gave = false;
  await explainRefusal(server, statements, async () => {
    const missing: RoleGrant[] = [];
    for (const grant of grants) if (!(await isConditionTrue(admin, grant.given))) missing.push(grant);
    if (missing.length === 0) return;
    gave = true;
    const all = missing.map(({ given }) => given).join(' AND ');
    await createUnlessExists(admin, all, () =>
      admin.execute([{ statements: missing.map(({ sql }) => sql) }]),
    );
    // A grantor that has a privilege without GRANT OPTION gets only a warning, and nothing is granted.
    if (!(await waitUntilHolds(admin, all)))
      throw new SqlError('no privileges were granted', INSUFFICIENT_PRIVILEGE_SQLSTATE);
  });
  return gave;
}

/**
 * Waits until the condition is true. A concurrent first run's grant can be visible in the catalog before this session
 * has processed the invalidation of its cached role memberships.
 */
async function waitUntilHolds(admin: Database, condition: string): Promise<boolean> {
  for (let attempt = 1; attempt < MAX_ATTEMPTS; attempt++) {
    if (await isConditionTrue(admin, condition)) return true;
    await sleep(attempt * 20);
  }
  return isConditionTrue(admin, condition);
}

const INSUFFICIENT_PRIVILEGE_SQLSTATE = '42501';
const UNDEFINED_OBJECT_SQLSTATE = '42704';

/**
 * Runs `work` and explains missing privileges.
 * @throws {TrueupError} with the statements that a privileged role has to run
 */
export async function explainRefusal(
  server: AdminServer,
  statements: readonly string[],
  work: () => Promise<unknown>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    const sqlstate = error instanceof SqlError ? error.sqlstate : '';
    if (sqlstate !== INSUFFICIENT_PRIVILEGE_SQLSTATE && sqlstate !== UNDEFINED_OBJECT_SQLSTATE) throw error;
    const missing = sqlstate === UNDEFINED_OBJECT_SQLSTATE;
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

/** duplicate_database, duplicate_object, unique_violation in the catalog, and "tuple concurrently updated". */
const RACE_SQLSTATES = new Set(['42P04', '42710', '23505', 'XX000']);
const MAX_ATTEMPTS = 5;

/**
 * Runs `work` while another first run may be doing the same. The loser of the race checks whether the object exists
 * now, and otherwise tries again.
 */
async function createUnlessExists(
  admin: Database,
  there: string,
  work: () => Promise<unknown>,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await work();
      return;
    } catch (error) {
      if (!(error instanceof SqlError) || !RACE_SQLSTATES.has(error.sqlstate) || attempt === MAX_ATTEMPTS)
        throw error;
      if (await isConditionTrue(admin, there)) return;
    }
  }
}

/** A database that exists on every RDS server and accepts connections from every role. */
export const MAINTENANCE_DATABASE = 'postgres';
const NO_SUCH_DATABASE_SQLSTATE = '3D000';
/** invalid_authorization_specification and invalid_password. */
const LOGIN_REFUSED_SQLSTATES = new Set(['28000', '28P01']);

export const isLoginRefused = (error: unknown): error is ConnectionLostError =>
  error instanceof ConnectionLostError &&
  error.reason !== undefined &&
  LOGIN_REFUSED_SQLSTATES.has(error.reason);

export function isDatabaseMissing(error: unknown): boolean {
  if (error instanceof SqlError) return error.sqlstate === NO_SUCH_DATABASE_SQLSTATE;
  return error instanceof ConnectionLostError && error.reason === NO_SUCH_DATABASE_SQLSTATE;
}

export async function withClosing(db: Database, work: (db: Database) => Promise<unknown>): Promise<void> {
  try {
    await work(db);
  } finally {
    await db.close();
  }
}

export interface AdminServer {
  readonly version: number;
  /** The admin's role name. */
  readonly role: string;
}

export async function readServer(admin: Database): Promise<AdminServer> {
  const [row] = await admin.query(
    `SELECT pg_catalog.current_setting('server_version_num')::pg_catalog.int4 AS version, current_user::pg_catalog.text AS role`,
  );
  return { version: Number(row!.version), role: String(row!.role) };
}

const buildExistsSql = (catalog: string, column: string, name: string): string =>
  `EXISTS (SELECT FROM pg_catalog.${catalog} WHERE ${column} OPERATOR(pg_catalog.=) ${quoteLiteral(name)}::pg_catalog.name)`;

const isConditionTrue = async (admin: Database, condition: string): Promise<boolean> =>
  (await admin.query(`SELECT ${condition} AS holds`))[0]!.holds === true;
