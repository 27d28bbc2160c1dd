/**
 * Runs the statements of a dump. The dump may be untrusted, so each statement runs separately, for a limited time and
 * as a non-superuser role. Only roles and some extensions need a superuser; they are created with SQL that Trueup
 * writes itself.
 */
import type { Node } from 'libpg-query';
import { joinKey } from '../../../../lambda/audit/names';
import type { NotCheckedItem } from '../../../../lambda/audit/not-checked';
import { type Database, SqlError } from '../../../../lambda/postgres/database';
import { safeServerMessage } from '../../../../lambda/postgres/server-words';
import { quoteIdentifier, quoteLiteral } from '../../../../lambda/sql/quote';
import { unwrapNode } from '../../../compiler/read/tree';
import { makeEncodingProblem, SourceProblem } from '../source-problem';
import { buildNotChecked, findCause, readObjectName, type UnloadedObject } from './report';
import {
  decideLoading,
  type LoadDecision,
  listStatementRoles,
  type RequiredExtension,
  readOwner,
  readRequiredExtension,
} from './statement';

export interface ScratchDatabase {
  /** Connection as {@link ScratchDatabase.role}, which owns the empty database. */
  readonly db: Database;
  readonly role: string;
  /** Connection to the same database as a superuser. */
  readonly superuser: Database;
}

const SESSION_SETTINGS = {
  statement_timeout: '30000',
  lock_timeout: '5000',
  // A function body may name an object that did not load.
  check_function_bodies: 'off',
};
/** Time limit for all statements together; statements after it are not loaded. */
const TIME_BUDGET_MS = 15 * 60_000;
/** Number of statements that are sent as one message. */
const BATCH_SIZE = 200;

/** Extensions that only a superuser may create, but that access neither files nor other servers. */
const HARMLESS_EXTENSIONS = new Set(
  (
    'amcheck autoinc bloom earthdistance insert_username intagg moddatetime pageinspect pg_buffercache ' +
    'pg_freespacemap pg_stat_statements pg_visibility pgrowlocks pgstattuple refint sslinfo'
  ).split(' '),
);

/** The object exists already, because every database has it. */
const ALREADY_EXISTS = /^(42P06|42710)$/;

interface PendingStatement {
  readonly sql: string;
  readonly decision: LoadDecision;
}

export class DumpLoader {
  /** Extensions that could not be created. */
  readonly extensions: RequiredExtension[] = [];
  /** Owners of schemas and of the objects in them, by {@link joinKey}. */
  readonly owners = new Map<string, string>();
  private readonly all: UnloadedObject[] = [];
  /** Names of objects that did not load. */
  private readonly failed = new Set<string>();
  private readonly roles: Set<string>;
  private readonly newRoles = new Set<string>();
  private waiting: PendingStatement[] = [];
  private connected: string | undefined;
  private readonly seen = { grants: false, settings: false };
  /** Roles that the dump names; empty if the dump has no GRANT or REVOKE, so that its privileges are unknown. */
  get namedRoles(): readonly string[] {
    if (!this.seen.grants) return [];
    const named = [...this.roles, ...this.owners.values()].filter((each) => each !== this.scratch.role);
    return named.length === 0 ? ['public'] : [...new Set(named)].sort();
  }

  private readonly deadline = Date.now() + TIME_BUDGET_MS;

  constructor(private readonly scratch: ScratchDatabase) {
    this.roles = new Set([scratch.role]);
  }

  reportNotChecked(what: string, why: string): void {
    this.all.push({ what, why });
  }

  /**
   * Notes the database that the dump connects to.
   * @throws {SourceProblem} at the second database
   */
  connects(to: string): void {
    if (this.connected !== undefined && this.connected !== to)
      throw new SourceProblem(
        'is a dump of several databases',
        'Write one of a single database: pg_dump --file=dump.sql DATABASE',
      );
    this.connected = to;
  }

  /** @throws {SourceProblem} */
  async take(node: Node, sql: string): Promise<void> {
    requireReadable(node);
    const decision = decideLoading(node);
    this.seen.grants ||= unwrapNode(node, 'GrantStmt') !== undefined;
    this.seen.settings ||=
      unwrapNode(node, 'AlterRoleSetStmt') !== undefined ||
      unwrapNode(node, 'AlterDatabaseSetStmt') !== undefined;
    const owned = readOwner(node);
    if (owned !== null) this.owners.set(joinKey(...owned.of), owned.owner);
    if (decision.does === 'nothing') return;
    if (decision.does === 'skip') return this.reportNotChecked(decision.what, decision.why!);
    for (const role of listStatementRoles(node))
      if (!this.roles.has(role) && !role.startsWith('pg_')) this.newRoles.add(role);
    const own = { sql: this.ofThisDatabase(node, sql), decision };
    if (decision.does === 'load' || decision.does === 'try') {
      this.waiting.push(own);
      if (this.waiting.length === BATCH_SIZE) await this.flush();
      return;
    }
    await this.flush();
    if (decision.does === 'extension') await this.extension(readRequiredExtension(node));
    else
      await this.attempt(own, () =>
        this.scratch.db.executeOutside(sql, SESSION_SETTINGS, { deadline: this.deadline }),
      );
  }

  async end(): Promise<readonly NotCheckedItem[]> {
    await this.flush();
    return [
      ...buildNotChecked(this.all),
      ...(this.seen.grants ? [] : [{ what: 'privileges', why: 'the dump has no GRANT' }]),
      ...(this.seen.settings
        ? []
        : [{ what: 'settings of roles and of the database', why: 'the dump has none' }]),
    ];
  }

  /** Replaces the name of the database in a statement by that of the scratch database. */
  private ofThisDatabase(node: Node, sql: string): string {
    const here = quoteIdentifier(this.scratch.role);
    if (unwrapNode(node, 'AlterDatabaseSetStmt'))
      return sql.replace(/^(\s*ALTER\s+DATABASE\s+)(?:"(?:[^"]|"")*"|[^\s"]+)/i, (_, alter) => alter + here);
    if (unwrapNode(node, 'GrantStmt')?.objtype === 'OBJECT_DATABASE')
      return sql.replace(/(\sON\s+DATABASE\s+)(?:"(?:[^"]|"")*"|[^\s"]+)/i, (_, on) => on + here);
    return sql;
  }

  private async flush(): Promise<void> {
    await this.makeRoles();
    let rest = this.waiting;
    this.waiting = [];
    while (rest.length > 0) {
      const transactions = rest.map(({ sql }) => ({ settings: SESSION_SETTINGS, statements: [sql] }));
      let failed = rest.length;
      try {
        await this.scratch.db.execute(transactions, { deadline: this.deadline });
      } catch (error) {
        failed = (error instanceof SqlError && error.transaction) || 0;
        this.refused(rest[failed]!, error);
      }
      rest = rest.slice(failed + 1);
    }
  }

  private async attempt(waiting: PendingStatement, work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.refused(waiting, error);
    }
  }

  private refused({ decision: { does, what } }: PendingStatement, error: unknown): void {
    if (!(error instanceof SqlError)) throw makeOverloadProblem();
    if (does === 'try' || (ALREADY_EXISTS.test(error.sqlstate) && /^(schema|extension|function)/.test(what)))
      return;
    const because = findCause(error.message, this.failed);
    this.all.push({
      what,
      why: safeServerMessage(error.sqlstate, error.message, error),
      ...(because === undefined ? {} : { because }),
    });
    const name = readObjectName(what);
    if (name !== null) this.failed.add(name);
  }

  /**
   * Creates the roles that the statements name, without login or privileges, and makes the loading role a member of
   * them, so that the dump can set their default privileges.
   */
  private async makeRoles(): Promise<void> {
    const { role: own, superuser } = this.scratch;
    for (const name of this.newRoles) {
      this.roles.add(name);
      const role = quoteIdentifier(name);
      const exists = `SELECT FROM pg_catalog.pg_roles WHERE rolname OPERATOR(pg_catalog.=) ${quoteLiteral(name)}`;
      if ((await superuser.query(exists)).length > 0) continue;
      await superuser.execute([
        { statements: [`CREATE ROLE ${role} NOLOGIN`, `GRANT ${role} TO ${quoteIdentifier(own)}`] },
      ]);
    }
    this.newRoles.clear();
  }

  private async extension(wanted: RequiredExtension): Promise<void> {
    const { name, schema } = wanted;
    const sql =
      `CREATE EXTENSION IF NOT EXISTS ${quoteIdentifier(name)}` +
      (schema === undefined ? '' : ` WITH SCHEMA ${quoteIdentifier(schema)}`);
    const by = HARMLESS_EXTENSIONS.has(name) ? this.scratch.superuser : this.scratch.db;
    try {
      await by.execute([{ settings: { statement_timeout: '60000' }, statements: [sql] }]);
    } catch (error) {
      if (!(error instanceof SqlError)) throw makeOverloadProblem();
      this.extensions.push(wanted);
      this.reportNotChecked(
        `extension ${name}`,
        error.sqlstate === '42501'
          ? 'it requires a superuser, and a dump is loaded without superuser rights'
          : 'the scratch server does not have it',
      );
    }
  }
}

const makeOverloadProblem = (): SourceProblem =>
  new SourceProblem(
    'cannot be loaded to the scratch server: it takes too long or crashed the server',
    'Write one without rows: pg_dump --schema-only --file=dump.sql DATABASE',
  );

/**
 * Rejects settings under which the server would read the dump's text differently than Trueup did.
 * @throws {SourceProblem}
 */
function requireReadable(node: Node): void {
  const set = unwrapNode(node, 'VariableSetStmt');
  const value = unwrapNode(set?.args?.[0], 'A_Const')?.sval?.sval ?? '';
  if (set?.name === 'client_encoding' && !/^(utf-?8|unicode|sql_ascii)$/i.test(value))
    throw makeEncodingProblem(value);
  if (set?.name === 'standard_conforming_strings' && !/^(on|true|yes|1)$/i.test(value))
    throw new SourceProblem(
      'has strings with backslash escapes (standard_conforming_strings is off)',
      'Write it again: PGOPTIONS="-c standard_conforming_strings=on" pg_dump --file=dump.sql DATABASE',
    );
}
