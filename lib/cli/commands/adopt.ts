import type { Command } from 'commander';
import { parseNames } from '../../../lambda/audit/names';
import { readLedgersOfOtherTools } from '../../../lambda/engine/ledger/other-tools';
import { buildBaselineEntry } from '../../adopt/baseline-entry';
import type { EntryStatus } from '../../adopt/entry';
import { getLockTable, isLocked } from '../../adopt/knex-lock';
import { findLedger, type LedgerSearch } from '../../adopt/ledger';
import { type ExcludedObjects, listServiceSchemas } from '../../adopt/own-objects';
import { AdoptProblem } from '../../adopt/problem';
import { removeLedgerStatements } from '../../adopt/statements';
import { type ParsedToolFolder, readToolFolder } from '../../adopt/tools';
import { loadParser } from '../../compiler/read/parser';
import type { LiveDatabase } from '../database/prove';
import { requireFolder } from '../folder';
import { type DatabaseOptions, withConnection } from '../options';
import { setAction } from '../terminal/action';
import { type AdoptResult, buildAdoptJson, getAdoptExitCode, printAdoptResult } from '../terminal/adopt';
import { UsageError } from '../terminal/failure';
import { printJson } from '../terminal/json';
import { createProgressView } from '../terminal/progress';
import type { Terminal } from '../terminal/terminal';
import { collectValues, openReadOnlySession } from '../workload-sources';
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
      'Converts the migrations of another tool. Without a database it reports what it read. With one it compares ' +
        "the tool's ledger with the database: it replays the applied files on a temporary PostgreSQL and reports each " +
        'difference as a finding. With --output it writes a Trueup folder: applied migrations are marked as history, and ' +
        'verify sections are drafted. The original folder and the database are only read.',
    )
    .option('--tool <name>', 'tool that the migrations belong to (default: detected from the files)')
    .option(
      '--ledger <table>',
      'schema.table in which the tool records applied migrations (default: detected)',
    )
    .option('--placeholder <name=value>', 'value of a Flyway placeholder; may be repeated', collectValues)
    .option(
      '--baseline',
      'write one migration from the schema of the database instead of the files: for migrations in code, which only their tool can run',
    )
    .option('--output <folder>', 'folder to write; it must not exist');
  setAction<Options>(command, async (terminal, options, folder) => {
    requireFolder(folder!);
    if (options.output !== undefined) requireNoFolder(options.output);
    await loadParser();
    try {
      const adopted = await runAdopt(
        terminal,
        options,
        readToolFolder(folder!, options.tool, { placeholders: parsePlaceholders(options) }),
      );
      if (terminal.json) printJson(terminal, buildAdoptJson(adopted));
      else printAdoptResult(terminal, adopted);
      return getAdoptExitCode(adopted);
    } catch (error) {
      if (error instanceof AdoptProblem) throw new UsageError(error.message, error.remedy);
      throw error;
    }
  });
}

async function runAdopt(
  terminal: Terminal,
  options: Options,
  understood: ParsedToolFolder,
): Promise<AdoptResult> {
  const { rules, content } = understood;
  const hasDatabase =
    options.databaseUrl ?? process.env.DATABASE_URL ?? process.env.PGHOST ?? process.env.PGDATABASE;
  if (!hasDatabase) {
    const asked = (['output', 'ledger', 'baseline'] as const).find((name) => options[name]);
    if (asked)
      throw new UsageError(
        `--${asked} needs the database that ${rules.tool} has migrated`,
        'Give --database-url: its ledger shows which migrations are applied.',
      );
    return { understood };
  }
  if (!options.baseline && content.entries.some(({ sql }) => sql === null)) throw makeCodeProblem(understood);
  const { readLiveDatabase, proveLedger } = await import('../database/prove.js');
  const { db, label } = await openReadOnlySession(options, STATEMENT_TIMEOUT_MS);
  let live: LiveDatabase;
  let search: LedgerSearch;
  let locked = false;
  try {
    const progress = createProgressView(terminal);
    ({ live, search } = await progress.during(async () => {
      progress.now('reading the database');
      const all = await readLedgersOfOtherTools(db, null, { detail: true });
      const found = findLedger(all, rules, content, options.ledger);
      if (rules.tool === 'Knex' && found.ledger) locked = await isLocked(db, found.ledger.table);
      return { search: found, live: await readLiveDatabase(db) };
    }));
  } finally {
    await db.close();
  }
  const { ledger } = search;
  const own = listExcludedObjects(understood, search, live);
  const judged = excludeLedgerChanges(
    ledger?.judgment.entries ?? content.entries.map((entry) => ({ entry, state: 'pending' })),
    ledger?.table,
  );
  const found = options.baseline ? buildBaselineEntry(live.catalog, own, judged) : undefined;
  const taken: readonly EntryStatus[] = found ? [{ entry: found.entry, state: 'applied' }] : judged;
  const proved = await proveLedger(terminal, live, taken, own);
  const known = { understood, label, search, judged, live, found, locked, ...(ledger ? { proved } : {}) };
  if (options.output === undefined) return known;
  const { convertFolder } = await import('../../adopt/convert.js');
  const { applied, end } = proved;
  const converted = await convertFolder({
    tool: rules.tool,
    judged: taken,
    rows: ledger?.rows ?? [],
    applied,
    end,
  });
  writeFolder(options.output, new Map(converted.files.map(({ name, text }) => [`${name}.sql`, text])));
  return { ...known, output: { folder: options.output, converted } };
}

function parsePlaceholders({ placeholder = [] }: Options): ReadonlyMap<string, string> {
  return new Map(
    placeholder.map((each) => {
      const at = each.indexOf('=');
      if (at < 1)
        throw new UsageError(`\`${each}\` is not a placeholder`, "Write --placeholder 'name=value'.");
      return [each.slice(0, at), each.slice(at + 1)] as const;
    }),
  );
}

/**
 * Removes statements that change the tool's own ledger, which exists neither on our temporary server nor in a new
 * database.
 */
function excludeLedgerChanges(
  judged: readonly EntryStatus[],
  table: string | undefined,
): readonly EntryStatus[] {
  if (table === undefined) return judged;
  const [schema = '', name = ''] = parseNames(table);
  return judged.map((each): EntryStatus => {
    const { file, sql } = each.entry;
    if (sql === null) return each;
    const { sql: rest, lines } = removeLedgerStatements(file, sql, { schema, name });
    return lines.length === 0 ? each : { ...each, entry: { ...each.entry, sql: rest, ledgerLines: lines } };
  });
}

/**
 * Lists what the comparison leaves out: the tool's schemas and its own tables, including those of other folders.
 * Trueup's own schema is never read.
 */
function listExcludedObjects(
  { rules }: ParsedToolFolder,
  { ledger, others }: LedgerSearch,
  { catalog, owner }: LiveDatabase,
): ExcludedObjects {
  const tables = [...(ledger ? [ledger.table] : []), ...others].map((table) => {
    const [schema = '', name = ''] = parseNames(table);
    return { schema, name };
  });
  if (rules.tool === 'Knex' && ledger) tables.push(getLockTable(ledger.table));
  return { schemas: new Set([...(rules.schemas ?? []), ...listServiceSchemas(catalog)]), tables, owner };
}

function makeCodeProblem({ rules, content }: ParsedToolFolder): AdoptProblem {
  const code = content.entries.filter(({ sql }) => sql === null);
  return new AdoptProblem(
    `${code.length} of the ${content.entries.length} migrations are code (${code[0]!.file}), which only ${rules.tool} can run`,
    'Use --baseline to write one migration from the schema of the database.',
  );
}
