/**
 * Runs the statements of a dump. They may be a stranger's: they run as a role without a superuser's rights, each by
 * itself and for a limited time. What has to be a superuser's, roles and some extensions, is said in words of our own.
 */
import type { Node } from 'libpg-query';
import { key } from '../../../../lambda/audit/names';
import type { NotSeen } from '../../../../lambda/audit/not-seen';
import { type Database, SqlError } from '../../../../lambda/postgres/database';
import { safeServerMessage } from '../../../../lambda/postgres/server-words';
import { quoteIdentifier, quoteLiteral } from '../../../../lambda/sql/quote';
import { as } from '../../../compiler/read/tree';
import { otherEncoding, SourceProblem } from '../problem';
import { becauseOf, nameIn, notSeenOf, type Unseen } from './report';
import { type Decision, decide, type ExtensionWanted, extensionOf, ownerIn, rolesIn } from './statement';

export interface ScratchDatabase {
  /** Connected as {@link ScratchDatabase.role}, which owns the empty database. */
  readonly db: Database;
  readonly role: string;
  /** To the same database. */
  readonly superuser: Database;
}

const SETTINGS = {
  statement_timeout: '30000',
  lock_timeout: '5000',
  // What a body names may not have loaded.
  check_function_bodies: 'off',
};
/** All statements together; what comes later is not seen. */
const BUDGET_MS = 15 * 60_000;
/** Sent as one message. */
const AT_ONCE = 200;

/** Extensions that only a superuser makes, and that reach neither files nor other servers. */
const HARMLESS = new Set(
  (
    'amcheck autoinc bloom earthdistance insert_username intagg moddatetime pageinspect pg_buffercache ' +
    'pg_freespacemap pg_stat_statements pg_visibility pgrowlocks pgstattuple refint sslinfo'
  ).split(' '),
);

/** It is there already: as every database has it. */
const IS_THERE = /^(42P06|42710)$/;

interface Waiting {
  readonly sql: string;
  readonly decision: Decision;
}

export class Loader {
  /** That were not to be had. */
  readonly extensions: ExtensionWanted[] = [];
  /** Of schemas and what is in them, by {@link key}. */
  readonly owners = new Map<string, string>();
  private readonly all: Unseen[] = [];
  /** Names of what did not load. */
  private readonly failed = new Set<string>();
  private readonly roles: Set<string>;
  private readonly newRoles = new Set<string>();
  private waiting: Waiting[] = [];
  private connected: string | undefined;
  private readonly seen = { grants: false, settings: false };
  private readonly deadline = Date.now() + BUDGET_MS;

  constructor(private readonly scratch: ScratchDatabase) {
    this.roles = new Set([scratch.role]);
  }

  unseen(what: string, why: string): void {
    this.all.push({ what, why });
  }

  /** @throws {SourceProblem} at the second database */
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
    const decision = decide(node);
    this.seen.grants ||= as(node, 'GrantStmt') !== undefined;
    this.seen.settings ||=
      as(node, 'AlterRoleSetStmt') !== undefined || as(node, 'AlterDatabaseSetStmt') !== undefined;
    const owned = ownerIn(node);
    if (owned !== null) this.owners.set(key(...owned.of), owned.owner);
    if (decision.does === 'nothing') return;
    if (decision.does === 'not seen') return this.unseen(decision.what, decision.why!);
    for (const role of rolesIn(node))
      if (!this.roles.has(role) && !role.startsWith('pg_')) this.newRoles.add(role);
    const own = { sql: this.ofThisDatabase(node, sql), decision };
    if (decision.does === 'load' || decision.does === 'try') {
      this.waiting.push(own);
      if (this.waiting.length === AT_ONCE) await this.flush();
      return;
    }
    await this.flush();
    if (decision.does === 'extension') await this.extension(extensionOf(node));
    else
      await this.attempt(own, () =>
        this.scratch.db.executeOutside(sql, SETTINGS, { deadline: this.deadline }),
      );
  }

  async end(): Promise<readonly NotSeen[]> {
    await this.flush();
    return [
      ...notSeenOf(this.all),
      ...(this.seen.grants ? [] : [{ what: 'privileges', why: 'the dump has no GRANT' }]),
      ...(this.seen.settings
        ? []
        : [{ what: 'settings of roles and of the database', why: 'the dump has none' }]),
    ];
  }

  /** The database has another name here. */
  private ofThisDatabase(node: Node, sql: string): string {
    const here = quoteIdentifier(this.scratch.role);
    if (as(node, 'AlterDatabaseSetStmt'))
      return sql.replace(/^(\s*ALTER\s+DATABASE\s+)(?:"(?:[^"]|"")*"|[^\s"]+)/i, (_, alter) => alter + here);
    if (as(node, 'GrantStmt')?.objtype === 'OBJECT_DATABASE')
      return sql.replace(/(\sON\s+DATABASE\s+)(?:"(?:[^"]|"")*"|[^\s"]+)/i, (_, on) => on + here);
    return sql;
  }

  private async flush(): Promise<void> {
    await this.makeRoles();
    let rest = this.waiting;
    this.waiting = [];
    while (rest.length > 0) {
      const transactions = rest.map(({ sql }) => ({ settings: SETTINGS, statements: [sql] }));
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

  private async attempt(waiting: Waiting, work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.refused(waiting, error);
    }
  }

  private refused({ decision: { does, what } }: Waiting, error: unknown): void {
    if (!(error instanceof SqlError)) throw tooMuch();
    if (does === 'try' || (IS_THERE.test(error.sqlstate) && /^(schema|extension|function)/.test(what)))
      return;
    const because = becauseOf(error.message, this.failed);
    this.all.push({
      what,
      why: safeServerMessage(error.sqlstate, error.message, error),
      ...(because === undefined ? {} : { because }),
    });
    const name = nameIn(what);
    if (name !== null) this.failed.add(name);
  }

  /** As a group without rights: statements may name it, and default privileges may be its own. */
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

  private async extension(wanted: ExtensionWanted): Promise<void> {
    const { name, schema } = wanted;
    const sql =
      `CREATE EXTENSION IF NOT EXISTS ${quoteIdentifier(name)}` +
      (schema === undefined ? '' : ` WITH SCHEMA ${quoteIdentifier(schema)}`);
    const by = HARMLESS.has(name) ? this.scratch.superuser : this.scratch.db;
    try {
      await by.execute([{ settings: { statement_timeout: '60000' }, statements: [sql] }]);
    } catch (error) {
      if (!(error instanceof SqlError)) throw tooMuch();
      this.extensions.push(wanted);
      this.unseen(
        `extension ${name}`,
        error.sqlstate === '42501'
          ? 'only a superuser may make it, and a dump is loaded without'
          : 'the scratch server does not have it',
      );
    }
  }
}

const tooMuch = (): SourceProblem =>
  new SourceProblem(
    'cannot be loaded to the scratch server: it takes too long, or ended the server',
    'Write one without rows: pg_dump --schema-only --file=dump.sql DATABASE',
  );

/** The text would be read otherwise than it was here. @throws {SourceProblem} */
function requireReadable(node: Node): void {
  const set = as(node, 'VariableSetStmt');
  const value = as(set?.args?.[0], 'A_Const')?.sval?.sval ?? '';
  if (set?.name === 'client_encoding' && !/^(utf-?8|unicode|sql_ascii)$/i.test(value))
    throw otherEncoding(value);
  if (set?.name === 'standard_conforming_strings' && !/^(on|true|yes|1)$/i.test(value))
    throw new SourceProblem(
      'has strings in which a backslash escapes (standard_conforming_strings is off)',
      'Write it again: PGOPTIONS="-c standard_conforming_strings=on" pg_dump --file=dump.sql DATABASE',
    );
}
