/** What holds SQL of somebody's own: functions, views, triggers and rules. Written as it is, and run by nobody here. */
import type { EventTrigger } from '../../../../lambda/audit/catalogue/event-triggers';
import type { Routine } from '../../../../lambda/audit/catalogue/functions';
import type { Rule } from '../../../../lambda/audit/catalogue/rules';
import type { Trigger } from '../../../../lambda/audit/catalogue/triggers';
import type { View } from '../../../../lambda/audit/catalogue/views';
import { key } from '../../../../lambda/audit/names';
import { ParseFailure, parse } from '../../../compiler/read/parser';
import { isInSqlite } from '../../sources/sqlite/language';
import type { Context } from '../context';
import { belonging } from '../lookup';
import {
  array,
  literal,
  column as name,
  columns as names,
  qualifiedNames,
  relation,
  tableOf,
} from '../names';
import type { Part, Unwritten } from '../part';
import { optionOf } from './tables';

const whose = (what: string): string => `${what} is another one here than in the source: which is right?`;

export function functionPart(from: Routine, to: Routine | undefined): Part | Unwritten {
  const called = `${relation(from)}(${from.signature})`;
  const what = from.kind === 'procedure' ? 'Procedure' : from.kind === 'aggregate' ? 'Aggregate' : 'Function';
  if (to && (to.kind !== from.kind || to.returns !== from.returns || from.kind === 'aggregate'))
    return { unwritten: `${called} has another kind or result here, and CREATE OR REPLACE cannot change it` };
  const definition = from.definition.trim();
  if (from.kind !== 'aggregate' && !isUnderstood(definition))
    return {
      unwritten: `the parser that checks files, of a newer PostgreSQL, does not understand the definition of ${called}`,
    };
  const [head = ''] = definition.split(/\nAS /);
  // An aggregate may be called as the function that it needs.
  const unnamed = (text: string): string =>
    from.kind === 'aggregate' ? text : text.replace(relation(from), '');
  // Replaced is nothing that nobody has decided about.
  const create = to ? definition : definition.replace(/^CREATE OR REPLACE /, 'CREATE ');
  return {
    phase: 'function',
    group: `function ${called}`,
    title: `${what.toLowerCase()} ${from.name}`,
    about: [`${what} ${called}, as the source has it.`],
    decide: to ? [whose(called)] : [],
    up: [
      // Its body may name what is made later.
      'SET LOCAL check_function_bodies = off',
      from.kind === 'aggregate' ? aggregate(from) : create,
    ],
    verify: [`SELECT trueup.has_function(${literal(relation(from))}, ${signature(from)})`],
    makes: [key(from.schema, from.name)],
    ...(/^\s*BEGIN ATOMIC$/m.test(definition)
      ? { needs: unnamed(definition) }
      : { needs: unnamed(head), calls: definition.slice(head.length) }),
  };
}

/** An argument may be called `json`, which has become a word of the language. */
function isUnderstood(definition: string): boolean {
  try {
    parse(definition);
    return true;
  } catch (error) {
    if (error instanceof ParseFailure) return false;
    throw error;
  }
}

const signature = ({ signature: types }: Routine): string =>
  types === '' ? "'{}'" : array(types.split(/, (?=(?:[^"]*"[^"]*")*[^"]*$)/));

/** `SFUNC = int4pl(integer,integer), STYPE = integer, PARALLEL = s` */
function aggregate({ definition, ...routine }: Routine): string {
  const options = definition
    .replace(/((?:SFUNC|FINALFUNC|COMBINEFUNC|MSFUNC|SORTOP) = [^(]+)\([^)]*\)/g, '$1')
    .replace(
      /PARALLEL = (.)$/,
      (_, code: string) => `PARALLEL = ${{ s: 'SAFE', r: 'RESTRICTED' }[code] ?? 'UNSAFE'}`,
    );
  return `CREATE AGGREGATE ${relation(routine)}(${routine.signature === '' ? '*' : routine.signature}) (${options})`;
}

/** Replaced by a query of itself, it is there and can be neither read nor created; what is called is a function. */
const readsItself = (view: View, query: string): boolean =>
  [...qualifiedNames(query.replace(/"?[\w$]+"?\(/g, '('))].some(
    ([schema, called]) => schema === view.schema && called === view.name,
  );

export function viewPart(context: Context, from: View, to: View | undefined): Part | Unwritten {
  const view = relation(from);
  const query = from.definition.trim().replace(/;$/, '');
  const options = from.options?.length ? ` WITH (${from.options.map(optionOf).join(', ')})` : '';
  const what = from.materialized ? 'MATERIALIZED VIEW' : 'VIEW';
  const common = {
    phase: 'view' as const,
    group: `view ${view}`,
    title: `view ${from.name}`,
    about: [`${from.materialized ? 'Materialized view' : 'View'} ${view}, as the source has it.`],
    makes: [key(from.schema, from.name)],
    needs: query,
  };
  if (isInSqlite(from.definition)) return { unwritten: OTHER_LANGUAGE };
  if (readsItself(from, query)) return { unwritten: `${view} reads itself, and cannot be created` };
  const isTaken = [...context.target.tables, ...context.target.views].some(
    (each) => each.schema === from.schema && each.name === from.name,
  );
  if (to && to.materialized !== from.materialized) return { unwritten: TAKEN };
  if (!to && isTaken) return { unwritten: TAKEN };
  if (to?.materialized)
    return to.definition === from.definition && to.unpopulated
      ? {
          ...common,
          consents: { 'refresh-view': 'it has no data yet, so nobody can read it' },
          up: [`REFRESH MATERIALIZED VIEW ${view}`],
          verify: populated(view),
        }
      : { unwritten: 'a materialized view cannot be replaced: it has to be dropped and made again' };
  const isAppended = to?.columns.every((each, i) => from.columns[i] === each) ?? true;
  if (!isAppended)
    return {
      unwritten: 'CREATE OR REPLACE VIEW can only append columns: it has to be dropped and made again',
    };
  const create = `CREATE ${to ? 'OR REPLACE ' : ''}${what} ${view} (${names(from.columns)})${options} AS\n${query}`;
  return {
    ...common,
    decide: to ? [whose(view)] : [],
    up: [from.materialized && from.unpopulated ? `${create}\nWITH NO DATA` : create],
    verify:
      from.materialized && !from.unpopulated
        ? populated(view)
        : [
            `SELECT ${literal(`There is no view ${view}`)} WHERE pg_catalog.to_regclass(${literal(view)}) IS NULL`,
          ],
  };
}

const OTHER_LANGUAGE = "it is written in SQLite's language; write it in PostgreSQL's";
const TAKEN = 'its name is taken by something else here';

const populated = (view: string): string[] => [
  `SELECT ${literal(`${view} is missing, or has no data`)} WHERE NOT EXISTS (
  SELECT FROM pg_catalog.pg_class WHERE oid = pg_catalog.to_regclass(${literal(view)}) AND relispopulated)`,
];

const ENABLE = { never: 'DISABLE', 'on a replica': 'ENABLE REPLICA', always: 'ENABLE ALWAYS' } as const;
const CODE = { never: 'D', 'on a replica': 'R', always: 'A' } as const;

/** A trigger that was there before the generated column is kept, and cannot be created again. */
const comparesGenerated = ({ target }: Context, { schema, table, definition }: Trigger): boolean =>
  /\bBEFORE\b.* WHEN \(.*\bnew\.\*/is.test(definition) &&
  belonging(target.columns, { schema, name: table }).some(({ generated }) => generated !== undefined);

export function triggerPart(context: Context, from: Trigger, to: Trigger | undefined): Part | Unwritten {
  const table = tableOf(from);
  const own = name(from.name);
  const changed = to !== undefined && to.definition !== from.definition;
  if (isInSqlite(from.definition)) return { unwritten: OTHER_LANGUAGE };
  if ((!to || changed) && comparesGenerated(context, from))
    return {
      unwritten: `its condition is about all of NEW, and PostgreSQL refuses that while ${table} has a generated column: name the columns that it compares`,
    };
  const isConstraint = /^CREATE CONSTRAINT TRIGGER /.test(from.definition);
  if (changed && (context.major < 14 || isConstraint))
    return {
      unwritten: 'a trigger that is there cannot be replaced before PostgreSQL 14, nor a constraint trigger',
    };
  const firing =
    from.fires || to?.fires
      ? [`ALTER TABLE ${table} ${from.fires ? ENABLE[from.fires] : 'ENABLE'} TRIGGER ${own}`]
      : [];
  return {
    phase: 'trigger',
    group: `trigger ${table} ${own}`,
    title: `trigger ${from.table} ${from.name}`,
    about: [`Trigger ${own} on ${table}, as the source has it.`],
    decide: changed ? [whose(`trigger ${own} on ${table}`)] : [],
    up: [
      ...(to && !changed
        ? []
        : [changed ? from.definition.replace(/^CREATE /, 'CREATE OR REPLACE ') : from.definition]),
      ...firing,
    ],
    verify: [
      `SELECT ${literal(`Trigger ${own} on ${table} is missing, or fires otherwise than in the source`)} WHERE NOT EXISTS (
  SELECT FROM pg_catalog.pg_trigger WHERE tgrelid = pg_catalog.to_regclass(${literal(table)}) AND tgname = ${literal(from.name)}
    AND tgenabled = '${from.fires ? CODE[from.fires] : 'O'}')`,
    ],
  };
}

export function eventTriggerPart(from: EventTrigger, to: EventTrigger | undefined): Part | Unwritten {
  if (to)
    return {
      unwritten: 'an event trigger that is there cannot be replaced: it has to be dropped and made again',
    };
  const own = name(from.name);
  const tags = from.tags?.length ? ` WHEN TAG IN (${from.tags.map(literal).join(', ')})` : '';
  return {
    phase: 'trigger',
    group: `event trigger ${own}`,
    title: `event trigger ${from.name}`,
    about: [`Event trigger ${own}, as the source has it.`],
    decide: [
      `event trigger ${own} sees the DDL of the whole database, and only a superuser may make it (rds_superuser on RDS): who does?`,
    ],
    up: [
      `CREATE EVENT TRIGGER ${own} ON ${from.event}${tags} EXECUTE FUNCTION ${relation(from.function)}()`,
      ...(from.fires ? [`ALTER EVENT TRIGGER ${own} ${ENABLE[from.fires]}`] : []),
    ],
    verify: [
      `SELECT ${literal(`There is no event trigger ${own}`)} WHERE NOT EXISTS (
  SELECT FROM pg_catalog.pg_event_trigger WHERE evtname = ${literal(from.name)})`,
    ],
  };
}

export function rulePart(from: Rule, to: Rule | undefined): Part {
  const table = tableOf(from);
  const own = name(from.name);
  const changed = to !== undefined && to.definition !== from.definition;
  const definition = from.definition.replace(/;$/, '');
  const firing =
    from.fires || to?.fires
      ? [`ALTER TABLE ${table} ${from.fires ? ENABLE[from.fires] : 'ENABLE'} RULE ${own}`]
      : [];
  return {
    phase: 'trigger',
    group: `rule ${table} ${own}`,
    title: `rule ${from.table} ${from.name}`,
    about: [`Rule ${own} on ${table}, as the source has it.`],
    decide: changed ? [whose(`rule ${own} on ${table}`)] : [],
    up: [
      ...(to && !changed
        ? []
        : [changed ? definition.replace(/^CREATE RULE /, 'CREATE OR REPLACE RULE ') : definition]),
      ...firing,
    ],
    verify: [
      `SELECT ${literal(`Rule ${own} on ${table} is missing, or fires otherwise than in the source`)} WHERE NOT EXISTS (
  SELECT FROM pg_catalog.pg_rewrite WHERE ev_class = pg_catalog.to_regclass(${literal(table)}) AND rulename = ${literal(from.name)}
    AND ev_enabled = '${from.fires ? CODE[from.fires] : 'O'}')`,
    ],
  };
}
