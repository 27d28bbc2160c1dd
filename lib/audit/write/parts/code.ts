/** Repairs functions, views, triggers and rules. Their SQL is written unchanged and never run by the audit. */
import type { EventTrigger } from '../../../../lambda/audit/catalog/event-triggers';
import type { Routine } from '../../../../lambda/audit/catalog/functions';
import type { Rule } from '../../../../lambda/audit/catalog/rules';
import type { Trigger } from '../../../../lambda/audit/catalog/triggers';
import type { View } from '../../../../lambda/audit/catalog/views';
import { joinKey } from '../../../../lambda/audit/names';
import { ParseFailure, parseSql } from '../../../compiler/read/parser';
import { isSqliteText } from '../../sources/sqlite/language';
import { findByTable } from '../lookup';
import {
  listQualifiedNames,
  quoteName as name,
  quoteNames as names,
  quoteArray,
  quoteRelation,
  quoteTable,
  quoteText,
} from '../names';
import type { RepairContext } from '../repair-context';
import type { RepairStep, Unrepairable } from '../repair-step';
import { formatOption } from './tables';

const buildDifferenceQuestion = (what: string): string =>
  `${what} differs from the source. Which definition should it have?`;

export function buildFunctionStep(from: Routine, to: Routine | undefined): RepairStep | Unrepairable {
  const called = `${quoteRelation(from)}(${from.signature})`;
  const what = from.kind === 'procedure' ? 'Procedure' : from.kind === 'aggregate' ? 'Aggregate' : 'Function';
  if (to && (to.kind !== from.kind || to.returns !== from.returns || from.kind === 'aggregate'))
    return {
      unwritten: `${called} has a different kind or result type here, which CREATE OR REPLACE cannot change`,
    };
  const definition = from.definition.trim();
  if (from.kind !== 'aggregate' && !isParsable(definition))
    return {
      unwritten: `the parser that checks migration files is of a newer PostgreSQL version and does not understand the definition of ${called}`,
    };
  const [head = ''] = definition.split(/\nAS /);
  // An aggregate may have the same name as a function that it needs.
  const unnamed = (text: string): string =>
    from.kind === 'aggregate' ? text : text.replace(quoteRelation(from), '');
  // Without a decision, nothing may be replaced, so CREATE must fail if the function exists.
  const create = to ? definition : definition.replace(/^CREATE OR REPLACE /, 'CREATE ');
  return {
    phase: 'function',
    group: `function ${called}`,
    title: `${what.toLowerCase()} ${from.name}`,
    about: [`${what} ${called}, as the source has it.`],
    decide: to ? [buildDifferenceQuestion(called)] : [],
    up: [
      // The body may name objects that are created later.
      'SET LOCAL check_function_bodies = off',
      from.kind === 'aggregate' ? buildAggregateSql(from) : create,
    ],
    verify: [`SELECT trueup.has_function(${quoteText(quoteRelation(from))}, ${formatSignature(from)})`],
    makes: [joinKey(from.schema, from.name)],
    ...(to
      ? {}
      : {
          creates: [
            { on: 'function', schema: from.schema, name: from.name, signature: from.signature },
          ] as const,
        }),
    ...(/^\s*BEGIN ATOMIC$/m.test(definition)
      ? { needs: unnamed(definition) }
      : { needs: unnamed(head), calls: definition.slice(head.length) }),
  };
}

/** Whether the parser accepts the definition. For example, an argument may be named `json`, which is a keyword now. */
function isParsable(definition: string): boolean {
  try {
    parseSql(definition);
    return true;
  } catch (error) {
    if (error instanceof ParseFailure) return false;
    throw error;
  }
}

const formatSignature = ({ signature: types }: Routine): string =>
  types === '' ? "'{}'" : quoteArray(types.split(/, (?=(?:[^"]*"[^"]*")*[^"]*$)/));

/** Builds CREATE AGGREGATE from a definition such as `SFUNC = int4pl(integer,integer), STYPE = integer, PARALLEL = s`. */
function buildAggregateSql({ definition, ...routine }: Routine): string {
  const options = definition
    .replace(/((?:SFUNC|FINALFUNC|COMBINEFUNC|MSFUNC|SORTOP) = [^(]+)\([^)]*\)/g, '$1')
    .replace(
      /PARALLEL = (.)$/,
      (_, code: string) => `PARALLEL = ${{ s: 'SAFE', r: 'RESTRICTED' }[code] ?? 'UNSAFE'}`,
    );
  return `CREATE AGGREGATE ${quoteRelation(routine)}(${routine.signature === '' ? '*' : routine.signature}) (${options})`;
}

/** Whether a view reads itself, which CREATE OR REPLACE VIEW allows: such a view can be neither read nor created. */
const readsItself = (view: View, query: string): boolean =>
  [...listQualifiedNames(query.replace(/"?[\w$]+"?\(/g, '('))].some(
    ([schema, called]) => schema === view.schema && called === view.name,
  );

export function buildViewStep(
  context: RepairContext,
  from: View,
  to: View | undefined,
): RepairStep | Unrepairable {
  const view = quoteRelation(from);
  const query = from.definition.trim().replace(/;$/, '');
  const options = from.options?.length ? ` WITH (${from.options.map(formatOption).join(', ')})` : '';
  const what = from.materialized ? 'MATERIALIZED VIEW' : 'VIEW';
  const common = {
    phase: 'view' as const,
    group: `view ${view}`,
    title: `view ${from.name}`,
    about: [`${from.materialized ? 'Materialized view' : 'View'} ${view}, as the source has it.`],
    makes: [joinKey(from.schema, from.name)],
    needs: query,
  };
  if (isSqliteText(from.definition)) return { unwritten: SQLITE_LANGUAGE_REASON };
  if (readsItself(from, query)) return { unwritten: `${view} reads itself, so it cannot be created` };
  const isTaken = [...context.target.tables, ...context.target.views].some(
    (each) => each.schema === from.schema && each.name === from.name,
  );
  if (to && to.materialized !== from.materialized) return { unwritten: NAME_TAKEN };
  if (!to && isTaken) return { unwritten: NAME_TAKEN };
  if (to?.materialized)
    return to.definition === from.definition && to.unpopulated
      ? {
          ...common,
          consents: { 'refresh-view': 'it has no data yet, so no session can read it' },
          up: [`REFRESH MATERIALIZED VIEW ${view}`],
          verify: buildPopulatedCheck(view),
        }
      : { unwritten: 'a materialized view cannot be replaced: drop it and create it again' };
  const isAppended = to?.columns.every((each, i) => from.columns[i] === each) ?? true;
  if (!isAppended)
    return {
      unwritten: 'CREATE OR REPLACE VIEW can only append columns: drop the view and create it again',
    };
  const create = `CREATE ${to ? 'OR REPLACE ' : ''}${what} ${view} (${names(from.columns)})${options} AS\n${query}`;
  return {
    ...common,
    ...(to ? {} : { creates: [{ on: 'table', schema: from.schema, name: from.name }] as const }),
    decide: to ? [buildDifferenceQuestion(view)] : [],
    up: [from.materialized && from.unpopulated ? `${create}\nWITH NO DATA` : create],
    verify:
      from.materialized && !from.unpopulated
        ? buildPopulatedCheck(view)
        : [
            `SELECT ${quoteText(`There is no view ${view}`)} WHERE pg_catalog.to_regclass(${quoteText(view)}) IS NULL`,
          ],
  };
}

const SQLITE_LANGUAGE_REASON = "it is in SQLite's SQL dialect; rewrite it for PostgreSQL";
const NAME_TAKEN = 'another object here has its name';

const buildPopulatedCheck = (view: string): string[] => [
  `SELECT ${quoteText(`${view} is missing, or has no data`)} WHERE NOT EXISTS (
  SELECT FROM pg_catalog.pg_class WHERE oid = pg_catalog.to_regclass(${quoteText(view)}) AND relispopulated)`,
];

const ENABLE_CLAUSES = {
  never: 'DISABLE',
  'on a replica': 'ENABLE REPLICA',
  always: 'ENABLE ALWAYS',
} as const;
const ENABLED_CODES = { never: 'D', 'on a replica': 'R', always: 'A' } as const;

/** Whether the condition compares all of NEW. Such a trigger can only be older than the table's generated column. */
const comparesGenerated = ({ target }: RepairContext, { schema, table, definition }: Trigger): boolean =>
  /\bBEFORE\b.* WHEN \(.*\bnew\.\*/is.test(definition) &&
  findByTable(target.columns, { schema, name: table }).some(({ generated }) => generated !== undefined);

export function buildTriggerStep(
  context: RepairContext,
  from: Trigger,
  to: Trigger | undefined,
): RepairStep | Unrepairable {
  const table = quoteTable(from);
  const own = name(from.name);
  const changed = to !== undefined && to.definition !== from.definition;
  if (isSqliteText(from.definition)) return { unwritten: SQLITE_LANGUAGE_REASON };
  if ((!to || changed) && comparesGenerated(context, from))
    return {
      unwritten: `its condition uses all of NEW, which PostgreSQL refuses while ${table} has a generated column: name the compared columns instead`,
    };
  const isConstraint = /^CREATE CONSTRAINT TRIGGER /.test(from.definition);
  if (changed && (context.major < 14 || isConstraint))
    return {
      unwritten:
        'PostgreSQL cannot replace an existing constraint trigger, and before version 14 no existing trigger at all',
    };
  const firing =
    from.fires || to?.fires
      ? [`ALTER TABLE ${table} ${from.fires ? ENABLE_CLAUSES[from.fires] : 'ENABLE'} TRIGGER ${own}`]
      : [];
  return {
    phase: 'trigger',
    group: `trigger ${table} ${own}`,
    title: `trigger ${from.table} ${from.name}`,
    table: { schema: from.schema, name: from.table },
    about: [`Trigger ${own} on ${table}, as the source has it.`],
    decide: changed ? [buildDifferenceQuestion(`trigger ${own} on ${table}`)] : [],
    up: [
      ...(to && !changed
        ? []
        : [changed ? from.definition.replace(/^CREATE /, 'CREATE OR REPLACE ') : from.definition]),
      ...firing,
    ],
    verify: [
      `SELECT ${quoteText(`Trigger ${own} on ${table} is missing, or its firing mode differs from the source`)} WHERE NOT EXISTS (
  SELECT FROM pg_catalog.pg_trigger WHERE tgrelid = pg_catalog.to_regclass(${quoteText(table)}) AND tgname = ${quoteText(from.name)}
    AND tgenabled = '${from.fires ? ENABLED_CODES[from.fires] : 'O'}')`,
    ],
  };
}

export function buildEventTriggerStep(
  from: EventTrigger,
  to: EventTrigger | undefined,
): RepairStep | Unrepairable {
  if (to)
    return {
      unwritten: 'an existing event trigger cannot be replaced: drop it and create it again',
    };
  const own = name(from.name);
  const tags = from.tags?.length ? ` WHEN TAG IN (${from.tags.map(quoteText).join(', ')})` : '';
  return {
    phase: 'trigger',
    group: `event trigger ${own}`,
    title: `event trigger ${from.name}`,
    about: [`Event trigger ${own}, as the source has it.`],
    decide: [
      `event trigger ${own} affects the whole database and requires a superuser (rds_superuser on RDS). Who will create it?`,
    ],
    up: [
      `CREATE EVENT TRIGGER ${own} ON ${from.event}${tags} EXECUTE FUNCTION ${quoteRelation(from.function)}()`,
      ...(from.fires ? [`ALTER EVENT TRIGGER ${own} ${ENABLE_CLAUSES[from.fires]}`] : []),
    ],
    verify: [
      `SELECT ${quoteText(`There is no event trigger ${own}`)} WHERE NOT EXISTS (
  SELECT FROM pg_catalog.pg_event_trigger WHERE evtname = ${quoteText(from.name)})`,
    ],
  };
}

export function buildRuleStep(from: Rule, to: Rule | undefined): RepairStep {
  const table = quoteTable(from);
  const own = name(from.name);
  const changed = to !== undefined && to.definition !== from.definition;
  const definition = from.definition.replace(/;$/, '');
  const firing =
    from.fires || to?.fires
      ? [`ALTER TABLE ${table} ${from.fires ? ENABLE_CLAUSES[from.fires] : 'ENABLE'} RULE ${own}`]
      : [];
  return {
    phase: 'trigger',
    group: `rule ${table} ${own}`,
    title: `rule ${from.table} ${from.name}`,
    table: { schema: from.schema, name: from.table },
    about: [`Rule ${own} on ${table}, as the source has it.`],
    decide: changed ? [buildDifferenceQuestion(`rule ${own} on ${table}`)] : [],
    up: [
      ...(to && !changed
        ? []
        : [changed ? definition.replace(/^CREATE RULE /, 'CREATE OR REPLACE RULE ') : definition]),
      ...firing,
    ],
    verify: [
      `SELECT ${quoteText(`Rule ${own} on ${table} is missing, or its firing mode differs from the source`)} WHERE NOT EXISTS (
  SELECT FROM pg_catalog.pg_rewrite WHERE ev_class = pg_catalog.to_regclass(${quoteText(table)}) AND rulename = ${quoteText(from.name)}
    AND ev_enabled = '${from.fires ? ENABLED_CODES[from.fires] : 'O'}')`,
    ],
  };
}
