/** Repairs comments, publications and settings. */
import type { Comment } from '../../../../lambda/audit/catalog/comments';
import type { Publication } from '../../../../lambda/audit/catalog/publications';
import type { Setting } from '../../../../lambda/audit/catalog/settings';
import { buildOnlyClause } from '../../../../lambda/audit/inheritance';
import {
  listQualifiedNames,
  quoteName as name,
  quoteNames as names,
  quoteRelation,
  quoteRole,
  quoteText,
} from '../names';
import { buildRoleQuestions, type RepairContext } from '../repair-context';
import type { RepairStep } from '../repair-step';

export function buildCommentStep(object: string, comments: readonly Comment[]): RepairStep {
  const isTable = (on: string): boolean => on === 'table' || on === 'table column';
  return {
    phase: 'comment',
    group: `comments on ${object}`,
    title: `comments on ${object}`,
    ...findCommentTable(comments),
    about: [`Comments of the source on ${object}.`],
    up: comments.map(
      ({ on, object: of, comment }) => `COMMENT ON ${formatCommentTarget(on, of)} IS ${quoteText(comment)}`,
    ),
    verify: comments.some(({ on }) => isTable(on))
      ? comments.flatMap(({ on, object: of, comment }) => {
          if (on === 'table')
            return [`SELECT trueup.table_comment_is(${quoteText(of)}, ${quoteText(comment)})`];
          const [, table, column] = /^(.*)\.("(?:[^"]|"")+"|[^."]+)$/s.exec(of) ?? [];
          return on === 'table column' && table !== undefined
            ? [
                `SELECT trueup.col_comment_is(${quoteText(table)}, ${quoteText(column!)}, ${quoteText(comment)})`,
              ]
            : [];
        })
      : [],
    down: comments.map(({ on, object: of }) => `COMMENT ON ${formatCommentTarget(on, of)} IS NULL`),
  };
}

/** Finds the table of comments on a table and its columns. */
function findCommentTable(comments: readonly Comment[]): Pick<RepairStep, 'table'> {
  const first = comments.find(({ on }) => on === 'table' || on === 'table column');
  const [found] = first ? [...listQualifiedNames(first.object)] : [];
  return found ? { table: { schema: found[0], name: found[1] } } : {};
}

/** Converts a type of pg_identify_object() to the syntax of COMMENT ON. The server has quoted the names already. */
function formatCommentTarget(on: string, object: string): string {
  if (/ column$/.test(on)) return `COLUMN ${object}`;
  if (on === 'table constraint') return `CONSTRAINT ${object}`;
  if (on === 'domain constraint') return `CONSTRAINT ${object.replace(/ on /, ' ON DOMAIN ')}`;
  const kinds: Readonly<Record<string, string>> = { 'composite type': 'TYPE', 'partitioned table': 'TABLE' };
  return `${(kinds[on] ?? on).toUpperCase()} ${object}`;
}

export function buildPublicationStep(
  context: RepairContext,
  from: Publication,
  to: Publication | undefined,
): RepairStep {
  const own = name(from.name);
  const has = new Set(context.target.tables.map(quoteRelation));
  const listed = (from.tables ?? []).filter((each) => has.has(quoteRelation(each)));
  const what = from.allTables
    ? ['ALL TABLES']
    : [
        // Before PostgreSQL 15, TABLE may occur only once.
        ...listed.map(
          (each, i) =>
            `${i === 0 ? 'TABLE ' : ''}${buildOnlyClause(context.target, each)}${quoteRelation(each)}${each.columns ? ` (${names(each.columns)})` : ''}${each.where ? ` WHERE (${stripBrackets(each.where)})` : ''}`,
        ),
        ...(from.schemas ?? []).map((schema) => `TABLES IN SCHEMA ${name(schema)}`),
      ];
  const options = [
    `publish = ${quoteText(from.publishes.join(', '))}`,
    ...(from.viaRoot
      ? ['publish_via_partition_root = true']
      : to?.viaRoot
        ? ['publish_via_partition_root = false']
        : []),
  ];
  const whole = from.allTables || (from.schemas ?? []).length > 0;
  return {
    phase: 'publication',
    group: `publication ${own}`,
    title: `publication ${from.name}`,
    about: [`Publication ${own}, as the source has it.`],
    decide: [
      ...(to ? [`publication ${own} differs from the source. Which definition should it have?`] : []),
      ...(whole
        ? [
            `publication ${own} includes all tables of the database or of a schema and requires a superuser (rds_superuser on RDS). Who will create it?`,
          ]
        : []),
    ],
    up: to
      ? [
          ...(what.length > 0 && !from.allTables ? [`ALTER PUBLICATION ${own} SET ${what.join(', ')}`] : []),
          `ALTER PUBLICATION ${own} SET (${options.join(', ')})`,
        ]
      : [
          `CREATE PUBLICATION ${own}${what.length > 0 ? ` FOR ${what.join(', ')}` : ''} WITH (${options.join(', ')})`,
        ],
    verify: [
      `SELECT ${quoteText(`There is no publication ${own}`)} WHERE NOT EXISTS (
  SELECT FROM pg_catalog.pg_publication WHERE pubname = ${quoteText(from.name)})`,
      ...listed.map(
        (each) => `SELECT ${quoteText(`${own} does not publish ${quoteRelation(each)}`)} WHERE NOT EXISTS (
  SELECT FROM pg_catalog.pg_publication_rel r JOIN pg_catalog.pg_publication p ON p.oid = r.prpubid
  WHERE p.pubname = ${quoteText(from.name)} AND r.prrelid = pg_catalog.to_regclass(${quoteText(quoteRelation(each))}))`,
      ),
    ],
  };
}

const stripBrackets = (expression: string): string => /^\((.*)\)$/s.exec(expression)?.[1] ?? expression;

/** Formats the value of search_path, such as `shop, "$user"`. No other setting here is a list of names. */
const formatNames = (list: string): string =>
  [...list.matchAll(/"(?:[^"]|"")*"|[^\s,"]+/g)]
    .map(([each]) =>
      name(each.startsWith('"') ? each.slice(1, -1).replaceAll('""', '"') : each.toLowerCase()),
    )
    .join(', ') || "''";

/** Changes a setting of the current database, whatever its name is. */
export function buildSettingStep(context: RepairContext, from: Setting, to: Setting | undefined): RepairStep {
  const { role: whose, name: setting, inDatabase, value } = from;
  const values = setting.toLowerCase() === 'search_path' ? formatNames(value) : quoteText(value);
  const clause = `SET ${setting} = ${values.replaceAll('%', '%%')}`;
  const where =
    whose === undefined
      ? 'ALTER DATABASE %I'
      : `ALTER ROLE ${quoteRole(whose).replaceAll('%', '%%')} IN DATABASE %I`;
  const isRoleAlone = whose !== undefined && !inDatabase;
  return {
    phase: 'setting',
    group: `setting ${setting} of ${whose ?? 'the database'}`,
    title: `setting ${setting}${whose === undefined ? '' : ` of ${whose}`}`,
    about: [`${setting}, which affects the meaning of SQL, as in the source.`],
    decide: [
      ...(to ? [`${setting} differs from the source. Which value should it have?`] : []),
      ...buildRoleQuestions(context, whose === undefined ? [] : [whose]),
    ],
    ...(isRoleAlone
      ? {}
      : {
          consents: {
            'opaque-code': 'the block changes a setting of the current database, whatever its name is',
          },
        }),
    up: [
      isRoleAlone
        ? `ALTER ROLE ${quoteRole(whose)} SET ${setting} = ${values}`
        : `DO $$ BEGIN EXECUTE pg_catalog.format(${quoteText(`${where} ${clause}`)}, pg_catalog.current_database()); END $$`,
    ],
    verify: [
      `SELECT ${quoteText(`${setting} is not set as in the source`)} WHERE NOT EXISTS (
  SELECT FROM pg_catalog.pg_db_role_setting s, pg_catalog.unnest(s.setconfig) AS line
  WHERE pg_catalog.lower(line) LIKE ${quoteText(`${setting.toLowerCase()}=%`)}
    AND s.setrole = ${whose === undefined ? '0' : `pg_catalog.to_regrole(${quoteText(quoteRole(whose))})`}
    AND (s.setdatabase = 0) = ${inDatabase ? 'false' : 'true'})`,
    ],
  };
}
