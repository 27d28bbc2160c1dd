import type { Command } from 'commander';
import { namesIn } from '../../../lambda/audit/names';
import { readOtherLedgers } from '../../../lambda/engine/ledger/other-tools';
import { asFound } from '../../adopt/baseline';
import type { Judged } from '../../adopt/entry';
import { isLocked, lockTableOf } from '../../adopt/knex-lock';
import { type LedgerSearch, ledgerOf } from '../../adopt/ledger';
import { type LeftOut, serviceSchemasIn } from '../../adopt/own-objects';
import { AdoptProblem } from '../../adopt/problem';
import { withoutLedger } from '../../adopt/statements';
import { type Understood, understand } from '../../adopt/tools';
import { loadParser } from '../../compiler/read/parser';
import type { Live } from '../database/prove';
import { requireFolder } from '../folder';
import { type DatabaseOptions, withConnection } from '../options';
import { setAction } from '../terminal/action';
import { type Adopted, adoptExitCode, adoptJson, printAdopted } from '../terminal/adopt';
import { UsageError } from '../terminal/failure';
import { printJson } from '../terminal/json';
import { progressView } from '../terminal/progress';
import type { Terminal } from '../terminal/terminal';
import { readOnlySession, repeated } from '../workload-sources';
import { requireNoFolder, writeFolder } from '../write-folder';

interface Options extends DatabaseOptions {
  readonly tool?: string;
  readonly ledger?: string;
  readonly output?: string;
  readonly baseline?: boolean;
  readonly placeholder?: readonly string[];
}

const STATEMENT_TIMEOUT_MS = 10 * 60_000;

export function registerAdopt(program: Command): void {
  const command = withConnection(
    program.command('adopt').argument('<folder>', "the other tool's folder of migrations"),
  )
    .description(
      'Takes over the migrations of another tool. Without a database it says what it understood. With one it proves ' +
        "what the tool's ledger says: the applied files are replayed on a temporary PostgreSQL, and each difference from " +
        'the database is a finding. With --output it writes the folder in our form, with what is applied marked as history ' +
        'and verify sections drafted. It only reads, in the folder and in the database.',
    )
    .option('--tool <name>', 'whose migrations they are (default: by the files)')
    .option('--ledger <table>', 'schema.table where the tool records what is applied (default: found)')
    .option(
      '--placeholder <name=value>',
      'what Flyway is configured to replace in the files; may be repeated',
      repeated,
    )
    .option(
      '--baseline',
      'take what the database holds as one migration, and not the files: for migrations in code, which only their tool can run',
    )
    .option('--output <folder>', 'write the folder in our form; it must not be there yet');
  setAction<Options>(command, async (terminal, options, folder) => {
    requireFolder(folder!);
    if (options.output !== undefined) requireNoFolder(options.output);
    await loadParser();
    try {
      const adopted = await adopt(
        terminal,
        options,
        understand(folder!, options.tool, { placeholders: placeholdersOf(options) }),
      );
      if (terminal.json) printJson(terminal, adoptJson(adopted));
      else printAdopted(terminal, adopted);
      return adoptExitCode(adopted);
    } catch (error) {
      if (error instanceof AdoptProblem) throw new UsageError(error.message, error.remedy);
      throw error;
    }
  });
}

async function adopt(terminal: Terminal, options: Options, understood: Understood): Promise<Adopted> {
  const { rules, content } = understood;
  const hasDatabase =
    options.databaseUrl ?? process.env.DATABASE_URL ?? process.env.PGHOST ?? process.env.PGDATABASE;
  if (!hasDatabase) {
    const asked = (['output', 'ledger', 'baseline'] as const).find((name) => options[name]);
    if (asked)
      throw new UsageError(
        `--${asked} needs the database that ${rules.tool} has migrated`,
        'Give --database-url: what is applied decides what is history.',
      );
    return { understood };
  }
  if (!options.baseline && content.entries.some(({ sql }) => sql === null)) throw codeProblem(understood);
  const { readLive, proveLedger } = await import('../database/prove.js');
  const { db, label } = await readOnlySession(options, STATEMENT_TIMEOUT_MS);
  let live: Live;
  let search: LedgerSearch;
  let locked = false;
  try {
    const progress = progressView(terminal);
    ({ live, search } = await progress.during(async () => {
      progress.now('reading the database');
      const all = await readOtherLedgers(db, null, { detail: true });
      const found = ledgerOf(all, rules, content, options.ledger);
      if (rules.tool === 'Knex' && found.ledger) locked = await isLocked(db, found.ledger.table);
      return { search: found, live: await readLive(db) };
    }));
  } finally {
    await db.close();
  }
  const { ledger } = search;
  const own = leftOut(understood, search, live);
  const judged = withoutItsLedger(
    ledger?.judgement.entries ?? content.entries.map((entry) => ({ entry, state: 'pending' })),
    ledger?.table,
  );
  const found = options.baseline ? asFound(live.catalogue, own, judged) : undefined;
  const taken: readonly Judged[] = found ? [{ entry: found.entry, state: 'applied' }] : judged;
  const proved = await proveLedger(terminal, live, taken, own);
  const known = { understood, label, search, judged, live, found, locked, ...(ledger ? { proved } : {}) };
  if (options.output === undefined) return known;
  const { convert } = await import('../../adopt/convert.js');
  const { applied, end } = proved;
  const converted = await convert({
    tool: rules.tool,
    judged: taken,
    rows: ledger?.rows ?? [],
    applied,
    end,
  });
  writeFolder(options.output, new Map(converted.files.map(({ name, text }) => [`${name}.sql`, text])));
  return { ...known, output: { folder: options.output, converted } };
}

function placeholdersOf({ placeholder = [] }: Options): ReadonlyMap<string, string> {
  return new Map(
    placeholder.map((each) => {
      const at = each.indexOf('=');
      if (at < 1) throw new UsageError(`\`${each}\` is no placeholder`, "Write --placeholder 'name=value'.");
      return [each.slice(0, at), each.slice(at + 1)] as const;
    }),
  );
}

/** A file may change the ledger of its own tool, which neither a server of our own nor a new database has. */
function withoutItsLedger(judged: readonly Judged[], table: string | undefined): readonly Judged[] {
  if (table === undefined) return judged;
  const [schema = '', name = ''] = namesIn(table);
  return judged.map((each): Judged => {
    const { file, sql } = each.entry;
    if (sql === null) return each;
    const { sql: rest, lines } = withoutLedger(file, sql, { schema, name });
    return lines.length === 0 ? each : { ...each, entry: { ...each.entry, sql: rest, ledgerLines: lines } };
  });
}

/** The tool's own tables, also those that are not about this folder, and its schemas; Trueup's is never read. */
function leftOut(
  { rules }: Understood,
  { ledger, others }: LedgerSearch,
  { catalogue, owner }: Live,
): LeftOut {
  const tables = [...(ledger ? [ledger.table] : []), ...others].map((table) => {
    const [schema = '', name = ''] = namesIn(table);
    return { schema, name };
  });
  if (rules.tool === 'Knex' && ledger) tables.push(lockTableOf(ledger.table));
  return { schemas: new Set([...(rules.schemas ?? []), ...serviceSchemasIn(catalogue)]), tables, owner };
}

function codeProblem({ rules, content }: Understood): AdoptProblem {
  const code = content.entries.filter(({ sql }) => sql === null);
  return new AdoptProblem(
    `${code.length} of the ${content.entries.length} migrations are code (${code[0]!.file}), which only ${rules.tool} can run`,
    'Take what the database holds as one migration: --baseline.',
  );
}
