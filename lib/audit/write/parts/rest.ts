/** Comments, publications and settings. */
import type { Comment } from '../../../../lambda/audit/catalogue/comments';
import type { Publication } from '../../../../lambda/audit/catalogue/publications';
import type { Setting } from '../../../../lambda/audit/catalogue/settings';
import { onlyIn } from '../../../../lambda/audit/inheritance';
import { asksForRoles, type Context } from '../context';
import { literal, column as name, columns as names, relation, role } from '../names';
import type { Part } from '../part';

export function commentPart(object: string, comments: readonly Comment[]): Part {
  const isTable = (on: string): boolean => on === 'table' || on === 'table column';
  return {
    phase: 'comment',
    group: `comments on ${object}`,
    title: `comments on ${object}`,
    about: [`What the source says of ${object}.`],
    up: comments.map(({ on, object: of, comment }) => `COMMENT ON ${target(on, of)} IS ${literal(comment)}`),
    verify: comments.some(({ on }) => isTable(on))
      ? comments.flatMap(({ on, object: of, comment }) => {
          if (on === 'table') return [`SELECT trueup.table_comment_is(${literal(of)}, ${literal(comment)})`];
          const [, table, column] = /^(.*)\.("(?:[^"]|"")+"|[^."]+)$/s.exec(of) ?? [];
          return on === 'table column' && table !== undefined
            ? [`SELECT trueup.col_comment_is(${literal(table)}, ${literal(column!)}, ${literal(comment)})`]
            : [];
        })
      : [],
    down: comments.map(({ on, object: of }) => `COMMENT ON ${target(on, of)} IS NULL`),
  };
}

/** As pg_identify_object() calls it, in the words of COMMENT ON; names are quoted by the server already. */
function target(on: string, object: string): string {
  if (/ column$/.test(on)) return `COLUMN ${object}`;
  if (on === 'table constraint') return `CONSTRAINT ${object}`;
  if (on === 'domain constraint') return `CONSTRAINT ${object.replace(/ on /, ' ON DOMAIN ')}`;
  const kinds: Readonly<Record<string, string>> = { 'composite type': 'TYPE', 'partitioned table': 'TABLE' };
  return `${(kinds[on] ?? on).toUpperCase()} ${object}`;
}

export function publicationPart(context: Context, from: Publication, to: Publication | undefined): Part {
  const own = name(from.name);
  const has = new Set(context.target.tables.map(relation));
  const listed = (from.tables ?? []).filter((each) => has.has(relation(each)));
  const what = from.allTables
    ? ['ALL TABLES']
    : [
        // Before 15 the word stands once.
        ...listed.map(
          (each, i) =>
            `${i === 0 ? 'TABLE ' : ''}${onlyIn(context.target, each)}${relation(each)}${each.columns ? ` (${names(each.columns)})` : ''}${each.where ? ` WHERE (${unwrapped(each.where)})` : ''}`,
        ),
        ...(from.schemas ?? []).map((schema) => `TABLES IN SCHEMA ${name(schema)}`),
      ];
  const options = [
    `publish = ${literal(from.publishes.join(', '))}`,
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
      ...(to ? [`publication ${own} publishes something else here than in the source: which is right?`] : []),
      ...(whole
        ? [
            `publication ${own} is of all tables of the database or of a schema, and only a superuser may make it (rds_superuser on RDS): who does?`,
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
      `SELECT ${literal(`There is no publication ${own}`)} WHERE NOT EXISTS (
  SELECT FROM pg_catalog.pg_publication WHERE pubname = ${literal(from.name)})`,
      ...listed.map(
        (each) => `SELECT ${literal(`${own} does not publish ${relation(each)}`)} WHERE NOT EXISTS (
  SELECT FROM pg_catalog.pg_publication_rel r JOIN pg_catalog.pg_publication p ON p.oid = r.prpubid
  WHERE p.pubname = ${literal(from.name)} AND r.prrelid = pg_catalog.to_regclass(${literal(relation(each))}))`,
      ),
    ],
  };
}

const unwrapped = (expression: string): string => /^\((.*)\)$/s.exec(expression)?.[1] ?? expression;

/** `shop, "$user"`: the only setting of these that is a list of names. */
const namesOf = (list: string): string =>
  [...list.matchAll(/"(?:[^"]|"")*"|[^\s,"]+/g)]
    .map(([each]) =>
      name(each.startsWith('"') ? each.slice(1, -1).replaceAll('""', '"') : each.toLowerCase()),
    )
    .join(', ') || "''";

/** Of the database that it is run in, whatever that is called. */
export function settingPart(context: Context, from: Setting, to: Setting | undefined): Part {
  const { role: whose, name: setting, inDatabase, value } = from;
  const values = setting.toLowerCase() === 'search_path' ? namesOf(value) : literal(value);
  const clause = `SET ${setting} = ${values.replaceAll('%', '%%')}`;
  const where =
    whose === undefined
      ? 'ALTER DATABASE %I'
      : `ALTER ROLE ${role(whose).replaceAll('%', '%%')} IN DATABASE %I`;
  const isRoleAlone = whose !== undefined && !inDatabase;
  return {
    phase: 'setting',
    group: `setting ${setting} of ${whose ?? 'the database'}`,
    title: `setting ${setting}${whose === undefined ? '' : ` of ${whose}`}`,
    about: [`${setting}, which says what SQL means, as in the source.`],
    decide: [
      ...(to ? [`${setting} is another one here than in the source: which is right?`] : []),
      ...asksForRoles(context, whose === undefined ? [] : [whose]),
    ],
    ...(isRoleAlone
      ? {}
      : { consents: { 'unseen-code': 'the block sets a setting of this database, whatever it is called' } }),
    up: [
      isRoleAlone
        ? `ALTER ROLE ${role(whose)} SET ${setting} = ${values}`
        : `DO $$ BEGIN EXECUTE pg_catalog.format(${literal(`${where} ${clause}`)}, pg_catalog.current_database()); END $$`,
    ],
    verify: [
      `SELECT ${literal(`${setting} is not set as in the source`)} WHERE NOT EXISTS (
  SELECT FROM pg_catalog.pg_db_role_setting s, pg_catalog.unnest(s.setconfig) AS line
  WHERE pg_catalog.lower(line) LIKE ${literal(`${setting.toLowerCase()}=%`)}
    AND s.setrole = ${whose === undefined ? '0' : `pg_catalog.to_regrole(${literal(role(whose))})`}
    AND (s.setdatabase = 0) = ${inDatabase ? 'false' : 'true'})`,
    ],
  };
}
